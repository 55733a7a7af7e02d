"""What the page is told of a journal, beside what replay, audit and costs say of the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from actor.machine.history import Step, steps
from audit.costs.books import DayBooks
from audit.inspect.flat import changes, flat
from audit.inspect.journal import BLOCK, JournalSource
from audit.inspect.query import parse_query
from audit.inspect.windows import COLUMNS
from audit.judge.audit import Audit
from audit.replay.why import why, why_fields
from audit.rules.load import all_rules
from events.describe import describe, is_trouble
from events.journal import Draft, read_journal, seal
from tests.audit.replay_kit import SEGMENT, begun, story, write
from tests.inspect.kit import SAMPLE, source_of


@pytest.fixture(scope="module")
def source() -> JournalSource:
    """The sample."""
    return source_of(SAMPLE)


@pytest.fixture(scope="module")
def walked() -> list[Step]:
    """The sample, folded from its beginning."""
    return list(steps(read_journal(SAMPLE)))


def test_windows_are_counted_as_the_audit_counts_them(source: JournalSource) -> None:
    """Seen, used, missed by reason, open; verdicts in the windows add up to those of the journal."""
    audit = Audit(all_rules((), ()), SAMPLE)
    for record in read_journal(SAMPLE):
        audit.take(record)
    accounts = audit.report().accounts
    about = source.about()
    assert about["windows"] == {
        "seen": accounts.windows.seen,
        "used": accounts.windows.used,
        "missed": dict(accounts.windows.missed),
        "undecided": accounts.windows.undecided,
    }
    sums = {name: sum(row[COLUMNS.index(name)] for row in source.windows(0)) for name in COLUMNS[7:11]}
    assert sums["accepted"] == about["totals"]["accepted"] == accounts.posts.accepted.total()
    assert sums["rejected"] == about["totals"]["rejected"] == accounts.posts.rejected.total()
    assert sums["abandoned"] == about["totals"]["abandoned"] == accounts.posts.abandoned.total()
    assert sums["trouble"] == about["trouble"]


def test_windows_are_told_piece_by_piece(source: JournalSource) -> None:
    """From any entry on the rows are the same, and each record belongs to one entry."""
    whole = source.windows(0)
    for first in (0, 1, 200, len(whole) - 1, len(whole)):
        assert source.windows(first) == whole[first:]
    seqs = [row[1] for row in whole]
    assert seqs == sorted(seqs)


@pytest.mark.parametrize("seq", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 1849, 3297, 4850, 5089])
def test_a_record_is_shown_as_replay_explains_it(source: JournalSource, walked: list[Step], seq: int) -> None:
    """State, changes, rows of the table and effects, wherever the record lies between two kept states."""
    step = walked[seq - 1]
    assert source.state(seq) == flat(step.after)
    reason = source.reason(seq)
    told = why_fields(why(read_journal(SAMPLE), seq))
    assert reason["guards"] == ["".join("01"[v] for v in row["guards"].values()) for row in told["rows"]]
    assert [n for n, row in enumerate(told["rows"]) if row["verdict"] == "taken"] == [reason["taken"]]
    assert len(reason["begun"]) == len(told["wanted"])
    assert len(reason["ended"]) == len(told["no_longer_wanted"])
    (row,) = source.rows(seq, seq)
    assert (row[0], row[1], bool(row[5]), row[7]) == (seq, step.record.at_ms, is_trouble(step.event), told["text"])
    assert source.record(seq)["hash"] == step.record.hash


def test_changes_lead_from_each_state_to_the_next(walked: list[Step]) -> None:
    """Applied one after the other they give every state, and none of them tells of what stayed."""
    state = flat(walked[0].before)
    for step in walked:
        for path, before, after in changes(step.before, step.after):
            assert state.get(path) == before != after
            if after is None:
                del state[path]
            else:
                state[path] = after
        assert state == flat(step.after)


def test_the_record_that_set_a_value_is_found(source: JournalSource, walked: list[Step]) -> None:
    """Near or far; 0 for what nobody set."""
    last: dict[str, int] = {}
    for step in walked:
        last |= {path: step.record.seq for path, _, _ in changes(step.before, step.after)}
    for path in (
        "state",
        "api_url",
        "epoch",
        "build",
        "totals.rejected",
        "troubles.x.reason",
        "policy.submit_attempts",
    ):
        assert source.setter(path, len(walked)) == last.get(path, 0), path
    assert source.setter("no_such_thing", 100) == 0


def _has(step: Step, *words: str) -> bool:
    text = f"{step.record.name} {describe(step.event)} {step.record.raw.decode()}".lower()
    return all(word in text for word in words)


@pytest.mark.parametrize(
    ("line", "admits"),
    [
        ("is:trouble", lambda s: is_trouble(s.event)),
        ("-is:trouble event:PostAnalyzed", lambda s: s.record.name == "PostAnalyzed" and not is_trouble(s.event)),
        ("event:RateLimited event:TailRepaired", lambda s: s.record.name in {"RateLimited", "TailRepaired"}),
        ("-event:PostAnalyzed QUOTA", lambda s: s.record.name != "PostAnalyzed" and _has(s, "quota")),
        ('"timestamp is too old" -"attempt 1"', lambda s: _has(s, "timestamp is too old") and not _has(s, "attempt 1")),
        ("event:NoSuchThing", lambda _: False),
    ],
)
def test_records_are_found(
    source: JournalSource, walked: list[Step], line: str, admits: Callable[[Step], bool]
) -> None:
    """As many requests as it takes come to what one look at every record comes to."""
    found: list[int] = []
    start: int | None = 1
    while start is not None:
        seqs, start = source.find(parse_query(line), start)
        found += seqs
    assert found == [step.record.seq for step in walked if admits(step)]


def test_a_post_is_followed_from_its_search_on(tmp_path: Path) -> None:
    """The record that chose it, and all that name it."""
    source = source_of(write(tmp_path / "journal", story()))
    seqs, _ = source.find(parse_query("post:3"), 1)
    names = [source.record(seq)["event"] for seq in seqs]
    assert names[0] == "PostsScraped"
    assert names[-1] in {"SubmissionAccepted", "RateLimited", "PostAbandoned"}
    assert set(names) > {"PostAnalyzed", "SubmissionStarted"}


def test_lanes_tell_a_window(tmp_path: Path) -> None:
    """Attempts, waits, time without a process, what was carried: as the story goes."""
    source = source_of(write(tmp_path / "journal", story()))
    numbers = [row[0] for row in source.windows(0)]
    bad, later = (source.gantt(numbers.index(number)) for number in (60_002, 60_003))
    kinds = {bar[2] for lane in bad["lanes"] for bar in lane["bars"]}
    assert {"analysis", "failed", "wait", "unknown", "accepted", "rate limited"} <= kinds
    assert [state[2] for state in bad["states"]].count("down") == 2
    assert {lane["verdict"] for lane in bad["lanes"]} >= {"accepted", "carried on"}
    assert any(lane["carried_from"] == 60_002 for lane in later["lanes"])
    for chart in (bad, later):
        ends = [end for _, end, _, _ in chart["states"]]
        assert ends == sorted(ends)
        assert all(chart["from"] <= bar[0] <= bar[1] <= chart["to"] for lane in chart["lanes"] for bar in lane["bars"])
    assert any(end - start == 1_300_000 for start, end in bad["folds"])


def test_every_window_of_the_sample_has_lanes(source: JournalSource) -> None:
    """Whatever happened in it; what stands in them can be written as JSON."""
    for index, row in enumerate(source.windows(0)):
        chart = source.gantt(index)
        assert orjson.dumps(chart)
        if row[0] is not None:
            assert chart["first"] == row[1]
            assert sum(end - start for start, end, _, _ in chart["states"]) == chart["to"] - chart["from"]


def test_days_are_those_of_costs(source: JournalSource, walked: list[Step]) -> None:
    """The same books."""
    books = DayBooks()
    for step in walked:
        books.enter(step)
    assert [(day["accepted"], day["x"]["posts"]) for day in source.costs()] == [
        (bill.accepted, bill.paid.posts) for _, bill in sorted(books.costs(walked[-1].after).days.items())
    ]


def test_what_is_added_is_taken_in(tmp_path: Path) -> None:
    """Record by record the answers are those for a journal that always had that length."""
    drive = story()
    whole = write(tmp_path / "whole", drive)
    segment = next(whole.glob("*.jsonl"))
    grows = begun(tmp_path / "grows")
    (grows / segment.name).write_bytes(drive.lines[0])
    source = source_of(grows)
    for count in range(2, len(drive.lines) + 1):
        with (grows / segment.name).open("ab") as file:
            file.write(drive.lines[count - 1])
        while source.follow():
            pass
        assert source.about()["records"] == count
        source.gantt(len(source.windows(0)) - 1)
    fresh = source_of(whole)
    assert source.windows(0) == fresh.windows(0)
    assert source.state(len(drive.lines)) == fresh.state(len(drive.lines))


@pytest.mark.parametrize("at", [3, 20, 40])
def test_a_damaged_journal_is_shown_up_to_the_damage(tmp_path: Path, at: int) -> None:
    """It says where, and what is before it can be looked at."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    lines = [*drive.lines]
    lines[at] = lines[at].replace(b'"seq":', b'"sEq":')
    next(journal.glob("*.jsonl")).write_bytes(b"".join(lines))
    source = source_of(journal)
    about = source.about()
    assert about["records"] == at
    assert f"after record {at}" in about["stopped"]
    assert source.state(at)
    assert source.audit() is None


def test_a_record_of_another_build_is_said(tmp_path: Path) -> None:
    """Where this build's machine does not follow, it stops and says so."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    forged = Draft(at_ms=drive.at_ms, event=drive.records[2].event(), source="WaitingForWindow", dest="Analyzing")
    line, _ = seal(forged, drive.records[1].head)
    (journal / SEGMENT).write_bytes(b"".join([*drive.lines[:2], line]))
    about = source_of(journal).about()
    assert about["records"] == 2
    assert "record 3 says to Analyzing" in about["stopped"]


def test_an_empty_journal_is_no_fault(tmp_path: Path) -> None:
    """Nothing stands there, and nothing is wrong."""
    (begun(tmp_path / "journal") / SEGMENT).touch()
    source = source_of(tmp_path / "journal")
    assert (source.about()["records"], source.about()["stopped"], source.windows(0)) == (0, "", [])
