"""``user-miner subnets list``, ``show`` and ``check``: the list of subnets in use, one subnet of it, and a file of one.

Reads only. Names may come from a file that strangers had a part in, so nothing is printed that could steer a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from actor.analyzer import Registry, Subnet
from actor.analyzer.registry import USES, Use
from audit.terminal import inert_json
from events.describe import printable

__all__ = ["list_json", "list_lines", "nearest", "show_json", "show_lines", "state_json", "state_line"]

_WIDTH: Final = 100
_WHEN: Final[dict[Use, str]] = {
    "alone": "always: nothing else bears this name",
    "context": "in a post that speaks of Bittensor, where it is no part of a handle, an address or a hyphenated word",
    "named": "in such a post, where it stands as a name: after $, beside the word subnet, or with a telling capital",
    "hint": "never: it makes the subnet a candidate",
    "other": "never: somebody else's name",
}


def state_line(registry: Registry, source: str) -> str:
    """One line about a list."""
    without = sum(not subnet.functions for subnet in registry.subnets)
    return printable(
        f"{source}: {len(registry)} subnets as of {registry.as_of.isoformat()}, {without} of them without functions",
        400,
    )


def state_json(registry: Registry, source: str) -> str:
    """The same for machines."""
    without = [subnet.id for subnet in registry.subnets if not subnet.functions]
    return _json(
        {
            "source": source,
            "as_of": registry.as_of.isoformat(),
            "subnets": len(registry),
            "without_functions": without,
        }
    )


def list_lines(registry: Registry, source: str) -> Iterator[str]:
    """A line for each subnet."""
    yield state_line(registry, source)
    for subnet in registry.subnets:
        many = f"{len(subnet.functions)} functions" if subnet.functions else "-"
        names = ", ".join(
            identifier.text for identifier in subnet.identifiers if identifier.use not in {"hint", "other"}
        )
        yield printable(f"{subnet.id:>4}  {subnet.name:<28} {many:<12} {names}", _WIDTH + 20).rstrip()


def show_lines(subnet: Subnet, registry: Registry, source: str) -> Iterator[str]:
    """What is known of a subnet, and what in a post matches it, and when."""
    yield printable(f"SN{subnet.id} {subnet.name}, of {source} as of {registry.as_of.isoformat()}", 400)
    number = subnet.id
    yield ""
    yield "named outright by"
    yield f"  SN{number}, sn {number}, #SN{number}, subnet {number}, netuid {number}, subnets … and {number}"
    yield "      always, as a whole number"
    for use in USES:
        texts = [identifier.text for identifier in subnet.identifiers if identifier.use == use]
        if texts:
            yield printable(f"  {', '.join(texts)}", 1_000)
            yield f"      {_WHEN[use]}"
    words = [identifier.text for identifier in subnet.identifiers if identifier.text.isalnum()]
    if words:
        yield f"  {words[0]}subnet, sn{number}_{words[0]} and the like"
        yield f"      {_WHEN['alone']}"
    yield ""
    if not subnet.functions:
        yield "what it does is not known: only numbers and names find it"
        return
    yield "a candidate for posts with words of its functions, each of which the LLM may find discussed"
    yield from (printable(f"  {function}") for function in subnet.functions)


def list_json(registry: Registry, source: str) -> str:
    """The whole list."""
    subnets = [_subnet_json(subnet) for subnet in registry.subnets]
    return _json({"source": source, "as_of": registry.as_of.isoformat(), "subnets": subnets})


def show_json(subnet: Subnet, registry: Registry, source: str) -> str:
    """One subnet."""
    return _json({"source": source, "as_of": registry.as_of.isoformat(), **_subnet_json(subnet)})


def nearest(registry: Registry, text: str) -> str:
    """Return the names that look most like a text, in words; empty when none does."""
    names = {identifier.text: subnet.name for subnet in registry.subnets for identifier in subnet.identifiers}
    names |= {subnet.name: subnet.name for subnet in registry.subnets}
    close = dict.fromkeys(names[name] for name in get_close_matches(text.lower(), names, n=3))
    return f", did you mean {' or '.join(close)}" if close else ""


def _subnet_json(subnet: Subnet) -> dict[str, Any]:
    return {
        "id": subnet.id,
        "name": subnet.name,
        "identifiers": {identifier.text: identifier.use for identifier in subnet.identifiers},
        "functions": list(subnet.functions),
    }


def _json(found: dict[str, Any]) -> str:
    return inert_json(json.dumps(found, ensure_ascii=False, indent=2))
