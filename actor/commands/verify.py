"""``user-miner verify``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument, JsonOption

__all__ = ["verify"]


def verify(
    journal: JournalArgument = None,
    *,
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
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every byte of a journal by hashes and signatures. With --bundle, a dispute bundle by its signatures."""
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
    directory = named_or_own(journal, env_file)
    raise typer.Exit(
        run_verify(directory, as_json=as_json, hotkey=hotkey, checkpoint=checkpoint, is_signed_by=is_signed_by)
    )
