"""``user-miner replay``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from actor.commands.options import JournalArgument, JsonOption

__all__ = ["replay"]


def replay(
    journal: JournalArgument,
    *,
    as_json: JsonOption = False,
    at: Annotated[int | None, typer.Option(metavar="SEQ", min=0, help="Print the state after this record.")] = None,
) -> None:
    """Read a journal from its first record: what happened, in order."""
    from audit.replay import run_replay  # noqa: PLC0415

    raise typer.Exit(run_replay(journal, as_json=as_json, at=at))
