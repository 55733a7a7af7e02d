"""What the page is told of a journal, beside what replay, audit and costs say of the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from actor.machine.history import Step, steps
from audit.costs.books import DayBooks
from audit.index.bound import cache_file, first_hash
from audit.index.chunk import CHUNK
from audit.index.strip import COLUMNS, Strip
from audit.inspect.flat import changes, flat
from audit.inspect.journal import JournalSource
from audit.inspect.query import parse_query
from audit.judge.audit import Audit
from audit.replay.why import why, why_fields
from audit.rules.load import all_rules
from events.describe import describe, is_trouble
from events.journal import Draft, read_journal, seal
from events.money import Money
from events.prices import Prices
from tests.audit.replay_kit import SEGMENT, begun, story, write
from tests.index.kit import walked, write_files
from tests.inspect.kit import SAMPLE, sample_source, source_of


@pytest.fixture(scope="module")
def source() -> JournalSource:
    """The sample."""
    return sample_source()


@pytest.fixture(scope="module")
def folded() -> list[Step]:
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


@pytest.mark.parametrize("seq", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 1849, 3297, 4850, 5089])
def test_a_record_is_shown_as_replay_explains_it(source: JournalSource, folded: list[Step], seq: int) -> None:
    """State, changes, rows of the table and effects, wherever the record lies between two kept states."""
    step = folded[seq - 1]
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


def test_changes_lead_from_each_state_to_the_next(folded: list[Step]) -> None:
    """Applied one after the other they give every state, and none of them tells of what stayed."""
    state = flat(folded[0].before)
    for step in folded:
        for path, before, after in changes(step.before, step.after):
            assert state.get(path) == before != after
            if after is None:
                del state[path]
            else:
                state[path] = after
        assert state == flat(step.after)


def test_the_record_that_set_a_value_is_found(source: JournalSource, folded: list[Step]) -> None:
    """Near or far; 0 for what nobody set."""
    last: dict[str, int] = {}
    for step in folded:
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
        assert source.setter(path, len(folded)) == last.get(path, 0), path
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
    source: JournalSource, folded: list[Step], line: str, admits: Callable[[Step], bool]
) -> None:
    """As many requests as it takes come to what one look at every record comes to."""
    found: list[int] = []
    start: int | None = 1
    while start is not None:
        seqs, start = source.find(parse_query(line), start)
        found += seqs
    assert found == [step.record.seq for step in folded if admits(step)]


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


def test_days_are_those_of_costs(source: JournalSource, folded: list[Step]) -> None:
    """The same books."""
    books = DayBooks()
    for step in folded:
        books.enter(step)
    assert [(day["accepted"], day["x"]["posts"]) for day in source.costs()] == [
        (bill.accepted, bill.paid.posts) for _, bill in sorted(books.costs(folded[-1].after).days.items())
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
    assert source.audit().report is None


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


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_a_long_history_has_the_strip_of_one_look(tmp_path: Path, seed: int) -> None:
    """Kept, kept by an earlier process, or not kept: each entry is what a strip says that gave none of them away."""
    journal = write_files(tmp_path / "journal", walked(seed, 2_600), each=900)
    strip = Strip()
    for step in steps(read_journal(journal)):
        strip.take(step)
    for use_index in (True, True, False):
        source = JournalSource(journal, Money(Prices()), use_index=use_index)
        while source.follow():
            pass
        assert source.windows(0) == strip.rows()
        about = source.about()
        assert about["windows"] == strip.counts()
        assert (about["strip"], about["trouble"]) == (len(strip.windows), strip.trouble)
        assert {kind: about["totals"][kind] for kind in strip.verdicts} == dict(strip.verdicts)
    assert len(strip.windows) > 30


def test_an_index_that_is_there_is_read_instead_of_the_journal(tmp_path: Path) -> None:
    """Of a journal that was read once, only what was added since; with ``use_index`` off nothing is kept."""
    lines = walked(3, 2_600)
    cut = len(lines) * 3 // 4
    journal = write_files(tmp_path / "journal", lines[:cut], each=3_000)
    path = cache_file(first_hash(journal) or "")
    assert path is not None
    alone = JournalSource(journal, Money(Prices()), use_index=False)
    assert alone.about()["records"] == 0
    while alone.follow():
        pass
    assert alone.about()["records"] == cut
    assert not path.exists()
    assert source_of(journal).about()["records"] == cut
    assert path.exists()
    write_files(journal, lines, each=3_000)
    again = JournalSource(journal, Money(Prices()))
    assert again.about()["records"] == cut // CHUNK * CHUNK
    while again.follow():
        pass
    assert again.about()["records"] == len(lines)
    looked = (1, cut - 1, cut + 1, len(lines))
    for step in steps(read_journal(journal)):
        if step.record.seq in looked:
            assert again.state(step.record.seq) == flat(step.after)


def test_a_spoiled_index_is_thrown_away_and_the_journal_read(tmp_path: Path) -> None:
    """Found at the start or amid an answer; no answer comes from spoiled rows, and one line tells of it."""
    journal = write_files(tmp_path / "journal", walked(3, 2_600), each=3_000)
    fresh = JournalSource(journal, Money(Prices()), use_index=False)
    while fresh.follow():
        pass
    source_of(journal)
    path = cache_file(first_hash(journal) or "")
    assert path is not None
    told: list[str] = []
    source = JournalSource(journal, Money(Prices()), on_note=told.append)
    with sqlite3.connect(path) as rows:
        rows.execute("UPDATE states SET body = zeroblob(9)")
    with pytest.raises(LookupError):
        source.state(300)
    (line,) = told
    assert "is thrown away" in line
    assert not path.exists()
    while source.follow():
        pass
    assert source.state(300) == fresh.state(300)
    assert source.windows(0) == fresh.windows(0)
    source_of(journal)
    path.write_bytes(path.read_bytes()[:5_000])
    assert source_of(journal).state(300) == fresh.state(300)
