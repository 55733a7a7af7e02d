"""A state as one flat mapping from path to value, and what a record changed in it. Pure.

Paths are those of ``replay --why``. What is None or empty has no path, nor has what is zero or false of a post: that is
how every post begins. Of what a state remembers by the thousand only the number is told: a page shows what is decided
with, not every id that was ever seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from actor.machine import State
from audit.moments import day_text
from events.codec import plain
from events.differences import member

__all__ = ["Change", "Flat", "changes", "flat"]

Flat: TypeAlias = dict[str, Any]
# The path, the value before and the value after; None where there is none.
Change: TypeAlias = tuple[str, Any, Any]

_PARTS: Final = (dict, list, tuple)
_SHORT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "seen": lambda days: sum(len(ids) for ids in days.values()),
    "answers": lambda hours: sum(len(texts) for texts in hours.values()),
    "observed": len,
    "worked": len,
    "open": lambda attempt: attempt and {"post_id": attempt.post_id, "attempt": attempt.attempt},
    "spent": lambda days: {day_text(day): plain(spent) for day, spent in days.items()},
}


def flat(state: State) -> Flat:
    """All of it."""
    return {path: value for name in State.__struct_fields__ for path, value in _field(name, getattr(state, name))}


def changes(before: State, after: State) -> list[Change]:
    """What differs; a part that is the same object is not looked at."""
    names = [name for name in State.__struct_fields__ if getattr(before, name) is not getattr(after, name)]
    found: list[Change] = []
    for name in names:
        one, other = getattr(before, name), getattr(after, name)
        if name == "posts":
            same = {id(post) for post in one} & {id(post) for post in other}
            one, other = ([post for post in posts if id(post) not in same] for posts in (one, other))
        was, now = dict(_field(name, one)), dict(_field(name, other))
        paths = dict.fromkeys([*was, *now])
        found += [(path, was.get(path), now.get(path)) for path in paths if _differ(was.get(path), now.get(path))]
    return found


def _differ(one: object, other: object) -> bool:
    return type(one) is not type(other) or one != other


def _field(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    shorten: Callable[[Any], Any] = _SHORT.get(name, plain)
    return _leaves(name, shorten(value))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value is None or (isinstance(value, _PARTS) and not value):
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(member(path, key), part)
    elif isinstance(value, list | tuple) and isinstance(value[0], dict):
        for part in value:  # only posts without a verdict stand in a list
            leaves = _leaves(f"{path}[id={part['post']['id']}]", part)
            yield from (leaf for leaf in leaves if leaf[1])
    else:
        yield path, value
