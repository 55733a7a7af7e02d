"""Budgets over real HTTP: what the stand-ins billed is the proof, not what the miner says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from actor.machine.budget import DAY_MS
from events.catalogue import BudgetSpent, PostsScraped
from events.codec import changed
from events.journal import Draft, FileJournal, at_text, read_journal
from events.prices import Prices, usd
from tests.patience import GIVE_UP_S
from tests.world import World, hours_ago, wait_for


@pytest.fixture(autouse=True)
def _within_one_day() -> None:
    """No test sees the UTC day change under it."""
    left_s = 86_400 - time.time() % 86_400
    if left_s < GIVE_UP_S:  # no test takes longer
        time.sleep(left_s + 1)


@pytest.fixture
def rich(make_world: Callable[..., World]) -> World:
    """A world with more posts than a few windows need."""
    return make_world(posts=0, corpus_size=60, epoch=hours_ago())


def next_window(world: World) -> None:
    """The chain goes on, and X has new posts."""
    world.sandbox.next_window()
    world.sandbox.advance_posts(1800)


def billed_usd(world: World) -> float:
    """What X returned, at X's prices, repeats too."""
    ledger = world.sandbox.ledger.x
    return usd(Prices().x_uusd(ledger.posts_read, ledger.users_read))


def held(world: World) -> list[BudgetSpent]:
    """The windows that a budget did not allow."""
    return [event for record, _ in world.history() if isinstance(event := record.event(), BudgetSpent)]


def has_searched(world: World, searches: int) -> bool:
    """Whether X has acted on so many searches."""
    return world.sandbox.ledger.x.searches == searches


def test_a_run_stops_searching_when_the_budget_is_reached(rich: World, caplog: pytest.LogCaptureFixture) -> None:
    """X is not asked again that day; each window says why, in the journal and once in the log."""
    rich.mine(MAX_X_USD_PER_DAY="0.4")
    while not held(rich):
        next_window(rich)
        rich.mine(MAX_X_USD_PER_DAY="0.4")
    searches = rich.sandbox.ledger.x.searches
    next_window(rich)
    rich.mine(MAX_X_USD_PER_DAY="0.4")
    assert rich.sandbox.ledger.x.searches == searches >= 2
    assert 0.25 < billed_usd(rich) <= 0.4
    assert [event.spent_usd for event in held(rich)] == [billed_usd(rich)] * 2
    assert caplog.text.count("not searched: it may cost $0.1500") == 2
    assert rich.state().totals.accepted == len(rich.sandbox.ledger.api.accepted()) > 0


def test_a_search_that_a_kill_cut_off_counts(rich: World) -> None:
    """Kill -9 amid X's answer, which is billed, again and again: the budget holds."""
    rich.sandbox.script("x.search", "drip", times=3)  # each byte is in time, so the search lasts until the kill
    for kills in range(1, 4):
        with rich.start(env=rich.env(MAX_X_USD_PER_DAY="0.45")) as process:
            wait_for(partial(has_searched, rich, kills), "a search that is billed")
            process.kill()
    rich.mine(MAX_X_USD_PER_DAY="0.45")
    assert rich.sandbox.ledger.x.searches == 3, "not asked a fourth time"
    assert [event.spent_usd for event in held(rich)] == [0.45]
    assert 0.3 < billed_usd(rich) <= 0.45


def test_r9_carried_posts_are_sent_when_the_budget_is_spent(rich: World) -> None:
    """R9: they are paid for; nothing more is."""
    rich.sandbox.script("api.submit", "ok", times=2)
    rich.sandbox.script("api.submit", "429")
    rich.mine(MAX_X_USD_PER_DAY="0.2")
    next_window(rich)
    calls = rich.sandbox.ledger.llm.calls
    rich.mine(MAX_X_USD_PER_DAY="0.2")
    assert len(held(rich)) == 1
    assert len(rich.sandbox.ledger.api.accepted(rich.sandbox.window)) == 3
    assert (rich.sandbox.ledger.x.searches, rich.sandbox.ledger.llm.calls) == (1, calls)


def test_the_llm_budget_lets_a_batch_end_and_holds_the_next(rich: World) -> None:
    """The first batch of a day knows no price; the second is not begun."""
    mine = partial(
        rich.mine,
        MAX_LLM_USD_PER_DAY="0.0001",
        LLM_USD_PER_MILLION_PROMPT_TOKENS="1",
        LLM_USD_PER_MILLION_COMPLETION_TOKENS="1",
    )
    mine()
    assert rich.sandbox.ledger.llm.calls == 5
    next_window(rich)
    mine()
    (event,) = held(rich)
    ledger = rich.sandbox.ledger.llm
    assert (event.budget, event.limit_usd) == ("llm", 0.0001)
    assert event.spent_usd == usd(ledger.prompt_tokens + ledger.completion_tokens)
    assert (ledger.calls, rich.sandbox.ledger.x.searches) == (5, 1)


def test_a_larger_budget_counts_from_the_next_start(rich: World) -> None:
    """R12: the window that was held back stays spent, the next one is searched."""
    rich.mine(MAX_X_USD_PER_DAY="0.15")
    next_window(rich)
    rich.mine(MAX_X_USD_PER_DAY="0.15")
    next_window(rich)
    rich.mine(MAX_X_USD_PER_DAY="5")
    assert (len(held(rich)), rich.sandbox.ledger.x.searches) == (1, 2)


def test_the_next_utc_day_is_searched_again(rich: World) -> None:
    """The same history a day earlier leaves today's budget whole."""
    rich.mine(MAX_X_USD_PER_DAY="0.15")
    next_window(rich)
    rich.mine(MAX_X_USD_PER_DAY="0.15")
    assert rich.sandbox.ledger.x.searches == 1
    (journal,) = rich.journal.iterdir()
    a_day_earlier(journal)
    next_window(rich)
    rich.mine(MAX_X_USD_PER_DAY="0.15")
    assert (len(held(rich)), rich.sandbox.ledger.x.searches) == (1, 2)


def a_day_earlier(journal: Path) -> None:
    """Write the journal again as if all of it had happened yesterday."""
    records = list(read_journal(journal))
    journal.rename(journal.parents[1] / "today")

    async def write() -> None:
        store = FileJournal(journal, on_warning=pytest.fail)
        await store.take(reducer=0)
        for record in records:
            at_ms = record.at_ms - DAY_MS
            event = record.event()
            if isinstance(event, PostsScraped):  # their age decides the order of the submissions
                posts = tuple(changed(post, timestamp=post.timestamp - 86_400) for post in event.posts)
                event = changed(event, posts=posts)
            if isinstance(event, BudgetSpent):
                event = changed(event, day=at_text(at_ms)[:10])
            await store.append(Draft(at_ms=at_ms, event=event, source=record.source, dest=record.dest))
        await store.release()

    asyncio.run(write())
