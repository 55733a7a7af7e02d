"""I9 and R12: a window that could be used was used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from audit.rules.begun import Beginning, begun_log, is_before
from audit.rules.books import Books
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.windows import UNEXPLAINED, WindowLog, WindowOutcome

__all__ = ["MidWindowStart", "OutagesPaired", "WindowsUsed"]


class _Usage(Rule):
    """What both share: windows that were missed without a reason."""

    _with_start: ClassVar[bool]

    def __init__(self) -> None:
        self._log = WindowLog()

    def begin(self, begun: Beginning) -> None:
        """Go on with the newest window, which is not judged."""
        super().begin(begun)
        self._log = begun_log(begun)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Windows that this record settles."""
        if entry.event is not None:
            yield from self._judge(self._log.take(entry.record, entry.event))

    def end(self, books: Books) -> Iterator[Finding]:  # noqa: ARG002  (the log knows)
        """Windows that are settled by the journal's end."""
        yield from self._judge(self._log.end())

    def _judge(self, outcomes: Iterable[WindowOutcome]) -> Iterator[Finding]:
        for window in outcomes:
            if window.outcome != UNEXPLAINED or is_before(self.begun, window.seqs):
                continue
            if (window.started is not None) == self._with_start:
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
    lacks = "windows that were told before"
    _with_start = False


class MidWindowStart(_Usage):
    """R12."""

    name = "R12"
    demands = "a start in mid-window works on that window, unless it was spent"
    lacks = "windows that were told before"
    _with_start = True


class OutagesPaired(Rule):
    """R13. I3 judges the other half: no second search in a window whose search failed."""

    name = "R13"
    demands = "ApiUnreachable and ApiRecovered alternate, and no window is told while the API is unreachable"
    lacks = ""
    events = (ev.ApiUnreachable, ev.ApiRecovered, ev.WindowOpened)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with what is open."""
        event, since = entry.event, entry.books.unreachable
        if isinstance(event, ev.ApiRecovered):
            if since is None:
                yield self.finding(entry, found="a recovery", expected="ApiUnreachable before it")
        elif since is not None:
            what = "a second ApiUnreachable" if isinstance(event, ev.ApiUnreachable) else "a window told by the API"
            yield self.finding(entry, since, found=what, expected="ApiRecovered before it")
