"""Where an audit of a part of a journal begins and ends, found by reading the journal or by its index. Reads only.

Both ways find the same: the first record of the time that was asked for or of a later one, and what this build folds of
all records before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from actor.machine.history import FoldError, steps
from audit.index import Index
from audit.rules import Beginning
from events.journal import Record

__all__ = ["begun_by_index", "begun_by_journal", "up_to"]

_START: Final = "ActorStarted"


def begun_by_journal(records: Iterable[Record], since_ms: int) -> tuple[Beginning | None, Iterator[Record]]:
    """What lies before the first record of this time (unix milliseconds) or later, and that record and all others.

    Raises:
        FoldError: This build does not follow a record before it.
    """
    left = iter(records)
    held: list[Record] = []

    def early() -> Iterator[Record]:
        for record in left:
            if record.at_ms >= since_ms:
                held.append(record)
                return
            yield record

    begun, first_hash, start = None, "", None
    try:
        for step in steps(early()):
            first_hash = first_hash or step.record.hash
            start = step.record if step.record.name == _START else start
            begun = step
    except FoldError as error:
        raise FoldError(f"{error}; an audit of a part begins with what was folded before: audit the whole") from error
    rest = chain(held, left)
    if begun is None:
        return None, rest
    return Beginning(state=begun.after, last=begun.record, first_hash=first_hash, start=start), rest


def begun_by_index(index: Index, since_ms: int) -> tuple[Beginning | None, Iterator[Record]]:
    """The same, as the index has it."""
    first, last = index.seq_since(since_ms), index.record_count
    records = index.records(first, last)
    if first == 1:
        return None, records
    started = index.last_before(first, _START)
    (opening,) = index.records(1, 1)
    (before,) = index.records(first - 1, first - 1)
    start = None if started is None else next(index.records(started, started))
    state = index.state_at(first - 1)
    return Beginning(state=state, last=before, first_hash=opening.hash, start=start), records


def up_to(records: Iterator[Record], until_ms: int | None) -> Iterator[Record]:
    """The records before the first one of a later time; that one and all others are read, too, for their chain."""
    for record in records:
        if until_ms is not None and record.at_ms > until_ms:
            break
        yield record
    for _ in records:
        pass
