"""Snapshots: cached folds that let a cold start read only the records after them. Never trusted over the records.

`snapshots/<seq>.json` is one JSON object: where the chain stood, what a scan from the first record would have found
out besides, the state, and a checksum over everything before it. Any mismatch with the journal makes it worthless,
which costs time and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from events.journal.disk import Disk, make_directory, replace_file
from events.journal.head import Place
from events.journal.layout import SNAPSHOTS
from events.journal.record import Head
from events.journal.scan import hash_before
from events.journal.store import Snapshot

__all__ = ["KEEP", "StoredSnapshot", "load", "newest_usable", "save", "snapshot_paths"]

KEEP: Final = 2
# A state has some MiB, for it forgets old posts and answers.
_LARGEST: Final = 256 << 20
_STATE: Final = b',"state":'
_MARK: Final = b',"sha256":"'
_TAIL: Final = len(_MARK) + 64 + len(b'"}\n')


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSnapshot:
    """A snapshot with what recovery needs to begin behind it.

    Attributes:
        place: The record that the state includes last.
        segments: Name and size of every segment before the place's.
        epoch: The highest epoch up to there.
        declared: Quarantine files that records up to there name.
        reducer: Version of the fold.
        state: The state's JSON.
    """

    place: Place
    segments: tuple[tuple[str, int], ...]
    epoch: int
    declared: tuple[str, ...]
    reducer: int
    state: bytes

    @property
    def snapshot(self) -> Snapshot:
        """What the actor gets."""
        return Snapshot(head=self.place.head, reducer=self.reducer, state=self.state)


def save(disk: Disk, directory: Path, stored: StoredSnapshot) -> None:
    """Keep ``stored`` and the newest one before it, remove the others. OSError when the disk refuses."""
    place = directory / SNAPSHOTS
    make_directory(disk, place)
    path = place / f"{stored.place.head.seq:020d}.json"
    replace_file(disk, path, _encode(stored))
    paths = snapshot_paths(directory)
    older = [other for other in paths if other.name < path.name]
    keep = {path, *older[: KEEP - 1]}
    for other in paths:
        if other not in keep:  # a later number than the newest record is of another history
            disk.unlink(other)


def snapshot_paths(directory: Path) -> list[Path]:
    """The snapshots, newest first; what is no file is none, for to open a pipe would wait for ever."""
    place = directory / SNAPSHOTS
    return sorted((path for path in place.glob("*.json") if path.is_file()), reverse=True) if place.is_dir() else []


def load(path: Path) -> StoredSnapshot:
    """A snapshot as it was kept, whether it fits the journal or not.

    Raises:
        OSError: The disk refused to read.
        ValueError: This is no snapshot, or not the one that was kept.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is longer than {_LARGEST >> 20} MiB")
    return _decode(content)


def newest_usable(
    directory: Path, segments: Sequence[str], *, reducer: int, witness: Place, on_warning: Callable[[str], None]
) -> StoredSnapshot | None:
    """The newest snapshot that fits the journal as it stands; the others are passed over with a warning each."""
    for path in snapshot_paths(directory):
        try:
            stored = load(path)
            _check(stored, directory, segments, reducer=reducer, witness=witness)
        except (OSError, ValueError) as error:
            on_warning(f"snapshot {path} is not used: {error}; the start takes longer, nothing is lost")
        else:
            return stored
    return None


def _check(stored: StoredSnapshot, directory: Path, segments: Sequence[str], *, reducer: int, witness: Place) -> None:
    if stored.reducer != reducer:
        raise ValueError(f"made by version {stored.reducer} of the fold, this build has {reducer}")
    place = stored.place
    earlier = tuple((name, (directory / name).stat().st_size) for name in segments if name < place.segment)
    if earlier != stored.segments or place.segment not in segments:
        raise ValueError("the segments before it have other names or sizes now")
    if hash_before(directory / place.segment, place.offset) != place.head.hash:
        raise ValueError(f"record {place.head.seq} does not end at byte {place.offset} of {place.segment}")
    if 0 < witness.head.seq <= place.head.seq and not _holds(directory, segments, witness):
        raise ValueError(f"record {witness.head.seq}, which HEAD witnessed, is not in its place")


def _holds(directory: Path, segments: Sequence[str], place: Place) -> bool:
    return place.segment in segments and hash_before(directory / place.segment, place.offset) == place.head.hash


def _encode(stored: StoredSnapshot) -> bytes:
    fields = {
        "seq": stored.place.head.seq,
        "hash": stored.place.head.hash,
        "segment": stored.place.segment,
        "offset": stored.place.offset,
        "segments": stored.segments,
        "epoch": stored.epoch,
        "quarantined": stored.declared,
        "reducer": stored.reducer,
    }
    body = orjson.dumps(fields)[:-1] + _STATE + stored.state
    return body + _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def _decode(content: bytes) -> StoredSnapshot:
    body, tail = content[:-_TAIL], content[-_TAIL:]
    if tail != _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n':
        raise ValueError("its checksum is wrong")
    fields, _, state = body.partition(_STATE)
    try:
        return _stored(orjson.loads(fields + b"}"), state)
    except (KeyError, TypeError) as error:
        raise ValueError(f"its fields are not those of a snapshot: {error}") from error


def _stored(fields: dict[str, Any], state: bytes) -> StoredSnapshot:
    return StoredSnapshot(
        place=Place(
            head=Head(seq=fields["seq"], hash=fields["hash"]), segment=fields["segment"], offset=fields["offset"]
        ),
        segments=tuple((name, size) for name, size in fields["segments"]),
        epoch=fields["epoch"],
        declared=tuple(fields["quarantined"]),
        reducer=fields["reducer"],
        state=state,
    )
