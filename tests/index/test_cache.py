"""The index is a cache, never a witness: whatever becomes of its file or of the journal, no answer is wrong."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec
import pytest

from actor.machine import encode_state
from actor.machine.history import Step, steps
from audit.costs.books import DayBooks
from audit.dispute import encode_bundle, make_bundles
from audit.dispute.by_index import bundle_by_index
from audit.export.tables import TABLES
from audit.feedback import told_in
from audit.filters import Filters, parse_filters
from audit.index import Index, open_index
from audit.index.ask import lines_at
from audit.index.bound import cache_file, first_hash, fold_key
from audit.index.store import Store
from audit.index.window_rows import window_rows
from audit.replay.timeline import Timeline
from events.catalogue import PostsScraped
from events.journal import JournalDamagedError, JournalReader, at_text
from tests.audit.replay_kit import SAMPLE
from tests.index.kit import walked, write_files
from tests.status.kit import terminal
from user_miner.indexed import answered

FLIPS = 100


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """A history of more than four chunks."""
    return walked(3, 2_600)


@pytest.fixture
def journal(tmp_path: Path, lines: list[bytes]) -> Path:
    """It, in four files."""
    return write_files(tmp_path / "j", lines, each=len(lines) // 4 + 1)


def file_of(journal: Path) -> Path:
    """Where its index lies."""
    path = cache_file(first_hash(journal) or "")
    assert path is not None
    return path


def alone(journal: Path) -> tuple[object, ...]:
    """Some of everything that an index tells, from the journal itself."""
    found = list(steps(JournalReader(journal)))
    books = DayBooks()
    for step in found:
        books.enter(step)
    count = len(found)
    asked = filters(found[count // 2].record.at_ms)
    timeline = Timeline(asked)
    lines = [line for step in found for line in timeline.take(step)] + timeline.finish()
    states = [encode_state(found[seq - 1].after) for seq in seqs(count)]
    rows = list(TABLES["windows"].rows(found, asked, told_in(step.record for step in found)))
    (bundle,) = make_bundles(journal, [post_behind(found[count // 2 :])])
    return count, states, books.costs(found[-1].after), lines, rows, encode_bundle(bundle)


def by_index(index: Index) -> tuple[object, ...] | None:
    """The same, from the index."""
    count = index.record_count
    states = [encode_state(index.state_at(seq)) for seq in seqs(count)]
    middle = index.step_at(count // 2 + 1).record.at_ms
    asked = filters(middle)
    lines = lines_at(index, asked, Timeline(asked))
    windows = window_rows(index, asked)
    bundle = bundle_by_index(index, post_behind(index.steps(count // 2 + 1, count)))
    if windows is None or bundle is None:
        return None
    rows = [TABLES["windows"].row(window) for window in windows]
    return count, states, index.books().costs(index.state), lines, rows, encode_bundle(bundle)


def post_behind(found: Iterable[Step]) -> str:
    """The first post that these records choose."""
    events = (step.event for step in found)
    return next(event.posts[0].id for event in events if isinstance(event, PostsScraped) and event.posts)


def seqs(count: int) -> tuple[int, ...]:
    """Records in the first, in a middle and in the last chunk."""
    return 7, count // 2, count - 3, count


def filters(at_ms: int) -> Filters:
    """Some hours of the journal."""
    return parse_filters(since=at_text(at_ms), until=at_text(at_ms + 7_200_000))


def answers(journal: Path) -> tuple[tuple[object, ...], str]:
    """What a command would say, and from where."""
    return answered(journal, by_index, lambda: alone(journal))


def damaged(path: Path, spoil: Random) -> Iterator[str]:
    """Spoil a file in one way after the other; each time it is whole before."""
    whole = path.read_bytes()
    for _ in range(FLIPS):
        at, bit = spoil.randrange(len(whole)), spoil.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        yield f"bit {bit} of byte {at}"
    for _ in range(FLIPS // 10):
        size = spoil.randrange(len(whole))
        path.write_bytes(whole[:size])
        yield f"cut at {size}"
    for size in (0, 100, 4_096):
        path.write_bytes(spoil.randbytes(size))
        yield f"{size} random bytes"


def test_a_spoiled_file_gives_no_wrong_answer(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bits flipped, cut off, random bytes: the right answer, from what is left or from the journal."""
    expected = alone(journal)
    assert answers(journal) == (expected, "index")
    spoiled = 0
    for what in damaged(file_of(journal), Random(1)):  # noqa: S311  (a test's draw)
        found, _ = answers(journal)
        assert found == expected, what
        spoiled += "thrown away" in capsys.readouterr().err
    assert spoiled > FLIPS // 4
    assert answers(journal) == (expected, "index")


def test_another_journal_s_file_is_thrown_away(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that says so; the next answer comes from the new one in silence."""
    answers(SAMPLE)
    file_of(journal).parent.mkdir(parents=True)
    shutil.copy(file_of(SAMPLE), file_of(journal))
    assert answers(journal) == (alone(journal), "index")
    (line,) = capsys.readouterr().err.splitlines()
    assert "is thrown away and built again: it is of another journal or build" in line
    answers(journal)
    assert not capsys.readouterr().err


def test_on_a_terminal_too_one_line_says_so(journal: Path) -> None:
    """Beside the bar that shows how far the reading has come."""
    answers(journal)
    file_of(journal).write_bytes(b"no index")
    env = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    with terminal("replay", journal, "--why", "700", env=env, columns=300) as page:
        shown = page.read("thrown away and built again", "effects:")
        assert page.end() == 0
    assert b"Traceback" not in shown


@pytest.mark.parametrize("what", ["key", "version"])
def test_the_index_of_another_build_is_built_again(
    journal: Path, lines: list[bytes], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether another code made its rows or another version of the index: one line says so, and the answer is right."""
    first = first_hash(journal)
    assert first is not None
    own = bytes(a ^ b for a, b in zip(fold_key(), bytes.fromhex(first), strict=True))
    path = file_of(journal)
    if what == "key":
        with Index(journal, path, sha256(own).digest()) as other:
            other.follow()
    else:
        answers(journal)
        store = Store(path, own, writable=True)
        store.put([("meta", 0, msgspec.msgpack.encode(["another", "form"]))])
        store.close()
    assert answers(journal) == (alone(journal), "index")
    (line,) = capsys.readouterr().err.splitlines()
    assert "is thrown away and built again" in line
    with Index(journal, path, own) as again:
        assert len(again.chunks) == len(lines) // 256


def test_a_journal_that_was_copied_or_restored_keeps_its_index(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other times and inodes, and the same bytes."""
    answers(journal)
    shutil.copytree(journal, tmp_path / "copy")
    assert answers(tmp_path / "copy") == (alone(journal), "index")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("where", [0.01, 0.3, 0.6, 0.95])
def test_a_changed_byte_of_the_journal_is_found(journal: Path, where: float) -> None:
    """In a file that is closed, or in the last one, and whatever its times say."""
    answers(journal)
    files = sorted(journal.glob("*.jsonl"))
    file = files[int(where * len(files))]
    content, times = bytearray(file.read_bytes()), file.stat()
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(JournalDamagedError):
        answers(journal)


def test_a_journal_that_went_another_way_is_indexed_anew(
    journal: Path, lines: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Put back from a backup, and mined on."""
    answers(journal)
    shutil.rmtree(journal)
    write_files(journal, lines[:900], each=len(lines) // 4 + 1)
    assert answers(journal)[0] == alone(journal)
    assert "thrown away" in capsys.readouterr().err


def test_no_place_for_an_index_is_no_fault(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer comes without it, and nothing is said."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert answers(journal) == (alone(journal), "journal")
    assert not capsys.readouterr().err


@contextmanager
def nobody() -> Iterator[None]:
    """As a user whom the rights of files bind; who runs the tests as another one than root is one already."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_cache_that_can_only_be_read(
    lines: list[bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there is used, what was added since is folded each time, and the file stays as it was."""
    with TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        Path(place).chmod(0o755)
        monkeypatch.setenv("XDG_CACHE_HOME", f"{place}/cache")
        journal = write_files(Path(place, "j"), lines[:1_500], each=2_000)
        answers(journal)
        write_files(journal, lines, each=2_000)
        path = file_of(journal)
        before = path.read_bytes()
        path.chmod(0o444)
        (journal / "HEAD").chmod(0o644)
        folders = [path.parent, path.parent.parent]
        for folder in folders:
            folder.chmod(0o555)
        with nobody():
            with pytest.raises(PermissionError):
                path.open("ab")
            for _ in range(2):
                assert answers(journal) == (alone(journal), "index")
        assert path.read_bytes() == before
        assert sorted(path.parent.iterdir()) == [path]
        assert not capsys.readouterr().err
        for folder in folders:
            folder.chmod(0o755)


def test_readers_never_write_into_a_journal(journal: Path) -> None:
    """Neither a byte nor a file."""
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in journal.rglob("*")}
    answers(journal)
    answers(journal)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in journal.rglob("*")} == before


def test_what_is_added_is_taken_in_by_an_open_index(tmp_path: Path, lines: list[bytes]) -> None:
    """Record by record, and over the ends of chunks and files."""
    journal = write_files(tmp_path / "j", lines[:600], each=280)
    with open_index(journal) as index:  # type: ignore[union-attr]
        for count in (600, 601, 767, 768, 769, 1_100, len(lines)):
            write_files(journal, lines[:count], each=280)
            index.follow()
            assert index.record_count == count
            assert by_index(index) == alone(journal)


_BUILD = """
import os, signal, sys
from pathlib import Path
from audit.index import open_index
from audit.index import index as module
def heard(seq):
    if len(sys.argv) > 2 and seq >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
module._SAVED_EVERY, module._PROGRESS_EVERY = 1, 1
found = open_index(Path(sys.argv[1]), on_note=print, on_progress=heard)
print(None if found is None else found.record_count)
"""


def builder(journal: Path, *more: str, limit: int | None = None) -> subprocess.Popen[str]:
    """A process that builds an index, chunk by chunk."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, limit or 0))

    return subprocess.Popen(
        [sys.executable, "-c", _BUILD, str(journal), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if limit is None else limited,  # noqa: PLW1509
    )


def test_two_builders_at_once(journal: Path, lines: list[bytes]) -> None:
    """Neither disturbs the other or a reader meanwhile, and what they leave is one whole index."""
    expected = alone(journal)
    builders = [builder(journal) for _ in range(3)]
    while any(process.poll() is None for process in builders):
        assert answers(journal)[0] == expected
    for process in builders:
        out, errors = process.communicate()
        assert (out.strip(), errors) == (str(len(lines)), "")
    assert answers(journal) == (expected, "index")


@pytest.mark.parametrize("at", [256, 512, 1_024])
def test_a_builder_that_is_killed(journal: Path, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What it saved is gone on with."""
    process = builder(journal, str(at))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert answers(journal) == (alone(journal), "index")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("limit", [0, 8_192, 40_000, 90_000])
def test_a_full_disk(journal: Path, lines: list[bytes], limit: int) -> None:
    """The index is used as far as it can be kept, and in memory beyond."""
    out, errors = builder(journal, limit=limit).communicate()
    assert (out.strip() in {str(len(lines)), "None"}, errors) == (True, "")
    assert answers(journal)[0] == alone(journal)
