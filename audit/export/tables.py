"""The tables that can be exported: their columns and where their rows come from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from actor.machine.history import Step
from audit.export.columns import Column
from audit.export.posts import POST_COLUMNS, post_sources
from audit.export.windows import WINDOW_COLUMNS, window_sources
from audit.feedback import Feedback
from audit.filters import Filters, is_worked_on, opens_window
from events.catalogue import CheckpointSigned
from events.describe import describe

__all__ = ["RECORD_COLUMNS", "TABLES", "Table", "window_of"]


def window_of(step: Step) -> int | None:
    """The window that the record names, else the one that it is work of; None outside of both."""
    named: int | None = getattr(step.event, "window", None)
    if named is not None:
        return named
    if step.before.window is not None and (is_worked_on(step.before) or isinstance(step.event, CheckpointSigned)):
        return step.before.window.number
    return step.after.window.number if step.after.window is not None and opens_window(step) else None


def _post_id(step: Step) -> str | None:
    post_id: str | None = getattr(step.event, "post_id", None)
    return post_id


RECORD_COLUMNS: Final = (
    Column("seq", "integer", "the record's number, from 1", lambda s: s.record.seq),
    Column("at", "moment", "when it happened, by the miner's host", lambda s: s.record.at_ms),
    Column("at_ms", "integer", "the same in unix milliseconds", lambda s: s.record.at_ms),
    Column("event", "text", "the event's name", lambda s: s.record.name),
    Column("version", "integer", "version of the event's fields", lambda s: s.record.v),
    Column("from_state", "text", "the state before", lambda s: s.record.source),
    Column("to_state", "text", "the state after", lambda s: s.record.dest),
    Column("window", "integer", "the window that it names, else the one that it is work of", window_of),
    Column("post_id", "text", "the post that it is about, where there is one", _post_id),
    Column("text", "text", "one line for people, as `replay` prints it", lambda s: describe(s.event)),
    Column("data", "json", "the event's fields as written", lambda s: s.record.raw),
    Column("hash", "text", "the record's hash, 64 hex digits", lambda s: s.record.hash),
)


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of export.

    Attributes:
        columns: In order.
        sources: What the columns are read off, one for each row that the filters admit.
        asks_validators: Whether columns hold what validators told, which may be long after a row's own records.
    """

    columns: tuple[Column, ...]
    sources: Callable[[Iterable[Step], Filters, Feedback], Iterator[Any]]
    asks_validators: bool = True

    def rows(self, steps: Iterable[Step], filters: Filters, told: Feedback | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows, a value for each column; without ``told`` those about validators are empty."""
        for source in self.sources(steps, filters, told or Feedback()):
            yield self.row(source)

    def row(self, source: Any) -> tuple[Any, ...]:
        """The values of one row, read off what `sources` gives."""
        return tuple([column.value(source) for column in self.columns])


def _records(steps: Iterable[Step], filters: Filters, _told: Feedback) -> Iterator[Step]:
    return filter(filters.admits, steps)


TABLES: Final[Mapping[str, Table]] = {
    "records": Table(RECORD_COLUMNS, _records, asks_validators=False),
    "posts": Table(POST_COLUMNS, post_sources),
    "windows": Table(WINDOW_COLUMNS, window_sources),
}
