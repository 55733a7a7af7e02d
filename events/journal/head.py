"""HEAD: the journal's witness of its own end, in a file apart from the records.

Two slots of 512 bytes are written in turn, so a torn write spoils only the one being written. Each is one line of JSON
padded with spaces, with its own checksum. HEAD is written after the record it speaks of is durable and never before,
so a journal that ends below HEAD has lost records.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import orjson

from events.codec import Value
from events.journal.disk import Disk, pwrite_all, replace_file
from events.journal.layout import HEAD, Folder, segment_name, way_out
from events.journal.record import GENESIS, Head
from events.journal.store import JournalDamagedError

__all__ = ["START", "HeadFile", "Place", "Witness", "head_is_missing", "read_witness"]

_SLOT: Final = 512
_LARGEST: Final = 2**63 - 1


class Place(Value, frozen=True, kw_only=True):
    """A point in the journal.

    Attributes:
        head: The last record before it.
        segment: The file it lies in.
        offset: The byte after that record in this file; 0 when the record stands in an earlier file.
    """

    head: Head
    segment: str
    offset: int


START: Final = Place(head=GENESIS, segment=segment_name(1), offset=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What HEAD says.

    Attributes:
        place: Where the record that was witnessed ended.
        generation: Counts the writes; the higher of two slots is the newer.
        damaged: Slots that could not be read, 0 or 1; the other one is used.
    """

    place: Place
    generation: int
    damaged: int = 0


def read_witness(directory: Path) -> Witness | None:
    """What HEAD says, None when there is no such file.

    Raises:
        JournalDamagedError: Neither slot can be read.
    """
    try:
        content = _content(directory / HEAD)
    except FileNotFoundError:
        return None
    slots = [_decode(content[start : start + _SLOT]) for start in (0, _SLOT)]
    whole = [slot for slot in slots if slot is not None]
    if not whole:
        raise JournalDamagedError(
            f"{directory / HEAD}: both slots are damaged, so missing records cannot be detected; {way_out(directory)}"
        )
    newest = max(whole, key=lambda slot: slot.generation)
    return Witness(place=newest.place, generation=newest.generation, damaged=len(slots) - len(whole))


def head_is_missing(directory: Path) -> JournalDamagedError:
    """The refusal of a journal that has records, or had some, and no HEAD."""
    return JournalDamagedError(
        f"{directory / HEAD} is missing, so missing records cannot be detected; {way_out(directory)}"
    )


def _content(file: Path) -> bytes:
    """Both slots, whatever follows; of a pipe or a device, which could keep a reader waiting for ever, nothing."""
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise JournalDamagedError(
                f"{file} is no regular file, so missing records cannot be detected; {way_out(file.parent)}"
            )
        return os.read(fd, 2 * _SLOT)
    finally:
        os.close(fd)


class HeadFile:
    """HEAD held open by the writer."""

    def __init__(self, disk: Disk, directory: Path, generation: int) -> None:
        self._disk = disk
        self._generation = generation
        self._fd = disk.open(directory / HEAD, os.O_RDWR)
        self._opened = os.fstat(self._fd)

    @staticmethod
    def create(disk: Disk, directory: Path) -> None:
        """A HEAD that witnesses the empty journal, durable when this returns."""
        slots = [_encode(Witness(place=START, generation=generation)) for generation in (0, 1)]
        replace_file(disk, directory / HEAD, b"".join(slots))

    def write(self, place: Place) -> None:
        """Witness ``place``, durably. The slot that holds the newest witness so far is left alone."""
        generation = self._generation + 1
        slot = _encode(Witness(place=place, generation=generation))
        pwrite_all(self._disk, self._fd, slot, generation % 2 * _SLOT)
        self._disk.fdatasync(self._fd)
        self._generation = generation

    def check(self, folder: Folder) -> None:
        """Raise ConflictError where the next start would find another HEAD in ``folder``, or none."""
        folder.check_file(HEAD, self._opened)

    def close(self) -> None:
        self._disk.close(self._fd)


def _encode(witness: Witness) -> bytes:
    place = witness.place
    fields: dict[str, Any] = {
        "generation": witness.generation,
        "seq": place.head.seq,
        "hash": place.head.hash,
        "segment": place.segment,
        "offset": place.offset,
    }
    fields["sha256"] = hashlib.sha256(orjson.dumps(fields)).hexdigest()
    return orjson.dumps(fields).ljust(_SLOT - 1) + b"\n"


class _Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The fields of a slot, each of the type and in the range that journal-format.md gives."""

    generation: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
    seq: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
    hash: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    segment: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{20}\.jsonl\Z")]
    offset: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
    sha256: str


_READER: Final = msgspec.json.Decoder(_Slot)


def _decode(slot: bytes) -> Witness | None:
    """What a slot says; None where it is not, byte for byte, what a writer makes of some place and generation."""
    try:
        said = _READER.decode(slot)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    place = Place(head=Head(seq=said.seq, hash=said.hash), segment=said.segment, offset=said.offset)
    witness = Witness(place=place, generation=said.generation)
    # Written again and compared whole: checksum, padding and field order are all checked by one comparison.
    return witness if _encode(witness) == slot else None
