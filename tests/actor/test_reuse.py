"""The recorded answer about a text is used again: within a batch, in later windows, after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from actor.ports import Block
from actor.runtime import Actor, ActorConfig
from actor.testing.clock import VirtualClock, settle
from actor.testing.edges import ScriptedAnalyzer, ScriptedApi, ScriptedScraper, TrustingWatch, scripted_ports
from events.catalogue import JournalCreated, Policy, Post, PostAnalyzed
from events.journal import MemoryJournal
from tests.kit import HOTKEY, post

IDENTITY = JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001")
SPAM = "Bittensor SN45  is great"


def spam(number: int) -> Post:
    """A post that says the same, give or take a space."""
    return post(number, content=SPAM.replace("  ", " " * number))


async def window(store: MemoryJournal, number: int, posts: Iterable[Post], model: str) -> list[str]:
    """Work one window in a process of its own, an hour after the one before it; what the LLM was asked about."""
    analyzer = ScriptedAnalyzer(model=model)
    clock = VirtualClock()
    clock.set_wall(clock.now_ms() + (number - 812) * 3_600_000)
    ports = scripted_ports(
        clock=clock,
        analyzer=analyzer,
        scraper=ScriptedScraper(posts=list(posts)),
        api=ScriptedApi(block=Block(current_block=100 * number)),
    )
    config = ActorConfig(identity=IDENTITY, policy=Policy(block_s=0.001), build="0.1.0", pid=1)
    actor = Actor(store=store, ports=ports, config=config, watch=TrustingWatch(ports.clock))
    task = asyncio.create_task(actor.run())
    await settle()
    await clock.advance(1)  # searches are apart
    await settle()
    actor.stop()
    await task
    return analyzer.calls


def test_one_text_is_asked_about_once() -> None:
    """Three posts in one window, one in the next, a restart between them: one question (I3)."""

    async def test() -> None:
        store = MemoryJournal()
        assert await window(store, 812, [spam(1), spam(2), spam(3)], "m") == ["Bittensor SN45 is great"]
        assert await window(store, 813, [spam(4)], "m") == []
        await store.take(reducer=0)
        found = [e for record in [r async for r in store.read()] if isinstance(e := record.event(), PostAnalyzed)]
        assert [(event.post_id, event.calls, event.reused_from) for event in found] == [
            ("1", 1, None),
            ("2", 0, "1"),
            ("3", 0, "1"),
            ("4", 0, "1"),
        ]
        assert len({(event.content_sha256, event.sentiment, tuple(event.tokens)) for event in found}) == 1

    asyncio.run(test())


def test_another_model_is_asked_anew() -> None:
    """What one model found does not hold for another."""

    async def test() -> None:
        store = MemoryJournal()
        assert len(await window(store, 812, [spam(1)], "m")) == 1
        assert len(await window(store, 813, [spam(2)], "another")) == 1

    asyncio.run(test())


def test_what_the_newest_model_found_holds() -> None:
    """After a change of the model, a third post of the text costs nothing."""

    async def test() -> None:
        store = MemoryJournal()
        assert len(await window(store, 812, [spam(1)], "m")) == 1
        assert len(await window(store, 813, [spam(2)], "another")) == 1
        assert await window(store, 814, [spam(3)], "another") == []

    asyncio.run(test())
