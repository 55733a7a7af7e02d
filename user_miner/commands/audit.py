"""``user-miner audit``: every rule and the accounting over a whole journal, as text or JSON. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from audit.judge.audit import Audit, AuditReport
from audit.judge.text import as_text, report_fields
from audit.rules.load import all_rules
from events.describe import inert_json
from events.journal import JournalReader, locate
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
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a whole journal against named rules. It also accounts for windows, time and posts."""
    raise typer.Exit(run_audit(named_or_own(journal, env_file), as_json=as_json, rules=rules or (), names=rule or ()))


@in_one_line
def run_audit(directory: Path, *, as_json: bool, rules: Sequence[Path] = (), names: Sequence[str] = ()) -> int:
    """Print the report; 0 without a finding, 1 with one or when the journal is damaged, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        as_json: JSON instead of text.
        rules: Files with more rules.
        names: Judge by these rules only; empty for all.
    """
    chosen = all_rules(rules, names)
    journal = locate(directory)
    reader = JournalReader(journal)
    audit = Audit(chosen, journal)
    for record in watched(reader, "auditing"):
        audit.take(record)
    report = audit.report()
    if as_json:
        tell(_as_json(journal, report, reader.tail_bytes))
    else:
        tell(as_text(journal, report, reader.tail_bytes))
    return 0 if report.ok else 1


def _as_json(journal: Path, report: AuditReport, tail_bytes: int) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return inert_json(orjson.dumps(report_fields(journal, report, tail_bytes), option=options).decode())
