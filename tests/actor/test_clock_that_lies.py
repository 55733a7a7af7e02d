"""The whole actor on hosts whose clocks jump or stand still, and with an X that tells any date."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from actor.edges.reply import Reply
from actor.edges.x import PostScraper
from actor.perform import Ports
from actor.ports import Block, Scraped, ScraperPort
from actor.testing.clock import VirtualClock
from actor.testing.edges import ScriptedApi, ScriptedScraper, fail, limit
from events.catalogue import Policy, PostAbandoned, PostsScraped, SubmissionFailed
from events.journal import MemoryJournal
from tests.actor.test_runtime import names, ports_of, records, run, running
from tests.kit import T0_MS, post

HOUR_S = 3_600.0
DAY_S = 86_400.0


async def worked(ports: Ports, clock: VirtualClock, store: MemoryJournal, seconds: float, **changes: Any) -> None:
    """An actor works for so long, and is stopped."""
    async with running(ports, store, **changes):
        await clock.advance(seconds)


# A restart in a backoff


async def in_a_backoff(clock: VirtualClock, store: MemoryJournal) -> ScriptedApi:
    """The first attempt failed a moment ago, and the process ended."""
    api = ScriptedApi(answers=[fail()])
    scraper = ScriptedScraper(posts=[post(1)])
    await worked(ports_of(clock=clock, api=api, scraper=scraper), clock, store, 1.0)
    assert len(api.sent) == 1
    return api


@pytest.mark.parametrize("back_s", [HOUR_S, 400 * DAY_S])
def test_r1_a_restart_behind_a_clock_that_was_set_back_waits_no_longer_than_the_wait(back_s: float) -> None:
    """The moment at which it was due is hours away by then; the wait itself is 3 s."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        api = await in_a_backoff(clock, store)
        clock.jump(-back_s)
        async with running(ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[])), store):
            await clock.advance(2.9)
            assert len(api.sent) == 1
            await clock.advance(0.2)
            assert len(api.sent) == 2

    run(test)


def test_r1_a_restart_waits_for_the_rest_of_the_wait() -> None:
    """Two of three seconds went by before it."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        api = await in_a_backoff(clock, store)
        await clock.advance(1.0)
        async with running(ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[])), store):
            await clock.advance(0.8)
            assert len(api.sent) == 1
            await clock.advance(0.3)
            assert len(api.sent) == 2

    run(test)


def test_r1_a_clock_that_is_set_ahead_shortens_no_wait() -> None:
    """I7: however long the wait is."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        api = ScriptedApi(answers=[fail()])
        ports = ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1)]))
        policy = Policy(submit_backoff_s=600.0)
        async with running(ports, store, policy=policy):
            await clock.advance(100.0)
            clock.jump(7_200.0)
            await clock.advance(499.0)
            assert len(api.sent) == 1
            await clock.advance(2.0)
            assert len(api.sent) == 2

    run(test)


def test_latencies_are_measured_from_the_beginning_of_each_request() -> None:
    """On a host that has been up for a while."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        await clock.advance(1_000.0)
        api = ScriptedApi(clock=clock, latency_s=0.25, answers=[fail()])
        scraper = ScriptedScraper(clock=clock, latency_s=1.5, posts=[post(1)])
        await worked(ports_of(clock=clock, api=api, scraper=scraper), clock, store, 30.0)
        told = [record.event() for record in await records(store)]
        latencies = {type(event): event.latency_ms for event in told if hasattr(event, "latency_ms")}
        assert latencies[PostsScraped] == 1_500
        assert latencies[SubmissionFailed] == 250

    run(test)


# A host that sleeps


@pytest.mark.parametrize("slept_s", [72 * HOUR_S, 80 * HOUR_S, 300 * DAY_S])
@pytest.mark.parametrize("next_block", [700, 800])
def test_r9_carried_posts_are_given_up_after_a_host_slept(slept_s: float, next_block: int) -> None:
    """The monotonic clock stood still; in the same window or in the next one, nothing of them is sent."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        api = ScriptedApi(answers=[limit(current_block=700)])
        ports = ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1), post(2)]))
        async with running(ports, store) as actor:
            await clock.advance(5.0)
            assert (len(api.sent), len(actor.state.posts)) == (1, 2)
            clock.jump(slept_s)
            api.block = Block(current_block=next_block)
            await clock.advance(60.0)
            assert actor.state.posts == ()
        assert len(api.sent) == 1
        given_up = [event for r in await records(store) if isinstance(event := r.event(), PostAbandoned)]
        assert [event.reason for event in given_up] == ["too old", "too old"]

    run(test)


def test_r9_a_queue_is_given_up_after_a_host_slept() -> None:
    """Posts that were never carried: an attempt failed, and the host slept in the wait before the next one."""

    async def test() -> None:
        clock, store = VirtualClock(), MemoryJournal()
        api = ScriptedApi(answers=[fail()])
        ports = ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1), post(2)]))
        async with running(ports, store) as actor:
            await clock.advance(1.0)
            clock.jump(80 * HOUR_S)
            await clock.advance(60.0)
            assert (actor.state.state, actor.state.totals.abandoned) == ("WaitingForWindow", 2)
        assert len(api.sent) == 1

    run(test)


def test_r9_an_attempt_that_is_open_while_the_host_sleeps_ends_with_its_answer() -> None:
    """It is on its way; its verdict counts."""

    async def test() -> None:
        clock, store, gate = VirtualClock(), MemoryJournal(), asyncio.Event()
        api = ScriptedApi(gate=gate)
        ports = ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1)]))
        async with running(ports, store) as actor:
            await clock.advance(1.0)
            clock.jump(80 * HOUR_S)
            await clock.advance(60.0)
            gate.set()
            await clock.advance(1.0)
            assert actor.state.totals.accepted == 1

    run(test)


# An X that tells any date


def page(now_s: float, *posts: Mapping[str, Any]) -> Reply:
    """What X answers; ``at_s`` is a post's age's other end, ``versions`` its history."""
    metrics = {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 4}
    data = [
        {
            "id": found["id"],
            "text": f"SN45 ships, number {found['id']}",
            "author_id": "9",
            "created_at": found.get("at") or datetime.fromtimestamp(now_s - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "public_metrics": metrics,
            "edit_history_tweet_ids": found.get("versions", [found["id"]]),
        }
        for found in posts
    ]
    user = {
        "id": "9",
        "username": "ada",
        "created_at": "2020-01-01T00:00:00Z",
        "public_metrics": {"followers_count": 6},
    }
    body = {"data": data, "includes": {"users": [user]}, "meta": {}}
    return Reply(status=200, headers={}, body=json.dumps(body).encode())


class AnyDates:
    """A server that pays no heed to what it is asked: the first search, then the same one for ever."""

    def __init__(
        self, clock: VirtualClock, first: Sequence[Mapping[str, Any]], later: Sequence[Mapping[str, Any]]
    ) -> None:
        self._clock = clock
        self._first: Sequence[Mapping[str, Any]] | None = first
        self._later = later
        self.searches = 0

    async def __call__(self, _params: Mapping[str, Any], _left_s: float) -> tuple[Reply, Exception | None]:
        """One page."""
        posts, self._first = self._later if self._first is None else self._first, None
        self.searches += 1
        return page(self._clock.now_ms() / 1000, *posts), None


def scraper_of(clock: VirtualClock, server: AnyDates) -> ScraperPort:
    """The real edge in front of it."""
    return PostScraper(
        bearer_token="token",  # noqa: S106
        api_base="http://127.0.0.1:1/2",
        clock=clock,
        redact=str,
        fetch_page=server,
    )


FOUR = [{"id": str(number)} for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59Z", "2026-11-22T15:00:00Z", "2026-11-01T00:00:00Z", "0001-01-01T00:00:00Z"]
)
@pytest.mark.parametrize("ahead_s", [0.0, 400 * DAY_S, -400 * DAY_S])
def test_i2_one_odd_date_has_nothing_sent_twice(at: str, ahead_s: float) -> None:
    """Row by row, window by window: the odd post is unusable, and each of the others is sent once."""

    async def test() -> None:
        clock, store = VirtualClock(T0_MS), MemoryJournal()
        server = AnyDates(clock, [*FOUR, {"id": "5", "at": at}], FOUR)
        api = ScriptedApi(block=Block(current_block=700))
        async with running(ports_of(clock=clock, api=api, scraper=scraper_of(clock, server)), store):
            for window in range(1, 8):
                await clock.advance(60.0)
                clock.jump(ahead_s if window == 3 else -ahead_s if window == 4 else 0.0)
                api.block = Block(current_block=700 + 100 * window)
            await clock.advance(60.0)
        assert sorted(body.post_id for body in api.sent) == ["1", "2", "3", "4"]
        searches = [event for r in await records(store) if isinstance(event := r.event(), PostsScraped)]
        assert [event.unusable for event in searches] == [1] + [0] * (server.searches - 1)

    run(test)


def test_i2_a_server_that_ignores_the_time_it_was_asked_for() -> None:
    """Posts of 30 days ago beside one new one in each search: the old ones are counted, and never sent."""

    async def test() -> None:
        clock, store = VirtualClock(T0_MS), MemoryJournal()
        old = [{"id": str(number), "at": "2026-10-23T00:00:00Z"} for number in range(100, 104)]
        api = ScriptedApi(block=Block(current_block=700))
        server = AnyDates(clock, [*old, {"id": "1"}], [*old, {"id": "2"}])
        async with running(ports_of(clock=clock, api=api, scraper=scraper_of(clock, server)), store):
            for window in range(1, 6):
                await clock.advance(60.0)
                api.block = Block(current_block=700 + 100 * window)
            await clock.advance(60.0)
        assert [body.post_id for body in api.sent] == ["1", "2"]
        searches = [event for r in await records(store) if isinstance(event := r.event(), PostsScraped)]
        assert {event.unusable for event in searches} == {4}

    run(test)


def test_i2_an_edited_post_is_sent_once_through_a_kill() -> None:
    """Each search serves it under a new id; the newest version of the first search is what is sent."""

    async def test() -> None:
        clock, store = VirtualClock(T0_MS), MemoryJournal()
        history = [str(number) for number in range(10, 20)]
        api = ScriptedApi(block=Block(current_block=700))
        for edits in range(2, 8):
            served = [{"id": history[at], "versions": history[: at + 1]} for at in range(edits)]
            server = AnyDates(clock, served, served)
            ports = ports_of(clock=clock, api=api, scraper=scraper_of(clock, server))
            await worked(ports, clock, store, 60.0)
            api.block = Block(current_block=700 + 100 * edits)
        assert [body.post_id for body in api.sent] == ["11"]
        assert "EffectCrashed" not in names(await records(store))

    run(test)


def test_a_search_takes_dates_by_the_moment_of_its_page() -> None:
    """The host slept between the question and the answer: what was in time then is not now."""

    async def test() -> None:
        clock = VirtualClock(T0_MS)

        async def slept(_params: Mapping[str, Any], _left_s: float) -> tuple[Reply, Exception | None]:
            answer = page(clock.now_ms() / 1000, {"id": "1"})
            clock.jump(80 * HOUR_S)
            return answer, None

        scraper = scraper_of(clock, slept)  # type: ignore[arg-type]
        found: Scraped = await scraper.scrape_posts(5, keywords=("a",), max_pages=1, is_seen=lambda _: False)
        assert (found.posts, found.unusable) == ((), 1)
        assert found.since == clock.now_ms() // 1000 - 72 * 3600 - 60

    run(test)
