"""One window as lanes of bars: the state, the search, and each post with its analysis, attempts and waits. Pure.

Times are unix milliseconds and never go back: a record that is dated before the one before it counts as of the same
moment. Idle time may be folded: a stretch in which nothing was under way, long by itself and beside the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from actor.machine import State
from actor.machine.history import Step
from actor.machine.state import PendingPost
from events import catalogue as ev

__all__ = ["gantt"]

_FOLDED_MS: Final = 8_000
_FOLDED_SHARE: Final = 0.15
_MOST_FOLDS: Final = 5
_IDLE: Final = ("WaitingForWindow", "Backoff", "down")
_ANSWERS: Final = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.SubmissionFailed: "failed",
    ev.RateLimited: "rate limited",
}
_SEARCHES: Final = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent)
_ON_POSTS: Final = (ev.PostAnalyzed, ev.AnalysisFailed, ev.PostAbandoned)
# What a start may write before ActorStarted.
_OPENING: Final = (ev.JournalCreated, ev.ApiMoved, ev.TailRepaired, ev.GapDeclared)


@dataclass(frozen=True, slots=True)
class _Bar:
    start: int
    end: int
    kind: str
    seq: int

    def fields(self) -> list[Any]:
        return [self.start, self.end, self.kind, self.seq]


@dataclass(slots=True, kw_only=True, eq=False)
class _Lane:
    post_id: str
    author: str
    carried_from: int | None = None
    verdict: str = ""
    verdict_seq: int = 0
    bars: list[_Bar] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        return {
            "post": self.post_id,
            "author": self.author,
            "carried_from": self.carried_from,
            "verdict": self.verdict,
            "verdict_seq": self.verdict_seq,
            "bars": [bar.fields() for bar in self.bars],
        }


def gantt(steps: Sequence[Step]) -> dict[str, Any]:
    """The lanes of the window that these steps are all of."""
    chart = _Chart(steps[0])
    for step in steps:
        chart.take(step)
    return chart.fields(steps[-1].after)


class _Chart:
    def __init__(self, first: Step) -> None:
        self._from_ms = self._now = self._alive = first.record.at_ms
        self._states: list[_Bar] = []
        self._state: str = first.before.state if first.before.running else "down"
        self._since, self._state_seq = self._now, 0
        self._search: list[_Bar] = []
        self._lanes: dict[str, _Lane] = {}
        self._sent: dict[str, tuple[int, int]] = {}
        self._waits: tuple[str, int, int] | None = None
        opened = getattr(first.event, "window", None)
        for pending in first.before.posts:
            self._lane(pending).carried_from = pending.window if pending.window != opened else None

    def take(self, step: Step) -> None:
        event, seq = step.event, step.record.seq
        self._now = max(self._now, step.record.at_ms)
        for pending in step.after.posts if step.after.posts is not step.before.posts else ():
            self._lane(pending)
        self._take_state(step)
        if isinstance(event, _SEARCHES):
            kind = "search" if isinstance(event, ev.PostsScraped) else "failed"
            self._search.append(self._past(getattr(event, "latency_ms", 0), kind, seq))
        elif isinstance(event, ev.SubmissionStarted):
            self._sent[event.post_id] = (self._now, seq)
        elif isinstance(event, ev.ActorStarted):
            for post_id in list(self._sent):
                self._answer(post_id, "unknown", seq)
        elif isinstance(event, _ON_POSTS) and event.post_id in self._lanes:
            self._take_post(event, step)
        elif isinstance(event, tuple(_ANSWERS)):
            self._answer(getattr(event, "post_id", ""), _ANSWERS[type(event)], seq)
        self._take_wait(step)

    def _take_post(self, event: ev.PostAnalyzed | ev.AnalysisFailed | ev.PostAbandoned, step: Step) -> None:
        if isinstance(event, ev.PostAbandoned):
            self._verdict(event.post_id, "given up", step.record.seq)
            return
        kind = "analysis" if isinstance(event, ev.PostAnalyzed) else "analysis failed"
        self._lanes[event.post_id].bars.append(self._past(event.latency_ms, kind, step.record.seq))
        if step.after.pending(event.post_id) is None and step.before.pending(event.post_id) is not None:
            self._verdict(event.post_id, "left out", step.record.seq)

    def _take_state(self, step: Step) -> None:
        state: str = step.record.dest
        if isinstance(step.event, ev.ActorStopped):
            state = "down"
        elif isinstance(step.event, _OPENING):
            return
        elif isinstance(step.event, ev.ActorStarted) and self._state != "down":
            self._turn("down", self._alive, step.record.seq)
        if state != self._state:
            self._turn(state, self._now, step.record.seq)
        self._alive = self._now

    def _turn(self, state: str, at_ms: int, seq: int) -> None:
        if at_ms > self._since:
            self._states.append(_Bar(self._since, at_ms, self._state, self._state_seq))
        self._state, self._since, self._state_seq = state, at_ms, seq

    def _take_wait(self, step: Step) -> None:
        """The waits after a failed attempt, which belong to the post's lane."""
        if self._waits is not None and step.after.backoff is not step.before.backoff:
            post_id, since, seq = self._waits
            self._lanes[post_id].bars.append(_Bar(since, self._now, "wait", seq))
            self._waits = None
        backoff = step.after.backoff
        post_id = step.event.post_id if isinstance(step.event, ev.SubmissionFailed | ev.RateLimited) else ""
        if post_id in self._lanes and backoff is not None:
            self._waits = (post_id, self._now, step.record.seq)

    def _lane(self, pending: PendingPost) -> _Lane:
        post = pending.post
        return self._lanes.setdefault(post.id, _Lane(post_id=post.id, author=post.author))

    def _past(self, latency_ms: int, kind: str, seq: int) -> _Bar:
        return _Bar(max(self._from_ms, self._now - max(0, latency_ms)), self._now, kind, seq)

    def _answer(self, post_id: str, kind: str, seq: int) -> None:
        since, _ = self._sent.pop(post_id, (self._now, seq))
        if post_id in self._lanes:
            self._lanes[post_id].bars.append(_Bar(since, self._now, kind, seq))
            if kind in {"accepted", "rejected"}:
                self._verdict(post_id, kind, seq)

    def _verdict(self, post_id: str, verdict: str, seq: int) -> None:
        lane = self._lanes[post_id]
        lane.verdict, lane.verdict_seq = verdict, seq

    def fields(self, last: State) -> dict[str, Any]:
        end = self._now
        if self._waits is not None:
            post_id, since, seq = self._waits
            self._lanes[post_id].bars.append(_Bar(since, end, "wait", seq))
        for post_id, (since, seq) in self._sent.items():
            if post_id in self._lanes:
                self._lanes[post_id].bars.append(_Bar(since, end, "under way", seq))
        states = [*self._states, _Bar(self._since, end, self._state, self._state_seq)]
        for lane in self._lanes.values():
            if not lane.verdict:
                pending = last.pending(lane.post_id)
                lane.verdict = "left out" if pending is None else "carried on" if pending.deferred else "pending"
        return {
            "from": self._from_ms,
            "to": end,
            "states": [bar.fields() for bar in states],
            "search": [bar.fields() for bar in self._search],
            "lanes": [lane.fields() for lane in self._lanes.values()],
            "folds": self._folds(states, end),
        }

    def _folds(self, states: list[_Bar], end: int) -> list[list[int]]:
        """The longest stretches of idle states that no other bar reaches into; waits for a retry are work."""
        busy = [bar for lane in self._lanes.values() for bar in lane.bars if bar.kind != "wait" or bar.end < end]
        bars = sorted(
            [*self._search, *busy, *(bar for bar in states if bar.kind not in _IDLE)], key=lambda bar: bar.start
        )
        found, reached = [], self._from_ms
        for bar in [*bars, _Bar(end, end, "", 0)]:
            if bar.start - reached > max(_FOLDED_MS, _FOLDED_SHARE * (end - self._from_ms)):
                found.append([reached, bar.start])
            reached = max(reached, bar.end)
        return sorted(sorted(found, key=lambda fold: fold[0] - fold[1])[:_MOST_FOLDS])
