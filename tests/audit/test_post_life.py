"""The whole life of one post, for people and for machines."""

from __future__ import annotations

import json

import pytest

from actor.machine import content_sha256
from actor.machine.history import steps
from audit.errors import UsageError
from audit.posts import post_rows
from audit.replay.lines import json_line
from audit.replay.post_life import PostLife, post_life, post_life_fields
from audit.replay.post_portrait import post_life_lines
from events import catalogue as ev
from tests.audit.replay_kit import sample, story
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited, post

CONTENT_SHA256 = content_sha256("SN45 is doing fine, number 1")


def life(drive: Drive, post_id: str) -> PostLife:
    """A post's life in a driven journal."""
    return post_life(steps(drive.records), post_id)


def text(drive: Drive, post_id: str) -> str:
    """The same for people."""
    return "".join(post_life_lines(life(drive, post_id)))


def test_a_life_from_the_search_to_the_verdict() -> None:
    """Text, author, analysis with its cost, an attempt that failed, the answer."""
    drive = Drive().start().window(60_000).scraped(1)
    drive.on(analyzed("1", 0.4, content_sha256=CONTENT_SHA256, raw_answer='{"a": 1}'), after_s=1)
    drive.on(failed(drive.send(), 1))
    drive.on(ev.BackoffElapsed(), after_s=3)
    drive.on(accepted(drive.send(), "duplicate", 6_000_000), after_s=0.5)
    under = " " * 32
    assert text(drive, "1") == (
        "post 1 by @user1, posted 2026-11-22T13:32:05.000Z\n"
        "  text    SN45 is doing fine, number 1\n"
        "  author  id 9001, 1,000 followers, account 365 days old at the search\n"
        "  counts  likes 50, reposts 10, replies 5, quotes 1\n"
        "\n"
        "     4 2026-11-22T14:32:05Z   chosen for window 60000: 1 of 1 new posts were drawn\n"
        f"{under}the search read 10 posts and 10 users in 1 request(s); seed 1\n"
        "     5            14:32:06Z   relevance talisman 0.40; sentiment +0.5; score 0.308\n"
        f"{under}by m, prompt 1, json_schema: 1 call(s), 100 + 10 tokens, 0.7 s\n"
        f'{under}answer: {{"a": 1}}\n'
        "     6            14:32:06Z   attempt 1, score 0.308\n"
        f"{under}window 60000, its attempt 1 there: sentiment +0.5, relevance talisman 0.40\n"
        f"{under}28 characters: the text that was analyzed\n"
        "     7            14:32:06Z ! attempt 1 failed (HTTP 500): 500\n"
        f"{under}it took 0.0 s\n"
        f"{under}again after 3 s\n"
        "     9            14:32:09Z   attempt 2, score 0.308\n"
        f"{under}window 60000, its attempt 2 there: sentiment +0.5, relevance talisman 0.40\n"
        f"{under}28 characters: the text that was analyzed\n"
        "    10            14:32:09Z   attempt 2 accepted: duplicate\n"
        f"{under}HTTP 200, it took 0.0 s\n"
        f"{under}counted in the window from block 6000000\n"
        f'{under}answer: {{"status": "duplicate", "window_start_block": 6000000}}\n'
        "\n"
        "accepted after 2 attempt(s), records 4 to 10, 4.5 s\n"
    )


def test_attempts_are_counted_over_all_windows() -> None:
    """In the words of each attempt and of its answer; which one it was in its window is told beside it."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1), ev.BackoffElapsed())
    drive.on(limited(drive.send()))
    drive.window(8).scraped()
    drive.on(accepted(drive.send()))
    told = text(drive, "1")
    attempts = [line.split("  ")[-1] for line in told.splitlines() if " attempt " in line and line[:6].strip()]
    assert [line.partition("attempt ")[2][:12] for line in attempts] == [
        "1, score 0.6",
        "1 failed (HT",
        "2, score 0.6",
        "2 rate limit",
        "3, score 0.6",
        "3 accepted: ",
    ]
    assert "window 8, its attempt 1 there: " in told
    assert "accepted after 3 attempt(s)" in told


def test_an_answer_stays_the_json_that_it_was() -> None:
    """However long: in one line, from its first character to its last."""
    answer = json.dumps(
        {"sentiment": "bullish", "subnets": [{"name": f"subnet {n}", "functions": [n]} for n in range(99)]}
    )
    drive = Drive().start().window(60_000).scraped(1)
    drive.on(analyzed("1", content_sha256=CONTENT_SHA256, raw_answer=answer))
    drive.on(accepted(drive.send()))
    (line,) = [line for line in text(drive, "1").splitlines() if "bullish" in line and "answer" in line]
    assert json.loads(line.partition("answer: ")[2]) == json.loads(answer)


def test_what_happens_to_a_post_by_records_that_do_not_name_it_is_told() -> None:
    """A 429 of another post puts it off, the next window takes it up, a crash loses its answer."""
    told = text(story(), "5")
    assert "! post 4 rate limited, waiting for the next window: rate limit\n" in told
    assert "put off to the next window\n" in told
    assert "window 60003 at block 6000300 (told by status)\n" in told
    assert "carried into window 60003\n" in told
    assert told.endswith("accepted after 1 attempt(s), records 15 to 39, 21 min 48 s\n")
    lost = text(story(), "3")
    assert "attempt 2 was under way, its answer was never recorded\n" in lost
    assert "accepted after 3 attempt(s)" in lost


def test_another_text_than_the_analyzed_one_is_noticed() -> None:
    """The digest of the analysis and the body of the attempt are compared."""
    drive = Drive().start().window(60_000).scraped(1)
    drive.on(analyzed("1", content_sha256=content_sha256("something else")))
    drive.send()
    assert "another text than the one that was analyzed\n" in text(drive, "1")


def test_how_the_llm_was_asked_is_told() -> None:
    """What its server does not take, how often it was asked again, and how much of the text it saw."""
    drive = Drive().start().window(60_000).scraped(1)
    drive.on(analyzed("1", rung="plain", dropped=("seed", "temperature"), calls=2, repairs=1, shown_chars=800))
    told = " ".join(text(drive, "1").split())
    assert "prompt 1, plain without seed, temperature: 2 call(s) with 1 repair(s), 100 + 10 tokens" in told
    assert "it was shown the first 800 characters" in told


def test_a_post_that_was_found_and_not_drawn() -> None:
    """It is in the journal by its id alone, until a later search draws it."""
    drive = Drive().start().window(60_000)
    scraped = ev.PostsScraped(
        window=60_000,
        wanted=5,
        seed=1,
        candidates=("1", "2"),
        posts=(post(1),),
        posts_read=2,
        users_read=2,
        requests=1,
        unusable=0,
        latency_ms=1,
    )
    drive.on(scraped)
    assert life(drive, "2").verdict == "not drawn"
    told = text(drive, "2")
    assert told.startswith("post 2: its text is not in this journal\n")
    assert "found and not drawn for window 60000: 1 of 2 new posts were drawn" in told
    assert told.endswith("not drawn: a later search may find it again, records 4 to 4, 0.0 s\n")
    assert post_life_fields(life(drive, "2"))["post"] is None


@pytest.mark.parametrize("verdict", ["pending", "left out", "left out after a failure", "abandoned", "settled"])
def test_every_other_end(verdict: str) -> None:
    """Also those that have no event of their own."""
    drive = Drive(ev.Policy(submit_irrelevant=False, on_analysis_error="skip")).start().window(60_000).scraped(1)
    if verdict == "left out":
        drive.on(analyzed("1", 0.0))
    elif verdict == "left out after a failure":
        drive.on(analysis_failed("1"))
    elif verdict == "abandoned":
        drive.on(analyzed("1"))
        for attempt in (1, 2, 3):
            drive.on(failed(drive.send(), attempt))
            drive.on(*[ev.BackoffElapsed()] * (attempt < 3))
        drive.on(ev.PostAbandoned(post_id="1", reason="too old"))
    elif verdict == "settled":
        salvage = ev.Salvage(
            records=1,
            seen={},
            settled=("1",),
            accepted=1,
            counted={},
            window=None,
            start_block=None,
            blocks_per_window=None,
            epoch=1,
        )
        drive.on(ev.GapDeclared(reason="bad", segment="x", offset=1, lost_bytes=9, witnessed_seq=None, salvage=salvage))
    assert life(drive, "1").verdict == verdict.removesuffix(" after a failure")
    assert text(drive, "1").splitlines()[-1].startswith(life(drive, "1").verdict)


def test_an_unknown_post_is_wrong_use() -> None:
    """Ids that begin like it are suggested."""
    drive = Drive().start().window(60_000).scraped(11, 12, 131, 132, 2)
    with pytest.raises(UsageError, match=r"--post 3: this journal knows no such post$"):
        life(drive, "3")
    with pytest.raises(UsageError, match=r"no such post; these begin with it: 131, 132$"):
        life(drive, "13")
    with pytest.raises(UsageError, match=r"no such post; these begin with it: 11, 12, 131, …$"):
        life(drive, "1")
    with pytest.raises(UsageError, match=r"knows no such post$"):
        life(drive, "")


def test_a_post_of_no_calendar_year_is_shown() -> None:
    """With the number that X is said to have told."""
    drive = Drive().start().window(7).scraped(1, timestamp=2**62)
    assert text(drive, "1").splitlines()[0].endswith(", posted 4611686018427387904 s")


def test_json_holds_the_post_and_no_other() -> None:
    """Every record that concerns it, without the rest of the sample that it was drawn in."""
    fields = json.loads(json_line(post_life_fields(life(story(), "4"))))
    assert (fields["post_id"], fields["verdict"], fields["attempts"]) == ("4", "accepted", 2)
    assert fields["post"]["content"] == "SN45 is doing fine, number 4"
    assert [record["event"] for record in fields["records"]] == [
        "PostsScraped",
        "PostAnalyzed",
        "SubmissionStarted",
        "RateLimited",
        "WindowOpened",
        "SubmissionStarted",
        "SubmissionAccepted",
    ]
    assert "number 3" not in json.dumps(fields)
    assert fields["records"][0]["data"]["wanted"] == 5


def test_every_post_of_the_sample_has_the_life_that_the_table_of_posts_tells() -> None:
    """Verdict and attempts, told by another fold of the same records; a few dozen posts are shown too."""
    records = sample()
    known = list(steps(records))
    rows = post_rows((step.record, step.after) for step in known)
    for number, row in enumerate(rows):
        if number % 15 and row.verdict in {"accepted", "rejected"}:
            continue
        found = post_life(known, row.post.id)
        assert (found.post, found.attempts) == (row.post, row.attempts)
        assert found.verdict in {row.verdict, "settled"}
        assert all(line[:-1].isprintable() and line.endswith("\n") for line in post_life_lines(found) if line != "\n")
