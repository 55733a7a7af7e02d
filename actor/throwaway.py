"""Whether a folder goes with the container: a volume that docker or podman made because nobody gave it one.

Such a volume bears 64 hex digits for a name. The kernel tells of which folder of the host each mount shows.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["is_throwaway"]

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NAMELESS: Final = re.compile(r"/volumes/[0-9a-f]{64}/_data(/|$)")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # the kernel's way with spaces and the like in paths


def is_throwaway(folder: Path, *, mounts: Path = _MOUNTS) -> bool:
    """Whether the mount that holds ``folder``, or will hold it, is of a volume without a name."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    place = folder.resolve()
    # Fields 4 and 5 of proc_pid_mountinfo(5): the folder that is shown, and where.
    shown = {Path(_plain(at)): _plain(source) for _, _, _, source, at, *_ in map(str.split, lines)}
    nearest = next((part for part in (place, *place.parents) if part in shown), None)
    return nearest is not None and _NAMELESS.search(shown[nearest]) is not None


def _plain(path: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), path)
