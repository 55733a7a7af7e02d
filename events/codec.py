"""Dataclasses to JSON and back, strictly: a wrong type, a missing or an unknown field is an error with its path.

Encoding is orjson's own for dataclasses. orjson writes NaN and infinity as null without a word, so floats are
checked when they are read back and events check their own at construction; the writer decodes what it wrote.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

__all__ = ["canonical_json", "decode_as", "plain", "reads_back"]

_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_SEVERAL: Final = 2  # attrgetter gives a tuple for so many names
T = TypeVar("T")
_Decode: TypeAlias = Callable[[Any], Any]


class _MisfitError(Exception):
    """What was found and expected; containers put their part of the path in front of it on its way out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path = ""


def _default(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a journal")


def canonical_json(value: object) -> bytes:
    """Deterministic JSON: dataclass fields as declared, mapping keys and set members sorted.

    Raises:
        TypeError: Something that JSON or 64-bit integers cannot hold, or a lone surrogate in a text.
    """
    return orjson.dumps(value, default=_default, option=_CANONICAL)


def plain(value: object) -> Any:
    """The value as JSON would give it back: dicts, lists, texts and numbers."""
    return orjson.loads(canonical_json(value))


def decode_as(cls: type[T], data: object, path: str = "") -> T:
    """Build ``cls`` from parsed JSON.

    Raises:
        ValueError: The data does not fit; the message names the field's path, what was found and expected.
    """
    hint: Any = cls
    try:
        value: T = _decoder(hint)(data)
    except _MisfitError as misfit:
        raise ValueError(f"{path or cls.__name__}{misfit.path}: {misfit}") from None
    return value


def reads_back(value: object, data: object) -> bool:
    """Whether `decode_as` would make an equal of the dataclass instance ``value`` out of ``data``, told at little cost.

    True is certain. False also stands for "not told": decode and compare.
    """
    try:
        cls: Any = type(value)
        return _reading(cls)(value, data)
    except (_MisfitError, ValueError, TypeError, KeyError):
        return False


def _wrong(expected: str, found: object) -> _MisfitError:
    return _MisfitError(f"expected {expected}, found {str(found)[:80]!r} ({type(found).__name__})")


def _scalar(kind: type) -> _Decode:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(kind.__name__, value)
        return value

    return decode


def _float(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _wrong("a number", value)
    return float(value)


def _literal(choices: tuple[Any, ...]) -> _Decode:
    def decode(value: Any) -> Any:
        if value not in choices:
            raise _wrong(" or ".join(map(repr, choices)), value)
        return value

    return decode


def _optional(inner: _Decode) -> _Decode:
    return lambda value: None if value is None else inner(value)


def _sequence(inner: _Decode, build: Callable[[list[Any]], Any]) -> _Decode:
    def decode(value: Any) -> Any:
        if type(value) is not list:
            raise _wrong("a list", value)
        items: list[Any] = []
        try:
            items.extend(map(inner, value))
        except _MisfitError as misfit:
            misfit.path = f"[{len(items)}]{misfit.path}"
            raise
        return build(items)

    return decode


def _mapping(key: type, inner: _Decode) -> _Decode:
    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong("an object", value)
        items = {}
        name = ""
        try:
            for name, item in value.items():
                items[key(name)] = inner(item)
        except _MisfitError as misfit:
            misfit.path = f".{name}{misfit.path}"
            raise
        return items

    return decode


def _record(cls: type) -> _Decode:
    hints = get_type_hints(cls)
    decoders = {f.name: _decoder(hints[f.name]) for f in dataclasses.fields(cls)}
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    as_it_is = {name: _plain_kind(hints[name]) for name in decoders}

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong("an object", value)
        if value.keys() != decoders.keys():
            _check_names(value.keys(), decoders, required)
        fields = {}
        name = ""
        try:
            for name, item in value.items():
                fields[name] = item if type(item) is as_it_is[name] else decoders[name](item)
        except _MisfitError as misfit:
            misfit.path = f".{name}{misfit.path}"
            raise
        return cls(**fields)

    return decode


def _plain_kind(hint: Any) -> type | None:
    """The JSON type that such a field takes over unchanged, found without a call; None when there is none."""
    kinds = {str, int, bool, float}.intersection([hint, *get_args(hint)])
    is_union = get_origin(hint) in {Union, types.UnionType}
    return kinds.pop() if hint in kinds or (is_union and kinds) else None


def _check_names(found: AbstractSet[str], known: Iterable[str], required: AbstractSet[str]) -> None:
    if unknown := found - set(known):
        raise _MisfitError(f"unknown field {min(unknown)!r}; known: {', '.join(known)}")
    if missing := required - found:
        raise _MisfitError(f"field {min(missing)!r} is missing")


@cache
def _reading(cls: type) -> Callable[[Any, Any], bool]:
    """Compares most fields by three calls into C, which matters where the processor's caches are cold."""
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    scalars = [name for name in names if hints[name] in {str, int, bool, float}]
    scalars = scalars if len(scalars) >= _SEVERAL else []
    others = [(name, _told(hints[name])) for name in names if name not in scalars]
    values_of, data_of = (attrgetter(*scalars), itemgetter(*scalars)) if scalars else (_nothing, _nothing)
    kinds = tuple(hints[name] for name in scalars)

    def same_fields(value: Any, data: Any) -> bool:
        values, found = values_of(value), data_of(data)
        if values != found or tuple(map(type, values)) != kinds or tuple(map(type, found)) != kinds:
            return False
        for name, same in others:  # noqa: SIM110  (a generator costs more than the comparison)
            if not same(getattr(value, name), data[name]):
                return False
        return True

    return same_fields


def _nothing(_value: object) -> tuple[()]:
    return ()


def _told(hint: Any) -> Callable[[Any, Any], bool]:
    if dataclasses.is_dataclass(hint):
        return lambda value, data: type(value) is hint and reads_back(value, data)
    return lambda value, data: _decoder(hint)(data) == value


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
