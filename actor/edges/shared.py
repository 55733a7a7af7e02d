"""What the miners of one process use together: connections, turns at a server, and the answer to "which block is it?".

One miner alone needs none of it. A hundred would otherwise have a hundred clients of the same server, tables of the
same subnets, and ask the same API a hundred times for the same number.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from actor.analyzer import LLM, Registry, Strategy, StrategyName, make_strategy
from actor.edges.api import Exchanging, open_http
from actor.edges.llm import OpenAIChat
from actor.edges.turns import Turns
from actor.ports import ApiPort, Block, ChainPort, SubmitAnswer
from events.catalogue import ChainPolled, SubmissionBody

__all__ = ["Shared"]

_Ask: TypeAlias = Callable[[], Coroutine[Any, Any, Block]]

# Each search has a thread and a connection of its own for as long as it lasts.
_SEARCHES: Final = 16
_CHAIN_READS: Final = 4  # as with searches
# An answer to "which block is it?" is given to others for so long: a fraction of the twelve seconds of a block.
_FRESH_S: Final = 1.0
_FRESH_OF_A_POLL: Final = 0.25  # so that no miner hears one answer twice and takes it for two


class Shared:
    """All that is shared. Belongs to one event loop, and is closed when no miner uses it any more.

    Args:
        llm_concurrency: Posts that are analyzed at the same time, of all miners together.

    Attributes:
        llm_turns: Turns at the LLM.
        search_turns: Turns at X.
    """

    def __init__(self, *, llm_concurrency: int) -> None:
        self.llm_turns = Turns(llm_concurrency)
        self.search_turns = Turns(_SEARCHES)
        self._chain_turns = Turns(_CHAIN_READS)
        self._chats: dict[tuple[str, str, float], OpenAIChat] = {}
        self._exchangers: dict[tuple[str, float], Exchanging] = {}
        self._blocks: dict[str, _Heard] = {}
        self._strategies: dict[tuple[str, str], Strategy] = {}

    def strategy(self, name: StrategyName, registry: Registry) -> Strategy:
        """One for all who judge by the same rules and the same list of subnets."""
        key = (name, registry.sha256())
        if key not in self._strategies:
            self._strategies[key] = make_strategy(name, registry)
        return self._strategies[key]

    def chat(self, *, base_url: str, api_key: str, timeout_s: float) -> LLM:
        """One client for all who ask this server with this key."""
        key = (base_url, api_key, timeout_s)
        if key not in self._chats:
            self._chats[key] = OpenAIChat(base_url=base_url, api_key=api_key, timeout_s=timeout_s)
        return _Chat(self._chats[key])

    def exchange(self, base: str, *, total_timeout_s: float) -> Exchanging:
        """One pool of connections for all who speak to this API.

        Raises:
            Unanswered: As `open_http`.
        """
        key = (base, total_timeout_s)
        if key not in self._exchangers:
            self._exchangers[key] = open_http(base, total_timeout_s=total_timeout_s)
        return _Exchange(self._exchangers[key])

    def asked_once(self, api: ApiPort, *, base: str, poll_s: float) -> ApiPort:
        """The same API, which tells the block that another miner has just been told."""
        heard = self._blocks.setdefault(base, _Heard())
        return _SharedApi(api, heard, fresh_s=min(_FRESH_S, poll_s * _FRESH_OF_A_POLL))

    def chain(self, chain: ChainPort) -> ChainPort:
        """The same chain, asked in turn."""
        return _ChainInTurn(chain, self._chain_turns)

    async def aclose(self) -> None:
        await asyncio.gather(
            *(chat.aclose() for chat in self._chats.values()),
            *(exchanger.aclose() for exchanger in self._exchangers.values()),
            return_exceptions=True,
        )


class _Chat:
    """A client that others use too, so that none of them closes it."""

    def __init__(self, chat: OpenAIChat) -> None:
        self.complete = chat.complete

    async def aclose(self) -> None:
        """Nothing: the others go on."""


class _Exchange:
    """As above."""

    def __init__(self, exchanger: Exchanging) -> None:
        self.exchange = exchanger.exchange

    async def aclose(self) -> None:
        """Nothing: the others go on."""


class _ChainInTurn:
    """As above, but that there is nothing to close."""

    def __init__(self, chain: ChainPort, turns: Turns) -> None:
        self._chain = chain
        self._turns = turns

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:
        async with self._turns.of(hotkey):
            return await self._chain.standing(netuid=netuid, hotkey=hotkey)


class _Heard:
    """The newest question for the block, and its answer once it is there."""

    def __init__(self) -> None:
        self._asked: asyncio.Task[Block] | None = None
        self._since_s = 0.0

    async def block(self, ask: _Ask, *, fresh_s: float, since_s: float) -> Block:
        """The answer that is on its way, or one that was asked for within ``fresh_s``; else ask.

        None that was asked for before ``since_s``, by the loop's clock.
        """
        now_s = asyncio.get_running_loop().time()
        is_over = self._asked is not None and self._asked.done() and now_s - self._since_s > fresh_s
        if self._asked is None or is_over or self._since_s < since_s:
            self._asked = asyncio.create_task(ask())
            self._asked.add_done_callback(_seen)
            self._since_s = now_s
        return await asyncio.shield(self._asked)


def _seen(asked: asyncio.Task[Block]) -> None:
    """Whoever asked may have given up: then nobody else would look at the failure."""
    if not asked.cancelled():
        asked.exception()


class _SharedApi:
    """The API of one miner. What it submits is its own; the block's number is everybody's.

    After a submission no older answer will do: what counts then is how things are behind that one.
    """

    def __init__(self, api: ApiPort, heard: _Heard, *, fresh_s: float) -> None:
        self._api = api
        self._heard = heard
        self._fresh_s = fresh_s
        self._submitted_s = -math.inf

    async def status(self) -> Block:
        return await self._heard.block(self._api.status, fresh_s=self._fresh_s, since_s=self._submitted_s)

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        try:
            return await self._api.submit(body)
        finally:
            self._submitted_s = asyncio.get_running_loop().time()

    async def aclose(self) -> None:
        await self._api.aclose()
