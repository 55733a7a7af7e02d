"""``user-miner copy``: a journal from a folder into a database, or back, byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from audit.errors import UsageError
from events.journal import locate
from events.journal.postgres.address import Address, is_address
from user_miner.databases import needs_driver
from user_miner.terminal import in_one_line, interruptible, progress, tell

__all__ = ["copy", "run_copy"]


def copy(
    source: Annotated[str, typer.Argument(help="A journal's folder, or the URL of a database with #HOTKEY behind it")],
    target: Annotated[str, typer.Argument(help="The URL of a database, or the folder that holds journals")],
) -> None:
    """Copy a journal from a folder into a database, or back. Both sides are compared, and the source stays."""
    with interruptible(lambda: "the same command goes on where this one was"):
        raise typer.Exit(run_copy(source, target))


@in_one_line
def run_copy(source: str, target: str) -> int:
    """Copy and compare; 1 when the source is damaged, 2 when one of them cannot be used."""
    if is_address(source) == is_address(target):
        raise UsageError("expected a folder and the URL of a database: which one is the source, comes first")
    with needs_driver(), progress("copying") as on_progress:
        from events.journal.postgres.copying import to_database, to_folder  # noqa: PLC0415  (loads the driver)

        if is_address(target):
            journal, address = locate(Path(source)), Address.parse(target)
            if address.journal is not None:
                raise UsageError("the journal's first record names its hotkey: leave out what stands behind #")
            done = asyncio.run(to_database(journal, address, on_progress=on_progress))
        else:
            done = asyncio.run(to_folder(Address.parse(source), Path(target).absolute(), on_progress=on_progress))
    tell(
        f"{done.target}: {done.records} records copied, {done.head.seq} in all, the same as in the source by each byte "
        f"and up to the hash {done.head.hash}\n"
        "run no miner on the source any more: it would not know what is paid for and sent from here on\n"
    )
    return 0
