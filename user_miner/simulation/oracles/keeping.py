"""What is begun comes to its end: answers are heard, searches answered, crashes rested from, posts given up in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from actor.machine.state import PendingPost
from events import catalogue as ev
from events.prices import usd, uusd
from sandbox.services import Lookup, Search, Submission, World
from user_miner.simulation.oracles.oracle import BEFORE_START, Oracle, Told
from user_miner.simulation.plan import Violation

__all__ = ["Abandoned", "Answered", "Dated", "Heard", "Rested", "Understood", "XBudget"]

_OUTCOMES: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed, ev.RateLimited)
# By the word of the world's books; every other outcome is a failure to whoever sent it.
_MEANT: Final[Mapping[str, type[ev.Event]]] = {
    "new": ev.SubmissionAccepted,
    "duplicate": ev.SubmissionAccepted,
    "conflict": ev.SubmissionRejected,
    "invalid": ev.SubmissionRejected,
    "quota": ev.RateLimited,
}
# What ends a search; behind ApiMoved, the window is another API's.
_SEARCHED: Final = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent, ev.ApiMoved)
_ROUNDING_S: Final = 0.002
_AT_ONCE_S: Final = 5.0
_SOON_S: Final = 35.0  # the miner looks at the clock every 30 s
_A_MOMENT_MS: Final = 2
_AHEAD_S: Final = 300.0
_DAY_S: Final = 86_400


class Heard(Oracle):
    """An answer to a submission that reached the miner is on record before the miner stops."""

    EVENTS = (*_OUTCOMES, ev.ActorStarted, ev.EffectCrashed, ev.ActorStopped)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sent: Submission | None = None

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """The one that is under way; a 429 without numbers has the status asked for first."""
        if last is not None and arrival.life == last.life:
            self._sent = None if arrival.outcome == "quota" or arrival.fault.startswith("429") else arrival
        yield from ()

    def told(self, told: Told) -> Iterator[Violation]:
        """Was it heard?"""
        event, sent = told.event, self._sent
        if not isinstance(event, ev.ActorStopped):
            self._sent = None
        elif sent is not None and sent.delivered_s is not None:
            text = f"post {sent.post_id} was answered at {sent.delivered_s:.1f} s, and the miner stopped without a word"
            yield Violation(rule="heard", text=text, seq=told.record.seq)


class Understood(Oracle):
    """What the server did with a submission, and told, is what is on record."""

    EVENTS = (*_OUTCOMES, ev.SubmissionStarted, ev.ActorStarted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sent: dict[str, Submission] = {}
        self._numbers: set[int] = set()

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """The newest of its post, without what the network repeats."""
        if last is not None and arrival.life == last.life and arrival.number not in self._numbers:
            self._sent[arrival.post_id] = arrival
        self._numbers.add(arrival.number)
        yield from ()

    def told(self, told: Told) -> Iterator[Violation]:
        """Does it say what the answer said?"""
        event = told.event
        if not isinstance(event, _OUTCOMES):  # another attempt, whatever became of the one before
            self._sent.clear()
            return
        sent = self._sent.pop(event.post_id, None)
        if sent is None:
            return
        is_told = sent.delivered_s is not None and sent.fault != "500_acted"
        meant = _MEANT.get(sent.outcome, ev.SubmissionFailed) if is_told else ev.SubmissionFailed
        if not isinstance(event, meant):
            answer = f"{sent.outcome!r}" if is_told else "nothing that says so"
            text = f"post {event.post_id} was answered {answer}, on record is {told.record.name}"
            yield Violation(rule="verdict", text=text, seq=told.record.seq)


class Answered(Oracle):
    """A search that is due ends in an answer, a failure or a refusal by a budget, whatever happens in between."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._due: Told | None = None

    def told(self, told: Told) -> Iterator[Violation]:
        """Is it due, and did it end?"""
        window = told.after.window
        if isinstance(told.event, _SEARCHED):
            self._due = None
        if window == told.before.window:
            return
        if self._due is not None:
            text = f"the search that was due since record {self._due.record.seq} was never answered"
            yield Violation(rule="search", text=text, seq=told.record.seq)
        self._due = told if told.after.to_scrape else None


class Rested(Oracle):
    """An effect that crashed rests for as long as the policy says."""

    EVENTS = (ev.ActorStarted, ev.EffectCrashed, ev.BackoffElapsed)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._crashes: list[Told] = []

    def told(self, told: Told) -> Iterator[Violation]:
        """Did it? While the clock jumped, rests that overlap are as long as the first of them."""
        event, backoff = told.event, told.after.backoff
        if isinstance(event, ev.ActorStarted):
            self._crashes.clear()  # a new process has nothing but the wall clock to measure by
        elif isinstance(event, ev.EffectCrashed) and backoff is not None and backoff.kind == "crash":
            self._crashes.append(told)
        elif isinstance(event, ev.BackoffElapsed) and self._crashes:
            crash = self._crashes[-1]
            jumped = any(abs(told.wall_offset_s - c.wall_offset_s) >= _ROUNDING_S for c in self._crashes)
            self._crashes.clear()
            rested_s, due_s = told.at_s - crash.at_s, crash.before.policy.crash_backoff_s
            if rested_s < due_s - _ROUNDING_S and not jumped:
                text = f"{rested_s:.2f} s after the crash of record {crash.record.seq}; {due_s:g} s were due"
                yield Violation(rule="crash", text=text, seq=told.record.seq)


class Abandoned(Oracle):
    """Ruling 9: a post that was carried into too many windows is given up at once, one that is too old soon.

    How old it is the miner knows by its host's clock alone, which is that of the record.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[tuple[str, str], Told] = {}

    def told(self, told: Told) -> Iterator[Violation]:
        """Was it sent or carried too old; which posts are overdue, and since when?"""
        yield from self._used(told)
        overdue = {(p.post.id, why): limit_s for p in told.after.posts for why, limit_s in _overdue(told, p)}
        another = isinstance(told.event, (ev.ActorStarted, *BEFORE_START))  # process
        self._since = {} if another else {key: since for key, since in self._since.items() if key in overdue}
        for (post_id, why), limit_s in overdue.items():
            since = self._since.setdefault((post_id, why), told)
            # A record whose writer died is told late; its own time is when it was written.
            written_s = (told.record.at_ms - since.record.at_ms) / 1000
            kept_s = min(told.at_s - since.at_s, written_s)
            if kept_s > limit_s and not self.world.ledger.slept_since(since.at_s):
                text = f"post {post_id} was {why} at record {since.record.seq}, and is still kept"
                yield Violation(rule="R9", text=text, seq=told.record.seq)

    def _used(self, told: Told) -> Iterator[Violation]:
        event = told.event
        if isinstance(event, ev.SubmissionStarted):
            sent = [p for p in told.before.posts if p.post.id == event.post_id]
            used, how = sent, "an attempt began of"
        elif told.after.window is not None and told.after.window != told.before.window:
            used, how = [p for p in told.after.posts if p.deferrals and not p.deferred], "a window was opened for"
        else:
            return
        for pending in used:
            if told.after.is_too_old(pending.post, told.record.at_ms - _A_MOMENT_MS):
                text = f"{how} post {pending.post.id}, which is too old"
                yield Violation(rule="R9", text=text, seq=told.record.seq)


def _overdue(told: Told, pending: PendingPost) -> Iterator[tuple[str, float]]:
    """Why a post that waits is to be given up, and within how many seconds."""
    if not pending.deferred:
        return
    if pending.deferrals > told.after.policy.max_carried_windows:
        yield "carried too long", _AT_ONCE_S
    if told.after.is_too_old(pending.post, told.record.at_ms):
        yield "too old", _SOON_S


class Dated(Oracle):
    """Ruling 17: no post is taken whose date was not asked for, or lies ahead of the host's clock."""

    EVENTS = (ev.PostsScraped,)

    def told(self, told: Told) -> Iterator[Violation]:
        """Whatever X told. Where the clock was set, it may have been another one when the page came."""
        event = told.event
        if not isinstance(event, ev.PostsScraped) or any(
            d.place == "clock" and d.kind != "sleep" for d in self.world.weather.happened
        ):
            return
        at_s = told.record.at_ms / 1000
        for post in event.posts:
            if event.since is None or not event.since <= post.timestamp <= at_s + _AHEAD_S:
                text = f"post {post.id} was taken, {(at_s - post.timestamp) / 3600:.2f} hours old as X told"
                yield Violation(rule="dates", text=text, seq=told.record.seq)


class XBudget(Oracle):
    """What X billed in a day stays within MAX_X_USD_PER_DAY, by the world's own bill.

    The miner reckons by its host's clock, so worlds that disturb the clock are left out.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._billed_uusd: dict[int, int] = {}

    def searched(self, arrival: Search, last: Told | None) -> Iterator[Violation]:
        """Was there money left for it?"""
        yield from self._bill(arrival, last, len(arrival.posts), arrival.users)

    def looked_up(self, arrival: Lookup, last: Told | None) -> Iterator[Violation]:
        """Likewise."""
        yield from self._bill(arrival, last, 0, len(arrival.users))

    def _bill(self, arrival: Search | Lookup, last: Told | None, posts: int, users: int) -> Iterator[Violation]:
        if last is None:
            return
        policy = last.after.policy
        day = int(self.world.epoch_s + arrival.at_s) // _DAY_S
        before = self._billed_uusd.get(day, 0)
        billed = self._billed_uusd[day] = before + policy.prices.x_uusd(posts, users)
        limit_usd = policy.max_x_usd_per_day
        if limit_usd is None or arrival.life != last.life or billed <= uusd(limit_usd):
            return
        if all(d.place != "clock" for d in self.world.weather.happened):
            text = f"X billed ${usd(billed):.3f} in a day; ${limit_usd:g} were allowed"
            yield Violation(rule="budget", text=text, seq=last.record.seq)
