"""The timeline by window: where a block begins and ends, what it says, and what filters leave of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine.history import steps
from audit.errors import UsageError
from audit.filters import Filters, parse_filters
from audit.replay.timeline import Timeline
from events import catalogue as ev
from tests.audit.replay_kit import SAMPLE, sample, story, timeline
from tests.kit import HOTKEY, Drive, accepted, analysis_failed, analyzed, failed, rejected

STORY = f"""\
     1 2026-11-22T14:32:05Z   created    journal of {HOTKEY} on netuid 45 for http://127.0.0.1:8001
     2 2026-11-22T14:32:05Z   started    version 0.1.0, epoch 1, pid 101

     3 2026-11-22T14:32:05Z   window     60000, blocks 6000000 to 6000099, at block 6000000
     4            14:32:05Z   searched   2 of 5 wanted posts chosen from 2 new ones; read 10 posts and 10 users
     6            14:32:05Z   analyzed   2 post(s) by 2 LLM call(s) with 220 tokens
    10            14:32:07Z   accepted   1, 2
    11            14:32:07Z   ended      after 2.0 s: 2 accepted; checkpoint of record 10 signed

    12 2026-11-22T14:42:07Z ! API        coordination API unreachable: no route
    13 2026-11-22T14:43:07Z   API        coordination API answers again

    14 2026-11-22T14:43:07Z ! window     60002, blocks 6000200 to 6000299, at block 6000200; \
1 window(s) before it were missed
    15            14:43:07Z   searched   3 of 5 wanted posts chosen from 3 new ones; read 10 posts and 10 users
    18            14:43:07Z   analyzed   3 post(s) by 3 LLM call(s) with 330 tokens
    20            14:43:07Z ! failed     3 attempt 1: 500; again after 3 s
    23            14:43:15Z ! crashed    the process ended without a word after record 22, 5.0 s earlier
    23            14:43:15Z ! unknown    post 3 attempt 2 was under way, its answer was never recorded
    23            14:43:15Z   started    version 0.1.0, epoch 2, pid 102
    25            14:43:15Z   accepted   3 (duplicate, attempt 3)
    27            14:43:15Z ! limited    4: 429: rate limit; nothing is sent before block 6000300
    27            14:43:15Z   put off    4, 5
    28            14:43:15Z   ended      after 8.0 s: 1 accepted, 2 put off; checkpoint of record 27 signed

    29 2026-11-22T14:43:15Z   stopped    SIGTERM; posts_processed 3
    30 2026-11-22T15:04:55Z   started    version 0.1.0, epoch 3, pid 103; was down for 21 min 40 s

    31 2026-11-22T15:04:55Z   window     60003, blocks 6000300 to 6000399, at block 6000300
    31            15:04:55Z   carried    4, 5
    32            15:04:55Z   searched   3 of 3 wanted posts chosen from 3 new ones; read 10 posts and 10 users
    35            15:04:55Z   analyzed   3 post(s) by 3 LLM call(s) with 330 tokens
    43            15:04:55Z   accepted   4, 5, 6, 7
    45            15:04:55Z   accepted   8
    46            15:04:55Z   ended      after 0.0 s: 5 accepted; checkpoint of record 45 signed
"""
LABEL = slice(len("     1 2026-11-22T14:32:05Z   "), len("     1 2026-11-22T14:32:05Z   created   "))
STEPS = list(steps(story().records))


def blocks(text: str) -> list[str]:
    """The timeline's parts between empty lines."""
    return text.split("\n\n")


def firsts(text: str) -> list[int]:
    """The record at which each part begins."""
    return [int(part.split()[0]) for part in blocks(text) if part]


def test_a_window_is_a_block_and_all_else_stands_between_in_its_place() -> None:
    """A good window, one with every usual trouble, one that takes up what was put off."""
    assert timeline(story().records) == STORY


@pytest.mark.parametrize(
    ("filters", "parts"),
    [
        (parse_filters(windows=[60_002]), [14]),
        (parse_filters(windows=[60_003, 60_000]), [3, 31]),
        (parse_filters(windows=[60_001]), []),
        (parse_filters(post_id="5"), [14, 31]),
        (parse_filters(post_id="5", windows=[60_003]), [31]),
        (parse_filters(post_id="3", events=["ActorStarted"]), [14]),
        (parse_filters(events=["RateLimited"]), [14]),
        (parse_filters(events=["ApiRecovered", "PostsScraped"]), [3, 13, 14, 31]),
        (parse_filters(since="2026-11-22T14:43:15", until="2026-11-22T14"), [14, 29]),
        (parse_filters(until="2026-11-22T14:32:06"), [1, 3]),
        (parse_filters(since="2026-11-23"), []),
    ],
    ids=lambda value: value.text if isinstance(value, Filters) else None,
)
def test_a_block_is_shown_whole_when_one_of_its_records_passes(filters: Filters, parts: list[int]) -> None:
    """And what stands between blocks when it passes itself; all filters that are given must agree."""
    text = timeline(story().records, filters)
    assert firsts(text) == parts
    whole = {part.split()[0]: part for part in blocks(STORY.rstrip())}
    for part in blocks(text.rstrip()):
        if " window " in part:
            assert part == whole[part.split()[0]]


def test_a_batch_that_runs_into_the_next_window_ends_where_that_begins() -> None:
    """One record is the last of one block and the first of another; windows known meanwhile are told."""
    drive = Drive().start().batch(60_000, 1)
    drive.window(60_001)
    drive.on(accepted(drive.send()))
    told = timeline(drive.records)
    assert "known      window 60001 at block 6000100; the one at work goes on" in told
    ended, opened = blocks(told)[-2:]
    assert re.match(r" +8 .* ended +after 0.0 s: 1 accepted$", ended.splitlines()[-1])
    assert re.match(r" +8 .* window +60001, blocks 6000100 to 6000199$", opened.splitlines()[0])
    assert opened.splitlines()[-1].endswith("under way  its work goes on where the journal ends")
    assert firsts(timeline(drive.records, parse_filters(windows=[60_001]))) == [8]
    assert firsts(timeline(drive.records, parse_filters(windows=[60_000]))) == [3]


def test_an_open_block_says_so_at_the_end() -> None:
    """The journal may end in the middle of a window's work, and that is no end of it."""
    drive = Drive().start().batch(60_000, 1)
    assert timeline(drive.records).endswith("under way  its work goes on where the journal ends\n")
    drive.on(accepted(drive.send()))
    assert timeline(drive.records).endswith("ended      after 0.0 s: 1 accepted\n")


def test_windows_with_nothing_to_send() -> None:
    """A full window, a search without news, a failed search: each is a block that says why."""
    drive = Drive().start().window(60_000).scraped()
    drive.window(60_001).scrape_failed()
    full = Drive(ev.Policy(max_submissions_per_window=1)).start().batch(60_000, 1)
    full.on(accepted(full.send(), start_block=6_000_100))
    full.window(60_001)
    told = timeline(drive.records)
    assert "searched   0 of 5 wanted posts chosen from 0 new ones" in told
    assert "! no search  503; the window is spent" in told
    assert told.count("ended      after 0.0 s: nothing was sent") == 2
    opened, ended = blocks(timeline(full.records))[-1].splitlines()
    assert "window     60001" in opened
    assert ended.endswith("ended      after 0.0 s: nothing was sent")


def test_missed_windows_are_counted_only_where_they_can_be() -> None:
    """Not when the API changed blocks_per_window in between: the numbers begin anew."""
    drive = Drive().start().window(60_000).scraped()
    drive.window(60_005).scraped()
    drive.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=50))
    drive.window(120_100, blocks=50).scraped()
    told = timeline(drive.records)
    assert re.search(r"! window +60005, .*; 4 window\(s\) before it were missed\n", told)
    assert "! differs    the API has BLOCKS_PER_WINDOW=50" in told
    assert re.search(r"  window +120100, blocks 6005000 to 6005049, at block 6005000\n", told)


def test_every_verdict_is_told() -> None:
    """Accepted, rejected, failed for this window, left out, abandoned; and analyses that failed."""
    drive = Drive(ev.Policy(submit_irrelevant=False)).start().window(60_000).scraped(1, 2, 3, 4)
    drive.on(analyzed("1", 0.0), analyzed("2"), analyzed("3"), analysis_failed("4"))
    drive.on(rejected(drive.send()))
    for attempt in (1, 2, 3):
        drive.on(failed(drive.send(), attempt))
        if attempt < 3:
            drive.on(ev.BackoffElapsed())
    drive.on(ev.PostAbandoned(post_id="3", reason="too old"))
    told = timeline(drive.records)
    assert "  left out   1\n" in told
    assert "! unanalyzed 4: no answer within 60 s\n" in told
    assert "  left out   4\n" in told
    assert "! rejected   2: 409: conflict\n" in told
    assert "! failed     3 attempt 2: 500; again after 6 s\n" in told
    assert "! failed     3 attempt 3: 500; no attempt is left\n" in told
    assert "  put off    3\n" in told
    assert "after 0.0 s: 1 rejected, 2 left out, 1 put off" in told
    assert "! abandoned  3: too old\n" in told


def test_a_clock_that_goes_back_is_told() -> None:
    """Times in a journal are the host's; order is the journal's."""
    drive = Drive().start()
    drive.on(ev.ApiUnreachable(reason="x"), after_s=-90)
    drive.on(ev.ApiRecovered(), after_s=-0.5)
    told = timeline(drive.records)
    assert "! clock      went back by 1 min 30 s\n" in told
    assert told.count("clock") == 1, "half a second is no jump"


def test_a_gap_ends_the_block() -> None:
    """What lay in it, what was put off and what was left out is told."""
    drive = Drive().start().window(60_000).scraped(1, 2, 3)
    drive.on(analyzed("1"), analyzed("2"))
    salvage = ev.Salvage(
        records=2,
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
    drive.start().window(60_001)
    told = timeline(drive.records)
    assert re.search(r"! gap +a gap was accepted: 9 bytes lost at x:1, 2 records behind it could still be read", told)
    assert "  put off    2\n" in told
    assert "  left out   3\n" in told
    assert blocks(told)[1].splitlines()[-1].endswith("1 accepted, 1 left out, 1 put off")
    assert "carried    2\n" in blocks(told)[-1]


def test_another_api_ends_the_block_of_the_one_before() -> None:
    """Its windows mean nothing there; what was under way is put off and goes first in the first new window."""
    drive = Drive().start().window(60_000).scraped(1, 2)
    drive.on(analyzed("1"), ev.ActorStopped(reason="x", posts_processed=0), ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start().on(analyzed("2"))
    drive.window(7)
    told = blocks(timeline(drive.records))
    assert told[1].splitlines()[-2].endswith("API        moved to the API http://127.0.0.1:9")
    assert told[1].splitlines()[-1].endswith("ended      after 0.0 s: 2 still under way")
    assert told[2].splitlines()[-1].endswith("put off    1, 2")
    assert told[3].splitlines()[1].endswith("carried    1, 2")


def test_the_sample_is_told_without_a_word_too_few() -> None:
    """Every event has a label of its own, every verdict its post, and every worked window its block."""
    records = sample()
    told = timeline(records)
    assert " noted " not in told
    for label, event in (("accepted", "SubmissionAccepted"), ("rejected", "SubmissionRejected")):
        said = [
            post_id for line in told.splitlines() if f" {label} " in line for post_id in re.findall(r"\d{19}", line)
        ]
        assert said == [record.data["post_id"] for record in records if record.name == event]
    worked = {step.after.window.start_block for step in steps(records) if step.after.window is not None}
    begun = re.findall(r"[ !] window +\d+, blocks (\d+) to ", told)
    assert {int(block) for block in begun} == worked
    assert told.count("  ended      after ") >= len(begun), "a window that is taken up again ends again"
    assert max(len(line) for line in told.splitlines()) < 400


def told_ids(text: str, label: str) -> list[str]:
    """The posts that lines of one kind name, in order."""
    lines = [line.split(f" {label} ")[1] for line in text.splitlines() if f" {label} " in line]
    return [post_id for line in lines for post_id in re.findall(r"\b\d+\b(?!\))", line)]


def test_every_kind_of_line_is_documented() -> None:
    """The words that lines of the story and the sample begin with stand in docs/operators/replay.md."""
    text = (SAMPLE.parents[1] / "docs" / "operators" / "replay.md").read_text("utf-8")
    lines = [*STORY.splitlines(), *timeline(sample()).splitlines()]
    labels = {line[LABEL].strip() for line in lines if line}
    assert len(labels) > 20
    assert not [label for label in labels if f"`{label}`" not in text]


@given(st.sets(st.integers(1, 46)))
def test_pauses_change_only_what_shares_a_line(pauses: set[int]) -> None:
    """A live tail says what it has whenever nothing follows; no word is lost or told twice."""
    told = Timeline(parse_filters())
    lines: list[str] = []
    for step in STEPS:
        lines += told.take(step)
        if step.record.seq in pauses:
            lines += told.pause()
    text = "".join([*lines, *told.finish()])
    for label in ("accepted  ", "put off   ", "carried   "):
        assert told_ids(text, label) == told_ids(STORY, label)
    for word in (
        "crashed",
        "unknown",
        "limited",
        "window  ",
        "  ended  ",
        "of record 10 signed",
        "of record 45 signed",
    ):
        assert text.count(word) == STORY.count(word)


def test_memory_is_bounded_in_a_window_that_never_ends() -> None:
    """A filter holds a block's lines back until one passes, but not without limit."""
    drive = Drive().start().window(60_000)
    for number in range(3_000):
        drive.on(ev.EffectCrashed(effect="ScrapeWindow", post_id=None, error=f"number {number}"), after_s=1)
    drive.on(ev.ActorStopped(reason="enough", posts_processed=0))
    lines = timeline(drive.records, parse_filters(events=["ActorStopped"])).splitlines()
    assert 900 < len(lines) < 1_100
    assert "number 0" in lines[1]
    assert "stopped    enough; posts_processed 0" in lines[-2]


def test_a_misspelled_event_is_wrong_use() -> None:
    """With the nearest name that there is."""
    with pytest.raises(UsageError, match="--event RateLimitd: there is no such event; the nearest one is RateLimited"):
        parse_filters(events=["RateLimitd"])
    with pytest.raises(UsageError, match="the nearest one is PostsScraped"):
        parse_filters(events=["PostsScraped", "postsscraped"])


def test_a_verdict_that_opens_the_next_window_counts_once() -> None:
    """The last answer of a window whose successor is known: it is counted where it was told."""
    drive = Drive().start()
    drive.batch(60_000, 1, 2)
    drive.window(60_001)
    drive.accept_all()
    drive.scraped(3)
    drive.analyze_all()
    drive.accept_all()
    drive.sign()
    ended = [line.split("s: ")[1] for line in timeline(drive.records).splitlines() if line[LABEL].strip() == "ended"]
    assert [text.split(";")[0] for text in ended] == ["2 accepted", "1 accepted"]


def test_work_that_is_taken_up_again_is_a_block_of_its_own() -> None:
    """What was held in a window whose work had ended, and a start that asks about it again."""
    drive = Drive(ev.Policy(on_analysis_error="hold")).start().window(60_000).scraped(1, 2)
    drive.on(analysis_failed("1", "auth"))
    drive.sign().start().analyze_all().accept_all().sign()
    told = timeline(drive.records)
    assert "1: HTTP 4xx: auth; it waits to be asked about again\n" in told
    assert "put off    1, 2\n" in told
    assert "window     60000 again, blocks 6000000 to 6000099\n" in told
    assert "carried    2, 1\n" in told
    assert "ended      after 0.0 s: 2 accepted; checkpoint of record " in told
