"""A whole actor in one process: the real loop, machine and journal, edges that a test writes, time that it owns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from typing import Final, Self

from actor.machine import INITIAL, State, at_rest, fold_record, wanted
from actor.perform import Ports
from actor.runtime import Actor, ActorConfig
from actor.testing.clock import VirtualClock, run_virtual
from actor.testing.edges import ScriptedAnalyzer, ScriptedApi, ScriptedChain, ScriptedScraper, ScriptedSigner
from actor.testing.words import effect_lines, move_line
from events.catalogue import JournalCreated, Policy, Post
from events.journal import Draft, JournalError, JournalStore, MemoryJournal, Record

__all__ = ["ActorWorld"]

_FIRST_BLOCK: Final = 81_200
_BLOCK_S: Final = 12.0
_DAY_S: Final = 86_400.0


class ActorWorld:
    """An actor that can be run, killed and run again, and the worlds around it. Hours take no time.

    Args:
        posts: What X has; add to ``x.posts`` later.
        policy: The settings that decide.
        store: Its journal; in memory when left out.
        clock: Its time.
        block_s: Seconds for each block of the chain, which begins a window at the start.

    Attributes:
        x: X.
        llm: The LLM.
        api: The coordination API.
        chain: The chain, which is asked where ``policy`` has ``chain_poll_s``.
        clock: The time; make its wall clock jump.
        store: The journal.
        state: After the last record.
        records: What was recorded since this world was made.
    """

    def __init__(
        self,
        posts: Iterable[Post] = (),
        *,
        policy: Policy | None = None,
        store: JournalStore | None = None,
        clock: VirtualClock | None = None,
        block_s: float = _BLOCK_S,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.x = ScriptedScraper(posts=list(posts), clock=self.clock)
        self.llm = ScriptedAnalyzer(clock=self.clock)
        self.api = ScriptedApi(clock=self.clock, chain=lambda: _FIRST_BLOCK + int(self.clock.elapsed_s() / block_s))
        self.chain = ScriptedChain(clock=self.clock)
        self.store: JournalStore = store or MemoryJournal()
        self.state: State = INITIAL
        self.records: list[Record] = []
        self._policy = policy or Policy()

    def run(self, *, windows: int | None = None, seconds: float = _DAY_S) -> Self:
        """Start the actor, and stop it once it is done with so many windows, or after so much time.

        Raises:
            JournalError: As ``Actor.run``.
        """
        run_virtual(self._run(windows, seconds), self.clock)
        return self

    def crash(self, event: str, *, after: int = 1) -> Self:
        """Start the actor, and let its process die right after it recorded the ``after``-th event of this name.

        Raises:
            AssertionError: It recorded no such event within a day.
        """
        run_virtual(self._crash(event, after), self.clock)
        return self

    def transitions(self) -> list[str]:
        """Where each event led so far: ``PostsScraped: Scraping -> Analyzing``."""
        return [f"{record.name}: {move_line(record.source, record.dest)}" for record in self.records]

    def effects(self) -> list[str]:
        """What is wanted now; nothing while it is stopped."""
        return effect_lines(wanted(self.state), self.clock.now_ms())

    def journal(self) -> list[Record]:
        return list(self.records)

    async def _run(self, windows: int | None, seconds: float) -> None:
        done = asyncio.Event()
        before: list[int] = []

        def look(_record: Record, state: State) -> None:
            if windows is None or not state.running:
                return
            if not before:  # a window that was under way at the start is one of those asked for
                before.append(state.totals.windows - (not at_rest(state)))
            if at_rest(state) and state.totals.windows - before[0] >= windows:
                done.set()

        actor = self._actor(self.store, look)
        task, waiter = asyncio.create_task(actor.run()), asyncio.create_task(done.wait())
        await asyncio.wait({task, waiter}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        actor.stop("the test is over")
        await task

    async def _crash(self, event: str, after: int) -> None:
        store = _MortalStore(self.store, event, after, self._follow)
        task = asyncio.create_task(self._actor(store, lambda _record, _state: None).run())
        await asyncio.wait({task}, timeout=_DAY_S)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            raise AssertionError(f"there was no {event} to die after within a day: {self.transitions()[-5:]}")
        with suppress(_ProcessDiedError):
            await task

    def _follow(self, record: Record) -> None:
        self.records.append(record)
        self.state = fold_record(self.state, record)

    def _actor(self, store: JournalStore, look: Callable[[Record, State], None]) -> Actor:
        def on_record(record: Record, state: State) -> None:
            self._follow(record)
            look(record, state)

        signer = ScriptedSigner()
        identity = JournalCreated(hotkey=signer.ss58_address, netuid=45, api_url="http://127.0.0.1:8001")
        config = ActorConfig(identity=identity, policy=self._policy, build=version("user-miner"), pid=1)
        ports = Ports(
            scraper=self.x, analyzer=self.llm, api=self.api, signer=signer, clock=self.clock, chain=self.chain
        )
        return Actor(store=store, ports=ports, config=config, on_record=on_record, new_seed=lambda: len(self.records))


class _ProcessDiedError(JournalError):
    """Stands for SIGKILL: nothing is recorded any more."""


class _MortalStore:
    """A journal whose writer dies right after one record, which is durable."""

    def __init__(self, inner: JournalStore, event: str, after: int, on_death: Callable[[Record], None]) -> None:
        self._inner = inner
        self._on_death = on_death
        self._event = event
        self._left = after
        self.take = inner.take
        self.save_snapshot = inner.save_snapshot
        self.room_bytes = inner.room_bytes
        self.renew = inner.renew
        self.renew_every_s = inner.renew_every_s
        self.sure_s = inner.sure_s
        self.check_earlier = inner.check_earlier
        self.release = inner.release

    def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        return self._inner.read(after_seq)

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        record = await self._inner.append(draft, witness=witness)
        self._left -= record.name == self._event
        if not self._left:
            self._on_death(record)
            raise _ProcessDiedError("killed")
        return record
