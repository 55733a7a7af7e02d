"""A journal folded by this build's machine: every record with the state after it. Reads only.

A record that this build would not have written is an error here: what a reader says about a journal is never a guess.
``audit.check`` compares the two in detail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actor.machine import INITIAL, State, fold_record
from events.journal import Record

__all__ = ["FoldError", "folded"]


class FoldError(Exception):
    """This build's machine does not agree with a record; the message names it."""


def folded(records: Iterable[Record]) -> Iterator[tuple[Record, State]]:
    """Each record with the state after it.

    Raises:
        FoldError: This build cannot read the record, refuses it, or comes to another state.
    """
    state = INITIAL
    for record in records:
        if record.source != state.state:
            raise FoldError(f"record {record.seq} says from {record.source}, this build is in {state.state} there")
        try:
            state = fold_record(state, record)
        except ValueError as error:  # IllegalEventError is one
            raise FoldError(str(error)) from error
        if record.dest != state.state:
            raise FoldError(f"record {record.seq} says to {record.dest}, this build goes to {state.state}")
        yield record, state
