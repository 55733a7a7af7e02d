"""The journal in PostgreSQL: the same lines and the same chain as in files, one writer at a time by a lease.

Each record is added by one statement, which moves the journal's row from the expected head to the next one where the
lease is still this writer's. So the server alone decides who of several goes on, whatever their clocks say. The row is
what HEAD is beside files, written with each record.

A lease ends by the server's clock. Its holder counts from before it asked for it, by a clock that also runs while this
machine sleeps, and so never believes in it for longer than the server does, as far as both clocks run at one pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from events.journal.owner import OwnerLock
from events.journal.postgres.address import Address
from events.journal.postgres.database import Database, LineCutError, Row
from events.journal.record import GENESIS, BadRecordError, Draft, Head, Record, follows, parse, seal_checked
from events.journal.store import (
    ConflictError,
    FencedError,
    JournalDamagedError,
    JournalError,
    JournalLockedError,
    JournalWriteError,
    Lease,
    RolledBackError,
    Snapshot,
    UnknownOutcomeError,
)

__all__ = ["PostgresJournal", "pages"]

_PAGE: Final = 500
_KEEP_SNAPSHOTS: Final = 2
_DRIFT: Final = 0.01  # by so much one clock may run faster than the other

_BEGIN: Final = "INSERT INTO user_miner.journals (name) VALUES (%s) ON CONFLICT DO NOTHING"
_TAKE: Final = """
UPDATE user_miner.journals
SET epoch = epoch + 1, lease = %s, holder = %s, leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE name = %s AND (leased_until IS NULL OR leased_until <= clock_timestamp() OR lease = %s)
RETURNING id, epoch, seq, hash"""
_HELD: Final = """
SELECT holder, extract(epoch FROM leased_until - clock_timestamp())::float8
FROM user_miner.journals WHERE name = %s"""
_APPEND: Final = """
WITH head AS (
    UPDATE user_miner.journals SET seq = seq + 1, hash = %s
    WHERE id = %s AND seq = %s AND hash = %s AND epoch = %s AND lease = %s
    RETURNING id, seq
)
INSERT INTO user_miner.records (journal, seq, line) SELECT id, seq, %s FROM head RETURNING seq"""
_RENEW: Final = """
UPDATE user_miner.journals SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND epoch = %s AND lease = %s
RETURNING id"""
# After an unknown outcome: a higher epoch, so that what may still be under way on the lost line comes to nothing.
_RETAKE: Final = """
UPDATE user_miner.journals
SET epoch = epoch + 1, lease = %s, leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND lease IN (%s, %s)
RETURNING epoch, seq, hash"""
_RELEASE: Final = """
UPDATE user_miner.journals SET leased_until = NULL
WHERE id = %s AND epoch = %s AND lease = %s
RETURNING id"""
_NOW: Final = "SELECT epoch, lease, holder, seq, hash FROM user_miner.journals WHERE id = %s"
_LINES: Final = """
SELECT seq, line FROM user_miner.records
WHERE journal = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s"""
_SNAPSHOTS: Final = """
SELECT s.seq, s.hash, s.state, s.sha256, r.line
FROM user_miner.snapshots AS s JOIN user_miner.records AS r USING (journal, seq)
WHERE s.journal = %s AND s.reducer = %s AND s.seq <= %s ORDER BY s.seq DESC"""
_SAVE: Final = """
INSERT INTO user_miner.snapshots (journal, seq, hash, reducer, state, sha256)
SELECT id, %s, %s, %s, %s, %s FROM user_miner.journals WHERE id = %s AND epoch = %s AND lease = %s
ON CONFLICT (journal, seq) DO UPDATE
SET hash = excluded.hash, reducer = excluded.reducer, state = excluded.state, sha256 = excluded.sha256"""
_PRUNE: Final = """
DELETE FROM user_miner.snapshots WHERE journal = %s AND seq NOT IN (
    SELECT seq FROM user_miner.snapshots WHERE journal = %s AND seq <= %s ORDER BY seq DESC LIMIT %s)"""


def _boot_s() -> float:
    """Seconds by a clock that runs on while the machine is suspended, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class PostgresJournal:
    """A `JournalStore` in a database.

    Args:
        address: Which database.
        name: The journal in it: a hotkey, or what a dry run writes.
        lease_s: How long nobody else takes the journal after this process was last heard of.
        on_warning: Gets one line for whatever was passed over.
        owner: Taken before the journal is, and kept as long; None where nothing is mined.
        now_s: The clock that the lease is counted by.
    """

    def __init__(
        self,
        address: Address,
        name: str,
        *,
        lease_s: float,
        on_warning: Callable[[str], None],
        owner: OwnerLock | None = None,
        now_s: Callable[[], float] = _boot_s,
    ) -> None:
        self.address = address.named(name)
        self._name = name
        self._lease_s = lease_s
        self._on_warning = on_warning
        self._owner = owner
        self._now_s = now_s
        self._database = Database(self.address, writes=True, patience_s=max(0.5, lease_s / 6))
        self._held: _Held | None = None
        self._poison: JournalError | None = None
        self._lost: _Lost | None = None
        self._asked = uuid4()  # the name of the next lease: one that was given unseen is still this writer's
        self._turn = asyncio.Lock()  # what one of append and renew finds out binds the other

    async def take(self, *, reducer: int) -> Lease:
        """Become the only writer. See `JournalStore.take`.

        What was written before is verified as it is read: nothing of it changes by being taken.

        Raises:
            JournalLockedError: Somebody holds a lease that has not ended; or mines with the hotkey on this machine.
            RolledBackError: The records end below the journal's row.
            JournalError: The database is not there, or is not one for journals.
        """
        if self._held is not None:
            raise JournalLockedError(f"{self.address.public} is held by this process already: release() it first")
        with contextlib.ExitStack() as undo:
            if self._owner is not None:
                self._owner.acquire(Path(self.address.public))
                undo.callback(self._owner.release)
            try:
                held = await self._take()
                snapshot = await self._look(held, reducer)
            except LineCutError as error:
                await self._database.close()
                raise self._unreachable(error) from error
            except BaseException:
                await self._database.close()
                raise
            undo.pop_all()
        self._held, self._poison, self._lost = held, None, None
        self._asked = uuid4()
        return Lease(epoch=held.epoch, head=held.last, snapshot=snapshot, repairs=())

    def sure_s(self) -> float:
        """For how many seconds from now on nobody else can take the journal; below 0 once somebody may have."""
        return -1.0 if self._held is None or self._lost is not None else self._held.until_s - self._now_s()

    def renew_every_s(self) -> float | None:
        """A sixth of the lease, so that some may be missed."""
        return self._lease_s / 6

    async def check_earlier(self) -> None:
        """Follow the chain up to the snapshot that was taken. See `JournalStore.check_earlier`."""
        held = self._mine()
        head, last = GENESIS, held.read_from
        try:
            async for seq, line in pages(self._database, held.id, 0, last.seq):
                digest = follows(line, head.hash) if seq == head.seq + 1 else ""
                if not digest:
                    raise self._broken(head.seq, "its hash does not continue the one before")
                head = Head(seq=seq, hash=digest)
            if head != last:
                raise self._broken(head.seq, f"record {last.seq} was expected to hash {last.hash}")
        except LineCutError as error:
            self._on_warning(f"{self.address.public}: earlier records were not checked: {error}")
        except JournalDamagedError as error:
            self._poison = error
            with contextlib.suppress(LineCutError, JournalError):
                await self._database.ask("DELETE FROM user_miner.snapshots WHERE journal = %s", (held.id,))
            raise

    async def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """The records after ``after_seq`` up to the chain's end at the time of the call. See `JournalStore.read`.

        Raises:
            JournalDamagedError: The chain breaks.
            JournalWriteError: The database stopped answering.
            FencedError: Not held.
        """
        held = self._mine()
        last = held.last
        head: Head | None = GENESIS if after_seq == 0 else None
        reached = after_seq
        try:
            # The record before tells the hash that the first one continues.
            async for seq, line in pages(self._database, held.id, max(0, after_seq - 1), last.seq):
                record = self._parsed(seq, line, head)
                head, reached = record.head, seq
                if seq > after_seq:
                    yield record
        except LineCutError as error:
            raise self._unreachable(error) from error
        if reached < last.seq or (head is not None and reached == last.seq and head != last):
            raise self._broken(reached, f"record {last.seq} was expected to hash {last.hash}")

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:  # noqa: ARG002  (each one is witnessed)
        """Add one record durably. See `JournalStore.append`.

        After UnknownOutcomeError: `renew` until that works, then the same draft again, which makes one record.

        Raises:
            ValueError: The event cannot be read back; nothing was written, the store stays usable.
            UnknownOutcomeError: Whether it was added is not known.
            FencedError: Another one took the journal; poisoned.
            ConflictError: The journal does not end where it was left; poisoned.
            JournalWriteError: The database refused for good; poisoned.
        """
        async with self._turn:
            held = self._usable()
            line, record = seal_checked(draft, held.last)
            if self._lost is not None:
                if self._lost.end is None:
                    raise UnknownOutcomeError(
                        f"{self.address.public}: what became of record {record.seq} is not known yet"
                    )
                if self._is_there(held, self._lost, record):
                    return record
            return await self._add(held, line, record)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a cached fold of everything up to the chain's end; a failure only warns."""
        try:
            held = self._usable()
            if snapshot.head != held.last:
                raise ValueError(f"the journal ends at record {held.last.seq}, a snapshot is made of its end")
            digest = hashlib.sha256(snapshot.state).hexdigest()
            fields = (snapshot.head.seq, snapshot.head.hash, snapshot.reducer, snapshot.state, digest)
            await self._database.ask(_SAVE, (*fields, held.id, held.epoch, held.lease))
            await self._database.ask(_PRUNE, (held.id, held.id, snapshot.head.seq, _KEEP_SNAPSHOTS))
        except (LineCutError, ValueError, JournalError) as error:
            self._on_warning(f"no snapshot at record {snapshot.head.seq}: {error}; the next start takes longer")

    def room_bytes(self) -> int | None:
        """A server does not tell how much room it has."""
        return None

    async def renew(self) -> None:
        """Keep the lease; after an unknown outcome take it again, and read where the journal ends.

        Raises:
            UnknownOutcomeError: The database does not answer.
            FencedError: Another one took the journal; poisoned.
            ConflictError: The journal does not end where it was left; poisoned.
        """
        async with self._turn:
            await self._renew(self._usable())

    async def _renew(self, held: _Held) -> None:
        try:
            if self._lost is not None and self._lost.end is None:
                await self._retake(held, self._lost)
                return
            asked_s = self._now_s()
            rows = await self._database.ask(_RENEW, (self._lease_s, held.id, held.epoch, held.lease))
        except LineCutError as error:
            raise UnknownOutcomeError(f"{self.address.public}: the lease was not renewed: {error}") from error
        except JournalError as error:
            self._poison = error
            raise
        if not rows:
            raise await self._refused(held)
        held.until_s = self._until_s(asked_s)

    async def release(self) -> None:
        """Let others take the journal at once, unless that is theirs already. Safe to call twice."""
        held, self._held = self._held, None
        try:
            if held is not None:
                with contextlib.suppress(LineCutError, JournalError):  # it ends by itself
                    await self._database.ask(_RELEASE, (held.id, held.epoch, held.lease))
        finally:
            await self._database.close()
            if self._owner is not None:
                self._owner.release()

    async def _take(self) -> _Held:
        lease = self._asked
        holder = f"{socket.gethostname()}:{os.getpid()}"
        for again in (True, True, False):
            asked_s = self._now_s()
            try:
                await self._database.ask(_BEGIN, (self._name,))
                rows = await self._database.ask(_TAKE, (lease, holder, self._lease_s, self._name, lease))
                break
            except LineCutError:
                if not again:
                    raise
        if not rows:
            raise await self._taken()
        identity, epoch, seq, digest = rows[0]
        last = Head(seq=seq, hash=digest)
        return _Held(identity, epoch, lease, last, self._until_s(asked_s))

    async def _taken(self) -> JournalLockedError:
        rows = await self._database.ask(_HELD, (self._name,))
        holder, left_s = rows[0] if rows and rows[0][1] is not None else ("somebody", 0.0)
        return JournalLockedError(
            f"{self.address.public} is leased to {holder} (host:process) for another {max(0.0, left_s):.0f} s: stop "
            "that one, or wait until it gives up its lease",
            left_s=max(0.0, left_s),
        )

    async def _look(self, held: _Held, reducer: int) -> Snapshot | None:
        """The newest usable snapshot, once the journal is seen to end where its row says."""
        if held.last.seq:
            rows = await self._database.ask(_LINES, (held.id, held.last.seq - 1, held.last.seq, 1))
            if not rows:
                raise RolledBackError(
                    f"{self.address.public} has lost its end: its row speaks of record {held.last.seq}, which is not "
                    "there; nothing was changed but the lease; put a backup back, then look at `user-miner verify`"
                )
            if self._parsed(held.last.seq, _bytes(rows[0][1]), None).head != held.last:
                raise self._broken(held.last.seq - 1, f"record {held.last.seq} was expected to hash {held.last.hash}")
        for seq, digest, state, sha256, line in await self._database.ask(_SNAPSHOTS, (held.id, reducer, held.last.seq)):
            head = Head(seq=seq, hash=digest)
            if self._parsed(seq, _bytes(line), None).head == head and hashlib.sha256(state).hexdigest() == sha256:
                held.read_from = head
                return Snapshot(head=head, reducer=reducer, state=state)
            self._on_warning(f"the snapshot at record {seq} of {self.address.public} is not used: it does not fit")
        return None

    async def _add(self, held: _Held, line: bytes, record: Record) -> Record:
        last = held.last
        values = (record.hash, held.id, last.seq, last.hash, held.epoch, held.lease, line[:-1].decode())
        try:
            rows = await self._database.ask(_APPEND, values)
        except LineCutError as error:
            self._lost = _Lost(record.head, uuid4())
            raise UnknownOutcomeError(
                f"{self.address.public}: whether record {record.seq} was added is not known: {error}"
            ) from error
        except JournalError as error:
            self._poison = error
            raise
        except BaseException as error:
            self._poison = JournalWriteError(f"appending to {self.address.public} was interrupted by {error!r}")
            raise
        if not rows:
            raise await self._refused(held)
        held.last = record.head
        return record

    def _is_there(self, held: _Held, lost: _Lost, record: Record) -> bool:
        """Whether this is the record whose outcome was unknown, and it was added."""
        self._lost = None
        if lost.end == held.last:
            return False
        if record.head != lost.end:
            self._poison = ConflictError(
                f"{self.address.public}: record {lost.head.seq} was added after all, and is another one than the one "
                "that is to be added now"
            )
            raise self._poison
        held.last = record.head
        return True

    async def _retake(self, held: _Held, lost: _Lost) -> None:
        asked_s = self._now_s()
        values = (lost.lease, self._lease_s, held.id, held.lease, lost.lease)
        rows = await self._database.ask(_RETAKE, values)
        if not rows:
            raise await self._refused(held)
        epoch, seq, digest = rows[0]
        end = Head(seq=seq, hash=digest)
        if end not in (held.last, lost.head):
            raise await self._refused(held, after_retake=True)
        held.epoch, held.lease, held.until_s = epoch, lost.lease, self._until_s(asked_s)
        lost.end = end

    async def _refused(self, held: _Held, *, after_retake: bool = False) -> JournalError:
        """Why no row was there to change; poisoned with it."""
        try:
            rows = await self._database.ask(_NOW, (held.id,))
        except LineCutError:
            rows = []
        self._poison = self._reason(held, rows, is_mine=after_retake)
        return self._poison

    def _reason(self, held: _Held, rows: list[Row], *, is_mine: bool) -> JournalError:
        if not rows:
            return FencedError(f"{self.address.public} is no longer this process's: it writes and sends nothing more")
        epoch, lease, holder, seq, digest = rows[0]
        if not is_mine and (epoch, lease) != (held.epoch, held.lease):
            return FencedError(
                f"{self.address.public} was taken over by {holder} (host:process) with epoch {epoch}, this process "
                f"had {held.epoch}: it writes and sends nothing more"
            )
        return ConflictError(
            f"{self.address.public} ends at record {seq} ({digest[:12]}…), expected {held.last.seq} "
            f"({held.last.hash[:12]}…): a backup was put back, or a server took over that had not got all; nothing "
            "more is written or sent"
        )

    def _until_s(self, asked_s: float) -> float:
        return asked_s + self._lease_s * (1 - _DRIFT)

    def _parsed(self, seq: int, line: bytes, head: Head | None) -> Record:
        try:
            record = parse(line, head)
        except BadRecordError as error:
            raise self._broken(seq - 1, str(error)) from error
        if record.seq != seq:
            raise self._broken(seq - 1, f"expected seq {seq}, found {record.seq}")
        return record

    def _broken(self, seq: int, reason: str) -> JournalDamagedError:
        return JournalDamagedError(
            f"{self.address.public}, after record {seq}: {reason}; no record was changed; put a backup back, or look "
            "at `user-miner verify`"
        )

    def _unreachable(self, error: LineCutError) -> JournalError:
        return JournalError(f"{self.address.public} does not answer: {error}")

    def _mine(self) -> _Held:
        if self._held is None:
            raise FencedError(f"{self.address.public} is not held: call take() first, and stop acting after release()")
        return self._held

    def _usable(self) -> _Held:
        if self._poison is not None:
            raise type(self._poison)(f"no record is taken after a failure; the failure was: {self._poison}")
        return self._mine()


class _Held:
    """What this writer knows of its journal."""

    def __init__(self, identity: int, epoch: int, lease: UUID, last: Head, until_s: float) -> None:
        self.id = identity
        self.epoch = epoch
        self.lease = lease
        self.last = last
        self.until_s = until_s
        self.read_from = GENESIS


class _Lost:
    """An append whose outcome is not known.

    Attributes:
        head: The chain's end if it happened.
        lease: What the lease will be called once it was taken again; the same in each attempt, as one of them may have
            succeeded unseen.
        end: The chain's end, once it was taken again; None before.
    """

    def __init__(self, head: Head, lease: UUID) -> None:
        self.head = head
        self.lease = lease
        self.end: Head | None = None


async def pages(database: Database, journal: int, after_seq: int, last_seq: int) -> AsyncIterator[tuple[int, bytes]]:
    """Number and bytes of each line, in order; a statement for every few hundred.

    Raises:
        LineCutError: As `Database.ask`.
    """
    while after_seq < last_seq:
        rows = await database.ask(_LINES, (journal, after_seq, last_seq, _PAGE))
        if not rows:
            return
        for seq, line in rows:
            yield seq, _bytes(line)
        after_seq = rows[-1][0]


def _bytes(line: str) -> bytes:
    """The line as in a file."""
    return f"{line}\n".encode()
