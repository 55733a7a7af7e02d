"""A window that is told too early and taken back: a 429 still holds in its window, and no place is counted nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine import IllegalEventError
from actor.machine.wanted import wanted
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from tests.kit import Drive, accepted, failed, limited

BLOCKS = 100


def back_to(drive: Drive, number: int) -> Drive:
    """Answers agreed for minutes that the API is in this window."""
    newest = drive.state.newest
    assert newest is not None
    start = number * BLOCKS
    drive.on(
        ev.WindowsRevised(
            window=number,
            start_block=start,
            current_block=start + 7,
            blocks_per_window=BLOCKS,
            believed_start_block=newest.start_block,
            answers=26,
            agreed_s=300.0,
            taken=drive.state.taken_of(start),
        )
    )
    return drive


def refused(drive: Drive, named: int | None) -> None:
    """The wanted submission meets a 429, which names a window or none."""
    start = None if named is None else named * BLOCKS
    post_id = drive.send()
    drive.on(changed(limited(post_id, start), full=drive.state.filled_by(start)))


def is_sending(drive: Drive) -> bool:
    return any(isinstance(effect, ef.StartSubmission | ef.ScrapeWindow) for effect in wanted(drive.state))


@given(first=st.integers(3, 9_000), named=st.booleans(), ahead=st.integers(1, 60), again=st.integers(0, 3))
def test_i6_nothing_is_sent_in_the_window_of_a_429_that_a_window_which_was_none_ended(
    *, first: int, named: bool, ahead: int, again: int
) -> None:
    """I6: however far ahead it was told, how often, and whether the 429 named its window or the miner knew of it."""
    drive = Drive().start().batch(first, 3)
    full = first
    if named:
        full = first + 1
        refused(drive, full)
        drive.window(full)
    else:
        refused(drive, None)
    for _ in range(1 + again):
        drive.window(full + ahead)
        if drive.at() == "Scraping":
            drive.scrape_failed()
        while drive.at() == "Submitting":
            drive.on(accepted(drive.send(), start_block=(full + ahead) * BLOCKS))
        back_to(drive, full)
        assert not is_sending(drive)
        assert drive.state.room() == 0
    assert drive.window(full + ahead + 1).at() in {"Scraping", "Submitting"}


@given(
    first=st.integers(3, 9_000),
    ahead=st.integers(1, 60),
    quota=st.integers(2, 9),
    taken=st.integers(1, 9),
    lost=st.booleans(),
)
def test_i1_what_was_sent_while_another_window_was_believed_takes_its_place_in_the_true_one(
    *, first: int, ahead: int, quota: int, taken: int, lost: bool
) -> None:
    """I1: posts that were accepted without a window's name, and the one whose answers were all lost."""
    taken = min(quota, taken)
    drive = Drive(ev.Policy(max_submissions_per_window=quota)).start().window(first).scrape_failed()
    drive.batch(first + 1 + ahead, *range(1, taken + 1))
    for number in range(taken):
        if lost and number == taken - 1:
            for attempt in (1, 2, 3):
                drive.on(failed(drive.send(), attempt))
                if drive.state.backoff is not None:
                    drive.on(ev.BackoffElapsed(), after_s=6)
        else:
            drive.on(accepted(drive.send()))
    back_to(drive, first + 1)
    assert drive.state.room() == quota - taken
    assert drive.state.to_scrape == quota - taken - (lost and taken < quota), "what was put off goes first"


def test_i1_an_attempt_that_a_crash_cut_off_takes_a_place_when_its_window_is_taken_back() -> None:
    """I1: the API may have it, and its post is carried; another post is not sent in its place."""
    drive = Drive(ev.Policy(max_submissions_per_window=1)).start().window(70).scrape_failed().batch(72, 5)
    drive.send()
    drive.start()
    assert back_to(drive, 71).state.room() == 0
    assert not is_sending(drive)
    assert drive.window(72).state.posts[0].post.id == "5"


def test_journals_of_before_fold_as_they_did() -> None:
    """Version 1 of both: the wait ends with the window that was none, and a place stays where it was counted."""
    told = '"window": 71, "start_block": 7100, "current_block": 7107, "blocks_per_window": 100, "answers": 26'
    revised = f'{{{told}, "believed_start_block": 7200, "agreed_s": 300.0}}'
    drive = Drive().start().batch(70, 1)
    post_id = drive.send()
    answer = (
        f'"post_id": "{post_id}", "answer": "", "reason": "", "latency_ms": 1, "reset_block": null, "reset_s": null'
    )
    drive.recorded("2026-11-23T00:00:00.000Z", "RateLimited", f'{{{answer}, "start_block": 7100}}')
    assert drive.state.counted == {}
    drive.window(71).window(72).scrape_failed()
    drive.on(accepted(drive.send()))
    drive.recorded("2026-11-23T01:00:00.000Z", "WindowsRevised", revised)
    assert drive.state.counted == {7_200: 1}
    assert drive.at() == "Scraping"


@pytest.mark.parametrize("wrong", [1, 7])
def test_a_record_that_miscounts_is_refused(wrong: int) -> None:
    """What the fold would come to by itself stands in the record, or the record is not this machine's."""
    drive = Drive().start().window(70).scrape_failed().window(72).scrape_failed()
    told = {"window": 71, "start_block": 7_100, "current_block": 7_107, "blocks_per_window": 100}
    with pytest.raises(IllegalEventError, match="0 places may be taken there"):
        drive.on(ev.WindowsRevised(**told, believed_start_block=7_200, answers=26, agreed_s=300.0, taken=wrong))
    drive = Drive().start().batch(70, 1)
    with pytest.raises(IllegalEventError, match=r"a 429 fills windows \(7000,\)"):
        drive.on(changed(limited(drive.send()), full=(7_000 + wrong,)))
