"""A journal of a database as files, for readers: a copy under the user's cache that is brought up to date each time.

So every reader reads a folder, whatever the journal lives in. A copy is a cache: it is made anew when it does not fit
the database, and nobody writes a journal into it. Each line is verified on its way. ``verify`` reads the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from events.journal.disk import Disk, make_directory
from events.journal.head import START, HeadFile, Place, read_witness
from events.journal.layout import LEASE, Folder, list_segments
from events.journal.postgres.address import Address
from events.journal.postgres.database import Database, LineCutError
from events.journal.postgres.store import pages
from events.journal.record import BadRecordError, Head, parse
from events.journal.store import JournalDamagedError, JournalError, RolledBackError
from events.journal.writer import Writer, create_segment

__all__ = ["Mirror", "NamedJournal", "let_go", "named_journals", "opened", "verbatim"]

_SEGMENT_BYTES: Final = 16 << 20
_FOLLOW_S: Final = 1.0
_LAST: Final = 2**62
_JOURNALS: Final = """
SELECT id, name, seq, hash, epoch, holder, extract(epoch FROM leased_until - clock_timestamp())::float8
FROM user_miner.journals WHERE seq > 0 ORDER BY name"""


class _NoSync(Disk):
    """A cache need not survive a crash: what does not fit is made anew."""

    def fdatasync(self, fd: int) -> None:
        """Nothing."""

    def fsync(self, fd: int) -> None:
        """Nothing."""

    def fsync_dir(self, path: Path) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedJournal:
    """A journal in a database, by its row.

    Attributes:
        id: Its number there.
        name: The hotkey; of a dry run with ``.dry-run`` behind it.
        head: Its last record.
        epoch: Of its last lease.
        holder: Host and process that took it last; None for nobody.
        left_s: Seconds that the lease still lasts, negative where it has ended; None where it was given back.
    """

    id: int
    name: str
    head: Head
    epoch: int
    holder: str | None
    left_s: float | None


async def named_journals(database: Database, wanted: str | None) -> list[NamedJournal]:
    """All journals with records, by name; with ``wanted`` the one of that name, or those whose names begin so.

    Raises:
        JournalError: There is none.
    """
    found = [
        NamedJournal(id=number, name=name, head=Head(seq=seq, hash=digest), epoch=epoch, holder=holder, left_s=left_s)
        for number, name, seq, digest, epoch, holder, left_s in await database.ask(_JOURNALS)
    ]
    fitting = [journal for journal in found if wanted in {None, journal.name}]
    fitting = fitting or [journal for journal in found if journal.name.startswith(wanted or "")]
    if not fitting:
        there = f"those of {', '.join(journal.name for journal in found)}" if found else "none"
        raise JournalError(f"no journal of {wanted or 'anybody'} in {database.address.public}, which holds {there}")
    return fitting


class Mirror:
    """The files of a database's journals, a folder for each.

    Args:
        address: The database, and perhaps a journal in it.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._folder = _folder_of(address)
        self._journals: list[NamedJournal] = []

    @property
    def directory(self) -> Path:
        """The journal that the address names; else the folder of all."""
        if self._address.journal is not None and len(self._journals) == 1:
            return self._folder / self._journals[0].name
        return self._folder

    def refresh(self) -> None:
        """Bring the files up to the database's present end.

        Raises:
            JournalDamagedError: A line does not continue the one before.
            JournalError: There is no such journal, or no database.
        """
        asyncio.run(self._in_database(self._refresh))

    def verbatim(self, name: str, directory: Path) -> None:
        """Write the lines of a journal into a folder as the database has them now, whatever is wrong with them."""

        async def write(database: Database) -> None:
            journal = next(journal for journal in await named_journals(database, name) if journal.name == name)
            await _write_all(database, journal, directory)

        asyncio.run(self._in_database(write))

    async def _in_database(self, work: Callable[[Database], Awaitable[None]]) -> None:
        database = Database(self._address, writes=False)
        try:
            await work(database)
        except LineCutError as error:
            raise JournalError(f"{self._address.public} does not answer: {error}") from error
        finally:
            await database.close()

    async def _refresh(self, database: Database) -> None:
        self._journals = await named_journals(database, self._address.journal)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for journal in self._journals:
            with _alone(self._folder / f"{journal.name}.lock"):
                await self._follow(database, journal)

    async def _follow(self, database: Database, journal: NamedJournal) -> None:
        directory, disk = self._folder / journal.name, _NoSync()
        place = _end(directory)
        if place is None or not await _is_of(database, journal, place.head):
            place = _begin(disk, directory)
        _tell_lease(directory, journal)
        if place.head == journal.head:
            return
        with contextlib.ExitStack() as undo:
            folder = Folder(directory)
            undo.callback(folder.close)
            disk.hold(directory, folder.fd)
            witness = read_witness(directory)
            writer = Writer(
                disk,
                folder,
                place=place,
                ended=place,
                generation=0 if witness is None else witness.generation,
                segment_bytes=_SEGMENT_BYTES,
            )
            undo.callback(writer.close)
            undo.callback(writer.witness)
            await self._append(writer, database, journal)

    async def _append(self, writer: Writer, database: Database, journal: NamedJournal) -> None:
        async for seq, line in pages(database, journal.id, writer.last.seq, journal.head.seq):
            try:
                record = parse(line, writer.last)
            except BadRecordError as error:
                raise self._damaged(journal, writer.last.seq, str(error)) from error
            if record.seq != seq:
                raise self._damaged(journal, writer.last.seq, f"record {record.seq} stands in the place of {seq}")
            writer.append(line, record)
        if writer.last.seq < journal.head.seq:
            raise RolledBackError(
                f"{self._address.named(journal.name).public} has lost its end: its row speaks of record "
                f"{journal.head.seq}, but the last one is {writer.last.seq}; put a backup back"
            )
        if writer.last.hash != journal.head.hash:
            reason = f"the journal's row speaks of another record {writer.last.seq}"
            raise self._damaged(journal, writer.last.seq - 1, reason)

    def _damaged(self, journal: NamedJournal, seq: int, reason: str) -> JournalDamagedError:
        return JournalDamagedError(
            f"{self._address.named(journal.name).public}, after record {seq}: {reason}; nothing was changed; put a "
            "backup back, or look at all findings of `user-miner verify`"
        )


_OPENED: Final[list[Mirror]] = []
_OVER: Final[list[threading.Event]] = [threading.Event()]


def opened(address: Address, *, on_trouble: Callable[[str], None], may_be_damaged: bool = False) -> Path:
    """A folder with the journals of a database, or with the one that the address names, up to date.

    A thread keeps it so until `let_go`.

    Args:
        address: The database, and perhaps a journal.
        on_trouble: Told in one line when that thread fails, and once more when it fails otherwise.
        may_be_damaged: What is wrong with a journal is for `verbatim` to show; the folder ends before it.

    Raises:
        JournalError: As `Mirror.refresh`.
    """
    mirror = Mirror(address)
    try:
        mirror.refresh()
    except JournalDamagedError:
        if not may_be_damaged:
            raise
    _OPENED.append(mirror)
    thread = threading.Thread(target=_keep, args=(mirror, on_trouble, _OVER[-1]), name="mirror", daemon=True)
    thread.start()
    return mirror.directory


def let_go() -> None:
    """End what `opened` began."""
    _OVER[-1].set()
    _OVER.append(threading.Event())
    _OPENED.clear()


@contextlib.contextmanager
def verbatim(journal: Path) -> Iterator[Path]:
    """Of a journal that was `opened` from a database a folder with what the database has now; any other as it is."""
    mirror = next((mirror for mirror in _OPENED if journal.is_relative_to(mirror.directory)), None)
    if mirror is None:
        yield journal
        return
    with TemporaryDirectory(prefix="user-miner-") as folder:
        directory = Path(folder, journal.name)
        mirror.verbatim(journal.name, directory)
        yield directory


def _keep(mirror: Mirror, on_trouble: Callable[[str], None], over: threading.Event) -> None:
    told = ""
    while not over.wait(_FOLLOW_S):
        trouble = ""
        try:
            mirror.refresh()
        except (JournalError, OSError) as error:
            trouble = str(error)
        if trouble and trouble != told and not over.is_set():
            on_trouble(trouble)
        told = trouble


def _folder_of(address: Address) -> Path:
    """Of two databases two places; who asks, and for which journal, makes no difference."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cached = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        raise JournalError("there is no home directory to keep a copy of the journal in: set XDG_CACHE_HOME") from None
    return cached / "user-miner" / "databases" / hashlib.sha256(address.place.encode()).hexdigest()[:16]


def _begin(disk: Disk, directory: Path) -> Place:
    """An empty journal, whatever was there."""
    shutil.rmtree(directory, ignore_errors=True)
    make_directory(disk, directory)
    HeadFile.create(disk, directory)
    disk.close(create_segment(disk, directory, START.segment))
    return START


def _end(directory: Path) -> Place | None:
    """Where the files end, as HEAD says; None where they do not end there."""
    try:
        witness = read_witness(directory)
        segments = list_segments(directory)
        if witness is None or not segments or segments[-1] != witness.place.segment:
            return None
        size = (directory / segments[-1]).stat().st_size
    except (OSError, JournalDamagedError):
        return None
    return witness.place if size == witness.place.offset else None


async def _is_of(database: Database, journal: NamedJournal, head: Head) -> bool:
    """Whether the database has this record, too."""
    if head.seq > journal.head.seq:
        return False
    async for _, line in pages(database, journal.id, head.seq - 1, head.seq):
        with contextlib.suppress(BadRecordError):
            return parse(line, None).head == head
    return not head.seq


async def _write_all(database: Database, journal: NamedJournal, directory: Path) -> None:
    disk = _NoSync()
    _begin(disk, directory)
    place = START
    with (directory / START.segment).open("ab") as file:
        async for _, line in pages(database, journal.id, 0, _LAST):
            file.write(line)
            if line.endswith(b'"hash":"%b"}\n' % journal.head.hash.encode()):
                place = Place(head=journal.head, segment=START.segment, offset=file.tell())
    if place == START:  # the record that the row speaks of is not there
        place = Place(head=journal.head, segment=START.segment, offset=_LAST)
    head = HeadFile(disk, directory, 1)
    head.write(place)
    head.close()


def _tell_lease(directory: Path, journal: NamedJournal) -> None:
    """Leave word of who holds it, for ``status``."""
    until_ms = None if journal.left_s is None else round((time.time() + journal.left_s) * 1000)
    told = {"holder": journal.holder, "until_ms": until_ms, "epoch": journal.epoch}
    (directory / LEASE).write_bytes(orjson.dumps(told))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One reader after the other brings the files up to date."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
