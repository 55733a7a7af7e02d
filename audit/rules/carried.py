"""R9: what was put off goes first in the next window, and not for ever; what is too old is not sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.filters import Recent
from audit.rules.begun import is_before
from audit.rules.book_entries import PostBook, WindowBook
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["CarriedPosts"]

_KEPT_WINDOWS: Final = 64
# A process that has just started, or a clock that was just set, needs a moment to give up what is too old.
_GRACE_S: Final = 60.0
_MOMENT_S: Final = 1.0
_SEARCHING_S: Final = 3_600.0  # a post that grows too old between the opening of a window and its search


class CarriedPosts(Rule):
    """R9. Ages are not judged across a moment at which this host's clock went back."""

    name = "R9"
    demands = (
        "a carried post goes first, into at most 3 later windows, and nothing is searched for its place; no attempt "
        "begins once a post is 72 hours old; all posts fit the window"
    )
    lacks = "how far posts that were chosen before were carried, and in which order they were sent"
    events = (ev.PostsScraped, ev.SubmissionStarted, ev.PostAbandoned)

    def __init__(self) -> None:
        self._sent: Recent[WindowBook, dict[str, int]] = Recent(_KEPT_WINDOWS)
        self._fresh: Recent[WindowBook, int] = Recent(_KEPT_WINDOWS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A search, a submission, or a post that is given up."""
        event = entry.event
        if isinstance(event, ev.PostsScraped):
            yield from self._searched(entry, event)
            return
        post = entry.books.pending.get(getattr(event, "post_id", ""))
        if post is None:
            return
        if isinstance(event, ev.PostAbandoned):
            yield from self._abandon(entry, event, post)
        elif isinstance(event, ev.SubmissionStarted) and (window := entry.books.windows.get(event.window)) is not None:
            yield from self._room(entry, event.post_id, window)
            if post.dated:
                yield from self._age(entry, post)
            if post.window is not window:
                yield from self._carry(entry, post, window)
            elif window not in self._fresh and not is_before(self.begun, (post.seq,)):
                self._fresh[window] = entry.record.seq

    def _searched(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        """Posts that were analyzed before the window was told, and never sent, take their places first."""
        window = entry.books.windows.get(event.window)
        if window is None or is_before(self.begun, (window.seq,)):
            return
        quota = max(window.quota, entry.books.quota)
        waiting = [post for post in entry.books.pending.values() if self._waits(entry, post, window)]
        if event.wanted + len(waiting) > quota and waiting:
            found = f"a search for {event.wanted} posts, and {len(waiting)} that wait"
            seqs = {post.seq for post in waiting}
            yield self.finding(entry, *seqs, found=found, expected=f"{quota} together at most")

    def _waits(self, entry: Entry, post: PostBook, window: WindowBook) -> bool:
        books = entry.books
        is_analyzed = all(other.analysis for other in books.pending.values() if other.seq == post.seq)
        if post.attempts or post.window is None or not is_analyzed or books.concluded.get(post.seq, 0) > window.seq:
            return False
        policy = books.policy
        young = entry.record.at_ms / 1000 < post.post.timestamp + policy.max_post_age_s - _SEARCHING_S
        later = window.ordinal - post.window.ordinal
        return young and books.went_back <= post.seq and 0 < later <= min(window.carried, policy.max_carried_windows)

    def _room(self, entry: Entry, post_id: str, window: WindowBook) -> Iterator[Finding]:
        if window not in self._sent:
            self._sent[window] = {}
        sent = self._sent[window]
        quota = max(window.quota, entry.books.quota)
        if post_id not in sent and len(sent) >= quota:
            found = f"submissions of {len(sent) + 1} posts in one window"
            yield self.finding(entry, *sent.values(), found=found, expected=f"at most {quota}")
        if len(sent) <= quota:
            sent.setdefault(post_id, entry.record.seq)

    def _carry(self, entry: Entry, post: PostBook, window: WindowBook) -> Iterator[Finding]:
        fresh = self._fresh.get(window)
        if fresh is not None and not post.attempts_in(window):
            found = "a carried post sent behind one that was scraped for this window"
            yield self.finding(entry, fresh, found=found, expected="carried posts first")
        windows = {id(attempt.window): attempt.seq for attempt in post.attempts if attempt.window is not window}
        if len(windows) > window.carried:
            found = f"attempts in {len(windows) + 1} windows"
            expected = f"at most {window.carried + 1}"
            yield self.finding(entry, *windows.values(), found=found, expected=expected)
        if not post.dated:
            yield from self._age_in_window(entry, post, window)

    def _age(self, entry: Entry, post: PostBook) -> Iterator[Finding]:
        """The miner decides by the clock that its records bear, so it does not matter whether that clock is right."""
        due_ms = (post.post.timestamp + entry.books.policy.max_post_age_s) * 1000
        if entry.record.at_ms > due_ms + _MOMENT_S * 1000:
            hours = (entry.record.at_ms / 1000 - post.post.timestamp) / 3600
            found = f"an attempt of a post at an age of {hours:.1f} hours"
            expected = f"given up at {entry.books.policy.max_post_age_s / 3600:g} hours"
            yield self.finding(entry, post.seq, found=found, expected=expected)

    def _age_in_window(self, entry: Entry, post: PostBook, window: WindowBook) -> Iterator[Finding]:
        """For older builds: a post that is young enough when a window opens may be sent until that window ends."""
        books = entry.books
        if books.went_back > post.seq:
            return
        due_ms = (post.post.timestamp + books.policy.max_post_age_s) * 1000
        if window.at_ms > max(due_ms, books.started_ms) + _GRACE_S * 1000:
            hours = (window.at_ms / 1000 - post.post.timestamp) / 3600
            found = f"a post carried into a window at an age of {hours:.1f} hours"
            expected = f"given up at {books.policy.max_post_age_s / 3600:g} hours"
            yield self.finding(entry, post.seq, window.seq, found=found, expected=expected)

    def _abandon(self, entry: Entry, event: ev.PostAbandoned, post: PostBook) -> Iterator[Finding]:
        books = entry.books
        if event.reason == "too old":
            due_ms = (post.post.timestamp + books.policy.max_post_age_s) * 1000
            if entry.record.at_ms < due_ms - _GRACE_S * 1000 and books.went_back <= post.seq:
                hours = (entry.record.at_ms / 1000 - post.post.timestamp) / 3600
                found = f"a post given up as too old at an age of {hours:.1f} hours"
                expected = f"{books.policy.max_post_age_s / 3600:g} hours or more"
                yield self.finding(entry, post.seq, found=found, expected=expected)
            return
        later = books.told_count - (0 if post.window is None else post.window.ordinal)
        if later < books.policy.max_carried_windows:
            found = f"a post given up as carried too long with {later} later windows told"
            expected = f"{books.policy.max_carried_windows} at least"
            yield self.finding(entry, post.seq, found=found, expected=expected)
