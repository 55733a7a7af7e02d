"""Copies a journal between a folder and a database, byte for byte, and compares both sides at the end.

Neither side may be written meanwhile: the folder's lock and the database's lease are held. What an earlier copy has
brought is compared and kept, so an interrupted one goes on where it was. The source is never changed.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from events.catalogue import JournalCreated
from events.journal.disk import Disk, make_directory, write_all
from events.journal.head import START, HeadFile, Place
from events.journal.layout import LOCK, list_segments, segment_name
from events.journal.lock import DirectoryLock
from events.journal.postgres.address import Address
from events.journal.postgres.database import Database, LineCutError
from events.journal.postgres.mirror import named_journals
from events.journal.postgres.store import pages
from events.journal.reader import JournalReader
from events.journal.record import GENESIS, BadRecordError, Head, Record, parse
from events.journal.recover import Tally
from events.journal.scan import BrokenChainError, Walk, lines_of
from events.journal.store import ConflictError, JournalDamagedError, JournalError, JournalLockedError

__all__ = ["Copied", "to_database", "to_folder"]

_LEASE_S: Final = 60
_BATCH: Final = 500
_SEGMENT_BYTES: Final = 16 << 20
_TAKE: Final = """
UPDATE user_miner.journals
SET epoch = greatest(epoch, %s) + 1, lease = %s, holder = %s,
    leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE name = %s AND (leased_until IS NULL OR leased_until <= clock_timestamp())
RETURNING id, seq, hash"""
_KEEP: Final = """
UPDATE user_miner.journals SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND lease = %s RETURNING seq, hash"""
_ADD: Final = """
WITH head AS (
    UPDATE user_miner.journals
    SET seq = %s, hash = %s, leased_until = clock_timestamp() + make_interval(secs => %s)
    WHERE id = %s AND lease = %s AND seq = %s AND hash = %s
    RETURNING id
)
INSERT INTO user_miner.records (journal, seq, line)
SELECT head.id, added.seq, added.line
FROM head, unnest(%s::bigint[], %s::text[]) AS added (seq, line) RETURNING 1"""
_RELEASE: Final = "UPDATE user_miner.journals SET leased_until = NULL WHERE id = %s AND lease = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy did.

    Attributes:
        name: The journal.
        head: Its last record, the same on both sides.
        records: How many were brought now; the others were there.
        target: Where it is now.
    """

    name: str
    head: Head
    records: int
    target: str


async def to_database(
    journal: Path, address: Address, *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Copied:
    """Bring a folder's journal into a database.

    Raises:
        JournalLockedError: Somebody writes one of them.
        JournalDamagedError: The source is damaged.
        ConflictError: The database has another journal of that name.
        JournalError: There is no journal, or no database.
    """
    name, tally, last = _survey(journal)
    with _locked(journal):
        async with _database(address, writes=True) as database, _leased(database, name, tally.epoch) as held:
            there = held.head
            batch: list[tuple[int, str]] = []
            head, brought, passed = there, 0, there == GENESIS
            for record, line in _lines(journal):
                if not passed:
                    passed = record.head == there
                    if record.seq == there.seq and not passed:
                        break
                    continue
                batch.append((record.seq, line[:-1].decode()))
                if len(batch) == _BATCH or record.seq == last.seq:
                    await held.add(head, record.head, batch)
                    brought, head = brought + len(batch), record.head
                    batch = []
                    on_progress(head.seq, last.seq)
            if not passed:
                raise _other(address.named(name).public, there, str(journal))
            await _compare(database, held.id, journal, last)
    return Copied(name=name, head=last, records=brought, target=address.named(name).public)


async def to_folder(
    address: Address,
    root: Path,
    *,
    disk: Disk | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Copied:
    """Bring a database's journal into a folder of its name in ``root``.

    Raises:
        JournalLockedError: Somebody writes one of them.
        JournalDamagedError: The source is damaged.
        ConflictError: The folder holds another journal.
        JournalError: There is no such journal, or no database, or several and none is named.
    """
    disk = disk or Disk()
    async with _database(address, writes=True) as database:
        found = await named_journals(database, address.journal)
        if len(found) > 1:
            names = ", ".join(journal.name for journal in found)
            raise JournalError(f"several journals in {address.public}: {names}; name one by #HOTKEY behind the URL")
        name, last = found[0].name, found[0].head
        directory = root / name
        make_directory(disk, directory)
        async with _leased(database, name, 0) as held:
            last = held.head
            with _locked(directory):
                target = await _Target.opened(disk, directory, database, held.id)
                brought = 0
                try:
                    async for seq, line in pages(database, held.id, target.head.seq, last.seq):
                        target.add(_followed(line, seq, target.head, address), line)
                        brought += 1
                        if brought % _BATCH == 0:
                            target.sync()
                            await held.keep()
                            on_progress(seq, last.seq)
                    target.sync()
                finally:
                    target.close()
                if target.head != last:
                    raise _damaged(address, target.head, f"record {last.seq} was expected to hash {last.hash}")
                await _compare(database, held.id, directory, last)
    return Copied(name=name, head=last, records=brought, target=str(directory))


class _Held:
    """The lease of the database's journal while it is copied."""

    def __init__(self, database: Database, number: int, lease: object, head: Head) -> None:
        self.id = number
        self.head = head
        self._database = database
        self._lease = lease

    async def add(self, before: Head, after: Head, batch: list[tuple[int, str]]) -> None:
        numbers, lines = [seq for seq, _ in batch], [line for _, line in batch]
        values = (after.seq, after.hash, _LEASE_S, self.id, self._lease, before.seq, before.hash, numbers, lines)
        if len(await self._database.ask(_ADD, values)) != len(batch):
            raise ConflictError(f"{self._database.address.public}: another process took the journal meanwhile")

    async def keep(self) -> None:
        if await self._database.ask(_KEEP, (_LEASE_S, self.id, self._lease)) != [(self.head.seq, self.head.hash)]:
            raise ConflictError(f"{self._database.address.public}: another process took the journal meanwhile")

    async def release(self) -> None:
        with contextlib.suppress(LineCutError, JournalError):  # it ends by itself
            await self._database.ask(_RELEASE, (self.id, self._lease))


@contextlib.asynccontextmanager
async def _database(address: Address, *, writes: bool) -> AsyncIterator[Database]:
    database = Database(address, writes=writes, patience_s=60)
    try:
        yield database
    except LineCutError as error:
        raise JournalError(
            f"{address.public} does not answer: {error}; the same command goes on where this one was"
        ) from error
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _leased(database: Database, name: str, epoch: int) -> AsyncIterator[_Held]:
    lease = uuid4()
    await database.ask("INSERT INTO user_miner.journals (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
    holder = f"{socket.gethostname()}:{os.getpid()}"
    rows = await database.ask(_TAKE, (epoch, lease, holder, _LEASE_S, name))
    if not rows:
        raise JournalLockedError(
            f"{database.address.named(name).public} is leased: stop the miner that has it, or wait until its lease ends"
        )
    number, seq, digest = rows[0]
    held = _Held(database, number, lease, Head(seq=seq, hash=digest))
    try:
        yield held
    finally:
        await held.release()


@contextlib.contextmanager
def _locked(journal: Path) -> Iterator[None]:
    lock, was_there = DirectoryLock(journal / LOCK), (journal / LOCK).exists()
    lock.acquire()
    try:
        yield
    finally:
        lock.release(remove=not was_there)


def _survey(journal: Path) -> tuple[str, Tally, Head]:
    """The journal's name in a database, what its records tell of epochs, and its end."""
    name, tally, last = "", Tally(), GENESIS
    for record in JournalReader(journal):
        if record.seq == 1 and isinstance(event := record.event(), JournalCreated):
            name = f"{event.hotkey}.dry-run" if event.dry_run else event.hotkey
        tally.count(record)
        last = record.head
    if not name:
        raise JournalError(f"{journal} does not begin with JournalCreated, so nobody knows whose it is")
    return name, tally, last


def _lines(journal: Path) -> Iterator[tuple[Record, bytes]]:
    """Each record with its bytes; a torn tail is none."""
    head = GENESIS
    for name in list_segments(journal):
        with (journal / name).open("rb") as file:
            for line in lines_of(file):
                try:
                    record = parse(line, head)
                except BadRecordError:
                    return
                head = record.head
                yield record, line


async def _compare(database: Database, number: int, journal: Path, last: Head) -> None:
    """Byte for byte.

    Raises:
        JournalDamagedError: They differ.
    """
    theirs, head = pages(database, number, 0, last.seq), GENESIS
    for record, line in _lines(journal):
        if await anext(theirs, None) != (record.seq, line):
            raise JournalDamagedError(f"record {record.seq} is another one in the database than in {journal}")
        head = record.head
    if head != last or await anext(theirs, None) is not None:
        raise JournalDamagedError(f"the database and {journal} end at different records: {last.seq} and {head.seq}")


class _Target:
    """The folder that is written; HEAD follows the records that are durable."""

    def __init__(self, disk: Disk, directory: Path, place: Place) -> None:
        self._disk = disk
        self._directory = directory
        self._segment, self._offset = place.segment, place.offset
        self.head = place.head
        self._fd = disk.open(directory / place.segment, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._head_file = HeadFile(disk, directory, 1)

    @classmethod
    async def opened(cls, disk: Disk, directory: Path, database: Database, number: int) -> _Target:
        """Behind what is there already, which must be the beginning of what the database has.

        Raises:
            ConflictError: It is another journal.
        """
        segments = list_segments(directory)
        if not segments:
            HeadFile.create(disk, directory)
            return cls(disk, directory, START)
        walk, torn = Walk(directory, segments), b""
        try:
            for _ in walk:
                pass
        except BrokenChainError as broken:
            torn = broken.line
        place = walk.place
        before = [line async for _, line in pages(database, number, place.head.seq - 1, place.head.seq + 1)]
        mine = place.head == GENESIS or (bool(before) and parse(before[0], None).head == place.head)
        rest = (directory / place.segment).stat().st_size - place.offset
        if not mine or rest != len(torn) or (torn and not before[-1].startswith(torn)):
            raise _other(str(directory), place.head, database.address.public)
        if torn:  # an interrupted copy left it
            fd = disk.open(directory / place.segment, os.O_RDWR)
            disk.truncate(fd, place.offset)
            disk.close(fd)
        return cls(disk, directory, place)

    def add(self, record: Record, line: bytes) -> None:
        if self._offset and self._offset + len(line) > _SEGMENT_BYTES:
            self.sync()
            self._disk.close(self._fd)
            self._segment, self._offset = segment_name(record.seq), 0
            self._fd = self._disk.open(
                self._directory / self._segment, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            )
            self._disk.fsync_dir(self._directory)
        write_all(self._disk, self._fd, line)
        self._offset += len(line)
        self.head = record.head

    def sync(self) -> None:
        self._disk.fsync(self._fd)
        self._disk.fsync_dir(self._directory)
        if self._offset:
            self._head_file.write(Place(head=self.head, segment=self._segment, offset=self._offset))

    def close(self) -> None:
        self._disk.close(self._fd)
        self._head_file.close()


def _followed(line: bytes, seq: int, head: Head, address: Address) -> Record:
    try:
        record = parse(line, head)
    except BadRecordError as error:
        raise _damaged(address, head, str(error)) from error
    if record.seq != seq:
        raise _damaged(address, head, f"expected seq {seq}, found {record.seq}")
    return record


def _damaged(address: Address, head: Head, reason: str) -> JournalDamagedError:
    return JournalDamagedError(
        f"{address.public}, after record {head.seq}: {reason}; the source was not changed; look at `user-miner verify`"
    )


def _other(target: str, head: Head, source: str) -> ConflictError:
    return ConflictError(
        f"{target} holds a journal that is not the beginning of {source}: they differ at or before record "
        f"{max(1, head.seq)}; nothing was changed; copy to another place, or move that journal away"
    )
