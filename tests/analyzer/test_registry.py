"""The registry file: what it holds, and how every mistake in it is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from actor.analyzer import RegistryError, load_registry

GOOD: dict[str, Any] = {"id": 1, "name": "one", "identifiers": {"uno": "alone"}, "functions": ["counting"]}


def _load(tmp_path: Path, entries: object) -> str:
    """Return what is wrong with a file of these entries."""
    path = tmp_path / "subnets.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_built_in_registry_has_every_subnet() -> None:
    """All 129 ids are there, names are unique, and unknown subnets bear their number."""
    registry = load_registry()
    assert [subnet.id for subnet in registry.subnets] == list(range(129))
    assert len({subnet.name for subnet in registry.subnets}) == len(registry) == 129
    assert {registry.by_id[number].name for number in (28, 49, 69, 78, 82, 95, 101)} == {
        "sn28", "sn49", "sn69", "sn78", "sn82", "sn95", "sn101",
    }  # fmt: skip


def test_nearly_every_subnet_has_two_to_five_functions() -> None:
    """Functions are 2 to 5 short phrases; only subnets of which nothing is known have none."""
    counts = {subnet.id: len(subnet.functions) for subnet in load_registry().subnets}
    assert all(count == 0 or 2 <= count <= 5 for count in counts.values())
    assert sum(count == 0 for count in counts.values()) <= 13


def test_no_identifier_that_stands_alone_is_shared() -> None:
    """What names a subnet without context names one subnet only."""
    owners: dict[str, int] = {}
    for subnet in load_registry().subnets:
        for identifier in subnet.identifiers:
            if identifier.use == "alone":
                assert owners.setdefault(identifier.text.lower(), subnet.id) == subnet.id


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({}, "expected a list"),
        ([], "no subnets"),
        (["x"], "entry 0: expected an object"),
        ([GOOD, {**GOOD, "extra": 1}], "entry 1: expected an object with exactly the fields"),
        ([{**GOOD, "id": True}], "id must be an integer"),
        ([{**GOOD, "id": -1}], "id must be an integer"),
        ([{**GOOD, "name": ""}], "entry 0 (id 1): name must be"),
        ([{**GOOD, "name": " one"}], "name must be"),
        ([{**GOOD, "identifiers": []}], "identifiers must be an object"),
        ([{**GOOD, "identifiers": {"": "alone"}}], "identifier '' must be"),
        ([{**GOOD, "identifiers": {"uno": "maybe"}}], "has use 'maybe', expected one of"),
        ([{**GOOD, "identifiers": {"uno": []}}], "has use []"),
        ([{**GOOD, "functions": "counting"}], "functions must be"),
        ([{**GOOD, "functions": ["a", "A"]}], "listed twice"),
        ([{**GOOD, "functions": ["a", "b", "c", "d", "e", "f"]}], "at most 5"),
        ([GOOD, {**GOOD, "name": "two"}], "id 1 is used by two subnets"),
        ([GOOD, {**GOOD, "id": 2, "name": "ONE"}], "name 'one' is used by two subnets"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entries: object, said: str) -> None:
    """The error names the file, the entry and what was expected."""
    assert said in _load(tmp_path, entries)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(RegistryError, match=r"nowhere\.json"):
        load_registry(tmp_path / "nowhere.json")
