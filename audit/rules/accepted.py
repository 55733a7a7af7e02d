"""I1: a window takes no more posts than the API allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.rules.finding import Finding
from audit.rules.recent import RECENT_WINDOWS, Recent
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["AcceptedInWindow"]

_KEPT_SEQS: Final = 200


class AcceptedInWindow(Rule):
    """I1. A post counts in the window that the API named, else in the newest one told.

    The number in force when an attempt began binds it: what the API says later cannot call a request back.
    """

    name = "I1"
    demands = "at most MAX_SUBMISSIONS_PER_WINDOW posts are accepted in a window"
    events = (ev.SubmissionAccepted, ev.ApiMoved, ev.GapDeclared)

    def __init__(self) -> None:
        self._counted: Recent[int, tuple[int, ...]] = Recent(RECENT_WINDOWS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Count by the window's first block."""
        event = entry.event
        if isinstance(event, ev.ApiMoved):
            self._counted.clear()
        elif isinstance(event, ev.GapDeclared):
            for start_block, number in event.salvage.counted.items():
                self._add(start_block, *[entry.record.seq] * number)
        elif isinstance(event, ev.SubmissionAccepted):
            yield from self._accept(entry, event)

    def _add(self, start_block: int, *seqs: int) -> tuple[int, ...]:
        self._counted[start_block] = (*self._counted.get(start_block, ()), *seqs)[-_KEPT_SEQS:]
        return self._counted[start_block]

    def _accept(self, entry: Entry, event: ev.SubmissionAccepted) -> Iterator[Finding]:
        books = entry.books
        start_block = event.start_block
        if start_block is None:
            if books.newest is None:
                return
            start_block = books.newest.start_block
        seqs = self._add(start_block, entry.record.seq)
        quota = max(books.quota, books.open.quota if books.open is not None else 0)
        if len(seqs) > quota:
            told = next((w for w in reversed(books.windows.values()) if w.start_block == start_block), None)
            yield self.finding(
                entry,
                *seqs,
                found=f"{len(seqs)} accepted posts in the window that begins at block {start_block}",
                expected=f"at most {quota}",
                window=None if told is None else told.number,
            )
