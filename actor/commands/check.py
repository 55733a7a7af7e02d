"""``user-miner check``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from actor.commands.options import JournalArgument, JsonOption

__all__ = ["check"]


def check(
    journal: JournalArgument,
    *,
    to_the_end: Annotated[bool, typer.Option("--all", help="Go on after the first divergence.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try this build on a journal: would it have decided the same, record by record?"""
    from importlib.metadata import version  # noqa: PLC0415

    from audit.check import run_check  # noqa: PLC0415

    raise typer.Exit(run_check(journal, build=version("user-miner"), to_the_end=to_the_end, as_json=as_json))
