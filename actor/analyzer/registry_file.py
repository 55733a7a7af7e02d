"""The registry as a file: read and checked entry by entry, and written in the one form that people can edit.

The built-in file lies beside the code; `subnets refresh` writes others. This module decides nothing about names.
"""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from actor.analyzer.registry import Identifier, Registry, RegistryError, Subnet

__all__ = ["BUILT_IN", "load_registry", "registry_text"]

BUILT_IN: Final = Path(__file__).parent / "data" / "subnets.json"
_FIELDS: Final = frozenset({"as_of", "subnets"})
_SUBNET_FIELDS: Final = frozenset({"id", "name", "identifiers", "functions"})


def load_registry(path: Path = BUILT_IN) -> Registry:
    """Read and check a registry file.

    Raises:
        RegistryError: The file cannot be read, is not JSON, or an entry is wrong; one line that names the file.
    """
    try:
        if path.exists() and not path.is_file():  # to read a pipe or a device may never end
            raise RegistryError("cannot be read: it is no regular file")
        return _parsed(path.read_bytes())
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"{path}: cannot be read as JSON: {error}") from error
    except RegistryError as error:
        raise RegistryError(f"{path}: {error}") from None


@lru_cache(maxsize=2)
def _parsed(text: bytes) -> Registry:
    """By content, so that a file that was changed is read anew, and one that many miners name is read once."""
    return _registry(json.loads(text))


def registry_text(registry: Registry) -> str:
    """Return the file of a registry."""
    entries = ",\n".join(map(_entry_text, registry.subnets))
    return f'{{"as_of": "{registry.as_of.isoformat()}", "subnets": [\n{entries}\n]}}\n'


def _registry(found: Any) -> Registry:
    if not isinstance(found, dict) or set(found) != _FIELDS or not isinstance(found["subnets"], list):
        raise RegistryError('expected {"as_of": "YYYY-MM-DD", "subnets": [...]}')
    try:
        as_of = date.fromisoformat(found["as_of"])
    except (TypeError, ValueError):
        raise RegistryError("as_of must be a day written YYYY-MM-DD") from None
    return Registry(tuple(_subnet(position, entry) for position, entry in enumerate(found["subnets"])), as_of)


def _subnet(position: int, entry: Any) -> Subnet:
    where = f"entry {position}"
    if not isinstance(entry, dict) or set(entry) != _SUBNET_FIELDS:
        raise RegistryError(f"{where}: expected an object with exactly the fields {', '.join(sorted(_SUBNET_FIELDS))}")
    identifiers, functions = entry["identifiers"], entry["functions"]
    try:
        if not isinstance(identifiers, dict):
            raise RegistryError("identifiers must be an object of text: use")
        if not isinstance(functions, list):
            raise RegistryError("functions must be a list of strings")
        return Subnet(
            id=entry["id"],
            name=entry["name"],
            identifiers=tuple(Identifier(text=text, use=use) for text, use in identifiers.items()),
            functions=tuple(functions),
        )
    except RegistryError as error:
        raise RegistryError(f"{where} (id {entry['id']!r}): {error}") from None


def _entry_text(subnet: Subnet) -> str:
    identifiers = _json({identifier.text: identifier.use for identifier in subnet.identifiers})
    functions = ",\n".join(f"     {_json(function)}" for function in subnet.functions)
    listed = f"[\n{functions}\n   ]" if functions else "[]"
    return (
        f'  {{"id": {subnet.id}, "name": {_json(subnet.name)},\n'
        f'   "identifiers": {identifiers},\n   "functions": {listed}}}'
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
