"""The log as a file: bounded by itself, and at peace with logrotate, which may move it away at any moment.

A file that cannot be written, on a full disk for example, never stops the miner: what it refuses goes to standard
error.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import stat
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

__all__ = ["FILES", "FILE_BYTES", "LogFile", "check_log_file", "to_stderr"]

# Python's own stream has a lock, and the interpreter's end asks for it: a pipe that nobody reads would hold up both.
_PIECE: Final = 4096  # a pipe that is ready takes so much without waiting


def to_stderr(text: str, *, within_s: float | None = None) -> None:
    """Write, for as long as it takes or at most for so long: what is not taken by then is lost. Never raises."""
    with suppress(OSError, ValueError):
        encoding: str | None
        try:
            file, encoding = sys.stderr.fileno(), sys.stderr.encoding
        except (OSError, ValueError):
            file, encoding = -1, None
        if encoding is None:  # replaced by what is no file, or lies over one, as a progress bar does
            sys.stderr.write(text)
            sys.stderr.flush()
            return
        deadline_s = None if within_s is None else time.monotonic() + within_s
        left = text.encode(encoding, "backslashreplace")
        while left and _is_ready(file, deadline_s):
            left = left[os.write(file, left[:_PIECE]) :]


def _is_ready(file: int, deadline_s: float | None) -> bool:
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
    return bool(ready.poll(None if left_s is None else left_s * 1000))


FILES: Final = 5  # the one that is written and its predecessors, .1 the youngest
FILE_BYTES: Final = 10 << 20
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe without a reader blocks


def check_log_file(path: Path, *, makes: bool = True) -> str | None:
    """Why the operator should name another file; None when this one can be opened, or the disk is only full.

    ``makes`` makes it when it is not there; else whether it could be made is asked.
    """
    try:
        if makes or path.exists():
            os.close(_opened(path))
        elif not path.parent.is_dir():
            return os.strerror(errno.ENOENT)
        elif not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return os.strerror(errno.EACCES)
    except OSError as error:
        return None if error.errno == errno.ENOSPC else error.strerror
    return None


class LogFile(logging.Handler):
    """Writes each line at once, and begins a new file when the next line would exceed the bound.

    Args:
        path: The file, made with mode 0600 when it is not there.
        file_bytes: The bound of each file; a single longer line is written all the same.
        files: How many files are kept in all.
    """

    def __init__(self, path: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        super().__init__()
        self._path = path
        self._file_bytes = file_bytes
        self._files = files
        self._file: int | None = None
        self._is_torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, here or, where the file refuses it, to standard error."""
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001  (a line that cannot be made stops nobody)
            self.handleError(record)
            return
        try:
            self._write(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._close()
            to_stderr(f"{self._path} refused a line ({error.strerror}): {line}")

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        self.acquire()
        try:
            self._close()
        finally:
            self.release()
        super().close()

    def _write(self, line: bytes) -> None:
        file = self._ready(len(line) + 1)
        if self._is_torn:  # a full disk took part of the last line
            line = b"\n" + line
        written = os.write(file, line)
        self._is_torn = written != len(line)
        if self._is_torn:
            raise OSError(errno.ENOSPC, f"took {written} of {len(line)} bytes")

    def _ready(self, more_bytes: int) -> int:
        """The open file, the one that bears the name now, with room for so many bytes more."""
        if self._file is not None and not self._is_in_place(self._file):
            self._close()
        if self._file is None:
            self._file = _opened(self._path)
        size = os.fstat(self._file).st_size
        if size and size + more_bytes > self._file_bytes:
            self._close()
            self._rotate()
            self._file = _opened(self._path)
        return self._file

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._files))]
        for younger, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                younger.replace(older)

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def _opened(path: Path) -> int:
    file = os.open(path, _FLAGS, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "is no regular file")
    return file
