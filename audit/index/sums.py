"""Running sums over a journal, as the index keeps them at its end: the books of costs, and what a status shows.

They are kept as pickles, behind a checksum, and only classes that are named here are ever made of one.
"""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from actor.machine.budget import DAY_MS
from actor.machine.history import Step
from audit.costs.books import DayBooks, WindowBill
from audit.index.strip import Strip
from audit.status.seen import Seen
from events.journal import BadRecordError, parse
from events.journal.layout import first_seq, list_segments

__all__ = ["Sums", "late_from"]

_MOST_SEEN: Final = 4
_OURS: Final = ("audit.", "events.")
_THEIRS: Final = frozenset(
    {
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "deque"),
        ("msgspec._utils", "rebuild"),
        ("msgspec._core", "UNSET"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("copyreg", "_reconstructor"),
        ("builtins", "object"),
    }
)


class Sums:
    """Fed every step.

    Attributes:
        books: What was paid for.
        seen: What a status shows that is read from the first record of a file on, by that record.
        ended: The windows whose work ended since somebody took them away.
        strip: What became of each window.
    """

    def __init__(self, late: int) -> None:
        self.books = DayBooks()
        self.seen: dict[int, Seen] = {}
        self.ended: list[WindowBill] = []
        self.strip = Strip()
        self._late = late

    def take(self, steps: Iterable[Step], starts: Collection[int]) -> None:
        """Some more steps; ``starts`` are the records that begin a file."""
        for step in steps:
            if (ended := self.books.enter(step)) is not None:
                self.ended.append(ended)
            self.strip.take(step)
            if step.record.seq in starts and step.record.seq >= self._late:
                self.seen[step.record.seq] = Seen(step.before)
            for seen in self.seen.values():
                seen.take(step.record, step.event)

    def forget(self, late: int) -> None:
        """Whoever asks for a status will not begin before record ``late``."""
        self._late = late
        kept = sorted(seq for seq in self.seen if seq >= late)[-_MOST_SEEN:]
        self.seen = {seq: self.seen[seq] for seq in kept}

    def encode(self) -> bytes:
        """As they are kept."""
        return pickle.dumps((self.books, self.seen, self._late, self.strip), protocol=5)

    @classmethod
    def decode(cls, body: bytes) -> Sums:
        """The inverse of `encode`.

        Raises:
            pickle.UnpicklingError: It names what no sums are made of.
        """
        books, seen, late, strip = _Reader(io.BytesIO(body)).load()
        sums = cls(late)
        sums.books, sums.seen, sums.strip = books, seen, strip
        return sums

    @staticmethod
    def encode_windows(windows: Sequence[WindowBill]) -> bytes:
        """Windows whose work has ended, as they are kept."""
        return zlib.compress(pickle.dumps(windows, protocol=5), 1)

    @staticmethod
    def decode_windows(body: bytes) -> list[WindowBill]:
        """The inverse of `encode_windows`; raises as `decode` does."""
        windows: list[WindowBill] = _Reader(io.BytesIO(zlib.decompress(body))).load()
        return windows


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if (module, name) in _THEIRS or module.startswith(_OURS) else None
        if found is None or not (isinstance(found, type) or (module, name) in _THEIRS):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of sums")
        return found


def late_from(directory: Path) -> int:
    """The first record from which on a status may be asked for: that of the file in which the last day begins."""
    late = 1
    names = list_segments(directory)
    last_ms = _first_ms(directory / names[-1]) if names else None
    for name in reversed(names):
        first_ms = _first_ms(directory / name)
        late = first_seq(name)
        if first_ms is not None and last_ms is not None and first_ms <= last_ms - DAY_MS:
            break
    return late


def _first_ms(path: Path) -> int | None:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return parse(line, None).at_ms
    except BadRecordError:
        return None
