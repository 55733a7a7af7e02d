"""The hotkey vouches for each window's work (design, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from audit.rules.books import Books
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.journal import Record

__all__ = ["WindowsVouchedFor"]

_WAITING: Final = "WaitingForWindow"
# A window may open in the moment in which work on the one before ends; then there is no time to sign in between.
_MOMENT_MS: Final = 5_000


class WindowsVouchedFor(Rule):
    """Signatures themselves are checked by ``verify --hotkey``."""

    name = "checkpoints"
    demands = "a checkpoint is signed once the work of a window rests, by the next process if one ends or crashes there"
    lacks = "work that began before"

    def __init__(self) -> None:
        self._work: int | None = None
        self._rest: tuple[int, int] | None = None

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Work, then rest, then a checkpoint before the next window; a start that rests begins the wait anew."""
        event, record = entry.event, entry.record
        match event:
            case ev.CheckpointSigned() | ev.ApiMoved() | ev.GapDeclared():
                self._work = self._rest = None
            case ev.ActorStarted():
                self._rest = None
            case ev.ActorStopped():
                yield from self._missing(record, entry.books, "the end of the process")
                self._rest = None
            case ev.EffectCrashed() if event.effect == "SignCheckpoint":
                self._work = self._rest = None
            case ev.WindowOpened():
                yield from self._open(entry)
            case ev.PostsScraped() | ev.ScrapeFailed() | ev.BudgetSpent() | ev.SubmissionStarted():
                self._work, self._rest = record.seq, None
        if self._work is not None and self._rest is None and self._is_rest(entry):
            self._rest = (record.seq, record.at_ms)

    def end(self, books: Books) -> Iterator[Finding]:
        """The journal may end in the moment before it is signed."""
        if books.last is not None:
            yield from self._missing(books.last, books, "the last record")

    def _open(self, entry: Entry) -> Iterator[Finding]:
        yield from self._missing(entry.record, entry.books, "the next window")
        self._rest = None

    def _missing(self, record: Record, books: Books, until: str) -> Iterator[Finding]:
        if self._work is None or self._rest is None or record.at_ms - self._rest[1] < _MOMENT_MS:
            return
        yield Finding(
            rule=self.name,
            seqs=tuple(sorted({self._rest[0], record.seq})),
            found=f"no checkpoint between the end of the work and {until}",
            expected="CheckpointSigned",
            window=None if books.worked is None else books.worked.number,
        )
        self._work = None

    @staticmethod
    def _is_rest(entry: Entry) -> bool:
        if isinstance(entry.event, ev.ActorStopped):
            return False
        return entry.record.dest == _WAITING or isinstance(entry.event, ev.RateLimited)
