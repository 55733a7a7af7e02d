"""I9 in the world's view: a window during which everything answered, and one process ran, was used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Final

from events import catalogue as ev
from sandbox.services import Arrival, Lookup, Search, Status, Submission, World
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.plan import Outcome, Violation

__all__ = ["HealthyWindows"]

# Whatever went wrong before this is over: the longest analysis, and the waits of a submission.
_RECOVERED_S: Final = 300.0
_LONG_ENOUGH_S: Final = 60.0
_TAKEN_BACK_S: Final = 900.0
_FAR_WINDOWS: Final = 2
_AGREED_S: Final = 300.0
_TROUBLES: Final = (ev.EffectCrashed, ev.ActorStarted, ev.ActorStopped, ev.ScrapeFailed, ev.AuthorLookupFailed)
# What changes the newest window, or how long a 429 binds.
_MOVES: Final = (ev.WindowOpened, ev.RateLimited, ev.ApiMoved, ev.ConfigMismatched)


class HealthyWindows(Oracle):
    """I9.

    A window counts as healthy when one process lived through it, was told of it twice and of the next one by the API,
    every request in it and for five minutes before arrived and was answered, and no effect crashed.
    """

    EVENTS = (*_TROUBLES, ev.BudgetSpent, ev.PostAnalyzed, *_MOVES)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._used: set[int] = set()
        self._excused: set[int] = set()
        self._troubles_s: list[float] = []
        self._blocks = world.chain.blocks_per_window

    def searched(self, arrival: Search | Lookup, last: Told | None) -> Iterator[Violation]:  # noqa: ARG002
        """A use of the window that the miner works on."""
        if last is not None and last.after.window is not None:
            self._used.add(last.after.window.start_block)
        yield from ()

    looked_up = searched

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:  # noqa: ARG002
        """A use of the window that the server is in."""
        self._used.add(arrival.start_block)
        yield from ()

    def told(self, told: Told) -> Iterator[Violation]:
        """What excuses."""
        event, window = told.event, told.after.window
        if isinstance(event, _TROUBLES):
            self._troubles_s.append(told.at_s)
        if isinstance(event, ev.PostAnalyzed) and told.before.window is not None:
            pending = told.before.pending(event.post_id)
            if pending is not None and pending.deferrals:  # what was held is analyzed, and may be left out
                self._used.add(told.before.window.start_block)
        if isinstance(event, ev.BudgetSpent) and window is not None:
            self._excused.add(window.start_block)
        newest = told.after.newest
        if newest is not None and told.after.backoff is not None and told.after.backoff.until_block is not None:
            self._excused.update(range(newest.start_block, told.after.backoff.until_block, self._blocks))
        yield from ()

    def end(self, outcome: Outcome, last: Told | None) -> Iterator[Violation]:  # noqa: ARG002
        """Go through what was told, process by process."""
        if any(d.place == "chain" and d.kind in {"resize", "back"} for d in outcome.disturbances):
            return  # what is one window to the server may then be none, or two, to who asks
        sleeps = [moment_s for begins_s, ends_s in outcome.ledger.sleeps for moment_s in _every(begins_s, ends_s)]
        told = [status for status in outcome.ledger.statuses if status.delivered_s is not None]
        troubles = sorted([*self._troubles_s, *_troubles_s(outcome), *sleeps, *_jumps_s(told, self._blocks)])
        for first, following in _windows(told, self._blocks):
            start = (first.block or 0) // self._blocks * self._blocks
            whole = following.at_s - first.at_s >= _LONG_ENOUGH_S and first.life == following.life
            # Posts that were carried over fill it without a search, and are not sent on the word of one answer.
            whole = whole and sum((status.block or 0) // self._blocks * self._blocks == start for status in told) > 1
            from_s, to_s = first.at_s - _RECOVERED_S, following.at_s
            healthy = whole and not any(from_s <= trouble_s <= to_s for trouble_s in troubles)
            if healthy and start not in self._used and start not in self._excused:
                text = f"the window that begins at block {start} was healthy from {first.at_s:.0f} s to {to_s:.0f} s"
                yield Violation(rule="I9", text=f"{text}, and nothing was searched or sent in it")


def _windows(told: Sequence[Status], blocks: int) -> Iterator[tuple[Status, Status]]:
    """For each window that was told, the first answer that told it and the first that told a later one."""
    firsts: list[Status] = []
    for status in told:
        start = (status.block or 0) // blocks
        if not firsts or start > (firsts[-1].block or 0) // blocks:
            firsts.append(status)
    return pairwise(firsts)


def _troubles_s(outcome: Outcome) -> Iterator[float]:
    """When something went wrong with a request: those that never arrived leave a number out."""
    ledger = outcome.ledger
    for arrivals in (ledger.statuses, ledger.submissions, ledger.searches, ledger.lookups, ledger.chats):
        numbered: list[Arrival] = sorted(arrivals, key=attrgetter("number"))
        yield from (arrival.at_s for arrival in numbered if arrival.fault or arrival.delivered_s is None)
        yield from (at_s for arrival in numbered if getattr(arrival, "lie", "") for at_s in _while_believed(arrival))
        for before, after in pairwise(numbered):
            if after.number > before.number + 1:
                yield from _every(*sorted((before.at_s, after.at_s)))


def _jumps_s(told: Sequence[Status], blocks: int) -> Iterator[float]:
    """A block far ahead is believed once several answers agreed."""
    for before, after in pairwise(told):
        if (after.block or 0) > (before.block or 0) + _FAR_WINDOWS * blocks:
            yield from _every(after.at_s, after.at_s + _AGREED_S)


def _while_believed(arrival: Arrival) -> Iterator[float]:
    """A window that was none is taken back once several answers agreed for some minutes."""
    return _every(arrival.at_s, arrival.at_s + _TAKEN_BACK_S)


def _every(from_s: float, to_s: float) -> Iterator[float]:
    """Moments close enough to each other that no healthy window fits between."""
    while from_s < to_s:
        yield from_s
        from_s += _LONG_ENOUGH_S
    yield to_s
