"""One connection to PostgreSQL, and the schema: the only file that opens one.

A statement is bounded in time by cutting the line: libpq waits for an answer for as long as the line looks alive, and
a cancellation would wait for the server once more. What was cut off may have happened or not.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from events.journal.postgres.address import Address
from events.journal.store import JournalError, JournalWriteError

__all__ = ["Database", "LineCutError", "Row"]

Row = tuple[Any, ...]

_PATIENCE_S: Final = 10.0
_WARNING: Final = "01000"  # among others: committed here, and nobody knows whether on the standby
# The statement itself is wrong, and would be so again: another schema, no right, a value that does not fit.
_FINAL: Final = ("22", "23", "42")
_SCHEMA: Final = 1  # the last numbered file


class LineCutError(Exception):
    """No answer, or one that leaves open what happened. The message says why, in one line without secrets."""


class Database:
    """A connection that is opened when it is needed, again after it was lost, and used by one statement at a time.

    Args:
        address: Where.
        writes: Whether the schema is made where there is none, and a server that only reads is refused.
        patience_s: The longest that one statement may take.
    """

    def __init__(self, address: Address, *, writes: bool, patience_s: float = _PATIENCE_S) -> None:
        self.address = address
        self._writes = writes
        self._patience_s = patience_s
        self._line: psycopg.AsyncConnection[Row] | None = None
        self._turn = asyncio.Lock()
        self._warned: str | None = None
        self._is_current = False

    async def ask(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement in a transaction of its own; its rows, once that is committed.

        Raises:
            LineCutError: What came of it is not known, or nothing did: the server is not there, or too slow.
            JournalWriteError: The server refused it for good.
            JournalError: The database is not one for journals.
        """
        async with self._turn:
            work = asyncio.ensure_future(self._ask(query, values))
            try:
                done, _ = await asyncio.wait({work}, timeout=self._patience_s)
            except BaseException:
                await self._end(work)
                raise
            if not done:
                await self._end(work)
                await self._drop()
                raise LineCutError(f"no answer within {self._patience_s:g} s")
            return work.result()

    async def close(self) -> None:
        """Safe to call twice; a later statement opens a new connection."""
        async with self._turn:
            await self._drop()

    async def _ask(self, query: str, values: Sequence[object]) -> list[Row]:
        try:
            line = await self._open()
            self._warned = None
            cursor = await line.execute(query.encode(), values)
            rows = await cursor.fetchall() if cursor.description is not None else []
        except psycopg.Error as error:
            raise await self._meaning(error) from None  # libpq's words are ours to choose: some quote what was sent
        if self._warned is not None:
            raise LineCutError(self._warned)
        return rows

    async def _meaning(self, error: psycopg.Error) -> Exception:
        words = _words(error, self.address)
        if error.sqlstate and error.sqlstate.startswith(_FINAL):
            return JournalWriteError(f"{self.address.public} refused: {words}")
        await self._drop()
        return LineCutError(words)

    async def _open(self) -> psycopg.AsyncConnection[Row]:
        if self._line is not None and not self._line.closed:
            return self._line
        line = await psycopg.AsyncConnection.connect(
            make_conninfo("", **self.address.options(writes=self._writes)), autocommit=True, prepare_threshold=1
        )
        self._line = line
        line.add_notice_handler(self._notice)
        await self._check(line)
        return line

    async def _check(self, line: psycopg.AsyncConnection[Row]) -> None:
        """Whether journals can live there; makes the schema where it may."""
        cursor = await line.execute(
            "SELECT current_setting('server_encoding'), current_setting('synchronous_commit'), "
            "to_regclass('user_miner.migrations') IS NOT NULL"
        )
        row = await cursor.fetchone()
        encoding, synchronous, is_there = row or ("", "", False)
        if encoding != "UTF8":
            raise JournalError(
                f"{self.address.public} keeps texts as {encoding}, expected UTF8: make a database with ENCODING 'UTF8'"
            )
        if self._writes and synchronous in {"off", "local"}:  # a record is durable before anything acts on it
            await line.execute("SET synchronous_commit = on")
        if self._is_current:
            return
        if self._writes:
            await _migrate(line, is_there=is_there)
        elif not is_there:
            raise JournalError(
                f"{self.address.public} holds no journals: `user-miner run` with this JOURNAL_URL begins one, "
                "`user-miner copy` takes one there"
            )
        cursor = await line.execute("SELECT max(number) FROM user_miner.migrations")
        found = (await cursor.fetchone() or (0,))[0]
        if found != _SCHEMA:
            raise JournalError(
                f"{self.address.public} has schema {found}, this build has {_SCHEMA}: "
                + ("run a newer build" if found > _SCHEMA else "start a miner of this build there, which brings it up")
            )
        self._is_current = True

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.sqlstate == _WARNING:
            self._warned = " ".join(filter(None, (notice.message_primary, notice.message_detail)))

    async def _end(self, work: asyncio.Future[list[Row]]) -> None:
        """Have the statement end at once; what came of it is not known."""
        if self._line is None:
            work.cancel()  # it connects
        else:
            self._cut(self._line)
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # looked at

    @staticmethod
    def _cut(line: psycopg.AsyncConnection[Row]) -> None:
        """End the line for both sides, whoever waits for it."""
        with suppress(OSError, psycopg.Error):
            twin = socket.socket(fileno=os.dup(line.pgconn.socket))
            try:
                twin.shutdown(socket.SHUT_RDWR)
            finally:
                twin.close()

    async def _drop(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        with suppress(psycopg.Error, OSError):
            if line.info.transaction_status == TransactionStatus.ACTIVE:
                line.pgconn.finish()
            await line.close()


async def _migrate(line: psycopg.AsyncConnection[Row], *, is_there: bool) -> None:
    """Apply the numbered files that are missing, each once, whoever else starts at the same moment."""
    if is_there:
        cursor = await line.execute("SELECT max(number) FROM user_miner.migrations")
        if (await cursor.fetchone() or (0,))[0] >= _SCHEMA:
            return
    async with line.transaction():
        await line.execute("SELECT pg_advisory_xact_lock(hashtext('user_miner.migrations'))")
        await line.execute("CREATE SCHEMA IF NOT EXISTS user_miner")
        await line.execute(
            "CREATE TABLE IF NOT EXISTS user_miner.migrations "
            "(number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        cursor = await line.execute("SELECT number FROM user_miner.migrations")
        applied = {number for (number,) in await cursor.fetchall()}
        for number in sorted({*range(1, _SCHEMA + 1)} - applied):
            await line.execute((files(__package__) / f"{number:04d}.sql").read_bytes())
            await line.execute("INSERT INTO user_miner.migrations (number) VALUES (%s)", (number,))


def _words(error: psycopg.Error, address: Address) -> str:
    """What the server or libpq said, in one line; a password that it quotes is taken out."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    for secret in address.secrets:
        text = text.replace(secret, "***")
    return " ".join(text.split())
