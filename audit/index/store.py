"""The index's file: rows with a checksum each, in SQLite. A row that is not as it was written is refused.

Every table has one shape: a number, some bytes, and a digest of both under a key that only this journal and this build
have. SQLite keeps transactions apart, so several processes may write at once; the digests find what it does not.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["BadRowError", "Row", "Store", "remove"]

# Table, number, bytes.
Row: TypeAlias = tuple[str, int, bytes]

_TABLES: Final = ("meta", "chunks", "columns", "states", "parts", "bills", "searches", "strip", "sums")
_DIGEST: Final = 16
_WAIT_S: Final = 5.0
_BESIDE: Final = ("", "-journal", "-wal", "-shm")


class BadRowError(Exception):
    """A row is missing, or not as it was written."""


class Store:
    """The open file.

    Args:
        path: The file; made where it is missing and ``writable``. None for one that is gone when it is closed.
        key: What the digests are made with.
        writable: Whether rows will be written.

    Raises:
        sqlite3.Error: It cannot be opened, or is no such file.
    """

    def __init__(self, path: Path | None, key: bytes, *, writable: bool) -> None:
        self._key = key
        uri = "" if path is None else f"{path.absolute().as_uri()}?mode={'rwc' if writable else 'ro'}"
        self._db = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(writable=writable)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, *, writable: bool) -> None:
        self._db.execute("PRAGMA trusted_schema=OFF")
        self._db.execute("PRAGMA cell_size_check=ON")
        if not writable:
            return
        self._db.execute("PRAGMA synchronous=OFF")  # power lost amid a write leaves rows that their digests refuse
        known = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
        for name in _TABLES:
            if name not in known:
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {name} (no INTEGER PRIMARY KEY, body BLOB, sum BLOB)")

    def find(self, table: str, no: int) -> bytes | None:
        """One row's bytes, None where there is none. Raises as `get` does."""
        found = self._db.execute(f"SELECT body, sum FROM {table} WHERE no=?", (no,)).fetchone()  # noqa: S608  (our own names)
        return None if found is None else self._checked(table, no, *found)

    def get(self, table: str, no: int) -> bytes:
        """One row's bytes, which must be there.

        Raises:
            BadRowError: It is missing or spoiled.
            sqlite3.Error: The file cannot be read.
        """
        body = self.find(table, no)
        if body is None:
            raise BadRowError(f"row {no} of {table} is missing")
        return body

    def all(self, table: str, count: int) -> Iterator[bytes]:
        """The rows 0 to ``count`` - 1, each of which must be there. Raises as `get` does."""
        expected = 0
        found = self._db.execute(f"SELECT no, body, sum FROM {table} WHERE no<? ORDER BY no", (count,))  # noqa: S608
        for no, body, digest in found:
            if no != expected:
                break
            yield self._checked(table, no, body, digest)
            expected += 1
        if expected != count:
            raise BadRowError(f"row {expected} of {table} is missing")

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[None]:
        """All that is written within, or nothing of it, while other writers wait; and what is read is of one moment."""
        self._db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows, over those that are there."""
        for table, no, body in rows:
            digest = self._sum(table, no, body)
            self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?,?,?)", (no, body, digest))  # noqa: S608

    def keep_only(self, table: str, no: int) -> None:
        """Remove all rows of a table but one."""
        self._db.execute(f"DELETE FROM {table} WHERE no<>?", (no,))  # noqa: S608

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _checked(self, table: str, no: int, body: object, digest: object) -> bytes:
        if not isinstance(body, bytes) or digest != self._sum(table, no, body):
            raise BadRowError(f"row {no} of {table} is not as it was written")
        return body

    def _sum(self, table: str, no: int, body: bytes) -> bytes:
        found = hashlib.blake2b(b"%s %d " % (table.encode(), no), digest_size=_DIGEST, key=self._key)
        found.update(body)
        return found.digest()


def remove(path: Path) -> None:
    """Throw the file away, with what SQLite keeps beside it. OSError where that is not allowed."""
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")  # noqa: PTH108  (a suffix, no other name)
