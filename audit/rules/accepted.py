"""I1: a window takes no more posts than the API allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.recent import RECENT_WINDOWS, Recent
from audit.rules.books import Books
from audit.rules.finding import Finding
from audit.rules.recorded import length_in
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["AcceptedInWindow"]

_KEPT_SEQS: Final = 200


class AcceptedInWindow(Rule):
    """I1. A post counts in the window that the API named, else in the newest one told.

    Another length, another window; another API, too, and a journal that comes back finds the windows that it left.

    The number in force when an attempt began binds it: what the API says later cannot call a request back.
    """

    name = "I1"
    demands = "at most MAX_SUBMISSIONS_PER_WINDOW posts are accepted in a window"
    events = (ev.SubmissionAccepted, ev.GapDeclared)

    def __init__(self) -> None:
        self._counted: Recent[tuple[str, int, int], tuple[int, tuple[int, ...]]] = Recent(RECENT_WINDOWS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Count by the API, and by the window's first block and length."""
        event, books = entry.event, entry.books
        if isinstance(event, ev.GapDeclared):
            for start_block, number in event.salvage.counted.items():
                self._add((books.api_url, start_block, books.blocks), entry.record.seq, number)
        elif isinstance(event, ev.SubmissionAccepted) and (window := _window(event, books)) is not None:
            self._add(window, entry.record.seq)
            yield from self._judge(entry, window)

    def _add(self, window: tuple[str, int, int], seq: int, number: int = 1) -> None:
        count, seqs = self._counted.get(window, (0, ()))
        self._counted[window] = (count + number, (*seqs, seq)[-_KEPT_SEQS:])

    def _judge(self, entry: Entry, window: tuple[str, int, int]) -> Iterator[Finding]:
        books = entry.books
        count, seqs = self._counted[window]
        quota = max(books.quota, 0 if books.open is None else books.open.quota)
        if count > quota:
            _, start_block, blocks = window
            found = f"{count} accepted posts in the window that begins at block {start_block}"
            yield self.finding(
                entry, *seqs, found=found, expected=f"at most {quota}", window=start_block // max(1, blocks)
            )


def _window(event: ev.SubmissionAccepted, books: Books) -> tuple[str, int, int] | None:
    if event.start_block is not None:
        told = None if books.watches else length_in(event.answer)  # which is used once several answers agreed
        return books.api_url, event.start_block, told or books.blocks
    return None if books.newest is None else (books.api_url, books.newest.start_block, books.newest.blocks)
