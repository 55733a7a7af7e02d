"""``user-miner audit``: every rule and the accounting over a journal or a part of it, as text or JSON. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from audit.filters import Filters, parse_filters
from audit.index import Index
from audit.judge.audit import Audit, AuditReport
from audit.judge.since import begun_by_index, begun_by_journal, up_to
from audit.judge.text import as_text, report_fields
from audit.rules import Beginning, Rule
from audit.rules.load import all_rules
from events.describe import inert_json
from events.journal import JournalReader, Record, locate
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.journals import AllOption, JournalRow, WhoseOption, chosen, over_all
from user_miner.options import EnvFileOption, JournalArgument, JsonOption
from user_miner.terminal import in_one_line, tell, watched

__all__ = ["audit", "audit_all", "run_audit"]


def audit(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    all_journals: AllOption = False,
    rules: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Python file with more rules; repeatable.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Check this rule only; repeatable.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Judge only what happened from this UTC day or time on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Judge only what happened up to this UTC day or time.")
    ] = None,
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a journal against named rules. It also accounts for windows, time and posts."""
    asked: dict[str, Any] = {
        "rules": rules or (),
        "names": rule or (),
        "since": since,
        "until": until,
        "no_index": no_index,
    }
    if all_journals:
        raise typer.Exit(audit_all(journal, env_file, hotkey, as_json=as_json, **asked))
    raise typer.Exit(run_audit(chosen(journal, env_file, hotkey), as_json=as_json, **asked))


_HEADS: Final = ("records", "findings", "windows used", "missed")


@in_one_line
def audit_all(directory: Path | None, env_file: Path | None, hotkey: str | None, *, as_json: bool, **asked: Any) -> int:
    """Print a line for each journal; the rest as of `run_audit`."""
    judged = _judge(**asked)

    def look(journal: Path) -> JournalRow:
        report, tail_bytes, source = judged(journal)
        windows = report.accounts.windows
        findings = len(report.findings) + sum(report.more.values())
        missed = sum(windows.missed.values())
        cells = tuple(map(str, (report.records, findings, windows.used, missed)))
        fields = {**report_fields(journal, report, tail_bytes), "source": source}
        return JournalRow(cells=cells, fields=fields, code=0 if report.ok else 1)

    return over_all(directory, env_file, hotkey, _HEADS, look, as_json=as_json)


@in_one_line
def run_audit(
    directory: Path,
    *,
    as_json: bool,
    rules: Sequence[Path] = (),
    names: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
    no_index: bool = False,
) -> int:
    """Print the report; 0 without a finding, 1 with one or when the journal is damaged, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        as_json: JSON instead of text.
        rules: Files with more rules.
        names: Judge by these rules only; empty for all.
        since: The first UTC day or time that is judged; None for all from the first record on.
        until: The last one; None for all up to the last record.
        no_index: Read the journal alone.
    """
    judged = _judge(rules=rules, names=names, since=since, until=until, no_index=no_index)
    journal = locate(directory)
    report, tail_bytes, source = judged(journal)
    tell(_as_json(journal, report, tail_bytes, source) if as_json else as_text(journal, report, tail_bytes))
    return 0 if report.ok else 1


def _judge(
    *, rules: Sequence[Path], names: Sequence[str], since: str | None, until: str | None, no_index: bool
) -> Callable[[Path], tuple[AuditReport, int, Source]]:
    """What judges a journal: its report, the bytes behind its last record, and what it was made from."""
    chosen_rules = all_rules(rules, names)
    limits = parse_filters(since=since, until=until)
    return partial(_judged, chosen_rules, limits, use=limits.since_ms is not None and not no_index)


def _judged(
    rules: Sequence[type[Rule]], limits: Filters, journal: Path, *, use: bool
) -> tuple[AuditReport, int, Source]:
    def by_index(index: Index) -> tuple[AuditReport, int]:
        begun, records = begun_by_index(index, limits.since_ms or 0)
        return _audited(rules, journal, begun, up_to(records, limits.until_ms)), index.tail_bytes

    def by_journal() -> tuple[AuditReport, int]:
        reader = JournalReader(journal)
        begun, records = None, watched(reader, "auditing")
        if limits.since_ms is not None:
            begun, records = begun_by_journal(records, limits.since_ms)
        return _audited(rules, journal, begun, up_to(records, limits.until_ms)), reader.tail_bytes

    (report, tail_bytes), source = answered(journal, by_index, by_journal, use=use)
    return report, tail_bytes, source


def _audited(
    rules: Sequence[type[Rule]], journal: Path, begun: Beginning | None, records: Iterable[Record]
) -> AuditReport:
    audit = Audit(rules, journal, begun)
    for record in records:
        audit.take(record)
    return audit.report()


def _as_json(journal: Path, report: AuditReport, tail_bytes: int, source: Source) -> str:
    data = {**report_fields(journal, report, tail_bytes), "source": source}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return inert_json(orjson.dumps(data, option=options).decode())
