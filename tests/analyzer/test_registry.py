"""The registry file: what it holds, how it is written, and how every mistake in it is named."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from actor.analyzer import Identifier, Registry, RegistryError, Subnet, load_registry
from actor.analyzer.registry_file import BUILT_IN, registry_text

GOOD: dict[str, Any] = {"id": 1, "name": "one", "identifiers": {"uno": "alone"}, "functions": ["counting"]}
NOTHING_KNOWN = (28, 35, 49, 69, 78, 82, 95, 98, 101, 104, 125, 126, 127)


def _error(tmp_path: Path, content: object) -> str:
    """Return what is wrong with a file of this content."""
    path = tmp_path / "subnets.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_the_built_in_registry_has_every_subnet() -> None:
    """All 129 ids are there, names are unique, and unknown subnets bear their number."""
    registry = load_registry()
    assert [subnet.id for subnet in registry.subnets] == list(range(129))
    assert len({subnet.name for subnet in registry.subnets}) == len(registry) == 129
    assert {registry.by_id[number].name for number in (28, 49, 69, 78, 82, 95, 101)} == {
        "sn28", "sn49", "sn69", "sn78", "sn82", "sn95", "sn101",
    }  # fmt: skip


def test_every_known_subnet_has_two_to_five_functions() -> None:
    """Functions are 2 to 5 short phrases; only the subnets of which the list told nothing have none."""
    counts = {subnet.id: len(subnet.functions) for subnet in load_registry().subnets}
    assert tuple(number for number, count in counts.items() if not count) == NOTHING_KNOWN
    assert all(count == 0 or 2 <= count <= 5 for count in counts.values())


def test_the_built_in_file_is_as_it_would_be_written() -> None:
    """Reading and writing is a round trip, so a file that people edited stays readable."""
    assert registry_text(load_registry()) == BUILT_IN.read_text("utf-8")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "no subnets"),
        (["x"], "entry 0: expected an object"),
        ([GOOD, {**GOOD, "extra": 1}], "entry 1: expected an object with exactly the fields"),
        ([{**GOOD, "id": True}], "id must be an integer"),
        ([{**GOOD, "id": -1}], "id must be an integer"),
        ([{**GOOD, "id": "1"}], "id must be an integer"),
        ([{**GOOD, "id": 1000}], "from 0 to 999"),
        ([{**GOOD, "name": ""}], "entry 0 (id 1): name must have"),
        ([{**GOOD, "name": " one"}], "name must be a trimmed"),
        ([{**GOOD, "name": None}], "name must be a trimmed"),
        ([{**GOOD, "name": "o\u202ene"}], "printable"),
        ([{**GOOD, "name": "One"}], "name 'One' must be in lower case"),
        ([{**GOOD, "name": "x" * 81}], "1 to 80 characters"),
        ([{**GOOD, "identifiers": []}], "identifiers must be an object"),
        ([{**GOOD, "identifiers": {"": "alone"}}], "identifier '' must have"),
        ([{**GOOD, "identifiers": {"\x1b[31m": "alone"}}], "identifier '\\x1b[31m' must be"),
        ([{**GOOD, "identifiers": {"-": "alone"}}], "identifier '-' must hold a letter or a digit"),
        ([{**GOOD, "identifiers": {"uno": "maybe"}}], "has use 'maybe', expected one of alone, context, named"),
        ([{**GOOD, "identifiers": {"uno": []}}], "has use []"),
        ([{**GOOD, "functions": "counting"}], "functions must be a list"),
        ([{**GOOD, "functions": [1]}], "function 1 must be"),
        ([{**GOOD, "functions": ["a", "A"]}], "function 'a' is listed twice"),
        ([{**GOOD, "functions": ["a", "b", "c", "d", "e", "f"]}], "at most 5"),
        ([GOOD, {**GOOD, "name": "two"}], "id 1 is used by two subnets"),
        ([GOOD, {**GOOD, "id": 2}], "name 'one' is used by two subnets"),
        ([GOOD, {**GOOD, "id": 2, "name": "two"}], "identifier 'uno' is used alone by two subnets"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entries: object, said: str) -> None:
    """The error names the file, the entry and what was expected, in one line."""
    assert said in _error(tmp_path, {"as_of": "2025-12-01", "subnets": entries})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "expected {"),
        ({"subnets": [GOOD]}, "expected {"),
        ({"as_of": "2025-12-01", "subnets": {}}, "expected {"),
        ({"as_of": "yesterday", "subnets": [GOOD]}, "as_of must be a day"),
        ({"as_of": 20251201, "subnets": [GOOD]}, "as_of must be a day"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: object, said: str) -> None:
    """What is no registry at all is said to be none."""
    assert said in _error(tmp_path, content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text end in one line each."""
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00{")
    for name, said in (("nowhere.json", "No such file"), (".", "no regular file"), ("bytes.json", "as JSON")):
        with pytest.raises(RegistryError, match=said):
            load_registry(tmp_path / name)


def test_a_subnet_is_found_by_number_or_name() -> None:
    """Case and the letters SN do not matter; what is none of both is None."""
    registry = load_registry()
    for text in ("45", "SN45", "sn045", " talisman_ai ", "Talisman_AI"):
        found = registry.find(text)
        assert found is not None, text
        assert found.id == 45, text
    assert [registry.find(text) for text in ("", "SN", "999", "SN4 5", "-1", "talisman")] == [None] * 6


def test_order_does_not_matter() -> None:
    """Subnets stand by id, however they were given."""
    one, two = (
        Subnet(id=number, name=f"n{number}", identifiers=(Identifier(text="x", use="hint"),), functions=())
        for number in (1, 2)
    )
    assert Registry((two, one), date(2025, 12, 1)) == Registry((one, two), date(2025, 12, 1))
