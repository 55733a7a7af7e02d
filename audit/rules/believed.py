"""R18 and the floor: no window on the word of one answer that is out of the ordinary, and no searches in a row.

A journal does not hold the answers that led to a window, but it shows how much time they had at most. Builds before
ActorStarted version 4 promised neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["NoBlockOutOfTheOrdinary", "SearchesApart"]

# As docs/developers/machine.md, rule 18, has them.
_DAY_BLOCKS: Final = 7_200
_PACE: Final = 3
_SPARE_WINDOWS: Final = 2
_POLLS: Final = 2
_LOWER_ANSWERS: Final = 5
_LOWER_BLOCKS: Final = 25
_GENESIS_S: Final = 1_679_270_400
_MARGIN: Final = 1.1
# As for the waits of I7; and a block is the last of its answer's second.
_SLACK_SHARE: Final = 0.01
_SLACK_S: Final = 0.02
_AT_ONCE_S: Final = 5.0
# The version of WindowsRevised from which on it counts the places that posts may have taken.
_COUNTS: Final = 2


class NoBlockOutOfTheOrdinary(Rule):
    """R18. Nothing is judged across a moment at which this host's clock went back."""

    name = "R18"
    demands = "a block that the time does not allow, or a lower one, is believed after several polls that agree"
    lacks = "the first window that is told"
    events = (ev.WindowOpened, ev.WindowsRevised)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Judge a window that opens, and one that is taken back."""
        if not entry.books.watches:
            return
        if isinstance(entry.event, ev.WindowOpened):
            yield from self._opened(entry, entry.event)
        elif isinstance(entry.event, ev.WindowsRevised):
            yield from self._revised(entry, entry.event)

    def _opened(self, entry: Entry, event: ev.WindowOpened) -> Iterator[Finding]:
        books, newest = entry.books, entry.books.newest
        if newest is not None and newest.start_block < event.start_block < newest.start_block + newest.blocks:
            found = f"a window from block {event.start_block} within the one from block {newest.start_block}"
            yield self.finding(entry, newest.seq, found=found, expected="another length from the next window on")
        since_ms = max(books.started_ms, 0 if newest is None else newest.at_ms)
        waited_s, needed_s = (entry.record.at_ms - since_ms) / 1000, _POLLS * books.policy.poll_interval_s
        went_back = books.went_back > (0 if newest is None else newest.seq)
        if self._is_ordinary(entry, event) or went_back or waited_s >= needed_s * (1 - _SLACK_SHARE) - _SLACK_S:
            return
        yield self.finding(
            entry,
            found=f"block {event.current_block} {waited_s:.1f} s after the start or the newest window",
            expected=f"two polls, {needed_s:g} s, that agree on a block so far ahead",
        )

    @staticmethod
    def _is_ordinary(entry: Entry, event: ev.WindowOpened) -> bool:
        books, at_ms = entry.books, entry.record.at_ms
        if books.newest is None:
            most = (at_ms / 1000 - _GENESIS_S) / books.policy.block_s * _MARGIN
            return 0 < event.current_block <= most
        spare = (_SPARE_WINDOWS + 1) * max(
            books.newest.blocks, books.blocks
        )  # which block told the newest is not known
        since_s = max(0.0, (at_ms - books.newest.at_ms) / 1000)
        return event.current_block <= books.newest.start_block + spare + min(
            _DAY_BLOCKS, _PACE * since_s / books.policy.block_s
        )

    def _revised(self, entry: Entry, event: ev.WindowsRevised) -> Iterator[Finding]:
        books, newest = entry.books, entry.books.newest
        if newest is None or event.believed_start_block != newest.start_block:
            found = f"the window from block {event.believed_start_block} taken back"
            yield self.finding(entry, found=found, expected="the newest one")
        elif event.start_block > newest.start_block and newest.blocks <= max(
            event.blocks_per_window, entry.books.policy.blocks_per_window
        ):
            found = f"the window from block {newest.start_block} ended after {event.start_block - newest.start_block}"
            yield self.finding(entry, newest.seq, found=found, expected=f"{newest.blocks} blocks, as it was told")
        policy = books.policy
        needed_s = max(_LOWER_BLOCKS * policy.block_s, _POLLS * policy.poll_interval_s)
        if event.answers < _LOWER_ANSWERS or event.agreed_s < needed_s:
            found = f"a window taken back after {event.answers} answers in {event.agreed_s:g} s"
            yield self.finding(entry, found=found, expected=f"{_LOWER_ANSWERS} in {needed_s:g} s, or more")
        if event.taken is None and entry.record.v >= _COUNTS:
            found = "a window taken back, and no word of the places that posts may have taken"
            yield self.finding(entry, found=found, expected="how many")


class SearchesApart(Rule):
    """Not judged across a moment at which this host's clock went back: the wait was kept by another clock.

    As for the waits of I7: where the same build kept the wait before, a shorter one is only a note.
    """

    name = "floor"
    demands = "a search begins a quarter of a configured window's time after the last one's end, or later"
    lacks = "the first search; and a short wait is a note, for the clock may have been set back"
    events = (ev.ActorStarted, ev.PostsScraped, ev.ScrapeFailed)

    def __init__(self) -> None:
        self._build = ""
        self._lasted = False

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the search before."""
        event, books = entry.event, entry.books
        if isinstance(event, ev.ActorStarted):
            self._lasted = self._lasted and event.build == self._build
            self._build = event.build
            return
        if books.searched is None or not books.watches or books.went_back > books.searched[0]:
            return
        seq, at_ms = books.searched
        floor_s = books.policy.blocks_per_window * books.policy.block_s / 4
        apart_s = (entry.record.at_ms - getattr(event, "latency_ms", 0) - at_ms) / 1000
        lasted = self._lasted or (self.begun is not None and not self._build)
        least_s = floor_s * (1 - _SLACK_SHARE) - _SLACK_S
        if 0 <= apart_s < least_s:
            found = f"a search {apart_s:.2f} s after the last one"
            expected = f"{floor_s:g} s or more" + (", as before; was this host's clock set back?" if lasted else "")
            yield self.finding(entry, seq, found=found, expected=expected, kind="note" if lasted else "finding")
        self._lasted = self._lasted or least_s <= apart_s < floor_s + _AT_ONCE_S  # it was waited for
