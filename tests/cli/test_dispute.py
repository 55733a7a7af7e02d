"""``user-miner export --dispute`` and ``user-miner verify --bundle``: a file that stands for itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actor.machine.history import folded
from audit.posts import post_rows
from events.journal import JournalReader
from tests.audit.dispute_kit import resealed, truthful
from tests.audit.replay_kit import SAMPLE, SEGMENT, hostile_story, story, write
from tests.cli.kit import Command, growing, is_one_line
from tests.kit import HOTKEY

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The story on disk."""
    return write(tmp_path / "story", truthful(story()))


@pytest.fixture
def bundle(journal: Path, tmp_path: Path, command: Command) -> Path:
    """The bundle of its first post, in a file."""
    file = tmp_path / "bundle.json"
    assert command("export", journal, "--dispute", "1", "--out", file)[0] == 0
    return file


def test_a_bundle_proves_itself_elsewhere(tmp_path: Path) -> None:
    """In a fresh process and folder, without the journal: one post of each verdict of the sample."""
    analyzed = (row for row in post_rows(folded(JournalReader(SAMPLE))) if row.analysis is not None)
    rows = {row.verdict: row.post.id for row in analyzed}
    assert {"accepted", "rejected", "abandoned", "left out"} <= rows.keys()
    program = [sys.executable, "-m", "user_miner.cli"]
    shutil.copytree(SAMPLE, tmp_path / "journal")
    for verdict, post_id in rows.items():
        (folder := tmp_path / post_id).mkdir()
        file = folder / "bundle.json"
        made = subprocess.run(
            [*program, "export", tmp_path / "journal", "--dispute", post_id, "--out", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (made.returncode, made.stderr) == (0, ""), made.stdout
        (tmp_path / "journal").rename(tmp_path / "gone")
        checked = subprocess.run(
            [*program, "verify", "--bundle", file.name, "--hotkey", HOTKEY],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        (tmp_path / "gone").rename(tmp_path / "journal")
        assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
        told = verdict if verdict in {"accepted", "rejected", "abandoned"} else "none"
        assert f"\nverdict: {told}; " in checked.stdout
        last = checked.stdout.splitlines()[-1]
        assert last.startswith("proven")
        assert last.endswith(f': {HOTKEY} signed for every row marked "signed"')
        assert ("no record shown tells its end" in last) == (told == "none")


def test_it_tells_the_post_s_story(bundle: Path, journal: Path, command: Command) -> None:
    """A line for each record, the search as an excerpt, what is proven; the same when it is made."""
    code, said, errors = command("verify", "--bundle", bundle)
    assert (code, errors) == (0, "")
    lines = said.splitlines()
    assert lines[0] == f"post 1 of {HOTKEY}, netuid 45, first record: http://127.0.0.1:8001"
    names = [line.split()[3] for line in lines[1:-3]]
    assert names == [
        "JournalCreated",
        "ActorStarted",
        "WindowOpened",
        "PostsScraped",
        "PostAnalyzed",
        "SubmissionStarted",
        "SubmissionAccepted",
    ]
    marks = {name: line.split()[0] for name, line in zip(names, lines[1:-3], strict=True)}
    assert marks == {name: "said" if name == "PostsScraped" else "signed" for name in names}
    assert lines[-1].startswith(
        "proven, except that 1 record(s) are only said to be about other posts; that the API is only said, "
    )
    other = bundle.with_name("other.json")
    assert command("export", journal, "--dispute", "1", "--out", other)[1] == f"{other}: post 1\n{said}"
    assert other.read_bytes() == bundle.read_bytes()


def test_it_is_also_said_to_machines(bundle: Path, command: Command) -> None:
    """By one JSON object."""
    code, said, _ = command("verify", "--bundle", bundle, "--json")
    fields = json.loads(said)
    assert (code, fields["ok"], fields["verdict"], fields["unsigned"], fields["findings"]) == (
        0,
        True,
        "accepted",
        [],
        [],
    )
    assert (fields["post_id"], fields["hotkey"], fields["post"]["likes"]) == ("1", HOTKEY, 50)


def test_it_is_compared_with_journal_and_checkpoint(
    bundle: Path, journal: Path, tmp_path: Path, command: Command
) -> None:
    """Exit code 0 where both agree, 1 where one does not, though the bundle by itself is proven."""
    kept = tmp_path / "kept.json"
    kept.write_text(
        next(line for line in (journal / SEGMENT).read_text("utf-8").split("\n") if "CheckpointSigned" in line)
    )
    code, said, errors = command("verify", journal, "--bundle", bundle, "--checkpoint", kept)
    assert (code, errors) == (0, "")
    *_, by_journal, by_checkpoint, last = said.splitlines()
    assert by_journal.startswith("the journal holds the same")
    assert by_checkpoint.startswith("the kept checkpoint of record ")
    assert last.startswith("proven: ")
    data = json.loads(bundle.read_text("utf-8"))
    data["search"]["seed"] += 1
    bundle.write_bytes(resealed(data))
    assert command("verify", "--bundle", bundle)[0] == 0
    code, said, _ = command("verify", journal, "--bundle", bundle, "--json")
    assert (code, json.loads(said)["outcome"]) == (1, "not proven")


def test_standard_output_gets_the_bundle_alone(journal: Path, bundle: Path, command: Command) -> None:
    """For a pipe."""
    code, said, errors = command("export", journal, "--dispute", "1")
    assert (code, said, errors) == (0, bundle.read_text("utf-8"), "")


def test_a_forged_bundle_is_a_finding(bundle: Path, command: Command) -> None:
    """Exit code 1, the part is named, and nothing is called proven; so with another hotkey."""
    data = json.loads(bundle.read_text("utf-8"))
    data["records"][-1]["line"] = data["records"][-1]["line"].replace('"status":"new"', '"status":"ok!"')
    bundle.write_bytes(resealed(data))
    code, said, errors = command("verify", "--bundle", bundle)
    assert (code, errors) == (1, "")
    assert f"\nFOUND record {data['records'][-1]['seq']}: the hash does not continue" in said
    assert said.splitlines()[-1] == "NOT PROVEN: 1 finding(s), so this bundle proves nothing"
    assert "\nproven" not in said
    code, said, _ = command("verify", "--bundle", bundle, "--hotkey", BOB)
    assert (code, f"FOUND hotkey: the bundle is of {HOTKEY}\n" in said) == (1, True)


def test_what_no_checkpoint_covers_is_not_proven(tmp_path: Path, command: Command) -> None:
    """The bundle is made all the same; checking it is a finding until the miner signs."""
    drive = truthful(story())
    del drive.lines[-1]
    file = tmp_path / "bundle.json"
    code, said, _ = command("export", write(tmp_path / "early", drive), "--dispute", "6", "--out", file)
    assert (code, said.splitlines()[-1].startswith("NOT PROVEN: no signature covers record(s) ")) == (0, True)
    code, said, _ = command("verify", "--bundle", file)
    assert code == 1
    assert "FOUND" not in said


def test_nothing_in_a_bundle_steers_the_terminal(tmp_path: Path, command: Command) -> None:
    """Neither the file nor what is said about it, be it whole or spoiled."""
    journal = write(tmp_path / "hostile", hostile_story())
    file = tmp_path / "bundle.json"
    for post_id in "1234":
        code, said, errors = command("export", journal, "--dispute", post_id, "--out", file, "--force")
        assert (code, errors) == (1, ""), "a signature by no hotkey, and texts that were not analyzed"
        for text in (said, file.read_text("utf-8"), command("verify", "--bundle", file)[1]):
            assert text.replace("\n", "").isprintable()
        assert command("verify", "--bundle", file, "--json")[1].replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dispute", "99"), "knows no post 99"),
        (("--dispute", "\x1b[31m"), "knows no post"),
        (("--dispute", "1", "--out", "nowhere/bundle.json"), "is not a directory"),
    ],
)
def test_wrong_use_is_one_line(journal: Path, command: Command, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2."""
    code, said, errors = command("export", journal, *arguments)
    assert (code, said) == (2, "")
    assert is_one_line(errors, words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("export", "JOURNAL", "--dispute", "1", "--what", "posts"), "a bundle holds one post"),
        (("export", "JOURNAL", "--dispute", "1", "--json"), "needs --out"),
        (("verify", "--bundle", "BUNDLE", "--checkpoint", "BUNDLE"), "holds no checkpoint"),
        (("verify", "--bundle", "BUNDLE", "--checkpoint", "nowhere.json"), "cannot read nowhere.json"),
        (("verify", "nowhere", "--bundle", "BUNDLE"), "nowhere is not a directory"),
        (("verify", "--bundle", "BUNDLE", "--hotkey", "5nonsense"), "no ss58 address"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_use(
    journal: Path, bundle: Path, command: Command, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, and what was expected."""
    names = {"JOURNAL": journal, "BUNDLE": bundle}
    code, said, errors = command(*[names.get(argument, argument) for argument in arguments])
    assert (code, said) == (2, "")
    assert words in " ".join(errors.replace("│", " ").split())


def test_a_file_that_is_no_bundle_is_one_line(tmp_path: Path, journal: Path, command: Command) -> None:
    """A finding where something else is in it, wrong use where nothing can be read."""
    foreign = {
        "text": b"hello\x1b[31m",
        "empty": b"",
        "json": b"[1]",
        "other": b'{"bundle":"x"}',
        "deep": b"[" * 100_000,
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
        code, said, errors = command("verify", "--bundle", tmp_path / name)
        assert (code, errors) == (1, ""), name
        assert said.startswith("FOUND this is no dispute bundle: ")
        assert (said.count("\n"), said.replace("\n", "").isprintable()) == (2, True)
    assert command("verify", "--bundle", journal / SEGMENT)[0] == 1
    for place in (tmp_path / "missing", tmp_path):
        code, said, errors = command("verify", "--bundle", place)
        assert (code, said) == (2, "")
        assert is_one_line(errors, f"--bundle {place}: ")


def test_a_file_without_end_is_not_read_to_its_end(command: Command) -> None:
    """Exit code 2, before memory is full."""
    code, said, errors = command("verify", "--bundle", "/dev/zero")
    assert (code, said) == (2, "")
    assert is_one_line(errors, "--bundle /dev/zero: longer than ", "which no bundle is")


@pytest.mark.parametrize("kind", ["empty", "foreign", "missing"])
def test_where_no_journal_is_one_line_says_so(tmp_path: Path, command: Command, kind: str) -> None:
    """Exit code 2."""
    place = tmp_path / kind
    if kind != "missing":
        place.mkdir()
    if kind == "foreign":
        (place / "notes.txt").write_text("hello")
    code, said, errors = command("export", place, "--dispute", "1")
    assert (code, said) == (2, "")
    assert is_one_line(errors, str(place))


def test_a_torn_or_damaged_end_is_told_from_the_rest(journal: Path, bundle: Path, command: Command) -> None:
    """An unfinished write is no damage; damage before the post's end is one line with the place."""
    with (journal / SEGMENT).open("ab") as file:
        file.write(b'{"seq":99,"at":"2026')
    assert command("export", journal, "--dispute", "1") == (0, bundle.read_text("utf-8"), "")
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([*lines[:3], lines[3][:-80], *lines[4:]]))
    code, said, errors = command("export", journal, "--dispute", "1")
    assert (code, said) == (1, "")
    assert is_one_line(errors, SEGMENT, "after record 3")


def test_of_a_growing_journal_the_bundle_grows_too(tmp_path: Path, command: Command) -> None:
    """Unknown at first, then told as far as it went, then proven; never a contradiction, not even in mid-write."""
    lines = truthful(story()).lines
    told = []
    for written in growing(tmp_path / "growing", lines, apart=20):
        code, said, errors = command("export", written, "--dispute", "6")
        if code == 2:
            assert is_one_line(errors, "knows no post 6")
            told.append("unknown")
            continue
        assert (code, errors) == (0, "")
        (tmp_path / "bundle.json").write_text(said, "utf-8")
        code, said, _ = command("verify", "--bundle", tmp_path / "bundle.json")
        assert "FOUND" not in said
        told.append("not proven" if code else "proven")
    assert told == sorted(told, key=["unknown", "not proven", "proven"].index)
    assert set(told) == {"unknown", "not proven", "proven"}
