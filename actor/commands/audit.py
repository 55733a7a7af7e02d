"""``user-miner audit``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument, JsonOption

__all__ = ["audit"]


def audit(
    journal: JournalArgument = None,
    *,
    rules: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Python file with more rules; repeatable.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Judge by this rule only; repeatable.")] = None,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a whole journal by named rules. It also accounts for windows, time and posts."""
    from audit.audit import run_audit  # noqa: PLC0415

    raise typer.Exit(run_audit(named_or_own(journal, env_file), as_json=as_json, rules=rules or (), names=rule or ()))
