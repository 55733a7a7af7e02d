"""Values to JSON and back, strictly: a wrong type, a missing or an unknown field is an error with its path.

orjson writes, msgspec reads and checks. orjson writes NaN and infinity as null without a word, so whoever writes reads
back what was written (``events.journal.record``).
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
import orjson

__all__ = ["Value", "canonical_json", "changed", "decode_as", "decode_json", "decoder", "plain"]


# A journal of a million records is folded by making some millions of them. As `msgspec.Struct` that takes a tenth of
# the time of frozen dataclasses, and reading checks every field's type on the way.
class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An immutable value; its parts are values, texts, numbers, tuples, and mappings that nobody changes.

    A subclass repeats ``frozen=True, kw_only=True``, for type checkers. No collector watches values: nothing that is
    immutable can be a part of itself.
    """


# ``changed(value, **fields)``: the same value with other fields. Not wrapped: a fold calls it millions of times.
changed: Final = msgspec.structs.replace


_ROOT: Final = "$"
_DECODERS: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {}
T = TypeVar("T")


def canonical_json(value: object) -> bytes:
    """Deterministic JSON: fields as declared, mapping keys and set members sorted.

    Raises:
        TypeError: Something that JSON or 64-bit integers cannot hold, or a lone surrogate in a text.
    """
    return orjson.dumps(plain(value))


def plain(value: object) -> Any:
    """The value as JSON would give it back: dicts, lists, texts and numbers."""
    return msgspec.to_builtins(value, str_keys=True, order="deterministic")


def decode_as(cls: type[T], data: object, path: str = "") -> T:
    """Build ``cls`` from parsed JSON.

    Raises:
        ValueError: The data does not fit; the message names the field's path, what was found and expected.
    """
    try:
        return msgspec.convert(data, cls, str_keys=True)
    except msgspec.ValidationError as error:
        raise ValueError(_said(error, path or cls.__name__)) from None


def decode_json(cls: type[T], text: bytes | msgspec.Raw, path: str = "") -> T:
    """Build ``cls``, which has a `decoder`, from JSON, as `decode_as` does.

    Raises:
        ValueError: The text is no JSON or does not fit.
    """
    try:
        value: T = _DECODERS[cls].decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(_said(error, path or cls.__name__)) from None
    return value


def decoder(cls: type[T]) -> msgspec.json.Decoder[T]:
    """What reads ``cls`` from now on. To be made at import: two threads that make one at once crash the process."""
    return _DECODERS.setdefault(cls, msgspec.json.Decoder(cls))


def _said(error: Exception, path: str) -> str:
    """The message with the field's path in front, as people read it: ``PostsScraped.posts[0].id: Expected …``."""
    text, _, where = str(error).rpartition(f" - at `{_ROOT}")
    return f"{path}{where.rstrip('`')}: {text}" if text else f"{path}: {error}"
