"""The log as a file, and warnings that come again and again."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.kit import ROOT
from user_miner.log_file import LogFile
from user_miner.logs import Repeats

BOUND = 1_000
FULL_DISK = """
import logging, resource, sys
from pathlib import Path
from user_miner.log_file import LogFile

log = logging.getLogger("test")
handler = LogFile(Path(sys.argv[1]))
log.addHandler(handler)
log.warning("one")
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
log.warning("two two two")
log.warning("three")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.warning("four")
"""


CONFIG = ROOT / "docs" / "operators" / "service" / "logrotate.conf"


def logrotate() -> str:
    """Where logrotate is; a machine without it fails here, for a test that is passed over proves nothing."""
    program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("install logrotate (Debian: apt-get install logrotate)")
    return program


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    """A logger that writes small files of three in all."""
    logger, handler = logging.Logger("test"), LogFile(tmp_path / "log", file_bytes=BOUND, files=3)  # noqa: LOG001
    logger.addHandler(handler)
    yield logger
    handler.close()


def sizes(folder: Path) -> dict[str, int]:
    """Every file of the log."""
    return {path.name: path.stat().st_size for path in sorted(folder.glob("log*"))}


def test_a_log_is_bounded_by_itself(log: logging.Logger, tmp_path: Path) -> None:
    """The newest lines are kept, in order, in at most three files that only their owner can read."""
    for number in range(1_000):
        log.warning("line %04d", number)
    found = sizes(tmp_path)
    assert list(found) == ["log", "log.1", "log.2"]
    assert max(found.values()) <= BOUND
    text = "".join((tmp_path / name).read_text() for name in ("log.2", "log.1", "log"))
    lines = text.splitlines()
    assert lines == [f"line {number:04d}" for number in range(1_000 - len(lines), 1_000)]
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in found} == {0o600}


def test_a_line_longer_than_the_bound_is_written_whole(log: logging.Logger, tmp_path: Path) -> None:
    """It gets a file of its own; the next one begins another."""
    for text in ("short", "x" * 2 * BOUND, "short"):
        log.warning(text)
    assert sizes(tmp_path) == {"log": 6, "log.1": 2 * BOUND + 1, "log.2": 6}


def test_a_line_that_cannot_be_made_stops_nobody(
    log: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logging says so on standard error, as with its own handlers; the next line is written."""
    log.warning("%d", "no number")
    log.warning("two")
    assert (tmp_path / "log").read_text() == "two\n"
    assert "Logging error" in capsys.readouterr().err


@pytest.mark.parametrize("replaced", [True, False])
def test_a_log_that_is_moved_away_is_begun_anew(log: logging.Logger, tmp_path: Path, *, replaced: bool) -> None:
    """As logrotate moves it, with ``create`` and without; a file that it truncates in place goes on as well."""
    log.warning("one")
    (tmp_path / "log").rename(tmp_path / "moved")
    if replaced:
        (tmp_path / "log").touch()
    log.warning("two")
    assert [(tmp_path / name).read_text() for name in ("moved", "log")] == ["one\n", "two\n"]
    with (tmp_path / "log").open("r+") as file:
        file.truncate(0)
    log.warning("three")
    assert (tmp_path / "log").read_text() == "three\n"


def test_logrotate_takes_the_log_away_as_the_example_says(log: logging.Logger, tmp_path: Path) -> None:
    """A real logrotate with the example's own words, but for the place and the user; no line is lost."""
    user = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
    text = CONFIG.read_text("utf-8").replace("user-miner user-miner", user)
    config = tmp_path / "rotate.conf"
    config.write_text(text.replace("/var/lib/user-miner/user-miner.log", str(tmp_path / "log")), "utf-8")
    config.chmod(0o644)
    log.warning("one")
    command = [logrotate(), "--force", "--state", str(tmp_path / "state"), str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    log.warning("two")
    (moved,) = tmp_path.glob("log-????????")
    assert (moved.read_text(), (tmp_path / "log").read_text()) == ("one\n", "two\n")


def test_a_full_disk_loses_no_line_and_raises_nothing(tmp_path: Path) -> None:
    """What the file refuses goes to standard error; once there is room, whole lines are written again."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "log"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    refused = done.stderr.splitlines()
    assert [line.rpartition(": ")[2] for line in refused] == ["two two two", "three"]
    assert all("refused a line" in line for line in refused)
    assert (tmp_path / "log").read_text() == "one\ntwo tw\nfour\n"


def test_a_warning_over_and_over_is_counted() -> None:
    """Three times in ten minutes, then once with the number left out; other texts and mere information always pass."""
    now_s = 0.0
    repeats = Repeats(lambda: now_s)

    def said(text: str, level: int = logging.WARNING) -> str | None:
        record = logging.LogRecord("actor", level, "", 0, "%s", (text,), None)
        return record.getMessage() if repeats.filter(record) else None

    assert [said("full") for _ in range(100)] == ["full"] * 3 + [None] * 97
    assert said("full", logging.ERROR) == "full"
    assert said("other") == "other"
    assert [said("fine", logging.INFO) for _ in range(5)] == ["fine"] * 5
    now_s = 600.0
    assert [said("full") for _ in range(4)] == ["full (and 97 more times since)", "full", "full", None]
    now_s = 10_000.0
    assert said("full") == "full (and 1 more times since)"


def test_texts_that_never_come_again_are_forgotten() -> None:
    """The memory is bounded; the text that was said longest ago goes first."""
    repeats = Repeats(lambda: 0.0)
    for number in range(10_000):
        repeats.filter(logging.LogRecord("actor", logging.WARNING, "", 0, f"text {number}", None, None))
    assert len(repeats._said) == 256
    assert (None, logging.WARNING, "text 9999") in repeats._said
