"""Torn tails that were moved out of the journal: kept as files, so that no byte is ever thrown away.

A file's name tells which bytes it holds, where they stood and their digest, so moving the same tail twice makes one
file. It is durable before the tail is cut off, and it stays a debt until a TailRepaired record names it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from events.catalogue import TailRepaired
from events.journal.disk import Disk, make_directory, replace_file
from events.journal.layout import QUARANTINE

__all__ = ["move_in", "undeclared"]

_NAME: Final = re.compile(r"(?P<stem>[0-9]{20})-(?P<offset>[0-9]{12,})-(?P<sha256>[0-9a-f]{64})\.bin")


def move_in(disk: Disk, directory: Path, segment: str, offset: int, tail: bytes) -> None:
    """Keep ``tail``, which stands at ``offset`` of ``segment``; durable when this returns."""
    place = directory / QUARANTINE
    make_directory(disk, place)
    disk.fsync_dir(directory)
    stem = segment.removesuffix(".jsonl")
    replace_file(disk, place / f"{stem}-{offset:012d}-{hashlib.sha256(tail).hexdigest()}.bin", tail)


def undeclared(
    directory: Path, declared: Collection[str], on_warning: Callable[[str], None]
) -> tuple[TailRepaired, ...]:
    """One TailRepaired for each file that no record in ``declared`` names, in the order of the journal."""
    place = directory / QUARANTINE
    paths = sorted(place.glob("*.bin")) if place.is_dir() else []
    repairs = []
    for path in paths:
        if path.name in declared:
            continue
        match = _NAME.fullmatch(path.name)
        if match is None:
            on_warning(f"{path} is not a tail that was moved out of this journal; left alone")
            continue
        repairs.append(
            TailRepaired(
                segment=match["stem"] + ".jsonl",
                offset=int(match["offset"]),
                length=path.stat().st_size,
                sha256=match["sha256"],
                quarantine=path.name,
            )
        )
    return tuple(repairs)
