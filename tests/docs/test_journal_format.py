"""The checker that journal-format.md documents shares no code with the project, and judges as ``verify`` does."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.journal import verify_journal
from tests.docs.kit import ROOT, blocks
from tests.journal.odd_heads import odd_slots, slot
from user_miner.cli import main


@pytest.fixture
def check(tmp_path: Path) -> Callable[[Path], tuple[int, str]]:
    """Runs the document's own code without this project's packages in reach."""
    (code,) = blocks(ROOT / "docs" / "reference" / "journal-format.md", "python")
    program = tmp_path / "check.py"
    program.write_text(code.text, "utf-8")

    def run(journal: Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", str(program), str(journal)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def copy(journal: Path, tmp_path: Path) -> Path:
    """A journal to spoil."""
    return Path(shutil.copytree(journal, tmp_path / "copy"))


def segment(journal: Path) -> Path:
    """The journal's only segment."""
    (found,) = journal.glob("*.jsonl")
    return found


def test_a_whole_journal_passes(check: Callable[[Path], tuple[int, str]], journal: Path) -> None:
    """The checker counts the records and comes to the same last hash."""
    report = verify_journal(journal)
    assert report.ok
    assert check(journal) == (0, f"{report.head.seq} records, last hash {report.head.hash}\n")


def test_bytes_beyond_head_that_lack_a_newline_are_no_damage(
    check: Callable[[Path], tuple[int, str]], copy: Path
) -> None:
    """An interrupted write is told apart from damage."""
    with segment(copy).open("ab") as file:
        file.write(b'{"seq":99,"at":')
    code, output = check(copy)
    assert code == 0
    assert "unfinished write of 15 bytes" in output
    assert verify_journal(copy).ok


@pytest.mark.parametrize("cut", ["a record", "half a record", "everything"])
def test_a_truncated_journal_is_refused(check: Callable[[Path], tuple[int, str]], copy: Path, cut: str) -> None:
    """A journal that ends below HEAD is refused, wherever it was cut."""
    lines = segment(copy).read_bytes().splitlines(keepends=True)
    left = {"a record": lines[:-1], "half a record": [*lines[:-1], lines[-1][:40]], "everything": []}[cut]
    segment(copy).write_bytes(b"".join(left))
    code, output = check(copy)
    assert (code, verify_journal(copy).ok) == (1, False), output


@pytest.mark.parametrize("number", range(0, 40, 7))
def test_a_changed_byte_is_found(check: Callable[[Path], tuple[int, str]], copy: Path, number: int) -> None:
    """One bit of any record is enough; the place is named."""
    lines = segment(copy).read_bytes().splitlines(keepends=True)
    changed = bytearray(lines[number])
    changed[len(changed) // 2] ^= 1
    lines[number] = bytes(changed)
    segment(copy).write_bytes(b"".join(lines))
    code, output = check(copy)
    assert code == 1
    assert f"at byte {sum(map(len, lines[:number]))}" in output
    assert not verify_journal(copy).ok


def test_a_moved_record_is_found(check: Callable[[Path], tuple[int, str]], copy: Path) -> None:
    """Two records that changed places break the chain."""
    lines = segment(copy).read_bytes().splitlines(keepends=True)
    lines[3], lines[4] = lines[4], lines[3]
    segment(copy).write_bytes(b"".join(lines))
    assert check(copy)[0] == 1


def test_one_damaged_slot_of_head_is_made_up_for(check: Callable[[Path], tuple[int, str]], copy: Path) -> None:
    """Either slot alone serves; none does not."""
    head = bytearray((copy / "HEAD").read_bytes())
    head[20] ^= 1
    (copy / "HEAD").write_bytes(head)
    assert check(copy)[0] == 0
    head[532] ^= 1
    (copy / "HEAD").write_bytes(head)
    code, output = check(copy)
    assert (code, output) == (1, "HEAD: both slots are damaged\n")


def test_a_file_s_name_cannot_steer_the_terminal(check: Callable[[Path], tuple[int, str]], copy: Path) -> None:
    """The page names a strange file in ASCII, on one line."""
    (copy / "9\x1b[2J\n5 records, last hash\u202e.jsonl").write_bytes(b"")
    code, output = check(copy)
    assert (code, output.count("\n"), output.strip().isprintable()) == (1, 1, True)
    assert not verify_journal(copy).ok


def test_both_read_a_slot_of_head_alike(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every slot that no writer makes, whatever its checksum, and of the largest numbers that one may hold."""
    (code,) = blocks(ROOT / "docs" / "reference" / "journal-format.md", "python")
    page: dict[str, Any] = {"__name__": "check"}
    monkeypatch.setattr(sys, "argv", ["check.py", str(copy)])
    exec(compile(code.text, "check.py", "exec"), page)  # noqa: S102  (the document's own code is what is tested)
    content = (copy / "HEAD").read_bytes()
    said = [json.loads(content[:512]), json.loads(content[512:])]
    newest = max(said, key=lambda fields: fields["generation"])
    good = {name: value for name, value in newest.items() if name != "sha256"}
    cases = [*odd_slots(good), ("largest", slot({**good, "generation": 2**63 - 1})), ("good", slot(good))]
    for name, odd in cases:
        readable = name in {"largest", "good"}
        for both in (True, False):
            other = odd if both else slot({**good, "generation": 0})
            (copy / "HEAD").write_bytes(odd + other)
            assert verify_journal(copy).ok == (readable or not both), name
            assert (page["read_slot"](odd) is not None) == readable, name
            said_by_page = None
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
                page["check"](copy)
                said_by_page = "whole"
            assert (said_by_page == "whole") == (readable or not both), name


def test_an_odd_head_is_one_line_for_every_reader(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A HEAD of wrong types with a good checksum is an operator's trouble, never a traceback."""
    content = (copy / "HEAD").read_bytes()
    good = {name: value for name, value in json.loads(content[:512]).items() if name != "sha256"}
    odd = [slot({**good, **fields}) for fields in ({"generation": "x"}, {"seq": "59"}, {"offset": "5"}, {"segment": 5})]
    for content, command in itertools.product(odd, (["verify"], ["status", "--journal"], ["audit"])):
        (copy / "HEAD").write_bytes(content * 2)
        with pytest.raises(SystemExit) as end:
            main([*command, str(copy)])
        out, errors = capfd.readouterr()
        assert end.value.code == 1, command
        assert "both slots are damaged" in out + errors, command
