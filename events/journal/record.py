"""One record: one event, one line of JSON, one link of the hash chain. Pure: bytes in, bytes out.

    {"seq":7,"at":"2026-11-22T14:32:05.123Z","v":1,"event":"…","from":"…","to":"…","data":{…},"hash":"…"}

``hash`` stands last with a fixed width. It is SHA-256 over the previous record's hash (its 64 hex digits; 64 zeros
before the first record) followed by this line's bytes up to, but not including, ``,"hash":"``. The newline is the
commit mark: a line without one was never acknowledged. journal-format.md says the same for third parties.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import orjson

from events.catalogue import EVENTS, CheckpointSigned, Event
from events.codec import Value, canonical_json, decode_as, decode_json, decoder
from events.upcast import VERSIONS, upcast

__all__ = [
    "FORMAT",
    "GENESIS",
    "LONGEST_LINE",
    "BadRecordError",
    "Draft",
    "Head",
    "Record",
    "at_text",
    "checkpoint_message",
    "decode_event",
    "follows",
    "hashes_sha256",
    "moment_ms",
    "parse",
    "seal",
    "seal_checked",
    "seal_data",
]

FORMAT: Final = 1
# No record is longer: a search reads ten pages of 4 MiB at most. A file that is longer behind its last record was not
# left so by an interrupted write, and to read on could take all memory, and for ever.
LONGEST_LINE: Final = 128 << 20
_MARK: Final = b',"hash":"'
_HASH_LENGTH: Final = 64
_DIGEST: Final = _HASH_LENGTH + len(b'"}\n')
_TAIL: Final = len(_MARK) + _DIGEST
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TORN: Final = "the line does not end with its hash and a newline: torn or overwritten"
_UNLINKED: Final = "the hash does not continue record {}: bytes changed, moved or missing"
_HOUR_MS: Final = 3_600_000
_HOUR: Final = len("2026-11-22T14:")
_SECOND: Final = len("2026-11-22T14:32:05.")
_SECONDS: Final = [f"{minute:02d}:{second:02d}." for minute in range(60) for second in range(60)]
_SECONDS_MS: Final = {text: second * 1000 for second, text in enumerate(_SECONDS)}
_THOUSANDTHS: Final = [f"{ms:03d}Z" for ms in range(1000)]
_MS: Final = {text: ms for ms, text in enumerate(_THOUSANDTHS)}


class BadRecordError(Exception):
    """These bytes are not the record that belongs here. The message says what was found and expected."""


class Head(Value, frozen=True, kw_only=True):
    """The end of a chain: the last record's number and hash."""

    seq: int
    hash: str


GENESIS: Final = Head(seq=0, hash="0" * _HASH_LENGTH)


class Draft(Value, frozen=True, kw_only=True):
    """An event on its way into the journal.

    Attributes:
        at_ms: When it happened, unix milliseconds by this host's clock.
        event: The event.
        source: The state before ("from").
        dest: The state after ("to").
    """

    at_ms: int
    event: Event
    source: str
    dest: str


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """A record as written: ``raw`` is the JSON of its own version; ``event()`` is today's reading of it."""

    seq: int
    at_ms: int
    v: int
    name: str
    source: str
    dest: str
    raw: bytes
    hash: str

    @property
    def head(self) -> Head:
        return Head(seq=self.seq, hash=self.hash)

    @property
    def data(self) -> dict[str, Any]:
        """The event's fields as written."""
        fields: dict[str, Any] = orjson.loads(self.raw)
        return fields

    def event(self) -> Event:
        """The event, upcast to this build's version.

        Raises:
            ValueError: This build cannot read it; the message names the record.
        """
        try:
            return _CURRENT[self.name, self.v](self.raw)
        except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
            return self._old_or_unreadable()

    def _old_or_unreadable(self) -> Event:
        try:
            return decode_event(self.name, self.v, self.raw)
        except ValueError as error:
            raise ValueError(f"record {self.seq}: {error}") from error


_CURRENT: Final[Mapping[tuple[str, int], Callable[[bytes], Event]]] = {
    (name, VERSIONS[name]): decoder(cls).decode for name, cls in EVENTS.items()
}


def decode_event(name: str, version: int, raw: bytes) -> Event:
    """Decode an event's JSON, upcast from its version.

    Raises:
        ValueError: This build cannot read it.
    """
    if VERSIONS.get(name) == version:
        return decode_json(EVENTS[name], raw, name)
    data = upcast(name, version, orjson.loads(raw))
    return decode_as(EVENTS[name], data, name)


def at_text(at_ms: int) -> str:
    """Unix milliseconds as the journal writes them, UTC."""
    return _hour_text(at_ms // _HOUR_MS) + _SECONDS[at_ms // 1000 % 3600] + _THOUSANDTHS[at_ms % 1000]


@lru_cache(maxsize=64)  # records of one hour stand together
def _hour_text(hour: int) -> str:
    return (_EPOCH + timedelta(hours=hour)).isoformat()[:_HOUR]


def moment_ms(text: str) -> int:
    """A time as the journal writes it, in unix milliseconds.

    Raises:
        ValueError: It is written otherwise.
    """
    try:
        return _hour_ms(text[:_HOUR]) + _SECONDS_MS[text[_HOUR:_SECOND]] + _MS[text[_SECOND:]]
    except KeyError:
        raise ValueError(f"at {text!r}, expected a time like {at_text(0)}") from None


@lru_cache(maxsize=64)
def _hour_ms(text: str) -> int:
    moment = datetime.fromisoformat(f"{text}00:00+00:00")
    if not moment.isoformat().startswith(text):
        raise ValueError(f"at {text!r}…, expected a time like {at_text(0)}")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def checkpoint_message(checkpoint: CheckpointSigned) -> bytes:
    """The bytes that a checkpoint's signature covers (docs/reference/journal-format.md)."""
    c = checkpoint
    if c.hashes_sha256 is None:
        return f"user-miner-checkpoint:1:{c.seq}:{c.head}:{c.state_sha256}".encode()
    fields = f"{c.since}:{c.seq}:{c.head}:{c.hashes_sha256}:{c.reducer}:{c.state_sha256}"
    if c.journal is None:
        return f"user-miner-checkpoint:2:{fields}".encode()
    return f"user-miner-checkpoint:3:{c.journal}:{fields}".encode()


def hashes_sha256(hashes: Iterable[str]) -> str:
    """Digest of a list of hashes, 64 hex digits each, one after the other, as a checkpoint signs it."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def seal(draft: Draft, head: Head | Record) -> tuple[bytes, Head]:
    """The line that continues ``head`` with ``draft``, newline included, and the new head.

    Raises:
        TypeError: The event holds what JSON cannot (a lone surrogate, an integer over 64 bits).
    """
    line, digest = seal_data(draft, head, canonical_json(draft.event))
    return line, Head(seq=head.seq + 1, hash=digest)


def seal_data(draft: Draft, head: Head | Record, data: bytes) -> tuple[bytes, str]:
    """As `seal`, where the caller has the event's canonical JSON already; returns the line and its hash."""
    name = type(draft.event).__name__
    at = at_text(draft.at_ms)
    start = f'{{"seq":{head.seq + 1},"at":"{at}","v":{VERSIONS[name]},"event":"{name}","from":'
    prefix = b"".join((start.encode(), _quoted(draft.source), b',"to":', _quoted(draft.dest), b',"data":', data))
    digest = _chain(head.hash, prefix)
    return b'%b,"hash":"%b"}\n' % (prefix, digest.encode()), digest


@lru_cache(maxsize=64)  # a machine has few states
def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def parse(line: bytes, head: Head | Record | None) -> Record:
    """Read one line, newline included, as the record that follows ``head``.

    Args:
        line: The bytes.
        head: The chain's end before it; None reads a record without checking its place in the chain.

    Raises:
        BadRecordError: The line is torn, damaged, or not the successor of ``head``.
    """
    if head is None:
        if not _is_ended(line):
            raise BadRecordError(_TORN)
        return _decode(line)
    if not follows(line, head.hash):
        raise BadRecordError(_UNLINKED.format(head.seq) if _is_ended(line) else _TORN)
    record = _decode(line)
    if record.seq != head.seq + 1:
        raise BadRecordError(f"expected seq {head.seq + 1}, found {record.seq}")
    return record


def follows(line: bytes, previous: str) -> str:
    """The hash of the record that ``line`` is, if it continues the one with the hash ``previous``; else "".

    What the record says is not read.
    """
    digest = _chain(previous, line[:-_TAIL])
    return digest if line.endswith(b',"hash":"%b"}\n' % digest.encode()) else ""


def _is_ended(line: bytes) -> bool:
    return len(line) > _TAIL and line[-_TAIL:-_DIGEST] == _MARK and line.endswith(b'"}\n')


def _chain(previous: str, prefix: bytes) -> str:
    return hashlib.sha256(previous.encode() + prefix).hexdigest()


class _Line(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The fields of a line, their types checked; ``data`` is only looked at as far as it is an object."""

    seq: int
    at: str
    v: int
    event: str
    source: str = msgspec.field(name="from")
    dest: str = msgspec.field(name="to")
    data: msgspec.Raw
    hash: str


_LINE: Final = msgspec.json.Decoder(_Line)


def _decode(line: bytes) -> Record:
    try:
        found = _LINE.decode(line)
        raw = bytes(found.data)
        if raw[:1] != b"{":
            raise ValueError(f"data is no object: {raw[:40]!r}")
        if not raw.isascii():
            raw.decode()  # msgspec looks at no text that it does not take over
        return Record(
            seq=found.seq,
            at_ms=moment_ms(found.at),
            v=found.v,
            name=found.event,
            source=found.source,
            dest=found.dest,
            raw=raw,
            hash=found.hash,
        )
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadRecordError(f"not a record: {error}") from error


# Writes what was read as orjson wrote it, mostly; where it does not, nothing is said yet.
_QUICK: Final = msgspec.json.Encoder()


def seal_checked(draft: Draft, head: Head | Record) -> tuple[bytes, Record]:
    """The line that continues ``head`` with ``draft``, and the record that it reads back as.

    What is read back is the event's JSON, before it becomes a part of the line: there alone a value can change on its
    way (NaN becomes null). The other fields are numbers and texts of known types.

    Raises:
        ValueError: The event does not survive the way through JSON, for example a NaN or a list for a tuple.
    """
    name = type(draft.event).__name__
    try:
        if type(draft.at_ms) is not int or type(draft.source) is not str or type(draft.dest) is not str:
            raise TypeError("at_ms is an integer, source and dest are texts")
        if EVENTS.get(name) is not type(draft.event):
            raise TypeError("it is no event of the catalogue")
        written = canonical_json(draft.event)
        read = decode_json(type(draft.event), written, name)
        # Equal events may still be written otherwise: 1 and 1.0 are equal.
        same = read == draft.event and (_QUICK.encode(read) == written or canonical_json(read) == written)
        line, digest = seal_data(draft, head, written)
        if len(line) > LONGEST_LINE:
            raise ValueError(f"it takes {len(line)} bytes, and no reader takes more than {LONGEST_LINE}")
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} cannot be recorded: {error}; nothing was written") from error
    if not same:
        raise ValueError(f"{name} reads back as another event, {read}; nothing was written")
    return line, Record(
        seq=head.seq + 1,
        at_ms=draft.at_ms,
        v=VERSIONS[name],
        name=name,
        source=draft.source,
        dest=draft.dest,
        raw=written,
        hash=digest,
    )
