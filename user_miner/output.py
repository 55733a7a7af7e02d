"""Where an export goes: standard output, or a file that appears whole or not at all.

A file is written beside its place under another name, synced, and then given its own. What cannot be written is an
operator's matter and ends in one line; a reader that left a pipe (BrokenPipeError) is the caller's.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from audit.errors import UsageError

__all__ = ["check_target", "opened", "whole_file"]

_BUFFER_BYTES: Final = 1 << 20


def check_target(out: Path, journal: Path, *, force: bool) -> Path:
    """The file that ``out`` means, links followed.

    Raises:
        UsageError: It may not be written.
    """
    target = Path(os.path.realpath(out))  # of links in a circle, too
    if target.is_relative_to(journal.resolve()):
        raise UsageError(f"--out {out} lies in the journal, where only the miner writes: choose another place")
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise UsageError(f"--out {out} is not a regular file: choose another name, or - for standard output")
    if target.exists() and not force:
        raise UsageError(f"--out {out} exists already: choose another name, or replace it with --force")
    if not target.parent.is_dir():
        raise UsageError(f"--out {out}: {target.parent} is not a directory")
    return target


@contextlib.contextmanager
def opened(target: Path | None, *, force: bool, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A stream to write to; None is standard output. The file is there only when the block ends well.

    Its rights are ``mode`` less what the process's mask takes away.

    Raises:
        UsageError: The disk refused, or the file has appeared meanwhile.
    """
    if target is None:
        sys.stdout.flush()
        with _buffered(_Sink(sys.stdout.buffer, "standard output")) as stream:
            yield stream
        return
    with whole_file(target, force=force, mode=mode) as file, _buffered(_Sink(file, str(target))) as stream:
        yield stream


@contextlib.contextmanager
def whole_file(target: Path, *, force: bool, mode: int = 0o666) -> Iterator[io.FileIO]:
    """An unbuffered file that is at ``target``, and on disk, once the block has ended well; until then the old one is.

    Raises:
        UsageError: As `opened`; an error of the disk is its cause.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _refusals(str(target)):
        made = open(partial, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115  (no Path.open has an opener; closed below)
    try:
        with made as file:
            yield file
            with _refusals(str(target)):
                os.fsync(file.fileno())
        with _refusals(str(target)):
            _name(partial, target, force=force)
            _sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    with contextlib.suppress(PermissionError):  # of a folder to write in, and not to read
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _name(partial: Path, target: Path, *, force: bool) -> None:
    if force:
        partial.replace(target)
        return
    try:
        os.link(partial, target)  # unlike a rename it never replaces what appeared meanwhile
    except FileExistsError:
        raise UsageError(f"{target} has appeared meanwhile: it is left as it is") from None
    except OSError:  # a file system without hard links
        partial.replace(target)


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{name} could not be written: {error.strerror}; nothing is left of it") from error


@contextlib.contextmanager
def _buffered(sink: _Sink) -> Iterator[BinaryIO]:
    stream = io.BufferedWriter(sink, _BUFFER_BYTES)
    try:
        yield cast("BinaryIO", stream)
    finally:
        try:
            stream.flush()  # whoever reads a damaged journal through a pipe gets what comes before the damage
        finally:
            sink.abandoned = True  # what is left in the buffer after a failure goes nowhere
            stream.close()


class _Sink(io.RawIOBase):
    """Writes to a stream that it does not close, and says in one line why it cannot."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__()
        self.abandoned = False
        self._stream = stream
        self._name = name

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        view = memoryview(data)  # type: ignore[arg-type]  # what io hands over is a buffer
        if self.abandoned:
            return view.nbytes
        with _refusals(self._name):
            written = self._stream.write(view)
            self._stream.flush()
        return written
