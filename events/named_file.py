"""Reading a file that a person named, which may be anything: a pipe that nobody writes to, a device without an end."""

from __future__ import annotations

import errno
import os
import select
import stat
from pathlib import Path
from typing import Final

__all__ = ["read_named"]

_WAIT_S: Final = 4.0  # less than the doctor waits for the settings


def read_named(path: Path, most: int, *, wait_s: float = _WAIT_S) -> bytes:
    """At most ``most`` bytes of it. A named pipe is given ``wait_s`` until its first byte; others have their writer.

    Raises:
        OSError: It cannot be read, or is a named pipe that nobody wrote to.
    """
    # An ordinary opening of a named pipe waits for a writer, perhaps for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  (a descriptor)
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode) and _has_name(path):
            ready = select.poll()
            ready.register(file, select.POLLIN)
            if not ready.poll(wait_s * 1000):
                why = (
                    f"it is a pipe, and nobody wrote to it within {wait_s:g} s: name a file, or start the writer first"
                )
                raise OSError(errno.ETIMEDOUT, why)
        os.set_blocking(file.fileno(), True)
        return file.read(most)


def _has_name(pipe: Path) -> bool:
    """Whether it lies in a folder. Those of a shell, as for ``<(…)``, do not, and opening them waits for nobody."""
    return os.path.exists(os.path.realpath(pipe))  # noqa: PTH110  (a Path would refuse some names)
