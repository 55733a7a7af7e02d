"""A disk that remembers what is durable, and what is left after the power went: any subset of the rest.

It works on real files, which show what the kernel would show, and keeps a second account: the bytes and the names that
a sync made durable, and the operations since. `image` writes one of the states that a power loss may leave behind:
each unsynced operation took place or not, each unsynced write in blocks of 512 bytes.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from events.journal.disk import Disk

__all__ = ["DISK_ENDS", "ModelDisk", "PowerLostError", "SimulatedDisk", "after_power_loss"]

_BLOCK: Final = 512


class PowerLostError(BaseException):
    """The process is gone: nothing that it would still do happens, and nobody catches this as a failure."""


@dataclass(slots=True)
class _File:
    """All that was done to it: the writes (offset, bytes) and cuts (length, None), and how many are durable."""

    done: list[tuple[int, bytes | None]] = field(default_factory=list)
    durable: int = 0

    def sync(self) -> None:
        self.durable = len(self.done)

    def forget(self) -> None:
        del self.done[self.durable :]

    def choices(self) -> int:
        return sum(1 if data is None else len(_blocks(offset, data)) for offset, data in self.done[self.durable :])

    def after_power_loss(self, chosen: Iterator[bool]) -> bytes:
        content = bytearray()
        for offset, data in self.done[: self.durable]:
            _apply(content, offset, data)
        for offset, data in self.done[self.durable :]:
            if data is None:
                if next(chosen):
                    _apply(content, offset, None)
                continue
            for start, block in _blocks(offset, data):
                if next(chosen):
                    _apply(content, start, block)
        return bytes(content)


_Entry = _File | None  # None is a directory
_Change = list[tuple[Path, _Entry | bool]]  # a name and what it leads to; False removes it


class ModelDisk(Disk):
    """The account of one directory tree.

    Args:
        root: Holds the journal; what is in it now is durable.
        crash_at: The operation at which the power goes; 0 never.
        lying_sync: The sync (from 1) that fails once, after which the kernel takes the bytes for written.
        crash: Makes what is raised when the power goes.
    """

    def __init__(
        self,
        root: Path,
        *,
        crash_at: int = 0,
        lying_sync: int = 0,
        crash: Callable[[], BaseException] = PowerLostError,
    ) -> None:
        self.root = root
        self.operations = 0
        self.syncs = 0
        self._crash_at = crash_at
        self._lying_sync = lying_sync
        self._crash = crash
        self._fds: dict[int, _File] = {}
        self._places: dict[int, int] = {}  # where the next write of each descriptor goes
        self._names: dict[Path, _Entry] = {path: _loaded(path) for path in root.rglob("*")}
        self._durable = dict(self._names)
        self._changes: list[tuple[Path, _Change]] = []

    def open(self, path: Path, flags: int) -> int:
        """Open; a new name is not durable yet."""
        self._begin("open")
        self._step()
        fd = super().open(path, flags)
        entry = self._names.get(path)
        if entry is None:
            entry = self._names[path] = _File()
            self._changes.append((path.parent, [(path, entry)]))
        elif flags & os.O_TRUNC:
            entry.done.append((0, None))
        self._fds[fd] = entry
        self._places[fd] = os.fstat(fd).st_size if flags & os.O_APPEND else 0
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write; not durable yet. The power may go in the middle."""
        self._begin("write")
        if self._due():
            data = data[: len(data) // 2]
        count = super().write(fd, data)
        self._fds[fd].done.append((self._places[fd], bytes(data[:count])))
        self._places[fd] += count
        self._step()
        return count

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write in place; not durable yet."""
        self._begin("pwrite")
        count = super().pwrite(fd, data, offset)
        self._fds[fd].done.append((offset, bytes(data[:count])))
        self._step()
        return count

    def truncate(self, fd: int, length: int) -> None:
        """Cut; not durable yet."""
        self._begin("truncate")
        super().truncate(fd, length)
        self._fds[fd].done.append((length, None))
        self._step()

    def fdatasync(self, fd: int) -> None:
        """Make the contents durable, or lie."""
        self._begin("fdatasync")
        self._step()
        self.syncs += 1
        if self.syncs == self._lying_sync:
            self._fds[fd].forget()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fds[fd].sync()

    def fsync(self, fd: int) -> None:
        """As fdatasync."""
        self.fdatasync(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Rename; not durable yet, and never half of it."""
        self._begin("rename")
        super().rename(source, target)
        entry = self._names[target] = self._names.pop(source)
        self._changes.append((target.parent, [(source, False), (target, entry)]))
        self._step()

    def unlink(self, path: Path) -> None:
        """Remove; not durable yet."""
        self._begin("unlink")
        super().unlink(path)
        del self._names[path]
        self._changes.append((path.parent, [(path, False)]))
        self._step()

    def mkdir(self, path: Path) -> None:
        """Make a directory; not durable yet."""
        self._begin("mkdir")
        super().mkdir(path)
        self._names[path] = None
        self._changes.append((path.parent, [(path, None)]))
        self._step()

    def fsync_dir(self, path: Path) -> None:
        """Make the names in one directory durable."""
        self._begin("fsync_dir")
        self._step()
        for parent, change in self._changes:
            if parent == path:
                _rename(self._durable, change)
        self._changes = [(parent, change) for parent, change in self._changes if parent != path]

    def choices(self) -> int:
        """How many unsynced things may each be there or not: names, cuts, and blocks of writes."""
        return len(self._changes) + sum(file.choices() for file in self._files())

    def image(self, target: Path, chosen: Sequence[bool]) -> None:
        """Write what a power loss leaves into the new directory ``target``: of `choices` those that are True."""
        target.mkdir()
        choice = iter(chosen)
        names = dict(self._durable)
        for _, change in self._changes:
            if next(choice):
                _rename(names, change)
        contents = {id(file): file.after_power_loss(choice) for file in self._files()}
        for path in sorted(names):
            entry, there = names[path], target / path.relative_to(self.root)
            if not there.parent.is_dir():
                continue  # its directory was never durable
            if entry is None:
                there.mkdir()
            else:
                there.write_bytes(contents[id(entry)])

    def _files(self) -> list[_File]:
        """Every file that has or may have a name, in a fixed order."""
        changed = [entry for _, change in self._changes for _, entry in change]
        files = {id(entry): entry for entry in [*self._durable.values(), *changed] if isinstance(entry, _File)}
        return list(files.values())

    def _begin(self, operation: str) -> None:
        """An operation is asked for; a subclass may refuse it."""

    def _due(self) -> bool:
        return self.operations + 1 == self._crash_at

    def _step(self) -> None:
        self.operations += 1
        if 0 < self._crash_at <= self.operations:
            raise self._crash()


def _loaded(path: Path) -> _Entry:
    return None if path.is_dir() else _File(done=[(0, path.read_bytes())], durable=1)


def _rename(names: dict[Path, _Entry], change: _Change) -> None:
    for path, entry in change:
        if isinstance(entry, bool):
            names.pop(path, None)
        else:
            names[path] = entry


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(b"\0" * (offset - len(content)))
    content[offset : offset + len(data)] = data


def _blocks(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    cuts = [offset, *range((offset // _BLOCK + 1) * _BLOCK, offset + len(data), _BLOCK), offset + len(data)]
    return [(start, data[start - offset : end - offset]) for start, end in itertools.pairwise(cuts)]


# What may be wrong with an operation. The process dies of the first two; of the others it ends by itself.
DISK_ENDS: Final = frozenset({"power", "die", "disk_full", "io_error", "short_write"})
_ERRNO: Final = {"disk_full": errno.ENOSPC, "io_error": errno.EIO}


class SimulatedDisk(ModelDisk):
    """A model disk that serves one process after the other.

    Args:
        root: Holds the journal.
        on_death: Called when an operation kills the process.

    Attributes:
        dead: The process is gone; nothing it still asks for happens.
    """

    def __init__(self, root: Path, on_death: Callable[[], None]) -> None:
        super().__init__(root)
        self.dead = False
        self._on_death = on_death
        self._kind = ""
        self._at = 0

    def serve(self, kind: str = "", at: int = 0) -> None:
        """A process begins; its ``at``-th operation from here goes wrong in this way."""
        self.dead = False
        self.operations = 0
        self._kind, self._at = kind, at

    def _begin(self, operation: str) -> None:
        if self.dead:
            raise PowerLostError
        if self._kind == "io_error" and operation == "fdatasync" and self.operations + 1 == self._at:
            self._lying_sync = self.syncs + 1  # what was written stays visible, and is on no disk

    def _due(self) -> bool:
        return self.operations + 1 == self._at

    def _step(self) -> None:
        self.operations += 1
        if self.operations < self._at or not self._kind or self._kind == "short_write":
            return
        if self._kind in _ERRNO:
            lies = self._lying_sync > self.syncs  # the sync itself fails then
            if not lies and (self.operations == self._at or self._kind == "disk_full"):
                code = _ERRNO[self._kind]
                raise OSError(code, os.strerror(code))
        elif self.operations == self._at:
            self.dead = True
            self._on_death()
            raise PowerLostError


def after_power_loss(
    disk: SimulatedDisk, target: Path, rng: random.Random, on_death: Callable[[], None]
) -> SimulatedDisk:
    """The disk as a new boot finds it in the new directory ``target``: of what was not synced, any part is there."""
    disk.image(target, [rng.random() < 0.5 for _ in range(disk.choices())])  # noqa: PLR2004
    shutil.rmtree(disk.root)
    return SimulatedDisk(target, on_death)
