"""The subnets the analyzer knows: loaded once from `data/subnets.json` and checked entry by entry.

A registry is plain, immutable data. This module never looks at a post and never asks the chain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard, get_args

__all__ = ["Identifier", "Registry", "RegistryError", "Subnet", "Use", "load_registry"]

Use = Literal["alone", "context", "named", "hint"]
"""When an identifier in a post is a direct mention of its subnet.

alone: always; nothing else bears this name.
context: an ordinary word, or somebody else's name too; counts in a post that speaks of Bittensor.
named: a word that such posts use in its everyday sense (score, swap, brain, root); counts only where it
  stands as a name.
hint: never; it only makes the subnet a candidate.
"""

BUILT_IN: Final = Path(__file__).parent / "data" / "subnets.json"
MAX_SUBNET_ID: Final = 999
MAX_FUNCTIONS: Final = 5
MAX_TEXT_CHARS: Final = 80
_FIELDS: Final = frozenset({"id", "name", "identifiers", "functions"})


class RegistryError(Exception):
    """The registry file cannot be used; the message names the file, the entry and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A string by which posts name a subnet, and when it counts as a mention."""

    text: str
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """One subnet. `functions` is empty when nothing is known of what it does: then only mentions find it."""

    id: int
    name: str
    identifiers: tuple[Identifier, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """All subnets, in the order of their ids. Ids and names are unique (names ignoring case)."""

    subnets: tuple[Subnet, ...]
    by_id: dict[int, Subnet] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _refuse_repetition([subnet.id for subnet in self.subnets], "id")
        _refuse_repetition([subnet.name.lower() for subnet in self.subnets], "name")
        if not self.subnets:
            raise RegistryError("no subnets, expected at least one")
        ordered = tuple(sorted(self.subnets, key=lambda subnet: subnet.id))
        object.__setattr__(self, "subnets", ordered)
        object.__setattr__(self, "by_id", {subnet.id: subnet for subnet in ordered})

    def __len__(self) -> int:
        return len(self.subnets)


def load_registry(path: Path = BUILT_IN) -> Registry:
    """Read and check a registry file.

    Raises:
        RegistryError: The file is missing, is not JSON, or an entry is wrong.
    """
    try:
        entries = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RegistryError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(entries, list):
        raise RegistryError(f"{path}: expected a list of subnets, found {type(entries).__name__}")
    try:
        return Registry(tuple(_subnet(position, entry) for position, entry in enumerate(entries)))
    except RegistryError as error:
        raise RegistryError(f"{path}: {error}") from None


def _subnet(position: int, entry: Any) -> Subnet:
    where = f"entry {position}"
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise RegistryError(f"{where}: expected an object with exactly the fields {', '.join(sorted(_FIELDS))}")
    where = f"{where} (id {entry['id']!r})"
    if not _is_id(entry["id"]):
        raise RegistryError(f"{where}: id must be an integer from 0 to {MAX_SUBNET_ID}")
    if not _is_text(entry["name"]):
        raise RegistryError(f"{where}: name must be a trimmed, non-empty string")
    return Subnet(
        id=entry["id"],
        name=entry["name"],
        identifiers=_identifiers(where, entry["identifiers"]),
        functions=_functions(where, entry["functions"]),
    )


def _identifiers(where: str, found: Any) -> tuple[Identifier, ...]:
    if not isinstance(found, dict):
        raise RegistryError(f"{where}: identifiers must be an object of text: use")
    for text, use in found.items():
        if not _is_text(text):
            raise RegistryError(f"{where}: identifier {text!r} must be a trimmed, non-empty string")
        if use not in get_args(Use):
            raise RegistryError(f"{where}: identifier {text!r} has use {use!r}, expected one of {get_args(Use)}")
    return tuple(Identifier(text=text, use=use) for text, use in found.items())


def _functions(where: str, found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(_is_text(text) for text in found) or len(found) > MAX_FUNCTIONS:
        raise RegistryError(f"{where}: functions must be at most {MAX_FUNCTIONS} trimmed, non-empty strings")
    if len({text.lower() for text in found}) != len(found):
        raise RegistryError(f"{where}: a function is listed twice")
    return tuple(found)


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SUBNET_ID


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value == value.strip() and 0 < len(value) <= MAX_TEXT_CHARS


def _refuse_repetition(values: list[Any], what: str) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise RegistryError(f"{what} {value!r} is used by two subnets, expected unique {what}s")
        seen.add(value)
