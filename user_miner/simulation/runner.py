"""Run one plan: a world, a host, an operator who starts the miner again and again, and books of what was seen."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from actor.machine.state import INITIAL, REDUCER, State, observation_key
from actor.testing.clock import VirtualClock, VirtualLoop
from actor.testing.edges import ScriptedSigner
from events.catalogue import EffectCrashed, Event, Policy, ScoreObserved, SubmissionStarted, ValidationObserved
from events.journal import JournalDamagedError, JournalError, JournalLockedError, Lease, Record, read_journal
from events.journal.head import read_witness
from events.journal.record import GENESIS, Head
from sandbox.services import Draw, Habits, Weather, World
from user_miner.simulation.damage import declare, harm, rescue
from user_miner.simulation.host import Host, policy_of, saving_of
from user_miner.simulation.model_disk import DISK_ENDS, SimulatedDisk, after_power_loss
from user_miner.simulation.network import Line, Network, SimulatedBugError
from user_miner.simulation.plan import Outcome, Plan, Violation
from user_miner.simulation.process import Process, WatchedJournal

__all__ = ["Watch", "simulate"]

# Called after every record that is durable, with its event, the state after it, the world as it is then, and the
# simulated seconds since it began; returns what is wrong.
Watch: TypeAlias = Callable[[Record, Event, State, World, float], "list[Violation]"]

_NAME: Final = "j"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  (a directory of one's own is made in it)
# A life takes so many turns of the loop and so many operations of the disk in the mean.
_TURNS: Final = 1_000
_OPERATIONS: Final = 400
_EARLY: Final = 0.15  # of the lives end while the journal is opened or just after
_EARLY_STEPS: Final = 14
_PATIENCE: Final = 4  # windows may be missed, until so many times as many as asked for went by
_CALM_WINDOWS: Final = 4
_LONGEST_DOWN_WINDOWS: Final = 5
_SHORTEST_DOWN_S: Final = 0.2
_SHORT_DOWN_S: Final = 40.0
_WORDS: Final = (ScoreObserved, ValidationObserved)
_FARTHEST_CLOCK: Final = 6.0  # powers of ten seconds
_LONGEST_SLEEP: Final = 3.6  # likewise, from 100 s on: four and a half days


def simulate(
    plan: Plan,
    *,
    watch: Watch | None = None,
    at_end: Callable[[Path], None] | None = None,
    habits: Habits | None = None,
    settings: Callable[[Policy], Policy] | None = None,
) -> Outcome:
    """Run a plan to its end.

    Args:
        plan: What to run.
        watch: Looks at every record; what it returns is among the violations.
        at_end: Gets the journal's directory once nobody holds it any more.
        habits: What the world is like; None for what the seed says.
        settings: Changes what each process starts with; None for what the seed's operator saves.
    """
    loop = VirtualLoop(VirtualClock())
    with _quiet(), tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        simulation = _Simulation(plan, loop, Path(folder), watch=watch, habits=habits, settings=settings)
        with closing(loop):
            loop.run_until_complete(simulation.run())
        if at_end is not None:
            at_end(simulation.directory)
        return simulation.outcome()


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged: what goes wrong here goes wrong on purpose."""
    log = logging.getLogger("actor")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


class _Simulation:
    def __init__(
        self,
        plan: Plan,
        loop: VirtualLoop,
        folder: Path,
        *,
        watch: Watch | None,
        habits: Habits | None,
        settings: Callable[[Policy], Policy] | None,
    ) -> None:
        self._plan = plan
        self._loop = loop
        self._clock = clock = loop.clock
        self._folder = folder
        self._watch = watch
        self._weather = Weather(plan.seed, plan.rates(), plan.disturbances)
        self._signer = ScriptedSigner()
        self._world = World(plan.seed, self._weather, verify=self._signer.has_signed, habits=habits)
        clock.set_wall(round(self._world.epoch_s * 1000))
        loop.on_last_turn(self._interrupt)
        self._slept_s = 0.0
        self._network = Network(self._world, loop, world_s=self._world_s, suspend=self._suspend)
        self._saving = settings or saving_of(plan.seed)
        self._samples = random.Random(f"{plan.seed}:samples")  # noqa: S311  (repeatable by intent)
        self._losses = random.Random(f"{plan.seed}:losses")  # noqa: S311
        self._disk = self._first_disk()
        self._process: Process | None = None
        self._host: Host | None = None
        self._words: set[str] = set()  # on record
        self._end = ""
        self._is_over = False
        self._lives = 0
        self._apis = 0
        self._state = INITIAL
        self._hashes: list[str] = []  # of the acknowledged records
        self._untold: Record | None = None  # durable, though the process that wrote it never knew
        self._event: Event | None = None  # that the record acknowledged last was made of
        self._state_seq = 0
        self._asks_head = False
        self._gaps: list[int] = []
        self._violations: list[Violation] = []
        self._ends: Counter[str] = Counter()
        self._openings: Counter[str] = Counter()
        self._moves: Counter[tuple[str, str, str]] = Counter()

    # The operator

    async def run(self) -> None:
        """Start the miner again and again, until the plan is done."""
        period_s = self._world.chain.period_s
        self._loop.call_later(self._plan.windows * _PATIENCE * period_s, self._calm_down)
        self._loop.call_later(period_s, self._disturb_clock)
        self._loop.call_later(period_s, self._disturb_host)
        while not self._is_over:
            await self._live()
            if not self._is_over:
                await asyncio.sleep(self._down_s(self._weather.draw("life.down")))
                await self._harm(self._weather.draw("journal"))

    async def _live(self) -> None:
        self._lives += 1
        self._asks_head = True
        end = self._weather.draw("life.end")
        rival = self._weather.draw("life.rival")
        move = self._weather.draw("life.api")
        other, authors = self._weather.draw("life.policy"), self._weather.draw("life.authors")
        policy = self._saving(policy_of(self._world.habits, other, move, authors))
        if move.kind:
            self._apis += 1
            self._world.chain.move(move.amount)
        self._end = end.kind
        on_disk = end.kind in DISK_ENDS
        self._disk.serve(end.kind, _step_of(end, _OPERATIONS)) if on_disk else self._disk.serve()
        self._loop.turns_left = 0 if on_disk or not end.kind else _step_of(end, _TURNS)
        process = self._process = Process(
            number=self._lives,
            journal=self._journal(),
            disk=self._disk,
            line=Line(self._network, self._lives),
            clock=self._clock,
            signer=self._signer,
            policy=policy,
            api=self._apis,
            new_seed=lambda: self._samples.getrandbits(53),
            on_record=self._on_record,
            on_replayed=self._on_replayed,
        )
        self._host = Host(process.actor, policy, self._world.ledger, self._clock)
        if rival.kind:
            self._loop.call_later(rival.amount * self._world.chain.period_s, self._fight, process)
        await asyncio.wait({process.task})
        self._process = None
        self._note_end(process.task)
        if self._disk.dead and self._end == "power":
            self._disk = after_power_loss(self._disk, self._folder / str(self._lives), self._losses, self._on_death)

    async def _harm(self, draw: Draw) -> None:
        """The journal is damaged, the miner refuses it, and the operator accepts the loss."""
        if not draw.kind or not harm(self.directory, draw):
            return
        self._disk.serve()
        try:
            await self._journal().take(reducer=REDUCER)
        except JournalDamagedError:
            self._openings["damaged"] += 1
        else:
            self._violate("I8", f"a {draw.kind} journal was opened", len(self._hashes))
        root = self._folder / f"repaired-{self._lives}"
        root.mkdir()
        found = rescue(self.directory, root / _NAME)
        self._disk = SimulatedDisk(root, self._on_death)
        del self._hashes[found.place.head.seq :]
        self._untold = None
        record, self._state = await declare(self._journal(), found, self._clock.now_ms())
        self._state_seq = record.seq
        self._gaps.append(record.seq)
        self._moves[record.name, record.source, record.dest] += 1

    def _note_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._disk.dead:
            self._ends[self._end] += 1
        elif error is None:
            self._ends["stop"] += 1
            if self._host is not None and not self._host.promised <= self._words:
                self._violate("told", "what a validator said was taken, and the miner stopped without recording it")
        elif isinstance(error, JournalError) and self._end in {"disk_full", "io_error"}:
            self._ends[self._end] += 1
        else:
            self._ends[f"{type(error).__name__}"] += 1
            self._violate("alive", f"the miner ended by itself: {error!r}")
            if isinstance(error, JournalError):
                self._is_over = True  # it would be refused for ever

    def _down_s(self, draw: Draw) -> float:
        if draw.kind:
            return draw.amount * _LONGEST_DOWN_WINDOWS * self._world.chain.period_s
        return _SHORTEST_DOWN_S + draw.share**3 * _SHORT_DOWN_S

    def _interrupt(self) -> None:
        if self._process is None:
            return
        if self._end == "stop":
            self._process.actor.stop("the operator stops it")
        else:
            self._process.kill()

    def _on_death(self) -> None:
        if self._process is not None:
            self._process.cut()

    def _calm_down(self) -> None:
        """Nothing goes wrong from here on, so that what is still under way can end."""
        if self._weather.calm:
            return
        self._weather.calm = True
        self._loop.turns_left = 0
        self._disk.serve()
        self._loop.call_later(_CALM_WINDOWS * self._world.chain.period_s, self._finish)

    def _finish(self) -> None:
        self._is_over = True
        if self._process is not None:
            self._process.actor.stop("the simulation is over")

    def _fight(self, process: Process) -> None:
        if self._process is process and not process.task.done() and process.actor.state.running:
            self._loop.create_task(self._take_held())

    async def _take_held(self) -> None:
        journal = self._journal()
        try:
            await journal.take(reducer=0)
        except JournalLockedError:
            self._openings["locked"] += 1
        else:
            self._violate("lock", "a second process took the journal while the first held it")

    def _disturb_clock(self) -> None:
        period_s = self._world.chain.period_s
        draw = self._weather.draw("clock")
        if draw.kind == "sleep":
            self._loop.call_later(draw.share * period_s, self._suspend, draw.amount)
        elif draw.kind:
            by_s = 10 ** (draw.amount * _FARTHEST_CLOCK) * (1 if draw.kind == "ahead" else -1)
            self._clock.jump(by_s)
            self._loop.call_later(draw.share * 2 * period_s, self._clock.jump, -by_s)
        self._loop.call_later(period_s, self._disturb_clock)

    def _suspend(self, share: float) -> None:
        """The host sleeps: the world and the wall clock go on, and nothing that the miner waits for does."""
        begins_s, seconds = self._world_s(), 10 ** (2 + share * _LONGEST_SLEEP)
        self._slept_s += seconds
        self._clock.jump(seconds)
        self._world.ledger.sleeps.append((begins_s, self._world_s()))
        calm, self._weather.calm = self._weather.calm, True  # days of the chain's own troubles would drown the rest
        self._world.chain.block(self._world_s())
        self._weather.calm = calm

    def _world_s(self) -> float:
        return self._clock.elapsed_s() + self._slept_s

    def _disturb_host(self) -> None:
        period_s = self._world.chain.period_s
        draw = self._weather.draw("host")
        if draw.kind:
            self._loop.call_later(draw.share * period_s, self._tell, draw)
        self._loop.call_later(period_s, self._disturb_host)

    def _tell(self, draw: Draw) -> None:
        process = self._process
        if self._host is not None and process is not None and not process.task.done() and not self._disk.dead:
            self._host.act(draw)

    # What is seen

    def _first_disk(self) -> SimulatedDisk:
        root = self._folder / "0"
        root.mkdir()
        return SimulatedDisk(root, self._on_death)

    def _journal(self) -> WatchedJournal:
        return WatchedJournal(self.directory, self._disk, on_append=self._on_append, on_open=self._on_open)

    def _on_open(self, lease: Lease, found: list[str]) -> None:
        self._openings.update(found)
        self._event = None  # whose record may be on disk, and not be acknowledged
        known, head = len(self._hashes), lease.head
        if not known <= head.seq <= known + 1:
            self._violate("I8", f"the journal ends at record {head.seq} after {known} were acknowledged", known)
        elif head.seq == known and known and head.hash != self._hashes[-1]:
            self._violate("I8", f"record {known} is another one than was acknowledged", known)
        if head.seq == known + 1:
            before = Head(seq=known, hash=self._hashes[-1]) if known else GENESIS
            (self._untold,) = read_journal(self.directory, after=before)
            self._hashes.append(head.hash)  # written and not acknowledged: now it counts

    def _on_append(self, record: Record, event: Event) -> None:
        self._hashes.append(record.hash)
        self._event = event
        if self._asks_head and record.name == SubmissionStarted.__name__:
            self._asks_head = False  # the first of each life tells as much as all of them
            witness = read_witness(self.directory)
            if witness is None or witness.place.head != record.head:
                self._violate("HEAD", "a submission may leave, and HEAD does not witness its intent", record.seq)

    def _on_replayed(self, state: State) -> None:
        """What the next process folds is what the one before had, if that one knew the last record (I5)."""
        whole = self._end != "stop" or self._loop.turns_left  # asked to stop, it reads no further
        if whole and self._state_seq == len(self._hashes) and state != self._state:
            self._violate("I5", "the folded journal gives another state than the live one", len(self._hashes))
        if whole and self._untold is not None:
            record, self._untold = self._untold, None
            self._on_record(record, state)

    def _on_record(self, record: Record, state: State) -> None:
        event = self._event or record.event()  # `Legible` compares the two
        self._state, self._state_seq = state, record.seq
        self._moves[record.name, record.source, record.dest] += 1
        if isinstance(event, EffectCrashed) and not event.error.startswith(SimulatedBugError.__name__):
            self._violate("bug", f"{event.effect} raised: {event.error}", record.seq)
        if isinstance(event, _WORDS):
            self._note_word(observation_key(event), record.seq)
        if self._watch is not None and not self._gaps:
            self._violations += self._watch(record, event, state, self._world, self._world_s())
        if state.totals.windows >= self._plan.windows:
            self._calm_down()

    def _note_word(self, key: str, seq: int) -> None:
        if key in self._words and not self._gaps:
            self._violate("told", "what a validator said is on record a second time", seq)
        self._words.add(key)

    def _violate(self, rule: str, text: str, seq: int | None = None) -> None:
        self._violations.append(Violation(rule=rule, text=text, seq=seq))

    @property
    def directory(self) -> Path:
        return self._disk.root / _NAME

    def outcome(self) -> Outcome:
        """Everything, once it is over."""
        directory = self.directory
        records = tuple(read_journal(directory)) if directory.is_dir() else ()
        hashes = [record.hash for record in records]
        if hashes != self._hashes:
            self._violate("I8", "the journal's records are not those that were acknowledged")
        journal = b"".join(path.read_bytes() for path in sorted(directory.glob("*.jsonl")))
        return Outcome(
            plan=self._plan,
            habits=self._world.habits,
            windows=self._state.totals.windows,
            elapsed_s=self._world_s(),
            lives=self._lives,
            ends=self._ends,
            openings=self._openings,
            disturbances=tuple(self._weather.happened),
            records=records,
            journal=journal,
            state=self._state,
            ledger=self._world.ledger,
            moves=self._moves,
            gaps=tuple(self._gaps),
            violations=tuple(self._violations),
        )


def _step_of(draw: Draw, mean: int) -> int:
    """At which step of its kind a life ends: early in some, else after an exponential time."""
    if draw.share < _EARLY:
        return 1 + int(draw.amount * _EARLY_STEPS)
    return 1 + int(-math.log(1.0 - draw.amount) * mean)
