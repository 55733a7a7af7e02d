"""Dataclasses to JSON and back, strictly: a wrong type, a missing or an unknown field is an error with its path.

Encoding is orjson's own for dataclasses. orjson writes NaN and infinity as null without a word, so floats are
checked when they are read back and events check their own at construction; the writer decodes what it wrote.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

__all__ = ["canonical_json", "decode_as", "plain"]

T = TypeVar("T")
_Decode: TypeAlias = Callable[[Any, str], Any]


def _default(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a journal")


def canonical_json(value: object) -> bytes:
    """Deterministic JSON: dataclass fields as declared, mapping keys and set members sorted.

    Raises:
        TypeError: Something that JSON or 64-bit integers cannot hold, or a lone surrogate in a text.
    """
    return orjson.dumps(value, default=_default, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def plain(value: object) -> Any:
    """The value as JSON would give it back: dicts, lists, texts and numbers."""
    return orjson.loads(canonical_json(value))


def decode_as(cls: type[T], data: object, path: str = "") -> T:
    """Build ``cls`` from parsed JSON.

    Raises:
        ValueError: The data does not fit; the message names the field's path, what was found and expected.
    """
    hint: Any = cls
    value: T = _decoder(hint)(data, path or cls.__name__)
    return value


def _wrong(path: str, expected: str, found: object) -> ValueError:
    return ValueError(f"{path}: expected {expected}, found {str(found)[:80]!r} ({type(found).__name__})")


def _scalar(kind: type) -> _Decode:
    def decode(value: Any, path: str) -> Any:
        if type(value) is not kind:
            raise _wrong(path, kind.__name__, value)
        return value

    return decode


def _float(value: Any, path: str) -> float:
    if type(value) is not float and type(value) is not int:
        raise _wrong(path, "a number", value)
    return float(value)


def _literal(choices: tuple[Any, ...]) -> _Decode:
    def decode(value: Any, path: str) -> Any:
        if value not in choices:
            raise _wrong(path, " or ".join(map(repr, choices)), value)
        return value

    return decode


def _optional(inner: _Decode) -> _Decode:
    return lambda value, path: None if value is None else inner(value, path)


def _sequence(inner: _Decode, build: Callable[[list[Any]], Any]) -> _Decode:
    def decode(value: Any, path: str) -> Any:
        if type(value) is not list:
            raise _wrong(path, "a list", value)
        return build([inner(item, f"{path}[{i}]") for i, item in enumerate(value)])

    return decode


def _mapping(key: type, inner: _Decode) -> _Decode:
    def decode(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise _wrong(path, "an object", value)
        return {key(k): inner(v, f"{path}.{k}") for k, v in value.items()}

    return decode


def _record(cls: type) -> _Decode:
    hints = get_type_hints(cls)
    decoders = {f.name: _decoder(hints[f.name]) for f in dataclasses.fields(cls)}
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }

    def decode(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise _wrong(path, "an object", value)
        if unknown := value.keys() - decoders.keys():
            raise ValueError(f"{path}: unknown field {min(unknown)!r}; known: {', '.join(decoders)}")
        if missing := required - value.keys():
            raise ValueError(f"{path}: field {min(missing)!r} is missing")
        return cls(**{name: decoders[name](item, f"{path}.{name}") for name, item in value.items()})

    return decode


@cache
def _decoder(hint: Any) -> _Decode:  # noqa: PLR0911  (one return for each kind of annotation)
    origin, args = get_origin(hint), get_args(hint)
    if hint is float:
        return _float
    if hint in {str, int, bool}:
        return _scalar(hint)
    if origin is Literal:
        return _literal(args)
    if origin in {Union, types.UnionType}:
        (inner,) = [arg for arg in args if arg is not type(None)]
        return _optional(_decoder(inner))
    if origin in {tuple, frozenset}:
        return _sequence(_decoder(args[0]), origin)
    if origin in {Mapping, dict}:
        return _mapping(args[0], _decoder(args[1]))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    raise TypeError(f"{hint!r} has no place in a journal")
