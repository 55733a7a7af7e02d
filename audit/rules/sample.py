"""R8: the sample of a search: new posts of a date that was asked for, drawn by seed or by value, no more than fit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from audit.rules.content import worth
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["Sample"]

_TOLERANCE: Final = 1e-9
_REACH_S: Final = 72 * 3600
_CLOCK_S: Final = 600
_AHEAD_S: Final = 300
_UNCHECKED_AHEAD_S: Final = 86_400  # where dates were not checked: this host's clock may have been behind
_LARGEST_PAGE: Final = 100  # posts that X gives for one request, at most


class Sample(Rule):
    """R8. Records that cannot be read are judged too: this build decodes no sample from outside the candidates."""

    name = "R8"
    demands = (
        "a sample is what the recorded seed draws from new posts of the last 72 hours, or those of greatest value, "
        "holds no version of a post that was chosen and none from the future, and fits the window"
    )
    lacks = "posts that the miner had forgotten by then"
    events = (ev.PostsScraped,)
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Draw again, and look every id up."""
        event = entry.event
        if isinstance(event, ev.PostsScraped):
            yield from self._bill(entry, event)
            yield from self._draw(entry, event)
            yield from self._seen(entry, event)
            yield from self._reach(entry, event)
        else:
            yield from self._membership(entry, entry.record.data)

    def _bill(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        """All posts that were found were read and billed, and no request read more than X gives."""
        posts, users = len(event.candidates) + event.unusable, len({post.author_id for post in event.posts})
        if entry.books.policy.author_cache_hours:
            users = 0  # they are looked up
        if event.posts_read < posts or event.users_read < users or event.requests < 1:
            found = f"{event.posts_read} posts and {event.users_read} users read in {event.requests} requests"
            yield self.finding(entry, found=found, expected=f"{posts} posts and {users} users at least")
        elif event.posts_read > (most := event.requests * _LARGEST_PAGE):
            found = f"{event.posts_read} posts read in {event.requests} requests"
            yield self.finding(entry, found=found, expected=f"{most} at most")

    def _draw(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        window = entry.books.windows.get(event.window)
        quota = max(entry.books.quota, 0 if window is None else window.quota)
        if event.wanted > quota:
            yield self.finding(entry, found=f"a search for {event.wanted} posts", expected=f"at most {quota}")
        policy = entry.books.policy
        later = max(policy.max_carried_windows, 0 if window is None else window.carried) * quota
        most = max(0, min((policy.posts_per_search or 0) - event.wanted, later))
        if event.spare > most:
            yield self.finding(entry, found=f"a search for {event.spare} posts more", expected=f"{most} at most")
        # A request that X refuses, for the post that it names, is made once more by time.
        limit = policy.max_search_pages + (policy.search_since_newest and event.since_id is None)
        if event.requests > limit:
            yield self.finding(entry, found=f"a search of {event.requests} pages", expected=f"at most {limit}")
        yield from self._best(entry, event) if entry.books.policy.sampling == "top" else self._lot(entry, event)

    def _best(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        """The candidates are recorded by their value, so the first ones are chosen (SAMPLING=top)."""
        found, expected = [post.id for post in event.posts], list(event.candidates[: event.most])
        if found != expected:
            ids = ", ".join(found)
            first = ", ".join(expected)
            yield self.finding(entry, found=f"the sample {ids or 'of no post'}", expected=f"{first}, of greatest value")
        values = [worth(post) for post in event.posts]
        for post, value, next_value in zip(event.posts, values, values[1:], strict=False):
            if next_value > value + _TOLERANCE:
                told = f"a post of value {value:.6f} before one of {next_value:.6f}"
                yield self.finding(entry, found=told, expected="the greatest value first", post_id=post.id)

    def _lot(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        drawn = list(event.candidates)
        if len(drawn) > event.most:
            chosen = random.Random(event.seed).sample(range(len(drawn)), event.most)  # noqa: S311  (a recorded draw)
            drawn = [drawn[index] for index in sorted(chosen)]
        if [post.id for post in event.posts] != drawn:
            ids = ", ".join(post.id for post in event.posts)
            yield self.finding(
                entry, found=f"the sample {ids or 'of no post'}", expected=f"{', '.join(drawn)}, by seed {event.seed}"
            )

    def _seen(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        books = entry.books
        chosen = {post.id for post in event.posts}
        for post_id in event.candidates:
            if (seq := books.chosen(post_id)) is not None:
                what = "chosen again" if post_id in chosen else "offered to the draw again"
                yield self.finding(entry, seq, found=f"a chosen post {what}", expected="new posts", post_id=post_id)
        yield from self._versions(entry, event)

    def _versions(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        """An edited post is the same post: of an earlier search, or of this one."""
        here: set[str] = set()
        for post in event.posts:
            before = {version: entry.books.chosen(version) for version in post.edits}
            before |= dict.fromkeys(here.intersection(post.versions), entry.record.seq)
            for version, seq in before.items():
                if seq is not None:
                    found = f"a chosen post chosen again, of which {version} is another version"
                    yield self.finding(entry, seq, found=found, expected="new posts", post_id=post.id)
                    break
            here.update(post.versions)

    def _reach(self, entry: Entry, event: ev.PostsScraped) -> Iterator[Finding]:
        at_s = entry.record.at_ms / 1000
        ahead_s = _UNCHECKED_AHEAD_S if event.since is None else _AHEAD_S
        oldest_s = max(at_s - event.latency_ms / 1000 - _REACH_S - _CLOCK_S, event.since or 0)
        for post in event.posts:
            if post.timestamp < oldest_s:
                found = f"a post that is {(at_s - post.timestamp) / 3600:.1f} hours old"
                yield self.finding(entry, found=found, expected="72 at most", post_id=post.id)
            elif post.timestamp > at_s + ahead_s:
                found = f"a post that will be posted in {(post.timestamp - at_s) / 60:.1f} minutes"
                yield self.finding(entry, found=found, expected=f"{ahead_s // 60} at most", post_id=post.id)

    def _membership(self, entry: Entry, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Judge a record that cannot be read: is its sample the reason?"""
        posts, candidates, wanted = data.get("posts"), data.get("candidates"), data.get("wanted")
        if not isinstance(posts, list) or not isinstance(candidates, list) or not isinstance(wanted, int):
            return
        ids = [post.get("id") for post in posts if isinstance(post, dict)]
        strangers = [post_id for post_id in ids if post_id not in candidates]
        if strangers or len(ids) > wanted or len(set(map(str, ids))) < len(ids):
            yield self.finding(
                entry,
                found=f"{len(ids)} posts for {wanted} wanted, {len(strangers)} of them not among the candidates",
                expected="a sample of the candidates",
                window=data.get("window"),
            )
