"""Budgets: a window that might exceed one is not searched, and everything that decides so is in the journal."""

from __future__ import annotations

import pytest

from actor.machine import IllegalEventError, State, decode_state, encode_state, fold, step, wanted
from actor.machine.budget import PerPost, per_post
from events import catalogue as ev
from events import effects as ef
from events.catalogue import Spent
from events.money import Money
from events.prices import Prices
from tests.kit import T0_MS, Drive, accepted, analysis_failed, analyzed, limited

DAY_MS = 86_400_000
TODAY = T0_MS // DAY_MS
TOKEN_PRICES = Prices(llm_usd_per_million_prompt_tokens=100.0, llm_usd_per_million_completion_tokens=1_000.0)
# tests.kit's search reads 10 posts and 10 users, which is $0.15; its analysis takes 100 + 10 tokens, $0.02.
SEARCH_USD = 0.15
ANALYSIS_USD = 0.02


def with_x(limit_usd: float, **fields: object) -> Drive:
    """A started miner with a budget for X."""
    return Drive(ev.Policy(max_x_usd_per_day=limit_usd, **fields)).start()  # type: ignore[arg-type]  # a test's choice


def with_llm(limit_usd: float) -> Drive:
    """A started miner with a budget for the LLM."""
    return Drive(ev.Policy(max_llm_usd_per_day=limit_usd, prices=TOKEN_PRICES)).start()


def work(state: State) -> list[ef.Effect]:
    """What is wanted beside polls, checkpoints and the end of carried posts."""
    rest = ef.PollStatus | ef.SignCheckpoint | ef.AbandonPost
    return [effect for effect in wanted(state) if not isinstance(effect, rest)]


def hold(drive: Drive) -> ev.BudgetSpent:
    """Record what is wanted in place of a search."""
    event = drive.state.unaffordable
    assert event is not None
    assert work(drive.state) == [ef.HoldWindow(window=event.window)]
    drive.on(event)
    return event


def searched(drive: Drive, windows: int, first: int = 7) -> Drive:
    """So many windows, each with a search that finds nothing new."""
    for number in range(first, first + windows):
        drive.window(number).scraped()
    return drive


def test_a_window_that_might_exceed_the_x_budget_is_not_searched() -> None:
    """It is spent by a record of its own, which tells the day, the sum, the need and the limit."""
    drive = searched(with_x(0.44), 2).window(9)
    assert drive.at() == "Scraping"
    event = hold(drive)
    assert event == ev.BudgetSpent(
        budget="x", window=9, day="2026-11-22", spent_usd=0.3, needed_usd=SEARCH_USD, limit_usd=0.44
    )
    assert (drive.at(), work(drive.state), drive.state.unaffordable) == ("WaitingForWindow", [], None)


def test_a_budget_that_is_just_met_is_used_to_the_last_cent() -> None:
    """Three searches of $0.15 fit into $0.45, whatever floats make of it; a fourth does not."""
    drive = searched(with_x(0.45), 3)
    assert drive.state.spent == {TODAY: Spent(posts=30, users=30)}
    hold(drive.window(10))


def test_without_a_budget_nothing_is_held_back() -> None:
    """What is spent is counted all the same, for a later start may bring a budget."""
    drive = searched(Drive().start(), 100)
    assert work(drive.window(107).state) == [ef.ScrapeWindow(window=107, count=5)]
    assert drive.state.spent[TODAY].posts == 1_000


@pytest.mark.parametrize(
    ("policy", "needed_usd"),
    [
        (ev.Policy(max_x_usd_per_day=1.0, max_search_pages=7), 1.05),
        (ev.Policy(max_x_usd_per_day=1.0, max_submissions_per_window=70), 1.05),
        (ev.Policy(max_x_usd_per_day=1.0, max_submissions_per_window=300), 1.5),
        (ev.Policy(max_x_usd_per_day=1.0, prices=Prices(x_usd_per_post=0.1, x_usd_per_user=0.001)), 1.01),
    ],
    ids=["pages", "posts", "the largest page", "prices"],
)
def test_the_need_is_the_most_that_a_search_can_bill(policy: ev.Policy, needed_usd: float) -> None:
    """Every page full, each post by another user, at the prices of the start."""
    event = hold(Drive(policy).start().window(7))
    assert event.needed_usd == needed_usd


def test_the_next_utc_day_is_paid_for_again() -> None:
    """The day is that of the record that opens the window."""
    drive = searched(with_x(0.15), 1).window(8)
    hold(drive)
    drive.at_ms = (TODAY + 1) * DAY_MS - 1
    hold(drive.window(9))
    drive.at_ms += 1
    assert work(drive.window(10).state) == [ef.ScrapeWindow(window=10, count=5)]


def test_r12_a_window_that_a_budget_spent_stays_spent() -> None:
    """R12: neither the next day nor a start with a larger budget searches it again."""
    drive = searched(with_x(0.15), 1).window(8)
    hold(drive)
    drive.at_ms += DAY_MS
    drive.start(ev.Policy())
    assert work(drive.state) == []


def test_a_start_brings_its_own_budget() -> None:
    """Raised or removed, it counts from the next start on, for a window that is not spent yet too."""
    drive = searched(with_x(0.15), 1).window(8)
    assert drive.state.unaffordable is not None
    drive.start(ev.Policy(max_x_usd_per_day=0.16))
    assert drive.state.unaffordable is not None
    assert drive.state.unaffordable.limit_usd == 0.16
    drive.start(ev.Policy(max_x_usd_per_day=0.3))
    assert work(drive.state) == [ef.ScrapeWindow(window=8, count=5)]
    lowered = Drive().start().window(7).start(ev.Policy(max_x_usd_per_day=0.2))
    hold(lowered)


def test_a_search_that_crashed_is_allowed_anew() -> None:
    """It may have been paid for; once more might be too much."""
    drive = with_x(0.2).window(7)
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="a bug"))
    assert ef.ScrapeWindow(window=7, count=5) in work(drive.state)
    drive.on(ev.EffectCrashed(effect="ScrapeWindow", post_id=None, error="a bug"))
    drive.on(ev.BackoffElapsed(), after_s=12)
    assert hold(drive).spent_usd == SEARCH_USD


def test_a_start_does_not_reset_the_sums() -> None:
    """They are folded from the records of the day."""
    drive = searched(with_x(0.15), 1).start().start()
    hold(drive.window(8))


def test_a_search_that_was_under_way_at_a_kill_counts_as_paid() -> None:
    """Its answer is lost, its bill is not: kill after kill, the budget holds."""
    drive = with_x(0.45).window(7)
    kills = 0
    while work(drive.state) == [ef.ScrapeWindow(window=7, count=5)]:
        drive.start()
        kills += 1
    assert kills == 3
    assert hold(drive).spent_usd == 0.45


def test_a_window_that_was_held_back_at_a_kill_costs_nothing() -> None:
    """The search was never wanted."""
    drive = searched(with_x(0.15), 1).window(8)
    drive.start().start()
    assert drive.state.spent[TODAY].posts == 10


@pytest.mark.parametrize(
    ("kind", "posts"),
    [("timeout", 10), ("broken", 10), ("malformed", 10), ("crash", 10), ("server", 0), ("connection", 0), ("auth", 0)],
)
def test_a_failed_search_counts_when_x_may_have_answered(kind: str, posts: int) -> None:
    """The most it can have cost; a refusal costs nothing."""
    drive = Drive().start().window(7)
    drive.on(ev.ScrapeFailed(window=7, kind=kind, reason="test"))
    assert drive.state.spent.get(TODAY, Spent()) == Spent(posts=posts, users=posts)


def test_a_page_that_was_lost_behind_the_first_counts_as_full() -> None:
    """X may have billed it, as it may have billed a whole search without an answer."""
    drive = Drive(ev.Policy(max_search_pages=3)).start().window(7)
    drive.scraped(lost_pages=1)
    assert drive.state.spent[TODAY] == Spent(posts=20, users=20)


def test_a_crashed_effect_counts_as_paid() -> None:
    """A bug may come after the answer."""
    drive = Drive().start().window(7)
    drive.on(ev.EffectCrashed(effect="ScrapeWindow", post_id=None, error="a bug"))
    drive.on(ev.BackoffElapsed(), after_s=12)
    drive.scraped(1, 2).on(analyzed("1"))
    drive.on(ev.EffectCrashed(effect="AnalyzePost:2", post_id="2", error="a bug"))
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="a bug"))
    spent = drive.state.spent[TODAY]
    assert (spent.posts, spent.prompt_tokens, spent.completion_tokens) == (20, 200, 20)


def test_the_llm_budget_reckons_with_the_dearest_analysis_of_the_day() -> None:
    """A window is searched only if as many analyses as it has room for fit at that price."""
    drive = with_llm(0.19).window(7).scraped(1, 2, 3, 4, 5).analyze_all().accept_all()
    event = hold(drive.window(8))
    assert event == ev.BudgetSpent(
        budget="llm", window=8, day="2026-11-22", spent_usd=0.1, needed_usd=5 * ANALYSIS_USD, limit_usd=0.19
    )
    enough = with_llm(0.2).window(7).scraped(1, 2, 3, 4, 5).analyze_all().accept_all()
    assert work(enough.window(8).state) == [ef.ScrapeWindow(window=8, count=5)]


def test_a_batch_that_has_begun_is_analyzed_to_its_end() -> None:
    """The day's first batch knows no price yet, so it may exceed the budget; the next window is held back."""
    drive = with_llm(0.03).window(7).scraped(1, 2, 3)
    drive.on(analyzed("1"), analyzed("2"))
    assert work(drive.state) == [ef.AnalyzePost(post_id="3")]
    drive.analyze_all().accept_all()
    assert hold(drive.window(8)).spent_usd == 0.06


def test_an_outlier_costs_no_more_than_its_day() -> None:
    """On the next day the reckoning begins anew, or one dear analysis would end mining for ever."""
    drive = with_llm(0.5).window(7).scraped(1)
    drive.on(analyzed("1", prompt_tokens=2_000))
    drive.accept_all()
    hold(drive.window(8))
    drive.at_ms += DAY_MS
    assert work(drive.window(9).state) == [ef.ScrapeWindow(window=9, count=5)]


def test_failed_analyses_count() -> None:
    """With the tokens that they tell; a call that tells none counts as the dearest of the day."""
    drive = Drive().start().window(7).scraped(1, 2, 3)
    drive.on(analyzed("1", prompt_tokens=300, completion_tokens=5), analyzed("2"), analysis_failed("3"))
    assert drive.state.spent[TODAY] == Spent(
        posts=10, users=10, prompt_tokens=700, completion_tokens=25, largest_prompt=300, largest_completion=10
    )


def test_a_call_that_was_lost_before_another_one_answered_counts_as_the_dearest() -> None:
    """Its server may have billed it: as dear as any analysis of the day, the one that it belongs to among them."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1", calls=2, unmeasured_calls=1))
    assert drive.state.spent[TODAY].prompt_tokens == 200
    drive.on(analyzed("2", prompt_tokens=50, calls=3, unmeasured_calls=2))
    spent = drive.state.spent[TODAY]
    assert (spent.prompt_tokens, spent.completion_tokens, spent.largest_prompt) == (450, 50, 100)


def test_analyses_under_way_at_a_kill_count_as_the_dearest() -> None:
    """Their answers are lost, their bills are not."""
    drive = Drive().start().window(7).scraped(1, 2, 3)
    drive.on(analyzed("1"))
    drive.start()
    assert (drive.state.spent[TODAY].prompt_tokens, drive.state.spent[TODAY].completion_tokens) == (300, 30)


def test_r9_carried_posts_are_sent_although_a_budget_is_spent() -> None:
    """R9: they are paid for already; only the search for the rest is left out."""
    drive = searched(with_x(0.3), 1)
    drive.batch(8, 1, 2)
    drive.on(limited(drive.send()))
    drive.window(9)
    hold(drive)
    assert drive.at() == "Submitting"
    drive.accept_all()
    assert drive.state.totals.accepted == 2


def test_r9_a_window_that_carried_posts_fill_needs_no_budget() -> None:
    """R9: nothing is paid for in it."""
    drive = with_x(0.15).batch(7, 1, 2, 3, 4, 5)
    drive.on(limited(drive.send()))
    drive.window(8)
    assert (drive.at(), drive.state.unaffordable) == ("Submitting", None)


def test_a_window_that_opens_after_a_long_batch_is_held_back_too() -> None:
    """It opens with the last verdict, whose record tells the day."""
    drive = with_x(0.15).batch(7, 1).window(8)
    drive.at_ms = (TODAY + 1) * DAY_MS - 1
    drive.on(accepted(drive.send()))
    assert (hold(drive).window, drive.at()) == (8, "WaitingForWindow")
    later = with_x(0.15).batch(7, 1).window(8)
    later.at_ms = (TODAY + 1) * DAY_MS
    later.on(accepted(later.send()))
    assert work(later.state) == [ef.ScrapeWindow(window=8, count=4)]


def test_a_window_held_back_opens_the_next_at_once() -> None:
    """One that opened while the record was being written."""
    drive = searched(with_x(0.15), 1).window(8).window(9)
    assert hold(drive).window == 8
    assert hold(drive).window == 9
    assert drive.at() == "WaitingForWindow"


@pytest.mark.parametrize("days", [-1, 1, 3_000])
def test_a_clock_that_jumps_and_comes_back_resets_nothing(days: int) -> None:
    """Each day keeps its own sum."""
    drive = searched(with_x(0.3), 1)
    drive.at_ms += days * DAY_MS
    searched(drive, 2, first=20)
    hold(drive.window(30))
    drive.at_ms -= days * DAY_MS
    searched(drive, 1, first=40)
    assert hold(drive.window(50)).spent_usd == 0.3
    drive.at_ms += days * DAY_MS
    assert hold(drive.window(60)).spent_usd == 0.3


def test_only_recent_days_are_kept() -> None:
    """A journal may be years long."""
    drive = with_x(0.15)
    for day in range(40):
        drive.at_ms = T0_MS + day * DAY_MS
        searched(drive, 1, first=100 * (day + 1))
    assert list(drive.state.spent) == list(range(TODAY + 8, TODAY + 40))


def test_posts_are_counted_on_the_day_they_were_accepted() -> None:
    """By the record's day, the last 32 of them, whatever window they were for; a gap's count on the day it is told."""
    drive = with_x(900.0)
    for day in range(40):
        drive.at_ms = T0_MS + day * DAY_MS
        drive.batch(100 * (day + 1), *range(day * 10, day * 10 + 1 + day % 3)).accept_all()
    counts = {TODAY + day: 1 + day % 3 for day in range(8, 40)}
    assert drive.state.accepted == counts
    salvage = ev.Salvage(
        records=9,
        seen={},
        settled=(),
        accepted=4,
        counted={},
        window=None,
        start_block=None,
        blocks_per_window=None,
        epoch=0,
        spent={},
    )
    drive.on(
        ev.GapDeclared(reason="test", segment="1.jsonl", offset=1, lost_bytes=1, witnessed_seq=None, salvage=salvage)
    )
    assert drive.state.accepted == {**counts, TODAY + 39: 1 + 4}
    assert decode_state(encode_state(drive.state)) == drive.state


def test_what_each_accepted_post_cost() -> None:
    """Searches without a post count, and what may have been billed; the seven days end with the one asked of."""
    money = Money(TOKEN_PRICES)
    drive = Drive(ev.Policy(prices=TOKEN_PRICES)).start()
    assert str(per_post(drive.state, TODAY, money)["today"]) == "none accepted"
    drive.batch(7, 1, 2).accept_all()
    searched(drive, 1, first=8)
    drive.window(9).start()  # a search under way may have been billed
    found = per_post(drive.state, TODAY, money)
    assert found["today"] == PerPost(days=1, accepted=2, x_usd=0.225, llm_usd=ANALYSIS_USD)
    assert str(found["today"]) == "X at most $0.2250, LLM $0.020000 (2 accepted)"
    assert found["today"].usd == pytest.approx(0.245)
    week = per_post(drive.state, TODAY + 6, money)
    assert week["today"] == PerPost(days=1, accepted=0, x_usd=None, llm_usd=None)
    assert week["7_days"] == PerPost(days=7, accepted=2, x_usd=0.225, llm_usd=ANALYSIS_USD)
    assert per_post(drive.state, TODAY + 7, money)["7_days"].usd is None
    assert per_post(drive.state, TODAY, Money(Prices()))["today"].llm_usd is None


def test_a_crash_elsewhere_rests_the_decision() -> None:
    """As any decision rests; it is made when the backoff is over."""
    drive = searched(with_x(0.15), 1).window(8)
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="a bug"))
    assert [type(effect) for effect in work(drive.state)] == [ef.EndBackoff]
    drive.on(ev.BackoffElapsed(), after_s=12)
    hold(drive)


def test_a_gap_tells_what_is_still_known_and_leaves_no_decision() -> None:
    """Behind a gap no search is due; what readable records there cost counts."""
    drive = searched(with_x(0.15), 1).window(8)
    salvage = ev.Salvage(
        records=0,
        seen={},
        settled=(),
        accepted=0,
        counted={},
        window=None,
        start_block=None,
        blocks_per_window=None,
        epoch=0,
        spent={TODAY: Spent(posts=10, users=9, prompt_tokens=70, largest_prompt=60), TODAY - 1: Spent(posts=3)},
    )
    drive.on(
        ev.GapDeclared(reason="test", segment="1.jsonl", offset=1, lost_bytes=1, witnessed_seq=None, salvage=salvage)
    )
    assert drive.state.unaffordable is None
    assert drive.state.spent == {
        TODAY - 1: Spent(posts=3),
        TODAY: Spent(posts=20, users=19, prompt_tokens=70, largest_prompt=60),
    }


@pytest.mark.parametrize("field", ["budget", "window", "day", "spent_usd", "needed_usd", "limit_usd"])
def test_a_record_that_tells_another_story_is_refused(field: str) -> None:
    """A reader need not take the reason on trust: it follows from the records before."""
    drive = searched(with_x(0.15), 1).window(8)
    told = {"budget": "llm", "window": 9, "day": "2026-11-23", "spent_usd": 0.1, "needed_usd": 0.1, "limit_usd": 1.0}
    due = drive.state.unaffordable
    assert due is not None
    fields = {name: getattr(due, name) for name in told} | {field: told[field]}
    with pytest.raises(IllegalEventError, match="no budget withholds"):
        step(drive.state, ev.BudgetSpent(**fields), drive.at_ms)
    with pytest.raises(IllegalEventError, match="no budget withholds"):
        step(Drive().start().window(8).state, due, drive.at_ms)


def test_a_search_that_is_not_allowed_cannot_be_recorded() -> None:
    """A journal that shows one anyway is not this machine's."""
    drive = searched(with_x(0.15), 1).window(8)
    for record in (drive.scrape_failed, drive.scraped):
        with pytest.raises(IllegalEventError, match="a budget withholds the search"):
            record()


def test_i5_the_decision_survives_a_snapshot() -> None:
    """I5: the state's encoding holds sums and decision, and the fold of the journal comes to the same."""
    drive = searched(with_x(0.15), 1).window(8)
    assert decode_state(encode_state(drive.state)) == drive.state == fold(drive.records)


def test_a_policy_without_sense_is_refused() -> None:
    """Settings say it with more words; a journal cannot hold it either."""
    for fields in ({"max_x_usd_per_day": 0.0}, {"max_x_usd_per_day": float("nan")}, {"max_llm_usd_per_day": 1.0}):
        with pytest.raises(ValueError, match="budget"):
            ev.Policy(**fields)  # type: ignore[arg-type]  # what no type forbids is what is tested
    with pytest.raises(ValueError, match="both prices or none"):
        Prices(llm_usd_per_million_prompt_tokens=1.0)
    for price in (-0.1, float("inf")):
        with pytest.raises(ValueError, match="finite and not negative"):
            Prices(x_usd_per_user=price)
