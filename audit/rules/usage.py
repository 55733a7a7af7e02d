"""I9 and R12: a window that could be used was used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from audit.rules.books import Books
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from audit.windows import UNEXPLAINED, WindowLog, WindowOutcome

__all__ = ["MidWindowStart", "WindowsUsed"]


class _Usage(Rule):
    """What both share: windows that were missed without a reason."""

    _with_start: ClassVar[bool]

    def __init__(self) -> None:
        self._log = WindowLog()

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Windows that this record settles."""
        if entry.event is not None:
            yield from self._judge(self._log.take(entry.record, entry.event))

    def end(self, books: Books) -> Iterator[Finding]:  # noqa: ARG002  (the log knows)
        """Windows that are settled by the journal's end."""
        yield from self._judge(self._log.end())

    def _judge(self, outcomes: Iterable[WindowOutcome]) -> Iterator[Finding]:
        for window in outcomes:
            if window.outcome == UNEXPLAINED and (window.started is not None) == self._with_start:
                yield Finding(
                    rule=self.name,
                    seqs=window.seqs,
                    found="a window without a search, a submission or a reason",
                    expected="one search, or posts that were carried over",
                    window=window.number,
                )


class WindowsUsed(_Usage):
    """I9. The reasons that count are those of the accounting."""

    name = "I9"
    demands = "a window during all of which a process ran and the API answered was used, or its miss is explained"
    _with_start = False


class MidWindowStart(_Usage):
    """R12."""

    name = "R12"
    demands = "a start in mid-window works on that window, unless it was spent"
    _with_start = True
