"""Which steps of a journal are shown. What is left out is folded and checked all the same. Pure."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from actor.machine import State
from actor.machine.history import Step
from audit.errors import UsageError
from audit.moments import parse_unit
from events import catalogue as ev
from events.catalogue import EVENTS

__all__ = [
    "RECENT_POSTS",
    "RECENT_WINDOWS",
    "Filters",
    "Recent",
    "concerns",
    "in_scope",
    "is_worked_on",
    "opens_window",
    "parse_filters",
    "resumes_window",
    "windows_of",
]


def is_worked_on(state: State) -> bool:
    """Whether the work of ``state.window`` goes on: a search is due, or a post neither has a verdict nor is put off."""
    return state.window is not None and (state.to_scrape > 0 or not all(p.deferred for p in state.posts))


def opens_window(step: Step) -> bool:
    """Whether the work of another window begins with this step."""
    window = step.after.window
    if window is None or window is step.before.window or isinstance(step.event, ev.GapDeclared):
        return False  # behind a gap the newest window counts as spent
    return window != step.before.window


def resumes_window(step: Step) -> bool:
    """Whether the work of a window that had ended goes on with this step, for posts that were held in it."""
    return step.after.window == step.before.window and is_worked_on(step.after) and not is_worked_on(step.before)


def windows_of(step: Step) -> frozenset[int]:
    """Numbers of the windows that a step belongs to: the one it is work of, the one it names, the one it opens."""
    numbers = set()
    before, after, event = step.before.window, step.after.window, step.event
    if before is not None and (is_worked_on(step.before) or isinstance(event, ev.CheckpointSigned)):
        numbers.add(before.number)
    if after is not None and (is_worked_on(step.after) or opens_window(step)):
        numbers.add(after.number)
    if (named := getattr(event, "window", None)) is not None:
        numbers.add(named)
    return frozenset(numbers)


def concerns(step: Step, post_id: str) -> bool:
    """Whether a step names the post, or changes what is known of it."""
    event = step.event
    if isinstance(event, ev.PostsScraped):
        return post_id in event.candidates
    if getattr(event, "post_id", None) == post_id:
        return True
    if isinstance(event, ev.ActorStarted) and step.before.open is not None:
        return step.before.open.post_id == post_id  # the answer to its attempt is lost
    if isinstance(event, ev.GapDeclared) and post_id in event.salvage.settled:
        return True
    return step.before.posts is not step.after.posts and step.before.pending(post_id) != step.after.pending(post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All that are given must let a step pass; several windows or events are alternatives.

    Attributes:
        windows: Numbers of windows; empty for all.
        post_id: The post that a step must concern; None for any.
        events: Names of events; empty for all.
        since_ms: First moment, unix milliseconds; None for no limit. Each record is judged by its own time.
        until_ms: Last moment, likewise.
        text: The options as they were written, for messages; empty when nothing is filtered.
    """

    windows: frozenset[int] = frozenset()
    post_id: str | None = None
    events: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    text: str = ""

    def admits(self, step: Step) -> bool:
        if not self.text:
            return True
        return self.admits_record(step) and (not self.windows or self.admits_windows(windows_of(step)))

    def admits_windows(self, numbers: frozenset[int]) -> bool:
        """Whether one of these windows was asked for, or none in particular."""
        return not self.windows or not self.windows.isdisjoint(numbers)

    def admits_record(self, step: Step) -> bool:
        """Whether the step passes, its windows aside."""
        record = step.record
        return (
            (not self.events or record.name in self.events)
            and (self.since_ms is None or record.at_ms >= self.since_ms)
            and (self.until_ms is None or record.at_ms <= self.until_ms)
            and (self.post_id is None or concerns(step, self.post_id))
        )


def parse_filters(
    *,
    windows: Sequence[int] = (),
    post_id: str | None = None,
    events: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> Filters:
    """The filters that an operator wrote.

    Raises:
        UsageError: There is no such event, a time is none, or the first one is after the last.
    """
    for name in events:
        if name not in EVENTS:
            raise UsageError(f"--event {name}: there is no such event{_nearest(name)}")
    since_ms = None if since is None else parse_unit(since, "--since")[0]
    until_ms = None if until is None else parse_unit(until, "--until")[1]
    if since_ms is not None and until_ms is not None and since_ms > until_ms:
        raise UsageError(f"--since {since} is after --until {until}: expected the earlier time first")
    given = [f"--window {number}" for number in windows]
    given += [f"--post {post_id}"] * (post_id is not None)
    given += [f"--event {name}" for name in events]
    given += [f"--since {since}"] * (since is not None) + [f"--until {until}"] * (until is not None)
    return Filters(
        windows=frozenset(windows),
        post_id=post_id,
        events=frozenset(events),
        since_ms=since_ms,
        until_ms=until_ms,
        text=" ".join(given),
    )


def _nearest(name: str) -> str:
    by_lower = {known.lower(): known for known in EVENTS}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.0)
    return f"; the nearest one is {by_lower[near[0]]}" if near else f"; known are {', '.join(EVENTS)}"


def in_scope(filters: Filters, window: int, at_ms: int) -> bool:
    """Whether something of ``window`` that began at ``at_ms`` (unix milliseconds) is exported."""
    return (
        filters.admits_windows(frozenset({window}))
        and (filters.since_ms is None or at_ms >= filters.since_ms)
        and (filters.until_ms is None or at_ms <= filters.until_ms)
    )


# At 5 posts in each of 72 windows a day: 55 days of posts, 27 days of windows. X search reaches back 7 days.
RECENT_POSTS = 20_000
RECENT_WINDOWS = 2_000

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """Keeps the ``limit`` keys that were set last, and drops the oldest one for each key beyond."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        """As `copy` and the index keep it: the limit, and the keys in their order."""
        return type(self), (self._limit,), None, None, iter(self.items())

    def __setitem__(self, key: K, value: V) -> None:
        """Set, and forget the oldest key when there are too many."""
        if key in self:
            self.move_to_end(key)
        super().__setitem__(key, value)
        if len(self) > self._limit:
            self.popitem(last=False)
