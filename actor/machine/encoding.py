"""A state as canonical JSON, for snapshots, and its digest, for checkpoints. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import orjson

from actor.machine.state import State, TextAnswer
from events.codec import canonical_json, changed, decode_json, plain

__all__ = ["decode_state", "encode_state", "state_sha256"]


class _Hours:
    """Encodes ``State.answers``, most of a state's bytes. A finished hour no longer changes, so it is encoded once."""

    def __init__(self) -> None:
        self._last: Mapping[int, tuple[Mapping[str, TextAnswer], orjson.Fragment]] = {}

    def encode(self, hours: Mapping[int, Mapping[str, TextAnswer]]) -> dict[str, orjson.Fragment]:
        """The hours in canonical order, to be put into the state's JSON."""
        encoded = self._last = {hour: self._hour(hour, hours[hour]) for hour in hours}
        return {str(hour): encoded[hour][1] for hour in sorted(hours, key=str)}

    def _hour(self, hour: int, answers: Mapping[str, TextAnswer]) -> tuple[Mapping[str, TextAnswer], orjson.Fragment]:
        known = self._last.get(hour)
        if known is not None and known[0] is answers:
            return known
        return answers, orjson.Fragment(canonical_json(answers))


_HOURS: Final = _Hours()


def encode_state(state: State) -> bytes:
    """Canonical JSON: equal states give equal bytes."""
    fields = plain(changed(state, answers={}))
    fields["answers"] = _HOURS.encode(state.answers)
    return orjson.dumps(fields)


def decode_state(text: bytes) -> State:
    """The inverse of ``encode_state``; ValueError when it does not fit."""
    return decode_json(State, text)


def state_sha256(state: State) -> str:
    """Digest of the state, hex, as checkpoints and the replay check use it."""
    return hashlib.sha256(encode_state(state)).hexdigest()
