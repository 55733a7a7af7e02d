"""A journal folded by this build's machine: every record with its event and the states around it. Reads only.

A record that this build would not have written is an error here: what a reader says about a journal is never a guess.
``audit.check`` compares the two in detail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from actor.machine import INITIAL, IllegalEventError, State, step
from events.catalogue import Event
from events.journal import Record

__all__ = ["FoldError", "Step", "folded", "steps"]


class FoldError(Exception):
    """This build's machine does not agree with a record; the message names it."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One record, today's reading of its event, and this build's states before and after it."""

    record: Record
    event: Event
    before: State
    after: State


def steps(records: Iterable[Record], before: State = INITIAL) -> Iterator[Step]:
    """The steps of a journal that is read from its first record, or from one with the state ``before`` it.

    Raises:
        FoldError: This build cannot read a record, refuses it, or comes to another state.
    """
    for record in records:
        if record.source != before.state:
            raise FoldError(f"record {record.seq} says from {record.source}, this build is in {before.state} there")
        try:
            event = record.event()
            after = step(before, event, record.at_ms)
        except IllegalEventError as error:
            raise FoldError(f"record {record.seq}: {error}") from error
        except ValueError as error:
            raise FoldError(str(error)) from error
        if record.dest != after.state:
            raise FoldError(f"record {record.seq} says to {record.dest}, this build goes to {after.state}")
        yield Step(record, event, before, after)
        before = after


def folded(records: Iterable[Record]) -> Iterator[tuple[Record, State]]:
    """Each record with the state after it; raises as `steps` does."""
    return ((found.record, found.after) for found in steps(records))
