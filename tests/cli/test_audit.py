"""``user-miner audit``: on journals that a real miner wrote, and on every kind of journal that is not one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actor.machine import fold
from audit.rules import RULES
from events import catalogue as ev
from events.journal import read_journal
from sandbox import Sandbox, SandboxConfig
from tests.audit.breaks import BREAKS
from tests.audit.broken import clean, index, rehashed, write
from tests.cli.kit import Command, is_one_line, running
from tests.patience import GIVE_UP_S
from tests.world import World, hours_ago, make_wallet, wait_for

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "journal" / "sample"
RECORDED = ROOT / "tests" / "journal" / "recorded"
STEERING = "\x1b[31m \x9b32m \u202e \x07 \x7f"
SEGMENT = "00000000000000000001.jsonl"


@pytest.fixture
def mined(tmp_path: Path) -> Iterator[World]:
    """Three windows with failures, a rejection, a 429 and a SIGKILL."""
    folder = tmp_path / "mined"
    folder.mkdir()
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=40, epoch=hours_ago())) as box:
        make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        for fault, times in (("500", 2), ("ok", 1), ("409", 1), ("429", 1)):
            box.script("api.submit", fault, times=times)
        world.mine()
        box.next_window()
        box.advance_posts(1800)
        with running(world, "--windows", "2") as process:
            wait_for(lambda: world.names().count("WindowOpened") == 2, "the second window")
            wait_for(lambda: world.names()[::-1].index("WindowOpened") > 1, "an answer in it")
            process.kill()
        world.mine()
        box.next_window()
        box.advance_posts(1800)
        world.mine()
        yield world


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A journal without a finding, to do with as one likes."""
    return write(tmp_path / "journals" / "good", rehashed(clean()))


def report_of(command: Command, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Exit code and the JSON report."""
    code, out, errors = command("audit", "--json", *arguments)
    assert errors == ""
    return code, json.loads(out)


def test_a_mined_journal_is_clean_and_accounted_for(mined: World, command: Command) -> None:
    """I1 to I9 and every duty, through failures, a 429 and a kill; the accounts are the machine's totals."""
    code, out, errors = command("audit", mined.journal)
    assert (code, errors) == (0, ""), out
    assert f"no findings by {len(RULES)} rule(s)" in out
    code, report = report_of(command, mined.journal)
    totals, state = mined.state().totals, mined.state()
    assert (code, report["ok"], report["findings"], report["more"]) == (0, True, [], {})
    assert report["rules"] == [rule.name for rule in RULES]
    posts, windows, runs = (report["accounts"][name] for name in ("posts", "windows", "runs"))
    assert (posts["chosen"], sum(posts["accepted"].values())) == (totals.scraped, totals.accepted)
    assert (posts["pending"], posts["left_out"]) == (len(state.posts), totals.left_out)
    assert (windows["seen"], windows["used"]) == (3, 3)
    assert (runs["starts"], runs["stops"], runs["crashes"]) == (4, 3, 1)


def test_the_sample_is_clean(command: Command) -> None:
    """Hundreds of windows with every kind of event and of trouble break no rule, and fold to the accounts."""
    code, report = report_of(command, SAMPLE)
    assert [finding for finding in report["findings"] if finding["kind"] != "note"] == []
    assert code == 0
    state = fold(read_journal(SAMPLE))
    posts, windows = report["accounts"]["posts"], report["accounts"]["windows"]
    totals = state.totals
    assert posts["chosen"] == totals.scraped
    assert sum(posts["accepted"].values()) + posts["salvaged"] == totals.accepted
    assert sum(posts["rejected"].values()) == totals.rejected
    assert sum(posts["abandoned"].values()) == totals.abandoned
    assert (posts["left_out"], posts["pending"]) == (totals.left_out, len(state.posts))
    assert windows["seen"] == windows["used"] + sum(windows["missed"].values()) + windows["undecided"]


@pytest.mark.parametrize("name", ["whole", "repaired"])
def test_recorded_journals_break_what_their_maker_left_out(name: str, command: Command) -> None:
    """They were driven by hand: analyses without a digest, answers and checkpoints left out, posts given up early."""
    _, report = report_of(command, RECORDED / "v1" / name)
    said = {finding["rule"] for finding in report["findings"] if finding["kind"] != "note"}
    made_up = {"R3", "R10", "checkpoints"}
    assert said == (made_up | {"R9", "R11"} if name == "whole" else made_up)


def test_each_broken_invariant_is_found_on_disk(tmp_path: Path, command: Command) -> None:
    """A journal of each invariant, broken by hand and hashed anew, ends with exit code 1 and names rule and records."""
    invariants = {case.rule: case for case in reversed(BREAKS) if case.rule.startswith("I")}
    assert len(invariants) == 9
    for case in invariants.values():
        lines, expected = case.make()
        directory = write(tmp_path / case.rule / case.name, rehashed(lines))
        code, report = report_of(command, directory)
        assert (code, report["ok"]) == (1, False), case.name
        found = [tuple(f["seqs"]) for f in report["findings"] if (f["rule"], f["kind"]) == (case.rule, "finding")]
        assert Counter(found) == Counter(tuple(sorted(set(seqs))) for seqs in expected), case.name
        verified = json.loads(command("verify", directory, "--json")[1])
        assert verified["findings"] == [], "the chain is whole: only an audit tells, or the signatures"
        assert all("is not signed by" in finding for finding in verified["vouched"]["findings"])
    code, out, _ = command("audit", directory)
    assert code == 1
    assert f"FOUND {case.rule}: record" in out


def test_rules_are_picked_and_added(good: Path, tmp_path: Path, command: Command) -> None:
    """--rule judges by some only; --rules adds a file's, of which one that raises is told of in the report."""
    _, report = report_of(command, good, "--rule", "I3", "--rule", "R5")
    assert report["rules"] == ["I3", "R5"]
    own = tmp_path / "own.py"
    own.write_text(
        "from audit.rules import Rule\n"
        "class Odd(Rule):\n"
        "    name, demands = 'odd', 'no odd record'\n"
        "    def see(self, entry):\n"
        "        if entry.record.seq == 3: yield self.finding(entry, found='\\x1b[31m three', expected='none')\n"
        "        if entry.record.seq == 4: 1 / 0\n"
        "RULES = [Odd]\n"
    )
    code, out, errors = command("audit", good, "--rules", own, "--rule", "odd")
    assert (code, errors) == (1, "")
    first, second = (line for line in out.splitlines() if line.startswith(("FOUND", "BROKEN RULE")))
    assert first.startswith("FOUND odd: record 3")
    assert second.startswith("BROKEN RULE odd: record 4")
    assert f"ZeroDivisionError: division by zero ({own}:6)" in second
    assert "2 finding(s) by 1 rule(s)" in out
    assert out.replace("\n", "").isprintable()


def test_what_an_operator_got_wrong_is_one_line(good: Path, tmp_path: Path, command: Command) -> None:
    """Exit code 2: an unknown rule, a missing file of rules, one that is no Python."""
    own = tmp_path / "own.py"
    own.write_text("class (\n")
    for arguments, words in (
        (("--rule", "I99"), ("--rule I99", "no such rule", "I1, I2")),
        (("--rules", tmp_path / "none.py"), ("none.py", "cannot be read")),
        (("--rules", own), (f"{own}:1", "SyntaxError")),
    ):
        code, out, errors = command("audit", good, *arguments)
        assert (code, out) == (2, "")
        assert is_one_line(errors, *words)


def test_where_no_journal_is_nothing_is_audited(good: Path, tmp_path: Path, command: Command) -> None:
    """An empty, a foreign and a missing directory: exit code 2 and one line."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("hello")
    shutil.copytree(good, good.with_name("other"))
    for directory, words in (
        (tmp_path / "empty", ("no journal in",)),
        (tmp_path / "foreign", ("no journal in",)),
        (tmp_path / "missing", ("is not a directory",)),
        (good.parent, ("several journals in",)),
    ):
        code, out, errors = command("audit", directory)
        assert (code, out) == (2, "")
        assert is_one_line(errors, *words)


@pytest.mark.parametrize("size", [0, 700, -10], ids=["emptied", "cut early", "cut late"])
def test_a_truncated_journal_is_a_finding_of_its_own(good: Path, size: int, command: Command) -> None:
    """The chain breaks, so there is nothing to judge: exit code 1 and one line, no report."""
    path = good / SEGMENT
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    code, out, errors = command("audit", good)
    assert (code, out) == (1, "")
    assert is_one_line(errors, str(good))


def test_an_unfinished_record_is_told(good: Path, command: Command) -> None:
    """What is being written, or was when a process died, is no damage."""
    with (good / SEGMENT).open("ab") as file:
        file.write(b'{"seq":999,"at":"2026')
    code, out, _ = command("audit", good)
    assert code == 0
    assert "21 bytes of an unfinished record follow" in out
    assert report_of(command, good)[1]["tail_bytes"] == 21


def test_a_growing_journal_is_clean_at_every_length(good: Path, command: Command) -> None:
    """What is not finished yet is no finding: every prefix of a journal passes."""
    whole = (good / SEGMENT).read_bytes().splitlines(keepends=True)
    for length in range(1, len(whole), 3):
        shutil.rmtree(good)
        write(good, whole[:length])
        code, report = report_of(command, good)
        assert (code, report["findings"], report["records"]) == (0, [], length)


def test_nothing_from_outside_reaches_the_terminal_raw(tmp_path: Path, command: Command) -> None:
    """Texts of posts and servers are inert, in findings as well as in the accounts."""
    lines = clean()
    lines[index(lines, ev.ScrapeFailed)].change(kind=f"kind {STEERING}", reason=STEERING)
    lines[index(lines, ev.SubmissionStarted)].change_body(content=STEERING, author=STEERING)
    broken = write(tmp_path / "broken", rehashed(lines))
    for arguments in ([], ["--json"]):
        code, out, errors = command("audit", broken, *arguments)
        assert code == 1
        assert "R3" in out
        assert "kind" in out
        assert (out + errors).replace("\n", "").isprintable()


def test_findings_stay_findings_when_the_reader_leaves(tmp_path: Path) -> None:
    """``audit | true`` in a script, also where the report is written at once."""
    journal = shutil.copytree(RECORDED / "v1" / "whole", tmp_path / "journal")
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "user_miner.cli", "audit", str(journal)]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=writing, stderr=subprocess.PIPE, text=True, env=env) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, errors) == (1, "")


def test_quarantined_bytes_are_compared(tmp_path: Path, command: Command) -> None:
    """I8: what a torn write left is a note when it is gone, and a finding when it was changed."""
    journal = Path(shutil.copytree(RECORDED / "v1" / "repaired", tmp_path / "journal"))
    (kept,) = (journal / "quarantine").iterdir()
    assert report_of(command, journal, "--rule", "I8")[1]["findings"] == []
    kept.write_bytes(b"something else")
    code, report = report_of(command, journal, "--rule", "I8")
    assert (code, [finding["kind"] for finding in report["findings"]]) == (1, ["finding"])
    others: tuple[Callable[[], object], ...] = (
        kept.mkdir,
        lambda: os.mkfifo(kept),
        lambda: kept.symlink_to("/dev/zero"),
    )
    for replace in others:
        kept.rmdir() if kept.is_dir() else kept.unlink()
        replace()
        code, report = report_of(command, journal, "--rule", "I8")
        (finding,) = report["findings"]
        assert (code, finding["kind"]) == (1, "finding")
        assert "is no regular file of" in finding["found"]
    kept.unlink()
    code, report = report_of(command, journal, "--rule", "I8")
    assert (code, [finding["kind"] for finding in report["findings"]]) == (0, ["note"])
