"""I6, I7 and the order of intent and answer: when the miner may send, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.filters import RECENT_WINDOWS, Recent
from audit.rules.book_entries import Attempt, PostBook
from audit.rules.books import Books
from audit.rules.recorded import length_in
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["AcceptedInWindow", "AttemptsAndWaits", "IntentFirst", "QuietAfterRateLimit"]

# Waits and records go by two clocks of this host, which may drift apart by up to 0.05 %.
_SLACK_SHARE: Final = 0.01
_SLACK_S: Final = 0.02
# The version of RateLimited from which on it says which windows are full.
_FILLS: Final = 2


class QuietAfterRateLimit(Rule):
    """I6. Next is the window after the one that the 429 named, or after the newest one if that is later.

    A window in between that is taken back ends nothing; before RateLimited version 2 it did, and is not judged.
    """

    name = "I6"
    demands = "after a 429 nothing is sent before the next window"
    lacks = "429s whose wait was over before"
    events = (ev.SubmissionStarted, ev.RateLimited)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Has a later window opened?"""
        books, newest = entry.books, entry.books.newest
        if isinstance(entry.event, ev.RateLimited):
            yield from self._full(entry, entry.event)
        elif newest is None:
            return
        elif (full := books.full.get(newest.start_block)) is not None and books.quota <= full[1]:
            yield self.finding(
                entry,
                full[0],
                found=f"a submission in the window that begins at block {newest.start_block}, which a 429 filled",
                expected="none in it",
            )
        elif books.limited is not None and newest.start_block < books.limited[1]:
            seq, until_block = books.limited
            yield self.finding(
                entry,
                seq,
                found=f"a submission in the window that begins at block {newest.start_block}",
                expected=f"none before block {until_block}",
            )

    def _full(self, entry: Entry, event: ev.RateLimited) -> Iterator[Finding]:
        newest = entry.books.newest
        if newest is None or entry.record.v < _FILLS:
            return
        full = sorted({newest.start_block, newest.start_block if event.start_block is None else event.start_block})
        if [*event.full] != full:
            found = f"a 429 that fills the windows from blocks {[*event.full]}"
            yield self.finding(entry, newest.seq, found=found, expected=f"from blocks {full}")


class AttemptsAndWaits(Rule):
    """I7. Waits are not judged across a moment at which this host's clock went back.

    Where the same build kept a wait of this length before, a shorter one is only a note: the clock may have been set
    back by less than the wait, which no record shows.
    """

    name = "I7"
    demands = (
        "a post has at most SUBMIT_ATTEMPTS attempts in a window, with 3 s and then 6 s after failures that were seen"
    )
    lacks = "waits that began before; and a short wait is a note, for the clock may have been set back"
    events = (ev.SubmissionStarted, ev.ActorStarted)

    def __init__(self) -> None:
        self._build = ""
        self._lasted: set[float] = set()

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the attempts before, in this window."""
        event, books = entry.event, entry.books
        if isinstance(event, ev.ActorStarted) and event.build != self._build:
            self._build = event.build
            self._lasted.clear()
        if not isinstance(event, ev.SubmissionStarted) or (post := books.pending.get(event.post_id)) is None:
            return
        before = post.attempts_in(books.windows.get(event.window))
        seqs = [attempt.seq for attempt in before]
        if len(before) >= books.policy.submit_attempts:
            yield self.finding(
                entry,
                *seqs,
                found=f"{len(before) + 1} attempts in one window",
                expected=f"at most {books.policy.submit_attempts}",
            )
        elif event.attempt != len(before) + 1:
            yield self.finding(
                entry, *seqs, found=f"an attempt numbered {event.attempt}", expected=f"number {len(before) + 1}"
            )
        if before:
            yield from self._wait(entry, post, before[-1])

    def _wait(self, entry: Entry, post: PostBook, last: Attempt) -> Iterator[Finding]:
        if post.failure is None or post.failure[0] < last.seq or entry.books.went_back > post.failure[0]:
            return
        seq, at_ms, wait_s = post.failure
        waited_s = (entry.record.at_ms - at_ms) / 1000
        if waited_s >= wait_s - max(_SLACK_SHARE * wait_s, _SLACK_S):
            self._lasted.add(wait_s)
        elif waited_s >= 0:
            cut = wait_s in self._lasted or (self.begun is not None and not self._build)
            yield self.finding(
                entry,
                seq,
                found=f"another attempt {waited_s:.2f} s after a failure",
                expected=f"{wait_s:g} s or more" + (", as before; was this host's clock set back?" if cut else ""),
                kind="note" if cut else "finding",
            )


class IntentFirst(Rule):
    """Design, section 1: an attempt is on record before it leaves, and one at a time is under way."""

    name = "intent"
    demands = "every answer of the API belongs to the one attempt whose start is recorded"
    lacks = ""
    events = (
        ev.SubmissionStarted,
        ev.SubmissionAccepted,
        ev.SubmissionRejected,
        ev.SubmissionFailed,
        ev.RateLimited,
    )

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the attempt that is open."""
        event, open_ = entry.event, entry.books.open
        if isinstance(event, ev.SubmissionStarted):
            if open_ is not None:
                yield self.finding(
                    entry,
                    open_.seq,
                    found=f"an attempt while post {open_.post_id} has one without an answer",
                    expected="one attempt at a time",
                )
            return
        post_id, number = getattr(event, "post_id", None), getattr(event, "attempt", None)
        if open_ is None:
            yield self.finding(entry, found="an answer to no open attempt", expected="SubmissionStarted before it")
        elif open_.post_id != post_id or number not in {None, open_.number}:
            yield self.finding(
                entry,
                open_.seq,
                found=f"an answer for attempt {number or open_.number} of post {post_id}",
                expected=f"one for attempt {open_.number} of post {open_.post_id}",
            )


_KEPT_SEQS: Final = 200


class AcceptedInWindow(Rule):
    """I1. A post counts in the window that the API named, else in the newest one told.

    A window of another length or of another API is another window; after a move away and back the old counts hold.

    The quota in force when an attempt began binds it: what the API says later cannot call a request back.
    """

    name = "I1"
    demands = "at most MAX_SUBMISSIONS_PER_WINDOW posts are accepted in a window"
    lacks = "windows in which posts were accepted before: it counts from there on"
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


def _is_of_length(start_block: int, told: int | None, books: Books) -> bool:
    """Whether the answer that settled a new length named its window by it: one that began before the newest one."""
    newest = None if books.newest is None else books.newest.start_block
    return told is not None and newest is not None and newest // told * told == start_block < newest


def _window(event: ev.SubmissionAccepted, books: Books) -> tuple[str, int, int] | None:
    if event.start_block is not None:
        told = length_in(event.answer)
        if books.watches and not _is_of_length(event.start_block, told, books):
            told = None  # a new length counts once several answers agreed
        return books.api_url, event.start_block, told or books.blocks
    return None if books.newest is None else (books.api_url, books.newest.start_block, books.newest.blocks)
