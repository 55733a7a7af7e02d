"""The tables that can be exported: their columns and where their rows come from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit.exporting.columns import Column
from audit.exporting.posts import POST_COLUMNS, post_sources
from audit.exporting.records import RECORD_COLUMNS
from audit.exporting.windows import WINDOW_COLUMNS, window_sources
from audit.feedback import Feedback
from audit.filters import Filters
from audit.history import Step

__all__ = ["TABLES", "Table"]


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
        getters = [column.value for column in self.columns]
        for source in self.sources(steps, filters, told or Feedback()):
            yield tuple([value(source) for value in getters])


def _records(steps: Iterable[Step], filters: Filters, _told: Feedback) -> Iterator[Step]:
    return filter(filters.admits, steps)


TABLES: Final[Mapping[str, Table]] = {
    "records": Table(RECORD_COLUMNS, _records, asks_validators=False),
    "posts": Table(POST_COLUMNS, post_sources),
    "windows": Table(WINDOW_COLUMNS, window_sources),
}
