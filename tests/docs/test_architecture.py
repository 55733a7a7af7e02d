"""What a newcomer reads first, held against the code: CONTRIBUTING.md, the architecture, the records of decisions."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import actor.machine
from tests.docs.kit import ROOT, anchors, blocks, links, put_generated

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / "docs" / "developers" / "architecture.md"
DECISIONS = ROOT / "docs" / "developers" / "decisions"
INDEX = DECISIONS / "README.md"
RECORDS = sorted(set(DECISIONS.glob("*.md")) - {INDEX})
FIRST_HOUR = [CONTRIBUTING, ARCHITECTURE, INDEX, *RECORDS]
PROGRAM = ("actor", "audit", "events", "sandbox", "user_miner")
PARTS = ["Why", "What it costs", "What was refused"]
MOST_FILES = 10
LONGEST_RECORD = 40
LONGEST_LINE = 140

# What stands in code type and is no name of the code: what is written elsewhere than in the files beside it.
_PATH = re.compile(r"\.?[\w.-]+/[\w./-]*|\.?[\w-]+\.(?:py|toml|md|example)")
_SYMBOL = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")


def codes(text: str) -> list[str]:
    """What stands in code type, blocks left aside."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def items(document: Path) -> Iterator[str]:
    """Its paragraphs, list items and table rows, each as one text."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from re.split(r"\n\s*\n|\n(?=\s*(?:- |\d+\. |\|))", prose)


def section(document: Path, title: str) -> str:
    """The text beneath a heading, up to the next one of its rank."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{document.name} has no part {title!r}"
    return found[1]


@cache
def defined(path: Path) -> frozenset[str]:
    """The names that a file or a folder of Python defines: classes, functions, variables; members as ``Class.name``."""
    files = [path] if path.is_file() else sorted(path.glob("**/*.py"))
    found: set[str] = set()
    for file in files:
        if file.suffix == ".py":
            found |= set(_names(ast.parse(file.read_text("utf-8")).body))
    return frozenset(found)


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (node.name, *(f"{node.name}.{name}" for name in _names(node.body)))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def contract(container: str | None) -> list[str]:
    """The floors of a layers contract in pyproject.toml, from the top: of the whole, or within one package."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    wanted = None if container is None else [container]
    whole = set(tool["root_packages"])
    for found in tool["contracts"]:
        layers = found.get("layers", [])
        is_whole = whole == {name for layer in layers for name in re.findall(r"\w+", layer)}
        if found["type"] == "layers" and found.get("containers") == wanted and (container or is_whole):
            return [str(layer) for layer in layers]
    raise AssertionError(f"pyproject.toml has no layers of {container or 'the whole'}")


@pytest.mark.parametrize(("name", "container"), [("floors", None), ("floors of the actor", "actor")])
def test_the_floor_plan_is_the_contract(name: str, container: str | None) -> None:
    """architecture.md shows the layers that import-linter holds; UPDATE_DOCS=1 writes them."""
    wanted = "\n```text\n" + "\n".join(contract(container)) + "\n```\n\n"
    assert put_generated(ARCHITECTURE, name, wanted) == wanted


def test_the_reading_order_has_ten_files_at_most() -> None:
    """One post's way to its verdict: numbered, one file each, none twice, and no other file is named there."""
    text = section(ARCHITECTURE, "How a post gets its verdict")
    numbered = re.findall(r"^\d+\. `([^`]+)`: ", text, re.MULTILINE)
    assert 1 < len(numbered) <= MOST_FILES
    assert len(set(numbered)) == len(numbered)
    assert all((ROOT / name).is_file() for name in numbered), numbered
    assert {code for code in codes(text) if _PATH.fullmatch(code)} == set(numbered)


@pytest.mark.parametrize("document", FIRST_HOUR, ids=lambda d: d.stem)
def test_every_file_that_is_named_exists(document: Path) -> None:
    """A path in code type is one of the checkout."""
    named = [code for code in codes(document.read_text("utf-8")) if _PATH.fullmatch(code)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_symbol_that_is_named_is_in_a_file_named_beside_it() -> None:
    """Where an item of architecture.md names files, its other names are defined in one of them."""
    checked, missing = 0, []
    for item in items(ARCHITECTURE):
        found = codes(item)
        files = [ROOT / code for code in found if _PATH.fullmatch(code)]
        symbols = [code for code in found if _SYMBOL.fullmatch(code) and not (ROOT / code).is_dir()]
        known = known_everywhere().union(*map(defined, files))
        if files:
            missing += [symbol for symbol in symbols if symbol not in known]
            checked += len(symbols)
    assert missing == []
    assert checked > 50, "the document is read as it is written"


def known_everywhere() -> frozenset[str]:
    """What every item may speak of: events, and what the machine hands out, ``step`` and ``wanted`` above all."""
    return defined(ROOT / "events" / "catalogue.py") | frozenset(actor.machine.__all__)


def test_recipes_end_in_files_and_commands() -> None:
    """Each recipe is a list of numbered steps, counted without a gap, and names files."""
    recipes = re.split(r"^### ", section(ARCHITECTURE, "Where to change what"), flags=re.MULTILINE)[1:]
    assert [recipe.partition("\n")[0] for recipe in recipes] == [
        "A new setting",
        "A new event",
        "A new audit rule",
        "A new command",
        "A quirk of X, of the LLM or of the coordination API",
    ]
    for recipe in recipes:
        steps = [int(number) for number in re.findall(r"^(\d+)\. ", recipe, re.MULTILINE)]
        assert steps == list(range(1, len(steps) + 1))
        assert any(_PATH.fullmatch(code) for code in codes(recipe))


def test_a_setting_that_decides_takes_three_files_beside_the_decision() -> None:
    """As the recipe says: the event's policy, its versions and the model."""
    recipe = re.split(r"^### ", section(ARCHITECTURE, "Where to change what"), flags=re.MULTILINE)[1]
    decides = recipe[recipe.index("4. Does the machine decide") : recipe.index("5. Write it")]
    files = {code for code in codes(decides) if _PATH.fullmatch(code) and code.startswith(PROGRAM)}
    assert len(files) == 3


@pytest.mark.parametrize("document", FIRST_HOUR, ids=lambda d: d.stem)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    """In a sentence or in a block of commands."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    text = document.read_text("utf-8")
    named = [code for code in codes(text) if code.startswith("make ")]
    named += [line for block in blocks(document, "sh") for line in block.text.splitlines() if line.startswith("make ")]
    assert {line.split()[1] for line in named} <= targets


@pytest.mark.parametrize("document", [CONTRIBUTING, ARCHITECTURE], ids=lambda d: d.stem)
def test_every_test_that_is_to_be_run_exists(document: Path) -> None:
    """Files and folders of tests in the lines that call pytest."""
    named = re.findall(r"pytest [^`\n]*?(tests/[\w./-]+)", document.read_text("utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_help_tells_every_target() -> None:
    """Each target has its line behind ``##``, and all of them are declared as no files."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", text, flags=re.MULTILINE)
    assert re.findall(r"^([a-z][a-z-]*):[^=\n]*? ## \S", text, flags=re.MULTILINE) == targets
    declared = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert declared is not None
    assert set(declared[1].split()) == set(targets)


@pytest.mark.parametrize("document", FIRST_HOUR, ids=lambda d: d.stem)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file, and its anchor a heading in it."""
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("record", RECORDS, ids=lambda d: d.stem)
def test_a_record_says_what_why_at_what_cost_and_what_not(record: Path) -> None:
    """In this order, and in few lines."""
    text = record.read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert titles[-3:] == PARTS
    decided = titles[:-3]
    assert decided
    assert all(title == "What was decided" or re.fullmatch(r"Ruling \d+", title) for title in decided)
    assert len(text.splitlines()) <= LONGEST_RECORD


@pytest.mark.parametrize("document", FIRST_HOUR, ids=lambda d: d.stem)
def test_prose_is_wrapped(document: Path) -> None:
    """Lines outside tables stay readable in a terminal."""
    lines = document.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > LONGEST_LINE and not line.startswith("|")] == []


def rulings() -> dict[int, Path]:
    """The record that each ruling has a heading in."""
    found = [(int(number), file) for file in RECORDS for number in _headings(file)]
    assert len({number for number, _ in found}) == len(found), "a ruling has one home"
    return dict(found)


def _headings(file: Path) -> list[str]:
    return re.findall(r"^## Ruling (\d+)\b", file.read_text("utf-8"), flags=re.MULTILINE)


def test_the_index_leads_to_every_record() -> None:
    """Each file is linked, and each ruling by its number."""
    linked = links(INDEX)
    assert {link.partition("#")[0] for link in linked} >= {record.name for record in RECORDS}
    known = rulings()
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", INDEX.read_text("utf-8"), flags=re.MULTILINE)]
    assert numbers == sorted(known)
    for number, line in zip(numbers, re.findall(r"^\| \d+ \|.*$", INDEX.read_text("utf-8"), re.MULTILINE), strict=True):
        assert f"({known[number].name}#ruling-{number}" in line


def test_every_ruling_that_the_code_cites_is_recorded() -> None:
    """Comments and docstrings say "ruling 9", the audit's rules "R9": a reader finds what is meant."""
    cited: set[int] = set()
    for folder in PROGRAM:
        for file in sorted((ROOT / folder).glob("**/*.py")):
            text = file.read_text("utf-8")
            for numbers in re.findall(r"\brulings? (\d+(?:(?:, | and )\d+)*)", text, re.IGNORECASE):
                cited |= {int(number) for number in re.findall(r"\d+", numbers)}
            cited |= {int(number) for number in re.findall(r"\bR(\d+)\b", text)}
    assert {1, 9, 18} <= cited
    assert cited <= rulings().keys()
