"""The stage of the recording: the real actor, the stand-ins over HTTP, one clock for all of them, and who may die when.

A story moves it on: it waits for moments or records, starts and ends the actor, and plans what goes wrong. Nothing here
knows what the story is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bittensor_core import Keypair

from actor.analyzer import Analyzer, StrategyName, load_registry, make_strategy
from actor.edges.api import APIClient
from actor.edges.hotkey import signer_from_keypair
from actor.edges.llm import OpenAIChat
from actor.edges.text import Redactor
from actor.edges.x import PostScraper
from actor.machine import State
from actor.machine.state import observation_key
from actor.perform import Ports
from actor.runtime import Actor, ActorConfig
from events.catalogue import JournalCreated, Policy, ScoreObserved, SettingsChanged, ValidationObserved
from events.codec import changed
from events.journal import FileJournal, JournalError, Record
from sandbox import Sandbox, SandboxConfig
from tests.sample.disk import Killed, MortalDisk
from tests.sample.edges import Mishaps, SlowAnalyzer, SlowApi, SlowScraper, UnsteadySigner
from tests.sample.loop import WorldTime
from tests.sample.posts import written

__all__ = ["BLOCK_S", "Run", "Stage"]

BLOCK_S: Final = 12.0
_SEGMENT_BYTES: Final = 256 << 10
_GRACE_S: Final = 0.3  # real seconds; whatever takes virtual time is ready at once
_PATIENCE_S: Final = 6 * 3600.0
_NETUID: Final = 45
_KEY: Final = "//Alice"  # a development key that everybody knows: this journal proves nothing about anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one process of the miner is told: its settings, as far as they matter here.

    Attributes:
        policy: The settings that decide.
        api_url: MINER_API_URL.
        move_api: ``--move-api``.
        strategy: ANALYZER.
        votes: ANALYSIS_VOTES.
        timeout_s: Of every request; short where something is to hang, for it hangs in real time.
        build: Version of the software.
    """

    policy: Policy
    api_url: str
    move_api: bool = False
    strategy: StrategyName = "hybrid"
    votes: int = 1
    timeout_s: float = 30.0
    build: str = "0.1.0"


@dataclass(slots=True)
class _Wait:
    """Somebody waits for so many records that fit."""

    fits: Callable[[Record], bool]
    left: int
    done: asyncio.Future[None]


class _Journal(FileJournal):
    """The stage's journal, on a disk that has the room which the story wants."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.directory, segment_bytes=_SEGMENT_BYTES, on_warning=lambda _line: None, disk=stage.disk)
        self._stage = stage

    def room_bytes(self) -> int | None:
        """As the story goes."""
        return self._stage.room_bytes


class Stage:
    """The world, and at most one actor in it.

    Attributes:
        directory: The journal.
        sandbox: The stand-ins.
        mishaps: Slow answers and planted bugs.
        random: For the story's own choices.
        seq: The last record.
        accepted: Ids of the posts that the API took, in order.
        disk: What the journal is written through.
        room_bytes: What is left on the journal's disk.
    """

    def __init__(self, directory: Path, *, seed: int, at_ms: int, config: SandboxConfig) -> None:
        self.directory = directory
        self.time = WorldTime(at_ms)
        self.clock = self.time.clock
        self.random = random.Random(seed)  # noqa: S311  (a story, not a secret)
        self.mishaps = Mishaps(seed)
        self.seq = 0
        self.accepted: list[str] = []
        self._began_s = at_ms / 1000
        self.sandbox = Sandbox(replace(config, wall=self._true_time, epoch=self._began_s, seconds_per_block=None))
        self._start_block = config.start_block
        self._told_s = 0.0
        self._signer = signer_from_keypair(Keypair.create_from_uri(_KEY))
        self.room_bytes = 1 << 30
        self.disk = MortalDisk()
        self._actor: Actor | None = None
        self._task: asyncio.Task[None] | None = None
        self._waits: list[_Wait] = []
        self._doom: Callable[[Record], bool] | None = None
        self._pid = 4_000
        self._seeds = random.Random(f"{seed}:samples")  # noqa: S311
        self.time.on_move = self._keep_in_step

    @property
    def hotkey(self) -> str:
        """Whose journal it is."""
        return self._signer.ss58_address

    @property
    def state(self) -> State:
        """The running actor's state."""
        assert self._actor is not None
        return self._actor.state

    # The actor's processes

    async def start(self, run: Run) -> None:
        """Start a process of the miner, and wait until its start is recorded."""
        assert self._task is None or self._task.done()
        self.disk = MortalDisk()
        self._doom = None
        self._pid += self.random.randrange(7, 900)
        self._actor = actor = self._make(run)
        started = self._expect(lambda record: record.name == "ActorStarted", 1)
        self._task = asyncio.create_task(actor.run())
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            await self._task

    async def stop(self, reason: str = "SIGTERM") -> None:
        """A clean end."""
        assert self._actor is not None
        assert self._task is not None
        self._actor.stop(reason)
        await self._task
        self._task = None

    async def kill(self) -> None:
        """SIGKILL now."""
        assert self._task is not None
        self.disk.dies_next = True
        self._task.cancel()
        await self.death()

    def doom(self, name: str, *, count: int = 1, torn: bool = False) -> None:
        """SIGKILL at the write that follows the ``count``-th record of that name from now; see ``death``."""
        left = [count]

        def is_last(record: Record) -> bool:
            left[0] -= record.name == name
            return left[0] == 0 and record.name == name

        self.disk.torn = torn
        self._doom = is_last

    async def death(self) -> None:
        """Wait until the process is gone."""
        assert self._task is not None
        await self._soon(self._task, "the end of the process")
        with suppress(Killed, asyncio.CancelledError, JournalError):
            await self._task
        assert self.disk.dies_next, "the process ended by itself"
        self._task = None

    # Who speaks to the running actor

    def tell(self, *words: ScoreObserved | ValidationObserved) -> None:
        """Validators say this."""
        assert self._actor is not None
        for word in words:
            assert self._actor.tell(lambda state, said=word: () if observation_key(said) in state.observed else (said,))  # type: ignore[misc]

    def settings(self, *names: str, **policy: Any) -> None:
        """The operator changes these settings."""
        assert self._actor is not None
        change = SettingsChanged(policy=changed(self.state.policy, **policy), names=names)
        self._actor.change_settings(change, llm_concurrency=5)

    # Time

    async def until_window(self, count: int = 1) -> None:
        """Wait for the first block of the ``count``-th window from here."""
        size = self.sandbox.blocks.blocks_per_window
        await self.until_block((self.sandbox.block // size + count) * size)

    async def until_block(self, block: int) -> None:
        """Wait until the chain is there."""
        await self.clock.sleep((block - self._start_block) * BLOCK_S - self.clock.elapsed_s() + 0.001)

    async def until_day_s(self, second: float) -> None:
        """Wait until so many seconds of a UTC day have passed."""
        await self.clock.sleep((second - self._true_time()) % 86_400)

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.sleep(seconds)

    async def recorded(self, name: str, *, count: int = 1) -> None:
        """Wait for so many records of an event from now on."""
        await self._soon(self._expect(lambda record: record.name == name, count), f"{count} {name}")

    async def reached(self, state: str) -> None:
        """Wait for the next record that leads into a state."""
        await self._soon(self._expect(lambda record: record.dest == state != record.source, 1), state)

    async def outside(self, call: Callable[[], object]) -> None:
        """Let somebody do something while time stands still."""
        with self.time.busy():
            await asyncio.to_thread(call)

    # The world

    def post(self, count: int) -> None:
        """So many people post, one after the other."""
        for number in range(count):
            self.say(written(self.random), age_s=count - number)

    def say(self, text: str, *, age_s: float = 0.0) -> None:
        """Somebody posted exactly this, so many seconds ago."""
        metrics = {name: int(self.random.paretovariate(0.9)) for name in ("like_count", "reply_count", "retweet_count")}
        author = self.random.randrange(len(self.sandbox.corpus.users))
        self.sandbox.corpus.add(text, author=author, created_at=self.sandbox.post_clock.now() - age_s, metrics=metrics)

    def calm(self) -> None:
        """Nothing more goes wrong."""
        self.sandbox.clear_faults()
        self.mishaps.clear()

    def _true_time(self) -> float:
        return self._began_s + self.clock.elapsed_s()

    def _keep_in_step(self) -> None:
        elapsed_s = self.clock.elapsed_s()
        self.sandbox.block = self._start_block + int(elapsed_s // BLOCK_S)
        self.sandbox.advance_posts(elapsed_s - self._told_s)
        self._told_s = elapsed_s

    def _make(self, run: Run) -> Actor:
        return Actor(
            store=_Journal(self),
            ports=self._ports(run),
            config=ActorConfig(
                identity=JournalCreated(hotkey=self.hotkey, netuid=_NETUID, api_url=run.api_url),
                policy=run.policy,
                build=run.build,
                pid=self._pid,
                move_api=run.move_api,
                stop_grace_s=_GRACE_S,
            ),
            on_record=self._on_record,
            new_seed=lambda: self._seeds.getrandbits(53),
            redact=Redactor((self.sandbox.x_token, self.sandbox.llm_key)),
        )

    def _ports(self, run: Run) -> Ports:
        redact = Redactor((self.sandbox.x_token, self.sandbox.llm_key))
        scraper = PostScraper(
            bearer_token=self.sandbox.x_token,
            api_base=self.sandbox.x_base,
            clock=self.clock,
            timeout_s=run.timeout_s,
            total_timeout_s=run.timeout_s,
            redact=redact,
        )
        analyzer = Analyzer(
            llm=OpenAIChat(base_url=self.sandbox.llm_base, api_key=self.sandbox.llm_key, timeout_s=run.timeout_s),
            strategy=make_strategy(run.strategy, load_registry()),
            model=self.sandbox.config.model,
            timeout_s=3 * run.timeout_s,
            redact=redact,
            votes=run.votes,
        )
        signer = UnsteadySigner(self._signer, self.mishaps)
        api = APIClient(
            base_url=run.api_url,
            signer=signer,
            clock=self.clock,
            total_timeout_s=run.timeout_s,
            redact=redact,
        )
        return Ports(
            scraper=SlowScraper(scraper, self.time, self.mishaps),
            analyzer=SlowAnalyzer(analyzer, self.time, self.mishaps),
            api=SlowApi(api, self.time, self.mishaps),
            signer=signer,
            clock=self.clock,
        )

    async def _soon(self, future: asyncio.Future[None], what: str) -> None:
        """Wait for it; what does not come within hours will never come, and time would go on for ever."""
        patience = asyncio.create_task(self.clock.sleep(_PATIENCE_S))
        await asyncio.wait((future, patience), return_when=asyncio.FIRST_COMPLETED)
        assert future.done(), f"waited for {what} in vain, up to window {self.sandbox.window}"
        patience.cancel()

    def _expect(self, fits: Callable[[Record], bool], count: int) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits.append(_Wait(fits, count, done))
        return done

    def _on_record(self, record: Record, _state: State) -> None:
        self.seq = record.seq
        if record.name == "SubmissionAccepted":
            self.accepted.append(record.data["post_id"])
        if self._doom is not None and self._doom(record):
            self.disk.dies_next = True
        for wait in self._waits:
            wait.left -= wait.fits(record)
            if wait.left == 0 and not wait.done.done():
                wait.done.set_result(None)
        self._waits = [wait for wait in self._waits if wait.left > 0]
