"""One process of the miner on the simulated host: the real actor on the real journal, with edges into the world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Final

from actor.analyzer import Analyzer, Strategy, load_registry, make_strategy
from actor.edges.api import APIClient
from actor.edges.x import PostScraper
from actor.machine.state import State
from actor.perform import Ports
from actor.ports import Signer
from actor.runtime import Actor, ActorConfig, OnRecord
from actor.testing.clock import VirtualClock
from events.catalogue import Event, JournalCreated, Policy
from events.journal import Draft, FileJournal, Lease, Record
from events.journal.head import read_witness
from user_miner.simulation.model_disk import SimulatedDisk
from user_miner.simulation.network import Line, SimulatedChat, SimulatedExchange, SimulatedNode, search_page, users

__all__ = ["Process", "WatchedJournal"]

_API_URLS: Final = ("http://127.0.0.1:8001", "http://127.0.0.1:8011")
_X_BASE: Final = "http://127.0.0.1:8002/2"
_MODEL: Final = "simulated-model"
_LLM_SERVER: Final = "llm.example"
_ANALYSIS_TIMEOUT_S: Final = 180.0
_SEGMENT_BYTES: Final = 128 << 10
_ROOM_BYTES: Final = 1 << 40
# A snapshot in some eight windows: starts with and without one are both common.
_SNAPSHOT_EVERY: Final = 100


class WatchedJournal(FileJournal):
    """The journal on disk, which says what it was told is durable and what an opening found.

    Args:
        directory: The journal.
        disk: Where changes go.
        on_append: Gets each acknowledged record, and its event.
        on_open: Gets the lease, and what the opening found, in one word each.
    """

    def __init__(
        self,
        directory: Path,
        disk: SimulatedDisk,
        *,
        on_append: Callable[[Record, Event], None],
        on_open: Callable[[Lease, list[str]], None],
    ) -> None:
        super().__init__(directory, segment_bytes=_SEGMENT_BYTES, on_warning=self._warned, disk=disk)
        self._on_append = on_append
        self._on_open = on_open
        self._warnings: list[str] = []

    async def take(self, *, reducer: int) -> Lease:
        self._warnings.clear()
        directory = self.directory
        before = read_witness(directory) if directory.is_dir() else None
        lease = await super().take(reducer=reducer)
        found = ["clean" if lease.head.seq else "new" if before is None else "unfinished"]
        if before is not None and lease.head.seq > before.place.head.seq:
            found.append("beyond HEAD")
        for word, sign in (("torn", "interrupted write"), ("HEAD slot", "two slots"), ("old snapshot", "not used")):
            found += [word for warning in self._warnings if sign in warning]
        found += ["declared" for _ in lease.repairs]
        if lease.snapshot is not None:
            found.append("snapshot")
        self._on_open(lease, found)
        return lease

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        record = await super().append(draft, witness=witness)
        self._on_append(record, draft.event)
        return record

    def room_bytes(self) -> int | None:
        """The same on every machine."""
        return _ROOM_BYTES

    def _warned(self, line: str) -> None:
        self._warnings.append(line)


class _WatchedActor(Actor):
    """The real actor, which shows what it folded at its start."""

    on_replayed: Callable[[State], None] = staticmethod(lambda _state: None)

    async def _replay(self, lease: Lease) -> State:
        state = await super()._replay(lease)
        self.on_replayed(state)
        return state


class Process:
    """A process that can be killed between any two of its steps.

    Attributes:
        actor: The miner.
        task: Its run.
    """

    def __init__(
        self,
        *,
        number: int,
        journal: WatchedJournal,
        disk: SimulatedDisk,
        line: Line,
        clock: VirtualClock,
        signer: Signer,
        policy: Policy,
        api: int,
        new_seed: Callable[[], int],
        on_record: OnRecord,
        on_replayed: Callable[[State], None],
    ) -> None:
        self._disk = disk
        self._line = line
        api_url = _API_URLS[api % len(_API_URLS)]
        self.actor = _WatchedActor(
            store=journal,
            ports=_ports(line, clock, signer, api_url),
            config=ActorConfig(
                identity=JournalCreated(hotkey=signer.ss58_address, netuid=45, api_url=api_url),
                policy=policy,
                build="simulated",
                pid=number,
                move_api=True,
                snapshot_every=_SNAPSHOT_EVERY,
            ),
            on_record=on_record,
            new_seed=new_seed,
        )
        self.actor.on_replayed = on_replayed
        self.task = asyncio.create_task(self.actor.run())

    def cut(self) -> None:
        """The process is gone: what its tasks still try has no effect."""
        self._line.is_cut = True
        self._disk.dead = True

    def kill(self) -> None:
        """End it here and now; its tasks are only taken away."""
        self.cut()
        for task in (self.task, *self.actor._tasks.values()):  # noqa: SLF001  (a death asks nobody)
            task.cancel()


def _ports(line: Line, clock: VirtualClock, signer: Signer, api_url: str) -> Ports:
    return Ports(
        scraper=PostScraper(
            bearer_token="simulated",  # noqa: S106  (opens nothing)
            api_base=_X_BASE,
            clock=clock,
            redact=_as_it_is,
            fetch_page=partial(search_page, line),
            fetch_users=partial(users, line),
        ),
        analyzer=Analyzer(
            llm=SimulatedChat(line),
            strategy=_strategy(),
            model=_MODEL,
            timeout_s=_ANALYSIS_TIMEOUT_S,
            server=_LLM_SERVER,
            redact=_as_it_is,
        ),
        api=APIClient(
            base_url=api_url,
            signer=signer,
            clock=clock,
            redact=_as_it_is,
            open_exchange=lambda: SimulatedExchange(line),
        ),
        signer=signer,
        clock=clock,
        chain=SimulatedNode(line),
    )


def _as_it_is(text: str) -> str:
    return text


@cache
def _strategy() -> Strategy:
    """Strategies keep nothing of a post, so one serves every simulation."""
    return make_strategy("hybrid", load_registry())
