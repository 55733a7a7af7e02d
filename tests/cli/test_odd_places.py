"""The readers where the file system is odd: names that steer, segments that are no files, closed and full outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from events.codec import plain
from tests.audit.broken import lines_of, rehashed
from tests.audit.broken import write as write_lines
from tests.audit.dispute_kit import truthful
from tests.audit.replay_kit import story, write
from tests.cli.kit import Command, is_one_line
from tests.patience import GIVE_UP_S

READERS = (
    ("replay",),
    ("replay", "--json"),
    ("check",),
    ("check", "--json"),
    ("audit",),
    ("audit", "--json"),
    ("costs",),
    ("costs", "--json"),
    ("export",),
    ("export", "--dispute", "1"),
    ("verify",),
    ("verify", "--json"),
    ("fixture", "--post", "1"),
)
EACH = pytest.mark.parametrize("arguments", READERS, ids=" ".join)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk."""
    return write(tmp_path / "story", truthful(story()))


@EACH
def test_a_directory_s_name_neither_steers_nor_stops(
    journal: Path, command: Command, arguments: tuple[str, ...]
) -> None:
    """Bytes that are no UTF-8, a colour, a direction override and a line end, in what is said of the journal."""
    odd = journal.rename(os.fsdecode(os.fsencode(journal.parent) + b"/\xff \x1b[31m \xe2\x80\xae \n"))
    _, out, errors = command(*arguments, odd)
    assert errors == ""
    assert out.replace("\n", "").isprintable()
    if "--json" in arguments and arguments[0] in {"check", "audit", "verify"}:
        assert r"\udcff" in json.loads(out)["journal"]


def pipe(place: Path) -> None:
    """Nobody writes to it."""
    os.mkfifo(place)


@EACH
@pytest.mark.parametrize("make", [pipe, Path.mkdir], ids=["pipe", "directory"])
def test_a_segment_that_is_no_file_is_a_finding(
    journal: Path, command: Command, make: Callable[[Path], None], arguments: tuple[str, ...]
) -> None:
    """Exit code 1 and its name; nobody waits for it."""
    make(journal / f"{99:020d}.jsonl")
    code, out, errors = command(*arguments, journal)
    assert code == 1
    assert "no regular file; put one there, or move it out of the directory" in out + errors
    assert arguments[0] == "verify" or is_one_line(errors, str(journal))


def test_a_journal_of_another_format_is_not_guessed_at(tmp_path: Path, command: Command) -> None:
    """A later build may mean something else by the same names, and sign in another way."""
    lines = lines_of(story())
    lines[0].data = {**plain(lines[0].event), "format": 2}
    newer = write_lines(tmp_path / "newer", rehashed(lines))
    for arguments in (
        ("verify",),
        ("replay",),
        ("costs",),
        ("export",),
        ("fixture", "--post", "1"),
        ("export", "--dispute", "1"),
    ):
        code, _, errors = command(*arguments, newer)
        assert code == 1
        assert is_one_line(errors, "format 2 is unknown, this build reads 1: update user-miner")
    for name in ("check", "audit"):
        code, out, _ = command(name, newer)
        assert (code, "format 2 is unknown" in out) == (1, True)


def test_what_is_no_checkpoint_is_one_line(command: Command, tmp_path: Path, journal: Path) -> None:
    """Whatever JSON a file given with --checkpoint holds."""
    for number, content in enumerate(("[1]", "7", '{"data": 7}', "{}", "")):
        kept = tmp_path / f"{number}.json"
        kept.write_text(content)
        hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
        code, _, errors = command("verify", journal, "--hotkey", hotkey, "--checkpoint", kept)
        assert code == 2
        assert is_one_line(errors, "holds no checkpoint")


def piped(*arguments: str | Path, ending: str) -> subprocess.CompletedProcess[str]:
    """The command in a shell, with its output as ``ending`` says."""
    line = 'exec "$@" ' + ending
    program = [sys.executable, "-m", "user_miner.cli", *map(str, arguments)]
    return subprocess.run(["/bin/sh", "-c", line, "sh", *program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [("replay",), ("verify",), ("export",)], ids=" ".join)
def test_a_full_disk_behind_the_output_is_one_line(journal: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2: what was asked for is not there."""
    done = piped(*arguments, journal, ending="> /dev/full")
    assert done.returncode == 2
    assert is_one_line(done.stderr, "No space left on device")


@pytest.mark.parametrize("arguments", [("diagram",), ("subnets", "list", "--json"), ("--help",)], ids=" ".join)
def test_a_disk_that_is_full_in_the_midst_of_the_output_is_one_line(arguments: tuple[str, ...]) -> None:
    """Commands that read no journal, and the help, end without a traceback too."""
    done = piped(*arguments, ending="> /dev/full")
    assert done.returncode == 2
    assert is_one_line(done.stderr, "No space left on device")


def test_a_full_disk_behind_the_errors_leaves_the_exit_code() -> None:
    """A unit that logs to a file on the full disk still sees that the configuration is wrong."""
    assert piped("config", "--env-file", "/nowhere", ending="2> /dev/full").returncode == 2


def test_closed_streams_are_no_mistake_of_ours(journal: Path) -> None:
    """The exit code is all that is left, and it is right."""
    for ending in (">&-", "2>&-", "<&- >&- 2>&-"):
        done = piped("replay", journal, ending=ending)
        assert (done.returncode, done.stderr) == (0, "")
    pipe(journal / f"{99:020d}.jsonl")
    assert piped("replay", journal, ending=">&- 2>&-").returncode == 1


def test_a_pipe_that_nobody_writes_to_is_one_line(journal: Path, tmp_path: Path) -> None:
    """Exit code 2 wherever a file is named; nothing waits for ever."""
    named = tmp_path / "pipe"
    pipe(named)
    asked = (
        ("verify", journal, "--checkpoint", named),
        ("verify", "--bundle", named),
        ("verify", "--env-file", named),
        ("init", "--no-wallet-check", "--env-file", tmp_path / "new", "--api-key-file", named),
    )
    program = (sys.executable, "-m", "user_miner.cli")
    started = [
        subprocess.Popen([*program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for words in asked
    ]
    for words, process in zip(asked, started, strict=True):
        out, errors = process.communicate(timeout=GIVE_UP_S)
        assert (process.returncode, out) == (2, ""), (words, errors)
        assert is_one_line(errors, str(named), "nobody wrote to it"), words


@pytest.mark.parametrize(
    "line",
    [
        '{program} verify --bundle <(sleep 1; cat "{bundle}")',
        'cat "{bundle}" | {program} verify --bundle /dev/stdin',
        '{program} verify --bundle /dev/stdin < "{bundle}"',
        'mkfifo p; {program} verify --bundle p & cat "{bundle}" > p; wait $!',
    ],
)
def test_a_pipe_with_a_writer_is_read(journal: Path, tmp_path: Path, command: Command, line: str) -> None:
    """As shells make them, and a named one."""
    bundle = tmp_path / "bundle.json"
    assert command("export", journal, "--dispute", "1", "--out", bundle)[0] == 0
    code, said, _ = command("verify", "--bundle", bundle)
    typed = line.format(program=f"'{sys.executable}' -m user_miner.cli", bundle=bundle)
    done = subprocess.run(
        ["bash", "-c", typed], cwd=tmp_path, capture_output=True, text=True, timeout=GIVE_UP_S, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, said, "")
