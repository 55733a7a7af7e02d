"""Readers show what validators told beside the posts and windows that they speak of, as their word and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actor.testing import Scenario
from actor.testing.reproduce import reproduces
from actor.testing.scenario import posts_of
from audit.feedback import Feedback, told_in
from audit.rules.verdicts import ValidatorsAgree
from events import catalogue as ev
from events.codec import changed
from events.journal import JournalReader
from tests.audit.replay_kit import SEGMENT, STEERING, timeline, write
from tests.cli.conftest import command as command  # noqa: PLC0414  (the same fixture)
from tests.cli.kit import Command
from tests.feedback.kit import BOB, CAROL, judged, scored, spoken_story
from tests.kit import Drive
from tests.testing.kit import run_source, write_journal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The spoken story on disk."""
    return write_journal(tmp_path / "journal", spoken_story().records)


def fed(drive: Drive, *, whole: bool = True) -> Feedback:
    """The feedback of a story."""
    feedback = Feedback(whole=whole)
    for record in drive.records:
        feedback.take(record, record.event())
    return feedback


def test_the_last_word_of_each_validator_counts() -> None:
    """One that tells something else about the same matter corrects itself; another one stands beside it."""
    drive = spoken_story()
    feedback = fed(drive)
    assert {post_id: post.verdict for post_id, post in feedback.posts.items()} == {
        "1": "confirmed",
        "2": "confirmed",
        "3": "refused",
        "4": "disputed",
    }
    assert {start: scores.mean for start, scores in feedback.scores.items()} == {6_000_000: 0.625, 6_000_100: 0.25}
    drive.on(judged(BOB, "3", passed=True), judged(CAROL, "4", passed=True), scored(CAROL, 60_000, 0.0))
    feedback = fed(drive)
    assert feedback.totals.posts == {"confirmed": 4, "refused": 0, "disputed": 0}
    assert (feedback.totals.scores, feedback.totals.windows, feedback.totals.earned) == (4, 2, 0.5)
    assert feedback.scores[6_000_000].seq == drive.head.seq
    refusal = fed(spoken_story()).posts["4"].refusal
    assert refusal is not None
    assert (refusal.validator, refusal.code) == (CAROL, "DATE")


def test_posts_that_were_never_sent_count_nowhere_else() -> None:
    """Whoever reads from the middle on cannot know, and takes the validators' word for it."""
    feedback = fed(spoken_story())
    assert (feedback.totals.strange, "99" in feedback.posts) == (1, False)
    assert "99" in fed(spoken_story(), whole=False).posts
    assert feedback.totals.refusals == {"TEXT": 1, "DATE": 1}


def test_inventions_take_no_memory() -> None:
    """So many validators, posts, windows and codes that nobody could tell them all: what is kept stays bounded."""
    feedback, (record, *_) = Feedback(), spoken_story().records
    for number in range(3_000):
        feedback.take(record, scored(f"v{number}", number % 2_500, 1.0))
        feedback.take(record, judged(f"v{number}", "1", passed=False, code=f"code {number}"))
    assert len(feedback.scores) == 2_000
    assert (len(feedback.posts["1"].judgements), feedback.totals.validators) == (64, 1_024)
    assert (len(feedback.totals.refusals), feedback.totals.refusals.total()) == (65, 3_000)


def test_this_build_agrees_and_a_whole_actor_hears_it_again(journal: Path, command: Command) -> None:
    """check, and the same records from the real loop, which is told what was told then."""
    assert command("check", journal)[0] == 0
    scenario = Scenario.load(journal)
    assert [record.hash for record in reproduces(scenario)] == [record.hash for record in JournalReader(journal)]


def test_the_timeline_names_what_was_told(journal: Path) -> None:
    """Refusals as trouble, confirmations of one validator's breath in a line."""
    said = timeline(JournalReader(journal))
    for line in (
        "  confirmed  2 by 5FHneW46…",
        "! refused    3 by 5FHneW46…: TEXT: the text differs",
        "  score      0.7500 for blocks 6000000 to 6000100 by 5E4p1GhM…",
    ):
        assert line in said


def test_a_post_s_life_goes_on_after_its_verdict(journal: Path, command: Command) -> None:
    """With what each validator told and what they are together; of a post nobody sent only that is known."""
    code, out, _ = command("replay", journal, "--post", "4")
    assert code == 0
    assert f"refused by validator {CAROL}: DATE: the text differs" in out
    assert out.endswith("disputed by validators: 1 for it, 1 against\n")
    data = json.loads(command("replay", journal, "--post", "4", "--json")[1])
    assert (data["verdict"], data["validators"]) == ("accepted", {"verdict": "disputed", "confirmed": 1, "refused": 1})
    data = json.loads(command("replay", journal, "--post", "5", "--json")[1])
    assert (data["verdict"], data["validators"]) == ("rejected", None)
    assert "unknown: this journal never found it" in command("replay", journal, "--post", "99")[1]


def test_costs_are_divided_by_what_came_of_them(journal: Path, command: Command) -> None:
    """By posts confirmed and by points of score; by UTC day and in all, and as nothing where nobody told anything."""
    code, out, _ = command("costs", journal)
    assert code == 0
    assert "validators: 2 posts confirmed, 1 refused, 1 disputed, for each X $0.1500" in out
    assert "score: 0.8750 earned in 2 windows, for each point X $0.3429" in out
    *days, total = (json.loads(line) for line in command("costs", journal, "--json")[1].split("\n")[:-1])
    assert total["validators"] == {
        "confirmed": 2,
        "refused": 1,
        "disputed": 1,
        "scored_windows": 2,
        "earned": 0.875,
    }
    assert [day["validators"] for day in days] == [total["validators"]]
    assert (total["per_confirmed"]["x_usd"], total["per_point"]["x_usd"]) == (0.15, 0.342857)
    *_, none = (
        json.loads(line) for line in command("costs", journal, "--json", "--until", "2020-01-01")[1].split("\n")[:-1]
    )
    assert (none["per_confirmed"]["x_usd"], none["validators"]["confirmed"]) == (None, 0)


def test_the_audit_counts_and_notes(journal: Path, command: Command) -> None:
    """Disagreement and strange posts are notes: a validator cannot make a good journal look bad."""
    code, out, _ = command("audit", journal)
    assert code == 0
    assert (
        "NOTE  validators: records 30 31, window 60001, post 4: found a post is refused that another validator" in out
    )
    assert "NOTE  validators: record 32, window 60001, post 99: found a judgement of a post that this journal" in out
    assert "2 told 3 score(s) of 2 window(s), 0.4375 for a window in the mean; 7 judgement(s) of posts" in out
    assert "4 posts judged: 2 confirmed, 1 refused, 1 disputed; refusals told (DATE 1, TEXT 1)" in out
    accounts = json.loads(command("audit", journal, "--json")[1])["accounts"]
    assert accounts["validators"]["posts"] == {"confirmed": 2, "refused": 1, "disputed": 1}
    assert ValidatorsAgree.name in json.loads(command("audit", journal, "--json")[1])["rules"]


def test_exports_have_columns_for_it(journal: Path, command: Command) -> None:
    """Of posts and of windows, though it was told after their rows had ended; empty where nobody told anything."""

    def rows(what: str, *names: str) -> list[list[Any]]:
        code, out, _ = command("export", journal, "--what", what)
        assert code == 0
        return [[json.loads(line)[name] for name in names] for line in out.split("\n")[:-1]]

    names = ("post_id", "judged", "confirmations", "refusals", "refusal_code", "refusal_reason")
    assert rows("posts", *names) == [
        ["1", "confirmed", 1, 0, None, None],
        ["2", "confirmed", 2, 0, None, None],
        ["3", "refused", 0, 1, "TEXT", "the text differs"],
        ["4", "disputed", 1, 1, "DATE", "the text differs"],
        ["5", None, None, None, None, None],
    ]
    assert rows("windows", "window", "scores", "mean_score") == [
        [60_000, 2, 0.625],
        [60_001, 1, 0.25],
        [60_002, None, None],
    ]


def test_what_was_told_before_damage_is_known(tmp_path: Path) -> None:
    """The rows that come before it are whole; that the journal is damaged is said by whoever reads it for itself."""
    journal = write(tmp_path / "cut", spoken_story())
    lines = (journal / SEGMENT).read_bytes().splitlines(keepends=True)
    (journal / SEGMENT).write_bytes(b"".join([*lines[:20], b"damage\n", *lines[21:]]))
    feedback = told_in(JournalReader(journal))
    assert (list(feedback.posts), feedback.totals.scores) == (["1", "2", "3"], 1)


def test_a_fixture_of_a_judged_post_passes(journal: Path, command: Command) -> None:
    """It holds what was told of that post, and nothing told of others."""
    code, source, errors = command("fixture", journal, "--post", "4")
    assert (code, errors) == (0, "")
    run_source(source)
    assert posts_of(judged(BOB, "4", passed=True)) == ("4",)
    assert "v-99" not in source


def test_nothing_told_steers_a_terminal(tmp_path: Path, command: Command) -> None:
    """Every text of a validator, in every reader."""
    drive = spoken_story()
    word = changed(judged(BOB, "1", passed=False), validator=STEERING, validation_id=STEERING, code=STEERING)
    drive.on(
        changed(word, reason=STEERING), ev.ScoreObserved(validator=STEERING, start_block=1, end_block=2, score=1.0)
    )
    drive.on(changed(word, post_id=STEERING))
    journal = write_journal(tmp_path / "journal", drive.records)
    for arguments in (
        ("replay", journal),
        ("replay", journal, "--verbose"),
        ("replay", journal, "--post", "1"),
        ("replay", journal, "--post", "1", "--json"),
        ("audit", journal),
        ("audit", journal, "--json"),
        ("costs", journal),
        ("export", journal, "--what", "posts"),
    ):
        code, out, errors = command(*arguments)
        assert (code, errors) == (0, ""), arguments
        assert out.replace("\n", "").isprintable(), arguments
