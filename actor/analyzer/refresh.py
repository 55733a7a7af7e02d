"""The registry brought up to what the chain says: names are the chain's, everything else is kept.

Names come from strangers, who may choose them to be found in posts that are not about them. So a new name counts only
where it stands as a name, and never when it is an everyday word; who knows better edits the file. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol

from actor.analyzer.candidates import is_everyday
from actor.analyzer.mentions import BITTENSOR_WORDS
from actor.analyzer.registry import MAX_SUBNET_ID, MAX_TEXT_CHARS, Identifier, Registry, Subnet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from actor.analyzer.registry import Use

__all__ = ["Chain", "ChainError", "ChainSubnet", "Change", "clean_name", "refreshed"]

_MIN_WORD_CHARS: Final = 3
_ROOT: Final = 0  # no subnet like the others: nobody registers it, and it never goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one number.

    Attributes:
        id: The number.
        what: "new"; "renamed", with what it does kept; "replaced" by another subnet, of which nothing is known; "gone".
        before: Its name until now; empty when new.
        after: Its name from now on; empty when gone.
    """

    id: int
    what: Literal["new", "renamed", "replaced", "gone"]
    before: str
    after: str


def refreshed(base: Registry, found: Sequence[ChainSubnet], today: date) -> tuple[Registry, tuple[Change, ...]]:
    """Return the registry as of today and what changed, by number.

    Args:
        base: The registry until now.
        found: All subnets of the chain.
        today: The day of the chain's answer.
    """
    now = [subnet for subnet in found if 0 <= subnet.id <= MAX_SUBNET_ID]
    names = _names(base, now)
    taken = {identifier.text.lower() for subnet in base.subnets for identifier in subnet.identifiers}
    kept = [_subnet(base, chain, names[chain.id], taken) for chain in now]
    ids = {subnet.id for subnet in now}
    if _ROOT in base.by_id and _ROOT not in ids:
        kept.append(base.by_id[_ROOT])
    registry = Registry(tuple(kept), today)
    return registry, tuple(_changes(base, registry, now))


def clean_name(text: str) -> str:
    """Return a name as validators compare it: lower case, `_` for spaces, nothing that cannot be seen; may be empty."""
    seen = "".join(" " if character.isspace() else character for character in unicodedata.normalize("NFC", text))
    seen = "".join(character for character in seen if character.isprintable())
    return "_".join(seen.lower().split())[:MAX_TEXT_CHARS].strip("_")


def _names(base: Registry, now: Sequence[ChainSubnet]) -> dict[int, str]:
    """Return a name for each number, no two alike: who had a name before keeps it, then the lower number wins."""
    wanted = {chain.id: _wanted(base, chain) for chain in now}
    names: dict[int, str] = {}
    used: set[str] = set()

    def is_new(number: int) -> bool:
        return number not in base.by_id or base.by_id[number].name != wanted[number]

    for number in sorted(wanted, key=lambda one: (is_new(one), one)):
        name = wanted[number]
        if name in used:
            name = f"{name[: MAX_TEXT_CHARS - 8]}_sn{number}"
        names[number] = name if name not in used else f"sn{number}"
        used.add(names[number])
    return names


def _wanted(base: Registry, chain: ChainSubnet) -> str:
    name = clean_name(chain.name)
    is_number_of_another = re.fullmatch(r"sn[\s_-]?[0-9]+", name) is not None
    if name and name != "unknown" and not is_number_of_another:
        return name
    known = base.by_id.get(chain.id)
    return known.name if known is not None and not _is_another(base, chain) else f"sn{chain.id}"


def _is_another(base: Registry, chain: ChainSubnet) -> bool:
    """Say whether the number was given to somebody since the registry was made."""
    return chain.id != _ROOT and chain.registered is not None and chain.registered > base.as_of


def _subnet(base: Registry, chain: ChainSubnet, name: str, taken: set[str]) -> Subnet:
    known = base.by_id.get(chain.id)
    if known is not None and name == known.name:
        return known
    own = tuple(identifier for identifier in _identifiers(chain.id, name) if identifier.text not in taken)
    if known is None or _is_another(base, chain):
        return Subnet(id=chain.id, name=name, identifiers=own, functions=())
    return replace(known, name=name, identifiers=(*known.identifiers, *own))


def _identifiers(number: int, name: str) -> list[Identifier]:
    """Return the identifiers that a new name gives."""
    words = re.findall(r"[^\W_]+", name)
    if not words or name == f"sn{number}":
        return []
    text = " ".join(words)[:MAX_TEXT_CHARS].strip()
    use: Use = "context" if len(words) > 1 else "named"
    if all(len(word) < _MIN_WORD_CHARS or word in BITTENSOR_WORDS or is_everyday(word) for word in words):
        use = "hint"
    return [Identifier(text=text, use=use)]


def _changes(base: Registry, registry: Registry, now: Iterable[ChainSubnet]) -> Iterable[Change]:
    another = {chain.id for chain in now if _is_another(base, chain)}
    for number in sorted(base.by_id.keys() | registry.by_id.keys()):
        before, after = base.by_id.get(number), registry.by_id.get(number)
        if before is None and after is not None:
            yield Change(id=number, what="new", before="", after=after.name)
        elif after is None and before is not None:
            yield Change(id=number, what="gone", before=before.name, after="")
        elif before is not None and after is not None and before.name != after.name:
            what: Literal["renamed", "replaced"] = "replaced" if number in another else "renamed"
            yield Change(id=number, what=what, before=before.name, after=after.name)


# What a refresh of the registry needs from the chain: one read, one kind of answer, one error.
#
# An edge implements `Chain`; tests implement it by hand. Nothing here does IO.


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSubnet:
    """A subnet as the chain has it.

    Attributes:
        id: Its number.
        name: As its owner wrote it: any text at all; empty when there is none.
        registered: The day on which this number was given to it; None when the chain does not say.
    """

    id: int
    name: str
    registered: date | None


class ChainError(Exception):
    """The chain could not be read; one line for people.

    Attributes:
        kind: Stable word for the cause, that of its class.
    """

    kind = "unreachable"


class Chain(Protocol):
    """A node of the network."""

    async def subnets(self) -> list[ChainSubnet]:
        """Every subnet that exists now.

        Raises:
            ChainError: No answer in time, or none that can be used.
        """
        ...
