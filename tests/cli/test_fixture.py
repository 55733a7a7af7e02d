"""``user-miner fixture`` as a command: what it prints, where it writes, and journals that are none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from tests.cli.kit import Command, is_one_line
from tests.testing.kit import carried_over, run_source, write_journal


def test_the_command(tmp_path: Path, command: Command) -> None:
    """It prints the file, or writes it where nothing is; with --force over what is there, never into the journal."""
    journal = write_journal(tmp_path / "journal", carried_over().records)
    before = {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()}
    code, out, errors = command("fixture", journal, "--post", "2")
    assert (code, errors) == (0, "")
    run_source(out)
    assert command("fixture", journal, "--post", "2", "--out", "-") == (0, out, "")
    target = tmp_path / "test_post_2.py"
    assert command("fixture", journal, "--post", "2", "--out", target)[0] == 0
    assert target.read_text("utf-8") == out
    code, out, errors = command("fixture", journal, "--post", "3", "--out", target)
    assert code == 2
    assert is_one_line(errors, "test_post_2.py exists", "--force")
    assert command("fixture", journal, "--post", "3", "--out", target, "--force")[0] == 0
    assert "test_post_3" in target.read_text("utf-8")
    for inside in ("HEAD", "test.py"):
        code, _, errors = command("fixture", journal, "--post", "3", "--out", journal / inside, "--force")
        assert code == 2
        assert is_one_line(errors, "in the journal")
    code, _, errors = command("fixture", journal, "--post", "3", "--out", tmp_path / "no" / "where.py")
    assert code == 2
    assert is_one_line(errors, "where.py: ", "is not a directory")
    os.mkfifo(tmp_path / "pipe")
    code, _, errors = command("fixture", journal, "--post", "3", "--out", tmp_path / "pipe", "--force")
    assert code == 2
    assert is_one_line(errors, "pipe is not a regular file")
    assert {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()} == before


def test_the_command_as_json(tmp_path: Path, command: Command) -> None:
    """The same slice for machines: where it begins, and what each event led to."""
    journal = write_journal(tmp_path / "journal", carried_over().records)
    code, out, _ = command("fixture", journal, "--window", "8", "--json")
    data = json.loads(out)
    assert code == 0
    assert [entry["event"] for entry in data["steps"]][:2] == ["WindowOpened", "PostsScraped"]
    assert data["steps"][0]["moved"] == "Backoff -> Scraping"
    assert "ScrapeWindow window=8 count=2" in data["steps"][0]["effects"]
    assert data["start"]["state"] == "Backoff"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "one of --post ID"),
        (("--post", "2", "--window", "7"), "one of --post ID"),
        (("--post", "99"), "post 99 was never chosen"),
        (("--post", "2\x1b[31m"), "was never chosen"),
        (("--window", "99"), "windows from 7 to 8"),
        (("--until", "999"), "the journal ends at record"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, command: Command, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, and what there is instead."""
    journal = write_journal(tmp_path / "journal", carried_over().records)
    code, out, errors = command("fixture", journal, *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, words)
    assert errors.strip().isprintable()


def test_journals_that_are_none(tmp_path: Path, command: Command) -> None:
    """An empty folder, an empty journal and somebody else's files end in one line."""
    code, _, errors = command("fixture", tmp_path, "--window", "7")
    assert code == 2
    assert is_one_line(errors, "no journal")
    segment = tmp_path / "journal" / "00000000000000000001.jsonl"
    segment.parent.mkdir()
    for content in (b"", b'{"somebody": "else\'s"}\n' * 3):
        segment.write_bytes(content)
        code, _, errors = command("fixture", tmp_path, "--window", "7")
        assert code == 1
        assert is_one_line(errors, "HEAD is missing")


def test_journals_that_end_early_or_go_on(tmp_path: Path, command: Command) -> None:
    """A cut journal is refused in one line; one that is being written gives what is whole."""
    journal = write_journal(tmp_path / "journal", carried_over().records)
    (segment,) = journal.glob("*.jsonl")
    whole = segment.read_bytes()
    segment.write_bytes(whole + b'{"seq":99,"at":"2026')
    assert command("fixture", journal, "--window", "8")[0] == 0
    segment.write_bytes(whole[: len(whole) * 3 // 4])
    code, out, errors = command("fixture", journal, "--window", "8")
    assert (code, out) == (1, "")
    assert is_one_line(errors)
    assert command("fixture", journal, "--until", "3")[0] == 0, "what is before the damage can still be told"


def test_a_journal_that_this_build_does_not_follow(tmp_path: Path, command: Command) -> None:
    """Exit code 1 and the record; slices before it are still made."""
    drive = carried_over()
    records = list(drive.records)
    last = records[-1]
    wrong = msgspec.structs.replace(last, dest="Backoff")
    journal = write_journal(tmp_path / "journal", [*records[:-1], wrong])
    code, _, errors = command("fixture", journal, "--until", str(last.seq))
    assert code == 1
    assert is_one_line(errors, f"record {last.seq}", "recorded Submitting -> Backoff", "WaitingForWindow")
    assert command("fixture", journal, "--window", "7")[0] == 0
