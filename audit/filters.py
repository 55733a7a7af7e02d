"""Which steps of a journal are shown. What is left out is folded and checked all the same. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from audit.history import Step
from audit.moments import parse_unit
from audit.steps import concerns, windows_of
from audit.terminal import UsageError
from events.catalogue import EVENTS

__all__ = ["Filters", "parse_filters"]


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
        """Whether the step is shown."""
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
        UsageError: There is no such event, or a time is none.
    """
    for name in events:
        if name not in EVENTS:
            raise UsageError(f"--event {name}: there is no such event{_nearest(name)}")
    given = [f"--window {number}" for number in windows]
    given += [f"--post {post_id}"] * (post_id is not None)
    given += [f"--event {name}" for name in events]
    given += [f"--since {since}"] * (since is not None) + [f"--until {until}"] * (until is not None)
    return Filters(
        windows=frozenset(windows),
        post_id=post_id,
        events=frozenset(events),
        since_ms=None if since is None else parse_unit(since, "--since")[0],
        until_ms=None if until is None else parse_unit(until, "--until")[1],
        text=" ".join(given),
    )


def _nearest(name: str) -> str:
    by_lower = {known.lower(): known for known in EVENTS}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.0)
    return f"; the nearest one is {by_lower[near[0]]}" if near else f"; known are {', '.join(EVENTS)}"
