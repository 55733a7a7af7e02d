"""States as the index keeps them: what they remember of posts and texts stands apart, once for each day and hour. Pure.

Days of ``seen`` and hours of ``answers`` are nearly all of a state, and most of them are the same for many states.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from actor.machine import State, decode_state, encode_state
from actor.machine.state import TextAnswer
from events.codec import changed

__all__ = ["StateReader", "StateWriter"]


class _Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A state: its JSON without what stands apart, and the numbers of these parts by day and by hour."""

    rest: bytes
    seen: tuple[tuple[int, int], ...]
    answers: tuple[tuple[int, int], ...]


_JSON: Final = msgspec.json.Encoder(order="deterministic")
_SEEN: Final = msgspec.json.Decoder(frozenset[str])
_ANSWERS: Final = msgspec.json.Decoder(dict[str, TextAnswer])
_KEPT: Final = msgspec.msgpack.Decoder(_Kept)
_WRITER: Final = msgspec.msgpack.Encoder()
_NO_PARTS: Final[dict[int, Any]] = {}


class StateWriter:
    """Turns states into rows; gives a part once as long as it stays the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[object, int]] = {}

    def write(self, state: State) -> tuple[bytes, list[tuple[int, bytes]]]:
        """The state's row, and the parts with their numbers that were not given before."""
        new: list[tuple[int, bytes]] = []
        known: dict[tuple[str, int], tuple[object, int]] = {}
        numbers: dict[str, tuple[tuple[int, int], ...]] = {}
        for name, parts in (("seen", state.seen), ("answers", state.answers)):
            for key, part in parts.items():
                found = self._known.get((name, key))
                if found is None or found[0] is not part:
                    body = _JSON.encode(part)
                    found = part, _number(body)
                    new.append((found[1], zlib.compress(body, 1)))
                known[name, key] = found
            numbers[name] = tuple((key, known[name, key][1]) for key in parts)
        self._known = known
        rest = encode_state(changed(state, seen=_NO_PARTS, answers=_NO_PARTS))
        kept = _Kept(zlib.compress(rest, 1), numbers["seen"], numbers["answers"])
        return _WRITER.encode(kept), new


def _number(body: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "little", signed=True)


class StateReader:
    """Turns rows into states.

    Args:
        part: Gives a part's bytes by its number.
    """

    def __init__(self, part: Callable[[int], bytes]) -> None:
        self._part = part
        self._parts: dict[int, Any] = {}

    def read(self, body: bytes) -> State:
        """The state of a row.

        Raises:
            ValueError: The row holds none.
        """
        kept = _KEPT.decode(body)
        used: dict[int, Any] = {}
        seen = dict(self._read(kept.seen, _SEEN, used))
        answers = dict(self._read(kept.answers, _ANSWERS, used))
        self._parts = used  # those of the next state are mostly the same
        return changed(decode_state(zlib.decompress(kept.rest)), seen=seen, answers=answers)

    def _read(
        self, numbers: tuple[tuple[int, int], ...], decoder: msgspec.json.Decoder[Any], used: dict[int, Any]
    ) -> Iterator[tuple[int, Any]]:
        for key, number in numbers:
            part = self._parts.get(number)
            if part is None:
                part = decoder.decode(zlib.decompress(self._part(number)))
            used[number] = part
            yield key, part
