"""``step``: the one place where a state becomes the next one. Pure: no clock, no randomness, no IO.

event -> step(state, event) -> append the record, fsync -> adopt the new state -> perform wanted(state)
"""

from __future__ import annotations

from collections.abc import Iterable

from actor.machine.reduce import apply
from actor.machine.state import INITIAL, IllegalEventError, State
from actor.machine.table import destination, is_allowed
from events.catalogue import Event
from events.codec import changed
from events.journal.record import Record

__all__ = ["IllegalEventError", "fold", "fold_record", "step"]


def step(state: State, event: Event, at_ms: int) -> State:
    """The state after ``event`` happened at ``at_ms`` (unix milliseconds).

    Raises:
        IllegalEventError: The table or the data does not allow it; nothing has changed.
    """
    name = type(event).__name__
    if not is_allowed(state.state, name):
        raise IllegalEventError(f"{name} is refused in state {state.state}")
    data = apply(state, event, at_ms)
    dest = destination(state.state, name, data)
    if dest is None:
        raise ValueError(f"no row of the table leads on from {state.state} after {name}")
    return data if dest == state.state else changed(data, state=dest)


def fold_record(state: State, record: Record) -> State:
    """``step`` with a journal record.

    Raises:
        IllegalEventError: This build does not allow the record here; the message names it.
        ValueError: This build cannot read the record.
    """
    try:
        return step(state, record.event(), record.at_ms)
    except IllegalEventError as error:
        raise IllegalEventError(f"record {record.seq}: {error}") from error


def fold(records: Iterable[Record], state: State = INITIAL) -> State:
    for record in records:
        state = fold_record(state, record)
    return state
