"""R23: a search that asks only for newer posts leaves none behind that an earlier one found and did not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.filters import RECENT_POSTS, Recent
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["NothingLeftBehind"]

_STARTS: Final = (ev.ActorStarted, ev.SettingsChanged)


class NothingLeftBehind(Rule):
    """R23. A post that a thorough search found no more is out of reach; of other keywords nothing is known."""

    name = "R23"
    demands = (
        "X is asked for posts behind one only with SEARCH_SINCE_NEWEST, up to which it was read, and no post before it "
        "was found and not chosen"
    )
    lacks = "posts that were found and not chosen before"
    events = (ev.PostsScraped, *_STARTS)

    def __init__(self) -> None:
        self._left: Recent[str, int] = Recent(RECENT_POSTS)
        self._keywords: tuple[str, ...] | None = None
        self._newest: tuple[int, int] | None = None  # the newest post of thorough searches, and the last one's record

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Judge what a search asked for, and note what it left."""
        event = entry.event
        if isinstance(event, ev.PostsScraped):
            if event.since_id is not None:
                yield from self._judge(entry, event.since_id)
            self._note(event, entry.record.seq)
        elif isinstance(event, _STARTS):
            if self._keywords is not None and event.policy.search_keywords != self._keywords:
                self._left.clear()
                self._newest = None
                self.begun = None  # nothing from before counts any more
            self._keywords = event.policy.search_keywords

    def _judge(self, entry: Entry, since_id: str) -> Iterator[Finding]:
        found = f"a search for posts behind {since_id}"
        if not entry.books.policy.search_since_newest:
            yield self.finding(entry, found=found, expected="one by time")
        if self.begun is None and (self._newest is None or int(since_id) > self._newest[0]):
            expected = "one by time" if self._newest is None else f"one behind {self._newest[0]} or an earlier one"
            yield self.finding(
                entry, *(() if self._newest is None else self._newest[1:]), found=found, expected=expected
            )
        for post_id, seq in self._left.items():
            if int(post_id) <= int(since_id):
                yield self.finding(entry, seq, found=found, expected="one that finds this post again", post_id=post_id)

    def _note(self, event: ev.PostsScraped, seq: int) -> None:
        if event.newest_id is not None:
            self._left.clear()
            newest = max(int(event.newest_id), 0 if self._newest is None else self._newest[0])
            self._newest = (newest, seq)
        chosen = {version for post in event.posts for version in post.versions}
        for post_id in chosen:
            self._left.pop(post_id, None)
        for post_id in event.candidates:
            if post_id not in chosen:
                self._left[post_id] = seq
