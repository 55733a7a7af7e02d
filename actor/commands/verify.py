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
        str | None,
        typer.Option(
            metavar="SS58",
            help="Who must have signed, in place of the hotkey that the first record names. Compares the states that "
            "were signed, too.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere: was the history rolled back or rewritten since?"),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A file of `export --dispute`, checked by itself; with a journal, also as its excerpt."),
    ] = None,
) -> None:
    """Check every byte of a journal against hash chain and signatures, or a dispute bundle against its signatures."""
    from actor.edges.hotkey import is_signed_by, is_ss58  # noqa: PLC0415
    from audit.dispute import run_check_bundle  # noqa: PLC0415
    from audit.verify import run_verify  # noqa: PLC0415

    if hotkey is not None and not is_ss58(hotkey):
        raise typer.BadParameter(f"{hotkey!r} is no ss58 address", param_hint="--hotkey")
    if bundle is not None:
        code = run_check_bundle(
            bundle,
            hotkey=hotkey,
            as_json=as_json,
            is_signed_by=is_signed_by,
            directory=journal,
            checkpoint=checkpoint,
        )
        raise typer.Exit(code)
    if journal is None:
        raise typer.BadParameter("expected a journal, --bundle FILE, or both", param_hint="JOURNAL")
    raise typer.Exit(
        run_verify(journal, as_json=as_json, hotkey=hotkey, checkpoint=checkpoint, is_signed_by=is_signed_by)
    )
