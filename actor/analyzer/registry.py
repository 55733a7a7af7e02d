"""The subnets the analyzer knows, as plain, immutable data that was checked when it was made.

This module never reads a file, never looks at a post and never asks the chain.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, get_args

from events.codec import canonical_json

__all__ = [
    "MAX_FUNCTIONS",
    "MAX_SUBNET_ID",
    "MAX_TEXT_CHARS",
    "USES",
    "Identifier",
    "Registry",
    "RegistryError",
    "Subnet",
    "Use",
]

Use = Literal["alone", "context", "named", "hint", "other"]
"""When an identifier in a post is a direct mention of its subnet.

alone: always; nothing else bears this name.
context: an ordinary word, or somebody else's name too; counts in a post that speaks of Bittensor.
named: a word that such posts use in its everyday sense (score, swap, brain, root); counts only where it
  stands as a name.
hint: never; it only makes the subnet a candidate.
other: never, not even as a hint: somebody else's name or a phrase (holy grail) that holds one of the above.
"""
USES: Final[tuple[Use, ...]] = get_args(Use)

MAX_SUBNET_ID: Final = 999
MAX_FUNCTIONS: Final = 5
MAX_TEXT_CHARS: Final = 80


class RegistryError(Exception):
    """The subnets cannot be used; one line that says which one and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A string by which posts name a subnet, and when it counts as a mention."""

    text: str
    use: Use

    def __post_init__(self) -> None:
        _check_text(f"identifier {self.text!r}", self.text)
        if re.search(r"[^\W_]", self.text) is None:
            raise RegistryError(f"identifier {self.text!r} must hold a letter or a digit")
        if self.use not in USES:
            raise RegistryError(f"identifier {self.text!r} has use {self.use!r}, expected one of {', '.join(USES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """One subnet. `functions` is empty when nothing is known of what it does: then only mentions find it."""

    id: int
    name: str
    identifiers: tuple[Identifier, ...]
    functions: tuple[str, ...]

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 <= self.id <= MAX_SUBNET_ID:
            raise RegistryError(f"id must be an integer from 0 to {MAX_SUBNET_ID}")
        _check_text("name", self.name)
        if self.name != self.name.lower():
            raise RegistryError(f"name {self.name!r} must be in lower case, as validators compare it")
        if len(self.functions) > MAX_FUNCTIONS:
            raise RegistryError(f"functions must be at most {MAX_FUNCTIONS}")
        for function in self.functions:
            _check_text(f"function {function!r}", function)
        _refuse_repetition([function.lower() for function in self.functions], "function", "listed twice")


@dataclass(frozen=True, slots=True)
class Registry:
    """All subnets, in the order of their ids. Ids, names and identifiers that stand alone are unique.

    Attributes:
        subnets: At least one.
        as_of: The day on which names and numbers were as given here.
        by_id: The same subnets by id.
    """

    subnets: tuple[Subnet, ...]
    as_of: date
    by_id: dict[int, Subnet] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.subnets:
            raise RegistryError("no subnets, expected at least one")
        _refuse_repetition([subnet.id for subnet in self.subnets], "id", "used by two subnets")
        _refuse_repetition([subnet.name for subnet in self.subnets], "name", "used by two subnets")
        alone = [
            text
            for subnet in self.subnets
            for text in {one.text.lower() for one in subnet.identifiers if one.use == "alone"}
        ]
        _refuse_repetition(alone, "identifier", "used alone by two subnets")
        ordered = tuple(sorted(self.subnets, key=lambda subnet: subnet.id))
        object.__setattr__(self, "subnets", ordered)
        object.__setattr__(self, "by_id", {subnet.id: subnet for subnet in ordered})

    def __len__(self) -> int:
        return len(self.subnets)

    def sha256(self) -> str:
        """Digest of the subnets, hex: two lists with the same one judge a post alike."""
        return hashlib.sha256(canonical_json(self.subnets)).hexdigest()

    def find(self, text: str) -> Subnet | None:
        """Return the subnet of this number (45, SN45) or name, ignoring case; None when there is none."""
        number = re.fullmatch(r"(?:sn)?([0-9]{1,3})", text.strip().lower())
        if number is not None and int(number[1]) in self.by_id:
            return self.by_id[int(number[1])]
        return next((subnet for subnet in self.subnets if subnet.name == text.strip().lower()), None)


def _check_text(what: str, value: Any) -> None:
    if not (isinstance(value, str) and value == value.strip() and value.isprintable()):
        raise RegistryError(f"{what} must be a trimmed string of printable characters")
    if not 0 < len(value) <= MAX_TEXT_CHARS:
        raise RegistryError(f"{what} must have 1 to {MAX_TEXT_CHARS} characters")


def _refuse_repetition(values: list[Any], what: str, said: str) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise RegistryError(f"{what} {value!r} is {said}, expected each only once")
        seen.add(value)
