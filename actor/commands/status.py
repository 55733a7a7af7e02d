"""``user-miner status``: its options, and where the journal is by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.options import JsonOption

__all__ = ["status"]


def status(
    *,
    journal: Annotated[
        Path | None, typer.Option(help="A journal, or a folder that holds exactly one [default: JOURNAL_DIR]")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    env_file: Annotated[Path | None, typer.Option(help="Settings file with JOURNAL_DIR [default: .miner_env]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the miner does now: its process, state, window, posts, costs, and what went wrong last."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415
    from actor.settings import SettingsError, load_journal_dir  # noqa: PLC0415
    from audit.status import run_status  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    try:
        directory = journal or load_journal_dir(env_file or Path(".miner_env"), required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    now_ms = SystemClock().now_ms
    raise typer.Exit(run_status(directory, watching=watch, as_json=as_json, now_ms=now_ms))
