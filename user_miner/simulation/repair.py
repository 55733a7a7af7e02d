"""A journal is damaged while nobody holds it, and the operator accepts the loss. It never touches what HEAD spares.

The damage lies at or below the record that HEAD witnesses, so that the miner must refuse to start. The repair is what
`user-miner repair --accept-loss` does; the damaged directory stays where it is, as evidence.
"""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path
from typing import Final

from actor.machine import State, fold, step
from events.journal import Draft, FileJournal, JournalReader, Record
from events.journal.head import read_witness
from events.journal.layout import SNAPSHOTS, first_seq, list_segments
from events.journal.repair import Damage, copy_prefix, gap_of, survey
from sandbox.services import Draw

__all__ = ["declare", "harm", "rescue"]

_FARTHEST: Final = 80  # records before the one that HEAD witnesses
_FIRST: Final = 3  # a journal of which less is whole has nothing to go on with


def harm(directory: Path, draw: Draw) -> bool:
    """Flip a bit of one record, or cut the journal in the middle of it; False where HEAD witnesses too little."""
    witness = read_witness(directory) if directory.is_dir() else None
    if witness is None or witness.place.head.seq < _FIRST:
        return False
    seq = max(_FIRST, witness.place.head.seq - int(draw.amount * _FARTHEST))
    shutil.rmtree(directory / SNAPSHOTS, ignore_errors=True)  # a start behind one would not read so far back
    segments = list_segments(directory)
    name = next(name for name in reversed(segments) if first_seq(name) <= seq)
    content = bytearray((directory / name).read_bytes())
    lines = BytesIO(content).readlines()
    before = seq - first_seq(name)
    middle = sum(map(len, lines[:before])) + len(lines[before]) // 2
    if draw.kind == "flipped":
        content[middle] ^= 1
    else:
        del content[middle:]
        for later in segments[segments.index(name) + 1 :]:
            (directory / later).unlink()
    (directory / name).write_bytes(content)
    return True


def rescue(directory: Path, out: Path) -> Damage:
    """Copy what is whole; what is wrong with the rest."""
    found = survey(directory)
    if found is None:
        raise ValueError(f"{directory} is not damaged")
    copy_prefix(directory, out, found.place)
    return found


async def declare(journal: FileJournal, found: Damage, at_ms: int) -> tuple[Record, State]:
    """Write the gap behind the good records: the record, and the state after it."""
    state = fold(JournalReader(journal.directory))
    gap = gap_of(found)
    after = step(state, gap, at_ms)
    await journal.take(reducer=0)
    try:
        draft = Draft(at_ms=at_ms, event=gap, source=state.state, dest=after.state)
        return await journal.append(draft, witness=True), after
    finally:
        await journal.release()
