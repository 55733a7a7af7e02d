"""Reads and verifies a long journal in a second process, ahead of whoever folds its records in this one.

Never decides anything about what is wrong: a process that cannot be started, dies or meets damage ends the records
early, and the reader goes on by itself and names it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from events.journal.head import Place
from events.journal.record import Head, Record

__all__ = ["WORTH_BYTES", "End", "ReadAhead", "send", "send_end"]

# Below this, starting a second process costs more than it saves.
WORTH_BYTES: Final = 64 << 20
_BATCH: Final = 256
_SIZE_BYTES: Final = 4
_PIPE_BYTES: Final = 1 << 20  # some batches, so that neither process waits for the other; what Linux grants anybody
# No module of the host's is run again, and nothing that lies in the working directory is imported by mistake.
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[4:]; from events.journal.serve import serve; serve(*sys.argv[1:4])"
)


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader came to: where the next record belongs, and where the last one ended."""

    place: Place
    ended: Place


class ReadAhead:
    """The verified records behind ``after``, as another process reads them, in batches; iterate only once.

    Attributes:
        last_seq: The last record's number, of those that came over; 0 before the first.
        end: Where they ended; None where the rest, if there is any, has to be read in this process.
    """

    def __init__(self, directory: Path, after: Head, *, python: str = sys.executable) -> None:
        self.last_seq = 0
        self.end: End | None = None
        self._command = [python, "-c", _PROGRAM, str(directory), str(after.seq), after.hash, *sys.path]

    def __iter__(self) -> Generator[list[Record], None, None]:
        try:
            process = subprocess.Popen(  # noqa: S603
                self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=_PIPE_BYTES
            )
        except OSError:
            return
        try:
            yield from self._received(cast("BinaryIO", process.stdout))
        finally:
            process.kill()  # where nobody wants the rest; otherwise it has ended by itself
            process.communicate()

    def _received(self, pipe: BinaryIO) -> Iterator[list[Record]]:
        decode = msgspec.msgpack.Decoder(list[Record]).decode
        while size := int.from_bytes(pipe.read(_SIZE_BYTES)):
            try:
                batch = decode(pipe.read(size))
            except msgspec.DecodeError:  # cut short, or something else wrote there
                return
            yield batch
            self.last_seq = batch[-1].seq
        with suppress(msgspec.DecodeError):
            self.end = msgspec.msgpack.decode(pipe.read(), type=End)


def send(records: Iterable[Record], pipe: BinaryIO) -> None:
    """The other process's part: batches of records, each behind its size."""
    encode = msgspec.msgpack.Encoder().encode
    rest = iter(records)
    while batch := list(islice(rest, _BATCH)):
        data = encode(batch)
        pipe.write(len(data).to_bytes(_SIZE_BYTES) + data)


def send_end(end: End, pipe: BinaryIO) -> None:
    """Behind all batches: a size of 0, and where they ended."""
    pipe.write((0).to_bytes(_SIZE_BYTES) + msgspec.msgpack.encode(end))
    pipe.flush()
