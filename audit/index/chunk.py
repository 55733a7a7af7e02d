"""A stretch of 256 records as the index keeps it: what is in it, for a question to pass over it, and its columns. Pure.

A chunk says too much rather than too little: a question looks into every chunk that may hold an answer, folds it again,
and judges its steps as if there were no index.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

from actor.machine import STATES, State
from actor.machine.history import Step
from audit.filters import Filters, is_worked_on, opens_window
from events import catalogue as ev
from events.catalogue import EVENTS
from events.describe import is_trouble
from events.journal.head import Place

__all__ = [
    "CHUNK",
    "Carried",
    "Chunk",
    "Columns",
    "chunk_of",
    "decode",
    "encode",
    "post_key",
    "unpack_columns",
]

CHUNK: Final = 256
_NAMES: Final = tuple(EVENTS)
_NAME_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
_STATE_NUMBERS: Final[dict[str, int]] = {name: number for number, name in enumerate(STATES)}
_FEW: Final = 4  # bytes of a post's key
_NO_WINDOW: Final = -1


class Carried(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a timeline carries from one record to the next.

    Attributes:
        block: Number of the window whose block of lines is open; None between blocks.
        ended: The record before ended a block: a checkpoint that follows at once belongs to it.
    """

    block: int | None = None
    ended: bool = False


class Chunk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is in a stretch of records.

    Attributes:
        first: Its first record.
        count: How many there are.
        place: Where the record before it ended.
        min_ms: The earliest time in it, unix milliseconds.
        max_ms: The latest.
        names: The events in it, by name.
        windows: Numbers of all windows that a record of it may belong to.
        posts: Keys of all posts that a record of it may concern, 4 bytes each.
        quiet: A bit for each record: between it and the one before, no block of a timeline is open.
        carried: What a timeline carries behind its last record.
        parts: Names of the state's parts that a record of it may have changed.
    """

    first: int
    count: int
    place: Place
    min_ms: int
    max_ms: int
    names: frozenset[str]
    windows: frozenset[int]
    posts: bytes
    quiet: bytes
    carried: Carried
    parts: frozenset[str]

    @property
    def last(self) -> int:
        """Its last record."""
        return self.first + self.count - 1

    def is_quiet(self, seq: int) -> bool:
        """Whether no block is open between record ``seq`` and the one before."""
        at = seq - self.first
        return bool(self.quiet[at >> 3] >> (at & 7) & 1)

    def names_post(self, key: bytes) -> bool:
        """Whether a record of it may concern the post of this key."""
        at = self.posts.find(key)
        while at >= 0 and at % _FEW:
            at = self.posts.find(key, at + 1)
        return at >= 0

    def may_admit(self, filters: Filters) -> bool:
        """Whether a step of it may pass."""
        return (
            (not filters.events or not filters.events.isdisjoint(self.names))
            and (filters.since_ms is None or self.max_ms >= filters.since_ms)
            and (filters.until_ms is None or self.min_ms <= filters.until_ms)
            and (not filters.windows or not filters.windows.isdisjoint(self.windows))
            and (filters.post_id is None or self.names_post(post_key(filters.post_id)))
        )


class Columns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stretch of records by columns, all of one length.

    Attributes:
        first: Number of the first record.
        at_ms: When each happened, unix milliseconds.
        segments: The file that each lies in.
        ends: The byte behind each in its file.
        names: The event.
        states: The state after it.
        windows: The window that it names, else the one that it is work of; None outside of both.
        posts: The post that it is about; empty where there is none.
        trouble: Whether an operator should look at it.
    """

    first: int
    at_ms: Sequence[int]
    segments: Sequence[str]
    ends: Sequence[int]
    names: Sequence[str]
    states: Sequence[str]
    windows: Sequence[int | None]
    posts: Sequence[str]
    trouble: Sequence[bool]


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`Columns` as bytes, in this host's order of bytes."""

    first: int
    segments: tuple[tuple[int, str], ...]  # each with the place of the first record that lies in it
    at_ms: bytes
    ends: bytes
    names: bytes
    states: bytes
    windows: bytes
    posts: list[str]
    trouble: bytes


_READ_CHUNK: Final = msgspec.msgpack.Decoder(Chunk)
_READ_COLUMNS: Final = msgspec.msgpack.Decoder(_Packed)
_WRITER: Final = msgspec.msgpack.Encoder()


def post_key(post_id: str) -> bytes:
    """What a chunk knows a post by. Two posts may share one, which costs a look into a chunk for nothing."""
    return zlib.crc32(post_id.encode(errors="surrogatepass")).to_bytes(_FEW, "little")


def encode(chunk: Chunk) -> bytes:
    """As it is kept."""
    return _WRITER.encode(chunk)


def decode(body: bytes) -> Chunk:
    """The inverse of `encode`."""
    return _READ_CHUNK.decode(body)


def chunk_of(
    steps: Sequence[Step], ends: Sequence[tuple[str, int]], place: Place, carried: Carried
) -> tuple[Chunk, bytes]:
    """What is in these steps, and their columns, packed.

    Args:
        steps: Some steps that follow each other.
        ends: The file of each record, and the byte behind it.
        place: Where the record before the first one ended.
        carried: What a timeline carries to the first one.
    """
    before = steps[0].before
    block, ended, worked = carried.block, carried.ended, is_worked_on(before)
    posts: set[str] = set()
    windows: set[int] = set() if block is None else {block}
    _add_state(before, posts, windows)
    at_work = _NO_WINDOW if before.window is None else before.window.number
    numbers, ids = array("q"), []
    quiet = bytearray((len(steps) + 7) >> 3)
    for at, step in enumerate(steps):
        event, before, after = step.event, step.before, step.after
        if block is None and not (ended and type(event) is ev.CheckpointSigned):
            quiet[at >> 3] |= 1 << (at & 7)
        post_id = getattr(event, "post_id", "") or ""
        ids.append(post_id)
        number = getattr(event, "window", None)
        if number is None:
            number = at_work if worked or type(event) is ev.CheckpointSigned else _NO_WINDOW
        else:
            windows.add(number)
        if after.posts is before.posts and after.window is before.window and after.to_scrape == before.to_scrape:
            ended = False
        else:
            was, worked = worked, is_worked_on(after)
            opens = opens_window(step)
            if type(event) in _NAMING or after.window is not before.window or len(after.posts) > len(before.posts):
                _add_event(event, posts)
                _add_state(after, posts, windows)
                at_work = _NO_WINDOW if after.window is None else after.window.number
            if opens and number == _NO_WINDOW:
                number = at_work
            opens = opens or (worked and not was and after.window == before.window)
            ended = (opens or block is not None) and not worked
            block = (at_work if opens else block) if worked else None
        numbers.append(number)
    posts.update(ids)
    posts.discard("")
    windows.discard(_NO_WINDOW)
    records = [step.record for step in steps]
    times = [record.at_ms for record in records]
    packed = _Packed(
        first=records[0].seq,
        segments=tuple((at, ends[at][0]) for at in _file_starts(ends)),
        at_ms=array("q", times).tobytes(),
        ends=array("Q", [offset for _, offset in ends]).tobytes(),
        names=bytes([_NAME_NUMBERS[record.name] for record in records]),
        states=bytes([_STATE_NUMBERS[record.dest] for record in records]),
        windows=numbers.tobytes(),
        posts=ids,
        trouble=bytes([is_trouble(step.event) for step in steps]),
    )
    chunk = Chunk(
        first=packed.first,
        count=len(steps),
        place=place,
        min_ms=min(times),
        max_ms=max(times),
        names=frozenset([record.name for record in records]),
        windows=frozenset(windows),
        posts=b"".join(map(post_key, posts)),
        quiet=bytes(quiet),
        carried=Carried(block, ended),
        parts=_parts(steps),
    )
    return chunk, zlib.compress(_WRITER.encode(packed), 1)


def _parts(steps: Sequence[Step]) -> frozenset[str]:
    """A part that is another object may hold the same; one that is the same object does."""
    left, found = set(State.__struct_fields__), set[str]()
    for step in steps:
        before, after = step.before, step.after
        changed = {name for name in left if getattr(before, name) is not getattr(after, name)}
        left -= changed
        found |= changed
    return frozenset(found)


# Their posts are not all named by ``post_id``.
_NAMING: Final = frozenset({ev.PostsScraped, ev.GapDeclared})


def _file_starts(ends: Sequence[tuple[str, int]]) -> list[int]:
    """Which of the records begin another file than the one before."""
    if ends[0][0] == ends[-1][0]:
        return [0]
    return [at for at in range(len(ends)) if not at or ends[at][0] != ends[at - 1][0]]


def _add_event(event: ev.Event, posts: set[str]) -> None:
    if isinstance(event, ev.PostsScraped):
        posts.update(event.candidates)
    elif isinstance(event, ev.GapDeclared):
        posts.update(event.salvage.settled)


def _add_state(state: State, posts: set[str], windows: set[int]) -> None:
    posts.update([pending.post.id for pending in state.posts])
    if state.window is not None:
        windows.add(state.window.number)


def unpack_columns(body: bytes) -> Columns:
    """The columns that `chunk_of` packed."""
    packed = _READ_COLUMNS.decode(zlib.decompress(body))
    starts = dict(packed.segments)
    segments: list[str] = []
    for at in range(len(packed.posts)):
        segments.append(starts.get(at) or segments[-1])
    return Columns(
        first=packed.first,
        at_ms=array("q", packed.at_ms),
        segments=segments,
        ends=array("Q", packed.ends),
        names=[_NAMES[number] for number in packed.names],
        states=[STATES[number] for number in packed.states],
        windows=[None if number == _NO_WINDOW else number for number in array("q", packed.windows)],
        posts=packed.posts,
        trouble=[bool(mark) for mark in packed.trouble],
    )
