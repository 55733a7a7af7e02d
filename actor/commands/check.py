"""``user-miner check``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument, JsonOption

__all__ = ["check"]


def check(
    journal: JournalArgument = None,
    *,
    to_the_end: Annotated[bool, typer.Option("--all", help="Go on after the first divergence.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try this build on a journal, record by record. Would it have decided the same?"""
    from importlib.metadata import version  # noqa: PLC0415

    from audit.check import run_check  # noqa: PLC0415

    raise typer.Exit(
        run_check(named_or_own(journal, env_file), build=version("user-miner"), to_the_end=to_the_end, as_json=as_json)
    )
