"""``user-miner verify``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.options import JournalArgument, JsonOption

__all__ = ["verify"]


def verify(
    journal: JournalArgument,
    *,
    as_json: JsonOption = False,
    hotkey: Annotated[
        str | None, typer.Option(metavar="SS58", help="Check that this hotkey vouches for the history.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere; was the journal rolled back since? Needs --hotkey."),
    ] = None,
) -> None:
    """Check every byte of a journal against its hash chain."""
    from actor.edges.hotkey import is_signed_by, is_ss58  # noqa: PLC0415
    from audit.verify import run_verify  # noqa: PLC0415

    if hotkey is not None and not is_ss58(hotkey):
        raise typer.BadParameter(f"{hotkey!r} is no ss58 address", param_hint="--hotkey")
    if checkpoint is not None and hotkey is None:
        raise typer.BadParameter("needs --hotkey, whose signature it bears", param_hint="--checkpoint")
    raise typer.Exit(
        run_verify(journal, as_json=as_json, hotkey=hotkey, checkpoint=checkpoint, is_signed_by=is_signed_by)
    )
