"""``user-miner verify``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.options import JsonOption

__all__ = ["verify"]


def verify(
    journal: Annotated[Path | None, typer.Argument(help="A journal, or a folder that holds exactly one.")] = None,
    *,
    as_json: JsonOption = False,
    hotkey: Annotated[
        str | None, typer.Option(metavar="SS58", help="Check that this hotkey vouches for the history.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere; was the journal rolled back since? Needs --hotkey."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A file of `export --dispute`, checked by itself, in place of a journal.")
    ] = None,
) -> None:
    """Check every byte of a journal against its hash chain, or a dispute bundle against its signatures."""
    from actor.edges.hotkey import is_signed_by, is_ss58  # noqa: PLC0415
    from audit.dispute import run_check_bundle  # noqa: PLC0415
    from audit.verify import run_verify  # noqa: PLC0415

    if bundle is not None and checkpoint is not None:
        raise typer.BadParameter("speaks of a journal: it does not go with --bundle", param_hint="--checkpoint")
    if hotkey is not None and not is_ss58(hotkey):
        raise typer.BadParameter(f"{hotkey!r} is no ss58 address", param_hint="--hotkey")
    if checkpoint is not None and hotkey is None:
        raise typer.BadParameter("needs --hotkey, whose signature it bears", param_hint="--checkpoint")
    if bundle is not None and journal is None:
        raise typer.Exit(run_check_bundle(bundle, hotkey=hotkey, as_json=as_json, is_signed_by=is_signed_by))
    if journal is None or bundle is not None:
        raise typer.BadParameter("expected either a journal or --bundle FILE", param_hint="JOURNAL")
    raise typer.Exit(
        run_verify(journal, as_json=as_json, hotkey=hotkey, checkpoint=checkpoint, is_signed_by=is_signed_by)
    )
