"""What attackers of this machine found; each find stays a test of one sentence."""

from __future__ import annotations

import pytest

from actor.machine import wanted
from actor.machine.facts import crash_event, observe, submit_event
from actor.ports import Accepted, Block, Limited
from events import catalogue as ev
from events import effects as ef
from tests.kit import T0_MS, Drive, accepted, analyzed, failed, gap, limited, post, rejected


def work(drive: Drive) -> list[ef.Effect]:
    """Effects that pay or send."""
    kinds = ef.ScrapeWindow | ef.AnalyzePost | ef.StartSubmission | ef.SubmitPost
    return [effect for effect in wanted(drive.state) if isinstance(effect, kinds)]


def test_i3_a_gap_in_a_window_spends_the_window() -> None:
    """The due search may have been made and paid for in the gap."""
    drive = Drive().start().window(8)
    drive.on(gap(settled=("1",), accepted=5, counted={800: 5}))
    drive.start()
    assert drive.at() == "WaitingForWindow"
    assert work(drive) == []
    assert work(drive.window(9)) == [ef.ScrapeWindow(window=9, count=5)]


def test_i6_i7_nothing_is_sent_behind_a_gap_before_the_next_window() -> None:
    """A 429 and attempts may lie in the gap; what was not analyzed is left out, for its analysis may lie there too."""
    drive = Drive().start().window(8).scraped(1, 2)
    drive.on(analyzed("1"))
    drive.on(gap())
    drive.start()
    assert work(drive) == []
    assert (len(drive.state.posts), drive.state.totals.left_out) == (1, 1)
    drive.window(9).scraped(3).analyze_all()
    assert drive.send() == "1"


@pytest.mark.parametrize("days", [9, 400])
def test_i2_a_clock_that_ran_ahead_forgets_no_post(days: int) -> None:
    """Seen posts are pruned by the posts' own times, not by this host's clock."""
    drive = Drive().start().batch(7, 1).accept_all()
    drive.at_ms += days * 86_400_000
    drive.window(8).scraped(2).analyze_all().accept_all()
    drive.at_ms = T0_MS
    drive.window(9)
    assert drive.state.is_seen("1")


def test_a_pending_post_is_seen_even_when_its_day_is_forgotten() -> None:
    """The same id twice among the pending posts could never be analyzed."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    drive.window(8).scraped(2, timestamp=T0_MS // 1000 + 20 * 86_400)
    assert drive.state.is_seen("1")


def test_a_crash_of_an_analysis_that_is_no_longer_due_is_only_a_crash() -> None:
    """Turning it into AnalysisFailed would be refused, and end the actor."""
    drive = Drive().start().window(7).scraped(1, 2)
    for _ in range(3):
        drive.on(ev.EffectCrashed(effect="AnalyzePost:1", post_id="1", error="a bug"))
    drive.on(analyzed("1"))
    event = crash_event(drive.state, ef.AnalyzePost(post_id="1"), "a bug")
    assert isinstance(event, ev.EffectCrashed)


LIMITED_BLOCKS = [
    (Block(next_window_start_block=900, window_start_block=800), 900),
    (Block(next_window_start_block=900), None),
    (Block(), 900),
    (Block(current_block=801), None),
    (Block(current_window=8), None),
]


@pytest.mark.parametrize(("block", "reset_block"), LIMITED_BLOCKS)
def test_i6_every_number_of_a_429_tells_which_window_is_full(block: Block, reset_block: int | None) -> None:
    """The poll lags behind: window 7 is the newest known, the 429 speaks of window 8, so 9 is waited for."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    answer = Limited(reason="", answer="", block=block, reset_block=reset_block, reset_s=None)
    drive.on(submit_event(drive.state, ef.SubmitPost(post_id="1", attempt=1), answer, latency_ms=1))
    drive.window(8)
    assert (drive.at(), work(drive)) == ("Backoff", [])
    drive.window(9)
    assert drive.at() == "Scraping"


def test_i1_a_quota_that_shrank_binds_at_once() -> None:
    """By the API's word in mid-batch, and by the setting at a restart."""
    drive = Drive().start().batch(7, 1, 2, 3, 4, 5)
    drive.on(accepted(drive.send(), start_block=700))
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=2))
    drive.on(accepted(drive.send(), start_block=700))
    assert (drive.at(), work(drive)) == ("WaitingForWindow", [])
    again = Drive().start().batch(7, 1, 2, 3)
    again.start(ev.Policy(max_submissions_per_window=1))
    again.on(accepted(again.send(), start_block=700))
    assert again.at() == "WaitingForWindow"


def test_i1_a_quota_that_is_used_up_ends_the_batch_at_once() -> None:
    """The API says that it allows fewer than were sent already."""
    drive = Drive().start().batch(7, 1, 2, 3)
    drive.on(accepted(drive.send(), start_block=700))
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=1))
    assert (drive.at(), work(drive)) == ("WaitingForWindow", [])
    assert sum(p.deferred for p in drive.state.posts) == 2


def test_r11_a_restart_keeps_the_api_s_numbers() -> None:
    """An answer that names only a block must not be read with the configured length."""
    drive = Drive().start()
    drive.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=360))
    drive.window(2, blocks=360).scraped()
    drive.start()
    assert drive.state.blocks_per_window == 360
    assert observe(drive.state, Block(current_block=860), "submit") == ()


def test_i7_attempts_in_a_newer_window_count_there() -> None:
    """Exhausted while window 8 was open already, a post waits for window 9; it may have been counted in 8 (I1)."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    drive.window(8)
    for attempt in (2, 3):
        drive.at_ms += 60_000
        drive.on(ev.BackoffElapsed())
        drive.on(failed(drive.send(), attempt))
    assert work(drive) == [ef.ScrapeWindow(window=8, count=4)]
    drive.scraped()
    assert drive.at() == "WaitingForWindow"
    assert [e.post_id for e in work(drive.window(9).scraped()) if isinstance(e, ef.StartSubmission)] == ["1"]


def test_i7_a_clock_set_back_amid_two_waits_shortens_neither() -> None:
    """The moment of before is hours away by the new clock: both waits begin anew, at the longer of the two."""
    drive = Drive().start().window(8).scraped(1).analyze_all()
    drive.send()
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="a bug"))
    drive.on(failed("1", 1), after_s=-3600)
    backoff = drive.state.backoff
    assert backoff is not None
    assert backoff.due_ms == drive.at_ms + 12_000


def test_a_crashing_checkpoint_is_not_wanted_again_in_its_window() -> None:
    """In a backoff until the next window nothing would hold it back."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    checkpoint = ef.SignCheckpoint(start_block=700)
    assert checkpoint in wanted(drive.state)
    drive.on(ev.EffectCrashed(effect="SignCheckpoint", post_id=None, error="a bug"))
    assert checkpoint not in wanted(drive.state)


def test_a_verdict_is_not_lost_to_an_absurd_window() -> None:
    """A number that no record can hold counts as absent."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    answer = Accepted(
        status="new",
        http_status=200,
        answer="{}",
        block=Block(current_window=2**53 - 1, blocks_per_window=10_000_000),
        selected_for_validation=None,
        validation_id=None,
    )
    event = submit_event(drive.state, ef.SubmitPost(post_id="1", attempt=1), answer, latency_ms=1)
    assert isinstance(event, ev.SubmissionAccepted)
    assert event.start_block is None
    drive.on(event)


def test_r13_only_an_answer_ends_an_outage() -> None:
    """A refused connection says nothing of blocks, and proves nothing."""
    drive = Drive().start()
    drive.on(ev.ApiUnreachable(reason="refused"))
    assert observe(drive.state, Block(), "submit") == ()
    assert observe(drive.state, Block(), "status") == (ev.ApiRecovered(),)


def test_a_journal_that_moved_takes_the_new_api_s_blocks() -> None:
    """The old API's windows, quotas and 429 do not bind at the new one; posts carried over still go first."""
    drive = Drive().start().batch(70_000, 1, 2)
    drive.on(rejected(drive.send()))
    drive.on(limited(drive.send()))
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start()
    drive.window(50)
    assert ef.ScrapeWindow(window=50, count=4) in wanted(drive.state)
    drive.scraped()
    assert drive.send() == "2"


def test_a_move_in_mid_batch_puts_the_batch_off_to_the_new_api_s_first_window() -> None:
    """Killed while it sent, then moved: what was not sent waits for a window to be sent in, and goes first there."""
    drive = Drive().start().batch(70_000, 1, 2)
    drive.send()
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start()
    assert drive.at() == "WaitingForWindow"
    assert [type(effect) for effect in wanted(drive.state) if not isinstance(effect, ef.AbandonPost)] == [ef.PollStatus]
    drive.window(50).scraped()
    assert drive.state.window == drive.state.newest
    drive.accept_all()
    assert drive.state.totals.accepted == 2


def test_a_move_during_analyses_sends_their_posts_in_the_new_api_s_first_window() -> None:
    """Killed while it analyzed, then moved: the analyses go on, whether they end before the first window or after."""
    for early in (True, False):
        drive = Drive().start().window(70_000).scraped(1, 2)
        drive.on(analyzed("1"))
        drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9"))
        drive.start()
        if early:
            drive.analyze_all().window(50)
        else:
            drive.window(50).analyze_all()
        assert drive.at() == "Scraping"
        drive.scraped()
        drive.accept_all()
        assert drive.state.totals.accepted == 2


def test_a_move_during_a_search_does_not_wait_for_ever_when_posts_put_off_fill_the_new_window() -> None:
    """Killed in a search beside posts that were put off: the first window of the new API has no room for a search."""
    one, three = ev.Policy(max_submissions_per_window=1), ev.Policy(max_submissions_per_window=3)
    drive = Drive(three).start().batch(70_000, 1, 2, 3)
    drive.on(limited(drive.send()))
    drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=0))
    drive.start(ev.Policy(max_submissions_per_window=4)).window(70_001)
    assert drive.at() == "Scraping"
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start(one).window(50)
    assert drive.at() == "Submitting"
    drive.accept_all()
    assert drive.at() == "WaitingForWindow"


def test_a_post_that_was_never_chosen_is_not_seen() -> None:
    """Candidates that the sample left aside may be chosen later."""
    drive = Drive().start().batch(7, 1)
    assert not drive.state.is_seen(post(2).id)
