"""What an index is bound to: this build's fold, and the files of a journal as far as they were indexed. Only reads."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

import actor.machine
import audit
import events
from actor.machine import REDUCER
from events.journal import GENESIS, BadRecordError, parse
from events.journal.head import Place
from events.journal.layout import list_segments, segment_name

__all__ = ["VERSION", "Bound", "Closed", "IndexUnfitError", "Mark", "Meta", "cache_file", "first_hash", "fold_key"]

# Version of the index: raised whenever rows are written otherwise.
VERSION: Final = 1
_PIECE: Final = 1 << 20


class IndexUnfitError(Exception):
    """The index is not one of this journal by this build; the message says why."""


class Mark(NamedTuple):
    """What the file system says of a file: as long as it says the same, nobody wrote there."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Closed(msgspec.Struct, frozen=True, array_like=True):
    """A file up to some byte.

    Attributes:
        name: Its name in the journal.
        size: How many of its bytes are meant.
        sha256: Their digest.
        mark: How the whole file was found then.
    """

    name: str
    size: int
    sha256: bytes
    mark: Mark


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """The index as a whole.

    Attributes:
        chunks: How many it has.
        place: Where the last record of the last one ended.
        files: The journal's files up to there, the last one as far as it was indexed.
    """

    chunks: int
    place: Place
    files: tuple[Closed, ...]


@cache
def fold_key() -> bytes:
    """Digest of all code that decides what an index holds."""
    found = hashlib.sha256(f"{VERSION} {REDUCER}".encode())
    for package in (events, actor.machine, audit):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            found.update(f"{path.relative_to(folder)} {len(content)}\n".encode())
            found.update(content)
    return found.digest()


def first_hash(directory: Path) -> str | None:
    """The hash of the journal's first record, which names its index; None without one."""
    try:
        with (directory / segment_name(1)).open("rb") as file:
            return parse(file.readline(), GENESIS).hash
    except (BadRecordError, OSError):
        return None


def cache_file(first: str) -> Path | None:
    """Where the index of a journal lies; None where there is no such place."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cached = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home
        return None
    return cached / "user-miner" / first / "index.sqlite"


class Bound:
    """The files of a journal up to the end of its index. Reads each byte of them once, while it is young."""

    def __init__(self, directory: Path, files: tuple[Closed, ...] = ()) -> None:
        self._directory = directory
        self._files = list(files)
        self._open: tuple[str, int, hashlib._Hash] | None = None

    @property
    def files(self) -> tuple[Closed, ...]:
        """As they were found last."""
        return tuple(self._files)

    def check(self) -> bool:
        """Look whether the files are as they were indexed; True where one was touched and still holds the same.

        Raises:
            IndexUnfitError: They are not.
            OSError: They cannot be read.
        """
        names = list_segments(self._directory)[: len(self._files)]
        if names != [file.name for file in self._files]:
            raise IndexUnfitError("the journal has other files now")
        touched = False
        for at, file in enumerate(self._files):
            mark = _mark(self._directory / file.name)
            if mark == file.mark:
                continue
            is_last = at == len(self._files) - 1
            if mark.size < file.size or (mark.size != file.size and not is_last):
                raise IndexUnfitError(f"{file.name} has another length now")
            if _digest(self._directory / file.name, 0, file.size, hashlib.sha256()).digest() != file.sha256:
                raise IndexUnfitError(f"{file.name} holds other bytes now")
            self._files[at] = Closed(file.name, file.size, file.sha256, mark)
            touched = True
        return touched

    def extend(self, place: Place) -> tuple[Closed, ...]:
        """The files up to ``place``, which lies behind all that was asked for before."""
        names = [name for name in list_segments(self._directory) if name <= place.segment]
        done = {file.name: file for file in self._files if file.name < place.segment and file.mark.size == file.size}
        self._files = [done.get(name) or self._closed(name, place) for name in names]
        return tuple(self._files)

    def _closed(self, name: str, place: Place) -> Closed:
        path = self._directory / name
        mark = _mark(path)
        size = place.offset if name == place.segment else mark.size
        begun, done = (0, hashlib.sha256())
        if self._open is not None and self._open[0] == name and self._open[1] <= size:
            _, begun, done = self._open
        done = _digest(path, begun, size, done)
        self._open = (name, size, done)
        return Closed(name, size, done.digest(), mark)


def _mark(path: Path) -> Mark:
    found = path.stat()
    return Mark(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _digest(path: Path, begin: int, end: int, done: hashlib._Hash) -> hashlib._Hash:
    """``done`` with the bytes from ``begin`` to ``end`` added."""
    with path.open("rb") as file:
        file.seek(begin)
        left = end - begin
        while left > 0 and (piece := file.read(min(left, _PIECE))):
            done.update(piece)
            left -= len(piece)
    return done
