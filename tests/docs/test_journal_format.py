"""The checker that journal-format.md documents shares no code with the project, and judges as ``verify`` does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from events.journal import verify_journal
from tests.docs.kit import ROOT, blocks


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
