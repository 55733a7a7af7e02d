"""The rows of the recovery table that no crash reaches: somebody else damages a copy, and the journal must refuse it.

Each kind of damage is done to a copy of what a simulation left behind. The copy is then opened as a start would open
it; a refusal must leave every byte as it was.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final, TypeAlias

from actor.machine import State, fold, step
from actor.machine.state import REDUCER
from events.journal import Draft, FileJournal, JournalDamagedError, JournalReader, Record, read_journal
from events.journal.head import read_witness
from events.journal.layout import HEAD, LOCK, SNAPSHOTS, first_seq, list_segments
from events.journal.record import Head, seal_checked
from events.journal.repair import Damage, copy_prefix, gap_of, survey
from sandbox.services import Draw
from user_miner.simulation.plan import Violation

__all__ = ["DAMAGES", "damaged_copies", "declare", "harm", "rescue"]

_SLOT: Final = 512
_BESIDE: Final = "damaged"
_WAYS: Final = 4

# Does the damage to a journal of these records; False where this one cannot be damaged so.
_Damage: TypeAlias = Callable[[Path, list[Record], random.Random], bool]

# By word, the row of the recovery table.
DAMAGES: Final[Mapping[str, str]] = {
    "one slot": "one slot of HEAD unreadable: opened by the other one",
    "cut record": "bad bytes, and the last good record is below HEAD: refused",
    "flipped byte": "bad bytes with a whole record after them: refused",
    "earlier segment": "bad bytes in a segment that is not the last: refused",
    "missing segment": "a segment missing: refused",
    "lost end": "the chain ends below HEAD: refused",
    "no segment": "HEAD names a record and there is no segment: refused",
    "other history": "HEAD's record has another hash: refused",
    "no HEAD": "HEAD missing beside segments: refused",
    "both slots": "both slots of HEAD unreadable: refused",
    "second writer": "a line that continues an earlier record: refused",
}


def damaged_copies(directory: Path, seed: int, counts: Counter[str]) -> Iterator[Violation]:
    """Damage copies of a journal in a few ways; what was opened although it must not be, or refused wrongly.

    Args:
        directory: The journal, released; it stays as it is.
        seed: Of the ways, and of the places that are damaged.
        counts: Gets what was done, by the words of `DAMAGES`.
    """
    records = list(read_journal(directory))
    rng = random.Random(f"{seed}:damage")  # noqa: S311  (repeatable by intent)
    copy = directory.parent / _BESIDE
    for word in rng.sample(list(_DAMAGES), _WAYS):
        # A start reads no record before a snapshot that fits; here it is to read them all.
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("snapshots"))
        if _DAMAGES[word](copy, records, rng):
            counts[word] += 1
            refusal = _opened(copy, is_refused=word != "one slot")
            if refusal:
                yield Violation(rule="I8", text=f"{DAMAGES[word]}; {refusal}")
        shutil.rmtree(copy)


def _opened(directory: Path, *, is_refused: bool) -> str:
    """What is wrong with how a start takes it; empty for nothing."""
    before = _contents(directory)
    journal = FileJournal(directory, on_warning=lambda _line: None)
    try:
        # Nothing in it waits: one step of the coroutine is all of it, inside of another loop or not.
        journal.take(reducer=REDUCER).send(None)
    except StopIteration:
        with suppress(StopIteration):
            journal.release().send(None)
        return "it was opened" if is_refused else ""
    except JournalDamagedError as error:
        if not is_refused:
            return f"it was refused: {error}"
        return "" if _contents(directory) == before else "it was refused, and bytes were changed"
    raise RuntimeError("taking a journal waited for something")


def _contents(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _segments(directory: Path) -> list[Path]:
    return [directory / name for name in list_segments(directory)]


def _last_line(path: Path) -> tuple[bytes, bytes]:
    """Everything before the last record of a segment, and that record."""
    content = path.read_bytes()
    cut = content.rstrip(b"\n").rfind(b"\n") + 1
    return content[:cut], content[cut:]


def _cut_record(directory: Path, _records: list[Record], rng: random.Random) -> bool:
    path = _segments(directory)[-1]
    whole, line = _last_line(path)
    if not line:
        return False
    path.write_bytes(whole + line[: rng.randrange(1, len(line))])
    return True


def _flipped_byte(directory: Path, _records: list[Record], rng: random.Random) -> bool:
    path = _segments(directory)[-1]
    whole, line = _last_line(path)
    if not whole or not line:
        return False
    _flip(path, rng.randrange(len(whole)))
    return True


def _earlier_segment(directory: Path, _records: list[Record], rng: random.Random) -> bool:
    first, *others = _segments(directory)
    if not others:
        return False
    _flip(first, rng.randrange(first.stat().st_size))
    return True


def _missing_segment(directory: Path, _records: list[Record], _rng: random.Random) -> bool:
    first, *others = _segments(directory)
    if not others:
        return False
    first.unlink()
    return True


def _lost_end(directory: Path, _records: list[Record], _rng: random.Random) -> bool:
    path = _segments(directory)[-1]
    whole, line = _last_line(path)
    path.write_bytes(whole)
    return bool(line)


def _no_segment(directory: Path, _records: list[Record], _rng: random.Random) -> bool:
    for path in _segments(directory):
        path.unlink()
    return True


def _other_history(directory: Path, records: list[Record], _rng: random.Random) -> bool:
    path = _segments(directory)[-1]
    whole, line = _last_line(path)
    if not line or len(records) < 2:  # noqa: PLR2004
        return False
    before, last = records[-2:]
    draft = Draft(at_ms=last.at_ms + 1, event=last.event(), source=last.source, dest=last.dest)
    sealed, _ = seal_checked(draft, Head(seq=before.seq, hash=before.hash))
    path.write_bytes(whole + sealed)
    return True


def _no_head(directory: Path, _records: list[Record], _rng: random.Random) -> bool:
    (directory / HEAD).unlink()
    return True


def _both_slots(directory: Path, _records: list[Record], rng: random.Random) -> bool:
    return _one_slot(directory, 0, rng) and _one_slot(directory, 1, rng)


def _some_slot(directory: Path, _records: list[Record], rng: random.Random) -> bool:
    return _one_slot(directory, rng.randrange(2), rng)


def _one_slot(directory: Path, slot: int, rng: random.Random) -> bool:
    content = (directory / HEAD).read_bytes()[slot * _SLOT : (slot + 1) * _SLOT]
    _flip(directory / HEAD, slot * _SLOT + rng.randrange(len(content.rstrip())))
    return True


def _second_writer(directory: Path, _records: list[Record], _rng: random.Random) -> bool:
    path = _segments(directory)[-1]
    whole, line = _last_line(path)
    path.write_bytes(whole + line + line)
    return bool(line)


_DAMAGES: Final[Mapping[str, _Damage]] = {
    "one slot": _some_slot,
    "cut record": _cut_record,
    "flipped byte": _flipped_byte,
    "earlier segment": _earlier_segment,
    "missing segment": _missing_segment,
    "lost end": _lost_end,
    "no segment": _no_segment,
    "other history": _other_history,
    "no HEAD": _no_head,
    "both slots": _both_slots,
    "second writer": _second_writer,
}


_FARTHEST: Final = 80  # records before the one that HEAD witnesses
_FIRST: Final = 3  # a journal of which less is whole has nothing to go on with


def harm(directory: Path, draw: Draw) -> bool:
    """Flip a bit of one record, or cut the journal in the middle of it; False where HEAD witnesses too little.

    The damage lies at or below the record that HEAD witnesses, so that the miner must refuse to start.
    """
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
    """Copy what is whole, as ``user-miner repair --accept-loss`` does; what is wrong with the rest."""
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
