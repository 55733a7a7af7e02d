"""Let a whole actor live a recorded history again, and compare every record that it makes with the recorded one.

The real loop, performer, machine and journal run. Edges answer what was recorded, when it was and in that order, and
processes end and start where they did. What the actor decides is its own: which effects are in flight, what an answer
means, what is sent. So a journal of this build comes out again byte for byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from actor.machine import INITIAL, REDUCER, State, encode_state, step
from actor.machine.facts import is_outcome
from actor.perform import Facts, Ports
from actor.runtime import Actor, ActorConfig
from actor.testing.clock import VirtualClock, run_virtual
from actor.testing.recorded_edges import RecordedClock, RecordedEdges, RecordedWatch, crash_of, told_by_answer
from actor.testing.scenario import DivergenceError, Life, Scenario, Step, lives
from actor.testing.words import change_lines, effect_line, move_line
from events import catalogue as ev
from events.codec import changed
from events.effects import AbandonPost, Effect, EndBackoff, HoldWindow, SignCheckpoint, StartSubmission
from events.journal import GENESIS, Draft, JournalError, JournalStore, Lease, MemoryJournal, Record, Snapshot

__all__ = ["reproduces"]

# Clocks of one host run differently fast, and the journal's milliseconds are rounded.
_CLOCK_MS: Final = 50
# Decisions that wait for nothing take milliseconds.
_AT_ONCE: Final = (HoldWindow, SignCheckpoint, StartSubmission)
_AT_ONCE_MS: Final = 5_000
# What comes of no effect: somebody else tells it.
_TOLD: Final = (ev.DiskFilled, ev.DiskFreed, ev.ScoreObserved, ev.SettingsChanged, ev.ValidationObserved)
# A virtual loop lets time pass only when every task waits, so this is how to wait for that.
_TICK_S: Final = 1e-6


def reproduces(scenario: Scenario, *, store: JournalStore | None = None) -> list[Record]:
    """Assert that a whole actor of this build makes the recorded history again; returns the records that it made.

    A slice is gone on with as if the process had been running. Of a signed checkpoint only the state's digest is
    compared, and that only in a whole journal of the same fold; such a journal's records are equal in every byte.

    Args:
        scenario: What was recorded.
        store: An empty journal to write into; in memory when left out.

    Raises:
        DivergenceError: The first record that comes out otherwise, with what differs or what is in flight instead.
    """
    again = _History(scenario, store or MemoryJournal())
    run_virtual(again.play(), again.time)
    return again.made


class _DivergedError(JournalError):
    """Ends the actor at once: it recorded something else."""


class _ProcessDiedError(JournalError):
    """Ends the actor at once: the recorded process made no more records."""


class _History:
    """What all lives share: the journal, the time, the edges, and the state so far."""

    def __init__(self, scenario: Scenario, store: JournalStore) -> None:
        # The records that earlier checkpoints spoke of are not in a slice's chain.
        self.start = changed(scenario.start, checkpoint_seq=0)
        self.state = self.start
        self.store = store
        self.made: list[Record] = []
        self.time = VirtualClock()
        self._lives = lives(scenario.steps)
        events = [found.event for found in scenario.steps]
        created = [event for event in events if isinstance(event, ev.JournalCreated)]
        self.identity = scenario.start.identity or next(iter(created), _nobody())
        self.edges = RecordedEdges(self.time, self.identity.hotkey)

    async def play(self) -> None:
        for life in self._lives:
            if life.is_gap:
                await self._declare(life.steps[0])
            else:
                await _Process(self, life).live()

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        """Write a record that is as it should be."""
        record = await self.store.append(draft, witness=witness)
        self.state = step(self.state, draft.event, draft.at_ms)
        self.made.append(record)
        return record

    async def _declare(self, gap: Step) -> None:
        await self.store.take(reducer=REDUCER)
        await self.append(Draft(at_ms=gap.at_ms, event=gap.event, source=gap.source, dest=gap.dest))
        await self.store.release()


@dataclass(slots=True)
class _Gate:
    """An effect that waits for its turn; ``since`` is where the process was when it began to."""

    turn: asyncio.Future[None]
    since: int


class _Process:
    """One life: lets the actor's effects answer in the recorded order, and compares what it records."""

    def __init__(self, history: _History, life: Life) -> None:
        self.history = history
        self.life = life
        self.place = 0
        self._gates: dict[Effect, _Gate] = {}
        self._actor = _Again(self)

    async def live(self) -> None:
        """From the start, or from where the slice begins, to the goodbye or the last record."""
        task = asyncio.create_task(self._actor.run())
        try:
            self.set_time()
            await self._quiet()
            while self.place < len(self.life.steps) and not task.done():
                await self._go_on(task)
            with suppress(_ProcessDiedError):
                await task
        except _DivergedError as error:
            raise DivergenceError(str(error)) from None
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def turn(self, effect: Effect) -> None:
        """Wait until what was recorded next came of ``effect``."""
        self._gates[effect] = gate = _Gate(asyncio.get_running_loop().create_future(), self.place)
        try:
            await gate.turn
        except asyncio.CancelledError:
            if not self._expects(effect):
                raise  # else its answer was on its way when the record before called it off
        finally:
            if self._gates.get(effect) is gate:
                del self._gates[effect]
        self._hand_over()

    def as_old_as_recorded(self, ours: ev.Event) -> ev.Event:
        """What the event says of itself; an older build's 429 did not say which windows are full, and filled none."""
        recorded = self.life.steps[self.place].event if self.place < len(self.life.steps) else None
        is_older = isinstance(ours, ev.RateLimited) and isinstance(recorded, ev.RateLimited) and not recorded.full
        return changed(ours, full=()) if is_older else ours

    def compare(self, draft: Draft) -> None:
        """Raise unless this is what was recorded here."""
        if self.place >= len(self.life.steps):
            raise _DivergedError(f"behind record {self.life.steps[-1].seq}: this build goes on with {_told(draft)}")
        found = self.life.steps[self.place]
        recorded = Draft(at_ms=found.at_ms, event=found.event, source=found.source, dest=found.dest)
        if recorded == changed(draft, event=self._as_comparable(draft.event, found.event)):
            return
        lines = [f"record {found.seq}: recorded {_told(recorded)}; this build has {_told(draft)}"]
        if type(draft.event) is type(found.event):
            lines.append(change_lines(found.event, draft.event))
        raise _DivergedError("\n".join(lines))

    def _as_comparable(self, ours: ev.Event, recorded: ev.Event) -> ev.Event:
        """A checkpoint speaks of a chain and a fold; of another one's nothing can be compared."""
        if not isinstance(ours, ev.CheckpointSigned) or not isinstance(recorded, ev.CheckpointSigned):
            return ours
        is_same_fold = self.history.start == INITIAL and recorded.reducer == ours.reducer
        return changed(recorded, state_sha256=ours.state_sha256) if is_same_fold else recorded

    def set_time(self) -> None:
        """The wall clock stands where the next event was recorded."""
        if self.place < len(self.life.steps):
            self.history.time.set_wall(self.life.steps[self.place].at_ms)

    async def _go_on(self, task: asyncio.Task[None]) -> None:
        found, place = self.life.steps[self.place], self.place
        self._check_decisions(found)
        if isinstance(found.event, ev.ActorStopped):
            self._actor.stop(found.event.reason)
            await asyncio.wait({task})
        elif isinstance(found.event, _TOLD):
            told = (found.event,)
            self._actor.tell(lambda _state: told)
            await self._quiet()
        elif (effect := next((e for e in self._gates if is_outcome(found.event, e)), None)) is None:
            raise _DivergedError(f"record {found.seq}, {found.name}: nothing that brings it {self._in_flight()}")
        else:
            self._check_wait(effect, found)
            self._gates[effect].turn.set_result(None)
            await self.history.time.sleep(getattr(found.event, "latency_ms", 0) / 1000)
            await self._quiet()
        if self.place == place and not task.done():
            raise _DivergedError(f"record {found.seq}, {found.name}: this build records nothing here")

    async def _quiet(self) -> None:
        await self.history.time.sleep(_TICK_S)

    def _expects(self, effect: Effect) -> bool:
        return self.place < len(self.life.steps) and is_outcome(self.life.steps[self.place].event, effect)

    def _hand_over(self) -> None:
        """Tell the edges what comes next; an effect that crashed then crashes here."""
        found, edges = self.life.steps[self.place], self.history.edges
        edges.event, edges.at_ms = found.event, found.at_ms
        if isinstance(found.event, ev.PostAnalyzed) and found.event.reused_from is not None:
            edges.model, edges.prompt_version = found.event.model, found.event.prompt_version
        else:  # the LLM was asked, as if it were another than that of any answer on record
            edges.model, edges.prompt_version = "", ""
        self.set_time()
        if (crash := crash_of(found.event)) is not None:
            raise crash
        if isinstance(
            found.event, ev.SubmissionAccepted | ev.SubmissionRejected | ev.SubmissionFailed | ev.RateLimited
        ):
            after = step(self._actor.state, found.event, found.at_ms)
            behind = (later.event for later in self.life.steps[self.place + 1 :])
            edges.with_it = told_by_answer(found.event, behind, after)

    def _check_decisions(self, found: Step) -> None:
        """What is decided at once is recorded at once, unless it was not decided."""
        for effect, gate in self._gates.items():
            late_ms = found.at_ms - self.life.steps[max(0, gate.since - 1)].at_ms
            if isinstance(effect, StartSubmission) and not self._is_confirmed():
                continue
            if isinstance(effect, _AT_ONCE) and late_ms > _AT_ONCE_MS and not is_outcome(found.event, effect):
                wants = effect_line(effect, found.at_ms)
                raise _DivergedError(f"before record {found.seq}, {found.name}: this build wants {wants} at once")

    def _is_confirmed(self) -> bool:
        """Whether this process sent something in its window, of which the API must have told twice before."""
        window, events = self._actor.state.window, [found.event for found in self.life.steps[: self.place]]
        started = [event.window for event in events if isinstance(event, ev.SubmissionStarted)][-1:]
        return window is not None and started == [window.number]

    def _check_wait(self, effect: Effect, found: Step) -> None:
        """A wait that ended before this build would end it; where the wall clock went back, nobody can tell."""
        if not isinstance(effect, EndBackoff | AbandonPost):
            return
        times = [s.at_ms for s in self.life.steps[max(0, self._gates[effect].since - 1) : self.place + 1]]
        went_back = any(later < earlier for earlier, later in pairwise(times))
        left_ms: float = effect.due_ms - times[0]
        if isinstance(effect, EndBackoff):
            left_ms = min(left_ms, effect.wait_s * 1000)
        early_ms = times[0] + left_ms - found.at_ms
        if early_ms > _CLOCK_MS and not went_back:
            wait = f"this build would wait {early_ms / 1000:g} s longer"
            raise _DivergedError(f"record {found.seq}, {found.name}: {wait}")

    def _in_flight(self) -> str:
        lines = [effect_line(effect, self.history.time.now_ms()) for effect in self._gates]
        return f"is in flight, but {'; '.join(lines)}" if lines else "is in flight"


class _Again(Actor):
    """The actor of a life, in which every effect waits for its turn."""

    def __init__(self, process: _Process) -> None:
        history = process.history
        self._process = process
        self._compared = _ComparedStore(process)
        edges, clock = history.edges, RecordedClock(history.time)
        super().__init__(
            store=self._compared,
            ports=Ports(scraper=edges, analyzer=edges, api=edges, signer=edges, clock=clock, chain=edges),
            config=_config(history.state, process.life, history.identity),
            new_seed=edges.seed,
            watch=RecordedWatch(clock, edges),
        )

    async def _boot(self) -> bool:
        if not self._process.life.is_under_way:
            return await super()._boot()
        self.state = await self._replay(await self._compared.take(reducer=REDUCER))
        return True

    async def _record(self, event: ev.Event) -> None:
        await super()._record(self._process.as_old_as_recorded(event))

    async def _perform(self, effect: Effect, state: State) -> Facts:
        await self._process.turn(effect)
        if isinstance(effect, AbandonPost):  # what it waits for comes when it was recorded, even before its time
            effect = changed(effect, due_ms=0)
        return await super()._perform(effect, state)


def _config(state: State, life: Life, identity: ev.JournalCreated) -> ActorConfig:
    started = life.started
    here = life.moved.api_url if life.moved is not None else state.api_url
    return ActorConfig(
        identity=life.created or changed(identity, api_url=here),
        policy=state.policy if started is None else started.policy,
        build="" if started is None else started.build,
        pid=0 if started is None else started.pid,
        subnets_sha256=None if started is None else started.subnets_sha256,
        move_api=True,
        stop_grace_s=0.0,
    )


class _ComparedStore:
    """The journal as one life sees it: its lease is the recorded one, and it takes only what was recorded."""

    def __init__(self, process: _Process) -> None:
        self._process = process
        self._history = process.history
        self._inner = process.history.store
        self.save_snapshot = self._inner.save_snapshot
        self.room_bytes = self._inner.room_bytes
        self.renew = self._inner.renew
        self.renew_every_s = self._inner.renew_every_s
        self.sure_s = self._inner.sure_s
        self.check_earlier = self._inner.check_earlier
        self.release = self._inner.release

    async def take(self, *, reducer: int) -> Lease:
        """Take it; a slice begins with its starting state as a snapshot."""
        lease = await self._inner.take(reducer=reducer)
        life, start = self._process.life, self._history.start
        if start != INITIAL:
            lease = replace(lease, snapshot=Snapshot(head=GENESIS, reducer=reducer, state=encode_state(start)))
        epoch = lease.epoch if life.started is None else life.started.epoch
        return replace(lease, epoch=epoch, repairs=life.repairs)

    def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        return self._inner.read(after_seq)

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        """Compare, write, and die where the recorded process did."""
        process = self._process
        process.compare(draft)
        record = await self._history.append(draft, witness=witness)
        process.place += 1
        process.set_time()
        if process.place == len(process.life.steps) and not process.life.is_stopped:
            raise _ProcessDiedError("the recorded process made no more records")
        return record


def _nobody() -> ev.JournalCreated:
    return ev.JournalCreated(hotkey="", netuid=0, api_url="")


def _told(draft: Draft) -> str:
    return f"{type(draft.event).__name__}, {move_line(draft.source, draft.dest)}"
