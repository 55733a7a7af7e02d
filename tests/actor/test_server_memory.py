"""What the LLM's server takes is remembered from one process to the next, through the journal alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from actor.analyzer import Analyzer, LLMError, load_registry, make_strategy
from actor.analyzer.conversation import DAY_S
from actor.ports import Block
from actor.runtime import Actor, ActorConfig
from actor.testing.clock import VirtualClock, settle
from actor.testing.edges import ScriptedApi, ScriptedLLM, ScriptedScraper, TrustingWatch, scripted_ports
from events.catalogue import JournalCreated, Policy
from events.journal import MemoryJournal
from tests.kit import HOTKEY, post

IDENTITY = JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001")
GOOD = json.dumps({"about_bittensor": True, "sentiment": "bullish", "subnets": []})
REFUSALS = [
    LLMError("no schemas", kind="refused_format", refused=("response_format.type",)),
    LLMError("no seed", kind="refused_parameter", refused=("seed",)),
]


async def _window(
    store: MemoryJournal, number: int, *refusals: LLMError, after_s: float = 0, build: str = "1", server: str = "s"
) -> list[tuple[str | None, tuple[str, ...]]]:
    """Work one window of one post in a process of its own; how the server was asked each time."""
    llm = ScriptedLLM([*refusals, GOOD])
    strategy = make_strategy("hybrid", load_registry())
    clock = VirtualClock()
    await clock.advance(after_s)
    analyzer = Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=5, server=server, backoff_s=0.001)
    scripted = scripted_ports(
        clock=clock,
        scraper=ScriptedScraper(posts=[post(number, content=f"gm {number}")]),
        api=ScriptedApi(block=Block(current_block=100 * number)),
    )
    ports = replace(scripted, analyzer=analyzer)
    config = ActorConfig(identity=IDENTITY, policy=Policy(block_s=0.001), build=build, pid=1)
    actor = Actor(store=store, ports=ports, config=config, watch=TrustingWatch(clock))
    task = asyncio.create_task(actor.run())
    await settle()
    await clock.advance(1)  # searches are apart
    await settle()
    actor.stop()
    await task
    return [((asked.response_format or {}).get("type"), asked.without) for asked in llm.asked]


FOUND_OUT = [("json_schema", ()), ("json_object", ()), ("json_object", ("seed",))]


def test_the_next_process_asks_as_the_last_one_found_out() -> None:
    """One request, without what was refused."""

    async def test() -> None:
        store = MemoryJournal()
        assert await _window(store, 812, *REFUSALS) == FOUND_OUT
        assert await _window(store, 813) == [FOUND_OUT[-1]]
        assert await _window(store, 814, after_s=DAY_S - 60) == [FOUND_OUT[-1]]

    asyncio.run(test())


@pytest.mark.parametrize("other", [{"build": "2"}, {"server": "another"}, {"after_s": DAY_S + 60}])
def test_what_holds_no_longer_is_tried_again(other: dict[str, object]) -> None:
    """After an upgrade, at another server, a day later."""

    async def test() -> None:
        store = MemoryJournal()
        await _window(store, 812, *REFUSALS)
        assert await _window(store, 813, **other) == [("json_schema", ())]  # type: ignore[arg-type]

    asyncio.run(test())
