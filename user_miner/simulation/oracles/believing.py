"""Rulings 11 and 18: which windows, lengths and quotas are believed, held against what the world's answers told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from events import catalogue as ev
from sandbox.services import Search, Status, Submission, World
from user_miner.simulation.oracles.oracle import Oracle, Told, is_told_twice
from user_miner.simulation.plan import Violation

__all__ = ["Believed", "SearchesSpaced"]

_SEARCHED: Final = (ev.PostsScraped, ev.ScrapeFailed)
# A request may still be on its way when the one who sent it gives up, in a world of the usual pace.
_ON_THE_WAY_S: Final = 4.0
_ROUNDING_S: Final = 0.002
_AGREE: Final = 3
_LOWER_S: Final = 300.0
_FAR_BLOCKS: Final = 7_200


class Believed(Oracle):
    """Nothing is sent in a window that one answer alone told of, and no other number of one answer is used."""

    EVENTS = (ev.SubmissionStarted, ev.ConfigMismatched, ev.WindowOpened, ev.WindowsRevised)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._lengths = {world.chain.blocks_per_window}
        self._quotas = {world.chain.quota}
        self._block = 0

    def asked_status(self, arrival: Status | Submission, last: Told | None) -> Iterator[Violation]:  # noqa: ARG002
        """What is in force there?"""
        self._block = (arrival.block if isinstance(arrival, Status) else arrival.start_block) or self._block
        self._lengths.add(self.world.chain.blocks_per_window)
        self._quotas.add(self.world.chain.quota)
        yield from ()

    submitted = asked_status

    def told(self, told: Told) -> Iterator[Violation]:
        """Was it told often enough?"""
        event, window = told.event, told.before.window
        if isinstance(event, ev.ConfigMismatched):
            is_length = event.setting == "BLOCKS_PER_WINDOW"
            known, lie = (self._lengths, "short_windows") if is_length else (self._quotas, "large_quota")
            if not is_length:
                known = known | {event.configured}  # tried again after a day in which no answer told any
            if event.served not in known and self._lies(told.life, lie, of_submissions=is_length) < _AGREE:
                text = f"{event.setting}={event.served} is used, which no two answers in a row told"
                yield Violation(rule="R18", text=text, seq=told.record.seq)
        elif isinstance(event, ev.WindowOpened):
            yield from self._opened(event, told)
        elif isinstance(event, ev.WindowsRevised):
            since_s = told.at_s - _LOWER_S + _ON_THE_WAY_S
            is_cut = event.start_block > event.believed_start_block
            contradictions = event.answers // 4 + 1  # so many are too many
            if not is_cut and is_told_twice(
                self.world,
                event.believed_start_block,
                told.life,
                since_s=since_s,
                times=contradictions,
                most=event.believed_start_block + _FAR_BLOCKS,
            ):
                text = (
                    f"the window that begins at block {event.believed_start_block} is taken back, and was told lately"
                )
                yield Violation(rule="R18", text=text, seq=told.record.seq)
        elif window is not None and not is_told_twice(self.world, window.start_block, told.life):
            text = f"a post is to be sent in the window that begins at block {window.start_block}, told once at most"
            yield Violation(rule="R18", text=text, seq=told.record.seq)

    def _opened(self, event: ev.WindowOpened, told: Told) -> Iterator[Violation]:
        newest = told.before.newest
        if newest is not None and newest.start_block < event.start_block < newest.end_block:
            text = f"the window that begins at block {event.start_block} overlaps the one from {newest.start_block}"
            yield Violation(rule="R18", text=text, seq=told.record.seq)
        known = self._block if newest is None else max(self._block, newest.end_block)
        far = known + _FAR_BLOCKS
        is_far = newest is not None and event.current_block > far
        if is_far and not is_told_twice(self.world, far, told.life, times=_AGREE):
            text = f"block {event.current_block} is believed, which fewer than {_AGREE} answers told"
            yield Violation(rule="R18", text=text, seq=told.record.seq)

    def _lies(self, life: int, lie: str, *, of_submissions: bool) -> int:
        """How many answers named a number that never was; those between them that named the true one may be lost."""
        ledger = self.world.ledger
        told: list[Status | Submission] = [*ledger.statuses, *(ledger.submissions if of_submissions else ())]
        return sum(arrival.lie == lie and arrival.life == life for arrival in told)


class SearchesSpaced(Oracle):
    """A search begins a quarter of a window's time after the last or later, where the host's clock is right."""

    EVENTS = _SEARCHED

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._last: Told | None = None

    def told(self, told: Told) -> Iterator[Violation]:
        """The last search on record."""
        self._last = told
        yield from ()

    def searched(self, arrival: Search, last: Told | None) -> Iterator[Violation]:
        """Does it come too soon?"""
        if last is None or self._last is None or arrival.life != last.life:
            return
        # A record whose writer was killed is told of when the next process reads it.
        recorded_s = self._last.record.at_ms / 1000 - max(last.wall_offset_s, self._last.wall_offset_s)
        floor_s, apart_s = last.after.search_floor_s, arrival.at_s - recorded_s
        is_late = apart_s <= _ON_THE_WAY_S * self.world.habits.slowness
        jumped = any(d.place == "clock" for d in self.world.weather.happened)
        if not is_late and not jumped and apart_s < floor_s - _ROUNDING_S:
            text = f"X was searched {apart_s:.1f} s after the search of record {self._last.record.seq}"
            yield Violation(rule="floor", text=f"{text}; {floor_s:g} s were due", seq=last.record.seq)
