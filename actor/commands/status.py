"""``user-miner status``: its options, and where the journal is by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JsonOption

__all__ = ["status"]


def status(
    *,
    journal: Annotated[
        Path | None, typer.Option(help="A journal, or a folder that holds exactly one [default: JOURNAL_DIR]")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the miner does now. Its process, state, window, posts, costs, and what went wrong last."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415
    from audit.status import run_status  # noqa: PLC0415

    directory = named_or_own(journal, env_file)
    now_ms = SystemClock().now_ms
    raise typer.Exit(run_status(directory, watching=watch, as_json=as_json, now_ms=now_ms))
