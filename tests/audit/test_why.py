"""Why a record led where it led: rows, guards, changes, effects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actor.machine.explain import explain
from actor.machine.history import FoldError, folded
from actor.machine.table import GUARDS
from audit.errors import UsageError
from audit.replay.lines import json_line
from audit.replay.why import GUARD_MEANINGS, why, why_fields, why_lines
from events import catalogue as ev
from events.effects import EndBackoff, StartSubmission, SubmitPost
from events.journal import Draft, Record, parse, seal
from tests.audit.replay_kit import sample, story
from tests.kit import Drive


def forged(drive: Drive, event: ev.Event, source: str, dest: str) -> list[Record]:
    """The drive's records and one that says what this build does not."""
    line, _ = seal(Draft(at_ms=drive.at_ms, event=event, source=source, dest=dest), drive.head)
    return [*drive.records, parse(line, drive.head)]


def test_every_guard_has_a_meaning() -> None:
    """In words for people."""
    assert GUARD_MEANINGS.keys() == GUARDS.keys()


def test_a_failed_attempt_is_explained() -> None:
    """The row that was taken, those behind it, what changed, which effects came and went."""
    found = why(story().records, 20)
    assert found.agrees
    lines = list(why_lines(found))
    (opened,) = [line for line in lines if line.startswith('  ~ open: {"post_id":"3","attempt":1,"body":{')]
    assert opened.endswith("… → null")
    lines.remove(opened)
    assert "\n".join(lines) == (
        "record 20: SubmissionFailed at 2026-11-22T14:43:07.123Z\n"
        "  post 3 attempt 1 failed (HTTP 500): 500\n"
        "before it: Submitting, window 60002, 3 post(s) without a verdict, attempt 1 of post 3 open\n"
        "\n"
        "rows of the table for SubmissionFailed in Submitting, in their order:\n"
        "  1. to Backoff          taken\n"
        "       yes backing_off: a backoff is set\n"
        "  2. to Scraping         not tried, an earlier one was taken\n"
        "       no  scrape_due: the window being worked on still wants a search, or X is to tell who posted\n"
        "  3. to Analyzing        not tried, an earlier one was taken\n"
        "       no  analysis_due: a post that is not put off has no analysis\n"
        "  4. stays               not tried, an earlier one was taken\n"
        "       yes post_queued: an analyzed post may be sent in this window\n"
        "  5. to WaitingForWindow not tried, an earlier one was taken\n"
        "       no  idle: no search is due, and every post without a verdict is put off\n"
        "so it leads from Submitting to Backoff\n"
        "\n"
        "what it changed:\n"
        '  ~ state: "Submitting" → "Backoff"\n'
        '  ~ backoff: null → {"kind":"retry","due_ms":1795358590123,"wait_s":3.0,"until_block":null,"held":[]}\n'
        "effects:\n"
        "  + EndBackoff (due_ms 2026-11-22T14:43:10.123Z, wait_s 3.0) is wanted now\n"
        "  - SubmitPost (post_id 3, attempt 1) is no longer wanted"
    )
    assert found.begun == (EndBackoff(due_ms=1795358590123, wait_s=3.0),)
    assert found.ended == (SubmitPost(post_id="3", attempt=1),)


def test_rows_before_the_one_taken_show_their_false_guards() -> None:
    """Why not the others: the last verdict of a batch passes by a search and by a queue."""
    told = "\n".join(why_lines(why(story().records, 10)))
    assert (
        "  1. to Scraping         not taken\n"
        "       no  scrape_due: the window being worked on still wants a search, or X is to tell who posted\n"
        "  2. to Analyzing        not taken\n"
        "       no  analysis_due: a post that is not put off has no analysis\n"
        "  3. stays               not taken\n"
        "       no  post_queued: an analyzed post may be sent in this window\n"
        "  4. to WaitingForWindow taken\n"
        "       yes idle: no search is due, and every post without a verdict is put off\n"
    ) in told


@pytest.mark.parametrize("seq", range(1, 47))
def test_each_record_of_the_story(seq: int) -> None:
    """The explanation is the machine's, the changes lead from one state to the next, and JSON says the same."""
    records = story().records
    states = [state for _, state in folded(records)]
    found = why(records, seq)
    before = found.before
    if seq > 1:
        assert before == states[seq - 2]
    assert found.after == states[seq - 1]
    assert found.explanation == explain(before, found.event, found.record.at_ms)
    assert found.agrees
    fields: dict[str, Any] = json.loads(json_line(why_fields(found)))
    assert (fields["seq"], fields["to"], fields["agrees"]) == (seq, records[seq - 1].dest, True)
    assert [row["verdict"] for row in fields["rows"]].count("taken") == 1
    assert {change["path"] for change in fields["changes"]} == {change.path for change in found.changes}
    taken = next(row for row in fields["rows"] if row["verdict"] == "taken")
    assert all(taken["guards"].values())
    assert taken["to"] == fields["to"]


def test_a_record_that_another_build_wrote_is_explained_too() -> None:
    """The row says elsewhere than the record: both are told."""
    drive = Drive().start()
    opened = ev.WindowOpened(
        window=60_000, start_block=6_000_000, current_block=6_000_000, blocks_per_window=100, source="status"
    )
    found = why(forged(drive, opened, "WaitingForWindow", "Submitting"), 3)
    assert not found.agrees
    told = "\n".join(why_lines(found))
    assert "so it leads from WaitingForWindow to Scraping" in told
    assert "! the record says from WaitingForWindow to Submitting: another build wrote it" in told
    assert why_fields(found)["recorded"] == {"from": "WaitingForWindow", "to": "Submitting"}


@pytest.mark.parametrize(
    ("event", "refusal"),
    [
        (ev.BackoffElapsed(), "refused: the table has no row for BackoffElapsed in WaitingForWindow"),
        (ev.ApiRecovered(), "refused: the API was not known to be unreachable"),
    ],
    ids=["by the table", "by the data"],
)
def test_a_refused_record_says_why(event: ev.Event, refusal: str) -> None:
    """By the table, or by the data."""
    found = why(forged(Drive().start(), event, "WaitingForWindow", "WaitingForWindow"), 3)
    assert not found.agrees
    assert found.after is None
    assert refusal in why_lines(found)
    assert why_fields(found)["refusal"] == refusal.removeprefix("refused: ")
    assert why_fields(found)["to"] is None


def test_only_the_records_up_to_it_are_read() -> None:
    """One that does not exist is wrong use; one before it that does not fold is a finding."""
    records = story().records
    with pytest.raises(UsageError, match="--why 47: the journal ends at record 46"):
        why(records, 47)
    bad = forged(Drive().start(), ev.BackoffElapsed(), "WaitingForWindow", "WaitingForWindow")
    with pytest.raises(FoldError, match="record 3"):
        why([*bad, records[3]], 4)
    assert why(bad, 2).agrees


def test_each_record_of_the_sample_can_be_asked_for() -> None:
    """A few dozen of them, spread over it: every one agrees, and every line is safe and bounded."""
    records = sample()
    for seq in range(1, len(records) + 1, len(records) // 30):
        found = why(records, seq)
        assert found.agrees
        assert all(line.isprintable() and len(line) < 2_000 for line in why_lines(found))
    assert StartSubmission in {type(effect) for record in records[:20] for effect in why(records, record.seq).begun}
