"""The hotkey vouches for each window's work (design, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["WindowsVouchedFor"]

_WAITING: Final = "WaitingForWindow"
# A window may open in the moment in which work on the one before ends; then there is no time to sign in between.
_MOMENT_MS: Final = 5_000


class WindowsVouchedFor(Rule):
    """Signatures themselves are checked by ``verify --hotkey``."""

    name = "checkpoints"
    demands = "a checkpoint is signed once the work of a window rests, unless the process ends or crashes there"
    lacks = "work that began before"

    def __init__(self) -> None:
        self._work: int | None = None
        self._rest: tuple[int, int] | None = None

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Work, then rest, then a checkpoint before the next window."""
        event, record = entry.event, entry.record
        match event:
            case ev.CheckpointSigned() | ev.ActorStarted() | ev.ActorStopped() | ev.ApiMoved() | ev.GapDeclared():
                self._work = self._rest = None
            case ev.EffectCrashed() if event.effect == "SignCheckpoint":
                self._work = self._rest = None
            case ev.WindowOpened():
                yield from self._open(entry)
            case ev.PostsScraped() | ev.ScrapeFailed() | ev.BudgetSpent() | ev.SubmissionStarted():
                self._work, self._rest = record.seq, None
        if self._work is not None and self._rest is None and self._is_rest(entry):
            self._rest = (record.seq, record.at_ms)

    def _open(self, entry: Entry) -> Iterator[Finding]:
        rest = self._rest
        self._rest = None
        if self._work is None or rest is None or entry.record.at_ms - rest[1] < _MOMENT_MS:
            return
        yield self.finding(
            entry,
            rest[0],
            found="no checkpoint between the end of the work and the next window",
            expected="CheckpointSigned",
            window=None if entry.books.worked is None else entry.books.worked.number,
        )
        self._work = None

    @staticmethod
    def _is_rest(entry: Entry) -> bool:
        return entry.record.dest == _WAITING or isinstance(entry.event, ev.RateLimited)
