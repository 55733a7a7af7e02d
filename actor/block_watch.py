"""Which block numbers in the API's answers are believed, and when (rulings 11 and 18).

One answer may be wrong: a time in place of a block, a backend that is behind, another network's numbers. So what is
out of the ordinary takes several answers that agree, and nothing is sent on the word of one. The memory is this
process's own; a restart begins anew. It decides nothing but what to leave out of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Final

from actor.machine.facts import told_start
from actor.machine.state import State, Window
from actor.ports import Block, Clock
from events.catalogue import WindowsRevised
from events.codec import changed

__all__ = ["FAR_BLOCKS", "BlockWatch"]

# A day. No jump as far as this is believed on one answer, however long nothing was heard.
FAR_BLOCKS: Final = 7_200
# One answer is enough for a block that the time since the last one allows. Allowed are three times as many blocks as
# BLOCK_SECONDS gives, for they may come faster, and two windows more: after a start only the last window is known, and
# a stalled backend may catch up.
_PACE: Final = 3
_SPARE_WINDOWS: Final = 2
# Backends behind one address may be so many blocks apart.
_APART_BLOCKS: Final = 5
# A block further ahead is believed when so many answers agree, over the time of so many polls and blocks.
_ANSWERS: Final = 3
_POLLS: Final = 2
_BLOCKS: Final = 2
# A lower block, or a length far above the configured one, is believed when so many answers agree over the time of so
# many blocks, five minutes, and of the polls.
_LOWER_ANSWERS: Final = 5
_LOWER_BLOCKS: Final = 25
# Of answers over minutes one may be wrong for every four that agree: one sick backend must not outvote the others.
_SICK_SHARE: Final = 0.25
# A chain that stalls tells one number for so many blocks' time. A number that comes for longer is no chain's.
_STILL_BLOCKS: Final = 5
# What comes once in more polls than so many is among the answers that may be wrong, and need not be known again.
_RARE_POLLS: Final = 5
# A quota below the configured one holds for a day in which no answer tells any. The API tells it in a 429 only, which
# never comes again while a wrong number makes fewer posts: then the configured one is tried once more.
_QUOTA_S: Final = 86_400.0
# finney's first block, about 2023-03-20; younger and faster chains have lower numbers. With a tenth to spare.
_GENESIS_S: Final = 1_679_270_400
_MARGIN: Final = 1.1
_REMINDER_S: Final = 600.0

_log = logging.getLogger("actor")


class _Agreement:
    """A series of answers that agree: all in a row, or but for a share of others that contradict."""

    def __init__(self, *, spared: float = 0.0) -> None:
        self.answers = 0
        self._spared = spared
        self._against = 0
        self._first = self.last = 0
        self._first_s = self._last_s = 0.0

    @property
    def agreed_s(self) -> float:
        """From the first to the last."""
        return self._last_s - self._first_s

    @property
    def goes_on(self) -> bool:
        """Whether the number has grown."""
        return self.last > self._first

    def hear(self, number: int, now_s: float, block_s: float) -> None:
        """Add an answer. It contradicts the series unless a chain can have gone from the first block to this one."""
        grown = number - self._first
        most = _PACE * (now_s - self._first_s) / block_s + _APART_BLOCKS
        if not -_APART_BLOCKS <= grown <= most:
            self.contradict()
            if self.answers:
                return
        self._add(number, now_s)

    def hear_same(self, number: int, now_s: float) -> None:
        """Add an answer. It begins a new series unless it is the same number."""
        if number != self._first:
            self.forget()
        self._add(number, now_s)

    def contradict(self) -> None:
        """Note an answer that says otherwise. Too many of them end the series."""
        self._against += 1
        if self._against > self._spared * self.answers:
            self.forget()

    def forget(self) -> None:
        """End the series."""
        self.answers = 0

    def _add(self, number: int, now_s: float) -> None:
        if not self.answers:
            self._first, self._first_s, self._against = number, now_s, 0
        self.answers, self.last, self._last_s = self.answers + 1, number, now_s

    def holds(self, answers: int, seconds: float) -> bool:
        """Whether the series has so many answers over so many seconds."""
        return self.answers >= answers and self.agreed_s >= seconds


class BlockWatch:
    """Hears each answer of one process to the status question and to submissions, in the order in which they come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[int, float] | None = None  # believed: the block, and when
        self._highest = (-1, -1)  # the two highest blocks that believed answers told
        self._news = asyncio.Event()
        self._ahead, self._length, self._quota = (_Agreement() for _ in range(3))
        # About blocks before the newest window, and about one within it by a shorter length than it was told with.
        self._behind, self._shorter = (_Agreement(spared=_SICK_SHARE) for _ in range(2))
        # The believed blocks from the newest window on: since when each comes again and again, and when it came last.
        self._came_s: dict[int, tuple[float, float]] = {}
        self._quota_told_s = clock.elapsed_s()  # or the start, before any
        self._is_behind = False  # the last answer: another one may open a window, which then is the newest
        self._reminded_s = -math.inf

    def hear(self, state: State, block: Block) -> Block:
        """The answer without the block numbers that are not believed yet."""
        block = self._with_settled_numbers(state, block)
        start = told_start(state, block)
        if start is None:
            return block
        current = start if block.current_block is None else block.current_block
        return block if self._is_believed(state, start, current) else _without_windows(block)

    def hear_submission(self, state: State, block: Block) -> Block:
        """The same for the answer to a submission that counted or failed. It opens no window that is out of reach.

        Status answers told of the chain moments before, or nothing would have been sent. So there is nothing to spare.
        """
        block = _without_more(state, block)
        start = told_start(state, block)
        if self._last is None or state.newest is None or start is None or start <= state.newest.start_block:
            return self.hear(state, block)
        current = start if block.current_block is None else block.current_block
        since_s = self._clock.elapsed_s() - self._last[1]
        if current <= self._last[0] + _PACE * since_s / state.policy.block_s + _APART_BLOCKS:
            return self.hear(state, block)
        return _without_windows(self._with_settled_numbers(state, block))

    def hear_limit(self, state: State, block: Block) -> Block:
        """The same for a 429. It never raises the quota, for it says that fewer posts were already too many."""
        return self.hear(state, _without_more(state, block))

    def miss(self) -> None:
        """Note a poll without a usable answer: it ends the series about another window length or quota."""
        self._length.forget()
        self._quota.forget()

    def can_be_at(self, state: State, block: int) -> bool:
        """Whether the chain may be at this block by now."""
        return block <= self._reach(state)

    def revision(self, state: State) -> tuple[WindowsRevised, ...]:
        """The event that takes the newest window back, or its length: answers agreed for minutes, and none is due."""
        newest = state.newest
        if newest is None or state.is_under_way():
            return ()
        if self._is_behind and self._is_agreed_for_minutes(self._behind, state):
            return (self._revised(self._behind, state, newest),)
        cut = self._shorter.last // state.blocks_per_window * state.blocks_per_window > newest.start_block
        if cut and not self._length.answers and self._is_agreed_for_minutes(self._shorter, state):
            return (self._revised(self._shorter, state, newest),)
        return ()

    @staticmethod
    def _is_agreed_for_minutes(heard: _Agreement, state: State) -> bool:
        return heard.goes_on and heard.holds(_LOWER_ANSWERS, _minutes_s(state))

    def _revised(self, heard: _Agreement, state: State, newest: Window) -> WindowsRevised:
        number, blocks = heard.last // state.blocks_per_window, state.blocks_per_window
        self._highest = (-1, -1)
        self._believe(heard.last)
        revised = WindowsRevised(
            window=number,
            start_block=number * blocks,
            current_block=heard.last,
            blocks_per_window=blocks,
            believed_start_block=newest.start_block,
            answers=heard.answers,
            agreed_s=round(heard.agreed_s, 3),
            taken=state.taken_of(number * blocks),
        )
        self._behind.forget()
        self._shorter.forget()
        self._came_s.clear()
        return revised

    def is_confirmed(self, window: Window | None) -> bool:
        """Whether two believed answers named a block of this window or of a later one."""
        return window is None or self._highest[1] >= window.start_block

    async def news(self, window: Window | None) -> None:
        """Wait for the next believed answer, unless this window is confirmed. It may be about another window."""
        if not self.is_confirmed(window):
            self._news.clear()
            await self._news.wait()

    def _with_settled_numbers(self, state: State, block: Block) -> Block:
        """Another window length or a higher quota needs answers that agree; a lower quota is believed at once."""
        length, quota = block.blocks_per_window, block.max_submissions
        if length is not None and length != state.blocks_per_window:
            self._shorter.contradict()
        if length is not None and not self._is_settled(self._length, length, state.blocks_per_window, state):
            block = changed(block, blocks_per_window=None, current_window=None)
        known_quota, now_s = state.max_submissions, self._clock.elapsed_s()
        if quota is not None:
            self._quota_told_s = now_s
        elif known_quota < state.policy.max_submissions_per_window and now_s >= self._quota_told_s + _QUOTA_S:
            self._quota_told_s = now_s
            return changed(block, max_submissions=state.policy.max_submissions_per_window)
        if quota is not None and not self._is_settled(self._quota, max(quota, known_quota), known_quota, state):
            block = changed(block, max_submissions=None)
        return block

    def _is_settled(self, heard: _Agreement, number: int, known: int, state: State) -> bool:
        if number == known:
            heard.forget()
            return True
        heard.hear_same(number, self._clock.elapsed_s())
        if heard is self._length and state.is_far_longer(number):
            return heard.holds(_LOWER_ANSWERS, _minutes_s(state))
        return heard.holds(_ANSWERS, _POLLS * state.policy.poll_interval_s)

    def _is_believed(self, state: State, start: int, current: int) -> bool:
        newest = state.newest
        self._is_behind = newest is not None and current < newest.start_block
        if newest is not None and current < newest.start_block:
            self._ahead.forget()
            self._hear_lower(state, newest, current)
            return True  # no window opens by it, but a post may count there
        if not (0 < current <= self._reach(state) or self._is_agreed(state, current)):
            return False
        now_s = self._clock.elapsed_s()
        since_s, last_s = self._came_s.get(current, (now_s, now_s))
        if now_s - last_s > max(_minutes_s(state), _RARE_POLLS * state.policy.poll_interval_s):
            since_s = now_s  # a chain that went back comes to a block anew
        self._came_s[current] = (since_s, now_s)
        if now_s - since_s <= _STILL_BLOCKS * state.policy.block_s:
            self._behind.contradict()
        self._ahead.forget()
        self._believe(current)
        if newest is None or start >= newest.end_block:
            self._shorter.forget()
            self._came_s = {current: (now_s, now_s)}
            return True
        if newest.blocks > max(state.blocks_per_window, state.policy.blocks_per_window):
            self._shorter.hear(current, now_s, state.policy.block_s)
        # A window that overlaps the newest is one of another length, which begins where that ends (ruling 18).
        return start == newest.start_block

    def _believe(self, current: int) -> None:
        first, second = self._highest
        self._last = (current, self._clock.elapsed_s())
        self._highest = (max(first, current), max(second, min(first, current)))
        self._news.set()

    def _reach(self, state: State) -> float:
        """The highest block that is believed on one answer."""
        newest, policy, now_ms = state.newest, state.policy, self._clock.now_ms()
        if newest is None:
            return (now_ms / 1000 - _GENESIS_S) / policy.block_s * _MARGIN
        block, since_s = newest.start_block, max(0.0, (now_ms - newest.opened_ms) / 1000)
        if self._last is not None:
            block, since_s = self._last[0], self._clock.elapsed_s() - self._last[1]
        spare = _SPARE_WINDOWS * max(newest.blocks, state.blocks_per_window)
        return block + min(FAR_BLOCKS, _PACE * since_s / policy.block_s + spare)

    def _is_agreed(self, state: State, current: int) -> bool:
        """Whether answers about a block too far ahead agree for long enough, and go up as a chain does."""
        ahead, policy = self._ahead, state.policy
        ahead.hear(current, self._clock.elapsed_s(), policy.block_s)
        if ahead.holds(_ANSWERS, max(_POLLS * policy.poll_interval_s, _BLOCKS * policy.block_s)) and ahead.goes_on:
            self._behind.forget()  # told before these answers, it says nothing against them
            return True
        self._remind(
            "the API told of block %d, more than a day ahead of the last block, or than the time since then allows; "
            "it is asked again before it is believed (do blocks come faster than BLOCK_SECONDS=%g says?)",
            current,
            policy.block_s,
        )
        return False

    def _hear_lower(self, state: State, newest: Window, current: int) -> None:
        self._behind.hear(current, self._clock.elapsed_s(), state.policy.block_s)
        self._remind(
            "the API is at block %d, before window %d that it told earlier: waiting until it passes that one, or until "
            "its answers have agreed for some minutes; if its chain began anew, use another --journal",
            current,
            newest.number,
        )

    def _remind(self, text: str, *values: object) -> None:
        now_s = self._clock.elapsed_s()
        if now_s >= self._reminded_s + _REMINDER_S:
            self._reminded_s = now_s
            _log.warning(text, *values)


def _minutes_s(state: State) -> float:
    """How long answers agree before what no chain does in its ordinary life is believed."""
    return max(_LOWER_BLOCKS * state.policy.block_s, _POLLS * state.policy.poll_interval_s)


def _without_more(state: State, block: Block) -> Block:
    """Without a quota above the configured one and the one in use, which the status alone may tell: it costs money."""
    most = max(state.max_submissions, state.policy.max_submissions_per_window)
    return changed(block, max_submissions=None) if (block.max_submissions or 0) > most else block


def _without_windows(block: Block) -> Block:
    """Neither block nor window numbers; what else the answer told stays."""
    return Block(blocks_per_window=block.blocks_per_window, max_submissions=block.max_submissions)
