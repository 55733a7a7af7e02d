"""The rulings on the specification, and the invariants, as the machine keeps them."""

from __future__ import annotations

import pytest

from actor.machine import IllegalEventError, step, wanted
from events import catalogue as ev
from events import effects as ef
from tests.kit import HOTKEY, T0_MS, Drive, accepted, analysis_failed, analyzed, failed, limited, post, rejected


def effects(drive: Drive) -> list[ef.Effect]:
    """What is wanted beside polling, which is wanted always, and the checkpoint after a window's work."""
    return [e for e in wanted(drive.state) if not isinstance(e, ef.PollStatus | ef.SignCheckpoint)]


def abandon(drive: Drive) -> ef.AbandonPost:
    """The one abandonment that is wanted."""
    (effect,) = [e for e in wanted(drive.state) if isinstance(e, ef.AbandonPost)]
    return effect


def test_a_window_goes_from_scrape_to_verdicts() -> None:
    """The main path visits Scraping, Analyzing, Submitting and waits for the next window."""
    drive = Drive().start()
    assert wanted(drive.state) == (ef.PollStatus(interval_s=12.0),)
    drive.window(7)
    assert drive.at() == "Scraping"
    assert effects(drive) == [ef.ScrapeWindow(window=7, count=5)]
    drive.scraped(1, 2)
    assert drive.at() == "Analyzing"
    assert effects(drive) == [ef.AnalyzePost(post_id="1"), ef.AnalyzePost(post_id="2")]
    drive.analyze_all()
    assert drive.at() == "Submitting"
    drive.send()
    assert effects(drive) == [ef.SubmitPost(post_id="1", attempt=1)]
    drive.on(accepted("1"))
    drive.accept_all()
    assert drive.at() == "WaitingForWindow"
    assert drive.state.totals.accepted == 2
    assert effects(drive) == []


def test_best_score_goes_first() -> None:
    """Submissions go one after another, best score first."""
    drive = Drive().start().window(7).scraped(1, 2, 3)
    drive.on(analyzed("1", 0.2), analyzed("2", 0.9), analyzed("3", 0.5))
    sent = []
    while drive.at() == "Submitting":
        sent.append(drive.send())
        drive.on(accepted(sent[-1]))
    assert sent == ["2", "3", "1"]


def test_r1_three_attempts_with_waits_of_three_and_six_seconds() -> None:
    """R1, I7: 3 attempts in all, 3 s after the first failure and 6 s after the second, then the next window."""
    drive = Drive().start().batch(7, 1)
    for attempt, wait_s in ((1, 3.0), (2, 6.0)):
        assert effects(drive) == [ef.StartSubmission(post_id="1", attempt=attempt)]
        drive.on(failed(drive.send(), attempt))
        assert drive.at() == "Backoff"
        assert effects(drive) == [ef.EndBackoff(due_ms=drive.at_ms + round(wait_s * 1000), wait_s=wait_s)]
        drive.on(ev.BackoffElapsed(), after_s=wait_s)
    drive.on(failed(drive.send(), 3))
    assert drive.at() == "WaitingForWindow"
    assert drive.state.posts[0].deferred
    assert not any(isinstance(e, ef.StartSubmission | ef.SubmitPost) for e in wanted(drive.state))


def test_r1_a_deferred_post_does_not_hold_up_the_others() -> None:
    """R1: after the third failure the queue goes on as after a verdict."""
    drive = Drive(ev.Policy(submit_attempts=1)).start().batch(7, 1, 2)
    drive.on(failed(drive.send(), 1))
    assert drive.at() == "Submitting"
    assert drive.send() == "2"


def test_r3_the_body_is_normalized_and_complete() -> None:
    """R3: content goes out as norm_text(content), the author without @, every field as the contract names it."""
    drive = Drive().start().window(7).scraped(1, content="  SN45\r\nis  up ", author="alice").analyze_all(0.8)
    drive.send()
    assert drive.state.open is not None
    body = drive.state.open.body
    assert body == ev.SubmissionBody(
        miner_hotkey=HOTKEY,
        post_id="1",
        content="SN45 is up",
        date=T0_MS // 1000 - 3600,
        author="alice",
        account_age=365,
        retweets=10,
        likes=50,
        responses=5,
        followers=1_000,
        tokens={"talisman": 0.8},
        sentiment=0.5,
        score=drive.state.posts[0].score,
    )


def test_r6_an_analysis_error_submits_defaults() -> None:
    """R6: tokens {}, sentiment 0, score 0, and the post goes on."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(analysis_failed("1"))
    drive.send()
    assert drive.state.open is not None
    body = drive.state.open.body
    assert (body.tokens, body.sentiment, body.score) == ({}, 0.0, 0.0)


def test_r6_skip_leaves_a_post_out() -> None:
    """R6: ON_ANALYSIS_ERROR=skip is a verdict of its own, and the post is not sent."""
    drive = Drive(ev.Policy(on_analysis_error="skip")).start().window(7).scraped(1, 2)
    drive.on(analysis_failed("1"), analyzed("2"))
    assert drive.send() == "2"
    drive.on(accepted("2"))
    assert (drive.at(), drive.state.totals.left_out) == ("WaitingForWindow", 1)


@pytest.mark.parametrize("event", [analyzed("1", 0.0), analysis_failed("1")], ids=["irrelevant", "failed"])
def test_r7_irrelevant_posts_are_sent_unless_the_setting_says_no(event: ev.Event) -> None:
    """R7: SUBMIT_IRRELEVANT=false leaves out what has no relevance; nothing left to send ends the window."""
    drive = Drive().start().window(7).scraped(1)
    assert drive.on(event).state == "Submitting"
    picky = Drive(ev.Policy(submit_irrelevant=False)).start().window(7).scraped(1)
    assert picky.on(event).state == "WaitingForWindow"
    assert picky.state.totals.left_out == 1


def test_r8_a_chosen_post_is_seen_for_ever() -> None:
    """R8: seen posts are filtered, whatever became of them; a second choice is refused."""
    drive = Drive().start().batch(7, 1)
    drive.on(rejected(drive.send()))
    assert drive.state.is_seen("1")
    drive.window(8)
    with pytest.raises(IllegalEventError, match="a chosen post is new"):
        drive.scraped(1)


def test_seen_posts_are_forgotten_by_the_time_they_were_chosen() -> None:
    """Memory stays bounded: a post comes back within 72 hours, so ids of ten days with searches are enough."""
    drive = Drive().start()
    for day in range(30):
        drive.at_ms = T0_MS + day * 86_400_000
        drive.window(100 + day * 72).scraped(day + 1, timestamp=drive.at_ms // 1000 - 60).analyze_all().accept_all()
    assert drive.state.totals.accepted == 30
    assert sum(len(ids) for ids in drive.state.seen.values()) == 10
    assert drive.state.is_seen("30")
    assert not drive.state.is_seen("1")


def test_r9_429_waits_for_the_next_window_and_carries_the_rest() -> None:
    """R9, I6: nothing is sent before the next window; what was analyzed goes first, the scrape asks for the rest."""
    drive = Drive().start().batch(7, 1, 2, 3)
    drive.on(accepted(drive.send()))
    drive.on(limited(drive.send()))
    assert drive.at() == "Backoff"
    assert effects(drive) == [abandonment for abandonment in effects(drive) if isinstance(abandonment, ef.AbandonPost)]
    drive.window(8)
    assert drive.at() == "Scraping"
    assert ef.ScrapeWindow(window=8, count=3) in wanted(drive.state)
    drive.scraped(4, likes=5_000).analyze_all()
    assert [drive.send()] == ["2"], "a carried post goes before a better new one"


def test_r9_429_in_a_newer_window_than_known_waits_for_the_one_after() -> None:
    """R9, I6: the window that is full is the one the API speaks of."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send(), start_block=800))
    drive.window(8)
    assert drive.at() == "Backoff"
    drive.window(9)
    assert drive.at() == "Scraping"


def test_r9_carried_posts_that_fill_the_window_need_no_scrape() -> None:
    """R9: five carried posts go straight to Submitting; nothing is paid for."""
    drive = Drive().start().batch(7, 1, 2, 3, 4, 5)
    drive.on(limited(drive.send()))
    drive.window(8)
    assert drive.at() == "Submitting"
    assert not any(isinstance(e, ef.ScrapeWindow) for e in wanted(drive.state))


def test_r9_a_post_is_abandoned_after_three_carried_windows() -> None:
    """R9: its own window and three more, then PostAbandoned is wanted at once."""
    drive = Drive().start().batch(7, 1)
    for window in (8, 9, 10):
        drive.on(limited(drive.send()))
        assert abandon(drive).reason == "too old"
        drive.window(window).scraped()
    drive.on(limited(drive.send()))
    assert abandon(drive) == ef.AbandonPost(post_id="1", reason="carried too long", due_ms=0)
    drive.window(11)
    assert drive.state.to_scrape == 5, "it is not carried a fourth time"
    drive.on(ev.PostAbandoned(post_id="1", reason="carried too long"))
    assert drive.state.totals.abandoned == 1
    assert drive.state.posts == ()
    assert drive.state.is_seen("1")


def test_r9_a_carried_post_is_abandoned_when_72_hours_old() -> None:
    """R9: the abandonment is wanted for the moment when the post is 72 hours old."""
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    due_ms = (post(1).timestamp + 72 * 3600) * 1000
    assert abandon(drive) == ef.AbandonPost(post_id="1", reason="too old", due_ms=due_ms)


@pytest.mark.parametrize("http_status", [409, 422])
def test_r10_409_and_422_are_final(http_status: int) -> None:
    """R10, I2: no further attempt is wanted."""
    drive = Drive().start().batch(7, 1)
    drive.on(rejected(drive.send(), http_status))
    assert drive.at() == "WaitingForWindow"
    assert drive.state.totals.rejected == 1
    assert effects(drive) == []


@pytest.mark.parametrize("status", ["new", "duplicate", "ok"])
def test_r10_new_duplicate_and_ok_are_success(status: str) -> None:
    """R10: a duplicate is what a repeated POST after a crash gets; it is counted once."""
    drive = Drive().start().batch(7, 1)
    drive.on(accepted(drive.send(), status))
    assert drive.state.totals.accepted == 1


def test_r11_a_lower_window_is_refused() -> None:
    """R11: a lower window than the last is no new one."""
    drive = Drive().start().window(7)
    with pytest.raises(IllegalEventError):
        drive.window(6)


def test_r18_a_window_searched_ahead_of_its_time_is_remembered_until_the_chain_comes_to_it() -> None:
    """I3: a hundred windows later it is not searched again; the true ones before it are."""
    drive = Drive().start().window(812).scrape_failed().window(912).scrape_failed()
    told = {"window": 813, "start_block": 81_300, "current_block": 81_350, "blocks_per_window": 100}
    drive.on(ev.WindowsRevised(**told, believed_start_block=91_200, answers=26, agreed_s=300.0))
    drive.scrape_failed()
    for number in range(814, 912):
        drive.window(number).scrape_failed()
    assert drive.window(912).at() == "WaitingForWindow"
    assert drive.window(913).at() == "Scraping"


def test_r18_a_window_that_was_told_as_too_long_ends_when_its_length_is_taken_back() -> None:
    """The next one is searched, and a 429 that waits for the end that never comes ends with a true window."""
    told = {"window": 813, "start_block": 81_300, "current_block": 81_350, "blocks_per_window": 100}
    revised = ev.WindowsRevised(**told, believed_start_block=81_200, answers=26, agreed_s=300.0)
    drive = Drive().start().window(1, blocks=81_200).scrape_failed()
    drive.on(revised)
    assert (drive.at(), drive.state.newest and drive.state.newest.end_block) == ("Scraping", 81_400)
    drive = Drive().start().window(1, blocks=81_200).scraped(2).analyze_all()
    drive.on(limited(drive.send()), revised)
    assert drive.state.backoff is not None
    assert drive.state.backoff.until_block == 81_400
    assert drive.window(814).at() == "Scraping"


def test_r11_windows_are_ordered_by_blocks_when_their_length_changes() -> None:
    """R11: the API's blocks_per_window wins; lower window numbers after that are not mistaken for old ones."""
    drive = Drive().start().batch(200, 1).accept_all()
    drive.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=200))
    assert drive.state.blocks_per_window == 200
    drive.window(101, blocks=200)
    assert drive.at() == "Scraping"


def test_r11_the_api_s_quota_wins() -> None:
    """R11: a window asks for as many posts as the API allows."""
    drive = Drive().start()
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=3))
    drive.window(7)
    assert drive.state.to_scrape == 3


def test_r12_a_start_in_mid_window_works_on_it_unless_it_was_spent() -> None:
    """R12, I3: the journal says whether the window was spent."""
    drive = Drive().start().window(7).scraped()
    assert drive.at() == "WaitingForWindow"
    drive.start()
    assert drive.state.newest is not None
    assert drive.state.newest.number == 7
    assert effects(drive) == []
    scraping = Drive().start().window(7).start()
    assert effects(scraping) == [ef.ScrapeWindow(window=7, count=5)]


def test_r13_a_failed_scrape_spends_the_window() -> None:
    """R13, I3: no second scrape of the window; posts carried over still go."""
    drive = Drive().start().window(7).scrape_failed()
    assert drive.at() == "WaitingForWindow"
    assert effects(drive) == []
    carrying = Drive().start().batch(7, 1)
    carrying.on(limited(carrying.send()))
    carrying.window(8).scrape_failed()
    assert carrying.at() == "Submitting"


def test_r13_an_unreachable_api_is_recorded_when_it_begins_and_ends() -> None:
    """R13: so that a missed window can be explained."""
    drive = Drive().start()
    drive.on(ev.ApiUnreachable(reason="refused"))
    with pytest.raises(IllegalEventError):
        drive.on(ev.ApiUnreachable(reason="refused"))
    drive.start()
    assert drive.state.api_down, "a restart does not forget it"
    assert not drive.on(ev.ApiRecovered()).api_down


def test_r14_posts_processed_survives_restarts() -> None:
    """R14: a fold of the journal."""
    drive = Drive().start().batch(7, 1, 2).accept_all().start().batch(8, 3).accept_all()
    assert drive.state.totals.accepted == 3


def test_a_newer_window_is_remembered_and_opened_when_the_batch_ends() -> None:
    """A slow batch does not lose the window that opened meanwhile; what counted there is taken off its room."""
    drive = Drive().start().batch(7, 1, 2)
    drive.window(8)
    assert drive.at() == "Submitting"
    drive.on(accepted(drive.send(), start_block=700))
    drive.on(accepted(drive.send(), start_block=800))
    assert drive.at() == "Scraping"
    assert ef.ScrapeWindow(window=8, count=4) in wanted(drive.state)


def test_i1_a_window_that_is_already_full_is_not_worked_on() -> None:
    """I1: a batch that counted wholly in the next window leaves no room there."""
    drive = Drive().start().batch(7, 1, 2, 3, 4, 5).window(8)
    while drive.state.open is None and drive.at() == "Submitting":
        drive.on(accepted(drive.send(), start_block=800))
    assert drive.at() == "WaitingForWindow"
    assert drive.state.window is not None
    assert drive.state.window.number == 8
    assert effects(drive) == []


def test_a_restart_counts_the_open_attempt_and_tries_again_at_once() -> None:
    """Its outcome is unknown; the API answers duplicate if it had arrived."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    drive.start()
    assert effects(drive) == [ef.StartSubmission(post_id="1", attempt=2)]


def test_i7_a_restart_does_not_reset_the_attempts() -> None:
    """I7: crash after crash, a post gets three attempts in a window, then waits for the next one."""
    drive = Drive().start().batch(7, 1)
    for _ in range(3):
        drive.send()
        drive.start()
    assert drive.at() == "WaitingForWindow"
    assert drive.state.posts[0].deferrals == 1
    drive.window(8)
    drive.scraped()
    assert effects(drive) == [ef.StartSubmission(post_id="1", attempt=1)]


def test_a_restart_does_not_forget_a_backoff() -> None:
    """The due time is in the journal."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    before = effects(drive)
    drive.start()
    assert drive.at() == "Backoff"
    assert effects(drive) == before


def test_a_crashed_effect_rests_12_seconds_while_the_others_go_on() -> None:
    """Specification, thread errors: 12 s, then back; paid analyses in flight are not cancelled."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(ev.EffectCrashed(effect="AnalyzePost:1", post_id="1", error="KeyError"))
    assert drive.at() == "Backoff"
    rest = ef.EndBackoff(due_ms=drive.at_ms + 12_000, wait_s=12.0)
    assert effects(drive) == [ef.AnalyzePost(post_id="2"), rest]
    drive.on(analyzed("2"))
    assert drive.at() == "Backoff"
    drive.on(ev.BackoffElapsed(), after_s=12)
    assert drive.at() == "Analyzing"
    assert effects(drive) == [ef.AnalyzePost(post_id="1")]


def test_a_late_verdict_is_applied_not_dropped() -> None:
    """A verdict that arrives in Backoff after a crash elsewhere is still a fact."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="KeyError"))
    assert ef.SubmitPost(post_id="1", attempt=1) in wanted(drive.state)
    drive.on(accepted("1"))
    assert (drive.at(), drive.state.totals.accepted) == ("Backoff", 1)
    drive.on(ev.BackoffElapsed(), after_s=12)
    assert drive.at() == "WaitingForWindow"


def test_i7_a_failure_during_a_crash_backoff_still_waits() -> None:
    """I7: whichever wait is longer counts."""
    drive = Drive(ev.Policy(submit_backoff_s=60.0)).start().batch(7, 1)
    drive.send()
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="KeyError"))
    drive.on(failed("1", 1), after_s=1)
    assert effects(drive) == [ef.EndBackoff(due_ms=drive.at_ms + 60_000, wait_s=60.0)]


def test_i6_a_429_during_a_crash_backoff_waits_for_the_window() -> None:
    """I6: the longer reason wins."""
    drive = Drive().start().batch(7, 1)
    drive.send()
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="KeyError"))
    drive.on(limited("1"))
    with pytest.raises(IllegalEventError):
        step(drive.state, ev.BackoffElapsed(), drive.at_ms)
    assert drive.window(8).state.state == "Scraping"


def test_a_crashed_submission_counts_as_an_attempt() -> None:
    """I7 holds through our own bugs."""
    drive = Drive().start().batch(7, 1)
    for _ in range(3):
        drive.send()
        drive.on(ev.EffectCrashed(effect="SubmitPost:1", post_id="1", error="KeyError"))
        drive.on(ev.BackoffElapsed(), after_s=12)
    assert drive.at() == "WaitingForWindow"
    assert drive.state.posts[0].deferred


def checkpoints(drive: Drive) -> list[ef.Effect]:
    """The checkpoints that are wanted."""
    return [e for e in wanted(drive.state) if isinstance(e, ef.SignCheckpoint)]


def test_a_checkpoint_is_wanted_once_after_each_window() -> None:
    """Design, section 4: once a window's work is done, however it ended; not before, and not again."""
    drive = Drive().start()
    assert checkpoints(drive) == []
    drive.batch(7, 1)
    assert checkpoints(drive) == []
    drive.accept_all()
    assert checkpoints(drive) == [ef.SignCheckpoint(start_block=700)]
    drive.sign()
    assert checkpoints(drive) == []
    drive.start()
    assert checkpoints(drive) == [], "a restart does not sign again"
    drive.batch(8, 2)
    drive.on(limited(drive.send()))
    assert checkpoints(drive) == [ef.SignCheckpoint(start_block=800)]


def test_i1_posts_that_count_in_later_windows_hide_none_that_count_in_this_one() -> None:
    """I1: answers may tell of windows that nobody was told of yet; the one that is opened keeps its own count."""
    drive = Drive().start().batch(7, 1, 2, 3).window(8)
    for start_block in (800, 900, 1000):
        drive.on(accepted(drive.send(), start_block=start_block))
    assert (drive.at(), drive.state.to_scrape) == ("Scraping", 4)
    assert drive.state.room() == 4
