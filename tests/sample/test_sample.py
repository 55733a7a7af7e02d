"""The recorded sample is what it is said to be, and this build still folds it to the very same state."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from actor.edges.hotkey import is_signed_by
from actor.machine import STATES, State
from actor.machine.encoding import state_sha256
from actor.machine.history import folded
from actor.machine.table import GUARDS, ROWS, Row
from events.catalogue import EVENTS
from events.journal import JournalReader, Record
from sandbox import SandboxConfig
from tests.docs.kit import ROOT, put_generated
from tests.sample.posts import HOSTILE
from tests.sample.record import EXPECTED, SAMPLE
from tests.sample.story import SCENES
from user_miner.commands.verify import run_verify

LARGEST_BYTES = 4 << 20
# Events of settings that are off in the story; tests/journal/recorded has them in v1/chain and v1/authors.
LATER = {"AuthorLookupFailed", "AuthorsLookedUp", "ChainPollFailed", "ChainPolled"}
# Rows that no run against the stand-ins takes.
NOT_REACHED = {
    *(row for row in ROWS if row.event in LATER),
    # A checkpoint is wanted only where nothing is under way.
    *(Row("CheckpointSigned", state, None) for state in ("Scraping", "Analyzing", "Submitting")),
    # Only a window that counts posts before it was heard of has no room, and that is heard of while waiting.
    Row("WindowOpened", "Scraping", "WaitingForWindow", ("idle",)),
    Row("WindowOpened", "Submitting", "WaitingForWindow", ("idle",)),
    Row("WindowOpened", "Backoff", "WaitingForWindow", ("released", "idle")),
    # The decision follows the window's opening at once, so that no newer one can be known.
    Row("BudgetSpent", "Scraping", None, ("scrape_due",)),
    # The stand-in's lies last longer than the wait for a second answer, and nobody carries as much as fills a window.
    Row("WindowsRevised", "Submitting", "Scraping", ("scrape_due",)),
    Row("WindowsRevised", "Submitting", None, ("post_queued",)),
    Row("WindowsRevised", "WaitingForWindow", "Submitting", ("post_queued",)),
    # Settings change before or after a search.
    Row("SettingsChanged", "Scraping", None),
    # The stand-in tells its quota only in a 429, and that is no longer Submitting.
    Row("ConfigMismatched", "Submitting", "Scraping", ("scrape_due",)),
    Row("ConfigMismatched", "Submitting", "WaitingForWindow", ("idle",)),
    # Where a batch ends with a newer window open, the held posts of the story leave room there for a search.
    *(
        Row(event, "Submitting", "Analyzing", ("analysis_due",))
        for event in (
            *("ActorStarted", "ConfigMismatched"),
            *("SubmissionAccepted", "SubmissionRejected", "SubmissionFailed"),
        )
    ),
    # No budget is set, and no API moves, while posts are held.
    Row("BudgetSpent", "Scraping", "Analyzing", ("analysis_due",)),
    Row("WindowOpened", "Scraping", "Analyzing", ("analysis_due",)),
    # Nothing is held in the scene of old posts.
    Row("PostAbandoned", "Submitting", "Analyzing", ("analysis_due",)),
    # Nothing is held while the stand-in tells other blocks.
    *(Row("WindowsRevised", source, "Analyzing", ("analysis_due",)) for source in ("WaitingForWindow", "Submitting")),
}


@cache
def history() -> tuple[tuple[Record, State], ...]:
    """Every record with the state after it."""
    return tuple(folded(JournalReader(SAMPLE)))


@cache
def content() -> bytes:
    """Every byte of its segments."""
    return b"".join(path.read_bytes() for path in sorted(SAMPLE.glob("*.jsonl")))


def of(event: str) -> list[Record]:
    """Its records of one event."""
    return [record for record, _ in history() if record.name == event]


def values(event: str, field: str) -> set[Any]:
    """What a field of an event holds somewhere."""
    return {record.data[field] for record in of(event)}


def test_the_sample_folds_to_the_recorded_state() -> None:
    """The sample must replay for ever: same records, same state, to the last bit of its digest.

    Whoever changes what a state is on purpose raises _FOLD and runs this with UPDATE_DOCS=1.
    """
    told = json.loads(EXPECTED.read_text("utf-8"))
    record, state = history()[-1]
    found = {"records": record.seq, "state_sha256": state_sha256(state)}
    if os.environ.get("UPDATE_DOCS") == "1" and {**told, **found} != told:
        EXPECTED.write_text(json.dumps({**told, **found}, indent=1) + "\n", "utf-8")
        return
    assert found == {name: told[name] for name in found}


def test_the_hotkey_vouches_for_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    """Every byte, every signature, every digest that this build can compare; the last checkpoint is near the end."""
    hotkey = history()[0][0].data["hotkey"]
    code = run_verify(SAMPLE, as_json=False, hotkey=hotkey, is_signed_by=is_signed_by)
    said = capsys.readouterr().out
    assert code == 0, said
    assert f"\nwhole: records 1 to {history()[-1][0].seq}; {hotkey} signed for records 1 to " in said
    assert f"({len(of('CheckpointSigned'))} checkpoint(s))" in said


def test_every_kind_of_event_is_in_it() -> None:
    """A new kind of event asks for a new scene and ``make sample``."""
    assert {record.name for record, _ in history()} == set(EVENTS) - LATER


def test_every_row_of_the_table_is_taken_but_those_that_cannot() -> None:
    """The share of the table that the sample covers, named row by row."""
    taken = Counter(next(row for row in ROWS if _fits(row, record, state)) for record, state in history())
    missing = {row for row in ROWS if not taken[row]}
    assert missing == NOT_REACHED, f"{len(taken)} of {len(ROWS)} rows taken"
    assert {state.state for _, state in history()} == set(STATES)


def _fits(row: Row, record: Record, state: State) -> bool:
    held = all(GUARDS[guard](state) for guard in row.guards)
    return (row.event, row.source) == (record.name, record.source) and held


def test_its_size_is_what_a_repository_can_carry() -> None:
    """A few hundred windows in several segments, small enough to commit, without what only a running miner needs."""
    files = {str(path.relative_to(SAMPLE)): path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()}
    assert sum(files.values()) <= LARGEST_BYTES
    assert 250 <= history()[-1][1].totals.windows <= 500
    assert len([name for name in files if name.endswith(".jsonl")]) >= 5
    assert "LOCK" not in files


@pytest.mark.parametrize(
    ("event", "field", "wanted"),
    [
        ("ScrapeFailed", "kind", {"auth", "forbidden", "credits", "usage_capped", "rate_limited", "invalid_request"}),
        ("ScrapeFailed", "kind", {"server", "timeout", "malformed", "crash"}),
        ("AnalysisFailed", "kind", {"auth", "quota", "model", "rate_limit", "server", "malformed", "timeout"}),
        ("PostAnalyzed", "rung", {"json_schema", "json_object", "plain", "recorded"}),
        ("PostAnalyzed", "calls", {0, 1, 2, 3}),
        ("PostAnalyzed", "prompt_version", {"hybrid-2", "matcher-2"}),
        ("SubmissionAccepted", "status", {"new", "duplicate", "ok"}),
        ("SubmissionAccepted", "http_status", {200, 201}),
        ("SubmissionAccepted", "selected_for_validation", {True, False, None}),
        ("SubmissionRejected", "http_status", {409, 422}),
        ("SubmissionFailed", "kind", {"timeout", "connection", "http", "unexpected"}),
        ("SubmissionFailed", "attempt", {1, 2, 3}),
        ("SubmissionFailed", "http_status", {None, 200, 401, 403, 500, 503}),
        ("WindowOpened", "blocks_per_window", {50, 100, 200}),
        ("ConfigMismatched", "setting", {"BLOCKS_PER_WINDOW", "MAX_SUBMISSIONS_PER_WINDOW"}),
        ("PostAbandoned", "reason", {"carried too long", "too old"}),
        ("BudgetSpent", "budget", {"x", "llm"}),
    ],
)
def test_every_sort_of_answer_is_in_it(event: str, field: str, wanted: set[Any]) -> None:
    """What an edge may report, a record of the sample reports."""
    assert wanted <= values(event, field)


def test_times_in_it_are_those_of_a_real_run() -> None:
    """Days pass, the host's clock jumps both ways, the process is down for hours; polls are 12 seconds apart."""
    times = [record.at_ms for record, _ in history()]
    assert max(times) - min(times) > 4 * 86_400_000
    assert any(later < earlier for earlier, later in pairwise(times)), "the clock went back"
    starts = [
        (before, record)
        for (before, state), (record, _) in pairwise(history())
        if record.name == "ActorStarted" and state.running
    ]
    assert any(record.at_ms - before.at_ms > 2 * 3_600_000 for before, record in starts), "killed, and down for hours"
    assert {record.data["policy"]["poll_interval_s"] for record in of("ActorStarted")} == {12.0}


def test_a_window_s_posts_come_from_every_source() -> None:
    """Some windows are full, some bring nothing new, some are filled by posts carried over, some by both."""
    counts = {len(record.data["posts"]) for record in of("PostsScraped")}
    assert counts >= {0, 1, 2, 3, 4, 5, 7}
    assert any(record.name == "WindowOpened" and record.dest == "Submitting" for record, _ in history())
    assert any(record.name == "PostsScraped" and 0 < record.data["wanted"] < 5 for record, _ in history())


def test_harmful_posts_are_in_it_as_they_were_served() -> None:
    """Escapes, overrides, formulas, injections and very long texts, for readers to be tried on."""
    texts = {post["content"] for record in of("PostsScraped") for post in record.data["posts"]}
    missing = [text for text in HOSTILE if text not in texts]
    assert not missing


def test_nothing_in_it_tells_of_the_machine_or_a_secret() -> None:
    """No path, no port but the stand-ins', no token of a stand-in."""
    config = SandboxConfig()
    for found in ("/tmp", "/home/", "/root/", config.x_token, config.llm_key, "X-Auth", "Bearer "):  # noqa: S108
        assert found.encode() not in content(), found


def test_the_story_is_told_in_the_read_me() -> None:
    """The table of scenes in journal/README.md is made from the recording."""
    told = json.loads(EXPECTED.read_text("utf-8"))["scenes"]
    assert [scene["name"] for scene in told] == [name for name, _ in SCENES]
    lines = ["", "| records | windows | scene | what happens |", "|---|---|---|---|"]
    for scene, (name, play) in zip(told, SCENES, strict=True):
        (first, last), (begin, end) = scene["records"], scene["windows"]
        assert play.__doc__ is not None
        lines.append(f"| {first} to {last} | {begin} to {end} | {name} | {play.__doc__.splitlines()[0]} |")
    table = "\n".join([*lines, "", ""])
    assert put_generated(ROOT / "journal" / "README.md", "sample", table) == table
