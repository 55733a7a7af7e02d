"""Rules of sending broken by hand: verdicts, attempts, waits, quotas, bodies."""

from __future__ import annotations

from typing import Any

from events import catalogue as ev
from events.codec import changed, plain
from tests.audit.breaking import Seqs, breaks, many_windows, seq, started
from tests.audit.broken import Line, drop, index, insert
from tests.kit import failed, rejected


@breaks("I1")
def a_sixth_accepted_post(lines: list[Line]) -> list[Seqs]:
    """The API counted the first window's post in the second, which took five."""
    lines[index(lines, ev.SubmissionAccepted)].change(start_block=7_100)
    return [tuple(seq(lines, ev.SubmissionAccepted, number) for number in range(1, 7))]


@breaks("I2")
def sent_after_its_acceptance(lines: list[Line]) -> list[Seqs]:
    """The same body once more."""
    place = index(lines, ev.SubmissionAccepted, post_id="8")
    insert(lines, place + 1, started(lines, "8").event, failed("8", 1))
    return [(place + 1, place + 2)]


@breaks("I2", "R8")
def sent_after_another_version_was_accepted(lines: list[Line]) -> list[Seqs]:
    """The next search finds it edited."""
    search = lines[index(lines, ev.PostsScraped, 2)]
    edited, *others = search.event.posts
    search.change(posts=(changed(edited, edits=("4",)), *others))
    return [(seq(lines, ev.SubmissionAccepted, post_id="4"), lines.index(started(lines, edited.id)) + 1)]


@breaks("I2", "R8")
def sent_as_it_was_before(lines: list[Line]) -> list[Seqs]:
    """The one that was accepted had been edited."""
    search = lines[index(lines, ev.PostsScraped)]
    search.change(posts=tuple(changed(p, edits=("8",)) if p.id == "4" else p for p in search.event.posts))
    return [(seq(lines, ev.SubmissionAccepted, post_id="4"), lines.index(started(lines, "8")) + 1)]


@breaks("I2", "I4")
def sent_after_its_rejection(lines: list[Line]) -> list[Seqs]:
    """409 was final."""
    place = index(lines, ev.SubmissionRejected)
    insert(lines, place + 1, started(lines, "3").event, rejected("3"))
    return [(place + 1, place + 2)]


@breaks("I4")
def abandoned_after_its_acceptance(lines: list[Line]) -> list[Seqs]:
    """Two verdicts."""
    place = index(lines, ev.SubmissionAccepted, post_id="4")
    insert(lines, place + 1, ev.PostAbandoned(post_id="4", reason="too old"))
    return [(place + 1, place + 2)]


@breaks("I4")
def a_verdict_for_nobody(lines: list[Line]) -> list[Seqs]:
    """No search chose this post."""
    place = index(lines, ev.CheckpointSigned)
    insert(lines, place, ev.PostAbandoned(post_id="777", reason="too old"))
    return [(place + 1,)]


@breaks("I4")
def forgotten_before_its_analysis(lines: list[Line]) -> list[Seqs]:
    """The next window is worked on without it."""
    names = (ev.PostAnalyzed, ev.SubmissionStarted, ev.SubmissionAccepted)
    drop(lines, *(index(lines, name, post_id="9") for name in names))
    for line in lines:
        if isinstance(line.event, ev.ActorStopped):
            line.change(posts_processed=line.event.posts_processed - 1)
    return [(seq(lines, ev.PostsScraped, 2), seq(lines, ev.ScrapeFailed))]


@breaks("I4", of=many_windows)
def never_abandoned(lines: list[Line]) -> list[Seqs]:
    """Nine windows are worked on after the last one that it was sent in, and nobody speaks of it again."""
    drop(lines, index(lines, ev.PostAbandoned))
    last = max(place + 1 for place, line in enumerate(lines) if isinstance(line.event, ev.SubmissionStarted))
    return [(seq(lines, ev.PostsScraped), last, seq(lines, ev.ScrapeFailed, window=80))]


@breaks("I6")
def sent_after_a_429(lines: list[Line]) -> list[Seqs]:
    """In the same window."""
    place = index(lines, ev.RateLimited)
    insert(lines, place + 1, changed(started(lines, "6").event, window=70), failed("6", 1))
    return [(place + 1, place + 2)]


@breaks("I6")
def sent_in_a_window_that_is_too_early(lines: list[Line]) -> list[Seqs]:
    """The 429 named the window after the next as full."""
    place = index(lines, ev.RateLimited)
    lines[place].change(start_block=7_100, full=(7_000, 7_100))
    return [(place + 1, seq(lines, ev.SubmissionStarted, number, window=71)) for number in range(1, 6)]


@breaks("I6")
def sent_after_a_window_that_was_none(lines: list[Line]) -> list[Seqs]:
    """One opened behind the 429 and was taken back, so the wait was over and the window of the 429 was not."""
    place = index(lines, ev.WindowOpened, window=71)
    told = {"window": 70, "start_block": 7_000, "current_block": 7_090, "blocks_per_window": 100, "taken": 0}
    back = ev.WindowsRevised(**told, believed_start_block=7_100, answers=26, agreed_s=300.0)
    insert(lines, place + 1, back, changed(started(lines, "6").event, window=70), failed("6", 1), lines[place].event)
    return [(seq(lines, ev.RateLimited), place + 3)]


@breaks("I6")
def sent_in_the_rest_of_a_longer_window(lines: list[Line]) -> list[Seqs]:
    """The API told for a while of windows of 150 blocks: by those the 429 holds until block 7,200."""
    place = index(lines, ev.WindowOpened, window=71)
    longer = ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=150)
    insert(lines, place + 1, longer, changed(longer, served=100))
    limited = seq(lines, ev.RateLimited)
    return [(limited, seq(lines, ev.SubmissionStarted, number, window=71)) for number in range(1, 6)]


@breaks("I6")
def a_429_that_fills_nothing(lines: list[Line]) -> list[Seqs]:
    """The record does not say that its window is full."""
    place = index(lines, ev.RateLimited)
    lines[place].change(full=())
    return [(seq(lines, ev.WindowOpened), place + 1)]


@breaks("I7")
def a_fourth_attempt(lines: list[Line]) -> list[Seqs]:
    """The third one failed."""
    place = index(lines, ev.SubmissionAccepted)
    won = lines[place].event
    lines[place].event = failed("1", 3)
    insert(lines, place + 1, changed(lines[place - 1].event, attempt=4), won)
    for line in lines[place + 1 : index(lines, ev.WindowOpened, 2)]:
        line.at_ms += 13_000
    return [(*(seq(lines, ev.SubmissionStarted, number, post_id="1") for number in range(1, 5)),)]


@breaks("I7")
def too_early(lines: list[Line]) -> list[Seqs]:
    """The second attempt after 1 s, the third after 3 s."""
    for number, wait_ms in ((1, 1_000), (2, 3_000)):
        place = index(lines, ev.SubmissionFailed, number)
        early_ms = lines[place + 2].at_ms - lines[place].at_ms - wait_ms
        for line in lines[place + 1 : index(lines, ev.WindowOpened, 2)]:
            line.at_ms -= early_ms
    return [(seq(lines, ev.SubmissionFailed, n), seq(lines, ev.SubmissionStarted, n + 1)) for n in (1, 2)]


@breaks("I7")
def a_number_left_out(lines: list[Line]) -> list[Seqs]:
    """Attempts are numbered one after the other."""
    place = index(lines, ev.SubmissionStarted, 3, post_id="1")
    lines[place].change(attempt=5)
    return [tuple(seq(lines, ev.SubmissionStarted, number, post_id="1") for number in range(1, 4))]


@breaks("R10")
def a_rejection_that_was_none(lines: list[Line]) -> list[Seqs]:
    """HTTP 400 may pass with another attempt."""
    place = index(lines, ev.SubmissionRejected)
    lines[place].change(http_status=400)
    return [(place + 1,)]


@breaks("R10")
def a_failure_that_was_final(lines: list[Line]) -> list[Seqs]:
    """409 is not tried again, and a 429 waits."""
    for number, status in ((1, 409), (2, 429)):
        lines[index(lines, ev.SubmissionFailed, number)].change(http_status=status)
    return [(seq(lines, ev.SubmissionFailed, number),) for number in (1, 2)]


@breaks("R10")
def an_acceptance_that_was_none(lines: list[Line]) -> list[Seqs]:
    """An unknown word; a server's error; an answer that said something else; a dry run's word."""
    odd: tuple[dict[str, Any], ...] = (
        {"status": "maybe", "answer": '{"status": "maybe"}'},
        {"http_status": 503},
        {"answer": '{"status": "duplicate"}'},
        {"status": "dry-run", "http_status": 0, "answer": '{"status": "dry-run"}'},
    )
    for number, fields in enumerate(odd, start=1):
        lines[index(lines, ev.SubmissionAccepted, number)].change(**fields, start_block=None)
    return [(seq(lines, ev.SubmissionAccepted, number),) for number in range(1, 5)]


@breaks("R10")
def accepted_by_an_answer_that_says_otherwise(lines: list[Line]) -> list[Seqs]:
    """No status, no JSON, a validation that is not in it, left out, another; what was cut or redacted is not judged."""
    selected = {"selected_for_validation": True, "validation_id": "v-1"}
    odd: tuple[dict[str, Any], ...] = (
        {"answer": '{"detail": "the window is closed"}'},
        {"answer": "<html>502 Bad Gateway…"},
        {"answer": '{"status": "new"}', **selected},
        {"answer": '{"status": "new", "selected_for_validation": true, "validation_id": "v-1"}'},
        {"answer": '{"status": "new", "selected_for_validation": true, "validation_id": "v-2"}', **selected},
        {"answer": '{"status": "new", "message": "' + "x" * 3_969 + "…", **selected},
        {"answer": '{"status": "duplicate", "message": "[redacted]"}', **selected},
    )
    for number, fields in enumerate(odd, start=1):
        lines[index(lines, ev.SubmissionAccepted, number)].change(**fields, start_block=None)
    found = [seq(lines, ev.SubmissionAccepted, number) for number in range(1, 6)]
    return [(found[0],), (found[1],), *[(found[2],)] * 2, *[(found[3],)] * 2, (found[4],)]


@breaks("R10")
def accepted_by_an_answer_about_another_post(lines: list[Line]) -> list[Seqs]:
    """Another post or hotkey, what is no text, and what is nested deeply; its own name, or none, is as it should be."""
    ours = lines[index(lines, ev.SubmissionAccepted, 6)].event.post_id
    names = (
        '"post_id": "4711"',
        '"miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"',
        '"post_id": 7',
        f'"post_id": {"[" * 900}{"]" * 900}',
        '"post_id": null, "miner_hotkey": null',
        f'"post_id": "{ours}"',
    )
    for number, name in enumerate(names, start=1):
        lines[index(lines, ev.SubmissionAccepted, number)].change(
            answer=f'{{"status": "new", {name}}}', start_block=None
        )
    return [(seq(lines, ev.SubmissionAccepted, number),) for number in range(1, 5)]


@breaks("R10")
def sent_in_a_dry_run(lines: list[Line]) -> list[Seqs]:
    """A dry run hears no answers."""
    lines[0].change(dry_run=True)
    return [(seq(lines, ev.SubmissionAccepted, number),) for number in range(1, 8)]


@breaks("body")
def another_body(lines: list[Line]) -> list[Seqs]:
    """Every field of it."""
    line = started(lines, "8")
    search, analysis = seq(lines, ev.PostsScraped, 2), seq(lines, ev.PostAnalyzed, post_id="8")
    wrong: dict[str, Any] = {
        "miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        "date": 1,
        "author": "somebody",
        "account_age": 1,
        "retweets": 1,
        "likes": 1,
        "responses": 1,
        "followers": 1,
        "tokens": {"talisman": 0.95},
        "sentiment": -1.0,
    }
    line.change_body(**wrong)
    here = lines.index(line) + 1
    return [(1, here), *[(search, here)] * 7, *[(analysis, here)] * 2]


@breaks("body", "I4")
def a_post_that_nobody_chose(lines: list[Line]) -> list[Seqs]:
    """Sent and accepted all the same."""
    place = index(lines, ev.CheckpointSigned, 3)
    sent = started(lines, "8").event
    body = changed(sent.body, post_id="99")
    insert(lines, place, changed(sent, window=72, post_id="99", body=body), rejected("99"))
    return [(place + 1,)]


@breaks("body")
def sent_before_its_analysis(lines: list[Line]) -> list[Seqs]:
    """The analysis comes later."""
    place = index(lines, ev.PostAnalyzed, post_id="10")
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    lines[place].at_ms = lines[place + 1].at_ms
    return [(place, place + 1)]


@breaks("sentiment", "body")
def another_sentiment(lines: list[Line]) -> list[Seqs]:
    """In the body; and in an analysis, which this build does not even decode."""
    line = started(lines, "8")
    line.change_body(sentiment=0.3)
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="10")]
    analysis.data = {**plain(analysis.event), "sentiment": 0.3}
    return [(lines.index(line) + 1,), (lines.index(analysis) + 1,)]


@breaks("intent")
def an_answer_to_nothing(lines: list[Line]) -> list[Seqs]:
    """Its start is missing."""
    drop(lines, index(lines, ev.SubmissionStarted, post_id="9"))
    return [(seq(lines, ev.SubmissionAccepted, post_id="9"),)]


@breaks("intent")
def an_answer_to_another_attempt(lines: list[Line]) -> list[Seqs]:
    """Of the same post."""
    place = index(lines, ev.SubmissionFailed, 2)
    lines[place].change(attempt=1)
    return [(place, place + 1)]


@breaks("intent")
def two_at_a_time(lines: list[Line]) -> list[Seqs]:
    """The first one's failure is missing."""
    place = index(lines, ev.SubmissionFailed)
    drop(lines, place, place + 1)
    return [(place, place + 1)]
