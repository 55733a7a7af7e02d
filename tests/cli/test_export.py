"""``user-miner export``: files that are whole or not there, pipes, terminals, and each kind of journal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.audit.replay_kit import SEGMENT, hostile_story, story, write
from tests.cli.kit import Command, growing, is_one_line

TABLES = ("records", "posts", "windows")
FORMATS = ("jsonl", "csv", "parquet")
LAST = len(story().records)
POSTS = 8


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk."""
    return write(tmp_path / "story", story())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A place for one file."""
    (place := tmp_path / "place").mkdir()
    return place / "export"


def shell(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A shell's command line, in which ``"$@"`` is ``user-miner`` with these arguments."""
    program = [sys.executable, "-m", "user_miner.cli", *map(str, arguments)]
    return subprocess.run(["bash", "-c", command, "-", *program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("what", TABLES)
def test_a_file_holds_every_row(journal: Path, out: Path, command: Command, what: str, form: str) -> None:
    """It is there, alone, readable by the umask, and one line says what is in it."""
    code, said, errors = command("export", journal, "--what", what, "--format", form, "--out", out)
    assert (code, errors) == (0, "")
    read: dict[str, Callable[[], int]] = {
        "jsonl": lambda: out.read_text("utf-8").count("\n"),
        "csv": lambda: len(list(csv.DictReader(io.StringIO(out.read_text(), newline="")))),
        "parquet": lambda: parquet.read_table(out).num_rows,
    }
    count = read[form]()
    assert said == f"{out}: {count} {what} from records 1 to {LAST}\n"
    assert count == {"records": LAST, "posts": POSTS, "windows": 3}[what]
    assert [path.name for path in out.parent.iterdir()] == ["export"]
    (beside := out.parent / "beside").touch()
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE(beside.stat().st_mode)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", [(), ("--out", "-")], ids=["nothing", "dash"])
def test_a_pipe_gets_the_same_bytes(journal: Path, out: Path, form: str, where: tuple[str, ...]) -> None:
    """Without --out, and with a dash; nothing else is printed."""
    arguments = ("export", journal, "--what", "posts", "--format", form)
    piped = shell(f'"$@" > {out}.piped', *arguments, *where)
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, "", "")
    assert shell('"$@"', *arguments, "--out", out).returncode == 0
    if form == "parquet":
        assert parquet.read_table(f"{out}.piped") == parquet.read_table(out)
    else:
        assert Path(f"{out}.piped").read_bytes() == out.read_bytes()


def test_records_as_json_lines_are_the_default(journal: Path, command: Command) -> None:
    """What an operator gets who only names a journal."""
    code, said, errors = command("export", journal)
    assert (code, errors) == (0, "")
    assert [json.loads(line)["seq"] for line in said.split("\n")[:-1]] == list(range(1, LAST + 1))


def test_what_was_written_can_be_said_as_json(journal: Path, out: Path, command: Command) -> None:
    """With the head of the chain up to which it was read; standard output itself has no room for both."""
    code, said, _ = command("export", journal, "--what", "posts", "--out", out, "--json")
    fields = json.loads(said)
    assert (code, fields["rows"], fields["head"]["seq"], fields["out"]) == (0, POSTS, LAST, str(out))
    assert command("export", journal, "--json")[0] == 2


def test_an_existing_file_is_left_alone(journal: Path, out: Path, command: Command) -> None:
    """Unless --force says otherwise; then it is replaced, and where it is a link the file behind it is."""
    out.write_text("precious")
    code, said, errors = command("export", journal, "--out", out)
    assert (code, said, out.read_text()) == (2, "", "precious")
    assert is_one_line(errors, str(out), "exists already", "--force")
    (link := out.with_name("link")).symlink_to(out)
    assert command("export", journal, "--what", "windows", "--out", link, "--force")[0] == 0
    assert out.read_text("utf-8").count("\n") == 3
    assert link.is_symlink()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda journal, _: journal / "rows.jsonl", "lies in the journal"),
        (lambda journal, _: journal / "quarantine" / "rows.csv", "lies in the journal"),
        (lambda _, out: out.parent, "is not a regular file"),
        (lambda *_: Path(os.devnull), "is not a regular file"),
        (lambda _, out: out / "deeper", "is not a directory"),
    ],
    ids=["in the journal", "deep in it", "a folder", "a device", "no folder"],
)
def test_where_nothing_may_be_written_is_wrong_use(
    journal: Path, out: Path, command: Command, place: Callable[[Path, Path], Path], words: str
) -> None:
    """A stray file would make the journal refused; a device is not replaced, not even by force."""
    before = sorted(journal.rglob("*"))
    for force in ((), ("--force",)):
        code, said, errors = command("export", journal, "--out", place(journal, out), *force)
        assert (code, said) == (2, "")
        assert is_one_line(errors, words)
    assert sorted(journal.rglob("*")) == before
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_leaves_nothing(journal: Path, out: Path, form: str) -> None:
    """One line, exit code 2, and no half of a file."""
    done = shell('ulimit -f 1; "$@"', "export", journal, "--format", form, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr, "could not be written", "File too large")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_full_standard_output_is_one_line(journal: Path, form: str) -> None:
    """Where the shell sends it to a disk that is full."""
    done = shell('"$@" > /dev/full', "export", journal, "--format", form)
    assert done.returncode == 2
    assert is_one_line(done.stderr, "standard output could not be written", "No space left")


@pytest.mark.parametrize("form", FORMATS)
def test_a_reader_that_leaves_is_no_error(journal: Path, form: str) -> None:
    """``| head``."""
    done = shell('"$@" | head -c 1 > /dev/null; echo ${PIPESTATUS[0]}', "export", journal, "--format", form)
    assert (done.stdout, done.stderr) == ("0\n", "")


def on_a_terminal(*arguments: str | Path) -> tuple[int, str]:
    """Exit code, and what a terminal is sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "user_miner.cli", *map(str, arguments)], stdout=theirs, stderr=subprocess.STDOUT
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                more = os.read(ours, 65_536)
            except OSError:  # how Linux says that the other side is closed
                break
            said += more
            if not more:
                break
    os.close(ours)
    return process.returncode, said.decode().replace("\r\n", "\n")


def test_a_terminal_is_sent_only_what_cannot_steer_it(tmp_path: Path) -> None:
    """JSON lines are; the bytes of CSV and Parquet go to files and pipes."""
    journal = write(tmp_path / "hostile", hostile_story())
    code, said = on_a_terminal("export", journal)
    assert (code, len(said.splitlines())) == (0, len(hostile_story().records))
    assert said.replace("\n", "").isprintable()
    for form in ("csv", "parquet"):
        code, said = on_a_terminal("export", journal, "--format", form)
        assert code == 2
        assert is_one_line(said, form, "terminal", "--out FILE")


def test_parquet_without_its_extra_says_how_to_install_it(
    journal: Path, out: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, said, errors = command("export", journal, "--format", "parquet", "--out", out)
    assert (code, said, out.exists()) == (2, "", False)
    assert is_one_line(errors, "pyarrow", " -m pip install 'pyarrow")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--event", "PostsScrapped"), "PostsScraped"),
        (("--what", "posts", "--event", "PostsScraped"), "--what posts"),
        (("--since", "yesterday"), "--since yesterday"),
        (("--until", "2026-13-01"), "--until 2026-13-01"),
    ],
)
def test_wrong_filters_are_wrong_use(journal: Path, command: Command, options: tuple[str, ...], words: str) -> None:
    """One line that says what was expected."""
    code, said, errors = command("export", journal, *options)
    assert (code, said) == (2, "")
    assert is_one_line(errors, words)


def test_a_window_below_0_is_wrong_use(journal: Path, command: Command) -> None:
    """As `replay` says."""
    code, said, errors = command("export", journal, "--window", "-1")
    assert (code, said) == (2, "")
    assert "invalid value for '--window'" in errors


def test_filters_that_let_nothing_pass_give_an_empty_table(journal: Path, command: Command) -> None:
    """That is an answer, and not an error; CSV keeps its line of names."""
    assert command("export", journal, "--window", "1")[:2] == (0, "")
    code, said, _ = command("export", journal, "--what", "posts", "--window", "1", "--format", "csv")
    assert (code, said.count("\n")) == (0, 1)
    assert said.startswith("post_id,author,")


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("kind", ["empty", "foreign", "missing"])
def test_where_no_journal_is_one_line_says_so(
    tmp_path: Path, out: Path, command: Command, what: str, kind: str
) -> None:
    """Exit code 2, and no file."""
    place = tmp_path / kind
    if kind != "missing":
        place.mkdir()
    if kind == "foreign":
        (place / "notes.txt").write_text("hello")
    code, said, errors = command("export", place, "--what", what, "--out", out)
    assert (code, said, out.exists()) == (2, "", False)
    assert is_one_line(errors, str(place))


@pytest.mark.parametrize("what", TABLES)
def test_an_unfinished_write_at_the_end_is_no_damage(journal: Path, out: Path, command: Command, what: str) -> None:
    """All before it counts, and it is mentioned."""
    with (journal / SEGMENT).open("ab") as file:
        file.write(b'{"seq":99,"at":"2026')
    code, said, errors = command("export", journal, "--what", what, "--out", out)
    assert (code, errors) == (0, "")
    assert said.endswith(f"from records 1 to {LAST}; 20 bytes of an unfinished record follow\n")


@pytest.mark.parametrize("form", FORMATS)
def test_of_a_damaged_journal_no_file_is_made(journal: Path, out: Path, command: Command, form: str) -> None:
    """One line with the place, exit code 1; a pipe got the rows before it."""
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([*lines[:20], lines[20][:-80], *lines[21:]]))
    code, said, errors = command("export", journal, "--format", form, "--out", out)
    assert (code, said) == (1, "")
    assert is_one_line(errors, SEGMENT, "after record 20")
    assert list(out.parent.iterdir()) == []
    code, said, errors = command("export", journal)
    assert (code, said.count("\n")) == (1, 20)
    assert is_one_line(errors, SEGMENT)


@pytest.mark.parametrize("what", TABLES)
def test_a_growing_journal_gives_what_is_there(tmp_path: Path, command: Command, what: str) -> None:
    """Every export in the meantime is whole, and none has fewer records behind it than the one before."""
    seen = []
    for number, journal in enumerate(growing(tmp_path / "growing", story().lines, apart=12)):
        out = tmp_path / f"{number}.csv"
        code, said, errors = command("export", journal, "--what", what, "--format", "csv", "--out", out, "--json")
        assert (code, errors) == (0, "")
        fields = json.loads(said)
        assert len(list(csv.reader(io.StringIO(out.read_text())))) == fields["rows"] + 1
        seen.append((fields["head"]["seq"], fields["tail_bytes"]))
    assert seen == [(seq, tail) for seq in range(LAST - 12, LAST) for tail in (0, 40)] + [(LAST, 0)]
