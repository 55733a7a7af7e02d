"""``user-miner replay``: each mode on each kind of journal, hostile texts, options that exclude each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from events import catalogue as ev
from events.journal import read_journal
from tests.audit.replay_kit import SAMPLE, SEGMENT, STEERING, begun, hostile_story, story, write
from tests.cli.kit import Command, is_one_line
from tests.kit import Drive
from tests.patience import GIVE_UP_S
from user_miner.commands.replay import ReplayOptions, run_replay

# Each mode with what it is asked for, which the story and the hostile story both have.
MODES: dict[str, tuple[str, ...]] = {
    "compact": (),
    "verbose": ("--verbose",),
    "json": ("--json",),
    "window": ("--window", "60000"),
    "event": ("--event", "SubmissionAccepted", "--verbose"),
    "time": ("--since", "2026-11-22", "--until", "2026-11-22", "--json"),
    "at": ("--at", "4"),
    "at a time": ("--at", "2026-11-22"),
    "diff": ("--diff", "2", "4"),
    "diff json": ("--diff", "0", "2026-11-22", "--json"),
    "post": ("--post", "1"),
    "post json": ("--post", "1", "--json"),
    "post lines": ("--post", "1", "--verbose"),
    "why": ("--why", "4"),
    "why json": ("--why", "4", "--json"),
}
modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk."""
    return write(tmp_path / "story", story())


@modes
def test_each_mode_answers(journal: Path, command: Command, mode: tuple[str, ...]) -> None:
    """Exit code 0, something to read, nothing on standard error; JSON where JSON was asked for."""
    code, out, errors = command("replay", journal, *mode)
    assert (code, errors) == (0, "")
    assert out.endswith("\n")
    assert len(out) > 100
    if "--at" in mode or ("--json" in mode and {"--diff", "--why", "--post"} & set(mode)):
        assert isinstance(json.loads(out), dict)
    elif "--json" in mode:
        assert all(json.loads(line)["seq"] for line in out.split("\n")[:-1])


@modes
def test_no_text_of_a_journal_steers_the_terminal(tmp_path: Path, command: Command, mode: tuple[str, ...]) -> None:
    """Posts, authors, answers, reasons, models, names: every text that a journal can hold is hostile here."""
    drive = hostile_story()
    assert STEERING in drive.records[3].data["posts"][0]["content"], "the test would prove nothing"
    code, out, errors = command("replay", write(tmp_path / "hostile", drive), *mode)
    assert (code, errors) == (0, "")
    assert len(out) > 100
    assert out.replace("\n", "").isprintable()


def test_every_record_of_a_hostile_journal_is_safe_to_ask_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reason, a difference or a state, with its text for people."""
    drive = hostile_story()
    directory = write(tmp_path / "hostile", drive)
    for seq in range(1, len(drive.records) + 1):
        for asked in ({"why": seq}, {"diff": (str(seq - 1), str(seq))}, {"at": str(seq)}):
            assert run_replay(directory, ReplayOptions(**asked)) == 0
            out, errors = capsys.readouterr()
            assert errors == ""
            assert out.replace("\n", "").isprintable(), asked


@modes
@pytest.mark.parametrize("place", ["empty", "foreign", "missing"])
def test_where_no_journal_is_one_line_says_so(
    tmp_path: Path, command: Command, mode: tuple[str, ...], place: str
) -> None:
    """Wrong use, whatever was asked for."""
    directory = tmp_path / place
    if place != "missing":
        directory.mkdir()
    if place == "foreign":
        (directory / "notes.txt").write_text("hello")
    code, out, errors = command("replay", directory, *mode)
    assert (code, out) == (2, "")
    assert is_one_line(errors, str(directory))


@modes
def test_a_torn_write_at_the_end_is_no_damage(journal: Path, command: Command, mode: tuple[str, ...]) -> None:
    """All before it counts, and only the timeline mentions it."""
    whole = command("replay", journal, *mode)
    with (journal / SEGMENT).open("ab") as file:
        file.write(b'{"seq":47,"at":"2026')
    code, out, errors = command("replay", journal, *mode)
    assert (code, errors) == (0, "")
    assert out.replace("; 20 bytes of an unfinished record follow", "") == whole[1]


@modes
def test_damage_is_a_finding_in_one_line(journal: Path, command: Command, mode: tuple[str, ...]) -> None:
    """Where the damage lies before what was asked for; the place is named."""
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([lines[0], lines[1][:-80], *lines[2:]]))
    code, _, errors = command("replay", journal, *mode)
    assert code == 1
    assert is_one_line(errors, f"{SEGMENT} at byte {len(lines[0])}, after record 1")


def test_what_is_good_before_damage_is_shown(journal: Path, command: Command) -> None:
    """And not a word of what comes after it; questions about records before it are answered."""
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([*lines[:9], lines[9][:-80], *lines[10:]]))
    code, out, _ = command("replay", journal)
    assert code == 1
    assert "  9            14:32:07Z   accepted" not in out
    assert out.splitlines()[-1].endswith("accepted   1")
    assert command("replay", journal, "--at", "9")[0] == 0
    assert command("replay", journal, "--why", "9")[0] == 0


def test_a_record_of_another_build_is_a_finding(tmp_path: Path, command: Command) -> None:
    """The timeline and the points stop there in one line; --why explains it, and tells the finding by its exit code."""
    drive = Drive().start().window(60_000)
    good = write(tmp_path / "j", drive)
    text = (good / SEGMENT).read_bytes()
    forged = Drive()
    forged.records, forged.head, forged.state, forged.at_ms = (
        drive.records[:2],
        drive.records[1].head,
        drive.state,
        drive.at_ms,
    )
    forged.lines = drive.lines[:2]
    forged.state = drive.state
    forged.on(ev.ApiUnreachable(reason="x"))
    write(tmp_path / "j", forged)
    assert (good / SEGMENT).read_bytes() != text
    for mode in ((), ("--verbose",), ("--at", "3"), ("--post", "1")):
        code, _, errors = command("replay", good, *mode)
        assert code == 1
        assert is_one_line(errors, "record 3 says from Scraping, this build is in WaitingForWindow there")
    code, out, errors = command("replay", good, "--why", "3")
    assert (code, errors) == (1, "")
    assert "! the record says from Scraping to Scraping" in out
    assert json.loads(command("replay", good, "--why", "3", "--json")[1])["agrees"] is False


def test_the_sample_in_every_mode(command: Command) -> None:
    """Asked for things that are in it, whatever it holds."""
    records = list(read_journal(SAMPLE))
    scraped = next(record for record in records if record.name == "PostsScraped" and record.data["posts"])
    post_id, window = scraped.data["posts"][0]["id"], str(scraped.data["window"])
    middle = str(len(records) // 2)
    for mode in (
        (),
        ("--verbose",),
        ("--json",),
        ("--at", middle),
        ("--diff", "1", middle),
        ("--post", post_id, "--window", window),
        ("--why", middle),
    ):
        code, out, errors = command("replay", SAMPLE, *mode)
        assert (code, errors) == (0, ""), mode
        assert out.replace("\n", "").isprintable()
        assert len(out) > 100


def test_a_journal_that_grows_is_a_valid_prefix_at_every_look(tmp_path: Path, command: Command) -> None:
    """Whatever has been written so far, down to half a record."""
    lines = story().lines
    directory = begun(tmp_path / "j")
    text = b"".join(lines)
    cuts = [len(b"".join(lines[:count])) + extra for count, extra in ((5, 0), (9, 10), (23, 300))]
    for cut in cuts:
        (directory / SEGMENT).write_bytes(text[:cut])
        written = text[:cut].count(b"\n")
        for mode in (
            (),
            ("--at", str(written)),
            ("--why", str(written)),
            ("--diff", "0", "2026-11-22"),
            ("--post", "1"),
        ):
            code, out, errors = command("replay", directory, *mode)
            assert (code, errors) == (0, ""), (cut, mode)
            assert out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--at", "3", "--diff", "1", "2"), ("--at and --diff exclude each other",)),
        (("--at", "3", "--why", "3"), ("--at and --why exclude each other",)),
        (("--diff", "1", "2", "--post", "1"), ("--diff and --post exclude each other",)),
        (("--why", "3", "--follow"), ("--why and --follow exclude each other",)),
        (("--at", "3", "--verbose"), ("--at and --verbose exclude each other",)),
        (("--at", "3", "--window", "1"), ("--at and --window exclude each other",)),
        (("--diff", "1", "2", "--since", "2026-11-22"), ("--diff and --since exclude each other",)),
        (
            ("--event", "PostsScrapped"),
            ("--event PostsScrapped: there is no such event; the nearest one is PostsScraped",),
        ),
        (("--since", "noon"), ("--since noon: expected a UTC time such as",)),
        (("--until", "3"), ("--until 3: expected a UTC time such as",)),
        (("--at", "now"), ("--at now: expected a record's number or a UTC time such as",)),
        (("--at", "47"), ("--at 47: the journal ends at record 46",)),
        (("--diff", "1", "99"), ("--diff 99: the journal ends at record 46",)),
        (("--why", "47"), ("--why 47: the journal ends at record 46",)),
        (("--post", "9"), ("--post 9: this journal knows no such post",)),
        (("--post", "\x1b[31m"), ("this journal knows no such post",)),
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_line(
    journal: Path, command: Command, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Exit code 2: what was found, what was expected, and nothing else is printed."""
    code, out, errors = command("replay", journal, *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert errors[:-1].isprintable()


def test_numbers_that_are_none_are_wrong_use(journal: Path, command: Command) -> None:
    """As everywhere on this command line."""
    for arguments in (("--window", "x"), ("--window", "-1"), ("--why", "0"), ("--why", "x"), ("--diff", "1")):
        assert command("replay", journal, *arguments)[:2] == (2, "")


def test_nothing_that_passes_is_said_in_one_line(journal: Path, command: Command) -> None:
    """Exit code 0: it is an answer. Beside JSON it goes to standard error."""
    said = "none of the 46 records passes --window 7 --event RateLimited"
    assert command("replay", journal, "--window", "7", "--event", "RateLimited") == (0, f"{said}\n", "")
    assert command("replay", journal, "--window", "7", "--event", "RateLimited", "--verbose") == (0, f"{said}\n", "")
    code, out, errors = command("replay", journal, "--window", "7", "--event", "RateLimited", "--json")
    assert (code, out, errors) == (0, "", f"user-miner: {said}\n")


def test_filters_hide_no_damage(journal: Path, command: Command) -> None:
    """What is not shown is folded and checked all the same."""
    with (journal / SEGMENT).open("ab") as file:
        file.write(b'{"seq":47}\n{"seq":48}\n' + (journal / SEGMENT).read_bytes().splitlines(keepends=True)[3])
    code, out, errors = command("replay", journal, "--window", "60000")
    assert code == 1
    assert "60000" in out
    assert is_one_line(errors, "after record 46")


def test_records_pass_by_all_filters_together(journal: Path, command: Command) -> None:
    """Several windows or events are alternatives; post, window, event and time narrow each other."""

    def seqs(*arguments: str) -> list[int]:
        code, out, _ = command("replay", journal, "--json", *arguments)
        assert code == 0
        return [json.loads(line)["seq"] for line in out.split("\n")[:-1]]

    assert seqs("--window", "60000") == list(range(3, 12))
    assert seqs("--window", "60000", "--window", "60003") == [*range(3, 12), *range(31, 47)]
    assert seqs("--event", "RateLimited", "--event", "ActorStopped") == [27, 29]
    assert seqs("--post", "5", "--verbose") == [15, 18, 27, 31, 38, 39]
    assert seqs("--post", "5", "--window", "60003") == [31, 38, 39]
    assert seqs("--post", "5", "--event", "SubmissionAccepted") == [39]
    assert seqs("--since", "2026-11-22T14:43:15", "--until", "2026-11-22T14:43") == list(range(23, 30))
    assert seqs("--until", "2026-11-22T14:32:06.999Z") == list(range(1, 7))


def test_the_last_line_sums_the_journal_up(journal: Path, command: Command) -> None:
    """Of the whole journal, whatever was shown of it."""
    posts = "8 posts: 8 accepted, 0 rejected, 0 abandoned, 0 left out, 0 pending"
    summary = f"46 records. 3 windows, {posts}. Now WaitingForWindow."
    for mode in ((), ("--verbose",), ("--window", "60000")):
        assert command("replay", journal, *mode)[1].splitlines()[-1] == summary


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, command: Command) -> None:
    """For example a directory in a segment's place."""
    (tmp_path / "j" / SEGMENT).mkdir(parents=True)
    code, out, errors = command("replay", tmp_path / "j")
    assert (code, out) == (1, "")
    assert is_one_line(errors, SEGMENT, "is no regular file")


@pytest.mark.parametrize("mode", [(), ("--post", "1"), ("--why", "4")], ids=["compact", "post", "why"])
def test_a_reader_that_leaves_is_no_error(journal: Path, mode: tuple[str, ...]) -> None:
    """``| head``: exit code 0 and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-m", "user_miner.cli", "replay", str(journal), *mode],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (0, "")


def test_nothing_is_written(journal: Path, command: Command) -> None:
    """Every byte and name is as before, after every mode; no lock is taken."""

    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in journal.rglob("*") if path.is_file()}

    before = contents()
    for mode in MODES.values():
        command("replay", journal, *mode)
    assert contents() == before
