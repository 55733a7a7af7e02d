"""Why an event led where it led: the rows of the table that were tried, with the values of their guards. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from actor.machine.reduce import apply
from actor.machine.state import IllegalEventError, State, StateName
from actor.machine.table import GUARDS, ROWS, Row, is_allowed
from events.catalogue import Event

__all__ = ["Explanation", "TriedRow", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedRow:
    """A row of the table beside what its guards say, in the row's order, the false ones too."""

    row: Row
    guards: tuple[tuple[str, bool], ...]

    @property
    def holds(self) -> bool:
        """Whether every guard holds; a row without guards does."""
        return all(value for _, value in self.guards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the machine makes of one event in one state.

    Attributes:
        event: The event's name.
        source: The state's name before it.
        rows: Every row of this event and source in the table's order; empty when the table refuses the event.
        taken: The first row that holds, which leads on; None when there is none.
        dest: The state's name after it; None when it is refused.
        refusal: Why the table or the data does not allow it; None when it does.
    """

    event: str
    source: StateName
    rows: tuple[TriedRow, ...]
    taken: TriedRow | None
    dest: StateName | None
    refusal: str | None


def explain(state: State, event: Event, at_ms: int) -> Explanation:
    """What ``step`` does with ``event`` in ``state``, and why; an illegal event is an answer here, not an error."""
    name = type(event).__name__
    rows = [row for row in ROWS if (row.event, row.source) == (name, state.state)]
    if not is_allowed(state.state, name):
        return _refused(name, state, (), f"the table has no row for {name} in {state.state}")
    try:
        data = apply(state, event, at_ms)
    except IllegalEventError as error:
        return _refused(name, state, tuple(TriedRow(row=row, guards=()) for row in rows), str(error))
    tried = tuple(TriedRow(row=row, guards=tuple((g, GUARDS[g](data)) for g in row.guards)) for row in rows)
    taken = next((row for row in tried if row.holds), None)
    if taken is None:
        return _refused(name, state, tried, f"no row leads on from {state.state} after {name}")
    return Explanation(
        event=name,
        source=state.state,
        rows=tried,
        taken=taken,
        dest=taken.row.dest or state.state,
        refusal=None,
    )


def _refused(name: str, state: State, rows: tuple[TriedRow, ...], why: str) -> Explanation:
    return Explanation(event=name, source=state.state, rows=rows, taken=None, dest=None, refusal=why)
