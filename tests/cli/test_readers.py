"""The commands that only read: replay, verify, diagram, --version, --help."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox import Sandbox, SandboxConfig
from tests.cli.kit import Command, in_each_window, is_one_line, running
from tests.patience import GIVE_UP_S
from tests.world import World, make_wallet

# Colours, a C1 control, a direction override, a bell and a delete: what could steer or deceive a terminal.
STEERING = "\x1b[31m \x9b32m \u202e \x07 \x7f"
SEGMENT = "00000000000000000001.jsonl"


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One window, mined from posts that try to steer the terminal."""
    folder = tmp_path_factory.mktemp("mined")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box:
        for number in range(5):
            box.add_post(f"Bittensor SN45 {STEERING} keeps shipping, part {number}")
        make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        world.mine()
        yield world


@pytest.fixture
def good(mined: World, tmp_path: Path) -> Path:
    """A copy of the mined journal, to do with as one likes."""
    (journal,) = mined.journal.iterdir()
    return Path(shutil.copytree(journal, tmp_path / "journals" / journal.name))


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file's bytes."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_replay_verbose_is_a_readable_timeline(mined: World, good: Path, command: Command) -> None:
    """A line for each record, then the sum of it."""
    code, out, errors = command("replay", good, "--verbose")
    assert (code, errors) == (0, "")
    names = mined.names()
    timeline = out.splitlines()[: len(names)]
    assert [line.split()[2] for line in timeline] == names
    assert out.splitlines()[-1].startswith(f"{len(names)} records. 1 windows, 5 posts: 5 accepted, 0 rejected")


def test_replay_json_is_a_line_for_each_record(mined: World, good: Path, command: Command) -> None:
    """With all data, hash and the same text as for people."""
    code, out, errors = command("replay", "--json", good)
    assert (code, errors) == (0, "")
    rows = [json.loads(line) for line in out.split("\n")[:-1]]
    records = [record for record, _ in mined.history()]
    assert [(row["seq"], row["event"], row["hash"]) for row in rows] == [(r.seq, r.name, r.hash) for r in records]
    assert [row["data"] for row in rows] == [record.data for record in records]
    assert rows[0]["text"].startswith("journal of ")


def test_replay_at_prints_the_state_there(mined: World, good: Path, command: Command) -> None:
    """As JSON; 0 is before the first record, and beyond the end is wrong use."""
    for record, state in [mined.history()[3], mined.history()[-1]]:
        code, out, _ = command("replay", good, "--at", str(record.seq))
        assert (code, json.loads(out)["state"]) == (0, state.state)
    code, out, _ = command("replay", good, "--at", "0")
    assert (code, json.loads(out)["identity"]) == (0, None)
    end = mined.history()[-1][0].seq
    code, out, errors = command("replay", good, "--at", str(end + 1))
    assert (code, out) == (2, "")
    assert is_one_line(errors, f"--at {end + 1}: the journal ends at record {end}")
    assert command("replay", good, "--at", "-1")[0] == 2


def test_verify_says_that_a_journal_is_whole(mined: World, good: Path, command: Command) -> None:
    """For people and as JSON."""
    code, out, errors = command("verify", good)
    assert (code, errors) == (0, "")
    assert out.splitlines()[-1].startswith(f"whole: records 1 to {len(mined.names())}; ")
    code, out, _ = command("verify", "--json", good)
    report = json.loads(out)
    assert (code, report["ok"], report["records"]) == (0, True, len(mined.names()))
    assert report["findings"] == []


def test_a_folder_with_one_journal_will_do(good: Path, command: Command) -> None:
    """JOURNAL_DIR itself is what operators have at hand."""
    for name in ("replay", "verify"):
        assert command(name, good.parent)[:2] == command(name, good)[:2]


def empty(good: Path) -> Path:
    """A directory without anything in it."""
    (place := good.parent.parent / "empty").mkdir()
    return place


def foreign(good: Path) -> Path:
    """A directory of something else."""
    (place := good.parent.parent / "foreign").mkdir()
    (place / "notes.txt").write_text("hello")
    return place


def several(good: Path) -> Path:
    """A directory with two journals."""
    shutil.copytree(good, good.with_name("other"))
    return good.parent


@pytest.mark.parametrize("name", ["replay", "verify"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, ("no journal in", ".jsonl segments")),
        (foreign, ("no journal in", ".jsonl segments")),
        (several, ("several journals in", "other", "name one of them")),
        (lambda good: good / "missing", ("missing is not a directory",)),
        (lambda good: good / SEGMENT, (f"{SEGMENT} is not a directory",)),
    ],
    ids=["empty", "foreign", "several", "missing", "file"],
)
def test_where_no_journal_is_nothing_is_found(
    good: Path, command: Command, *, name: str, make: Callable[[Path], Path], words: tuple[str, ...]
) -> None:
    """Wrong use: exit code 2 and one line that says what to give."""
    code, out, errors = command(name, make(good))
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)


def cut(good: Path) -> None:
    """The end is missing."""
    os.truncate(good / SEGMENT, (good / SEGMENT).stat().st_size - 10)


def emptied(good: Path) -> None:
    """All records are missing."""
    os.truncate(good / SEGMENT, 0)


def flip(good: Path, share: float) -> None:
    """One bit is wrong, so far into the file."""
    data = bytearray((good / SEGMENT).read_bytes())
    data[int(len(data) * share)] ^= 1
    (good / SEGMENT).write_bytes(data)


def misnamed(good: Path) -> None:
    """A copy lies beside the segment."""
    shutil.copy(good / SEGMENT, good / "copy.jsonl")


@pytest.mark.parametrize(
    "damage",
    [cut, emptied, *(lambda good, share=share: flip(good, share) for share in (0.01, 0.5, 0.99)), misnamed],
    ids=["cut", "emptied", "flipped early", "flipped in the middle", "flipped late", "misnamed"],
)
def test_damage_is_a_finding(good: Path, command: Command, damage: Callable[[Path], None]) -> None:
    """Exit code 1, file and place named, nothing changed on disk."""
    damage(good)
    before = contents(good)
    code, _, errors = command("replay", good)
    assert code == 1
    assert is_one_line(errors, str(good))
    code, out, errors = command("verify", good)
    assert (code, errors) == (1, "")
    assert "FOUND " in out
    assert "finding(s)" in out.splitlines()[-1]
    code, out, _ = command("verify", "--json", good)
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert contents(good) == before


@pytest.mark.parametrize("left", [0.3, 0.7, 1.0])
@pytest.mark.parametrize(
    "reader", [("replay",), ("audit",), ("check",), ("costs",), ("export", "--what", "posts"), ("verify",)]
)
def test_no_reader_takes_a_journal_without_head_for_whole(
    good: Path, command: Command, reader: tuple[str, ...], left: float
) -> None:
    """With its end cut off, and HEAD with it, the rest would be without findings."""
    lines = (good / SEGMENT).read_bytes().splitlines(keepends=True)
    (good / SEGMENT).write_bytes(b"".join(lines[: round(len(lines) * left)]))
    (good / "HEAD").unlink()
    code, out, errors = command(*reader, good)
    assert code == 1
    assert "HEAD" in out + errors
    assert "missing" in out + errors


def test_an_unfinished_write_is_no_damage(good: Path, command: Command) -> None:
    """A process that died in the middle of a record leaves such a tail; it is mentioned, and all before it counts."""
    with (good / SEGMENT).open("ab") as file:
        file.write(b'{"seq":21,"at":"2026')
    code, out, _ = command("replay", good)
    assert code == 0
    assert "20 bytes of an unfinished record follow" in out
    code, out, _ = command("verify", good)
    assert code == 0
    assert "20 bytes of an unfinished write" in out


def test_a_post_cannot_steer_the_terminal(mined: World, good: Path, command: Command) -> None:
    """No control or formatting character of a post is printed, in no form; JSON holds them as escapes."""
    for arguments in (
        ["replay", "--verbose"],
        ["replay", "--json"],
        ["replay", "--at", "9"],
        ["verify"],
        ["verify", "--json"],
    ):
        _, out, errors = command(*arguments, good)
        assert (out + errors).replace("\n", "").isprintable(), arguments
    (scrape,) = [record for record, _ in mined.history() if record.name == "PostsScraped"]
    assert STEERING in scrape.data["posts"][0]["content"], "the test would prove nothing"


def test_a_damaged_record_cannot_steer_the_terminal_either(good: Path, command: Command) -> None:
    """Nor what is quoted of a line that is no record."""
    with (good / SEGMENT).open("ab") as file:
        file.write(f'{{"seq":21,"event":"{STEERING}"}}\n'.encode())
        file.write(f"{STEERING}\n".encode())
    for arguments in (["replay"], ["verify"], ["verify", "--json"]):
        _, out, errors = command(*arguments, good)
        assert (out + errors).replace("\n", "").isprintable(), arguments


def user_miner(*arguments: str | Path, stdout: int = subprocess.PIPE, **env: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "user_miner.cli", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("arguments", [("replay", "--json"), ("verify",), ("diagram",)], ids=" ".join)
def test_a_reader_that_leaves_is_no_error(good: Path, arguments: tuple[str, ...]) -> None:
    """``| head``: exit code 0 and not a word, be the output longer than the pipe or not."""
    directory = [] if arguments == ("diagram",) else [good]
    reading, writing = os.pipe()
    os.close(reading)
    with user_miner(*arguments, *directory, stdout=writing) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("arguments", [("verify",), ("verify", "--json"), ("repair",)], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_finding_stays_one_when_the_reader_leaves(good: Path, arguments: tuple[str, ...], unbuffered: str) -> None:
    """``verify | true`` in a script still tells a damaged journal from a whole one, however much it prints."""
    cut(good)
    reading, writing = os.pipe()
    os.close(reading)
    with user_miner(*arguments, good, stdout=writing, PYTHONUNBUFFERED=unbuffered) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (1, "")


def test_a_terminal_without_unicode_still_shows_the_rest(good: Path) -> None:
    """Arrows become escapes there, not a traceback."""
    with user_miner("replay", good, "--verbose", PYTHONIOENCODING="ascii") as process:
        out, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (0, "")
    assert r"WaitingForWindow \u2192 Scraping" in out


def test_a_journal_can_be_read_while_it_is_written(world: World, command: Command) -> None:
    """Every look at it is a valid prefix, and the miner is not disturbed."""
    world.sandbox.script("llm.chat", "slow", times=5, seconds=0.1)
    lengths: set[int] = set()
    with running(world, "--windows", "4", env=world.env(LLM_CONCURRENCY="1")) as process:
        for _ in in_each_window(world, 4):
            code, out, errors = command("replay", "--json", world.journal)
            assert (code, errors) == (0, "")
            lengths.add(out.count("\n"))
            code, out, errors = command("verify", world.journal)
            assert (code, errors) == (0, ""), out
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    assert len(lengths) > 3, "the journal was seen growing"


def test_the_diagram_is_mermaid_with_every_state(command: Command) -> None:
    """Made from the table, so it names what the machine has."""
    code, out, _ = command("diagram")
    assert code == 0
    assert out.startswith("stateDiagram-v2\n")
    for state in ("WaitingForWindow", "Scraping", "Analyzing", "Submitting", "Backoff"):
        assert f" {state}" in out


def test_the_command_introduces_itself(command: Command) -> None:
    """--version and --help are fine; no argument or an unknown command is wrong use and shows the way."""
    assert command("--version") == (0, f"user-miner {version('user-miner')}\n", "")
    for name in ("run", "demo", "sandbox", "replay", "verify", "diagram"):
        assert name in command("--help")[1]
        assert command(name, "--help")[0] == 0
    code, out, errors = command()
    assert code == 2
    assert "Usage: " in out + errors
    code, _, errors = command("replya")
    assert code == 2
    assert is_one_line(errors, "replya", "see `user-miner --help`")
