"""Where the journal is: writable, held by whom, with how much room. Nothing is written to find out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from audit.status.holder import Holder, find_holder
from events.journal.layout import LOCK
from events.journal.lock import DirectoryLock
from tests.cli.kit import Command
from tests.doctor.kit import exactly, look
from tests.kit import HOTKEY
from tests.users import without_root
from tests.world import World
from user_miner.doctor.machine import disk_check, lock_check, place_checks, room
from user_miner.doctor.report import Check

MIB = 1 << 20
API = "http://127.0.0.1:1"


def place(root: Path, hotkey: str | None = HOTKEY) -> Check:
    """What is said of the journal's place."""
    (check,) = place_checks(root, hotkey, API)
    return check


def test_no_journal_yet(tmp_path: Path) -> None:
    """The first run makes it, and all folders on the way; the doctor makes none."""
    root = tmp_path / "a" / "b"
    assert exactly(place(root), "ok", "none yet", str(root))
    assert exactly(lock_check(None, Holder(holds="no")), "ok", "nobody")
    assert not root.parent.exists()


def test_a_place_that_can_be_none(tmp_path: Path) -> None:
    """A file on the way."""
    (tmp_path / "file").write_text("not a directory")
    assert exactly(place(tmp_path / "file" / "below"), "failure", "is not a directory", "JOURNAL_DIR")


def test_a_folder_that_this_user_cannot_write(tmp_path: Path) -> None:
    """Where the journal would be made."""
    root = tmp_path / "journal"
    root.mkdir(mode=0o555)
    with without_root(tmp_path):
        assert exactly(place(root), "failure", f"cannot write {root}", "JOURNAL_DIR")


@pytest.mark.parametrize("name", [f"{1:020d}.jsonl", "HEAD", LOCK, "snapshots"])
def test_a_journal_s_file_that_this_user_cannot_write(tmp_path: Path, name: str) -> None:
    """As root leaves it behind: the folder can be written, a file in it cannot."""
    root = tmp_path / "journal"
    journal = root / HOTKEY
    journal.mkdir(parents=True)
    for folder in (root, journal):
        folder.chmod(0o777)
    file = journal / name
    if name == "snapshots":
        file.mkdir(mode=0o555)
    else:
        file.touch(mode=0o444)
    with without_root(tmp_path):
        assert exactly(place(root), "failure", f"cannot write {file}", "the right to write")
    file.chmod(0o777)
    with without_root(tmp_path):
        assert exactly(place(root), "ok", str(journal))


def test_looking_changes_nothing(here: World, command: Command) -> None:
    """Not a byte, not a name, not a time of change of anything in the journal, its folder, or the wallet."""
    here.mine()

    def seen() -> dict[str, tuple[int, int, bytes]]:
        paths = [here.folder, *here.folder.rglob("*")]
        return {
            str(path): (path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode), _content(path)) for path in paths
        }

    before = seen()
    assert look(command, "--paid").code == 0
    assert seen() == before


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_a_journal_that_somebody_holds(here: World, command: Command) -> None:
    """The process, its host, and since when; whoever holds it goes on, and afterwards nobody does."""
    journal = here.journal / HOTKEY
    journal.mkdir(parents=True)
    lock = DirectoryLock(journal / LOCK)
    lock.acquire()
    found = look(command)
    assert found.code == 0
    assert found.says("lock", "ok", f"held by process {os.getpid()} on {os.uname().nodename} since 20", "a miner runs")
    lock.release()
    assert exactly(lock_check(journal, find_holder(journal)), "ok", "held by nobody")


def test_a_journal_that_another_host_holds(tmp_path: Path) -> None:
    """Its locks cannot be seen from here, so nothing is claimed."""
    (tmp_path / LOCK).write_text('{"pid": 4711, "host": "elsewhere", "started": "2026-11-22T14:32:05+00:00"}')
    said = "process 4711 on elsewhere took it since 2026-11-22T14:32:05.000Z; whether it still runs cannot be seen"
    assert exactly(lock_check(tmp_path, find_holder(tmp_path)), "ok", said)


@pytest.mark.parametrize(
    ("free_bytes", "free_files", "level", "words"),
    [
        (10 * 1024 * MIB, None, "ok", ("10,240 MiB",)),
        (64 * MIB, 100, "ok", ("64 MiB",)),
        (64 * MIB - 1, None, "warning", ("MiB are free", "larger disk")),
        (64 * MIB, 99, "warning", ("99 more files", "free space")),
        (4 * MIB - 1, None, "failure", ("no window is begun", "larger disk")),
        (0, 0, "failure", ("0 MiB", "no window is begun")),
    ],
)
def test_room(tmp_path: Path, *, free_bytes: int, free_files: int | None, level: str, words: tuple[str, ...]) -> None:
    """As `run` sees it: below 64 MiB it warns, below 4 MiB it begins no window."""
    assert exactly(disk_check(tmp_path, free_bytes, free_files), level, *words)


def test_the_room_of_a_place_that_is_not_there_yet(tmp_path: Path) -> None:
    """That of the folder in which it will be made."""
    free_bytes, free_files = room(tmp_path / "a" / "b")
    assert free_bytes > 0
    assert free_files is None or free_files > 0
