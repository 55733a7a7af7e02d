"""The index of one journal: built as far as it is missing, and asked. Never writes into the journal."""

from __future__ import annotations

import copy
import gc
import pickle
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from actor.machine import INITIAL, State
from actor.machine.history import FoldError, Step, steps
from audit.costs.books import DayBooks, WindowBill
from audit.costs.searches import DueSearch, due_search
from audit.filters import Filters
from audit.index.bound import Bound, IndexUnfitError, Meta
from audit.index.chunk import (
    CHUNK,
    Carried,
    Chunk,
    Columns,
    chunk_of,
    decode,
    encode,
    post_key,
    unpack_columns,
)
from audit.index.states import StateReader, StateWriter
from audit.index.store import BadRowError, Store, remove
from audit.index.strip import Strip
from audit.index.sums import Sums, late_from
from audit.status.seen import Seen
from events.journal import JournalError, JournalReader, Record
from events.journal.head import START
from events.journal.layout import first_seq, list_segments

__all__ = ["SPOILED", "Index"]

# What an index may raise that is not as it was written, or whose journal is not: ask the journal itself then.
SPOILED: Final = (
    BadRowError,
    FoldError,
    IndexUnfitError,
    JournalError,
    OSError,
    OverflowError,
    ValueError,
    msgspec.MsgspecError,
    pickle.UnpicklingError,
    sqlite3.Error,
    zlib.error,
)
_SAVED_EVERY: Final = 256  # chunks
_META: Final = msgspec.msgpack.Decoder(Meta)
_SEARCHES: Final = msgspec.msgpack.Decoder(list[DueSearch])
_STRIP: Final = msgspec.msgpack.Decoder(list[list[Any]])
_WRITER: Final = msgspec.msgpack.Encoder()
_PROGRESS_EVERY: Final = 4


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles, of which a fold makes none, while a long journal is read."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Index:
    """An index, as far as it is there; `follow` takes in what is missing.

    Args:
        journal: The journal's folder.
        path: The index's file; None for one that is gone when it is closed.
        key: What its rows' digests are made with.

    Attributes:
        journal: The journal's folder.
        chunks: The stretches that are indexed, the last one, which may be short, included.
        state: The state after the last record.
        tail_bytes: Length of an unfinished record at the end.
        is_behind: Whether `follow` was told to end before the journal's last record.
    """

    def __init__(self, journal: Path, path: Path | None, key: bytes) -> None:
        self.journal = journal
        self.path = path
        self.tail_bytes = 0
        self.is_behind = True
        self._key = key
        self._rows: dict[tuple[str, int], bytes] = {}  # those that are not in the file
        self._store = self._opened()
        self._read = StateReader(lambda no: self._row("parts", no))
        self._write = StateWriter()
        self._full: list[Chunk] = []
        self._sums: Sums | None = None
        self._kept_sums = b""
        self._meta = self._load()
        self._saved = len(self._full)
        self._bound = Bound(journal, () if self._meta is None else self._meta.files)
        place = START if self._meta is None else self._meta.place
        if self._bound.check():
            self._save_meta()
        self._place = place
        self._reader = JournalReader(journal, begin=place)
        self._reader.check_kept()
        self._before = self._state_row(len(self._full))
        self._tail: list[Step] = []
        self._ends: list[tuple[str, int]] = []
        self._short: list[Chunk] = []
        self._short_columns = b""

    # What is in it

    @property
    def chunks(self) -> list[Chunk]:
        """The stretches that are indexed; the last one may be short."""
        return [*self._full, *self._short]

    @property
    def record_count(self) -> int:
        """How many records the journal has."""
        return len(self._full) * CHUNK + len(self._tail)

    @property
    def state(self) -> State:
        """The state after the last record."""
        return self._tail[-1].after if self._tail else self._before

    @property
    def last_record(self) -> Record | None:
        """The last record; None without one."""
        if self._tail:
            return self._tail[-1].record
        return next(self.records(self.record_count, self.record_count)) if self.record_count else None

    def reader(self) -> JournalReader:
        """A reader of what will be added."""
        return JournalReader(self.journal, begin=self._reader.place)

    def state_at(self, seq: int) -> State:
        """The state after record ``seq``; 0 is before the first one. LookupError where there is no such record."""
        if seq == 0:
            return INITIAL
        if seq == len(self._full) * CHUNK:
            return self._before
        return self.step_at(seq).after

    def step_at(self, seq: int) -> Step:
        """Record ``seq`` between the states around it. LookupError where there is no such record."""
        if not 1 <= seq <= self.record_count:
            raise LookupError(f"there is no record {seq}; the journal ends at record {self.record_count}")
        return next(self.steps(seq, seq))

    def steps(self, first: int, last: int) -> Iterator[Step]:
        """The steps from record ``first`` to record ``last``, folded again from the journal's own bytes."""
        if last < first:
            return
        for at in range((first - 1) // CHUNK, (last - 1) // CHUNK + 1):
            for step in self._chunk_steps(at, last):
                if step.record.seq >= first:
                    yield step

    def records(self, first: int, last: int) -> Iterator[Record]:
        """The records from ``first`` to ``last`` as written, in their places in the chain, and not folded."""
        at = (first - 1) // CHUNK
        found: Iterable[Record] = [step.record for step in self._tail]
        if at < len(self._full):
            found = JournalReader(self.journal, begin=self._full[at].place)
        for record in islice(found, last - at * CHUNK):
            if record.seq >= first:
                yield record

    def columns(self, first: int, last: int) -> Iterator[Columns]:
        """The columns of whole chunks that hold the records from ``first`` to ``last``, chunk by chunk."""
        for at in range((first - 1) // CHUNK, (min(last, self.record_count) - 1) // CHUNK + 1):
            if at < len(self._full):
                yield unpack_columns(self._row("columns", at))
            else:
                yield unpack_columns(self._short_columns)

    def seq_until(self, until_ms: int) -> int:
        """The last record, in the journal's order, whose time is not later; 0 without one."""
        for at, chunk in reversed(list(enumerate(self.chunks))):
            if chunk.min_ms <= until_ms:
                (columns,) = self.columns(at * CHUNK + 1, at * CHUNK + 1)
                return max(seq for seq, at_ms in enumerate(columns.at_ms, chunk.first) if at_ms <= until_ms)
        return 0

    def seq_since(self, since_ms: int) -> int:
        """The first record, in the journal's order, whose time is not earlier; the one behind the last without one."""
        for at, chunk in enumerate(self.chunks):
            if chunk.max_ms >= since_ms:
                (columns,) = self.columns(at * CHUNK + 1, at * CHUNK + 1)
                return next(seq for seq, at_ms in enumerate(columns.at_ms, chunk.first) if at_ms >= since_ms)
        return self.record_count + 1

    def last_before(self, seq: int, name: str) -> int | None:
        """The last record of this event before record ``seq``; None without one."""
        for at, chunk in reversed(list(enumerate(self.chunks[: (seq - 2) // CHUNK + 1]))):
            if name in chunk.names:
                (columns,) = self.columns(at * CHUNK + 1, at * CHUNK + 1)
                found = (no for no, known in enumerate(columns.names, chunk.first) if known == name and no < seq)
                if (last := max(found, default=None)) is not None:
                    return last
        return None

    def holding(self, filters: Filters) -> list[Chunk]:
        """The chunks in which a step may pass."""
        return [chunk for chunk in self.chunks if chunk.may_admit(filters)]

    def naming(self, post_ids: Iterable[str]) -> list[Chunk]:
        """The chunks in which a record may concern one of the posts."""
        keys = [post_key(post_id) for post_id in post_ids]
        return [chunk for chunk in self.chunks if any(chunk.names_post(key) for key in keys)]

    def books(self) -> DayBooks:
        """The books of costs over all records."""
        sums = self._sums_now()
        return sums.books

    def seen(self, first: int) -> Seen | None:
        """What a status shows that was read from record ``first``, which begins a file; None where that is not kept."""
        return self._sums_now().seen.get(first)

    def windows(self) -> Iterator[WindowBill]:
        """The windows that were worked on, with their costs, in their order; the last one as far as it goes."""
        for at in range(len(self._full)):
            yield from Sums.decode_windows(self._row("bills", at))
        now = self._sums_now()
        yield from now.ended
        yield now.books.window

    def searches(self) -> Iterator[DueSearch]:
        """What became of each search that was due, in their order."""
        for at in range(len(self._full)):
            yield from _SEARCHES.decode(zlib.decompress(self._row("searches", at)))
        yield from filter(None, map(due_search, self._tail))

    def strip(self) -> Strip:
        """What became of the windows of which `strip_rows` do not tell, and how many there were in all."""
        strip = copy.deepcopy(self._sums_at_end().strip)
        for step in self._tail:
            strip.take(step)
        return strip

    def strip_rows(self, chunks: int) -> Iterator[list[Any]]:
        """The strip's rows that stay as they are, but for those of so many chunks at the beginning."""
        for at in range(chunks, len(self._full)):
            yield from _STRIP.decode(zlib.decompress(self._row("strip", at)))

    # Following the journal

    @property
    def behind_bytes(self) -> int:
        """How many bytes of the journal were not read yet."""
        sizes = {name: (self.journal / name).stat().st_size for name in list_segments(self.journal)}
        place = self._reader.place
        return sum(size for name, size in sizes.items() if name >= place.segment) - place.offset

    def follow(
        self, on_progress: Callable[[int], None] = lambda _seq: None, enough: Callable[[], bool] = lambda: False
    ) -> int:
        """Take in what was added since; returns how many records that were.

        Args:
            on_progress: Told now and then which record is read.
            enough: Asked now and then whether to leave the rest for another time.

        Raises:
            JournalError: The journal is damaged, or was replaced.
            FoldError: This build does not follow it.
        """
        known = self.record_count
        self._reader.check_kept()
        try:
            with _uncollected():
                self.is_behind = self._take_in(on_progress, enough)
        finally:
            self._end_follow()
        if not self.is_behind and len(self._full) > self._saved:
            self._save()
        return self.record_count - known

    def _take_in(self, on_progress: Callable[[int], None], enough: Callable[[], bool]) -> bool:
        """Read on; whether that ended before the journal did."""
        for step in steps(self._reader, self.state):
            self._tail.append(step)
            self._ends.append(self._reader.end)
            if len(self._tail) == CHUNK:
                self._close_chunk()
                if len(self._full) % _PROGRESS_EVERY == 0:
                    on_progress(step.record.seq)
                if enough():
                    return True
        return False

    def _end_follow(self) -> None:
        self.tail_bytes = self._reader.tail_bytes
        carried = self._full[-1].carried if self._full else Carried()
        self._short = []
        if self._tail:
            chunk, self._short_columns = chunk_of(self._tail, self._ends, self._place, carried)
            self._short = [chunk]

    def discard(self) -> None:
        """Throw the file away. OSError where that is not allowed."""
        if self.path is not None:
            remove(self.path)

    def close(self) -> None:
        """Give the file back."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _close_chunk(self) -> None:
        at = len(self._full)
        carried = self._full[-1].carried if self._full else Carried()
        chunk, columns = chunk_of(self._tail, self._ends, self._place, carried)
        sums = self._sums_at_end()
        sums.take(self._tail, {first_seq(name) for name, _ in self._ends})
        self._before = self._tail[-1].after
        row, parts = self._write.write(self._before)
        ended, sums.ended = sums.ended, []
        rows = self._rows
        rows["chunks", at] = encode(chunk)
        rows["columns", at] = columns
        rows["bills", at] = Sums.encode_windows(ended)
        due = [found for step in self._tail if (found := due_search(step)) is not None]
        rows["searches", at] = zlib.compress(_WRITER.encode(due), 1)
        rows["strip", at] = zlib.compress(_WRITER.encode([window.row() for window in sums.strip.take_done()]), 1)
        rows["states", at + 1] = row
        rows.update({("parts", no): body for no, body in parts})
        self._full.append(chunk)
        self._place = self._reader.place
        self._tail, self._ends = [], []
        if len(self._full) - self._saved >= _SAVED_EVERY:
            self._save()

    # Rows

    def _opened(self) -> Store:
        """The file, read-only where it cannot be written. sqlite3.Error where there is none and none can be made."""
        if self.path is None:
            return Store(None, self._key, writable=True)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Store(self.path, self._key, writable=True)
        except (OSError, sqlite3.OperationalError):
            return Store(self.path, self._key, writable=False)

    def _load(self) -> Meta | None:
        """What others may change meanwhile is read at one moment: how far the index goes, and the sums up to there."""
        with self._store.transaction(writes=False):
            try:
                body = self._store.find("meta", 0)
            except BadRowError as error:
                raise IndexUnfitError("it is of another journal or build, or damaged") from error
            if body is None:
                return None
            meta = _META.decode(body)
            self._full = [decode(row) for row in self._store.all("chunks", meta.chunks)]
            self._kept_sums = self._store.get("sums", meta.chunks)
        return meta

    def _row(self, table: str, no: int) -> bytes:
        body = self._rows.get((table, no))
        if body is not None:
            return body
        return self._store.get(table, no)

    def _state_row(self, at: int) -> State:
        return INITIAL if at == 0 else self._read.read(self._row("states", at))

    def _sums_at_end(self) -> Sums:
        """The sums behind the last full chunk, which go on with the next one."""
        if self._sums is None:
            if self._full:
                self._sums = Sums.decode(self._kept_sums)
            else:
                self._sums = Sums(late_from(self.journal))
        return self._sums

    def _sums_now(self) -> Sums:
        """The sums behind the last record, in an object of their own."""
        kept = self._kept_sums if self._sums is None and self._full else self._sums_at_end().encode()
        now = Sums.decode(kept)
        now.take(self._tail, {first_seq(name) for name, _ in self._ends})
        return now

    def _save(self) -> None:
        """Put the rows into the file, unless another process has come further; where that fails, they stay here."""
        sums = self._sums_at_end()
        sums.forget(late_from(self.journal))
        body = sums.encode()
        self._meta = Meta(len(self._full), self._place, self._bound.extend(self._place))
        base, self._saved = self._saved, len(self._full)
        try:
            with self._store.transaction():
                stored = self._stored_chunks()
                if stored >= base:
                    self._store.put((table, no, row) for (table, no), row in self._rows.items())
                if base <= stored < len(self._full):
                    self._store.put([("sums", len(self._full), body), ("meta", 0, _WRITER.encode(self._meta))])
                    self._store.keep_only("sums", len(self._full))
        except sqlite3.Error:  # a full or read-only disk
            stored = -1
        if stored >= base and stored <= len(self._full):
            self._rows.clear()

    def _save_meta(self) -> None:
        """The files were touched, and hold the same: look at their times only, the next time."""
        if self._meta is None:
            return
        meta = Meta(self._meta.chunks, self._meta.place, self._bound.files)
        with suppress(sqlite3.Error), self._store.transaction():
            if self._stored_chunks() == meta.chunks:
                self._store.put([("meta", 0, _WRITER.encode(meta))])

    def _stored_chunks(self) -> int:
        """How many chunks the file has by now; -1 where it is another build's by now."""
        try:
            body = self._store.find("meta", 0)
        except BadRowError:
            return -1
        return 0 if body is None else _META.decode(body).chunks

    def _chunk_steps(self, at: int, last: int) -> Iterator[Step]:
        if at >= len(self._full):
            yield from self._tail
            return
        chunk = self._full[at]
        reader = JournalReader(self.journal, begin=chunk.place)
        count = min(chunk.count, last - chunk.first + 1)
        yield from steps(islice(reader, count), self._state_row(at))
