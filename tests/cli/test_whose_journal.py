"""Readers among several journals: one hotkey's by its first letters, and a table of all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.replay_kit import story, write
from tests.cli.kit import Command, is_one_line
from tests.cli.test_own_journal import READERS, read

ONE = "5AliceAaaa"
TWO = "5AlanBbbbb"
THREE = "5BobCccccc"
TABLES = ("status", "costs", "audit", "verify")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("JOURNAL_DIR", "WALLET_NAME", "WALLET_HOTKEY", "WALLET_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in (ONE, TWO, THREE, f"{THREE}.dry-run", "sample"):
        write(tmp_path / "journal" / name, story())


def folder(reader: str, path: str) -> list[str]:
    """How a reader is given a folder."""
    return ["--journal", path] if reader == "status" else [path]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("first", "name"), [("5Ali", ONE), (TWO, TWO), ("5B", THREE), (f"{THREE}.d", f"{THREE}.dry-run")]
)
def test_a_few_letters_find_the_journal(command: Command, reader: str, first: str, name: str) -> None:
    """In JOURNAL_DIR and in a folder that is named; a dry run only where nothing else begins so."""
    wanted = read(command, reader, *folder(reader, f"journal/{name}"))
    assert wanted[0] != 2, wanted
    assert read(command, reader, "--hotkey", first) == wanted
    assert read(command, reader, *folder(reader, "journal"), "--hotkey", first) == wanted


@pytest.mark.parametrize("reader", READERS)
def test_letters_that_tell_nothing_are_one_line(command: Command, reader: str) -> None:
    """None begins so, several do, or the one that is named is another's; exit code 2."""
    code, out, errors = command(*reader.split(), "--hotkey", "5X")
    assert (code, out, is_one_line(errors, "no journal of 5X in journal")) == (2, "", True)
    code, out, errors = command(*reader.split(), "--hotkey", "5A")
    assert (code, out, is_one_line(errors, f"several journals of 5A in journal: {TWO}, {ONE}")) == (2, "", True)
    code, out, errors = command(*reader.split(), *folder(reader, f"journal/{ONE}"), "--hotkey", "5X")
    assert (code, out, is_one_line(errors, f"journal/{ONE} is the journal of 5Grw", "not of 5X")) == (2, "", True)


@pytest.mark.parametrize("reader", TABLES)
def test_all_is_a_line_for_each(command: Command, reader: str) -> None:
    """Each with its name, without dry runs and the sample; the JSON is what the reader says of one."""
    code, out, errors = command(reader, "--all")
    assert code == command(reader, *folder(reader, f"journal/{ONE}"))[0], errors
    lines = out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == ["hotkey", TWO, ONE, THREE, *(["all"] if reader == "costs" else [])]
    _, told, _ = command(reader, "--all", "--json")
    found = [json.loads(line) for line in told.splitlines()]
    assert [Path(one["journal"]).name for one in found] == [TWO, ONE, THREE]
    _, alone, _ = command(reader, *folder(reader, f"journal/{ONE}"), "--json")
    fields = json.loads(alone if reader != "costs" else alone.splitlines()[-1])
    assert found[1].keys() >= fields.keys()


@pytest.mark.parametrize("reader", TABLES)
def test_one_that_is_damaged_is_a_line_too(command: Command, reader: str) -> None:
    """The others are told of; the exit code is that of the worst."""
    segment = Path("journal", TWO, f"{1:020d}.jsonl")
    content = bytearray(segment.read_bytes())
    content[300] ^= 1
    segment.write_bytes(content)
    code, out, _ = command(reader, "--all")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()][1:4] == [TWO, ONE, THREE]


@pytest.mark.parametrize("reader", TABLES)
def test_all_and_one_exclude_each_other(command: Command, reader: str) -> None:
    """As does a folder without a journal: one line, exit code 2."""
    code, _, errors = command(reader, "--all", "--hotkey", "5A")
    assert (code, is_one_line(errors, "--all and --hotkey exclude each other")) == (2, True)
    Path("empty").mkdir()
    code, _, errors = command(reader, *folder(reader, "empty"), "--all")
    assert (code, is_one_line(errors, "no journal in empty")) == (2, True)


def test_the_sum_of_all_is_that_of_each(command: Command) -> None:
    """The last line of `costs --all` adds the others up."""
    _, out, _ = command("costs", "--all")
    heads, *rows, total = (line.split() for line in out.splitlines())
    assert heads[0] == "hotkey"
    assert int(total[1]) == sum(int(row[1]) for row in rows) > 0
    assert int(total[-1]) == sum(int(row[-1]) for row in rows) > 0


def test_many_names_are_cut(command: Command, tmp_path: Path) -> None:
    """A refusal names ten of them."""
    for number in range(20):
        write(tmp_path / "many" / f"5Cc{number:02}", story())
    code, _, errors = command("replay", "many")
    assert (code, is_one_line(errors, "5Cc09 and 10 more; name one of them")) == (2, True)
