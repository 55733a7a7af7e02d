"""Where this build and a journal part, and where they do not although it looks so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from actor.machine import REDUCER, encode_state, state_sha256
from actor.machine.facts import sample
from actor.machine.wanted import wanted
from audit.check import Checker, Divergence
from events import catalogue as ev
from events import effects as ef
from events.codec import changed, plain
from events.differences import Difference
from events.journal import GENESIS
from tests.audit.check_kit import Honest, altered, check, first, kinds, seq_of, snapshot, story
from tests.audit.walks import Walk
from tests.kit import post


def paths(found: Divergence) -> list[str]:
    """The fields that differ."""
    return [difference.path for difference in found.differences]


# Agreement


def test_an_honest_journal_agrees() -> None:
    """And everything in it that can be compared is counted."""
    drive, checker = story(), Checker()
    assert [checker.feed(record) for record in drive.records] == [None] * len(drive.records)
    assert list(checker.finish()) == []
    found = checker.checked()
    without_effect = {"JournalCreated", "ActorStarted", "ActorStopped"}
    assert (found.records, found.agreed) == (len(drive.records), len(drive.records))
    assert found.effects == sum(record.name not in without_effect for record in drive.records)
    assert (found.windows, found.builds, found.checkpoints, found.snapshots) == (2, {"0.1.0": 1}, 2, 0)


@pytest.mark.parametrize("seed", range(20))
def test_no_honest_history_diverges(seed: int) -> None:
    """Whatever a world answers, whenever a process ends: what the machine decided, it would decide again."""
    assert check(Walk(seed).go(150).records) == []


def test_no_record_is_a_journal_too() -> None:
    """Nothing was found, and nothing compared."""
    checker = Checker()
    assert list(checker.finish()) == []
    assert checker.checked().records == 0


# What each kind looks like


def test_an_event_of_a_newer_build_cannot_be_read() -> None:
    """The divergence says so, and the check goes on from the state that the journal names."""
    drive = story()
    seq = seq_of(drive, "PostAnalyzed")
    found = first(altered(drive.records, seq, name="PostJudged"))
    assert (found.seq, found.kind, found.agreed) == (seq, "unreadable", seq - 1)
    assert "unknown event 'PostJudged': was this journal written by a newer build?" in found.reason
    found = first(altered(drive.records, seq, v=9))
    assert "PostAnalyzed version 9 is unknown" in found.reason
    assert "update user-miner" in found.reason
    stop = seq_of(drive, "ActorStopped")
    assert kinds(altered(drive.records, stop, name="ActorPaused")) == [(stop, "unreadable")]


def test_a_field_of_the_wrong_type_cannot_be_read() -> None:
    """The field is named."""
    drive = story()
    found = first(altered(drive.records, seq_of(drive, "PostsScraped"), {"seed": "one"}))
    assert found.kind == "unreadable"
    assert "PostsScraped.seed" in found.reason


def test_an_event_without_a_row_is_refused() -> None:
    """By the table, with the state and what was wanted there."""
    drive = story()
    seq = seq_of(drive, "WindowOpened")
    found = first(altered(drive.records, seq, name="BackoffElapsed", raw=b"{}", dest="WaitingForWindow"))
    assert (found.seq, found.kind) == (seq, "refused")
    assert "BackoffElapsed is refused in state WaitingForWindow" in found.reason
    assert found.explanation is not None
    assert found.explanation.rows == ()
    assert found.wanted == ("PollStatus (interval_s 12.0)",)


def test_a_refusal_of_the_reducer_shows_what_was_due() -> None:
    """The reducer's own words, and the field in which the wanted effect is another one."""
    drive = story()
    seq = seq_of(drive, "SubmissionStarted", 2)
    found = first(altered(drive.records, seq, {"attempt": 3}))
    assert (found.seq, found.kind) == (seq, "refused")
    assert "attempt 3 is not due" in found.reason
    assert found.differences == (Difference(path="attempt", expected=3, actual=2),)


def test_another_destination_shows_the_rows_and_their_guards() -> None:
    """The row that was taken, and the one that the journal took, with what its guards say."""
    drive = story()
    seq = seq_of(drive, "PostAnalyzed")
    found = first(altered(drive.records, seq, dest="Submitting"))
    assert (found.seq, found.kind) == (seq, "destination")
    assert found.differences == (Difference(path="to", expected="Submitting", actual="Analyzing"),)
    told = found.explanation
    assert told is not None
    assert told.taken is not None
    assert told.taken.guards == (("analysis_due", True),)
    assert [row.guards for row in told.rows if row.row.dest == "Submitting"] == [(("post_queued", True),)]


def test_another_source_is_told() -> None:
    """A record that does not begin where the one before it ended."""
    drive = story()
    seq = seq_of(drive, "PostAnalyzed", 2)
    found = first(altered(drive.records, seq, source="Backoff", dest="Backoff"))
    assert (found.seq, found.kind) == (seq, "source")
    assert found.differences == (Difference(path="from", expected="Backoff", actual="Analyzing"),)
    assert first(altered(drive.records, seq, source="Sleeping")).kind == "source"


def test_an_outcome_that_nobody_wanted() -> None:
    """The nearest effect that this build wants is shown beside it."""
    drive = story()
    seq = seq_of(drive, "PostsScraped")
    found = first(altered(drive.records, seq, {"wanted": 4}))
    assert (found.seq, found.kind) == (seq, "effect")
    assert found.differences == (Difference(path="count", expected=4, actual=5),)
    assert found.rule


SCRAPE = ev.PostsScraped(
    window=812,
    wanted=2,
    seed=7,
    candidates=tuple(str(number) for number in range(1, 9)),
    posts=(post(2), post(1)),
    posts_read=10,
    users_read=10,
    requests=1,
    unusable=0,
    latency_ms=1,
)

# Event, number, what the journal says instead, the fields that this build would have recorded otherwise, and its rule.
TOLD: list[tuple[str, int, Callable[[Any], dict[str, Any]], list[str], str]] = [
    ("SubmissionStarted", 1, lambda e: {"body": {**plain(e.body), "content": "x"}}, ["body.content"], "rule 3 "),
    ("SubmissionStarted", 1, lambda e: {"body": {**plain(e.body), "score": 0.1}}, ["body.score"], "rules 4 and 5 "),
    ("SubmissionStarted", 1, lambda e: {"body": {**plain(e.body), "likes": 51}}, ["body.likes"], "what is sent "),
    ("SubmissionStarted", 1, lambda _: {"window": 811}, ["window"], "what an outcome "),
    ("PostAnalyzed", 1, lambda _: {"content_sha256": "0" * 64}, ["content_sha256"], "rule 3 "),
    ("PostsScraped", 1, lambda e: {"posts": plain(e.posts)[::-1]}, ["posts[] order"], "rule 8: the sample "),
    ("PostsScraped", 2, lambda e: {"candidates": ["1", *e.candidates]}, ["candidates[]"], "rule 8: posts chosen "),
    ("WindowOpened", 1, lambda _: {"window": 813}, ["window"], "rule 11"),
    ("WindowOpened", 1, lambda _: {"current_block": 81_305}, ["window", "start_block"], "rule 11"),
    ("CheckpointSigned", 2, lambda _: {"head": "0" * 64}, ["head"], "what an outcome "),
    ("CheckpointSigned", 2, lambda _: {"hashes_sha256": "0" * 64}, ["hashes_sha256"], "what an outcome "),
    ("CheckpointSigned", 2, lambda _: {"since": 1}, ["since"], "what an outcome "),
    ("ActorStopped", 1, lambda _: {"posts_processed": 4}, ["posts_processed"], "rule 14"),
]


@pytest.mark.parametrize(("event", "number", "told", "fields", "rule"), TOLD, ids=lambda part: str(part)[:24])
def test_what_follows_from_the_facts_is_compared(
    event: str, number: int, told: Callable[[Any], dict[str, Any]], fields: list[str], rule: str
) -> None:
    """Field by field, with the rule that decides it."""
    drive = story()
    seq = seq_of(drive, event, number)
    found = first(altered(drive.records, seq, told(drive.records[seq - 1].event())))
    assert (found.seq, found.kind, paths(found)) == (seq, "fields", fields)
    assert found.rule.startswith(rule)


def test_facts_are_taken_as_given() -> None:
    """What the world said can be anything, for a check cannot know better."""
    drive = story()
    records = altered(drive.records, seq_of(drive, "PostAnalyzed"), {"model": "another", "raw_answer": "…", "calls": 9})
    records = altered(records, seq_of(drive, "PostsScraped"), {"posts_read": 99, "latency_ms": 0})
    records = altered(records, seq_of(drive, "SubmissionFailed"), {"reason": "502", "http_status": 502})
    assert {kind for _, kind in kinds(records)} <= {"digest"}, "the day's cost is part of the state"


def test_the_sample_is_drawn_again() -> None:
    """From the candidates by the seed (R8)."""
    drive = Honest(ev.Policy(max_submissions_per_window=2))
    drive.start().window(812)
    drive.on(SCRAPE)
    found = first(drive.records)
    assert (found.kind, paths(found)[0]) == ("fields", "posts[]")
    drawn = sample(SCRAPE.candidates, SCRAPE.wanted, SCRAPE.seed)
    good = changed(SCRAPE, posts=tuple(post(int(number)) for number in drawn))
    drive = Honest(ev.Policy(max_submissions_per_window=2))
    drive.start().window(812)
    drive.on(good)
    assert check(drive.records) == []


def test_a_crash_that_should_have_been_a_failure() -> None:
    """The third crash of a search ends it (Policy.crash_limit); a fourth record of a crash is another decision."""
    drive = Honest()
    drive.start().window(812)
    for _ in range(2):
        drive.crash("ScrapeWindow").wait(12)
    good = drive.crash("ScrapeWindow")
    assert good.records[-1].name == "ScrapeFailed"
    assert check(good.records) == []
    crash = orjson.dumps({"effect": "ScrapeWindow", "post_id": None, "error": "KeyError: 'x'"})
    found = first(altered(good.records, len(good.records), name="EffectCrashed", raw=crash, dest="Backoff"))
    assert (found.kind, found.rule) == ("fields", "how often an effect may crash (actor.machine.facts.crash_event)")
    assert Difference(path="[0].event", expected="EffectCrashed", actual="ScrapeFailed") in found.differences


def test_a_budget_that_was_not_spent() -> None:
    """A search that this build would have made was withheld (the reducer refuses it), or the other way round."""
    drive = Honest(ev.Policy(max_x_usd_per_day=0.01))
    drive.start().window(812)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)
    assert check(drive.records) == []
    seq = seq_of(drive, "BudgetSpent")
    found = first(altered(drive.records, seq, {"spent_usd": 0.5}))
    assert (found.kind, paths(found)) == ("refused", ["spent_usd"])


# Digests


def test_another_digest_is_narrowed_down() -> None:
    """A digest does not say what differs, but since when: the last place at which the states were the same."""
    drive = story()
    one, other = (seq_of(drive, "CheckpointSigned", number) for number in (1, 2))
    (found,) = check(altered(drive.records, other, {"state_sha256": "0" * 64}))
    assert (found.seq, found.kind, found.same_seq) == (other, "digest", one - 1)
    assert f"the same after record {one - 1}, so the cause is in records {one} to {other - 1}" in found.reason
    found = first(altered(drive.records, one, {"state_sha256": "0" * 64}))
    assert (found.same_seq, found.agreed) == (0, one - 1)
    assert "no state before it could be compared" in found.reason


def test_a_digest_of_another_fold_is_not_compared() -> None:
    """A build that folds in another way says so by its number, and is not accused."""
    drive = story()
    records = altered(drive.records, seq_of(drive, "CheckpointSigned"), {"reducer": REDUCER + 1, "state_sha256": "0"})
    checker = Checker()
    assert [found for record in records if (found := checker.feed(record))] == []
    assert (checker.checked().checkpoints, checker.checked().other_folds) == (1, 1)


def test_an_equal_snapshot_is_compared() -> None:
    """It also shows that the states were the same there."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    cached = snapshot(drive)
    drive.accept_all().sign(state_sha256="0" * 64)
    (found,) = check(drive.records, cached)
    assert (found.kind, found.same_seq) == ("digest", cached.head.seq)


def test_another_snapshot_is_told_field_by_field() -> None:
    """And the check goes on from the cached state, which is the journal's own word."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    other = changed(drive.state, totals=changed(drive.state.totals, scraped=3), api_down=True)
    cached = snapshot(drive, state=encode_state(other))
    found, *later = check(drive.accept_all().records, cached)
    assert (found.seq, found.kind) == (cached.head.seq, "snapshot")
    assert found.differences == (
        Difference(path="api_down", expected=True, actual=False),
        Difference(path="totals.scraped", expected=3, actual=2),
    )
    assert later == []


def test_a_snapshot_that_this_build_cannot_read_is_still_compared() -> None:
    """A field that came or went is a difference as any other."""
    drive = Honest()
    drive.start()
    cached = snapshot(drive, state=orjson.dumps({**orjson.loads(encode_state(drive.state)), "mood": "fine"}))
    (found,) = check(drive.window(812).records, cached)
    assert (found.kind, paths(found)) == ("snapshot", ["mood"])


def test_a_snapshot_that_no_start_would_use_is_a_note() -> None:
    """Of another fold, of another history, of a record that is not there: a cache, and never evidence."""
    drive = Honest()
    drive.start()
    checker = Checker([snapshot(drive, reducer=REDUCER - 1, state=b"{}")])
    assert all(checker.feed(record) is None for record in drive.records)
    (note,) = checker.checked().notes
    assert note.seq == drive.head.seq
    assert f"version {REDUCER - 1} of the fold, this build has {REDUCER}" in note.text
    for head in (changed_hash(drive), type(GENESIS)(seq=99, hash="0" * 64)):
        checker = Checker([snapshot(drive, head=head)])
        assert all(checker.feed(record) is None for record in drive.records)
        assert list(checker.finish()) == []
        assert "no start uses it" in checker.checked().notes[0].text


def changed_hash(drive: Honest) -> Any:
    """A head at the same place of another history."""
    return type(GENESIS)(seq=drive.head.seq, hash="f" * 64)


# Going on


def test_a_divergence_does_not_hide_the_next() -> None:
    """The check goes on from the state that the journal names, and counts what agrees."""
    drive = story()
    one, other = seq_of(drive, "SubmissionStarted"), seq_of(drive, "ActorStopped")
    body = drive.records[one - 1].data["body"]
    records = altered(altered(drive.records, one, {"body": {**body, "likes": 0}}), other, {"posts_processed": 0})
    found = check(records)
    assert [(d.seq, d.kind, d.agreed) for d in found] == [(one, "fields", one - 1), (other, "fields", other - 2)]


def test_a_divergence_says_what_happened() -> None:
    """In the words of the timeline, with the time and the effects that this build wants there."""
    drive = story()
    seq = seq_of(drive, "PostAnalyzed")
    found = first(altered(drive.records, seq, {"content_sha256": ""}))
    assert found.text.startswith("post 1: talisman 1.00")
    assert found.at_ms == drive.records[seq - 1].at_ms
    assert "AnalyzePost (post_id 1)" in found.wanted


def test_every_record_of_a_story_can_be_missing() -> None:
    """Whatever is cut out, something is found, and nothing but findings comes of it."""
    drive = story()
    for cut in range(len(drive.records) - 1):
        records = drive.records[:cut] + drive.records[cut + 1 :]
        assert check(records), drive.records[cut].name


def test_an_older_build_s_events_are_lifted_first() -> None:
    """Version 1 of events that have another one now agrees, as long as the behaviour is the same."""
    drive = Honest()
    drive.start().batch(812, 1).accept_all()
    drive.sign(since=None, hashes_sha256=None, reducer=1)
    drive.at_ms += 60_000
    drive.stop()
    seq = seq_of(drive, "CheckpointSigned")
    lifted = ("since", "hashes_sha256", "reducer")
    raw = orjson.dumps({name: value for name, value in drive.records[seq - 1].data.items() if name not in lifted})
    assert kinds(altered(drive.records, seq, v=2, raw=raw)) == [(seq, "unreadable")]
    assert kinds(altered(drive.records, seq, v=1, raw=raw)) == []


def test_the_state_itself_is_compared_where_a_digest_stands() -> None:
    """I5: the digest of the state before the checkpoint, by this build's fold."""
    drive = Honest()
    drive.start().batch(812, 1).accept_all()
    assert ef.SignCheckpoint(start_block=81_200) in wanted(drive.state)
    before = state_sha256(drive.state)
    drive.sign()
    assert drive.records[-1].data["state_sha256"] == before
    assert check(drive.records) == []
