"""R9: nothing is sent that is older than 72 hours, whatever the host did; what is under way is not given up."""

from __future__ import annotations

from typing import Any

import pytest

from actor.machine import IllegalEventError
from actor.machine.wanted import submission_decided, wanted
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from tests.kit import T0_MS, Drive, accepted, failed, limited, post

OLD_MS = (post(1).timestamp + 72 * 3600) * 1000
FRESH: dict[str, Any] = {"timestamp": OLD_MS // 1000 - 3600}


def too_old(post_id: str) -> ev.PostAbandoned:
    """It is given up."""
    return ev.PostAbandoned(post_id=post_id, reason="too old")


def decided(drive: Drive, at_ms: int) -> ev.Event:
    """What the wanted start of a submission comes to at this moment."""
    (effect,) = [effect for effect in wanted(drive.state) if isinstance(effect, ef.StartSubmission)]
    return submission_decided(drive.state, effect, at_ms)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_no_attempt_of_a_post_that_is_too_old(attempt: int) -> None:
    """The first or a later one: the age counts at the moment at which it would begin."""
    drive = Drive().start().batch(7, 1)
    for number in range(1, attempt):
        drive.on(failed(drive.send(), number))
        drive.on(ev.BackoffElapsed(), after_s=6)
    assert isinstance(decided(drive, OLD_MS - 1), ev.SubmissionStarted)
    assert decided(drive, OLD_MS) == too_old("1")
    drive.on(too_old("1"))
    assert (drive.at(), drive.state.totals.abandoned) == ("WaitingForWindow", 1)


def test_the_others_go_on() -> None:
    """A younger post behind it in the queue is sent."""
    drive = Drive().start().window(7).scraped(1).analyze_all()
    drive.on(limited(drive.send()))
    drive.at_ms = OLD_MS - 10_000
    drive.window(8).scraped(2, **FRESH).analyze_all()
    assert decided(drive, OLD_MS) == too_old("1")
    assert drive.on(too_old("1")).state == "Submitting"
    assert drive.send() == "2"


def test_a_place_that_the_api_may_have_counted_stays_taken() -> None:
    """I1: an attempt that failed may have been accepted all the same; its post leaves no room for another."""
    drive = Drive(ev.Policy(max_submissions_per_window=1)).start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    drive.window(8).on(ev.BackoffElapsed())
    drive.on(too_old("1"))
    assert (drive.at(), drive.state.room()) == ("WaitingForWindow", 0)
    fresh = Drive(ev.Policy(max_submissions_per_window=1)).start().batch(7, 1).window(8)
    fresh.on(too_old("1"))
    assert (fresh.at(), fresh.state.room()) == ("Scraping", 1)


def test_a_carried_post_that_is_too_old_takes_no_place_of_the_window() -> None:
    """The host slept until after it: the window opens without it, and its abandonment is due."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    drive.at_ms = OLD_MS
    drive.window(8)
    assert (drive.at(), drive.state.to_scrape) == ("Scraping", 5)
    due = [effect for effect in wanted(drive.state) if isinstance(effect, ef.AbandonPost)]
    assert due == [ef.AbandonPost(post_id="1", reason="too old", due_ms=OLD_MS)]
    assert drive.on(too_old("1")).state == "Scraping"


def test_a_window_that_opens_behind_a_batch_counts_the_age_then() -> None:
    """The moment of the verdict that ends the batch, not that of the record that told the window."""
    drive = Drive().start().batch(7, 1, 2)
    first, second = [pending.post.id for pending in drive.state.queue()]
    for attempt in (1, 2, 3):
        drive.on(failed(drive.send(), attempt))
        if attempt < 3:
            drive.on(ev.BackoffElapsed())
    assert drive.send() == second
    drive.window(8)
    drive.at_ms = OLD_MS
    drive.on(accepted(second))
    assert (drive.at(), drive.state.to_scrape) == ("Scraping", 4), "the other one counts in this window"
    assert [pending.post.id for pending in drive.state.posts if pending.deferred] == [first]


def test_an_open_attempt_is_never_given_up() -> None:
    """Its outcome is not known yet."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    drive.at_ms = OLD_MS + 1
    with pytest.raises(IllegalEventError, match="an attempt of post 1 is open"):
        drive.on(too_old("1"))
    assert not [effect for effect in wanted(drive.state) if isinstance(effect, ef.AbandonPost | ef.StartSubmission)]
    drive.start()
    assert decided(drive, drive.at_ms) == too_old("1")


@pytest.mark.parametrize("reason", ["carried too long", "too old"])
def test_what_does_not_wait_is_not_given_up(reason: str) -> None:
    """A post without an analysis, and one in the queue that is merely carried too long, which it cannot be."""
    drive = Drive().start().window(7).scraped(1)
    with pytest.raises(IllegalEventError, match="waits for nothing"):
        drive.on(ev.PostAbandoned(post_id="1", reason=reason))  # type: ignore[arg-type]
    drive.analyze_all()
    with pytest.raises(IllegalEventError, match="waits for nothing"):
        drive.on(ev.PostAbandoned(post_id="1", reason="carried too long"))


def test_posts_of_older_builds_are_carried_as_before() -> None:
    """A journal in which one was sent at any age folds to its end; this build sends none of them itself."""
    drive = Drive().start().window(7)
    searched = Drive().start().window(7).scraped(1).records[-1].event()
    drive.on(changed(searched, since=None))
    drive.analyze_all().on(limited(drive.send()))
    drive.at_ms = OLD_MS + 36_000_000
    drive.window(9)
    assert drive.state.to_scrape == 4
    drive.scraped()
    assert decided(drive, drive.at_ms) == too_old("1")
    drive.on(accepted(drive.send()))
    assert drive.state.totals.accepted == 1


def test_a_clock_that_was_set_back_makes_nothing_too_old() -> None:
    """Ages are of the moment of the record."""
    drive = Drive().start().batch(7, 1)
    drive.at_ms = T0_MS - 86_400_000
    assert isinstance(decided(drive, drive.at_ms), ev.SubmissionStarted)
