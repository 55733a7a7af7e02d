"""Answers from a journal's index where there is one, else from the journal itself. The answer is the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import typer

from audit.errors import UsageError
from audit.index import SPOILED, Index, open_index
from user_miner.terminal import note, progress

__all__ = ["NoIndexOption", "Source", "answered"]

# What an answer was made from, as ``--json`` names it.
Source: TypeAlias = Literal["index", "journal"]
T = TypeVar("T")

NoIndexOption: TypeAlias = Annotated[
    bool, typer.Option("--no-index", help="Read the whole journal, and neither use nor make its index.")
]


def answered(
    journal: Path,
    by_index: Callable[[Index], T | None],
    by_journal: Callable[[], T],
    *,
    use: bool = True,
    build: bool = True,
    reach_bytes: int | None = None,
) -> tuple[T, Source]:
    """An answer, and what it was made from.

    Args:
        journal: The journal's folder.
        by_index: Makes the answer from the index, and prints nothing; None where the index cannot give it.
        by_journal: Makes it from the journal alone.
        use: Whether an index may be used.
        build: Whether one is made where there is none.
        reach_bytes: Use none that ends so much before the journal; None for no limit.
    """
    if use and (index := _opened(journal, build=build, reach_bytes=reach_bytes)) is not None:
        try:
            if (answer := by_index(index)) is not None:
                return answer, "index"
        except UsageError:
            raise
        except SPOILED as error:
            with suppress(OSError):
                index.discard()
            note(f"the index {index.path} is thrown away: {error}")
        finally:
            index.close()
    return by_journal(), "journal"


def _opened(journal: Path, *, build: bool, reach_bytes: int | None) -> Index | None:
    with progress("indexing") as on_progress:
        return open_index(
            journal,
            build=build,
            reach_bytes=reach_bytes,
            on_note=note,
            on_progress=lambda seq: on_progress(seq, 0),
        )
