"""Other users than the one who runs the tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["without_root"]


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
