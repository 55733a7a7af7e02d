"""What recent records tell of windows and blocks: what became of each window, how fast blocks come. From events."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from actor.machine import State
from audit.windows import WindowLog, WindowOutcome
from events import catalogue as ev
from events.journal import Record

__all__ = ["OPEN", "Told", "WindowsSeen"]

OPEN: Final = "open"

_WINDOWS: Final = 4_096
_BLOCKS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A block that the API told, in which record and when (unix milliseconds)."""

    block: int
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Ended:
    """Windows whose outcome is known; those that nobody heard of lie somewhere between two times."""

    from_ms: int
    to_ms: int
    outcome: WindowOutcome


class WindowsSeen:
    """Fed records in order.

    Args:
        state: What is known of the miner near the first record: its quota decides what a full window is.
    """

    def __init__(self, state: State) -> None:
        self._log = WindowLog(
            quota=(state.policy.max_submissions_per_window, state.served_max_submissions),
            attempts=state.policy.submit_attempts,
            holds=state.policy.on_analysis_error == "hold",
        )
        self._ended: deque[_Ended] = deque(maxlen=_WINDOWS)
        self._blocks: deque[Told] = deque(maxlen=_BLOCKS)
        self._last_ms: int | None = None

    def take(self, record: Record, event: ev.Event) -> None:
        """Note one more record."""
        self._last_ms = record.at_ms
        for outcome in self._log.take(record, event):
            told = self.told if outcome.number is None else None
            self._ended.append(_Ended(record.at_ms if told is None else told.at_ms, record.at_ms, outcome))
        if isinstance(event, ev.WindowOpened):
            self._blocks.append(Told(block=event.current_block, seq=record.seq, at_ms=record.at_ms))
        elif isinstance(event, ev.WindowsRevised):
            self._blocks.clear()  # what was told before was none
            self._blocks.append(Told(block=event.current_block, seq=record.seq, at_ms=record.at_ms))
        elif isinstance(event, ev.ApiMoved):
            self._blocks.clear()  # another API may count other blocks

    @property
    def told(self) -> Told | None:
        """The last block that a record names."""
        return self._blocks[-1] if self._blocks else None

    @property
    def block_s(self) -> float | None:
        """Seconds for each block, as the last windows were told; None before there are two."""
        paces = [
            (after.at_ms - before.at_ms) / 1000 / (after.block - before.block)
            for before, after in pairwise(self._blocks)
            if after.block > before.block and after.at_ms > before.at_ms
        ]
        return statistics.median(paces) if paces else None

    def since(self, since_ms: int) -> Counter[str]:
        """How many windows ended since then, by outcome; of those never told, the share that the time suggests.

        As in an audit, the records end here: the newest window counts where it was worked on, and else is `OPEN`.
        """
        found: Counter[str] = Counter()
        last_ms = self._last_ms
        if last_ms is not None and last_ms >= since_ms:
            found.update(outcome.outcome for outcome in self._log.end())
            found[OPEN] += self._log.undecided
        for ended in self._ended:
            if ended.to_ms < since_ms:
                continue
            length_ms = ended.to_ms - ended.from_ms
            share = 1.0 if length_ms <= 0 else (ended.to_ms - max(ended.from_ms, since_ms)) / length_ms
            if count := round(ended.outcome.count * share):
                found[ended.outcome.outcome] += count
        return found
