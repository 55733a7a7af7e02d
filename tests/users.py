"""Other users than the one who runs the tests, and other views of this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["as_first_process", "as_root_of_mounts", "unshared", "without_root"]


@contextmanager
def without_root(folder: Path) -> Iterator[None]:
    """Root may read and write everything, so it steps down to nobody for a moment; other users are as they are."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.parents):
        if path.owner() == "root" and path.is_relative_to(tempfile.gettempdir()):
            path.chmod(path.stat().st_mode | 0o111)
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def unshared(*words: str | Path) -> str:
    """What a command says in namespaces of its own; the first words are flags of ``unshare``."""
    done = subprocess.run([*_unshare(), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def as_first_process() -> tuple[str, ...]:
    """What goes before a command that is to be process 1 of a namespace, as in a container without an init."""
    return (*_unshare(), "--pid", "--fork", "--kill-child")


def as_root_of_mounts() -> tuple[str, ...]:
    """What goes before a command that mounts what only it sees."""
    return (*_unshare(), "--mount")


def _unshare() -> tuple[str, ...]:
    return ("unshare",) if os.geteuid() == 0 else ("unshare", "--map-root-user")
