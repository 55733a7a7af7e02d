"""``user-miner audit``: every rule and the accounting over a journal or a part of it, as text or JSON. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from audit.filters import parse_filters
from audit.index import Index
from audit.judge.audit import Audit, AuditReport
from audit.judge.since import begun_by_index, begun_by_journal, up_to
from audit.judge.text import as_text, report_fields
from audit.rules import Beginning, Rule
from audit.rules.load import all_rules
from events.describe import inert_json
from events.journal import JournalReader, Record, locate
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.options import EnvFileOption, JournalArgument, JsonOption, named_or_own
from user_miner.terminal import in_one_line, tell, watched

__all__ = ["audit", "run_audit"]


def audit(
    journal: JournalArgument = None,
    *,
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
    raise typer.Exit(
        run_audit(
            named_or_own(journal, env_file),
            as_json=as_json,
            rules=rules or (),
            names=rule or (),
            since=since,
            until=until,
            no_index=no_index,
        )
    )


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
    chosen = all_rules(rules, names)
    limits = parse_filters(since=since, until=until)
    journal = locate(directory)

    def by_index(index: Index) -> tuple[AuditReport, int]:
        begun, records = begun_by_index(index, limits.since_ms or 0)
        return _audited(chosen, journal, begun, up_to(records, limits.until_ms)), index.tail_bytes

    def by_journal() -> tuple[AuditReport, int]:
        reader = JournalReader(journal)
        begun, records = None, watched(reader, "auditing")
        if limits.since_ms is not None:
            begun, records = begun_by_journal(records, limits.since_ms)
        return _audited(chosen, journal, begun, up_to(records, limits.until_ms)), reader.tail_bytes

    use = limits.since_ms is not None and not no_index
    (report, tail_bytes), source = answered(journal, by_index, by_journal, use=use)
    tell(_as_json(journal, report, tail_bytes, source) if as_json else as_text(journal, report, tail_bytes))
    return 0 if report.ok else 1


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
