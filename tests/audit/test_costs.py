"""Bills by window, by day and in all: what is told, what is saved, and what no record tells."""

from __future__ import annotations

from typing import Any

import pytest

from actor.machine import INITIAL
from actor.machine.budget import DAY_MS, Budget, budgets
from actor.machine.history import steps
from actor.testing.made import polled
from audit.costs.books import Costs, DayBooks, WindowBill
from audit.costs.entries import Expenses, ModelUse
from audit.costs.fields import day_fields, total_fields
from audit.costs.lines import day_line, heading, total_lines, window_line
from audit.moments import day_text
from events import catalogue as ev
from events.catalogue import Spent
from events.money import Money
from events.prices import Prices, Worth
from tests.kit import T0_MS, Drive, accepted, analysis_failed, analyzed, failed, gap, limited

TODAY = T0_MS // DAY_MS
# tests.kit's search reads 10 posts and 10 users, $0.15; its analysis takes 100 + 10 tokens.
SEARCH = Spent(posts=10, users=10)
ANALYSIS = Spent(prompt_tokens=100, completion_tokens=10)
PRICED = Money(Prices(llm_usd_per_million_prompt_tokens=1.0, llm_usd_per_million_completion_tokens=10.0))


def booked(drive: Drive, since: int | None = None, until: int | None = None) -> tuple[Costs, list[WindowBill]]:
    """The costs of a drive's records, and its windows that cost something or were begun."""
    books = DayBooks()
    ended = [books.enter(step) for step in steps(drive.records)]
    windows = [window for window in (*ended, books.window) if window and window.bill(since, until) != Expenses()]
    return books.costs(drive.state, since=since, until=until), windows


def times(spent: Spent, number: int) -> Spent:
    """The same so many times."""
    return sum([spent] * number, Spent())


def units(spent: Spent) -> tuple[int, int, int, int]:
    """What adds up."""
    return spent.posts, spent.users, spent.prompt_tokens, spent.completion_tokens


def test_a_window_s_costs_are_its_search_and_its_analyses() -> None:
    """Each window has its own row; their sum is the day's and the whole."""
    drive = Drive().start().batch(7, 1, 2).accept_all().batch(8, 3).accept_all()
    books, windows = booked(drive)
    assert [(window.number, window.start_block) for window in windows] == [(7, 700), (8, 800)]
    assert [units(window.bill().paid) for window in windows] == [(10, 10, 200, 20), (10, 10, 100, 10)]
    assert [window.bill().accepted for window in windows] == [2, 1]
    assert sum((window.bill() for window in windows), Expenses()) == books.total() == books.days[TODAY]
    assert books.total().models == {"m": ModelUse(calls=3, prompt_tokens=300, completion_tokens=30)}


def test_a_record_that_ends_one_window_and_begins_the_next_belongs_to_the_first() -> None:
    """The last verdict of a long batch opens the window that waits."""
    drive = Drive().start().batch(7, 1).window(8)
    drive.on(accepted(drive.send()))
    drive.scraped()
    _, windows = booked(drive)
    assert [(window.bill().accepted, window.bill().searches) for window in windows] == [(1, 1), (0, 1)]


def test_a_day_s_costs_are_those_of_its_records() -> None:
    """A window over midnight has costs on both days."""
    drive = Drive().start().window(7).scraped(1)
    drive.at_ms += DAY_MS
    drive.analyze_all().accept_all()
    books, windows = booked(drive)
    assert [units(books.days[day].paid) for day in (TODAY, TODAY + 1)] == [units(SEARCH), units(ANALYSIS)]
    assert [units(window.bill().paid) for window in windows] == [(10, 10, 100, 10)]


def test_only_the_days_that_are_asked_for_count() -> None:
    """In every row and sum; a window that has nothing on them is no row."""
    drive = Drive().start()
    for day in range(3):
        drive.at_ms = T0_MS + day * DAY_MS
        drive.batch(7 + day, day + 1).accept_all()
    books, windows = booked(drive, since=TODAY + 1, until=TODAY + 1)
    assert [window.number for window in windows] == [8]
    assert units(books.total().paid) == (10, 10, 100, 10)
    assert list(books.days) == [TODAY + 1]


def test_failed_analyses_cost_too() -> None:
    """Their tokens are in the sums; calls that told none are counted apart."""
    drive = Drive().start().window(7).scraped(1, 2, 3)
    drive.on(analyzed("1"), analyzed("2", model="other", calls=2), analysis_failed("3"))
    total = booked(drive)[0].total()
    assert (total.analyses, total.failed_analyses, total.calls, total.unmeasured_calls) == (3, 1, 4, 1)
    assert units(total.paid) == (10, 10, 200, 20)
    assert set(total.models) == {"m", "other"}


def test_an_answer_that_was_on_record_costs_nothing() -> None:
    """It is an analysis, but nobody was asked; a start does not save it again."""
    drive = Drive().start().window(7).scraped(1, 2, content="the same text")
    drive.on(analyzed("1"))
    reused: dict[str, Any] = {
        "calls": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "latency_ms": 0,
        "reused_from": "1",
    }
    drive.on(analyzed("2", **reused))
    books, _ = booked(drive.start())
    total = books.total()
    assert (total.analyses, total.reused, total.calls, total.saved_analyses) == (2, 1, 1, 1)
    assert units(total.perhaps) == (0, 0, 0, 0)
    assert "2 analyses (1 taken from the record) in 1 call, " in "".join(total_lines(PRICED, books, today=TODAY))


def test_failed_and_held_searches_are_counted() -> None:
    """Neither brings posts."""
    drive = Drive(ev.Policy(max_x_usd_per_day=0.15)).start().window(7).scrape_failed().window(8).scraped().window(9)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)
    total = booked(drive)[0].total()
    assert (total.windows, total.searches, total.failed_searches, total.held) == (3, 1, 1, 1)
    assert units(total.perhaps) == (0, 0, 0, 0), "a refusal costs nothing"


def test_a_start_amid_a_batch_saves_what_is_recorded_of_its_window() -> None:
    """Its search and its analyses, each time; a process without a journal would pay for them again."""
    drive = Drive().start().batch(7, 1).accept_all().window(8).scraped(2, 3)
    drive.on(analyzed("2"))
    drive.start()
    drive.analyze_all()
    drive.start()
    total = booked(drive)[0].total()
    assert (total.starts, total.saved_searches, total.saved_analyses) == (2, 2, 3)
    assert units(total.saved) == units(times(SEARCH, 2) + times(ANALYSIS, 3))


@pytest.mark.parametrize("when", ["before a window", "while a search is due", "after a window's work", "behind a 429"])
def test_any_other_start_saves_nothing_for_certain(when: str) -> None:
    """Nothing is under way, or nothing is recorded of it; the next window may have opened meanwhile."""
    drive = Drive().start()
    if when == "while a search is due":
        drive.window(7)
    elif when == "after a window's work":
        drive.batch(7, 1).accept_all()
    elif when == "behind a 429":
        drive.batch(7, 1)
        drive.on(limited(drive.send()))
    drive.start()
    total = booked(drive)[0].total()
    assert (total.starts, units(total.saved)) == (0, (0, 0, 0, 0))


def test_a_backoff_amid_a_batch_is_still_a_batch() -> None:
    """A kill while a failed attempt is waited for saves as well."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    assert booked(drive.start())[0].total().starts == 1


def test_what_no_record_tells_is_what_the_machine_counts() -> None:
    """A search and analyses under way at a kill, a search without an answer, a crash behind one, a silent failure."""
    drive = Drive().start().window(7).start().scraped(1, 2, 3)
    drive.on(analyzed("1"))
    drive.start()
    drive.on(ev.EffectCrashed(effect="AnalyzePost:2", post_id="2", error="a bug"))
    drive.on(ev.BackoffElapsed(), after_s=12)
    drive.on(analysis_failed("2"), analyzed("3"))
    drive.accept_all().window(8)
    drive.on(ev.ScrapeFailed(window=8, kind="timeout", reason="test"))
    books, _ = booked(drive)
    assert units(books.total().perhaps) == units(times(SEARCH, 2) + times(ANALYSIS, 2 + 1 + 1))
    counted = drive.state.spent[TODAY]
    assert units(counted) == units(books.total().paid + books.total().perhaps), "the budgets count the same"
    assert books.total().untold_calls == 2 + 1 + 1
    line = _unrecorded(books)
    assert "not on record: at most 20 posts and 20 users of X: $0.3000; 4 calls of the LLM, " in line
    assert "each counted as the most expensive analysis of its day: 400 prompt and 40 completion tokens: $" in line
    assert line.endswith(", perhaps more"), "a call that told no tokens has no upper bound"


@pytest.mark.parametrize("calls", [1, 3])
def test_calls_that_nobody_can_reckon_are_counted_all_the_same(calls: int) -> None:
    """No answer of the day told tokens: the calls are named, and no sum is made up for them."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(analyzed("1", calls=calls, unmeasured_calls=calls, prompt_tokens=0, completion_tokens=0))
    books, _ = booked(drive)
    plural = "" if calls == 1 else "s"
    assert _unrecorded(books) == f"not on record: {calls} call{plural} of the LLM, without token counts"


def test_where_all_is_told_nothing_is_missing() -> None:
    """Neither calls nor posts."""
    books, _ = booked(Drive().start().batch(7, 1).accept_all())
    assert _unrecorded(books) == "not on record: nothing"


def _unrecorded(books: Costs) -> str:
    (line,) = (line for line in total_lines(PRICED, books, today=TODAY) if line.startswith("not on record"))
    return line


def test_a_gap_s_readable_costs_stand_on_their_days() -> None:
    """And the reader says that there may be more."""
    drive = Drive().start().window(7).scraped()
    drive.on(gap(spent={TODAY - 1: SEARCH, TODAY: ANALYSIS}))
    books, _ = booked(drive)
    assert units(books.days[TODAY - 1].paid) == units(SEARCH)
    assert units(books.days[TODAY].paid) == units(SEARCH + ANALYSIS)
    assert total_lines(PRICED, books, today=TODAY)[-1].startswith("gaps: 1 declared")


def test_what_was_accepted_behind_a_gap_counts_like_what_was_paid_there() -> None:
    """So that the price of an accepted post is no higher than it was; the records tell no day, so it is the gap's."""
    drive = Drive().start().batch(7, 1).accept_all()
    drive.on(gap(accepted=2, settled=("8", "9"), spent={TODAY - 1: SEARCH}))
    books, _ = booked(drive)
    total = books.total()
    assert total.accepted == books.days[TODAY].accepted == drive.state.totals.accepted == 3
    assert units(total.paid) == units(times(SEARCH, 2) + ANALYSIS)
    assert "3 posts accepted, for each X $0.1000" in "\n".join(total_lines(PRICED, books, today=TODAY))


def test_days_of_no_calendar_are_shown_as_numbers() -> None:
    """A gap may name any day."""
    drive = Drive().start().window(7).scraped()
    days = (-(10**12), TODAY, 2_932_897, 10**30)
    drive.on(gap(spent=dict.fromkeys(days, SEARCH)))
    books, _ = booked(drive)
    texts = ["day -1000000000000", day_text(TODAY), "day 2932897", f"day 1{'0' * 30}"]
    assert [day_line(PRICED, day, bill).split("  ")[0] for day, bill in sorted(books.days.items())] == texts
    assert [day_fields(PRICED, day, bill)["day"] for day, bill in sorted(books.days.items())] == texts
    assert total_fields(PRICED, books, today=TODAY)["days"] == texts


def test_full_days_lie_between_others_and_have_windows() -> None:
    """The first and the last day on record may be cut off; of the rest the last seven count."""
    drive = Drive().start()
    for day in [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]:
        drive.at_ms = T0_MS + day * DAY_MS
        drive.window(100 + day).scraped()
    books, _ = booked(drive)
    assert books.full_days() == [TODAY + day for day in (2, 4, 5, 6, 7, 8, 9)]
    assert booked(Drive().start().window(7))[0].full_days() == []
    assert DayBooks().costs(INITIAL).full_days() == []
    (line,) = [line for line in total_lines(PRICED, books, today=TODAY) if line.startswith("a day: ")]
    assert line == "a day: X $0.1500, LLM $0.000000 (mean of the last 7 full UTC days)"


def test_money_is_exact_to_the_micro_dollar() -> None:
    """However floats add; without prices tokens have none."""
    assert PRICED.x(Spent(posts=3, users=3)) == 0.045
    assert PRICED.llm(Spent(prompt_tokens=1_000_001, completion_tokens=1)) == 1.000011
    assert Money(Prices()).llm(Spent(prompt_tokens=1)) is None
    assert Money(Prices()).both(SEARCH) == 0.15
    assert PRICED.share(SEARCH, 0) == dict.fromkeys(PRICED.of(SEARCH))
    assert PRICED.share(SEARCH, 4)["x_usd"] == 0.0375


def test_budgets_are_those_of_the_last_start_at_its_prices() -> None:
    """What counts against them is what the machine reckons with, of the day that is asked for."""
    drive = Drive(ev.Policy(max_x_usd_per_day=1.0, prices=Prices(x_usd_per_post=0.01, x_usd_per_user=0.0))).start()
    drive.window(7).scraped()
    assert budgets(drive.state, TODAY) == {"x": Budget(limit_usd=1.0, spent_usd=0.1), "llm": None}
    assert budgets(drive.state, TODAY + 1) == {"x": Budget(limit_usd=1.0, spent_usd=0.0), "llm": None}
    lines = total_lines(PRICED, booked(drive)[0], today=TODAY)
    assert f"budget of {day_text(TODAY)}: X $0.1000 of $1.0000" in lines


def test_a_model_s_name_cannot_steer_the_terminal() -> None:
    """It is the server's word."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1", model="\x1b[31mred"), analyzed("2"))
    books, (window,) = booked(drive)
    text = "".join(total_lines(PRICED, books, today=TODAY)) + window_line(PRICED, window, window.bill())
    assert text.isprintable()
    assert "[31mred" in text


def test_repairs_are_told_apart_from_votes() -> None:
    """Both are calls; only one of them says that the model answers badly."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1", calls=3), analyzed("2", calls=2, repairs=1, unmeasured_calls=1))
    books, _ = booked(drive)
    assert (books.total().calls, books.total().repairs) == (5, 1)
    (line,) = (line for line in total_lines(PRICED, books, today=TODAY) if line.startswith("LLM:"))
    assert "in 5 calls (1 told no tokens, 1 asked again for a better answer)" in line


# What the chain tells of the hotkey

TAO = Money(Prices(), Worth(tao_usd=400.0))


def earning(*alpha_per_day: float | None, tao_per_alpha: float | None = 0.004) -> Drive:
    """Answers of the chain on one day; None is a failure."""
    drive = Drive(ev.Policy(chain_poll_s=1800.0)).start().batch(7, 1).accept_all()
    for alpha in alpha_per_day:
        failed_poll = ev.ChainPollFailed(kind="timeout", reason="no answer")
        told = failed_poll if alpha is None else polled(alpha_per_day=alpha, tao_per_alpha=tao_per_alpha)
        drive.on(told, after_s=60)
    return drive


def test_a_day_earns_the_mean_of_what_the_chain_told() -> None:
    """Failures count as nothing told; a hotkey without a place earned nothing then."""
    drive = earning(2.0, 4.0, None)
    drive.on(ev.ChainPolled(block=7_300_000, miners=3, tao_per_alpha=0.004))
    costs, _ = booked(drive)
    bill = costs.days[TODAY]
    assert (bill.chain_answers, bill.chain_failures) == (3, 1)
    assert bill.mean_alpha == 2.0
    assert bill.mean_tao == pytest.approx(0.008)
    fields = day_fields(TAO, TODAY, bill)["chain"]
    assert fields == {
        "answers": 3,
        "failures": 1,
        "alpha_per_day": 2.0,
        "tao_per_day": pytest.approx(0.008),
        "usd_per_day": pytest.approx(3.2),
    }
    assert day_line(TAO, TODAY, bill, earned=True).endswith("    3.2000")
    assert heading("day", earned=True).endswith("  earned $")
    lines = total_lines(TAO, costs, today=TODAY)
    assert (
        "earned: 2.000 alpha a day, 0.0080 TAO at the pool's price: $3.2000, by 3 answers of the chain (1 not answered)"
    ) in lines


@pytest.mark.parametrize(
    ("worth", "tao_per_alpha", "usd"),
    [
        (Worth(), 0.004, None),
        (Worth(tao_usd=400.0), None, None),
        (Worth(alpha_usd=2.0), None, 6.0),
        (Worth(tao_usd=400.0, alpha_usd=2.0), 0.004, 6.0),
    ],
)
def test_what_it_is_worth_needs_a_price(worth: Worth, tao_per_alpha: float | None, usd: float | None) -> None:
    """ALPHA_USD goes before the pool's price at TAO_USD; without any, tokens are told."""
    costs, _ = booked(earning(3.0, tao_per_alpha=tao_per_alpha))
    money = Money(Prices(), worth)
    assert total_fields(money, costs, today=TODAY)["chain"]["usd_per_day"] == usd
    (line,) = [line for line in total_lines(money, costs, today=TODAY) if line.startswith("earned")]
    assert ("no price is set" in line) == (usd is None)
    assert day_line(money, TODAY, costs.days[TODAY], earned=True).split()[-1] == ("-" if usd is None else "6.0000")


def test_a_full_day_s_earnings_stand_beside_its_costs() -> None:
    """The mean of full days of which the chain told, as of the costs; a loss has its sign."""
    drive = earning(1.0)
    for day in range(1, 4):
        drive.at_ms = T0_MS + day * DAY_MS
        drive.batch(7 + day * 72, 10 + day).accept_all()
        drive.on(polled(alpha_per_day=float(day)), after_s=60)
    costs, _ = booked(drive)
    assert costs.full_days() == [TODAY + 1, TODAY + 2]
    lines = total_lines(TAO, costs, today=TODAY)
    assert "a day brought $2.4000 and cost $0.1500: $2.2500 (mean of 2 full UTC days)" in lines
    poor = Money(Prices(), Worth(tao_usd=1.0))
    assert "a day brought $0.0060 and cost $0.1500: -$0.1440 (mean of 2 full UTC days)" in total_lines(
        poor, costs, today=TODAY
    )


def test_a_chain_that_never_answered_earned_nothing_known() -> None:
    """It is told; where it was never asked there is no line."""
    costs, _ = booked(earning(None, None))
    assert "earned: unknown, by 0 answers of the chain (2 not answered)" in total_lines(TAO, costs, today=TODAY)
    costs, _ = booked(earning())
    assert not [line for line in total_lines(TAO, costs, today=TODAY) if "earned" in line or "brought" in line]
