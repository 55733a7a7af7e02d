"""What differs between two JSON values, field by field. Pure; it knows nothing of journals and states.

Whatever has an identity is compared with its own counterpart, not with its neighbour in the list: objects by ``id`` or
``post.id``, and texts and numbers of a list without repetitions by themselves. So a post that left the front of a queue
is one difference, not one for each post behind it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from events.describe import printable

__all__ = ["ABSENT", "Absent", "Difference", "difference_fields", "difference_lines", "differences", "member"]

_WIDTH: Final = 160
_LONGEST_PATH: Final = 200
_LEAD: Final = 20
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_0-9-]+")


class Absent(enum.Enum):
    """The side of a difference on which there is nothing, which is not the same as null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place at which two values differ.

    Attributes:
        path: Where, for example ``posts[id=17].score``; empty for the whole value, ``list[]`` for a member of a list.
        expected: The first side there, ABSENT when only the second has something.
        actual: The second side there, ABSENT when only the first has something.
    """

    path: str
    expected: object
    actual: object


def differences(expected: object, actual: object) -> tuple[Difference, ...]:
    """Every place at which two plain JSON values differ, in the first's order; 1, 1.0 and true are three values."""
    return tuple(_compare("", expected, actual))


def difference_fields(difference: Difference, *, sides: tuple[str, str] = ("expected", "actual")) -> dict[str, Any]:
    """The difference as a JSON object: ``path``, and each side that there is under its name."""
    found = zip(sides, (difference.expected, difference.actual), strict=True)
    return {"path": difference.path, **{name: value for name, value in found if value is not ABSENT}}


def difference_lines(found: Sequence[Difference], *, most: int = 200) -> list[str]:
    """One bounded line for each difference, safe to print: ``+`` came, ``-`` went, ``~`` changed.

    Args:
        found: The differences.
        most: Differences beyond so many are only counted.
    """
    lines = [_line(difference) for difference in found[:most]]
    return lines if len(found) <= most else [*lines, f"… and {len(found) - most} more differences"]


def _compare(path: str, expected: object, actual: object) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from _compare_members(path, expected, actual)
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        yield from _compare_lists(path, expected, actual)
    elif type(expected) is not type(actual) or expected != actual:
        yield Difference(path=path, expected=expected, actual=actual)


def _compare_members(path: str, expected: Mapping[str, object], actual: Mapping[str, object]) -> Iterator[Difference]:
    for key in dict.fromkeys([*expected, *actual]):
        yield from _compare(member(path, key), expected.get(key, ABSENT), actual.get(key, ABSENT))


def _compare_lists(path: str, expected: Sequence[Any], actual: Sequence[Any]) -> Iterator[Difference]:
    before, after = _by_identity(expected), _by_identity(actual)
    if before is None or after is None:
        yield from _compare_positions(path, expected, actual)
        return
    for key in dict.fromkeys([*before, *after]):
        place = f"{path}[id={key}]" if isinstance((before | after)[key], dict) else f"{path}[]"
        yield from _compare(place, before.get(key, ABSENT), after.get(key, ABSENT))
    kept = [key for key in before if key in after]
    moved = [key for key in after if key in before]
    if kept != moved:
        yield Difference(path=f"{path}[] order", expected=kept, actual=moved)


def _compare_positions(path: str, expected: Sequence[Any], actual: Sequence[Any]) -> Iterator[Difference]:
    for index in range(max(len(expected), len(actual))):
        sides = (side[index] if index < len(side) else ABSENT for side in (expected, actual))
        yield from _compare(f"{path}[{index}]", *sides)


def _by_identity(items: Sequence[Any]) -> dict[str, Any] | None:
    """The items by what identifies them; None when one has no identity or two share one."""
    found: dict[str, Any] = {}
    for item in items:
        key = _identity(item)
        if key is None or key in found:
            return None
        found[key] = item
    return found


def _identity(item: object) -> str | None:
    if isinstance(item, dict):
        post = item.get("post")
        named = item.get("id", post.get("id") if isinstance(post, dict) else None)
        return named if isinstance(named, str) else None
    return None if isinstance(item, list | tuple) else _json(item)


def member(path: str, key: str) -> str:
    """The path of a member of the object at ``path``."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{_json(key)}]"
    return f"{path}.{key}" if path else key


def _line(difference: Difference) -> str:
    path = printable(difference.path, _LONGEST_PATH) or "(all)"
    expected, actual = difference.expected, difference.actual
    if expected is ABSENT:
        return f"+ {path}: {printable(_json(actual), _WIDTH)}"
    if actual is ABSENT:
        return f"- {path}: {printable(_json(expected), _WIDTH)}"
    before, after = _from_where_they_differ(_json(expected), _json(actual))
    return f"~ {path}: {printable(before, _WIDTH)} → {printable(after, _WIDTH)}"


def _from_where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Two texts that are too long to show whole, without most of what they begin with alike."""
    if max(len(one), len(other)) <= _WIDTH:
        return one, other
    alike = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, alike - _LEAD)
    return (f"…{one[start:]}", f"…{other[start:]}") if start else (one, other)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
