"""The size of the house: files and names stay few enough that a person finds their way.

    python -m tests.test_house

prints the figures.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("actor", "audit", "events", "sandbox", "user_miner")
MOST_AT_ROOT: Final = 9
MOST_SHORT: Final = 45
SHORT_LINES: Final = 50
MOST_HOMES: Final = 6
MOST_LINES: Final = 500
LONG: Final = frozenset({"events/catalogue.py"})  # the list of all events

_CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)


def product() -> dict[str, str]:
    """Every product file with its text."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


def at_root(files: dict[str, str]) -> list[str]:
    """Files that lie in ``actor`` itself."""
    return [name for name in files if Path(name).parent == Path("actor")]


def short(files: dict[str, str]) -> list[str]:
    """Files that hardly hold anything; those that only mark a package do not count."""
    return [name for name, text in files.items() if 1 < len(text.splitlines()) <= SHORT_LINES]


def long(files: dict[str, str]) -> list[str]:
    """Files that nobody reads in one go."""
    return [name for name, text in files.items() if len(text.splitlines()) > MOST_LINES]


def several_homes(files: dict[str, str]) -> dict[str, list[str]]:
    """Names of public classes that several files define."""
    homes: dict[str, list[str]] = defaultdict(list)
    for name, text in files.items():
        for found in _CLASS.findall(text):
            if not found.startswith("_"):
                homes[found].append(name)
    return {name: files for name, files in sorted(homes.items()) if len(files) > 1}


def test_the_actor_has_few_files_at_its_root() -> None:
    """The loop, what it is made of, and the ports: the rest has a folder."""
    assert len(at_root(product())) <= MOST_AT_ROOT


def test_few_files_are_short() -> None:
    """A file is opened for what it holds."""
    assert len(short(product())) <= MOST_SHORT


def test_a_class_name_means_one_thing() -> None:
    """Whoever looks for a name finds it once."""
    assert len(several_homes(product())) <= MOST_HOMES


def test_files_can_be_read() -> None:
    """Only the catalogue of events is longer."""
    assert {*long(product())} <= LONG


def test_public_names_are_listed() -> None:
    """`__all__` names every function and class without an underscore, so that the list can be believed."""
    for name, text in product().items():
        parts = ast.parse(text).body
        listed = [
            part.value for part in parts if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__all__"
        ]
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        public = {part.name for part in parts if isinstance(part, kinds) and not part.name.startswith("_")}
        assert public <= set(ast.literal_eval(listed[0]) if listed else ()), name


if __name__ == "__main__":
    files = product()
    print(f"{len(files)} files, {sum(len(text.splitlines()) for text in files.values())} lines")  # noqa: T201
    print(f"{len(at_root(files))} files at actor's root")  # noqa: T201
    print(f"{len(short(files))} files of {SHORT_LINES} lines or fewer: {', '.join(short(files))}")  # noqa: T201
    print(f"over {MOST_LINES} lines: {', '.join(long(files))}")  # noqa: T201
    for name, homes in several_homes(files).items():
        print(f"{name}: {', '.join(homes)}")  # noqa: T201
