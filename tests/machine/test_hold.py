"""Ruling 21: a post whose analysis is refused for a reason of configuration waits under ON_ANALYSIS_ERROR=hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine import IllegalEventError, wanted
from actor.machine.encoding import decode_state, encode_state
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, gap, limited

pytestmark = pytest.mark.slow

HOLD = ev.Policy(on_analysis_error="hold")
KINDS = sorted(ev.CONFIGURATION)
OTHERS = ("timeout", "server", "malformed", "rate_limit", "connection", "broken", "request", "votes", "bug", "crash")


def asked(drive: Drive) -> list[str]:
    """The posts whose analysis is wanted now."""
    return [effect.post_id for effect in wanted(drive.state) if isinstance(effect, ef.AnalyzePost)]


def searched(drive: Drive) -> int:
    """How many posts the wanted search is to bring; 0 when none is wanted."""
    return sum(effect.count for effect in wanted(drive.state) if isinstance(effect, ef.ScrapeWindow))


def held(drive: Drive) -> list[str]:
    """The posts that wait for an analysis."""
    return [p.post.id for p in drive.state.posts if p.deferred and not p.analyzed]


def refused(kind: str = "auth", policy: ev.Policy = HOLD) -> Drive:
    """A window of five posts, of which the first analysis was refused."""
    drive = Drive(policy).start().window(7).scraped(1, 2, 3, 4, 5)
    drive.on(analysis_failed(asked(drive)[0], kind))
    return drive


@pytest.mark.parametrize("kind", KINDS)
def test_r21_one_refusal_holds_the_window_back(kind: str) -> None:
    """One post is asked about first; its refusal costs one request, and all five wait without an analysis."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3, 4, 5)
    assert asked(drive) == ["1"]
    drive.on(analysis_failed("1", kind))
    assert (drive.at(), asked(drive), searched(drive)) == ("WaitingForWindow", [], 0)
    assert sorted(held(drive)) == ["1", "2", "3", "4", "5"]
    assert drive.state.totals.left_out == 0


@pytest.mark.parametrize("kind", OTHERS)
def test_r21_other_failures_are_treated_as_by_default(kind: str) -> None:
    """What may pass by itself, or concerns one text, sends neutral values; the others are asked about at once."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3)
    drive.on(analysis_failed("1", kind))
    assert asked(drive) == ["2", "3"]
    drive.on(analyzed("2"), analyzed("3"))
    sent = [drive.send()]
    drive.on(accepted(sent[0]))
    drive.accept_all()
    assert drive.state.totals.accepted == 3


def test_r21_a_good_answer_lets_the_others_be_asked_about_at_once() -> None:
    """Their refusals hold their own posts alone; nothing under way is called off."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3, 4)
    drive.on(analyzed("1"))
    assert asked(drive) == ["2", "3", "4"]
    drive.on(analysis_failed("3", "quota"))
    assert asked(drive) == ["2", "4"]
    drive.on(analyzed("2"), analysis_failed("4", "quota"))
    assert held(drive) == ["3", "4"]
    drive.accept_all()
    assert (drive.state.totals.accepted, drive.at()) == (2, "WaitingForWindow")


def test_r21_the_next_window_asks_about_another_post_and_searches_nothing() -> None:
    """Held posts fill the window as ruling 9 says, so that no search is paid for; one refusal holds them again."""
    drive = refused().window(8)
    assert (drive.at(), searched(drive)) == ("Analyzing", 0)
    assert asked(drive) == ["2"]
    drive.on(analysis_failed("2", "auth"))
    assert len(held(drive)) == 5
    drive.window(9)
    assert asked(drive) == ["3"]
    drive.on(analyzed("3"))
    assert asked(drive) == ["4", "5", "1", "2"]
    drive.analyze_all().accept_all()
    assert (drive.state.totals.accepted, drive.state.posts) == (5, ())


def test_r21_a_window_that_held_posts_do_not_fill_is_searched_for_the_rest() -> None:
    """Their analyses begin together, behind the search."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2)
    drive.on(analysis_failed("1", "model"))
    drive.window(8)
    assert (drive.at(), searched(drive), asked(drive)) == ("Scraping", 3, [])
    drive.scrape_failed()
    assert (drive.at(), asked(drive)) == ("Analyzing", ["2"])


def test_r21_a_window_opened_meanwhile_takes_them_at_once() -> None:
    """Nothing was sent of them, so no attempt of the newer window is used up; and it is not searched."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3, 4, 5).window(8)
    drive.on(analysis_failed("1", "auth"))
    assert (drive.at(), searched(drive), asked(drive)) == ("Analyzing", 0, ["2"])
    assert drive.state.window is not None
    assert drive.state.window.number == 8


def test_r9_held_posts_are_given_up_after_three_windows() -> None:
    """Asked about in four windows; then they are abandoned, and the next window is searched again."""
    drive = refused()
    for number in (8, 9, 10):
        drive.window(number)
        drive.on(analysis_failed(asked(drive)[0], "auth"))
    due = [effect for effect in wanted(drive.state) if isinstance(effect, ef.AbandonPost)]
    assert [(effect.reason, effect.due_ms) for effect in due] == [("carried too long", 0)] * 5
    drive.on(*(ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason) for effect in due))
    assert (drive.state.totals.abandoned, drive.state.posts) == (5, ())
    drive.window(11)
    assert searched(drive) == 5


def test_r9_held_posts_are_given_up_at_72_hours() -> None:
    """Their age counts as that of any carried post."""
    drive = refused()
    (first, *_) = [effect for effect in wanted(drive.state) if isinstance(effect, ef.AbandonPost)]
    assert first.reason == "too old"
    assert first.due_ms == (drive.state.posts[0].post.timestamp + 72 * 3600) * 1000


def test_r21_a_start_asks_again_in_the_same_window() -> None:
    """Whoever starts the miner may have mended it; a refusal takes no window off what the posts may wait."""
    drive = refused()
    for _ in range(5):
        drive.on(ev.ActorStopped(reason="x", posts_processed=0))
        drive.start()
        assert (drive.at(), len(asked(drive))) == ("Analyzing", 1)
        drive.on(analysis_failed(asked(drive)[0], "auth"))
        assert drive.at() == "WaitingForWindow"
    assert {p.deferrals for p in drive.state.posts} == {1}
    drive.start().analyze_all().accept_all()
    assert drive.state.totals.accepted == 5


def test_r21_changed_settings_ask_again_only_while_nothing_is_under_way() -> None:
    """In a window whose work goes on they wait for the next one."""
    change = ev.SettingsChanged(policy=changed(HOLD, sampling="top"), names=("SAMPLING",))
    drive = refused().on(change)
    assert drive.state == "Analyzing"
    busy = Drive(HOLD).start().window(7).scraped(1, 2)
    busy.on(analyzed("1"), analysis_failed("2", "quota"))
    busy.send()
    busy.on(change)
    assert (busy.at(), held(busy)) == ("Submitting", ["2"])


def test_r21_what_was_asked_again_is_vouched_for() -> None:
    """Work that is taken up behind a window's checkpoint is signed for, too."""
    drive = refused()
    drive.sign()
    assert not [e for e in wanted(drive.state) if isinstance(e, ef.SignCheckpoint)]
    drive.start().analyze_all().accept_all()
    assert [e for e in wanted(drive.state) if isinstance(e, ef.SignCheckpoint)]


def test_i1_a_start_takes_up_no_more_than_the_window_has_room_for() -> None:
    """Posts that the API counted already leave less of it."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3, 4, 5)
    drive.on(analyzed("1"), *(analysis_failed(i, "quota") for i in ("2", "3", "4", "5")))
    drive.on(accepted(drive.send()))
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=3))
    drive.start()
    assert len(drive.state.to_analyze()) == 2
    full = Drive(HOLD).start().window(7).scraped(1, 2)
    full.on(analyzed("1"), analysis_failed("2", "quota"))
    full.on(accepted(full.send()))
    full.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=1))
    assert (full.start().at(), held(full)) == ("WaitingForWindow", ["2"])


def test_r9_a_start_takes_up_nothing_that_is_too_old() -> None:
    """A miner that was down for days gives such posts up."""
    drive = refused()
    drive.at_ms += 73 * 3_600_000
    drive.start()
    assert (drive.at(), asked(drive)) == ("WaitingForWindow", [])


def test_i6_a_429_keeps_held_posts_waiting() -> None:
    """Nothing is asked about or sent before the next window, whoever starts."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2)
    drive.on(analyzed("1"), analysis_failed("2", "quota"))
    drive.on(limited(drive.send()))
    drive.start()
    assert (drive.at(), asked(drive)) == ("Backoff", [])
    drive.window(8).scraped(3)
    assert sorted(asked(drive)) == ["2"]


def test_r21_the_policy_at_the_failure_decides() -> None:
    """Held posts that are asked about under another setting follow that one."""
    drive = refused().start(ev.Policy())
    assert sorted(asked(drive)) == ["1", "2", "3", "4", "5"]
    drive.on(analysis_failed("1", "auth"))
    assert [p.post.id for p in drive.state.queue()] == ["1"]
    skipping = refused().start(ev.Policy(on_analysis_error="skip"))
    skipping.on(analysis_failed("1", "auth"))
    assert skipping.state.totals.left_out == 1


def test_r21_irrelevance_is_judged_after_the_analysis() -> None:
    """SUBMIT_IRRELEVANT=false leaves out what was judged; what was not judged waits."""
    drive = refused(policy=changed(HOLD, submit_irrelevant=False))
    assert (len(held(drive)), drive.state.totals.left_out) == (5, 0)


def test_a_change_to_hold_calls_nothing_off() -> None:
    """Analyses under way go on; each refusal holds its own post."""
    drive = Drive().start().window(7).scraped(1, 2, 3)
    drive.on(ev.SettingsChanged(policy=HOLD, names=("ON_ANALYSIS_ERROR",)))
    assert asked(drive) == ["1", "2", "3"]
    drive.on(analysis_failed("2", "auth"))
    assert (asked(drive), held(drive)) == (["1", "3"], ["2"])


def test_an_answer_for_a_held_post_is_refused() -> None:
    """Nobody asks about a post that waits, so such an answer is a bug."""
    drive = refused()
    for event in (analyzed("2"), analysis_failed("2")):
        with pytest.raises(IllegalEventError):
            drive.on(event)


def test_a_held_post_with_a_recorded_text_costs_nothing() -> None:
    """An answer on record says nothing of the server: the next post is asked about alone still."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2, 3)
    drive.on(analyzed("1", calls=0, reused_from="9"))
    assert asked(drive) == ["2"]
    assert drive.state.outcomes == {}


def test_a_search_reckons_with_the_analyses_of_held_posts() -> None:
    """The LLM's budget is held against all that the window will ask about."""
    prices = changed(
        ev.Policy().prices, llm_usd_per_million_prompt_tokens=1.0, llm_usd_per_million_completion_tokens=1.0
    )
    policy = changed(HOLD, prices=prices, max_llm_usd_per_day=450e-6)
    drive = Drive(policy).start().window(7).scraped(1, 2)
    drive.on(analyzed("1", prompt_tokens=100, completion_tokens=0), analysis_failed("2", "quota"))
    drive.on(accepted(drive.send()))
    drive.window(8)  # 100 are spent, 400 more for 4 searched and 100 for the held one
    assert drive.state.unaffordable is not None
    assert drive.state.unaffordable.needed_usd == pytest.approx(500e-6)
    drive.on(drive.state.unaffordable)
    assert (drive.at(), asked(drive)) == ("Analyzing", ["2"])


def test_a_gap_leaves_out_what_has_no_analysis() -> None:
    """Its analysis may lie in the gap, so it is not paid for again."""
    drive = refused()
    drive.on(gap())
    assert (drive.state.posts, drive.state.totals.left_out) == ((), 5)


def test_another_api_takes_them_over() -> None:
    """Its first window is filled by what is held, without a search."""
    drive = refused()
    drive.on(ev.ActorStopped(reason="x", posts_processed=0), ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start()
    assert (drive.at(), asked(drive)) == ("WaitingForWindow", [])
    drive.window(90_000)
    assert (drive.at(), len(asked(drive)), searched(drive)) == ("Analyzing", 1, 0)


def test_a_move_in_the_middle_of_a_search_has_held_posts_wait_again() -> None:
    """Nothing is asked about before the new API has told a window, in which they go first."""
    drive = Drive(HOLD).start().window(7).scraped(1, 2)
    drive.on(analysis_failed("1", "auth"))
    drive.window(8)
    assert (drive.at(), searched(drive)) == ("Scraping", 3)
    drive.on(ev.ActorStopped(reason="x", posts_processed=0), ev.ApiMoved(api_url="http://127.0.0.1:9"))
    drive.start(changed(HOLD, max_submissions_per_window=1))
    assert (drive.at(), asked(drive), held(drive)) == ("Scraping", [], ["2", "1"])
    drive.window(90_000)
    assert (drive.at(), asked(drive), searched(drive)) == ("Analyzing", ["2"], 0)


# What of it an alarm is made of


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", [ev.Policy(), ev.Policy(on_analysis_error="skip"), HOLD])
def test_r21_a_window_without_any_analysis_is_noted_until_one_succeeds(kind: str, policy: ev.Policy) -> None:
    """Whatever the setting: kind, reason, window and moment; a restart and further windows change nothing of it."""
    drive = Drive(policy).start().window(7).scraped(1, 2, 3)
    while asked(drive):
        assert drive.state.troubles.get("llm") is None
        drive.on(analysis_failed(asked(drive)[0], kind), after_s=1)
    found = drive.state.troubles.get("llm")
    assert found is not None
    assert (found.kind, found.window, found.since_ms) == (kind, 7, drive.at_ms)
    assert found.reason == f"HTTP 4xx: {kind}"
    drive.start()
    assert (drive.state.troubles.get("llm"), found.epoch, drive.state.epoch) == (found, 1, 2)
    assert decode_state(encode_state(drive.state)).troubles.get("llm") == found
    drive.accept_all().window(8)
    if not asked(drive):
        drive.scraped(4)
    drive.on(analysis_failed(asked(drive)[0], "timeout"))
    assert drive.state.troubles.get("llm") == found
    if not asked(drive):
        drive.accept_all().window(9).scraped(5)
    drive.on(analyzed(asked(drive)[0]))
    assert drive.state.troubles.get("llm") is None


def test_r21_another_reason_is_another_alarm() -> None:
    """A key that was mended may show that the model is wrong, too."""
    drive = refused("auth").window(8)
    drive.on(analysis_failed(asked(drive)[0], "model"), after_s=60)
    found = drive.state.troubles.get("llm")
    assert found is not None
    assert (found.kind, found.window, found.since_ms) == ("model", 8, drive.at_ms)


@given(st.lists(st.sampled_from([*KINDS, *OTHERS, "answered", "recorded"]), min_size=1, max_size=5))
def test_r21_nothing_less_is_an_alarm(ends: list[str]) -> None:
    """Every analysis of the window that was made failed, for one reason, and that one is of configuration."""
    drive = Drive().start().window(7).scraped(*range(1, len(ends) + 1))
    for number, end in enumerate(ends, start=1):
        post_id = str(number)
        if end == "recorded":
            drive.on(analyzed(post_id, calls=0, reused_from="99"))
        else:
            drive.on(analyzed(post_id) if end == "answered" else analysis_failed(post_id, end))
    made = {end for end in ends if end != "recorded"}
    assert (drive.state.troubles.get("llm") is not None) == (len(made) == 1 and made <= ev.CONFIGURATION)


@given(st.data())
def test_i4_no_post_is_lost_or_judged_twice(data: st.DataObject) -> None:
    """Through refusals, restarts, windows and changes every post is pending, held, or has exactly one verdict."""
    drive = Drive(HOLD).start().window(7).scraped(*range(1, data.draw(st.integers(1, 5)) + 1))
    chosen, window, next_post = len(drive.state.posts), 7, 6
    for _ in range(data.draw(st.integers(1, 40))):
        _go_on(drive, data)
        if data.draw(st.booleans()):
            window += 1
            drive.window(window)
        if drive.at() == "Scraping":
            room = drive.state.to_scrape
            found = data.draw(st.integers(0, room))
            drive.scraped(*range(next_post, next_post + found))
            next_post, chosen = next_post + found, chosen + found
        totals = drive.state.totals
        assert chosen == totals.scraped
        assert len(drive.state.posts) + totals.accepted + totals.abandoned + totals.left_out == chosen
        assert all(p.analyzed for p in drive.state.queue())


def _go_on(drive: Drive, data: st.DataObject) -> None:
    """One thing that may happen now."""
    due = [e for e in wanted(drive.state) if isinstance(e, ef.AbandonPost) and not e.due_ms]
    if due:
        drive.on(ev.PostAbandoned(post_id=due[0].post_id, reason=due[0].reason))
    elif drive.at() == "Analyzing":
        post_id = data.draw(st.sampled_from(asked(drive)))
        ends: list[ev.Event] = [analyzed(post_id), analysis_failed(post_id, "quota"), analysis_failed(post_id)]
        drive.on(data.draw(st.sampled_from(ends)))
    elif drive.at() == "Submitting":
        post_id = drive.send()
        answer = data.draw(st.sampled_from(["accepted", "failed", "limited", "restart"]))
        if answer == "restart":
            drive.start()
        elif answer == "failed":
            drive.on(failed(post_id, 1 if drive.state.open is None else drive.state.open.attempt))
        else:
            drive.on(accepted(post_id) if answer == "accepted" else limited(post_id))
    elif drive.at() == "Backoff" and drive.state.backoff is not None and drive.state.backoff.due_ms is not None:
        drive.on(ev.BackoffElapsed())
    elif data.draw(st.booleans()):
        drive.start(data.draw(st.sampled_from([HOLD, ev.Policy()])))
