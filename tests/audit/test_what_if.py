"""Searches on record under other settings: what they would have cost and filled, and what cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from actor.machine.history import steps
from audit.costs.entries import Expenses
from audit.costs.searches import DueSearch, due_search
from audit.costs.what_if import Replayed, check_asked, replay, what_if_fields, what_if_lines
from audit.errors import UsageError
from events import catalogue as ev
from events.catalogue import Spent
from events.codec import changed
from events.journal import parse
from events.money import Money
from events.prices import Prices
from tests.audit.walks import Walk
from tests.kit import T0_MS, Drive

MONEY = Money(Prices(x_usd_per_post=0.004, x_usd_per_user=0.03))
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def due(number: int, *new: str, taken: int = 3, wanted: int = 3, **fields: Any) -> DueSearch:
    """An answered search an hour for each number, whose new posts are named "post:author"; the first were taken."""
    posts = [name.partition(":") for name in new]
    told: dict[str, Any] = {
        "window": number,
        "at_ms": T0_MS + number * HOUR_MS,
        "wanted": wanted,
        "candidates": tuple(post for post, _, _ in posts),
        "chosen": tuple((post, author) for post, _, author in posts[:taken]),
        "posts_read": 10,
        "users_read": 7,
        "max_pages": 1,
        "max_submissions": 3,
        "carried_windows": 3,
        "limit_usd": None,
    }
    return DueSearch(**told | fields)


def failed(number: int, kind: str) -> DueSearch:
    return due(number, kind=kind, posts_read=0, users_read=0)


def found(searches: Sequence[DueSearch], **asked: Any) -> Replayed:
    """The replay, which is one that may be asked for."""
    check_asked(searches, asked, MONEY)
    return replay(searches, asked, MONEY)


def test_without_a_question_it_is_what_is_on_record() -> None:
    """What was taken and read, also where a search found little, failed, or was held back."""
    searches = [due(1, "a:1", "b:2", "c:3", "d:4"), due(2, "d:4"), failed(3, "timeout"), due(4, held="x")]
    assert replay(searches, {}, MONEY) == Replayed(
        windows=4, filled=1, searches=2, failed=1, held=1, paid=Spent(posts=20, users=14), taken=4, sent=4
    )


def test_posts_that_were_taken_for_later_windows_are_sent_as_on_record() -> None:
    """The windows that they filled wanted no search; the next one that did is searched here, too."""
    searches = [due(1, "a:1", "b:2", "c:3", "d:4", "e:4", taken=5), due(3, "f:6", "g:7", "h:8")]
    for asked in ({}, {"AUTHOR_CACHE_HOURS": 5}):
        sums = found(searches, **asked)
        assert (sums.searches, sums.sent, sums.filled) == (2, 8, 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_bill_of_any_history_is_its_own_replay(seed: int) -> None:
    """Without a question X costs what the records say, to the unit; and each post that was chosen is taken once."""
    searches, told, chosen, failures = [], Spent(), 0, 0
    for step in steps(parse(line, None) for line in Walk(seed).go(700).lines):
        if (one := due_search(step)) is not None:
            searches.append(one)
        if isinstance(step.event, ev.PostsScraped):
            told += Spent(posts=step.event.posts_read, users=step.event.users_read)
            chosen += len(step.event.posts)
        failures += isinstance(step.event, ev.ScrapeFailed)
    recorded = replay(searches, {}, MONEY)
    assert (recorded.paid, recorded.failed) == (told, failures)
    assert recorded.taken == chosen > 0


def test_posts_taken_before_fill_windows_without_a_search() -> None:
    """Two thirds of the searches fall away where each finds thrice what a window takes."""
    plenty = [due(n, *(f"{n}{letter}:{letter}" for letter in "abcdefghij")) for n in range(1, 7)]
    assert found(plenty, POSTS_PER_SEARCH=9) == Replayed(
        windows=6, filled=6, searches=2, paid=Spent(posts=20, users=14), taken=18, sent=18
    )
    assert found(plenty, POSTS_PER_SEARCH=3) == replay(plenty, {}, MONEY)


def test_a_window_that_waiting_posts_fill_in_part_is_searched_for_the_rest() -> None:
    """Two of five wait; the next window wants one more, and its search takes up to the setting again."""
    searches = [due(1, "a:1", "b:2", "c:3", "d:4", "e:5"), due(2, "f:6", "g:7", "a:1"), due(3, "h:8")]
    assert found(searches, POSTS_PER_SEARCH=5) == Replayed(
        windows=3, filled=2, searches=3, paid=Spent(posts=30, users=21), taken=8, sent=8
    )


def test_what_was_taken_is_not_found_again() -> None:
    """A post that the recorded search left is taken earlier; then the later search has one new post less."""
    searches = [due(1, "a:1", "b:2", "c:3", "d:4"), due(2, "d:4", "e:5", "f:6", "g:7")]
    assert found(searches, POSTS_PER_SEARCH=4).taken == 4 + 3
    assert found(searches, POSTS_PER_SEARCH=4).sent == 6


@pytest.mark.parametrize(("windows", "sent"), [(1, 6), (2, 9), (3, 10)])
def test_posts_wait_for_so_many_windows(windows: int, sent: int) -> None:
    """Those of the first search go into later windows whose own searches fail, but not for ever; nor are more taken."""
    first = due(1, *(f"{letter}:1" for letter in "abcdefghij"), carried_windows=windows)
    rest = [changed(failed(n, "503"), carried_windows=windows) for n in (2, 3, 4, 5)]
    assert found([first, *rest], POSTS_PER_SEARCH=10).sent == sent


def test_authors_are_read_once_in_so_many_hours() -> None:
    """Each author of taken posts once, again when the hours are over; the page's other authors are not read."""
    searches = [due(1, "a:1", "b:2", "c:1", "d:9"), due(2, "e:2", "f:3"), due(5, "g:1", "h:3")]
    assert found(searches, AUTHOR_CACHE_HOURS=3).paid == Spent(posts=30, users=2 + 1 + 2)
    assert found(searches, AUTHOR_CACHE_HOURS=4).paid == Spent(posts=30, users=2 + 1 + 1)
    assert found(searches, AUTHOR_CACHE_HOURS=168).paid == Spent(posts=30, users=3)
    assert found(searches, AUTHOR_CACHE_HOURS=0).paid == Spent(posts=30, users=21)
    cached = [changed(search, cache_hours=4, users_read=0) for search in searches]
    assert found(cached, POSTS_PER_SEARCH=3).paid == Spent(posts=30, users=2 + 1 + 1)
    assert found(cached, AUTHOR_CACHE_HOURS=3).paid == Spent(posts=30, users=2 + 1 + 2)


def test_an_author_that_no_record_names_is_another_one() -> None:
    """Of a post that was left on record nothing but its id is known."""
    searches = [due(1, "a:1", "b:1", "c:1", "d:1", "e:1")]
    assert found(searches, AUTHOR_CACHE_HOURS=9).paid.users == 1
    assert found(searches, AUTHOR_CACHE_HOURS=9, POSTS_PER_SEARCH=5).paid.users == 3


def test_a_budget_holds_searches_back_until_the_next_day() -> None:
    """As the miner reckons: what was spent, and the most that the next search may cost; also one that timed out."""
    each = MONEY.prices.x_uusd(10, 10) / 1e6
    hours = [due(n, f"{n}a:1", f"{n}b:2", f"{n}c:3") for n in range(4)]
    later = [due(n, f"{n}a:1", f"{n}b:2", f"{n}c:3") for n in range(24, 28)]
    spent = MONEY.x(Spent(posts=20, users=14))
    sums = found([*hours, *later], MAX_X_USD_PER_DAY=spent + each)
    assert (sums.searches, sums.held, sums.filled, sums.sent) == (6, 2, 6, 18)
    sums = found([*hours, *later], MAX_X_USD_PER_DAY=round(spent + each - 0.001, 6))
    assert (sums.searches, sums.held) == (4, 4)
    sums = found([failed(0, "timeout"), *hours[1:]], MAX_X_USD_PER_DAY=each + 0.01)
    assert (sums.failed, sums.searches, sums.held) == (1, 0, 3)
    sums = found([failed(0, "auth"), *hours[1:]], MAX_X_USD_PER_DAY=each + 0.01)
    assert (sums.failed, sums.searches, sums.held) == (1, 1, 2)


REFUSED: list[tuple[list[DueSearch], dict[str, Any], str]] = [
    ([], {"AUTHOR_CACHE_HOURS": 3}, "no search is on record"),
    ([due(1, "a:1", "b:1", "c:1", "d:1", taken=4)], {"POSTS_PER_SEARCH": 8}, "took posts for later windows already"),
    ([due(1, "a:1")], {"POSTS_PER_SEARCH": 11}, "expected 3 to 10"),
    ([due(1, "a:1"), due(2, cache_hours=5)], {"AUTHOR_CACHE_HOURS": 0}, "expected at least 1"),
    ([due(1, "a:1"), due(2, wanted=12)], {"POSTS_PER_SEARCH": 11}, "had room for 12 posts"),
    ([due(1, "a:1")], {"POSTS_PER_SEARCH": 2}, "expected 3 to 10"),
    ([due(1), due(2, held="x", limit_usd=4.0)], {"MAX_X_USD_PER_DAY": 4.5}, "expected at most 4"),
    ([due(1)], {"MAX_X_USD_PER_DAY": 0.3}, "does not pay for one search"),
]


@pytest.mark.parametrize(("searches", "asked", "words"), REFUSED)
def test_what_no_record_tells_is_refused(searches: list[DueSearch], asked: dict[str, Any], words: str) -> None:
    """One line that says why, and what can be asked."""
    with pytest.raises(UsageError) as refusal:
        check_asked(searches, asked, MONEY)
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("--what-if")


def test_a_budget_as_on_record_can_be_asked_for() -> None:
    """Then what was held back stays so; a budget of the LLM's is none of X."""
    searches = [due(1, "a:1"), due(2, held="x", limit_usd=4.0), due(3, held="llm")]
    assert found(searches, MAX_X_USD_PER_DAY=4.0).held == 2


def test_money_is_shared_among_the_posts_that_would_be_accepted() -> None:
    """As many of the sent ones as on record; tokens by the posts that are analyzed; nothing is divided by nothing."""
    money = Money(Prices(llm_usd_per_million_prompt_tokens=1.0, llm_usd_per_million_completion_tokens=2.0))
    searches = [due(n, *(f"{n}{letter}:{letter}" for letter in "abcdefghi")) for n in (1, 2)]
    total = Expenses(accepted=4, paid=Spent(prompt_tokens=9_000, completion_tokens=1_500))
    fields = what_if_fields(money, searches, {"POSTS_PER_SEARCH": 9}, total)
    assert fields["recorded"]["per_accepted"] == {"x_usd": round(0.24 / 4, 6), "llm_usd": 0.003}
    assert (fields["replayed"]["taken"], fields["replayed"]["sent"], fields["replayed"]["accepted"]) == (9, 6, 4.0)
    assert fields["replayed"]["per_accepted"] == {"x_usd": 0.03, "llm_usd": 0.0045}
    assert "POSTS_PER_SEARCH=9: X $0.1200 less (50%)" in what_if_lines(fields)
    nothing = what_if_fields(Money(Prices()), [due(1)], {"AUTHOR_CACHE_HOURS": 2}, Expenses())
    assert nothing["replayed"]["per_accepted"] == {"x_usd": None, "llm_usd": None}
    assert what_if_lines(nothing)[2].split() == ["replayed", "1", "10", "0", "0.0500", "-", "1", "0", "0", "0.0", "-"]


def test_each_end_of_a_due_search_is_told_with_its_settings() -> None:
    """Answered, failed, held back; nothing else is one, and a search that ended otherwise is none."""
    drive = Drive(ev.Policy(max_x_usd_per_day=0.16, max_search_pages=1, max_carried_windows=2)).start()
    drive.window(7).scraped(1, 2).analyze_all().accept_all()
    drive.window(8)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)
    drive.at_ms += DAY_MS
    drive.window(100).scrape_failed()
    ends = [one for step in steps(drive.records) if (one := due_search(step)) is not None]
    assert [(one.window, one.is_answered, one.held, bool(one.kind)) for one in ends] == [
        (7, True, "", False),
        (8, False, "x", False),
        (100, False, "", True),
    ]
    assert {(one.wanted, one.limit_usd, one.max_pages, one.carried_windows) for one in ends} == {(5, 0.16, 1, 2)}
    assert [post for post, _ in ends[0].chosen] == ["1", "2"]
