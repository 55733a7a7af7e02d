"""The journal on disk: one directory, one writer, every record durable before `append` returns.

A failed write or fsync poisons the store: it is never retried and nothing is appended after it, because after a failed
fsync the kernel may show data that is not on disk. The next `take` sorts out what is left. Appending blocks the event
loop for one fdatasync on purpose: a call that cannot be cancelled in the middle has no unknown outcome.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from events.journal import recover, snapshot
from events.journal.disk import Disk, make_directory, write_error
from events.journal.head import START, HeadFile, Place, Witness
from events.journal.layout import HEAD, LOCK, Folder, list_segments
from events.journal.lock import DirectoryLock
from events.journal.owner import OwnerLock
from events.journal.record import Draft, Record, seal_checked
from events.journal.recover import Examined, Tally
from events.journal.scan import BrokenChainError, Walk, check_bytes, damaged, start_before
from events.journal.snapshot import StoredSnapshot
from events.journal.store import (
    ConflictError,
    FencedError,
    JournalDamagedError,
    JournalError,
    JournalWriteError,
    Lease,
    Snapshot,
)
from events.journal.writer import Writer, create_segment

__all__ = ["SEGMENT_BYTES", "FileJournal"]

SEGMENT_BYTES: Final = 16 << 20
_YIELD_EVERY: Final = 1_000


class FileJournal:
    """A `JournalStore` in a directory.

    Args:
        directory: Made with everything above it when it is missing.
        segment_bytes: Size at which a new file is begun.
        on_warning: Gets one line for whatever was repaired or passed over.
        disk: Where changes go; tests put a failing one here.
        owner: Taken before the journal is touched and kept as long; None where nothing is mined.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        on_warning: Callable[[str], None],
        disk: Disk | None = None,
        owner: OwnerLock | None = None,
    ) -> None:
        self._directory = directory.absolute()
        self._segment_bytes = segment_bytes
        self._on_warning = on_warning
        self._disk = disk or Disk()
        self._owner = owner
        self._lock = DirectoryLock(self._directory / LOCK)
        self._held_by = contextlib.ExitStack()
        self._writer: Writer | None = None
        self._poison: JournalError | None = None
        self._tally = Tally()
        self._read_from = START

    @property
    def directory(self) -> Path:
        return self._directory

    async def take(self, *, reducer: int) -> Lease:
        """Lock the journal, recover it, and become its only writer. See `JournalStore.take`.

        Raises:
            JournalLockedError: Another process, or another object of this one, holds it, or mines with its hotkey.
            JournalDamagedError: The recovery table refuses; nothing was changed.
            JournalWriteError: The disk refused.
            ConflictError: The directory was moved or replaced meanwhile.
        """
        folder = self._hold()
        try:
            return self._open(folder, reducer)
        except OSError as error:
            self._close()
            raise write_error("opening the journal", self._directory, error) from error
        except BaseException:
            self._close()
            raise

    async def check_earlier(self) -> None:
        """Hash what lies before the snapshot that was taken. See `JournalStore.check_earlier`.

        Raises:
            JournalDamagedError: A byte was changed: poisoned, and no snapshot is left, so that the next start reads
                all and is refused before it writes.
            JournalWriteError: The disk refused to read.
            ConflictError: The journal was moved or replaced.
            FencedError: Not held.
        """
        import asyncio  # noqa: PLC0415 - as in read

        writer, end = self._held(), self._read_from
        if end == START:
            return
        try:
            segments = list_segments(self._directory)
            await asyncio.to_thread(check_bytes, self._directory, segments, end, goes_on=lambda: self._writer is writer)
        except (OSError, JournalDamagedError, BrokenChainError) as error:
            with _reading(writer, self._directory):
                writer.check()
            self._poison = self._unreadable(error)
            self._forget_snapshots()
            raise self._poison from error

    async def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """The records after ``after_seq`` up to the chain's end at the time of the call, verified.

        Raises:
            JournalDamagedError: The chain breaks: the files changed since they were recovered.
            JournalWriteError: The disk refused to read.
            ConflictError: The journal was moved or replaced.
            FencedError: Not held.
        """
        import asyncio  # noqa: PLC0415 - whoever only reads has this module without it, and starts sooner

        writer = self._held()
        last = writer.last
        with _reading(writer, self._directory):
            segments = list_segments(self._directory)
            walk = Walk(self._directory, segments, self._start(segments, after_seq))
            records = iter(walk)
            while walk.head.seq < last.seq:
                try:
                    record = next(records, None)
                except BrokenChainError as broken:
                    raise self._unread(broken.place, str(broken)) from broken
                if record is None:
                    raise self._unread(walk.place, f"the journal ends here, record {last.seq} was expected")
                if record.seq % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
                if record.seq == last.seq and record.hash != last.hash:
                    raise self._unread(walk.place, f"record {last.seq} was expected to hash {last.hash}")
                if record.seq > after_seq:
                    yield record

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        """Write one record durably. See `JournalStore.append`.

        Raises:
            ValueError: The event cannot be read back; nothing was written, the store stays usable.
            JournalWriteError: The disk refused; poisoned from here on.
            ConflictError: Another writer appended, or the journal was moved or replaced; poisoned.
            FencedError: Not held.
        """
        writer = self._usable()
        line, record = seal_checked(draft, writer.last)
        try:
            writer.append(line, record)
            if witness:
                writer.witness()
        except JournalError as error:
            self._poison = error
            raise
        except BaseException as error:
            self._poison = JournalWriteError(f"appending to {self._directory} was interrupted by {error!r}")
            raise
        self._tally.count(record)
        return record

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a cached fold of everything up to the chain's end; a failure only warns, unless the journal is gone."""
        try:
            self._save(self._usable(), snapshot)
        except ConflictError as error:
            self._poison = self._poison or error
            raise
        except (OSError, ValueError, JournalError) as error:
            self._on_warning(f"no snapshot at record {snapshot.head.seq}: {error}; the next start takes longer")

    def room_bytes(self) -> int | None:
        """Free bytes of the file system, as far as this user may fill it; None when it cannot be asked."""
        try:
            return shutil.disk_usage(self._directory).free
        except OSError:
            return None

    def sure_s(self) -> float:
        """The kernel keeps the lock for as long as the process lives."""
        return math.inf

    def renew_every_s(self) -> float | None:
        """Never."""
        return None

    async def renew(self) -> None:
        """The kernel keeps the lock for as long as the process lives; look whether it is still the journal's.

        Raises:
            ConflictError: The journal was moved, replaced or changed; poisoned.
            JournalWriteError: It cannot be looked at; poisoned.
            FencedError: Not held.
        """
        writer = self._usable()
        try:
            writer.check()
        except ConflictError as error:
            self._poison = error
            raise
        except OSError as error:
            self._poison = write_error("looking at the journal", self._directory, error)
            raise self._poison from error

    async def release(self) -> None:
        """Witness the end unless poisoned, unlock, close. Safe to call twice.

        Raises:
            JournalWriteError: HEAD could not be written; the journal is closed all the same.
            ConflictError: HEAD is gone; likewise.
        """
        try:
            if self._writer is not None and self._poison is None:
                self._writer.witness()
        finally:
            self._close()

    def _unreadable(self, error: OSError | JournalDamagedError | BrokenChainError) -> JournalError:
        if isinstance(error, BrokenChainError):
            return damaged(self._directory, error.place, str(error), done="nothing more was written")
        return write_error("reading the journal", self._directory, error) if isinstance(error, OSError) else error

    def _forget_snapshots(self) -> None:
        for path in snapshot.snapshot_paths(self._directory):
            with contextlib.suppress(OSError):
                self._disk.unlink(path)

    def _held(self) -> Writer:
        if self._writer is None:
            raise FencedError(f"{self._directory} is not held: call take() first, and stop acting after release()")
        return self._writer

    def _unread(self, place: Place, reason: str) -> JournalDamagedError:
        """Opening the journal may have changed it already."""
        return damaged(self._directory, place, reason, done="reading it changed nothing")

    def _start(self, segments: Sequence[str], after_seq: int) -> Place:
        """The nearest known place before the record after ``after_seq``."""
        near = start_before(self._directory, segments, after_seq)
        return max(near, self._read_from, key=lambda p: p.head.seq) if after_seq >= self._read_from.head.seq else near

    def _usable(self) -> Writer:
        if self._poison is not None:
            raise type(self._poison)(f"no record is taken after a failure; the failure was: {self._poison}")
        return self._held()

    def _hold(self) -> Folder:
        """Lock the directory and keep it open; what was taken on the way is given back when that fails."""
        with contextlib.ExitStack() as undo:
            if self._owner is not None:
                self._owner.acquire(self._directory)
                undo.callback(self._owner.release)
            try:
                make_directory(self._disk, self._directory)
                folder = Folder(self._directory)
            except OSError as error:
                raise write_error("making the directory", self._directory, error) from error
            undo.callback(folder.close)
            self._lock.acquire()
            undo.callback(self._lock.release)
            self._disk.hold(self._directory, folder.fd)
            undo.callback(self._disk.let_go)
            self._held_by = undo.pop_all()
        return folder

    def _open(self, folder: Folder, reducer: int) -> Lease:
        witness = self._witness()
        segments = list_segments(self._directory)
        found = recover.examine(self._directory, segments, witness, reducer=reducer, on_warning=self._on_warning)
        self._warn_of(found, witness)
        folder.check()
        recover.settle(self._disk, self._directory, found, witness)
        repairs = recover.undeclared(self._directory, found.tally.declared, self._on_warning)
        self._adopt(folder, found, witness)
        return Lease(
            epoch=found.tally.epoch + 1,
            head=found.place.head,
            snapshot=None if found.snapshot is None else found.snapshot.snapshot,
            repairs=repairs,
        )

    def _witness(self) -> Witness:
        """What HEAD says; makes HEAD and the first segment when the journal never had a record."""
        segments = list_segments(self._directory)
        witness = recover.witnessed(self._directory, segments)
        if segments and witness is not None:
            return witness
        for above in (self._directory.parent, self._directory):  # a crash may have left names that are not durable
            self._disk.fsync_dir(above)
        if witness is None:
            HeadFile.create(self._disk, self._directory)
        self._disk.close(create_segment(self._disk, self._directory, START.segment))
        return recover.witnessed(self._directory, [START.segment]) or Witness(place=START, generation=0)

    def _warn_of(self, found: Examined, witness: Witness) -> None:
        if witness.damaged:
            self._on_warning(f"{self._directory / HEAD}: one of two slots was damaged; the other one is used")
        if found.torn is not None:
            path = self._directory / found.place.segment
            length = path.stat().st_size - found.place.offset
            self._on_warning(
                f"{path}: the last {length} bytes, after record {found.place.head.seq}, are an interrupted write "
                f"({found.torn}); they are moved to quarantine"
            )

    def _adopt(self, folder: Folder, found: Examined, witness: Witness) -> None:
        self._writer = Writer(
            self._disk,
            folder,
            place=found.place,
            ended=found.ended,
            generation=witness.generation,
            segment_bytes=self._segment_bytes,
        )
        self._writer.witness()  # the actor acts on what was found, so from here on its loss must be noticed
        self._poison = None
        self._tally = found.tally
        self._read_from = START if found.snapshot is None else found.snapshot.place

    def _save(self, writer: Writer, wanted: Snapshot) -> None:
        writer.check()
        place = writer.ended
        if wanted.head != place.head:
            raise ValueError(f"the journal ends at record {place.head.seq}, a snapshot is made of its end")
        earlier = [name for name in list_segments(self._directory) if name < place.segment]
        stored = StoredSnapshot(
            place=place,
            segments=tuple((name, (self._directory / name).stat().st_size) for name in earlier),
            epoch=self._tally.epoch,
            declared=tuple(sorted(self._tally.declared)),
            reducer=wanted.reducer,
            state=wanted.state,
        )
        snapshot.save(self._disk, self._directory, stored)

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
        finally:
            self._held_by.close()


@contextlib.contextmanager
def _reading(writer: Writer, directory: Path) -> Iterator[None]:
    try:
        try:
            yield
        except (OSError, JournalDamagedError):
            writer.check()  # what was read may not be this journal any more
            raise
    except OSError as error:
        raise write_error("reading the journal", directory, error) from error
