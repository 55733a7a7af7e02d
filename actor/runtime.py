"""The only loop: one mailbox, one journal, the tasks of the effects in flight.

    event -> step -> append + fsync -> adopt -> perform wanted(state)

A record is durable before anything acts on it. A failed append ends the actor at once, with nothing acted on. The loop
never decides: what to do next is ``wanted(state)``, after every step and after a restart alike.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from actor.block_watch import BlockWatch
from actor.chain_end import ChainEnd
from actor.edges.permit import permit
from actor.edges.text import one_line
from actor.edges.threads import Inbox
from actor.machine.alarms import Alarm, alarms
from actor.machine.encoding import decode_state, encode_state
from actor.machine.facts import crash_event
from actor.machine.room import DiskWatch, shortage
from actor.machine.scoring import content_sha256, norm_text
from actor.machine.state import INITIAL, REDUCER, State
from actor.machine.step import fold_record, step
from actor.machine.wanted import wanted
from actor.perform import Facts, Meaning, Performer, Ports
from events.catalogue import (
    ActorStarted,
    ActorStopped,
    ApiMoved,
    Event,
    JournalCreated,
    Policy,
    ScoreObserved,
    SettingsChanged,
    SubmissionStarted,
    ValidationObserved,
    WindowOpened,
    WindowsRevised,
)
from events.codec import changed
from events.effects import (
    DECISIONS,
    AnalyzePost,
    Effect,
    LookUpAuthors,
    PollStatus,
    ScrapeWindow,
    SubmitPost,
)
from events.journal.record import GENESIS, Draft, Head, Record
from events.journal.store import JournalError, JournalStore, Lease, Snapshot
from events.journal.tenure import Tenure

__all__ = ["Actor", "ActorConfig", "IdentityError", "OnRecord", "UnreadableJournalError"]


OnRecord: TypeAlias = Callable[[Record, State], None]

# Paid for or sent: worth waiting for when the actor stops.
_WORTH_WAITING: Final = (ScrapeWindow, LookUpAuthors, AnalyzePost, SubmitPost)
_SNAPSHOT_EVERY: Final = 1_000
_EARLIER_FIRST_S: Final = 1.0  # how long a submission waits for the check of earlier bytes: a million records

_log = logging.getLogger("actor")


class IdentityError(JournalError):
    """The journal belongs to another hotkey, subnet or API."""


class UnreadableJournalError(JournalError):
    """A record that this build does not know or does not allow: another build wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorConfig:
    """What one run of the actor is told.

    Attributes:
        identity: Whose journal it must be, or becomes when it is new.
        policy: The settings that decide.
        build: Version of the software.
        pid: Process id, recorded for the operator.
        subnets_sha256: Digest of the list of subnets in use.
        llm_concurrency: Analyses in flight at once.
        move_api: Accept a journal of another API URL and record the move.
        longest_request_s: No submission takes longer: none is begun with less than that left of the journal's lease.
        stop_grace_s: How long a stop waits for answers in flight.
        snapshot_every: Records from one snapshot to the next.
        snapshot_at_stop: Whether the last record has one, too, which a start reads in place of those since the last.
    """

    identity: JournalCreated
    policy: Policy
    build: str
    pid: int
    subnets_sha256: str | None = None
    llm_concurrency: int = 5
    move_api: bool = False
    longest_request_s: float = 30.0
    stop_grace_s: float = 2.0
    snapshot_every: int = _SNAPSHOT_EVERY
    snapshot_at_stop: bool = True


class _Outcome(NamedTuple):
    effect: Effect
    task: asyncio.Task[Facts]


class Actor:
    """One miner on one journal.

    Attributes:
        state: After the last record.
        inherited: Names of the alarms that were on at the start, by the journal; None before it.
    """

    def __init__(
        self,
        *,
        store: JournalStore,
        ports: Ports,
        config: ActorConfig,
        on_record: OnRecord = lambda _record, _state: None,
        new_seed: Callable[[], int] = lambda: secrets.randbits(53),
        redact: Callable[[str], str] = lambda text: text,
        watch: BlockWatch | None = None,
    ) -> None:
        self.state = INITIAL
        self._store = store
        self._ports = ports
        self._config = config
        self._on_record = on_record
        self._redact = redact
        self._tenure = Tenure(
            store, longest_s=config.longest_request_s, grace_s=config.stop_grace_s, on_warning=_log.warning
        )
        self._keeping: asyncio.Task[None] | None = None
        self._chain_end = ChainEnd(store)
        self._performer = Performer(
            ports,
            llm_concurrency=config.llm_concurrency,
            new_seed=new_seed,
            chain_end=self._chain_end,
            hold=self._tenure.hold,
            watch=watch,
        )
        self._tasks: dict[Effect, asyncio.Task[Facts]] = {}
        self._mailbox: asyncio.Queue[_Outcome | None] = asyncio.Queue()  # None: look at the inbox, or stop
        self._inbox: Inbox[Meaning] = Inbox()
        self._disk = DiskWatch()
        self._change: SettingsChanged | None = None
        self._stop_reason: str | None = None
        self._since_snapshot = 0
        self._ringing: tuple[Alarm, ...] = ()
        self.inherited: frozenset[str] | None = None
        self._epoch: int | None = None
        self._is_checked = True
        self._earlier: asyncio.Task[None] | None = None

    def stop(self, reason: str = "asked to stop") -> None:
        """Ask the loop to end; call it from the loop's own thread. Idempotent."""
        if self._stop_reason is None:
            self._stop_reason = reason
            self._tenure.stop()
            self._mailbox.put_nowait(None)

    def tell(self, meaning: Meaning) -> bool:
        """Have the loop record what ``meaning`` makes of the state it is in then; from any thread, without waiting.

        True means that it will, even when a stop is asked for meanwhile. False before the start is recorded, from the
        moment on in which the actor says goodbye, and while too much waits already.
        """
        return self._inbox.put(meaning)

    def change_settings(self, change: SettingsChanged, *, llm_concurrency: int) -> None:
        """Record these settings and work by them; call it from the loop's own thread, at any time.

        A search under way ends by the settings that it began with: they change after its answer. A change that a stop
        overtakes is not recorded; the next start reads settings anyway.
        """
        names = () if self._change is None else self._change.names
        self._change = changed(change, names=tuple(dict.fromkeys((*names, *change.names))))
        self._performer.change_llm_concurrency(llm_concurrency)
        self._mailbox.put_nowait(None)

    def alarms(self) -> tuple[Alarm, ...]:
        """Those that ring now; from any thread."""
        return alarms(self.state, self._ports.clock.now_ms(), room_bytes=self._store.room_bytes())

    async def run(
        self, *, on_ready: Callable[[], None] = lambda: None, on_wait: Callable[[], None] = lambda: None
    ) -> None:
        """Take the journal, work until ``stop``, release it.

        Args:
            on_ready: Called once the journal is taken and the start is recorded.
            on_wait: Called about every second while another one's lease has to end, or the store does not answer.

        Raises:
            JournalError: The journal cannot be taken, belongs to someone else, or could not be written.
        """
        self._tenure.on_wait = on_wait
        try:
            if await self._boot():
                self._inbox.open(self._waker())
                on_ready()
                await self._loop()
                await self._wind_up()
        finally:
            self._inbox.close()
            await self._cancel([*self._tasks.values(), *filter(None, [self._earlier, self._keeping])])
            await self._ports.aclose()
            await self._store.release()

    async def _boot(self) -> bool:
        """Take the journal and start; False when a stop was asked for before anything was written."""
        lease = await self._tenure.take(reducer=REDUCER)
        if lease is None:
            return False
        if self._tenure.ends:
            self._keeping = asyncio.create_task(self._tenure.keep())
            self._keeping.add_done_callback(lambda _: self._mailbox.put_nowait(None))
        self.state, self._epoch = await self._replay(lease), lease.epoch
        before = alarms(self.state, self._ports.clock.now_ms())
        if self._stop_reason is not None:
            return False
        self._check_identity()
        if lease.head.seq:  # what the next checkpoint signs: damage there is found before anything is paid for
            await self._chain_end.reach_back(self.state.checkpoint_seq)
        for repair in lease.repairs:
            await self._record(repair)
        if self.state.identity is None:
            await self._record(self._config.identity)
        elif self.state.api_url != self._config.identity.api_url:
            await self._record(ApiMoved(api_url=self._config.identity.api_url))
        config = self._config
        await self._record(
            ActorStarted(
                build=config.build,
                epoch=lease.epoch,
                pid=config.pid,
                policy=config.policy,
                subnets_sha256=config.subnets_sha256,
            )
        )
        self._recall_server()
        self._is_checked = lease.snapshot is None
        after = alarms(self.state, self._ports.clock.now_ms())
        self.inherited = frozenset(alarm.name for alarm in (*before, *after))
        return True

    def _recall_server(self) -> None:
        """What the LLM's server takes is on record; finding it out again would cost requests."""
        taken, analyzer = self.state.taken, self._ports.analyzer
        if taken is not None and (taken.server, taken.model) == (analyzer.server, analyzer.model):
            age_s = (self._ports.clock.now_ms() - taken.since_ms) / 1000
            analyzer.recall(taken.rung, taken.dropped, age_s=age_s)

    async def _replay(self, lease: Lease) -> State:
        state, head = _from_snapshot(lease.snapshot)
        self._chain_end.begin(head)
        try:
            async for record in self._store.read(after_seq=head.seq):
                state = fold_record(state, record)
                self._chain_end.follow(record, state.checkpoint_seq)
                if self._stop_reason is not None:
                    break
        except ValueError as error:  # IllegalEventError is one
            raise UnreadableJournalError(
                f"this build cannot follow the journal: {error}; run the build that wrote it, or a newer one"
            ) from error
        return state

    def _check_identity(self) -> None:
        found, ours = self.state.identity, self._config.identity
        if found is None:
            return
        for name in ("hotkey", "netuid", "dry_run"):
            theirs, mine = getattr(found, name), getattr(ours, name)
            if theirs != mine:
                raise IdentityError(
                    f"this journal belongs to {name} {theirs}, this run has {name} {mine}: use another --journal"
                )
        if self.state.api_url != ours.api_url and not self._config.move_api:
            raise IdentityError(
                f"this journal belongs to the API {self.state.api_url}, this run has {ours.api_url}: "
                "correct MINER_API_URL, use another --journal, or move it with --move-api"
            )

    async def _loop(self) -> None:
        while self._stop_reason is None:
            if self._change is not None:
                await self._take_over(self._change)
            for beside in (self._earlier, self._keeping):
                if beside is not None and beside.done():
                    beside.result()
            self._ring()
            self._reconcile()
            outcome = await self._mailbox.get()
            if outcome is not None and isinstance(outcome.effect, PollStatus) and not self._tenure.ends:
                await self._store.renew()  # an idle miner looks after its journal, too
            self._check_earlier()
            for event in self._disk.news(self.state, self._store.room_bytes()):
                await self._record(event)
            if outcome is not None:
                await self._handle(outcome)
            else:
                await self._record_told()

    def _check_earlier(self) -> None:
        """Have the bytes before the snapshot looked at, once, behind the first poll; changed ones end the loop."""
        if self._is_checked:
            return
        self._is_checked = True
        self._earlier = asyncio.create_task(self._store.check_earlier())
        self._earlier.add_done_callback(lambda _: self._mailbox.put_nowait(None))

    async def _take_over(self, change: SettingsChanged) -> None:
        if not any(isinstance(effect, ScrapeWindow | LookUpAuthors) for effect in self._tasks):
            self._change = None
            await self._record(change)

    def _waker(self) -> Callable[[], None]:
        """What makes the loop look at its inbox, from its own thread or from another one."""
        loop, own = asyncio.get_running_loop(), threading.get_ident()

        def wake() -> None:
            if threading.get_ident() == own:
                self._mailbox.put_nowait(None)
            else:
                loop.call_soon_threadsafe(self._mailbox.put_nowait, None)

        return wake

    async def _record_told(self) -> None:
        """Record one thing that was told, if any. A meaning that raises is a bug, and costs nothing but itself."""
        if (meaning := self._inbox.take()) is None:
            return
        try:
            for event in meaning(self.state):
                if self._may_take_room(event):
                    await self._record(event)
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001  (what was told from outside the loop cannot end it)
            _log.error("a report to the actor could not be recorded: a bug in user-miner: %s", self._trace(error))

    def _may_take_room(self, event: Event) -> bool:
        """What validators say is recorded while there is room for a window beside it."""
        if not isinstance(event, ScoreObserved | ValidationObserved) or (why := self._shortage()) is None:
            return True
        _log.error("a validator's report is not recorded: %s", why)
        return False

    def _shortage(self) -> str | None:
        """Why a window could not be recorded to its end; one that could not is not begun, and costs nothing."""
        return shortage(self._store.room_bytes())

    def _reconcile(self) -> None:
        want = wanted(self.state)
        for effect in [e for e in self._tasks if e not in want]:
            self._tasks.pop(effect).cancel()
        for effect in want:
            if effect not in self._tasks and not (isinstance(effect, ScrapeWindow) and self._shortage()):
                self._start(effect)

    def _start(self, effect: Effect) -> None:
        task = asyncio.create_task(self._perform(effect, self.state))
        task.add_done_callback(lambda done: self._mailbox.put_nowait(_Outcome(effect, done)))
        self._tasks[effect] = task

    async def _perform(self, effect: Effect, state: State) -> Facts:
        """One effect, for a task of its own; the testing kit lets them answer in a recorded order."""
        if self._tenure.ends:
            permit.set(self._tenure.may_send)
        if isinstance(effect, SubmitPost):
            self._check_earlier()
            if self._earlier is not None and not self._earlier.done():
                await asyncio.wait([self._earlier], timeout=_EARLIER_FIRST_S)
        return await self._performer.perform(effect, state)

    async def _handle(self, outcome: _Outcome) -> None:
        effect, task = outcome.effect, outcome.task
        if self._tasks.get(effect) is task:
            del self._tasks[effect]
        elif isinstance(effect, DECISIONS):
            return  # nothing but words, and no longer wanted
        if task.cancelled():
            return
        try:
            facts = task.result()
            for meaning in facts:
                for event in meaning(self.state):
                    if not isinstance(event, WindowOpened | WindowsRevised) or self._shortage() is None:
                        await self._record(event)
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001  (a bug in an effect costs 12 seconds, not the miner)
            await self._crashed(effect, error)

    async def _crashed(self, effect: Effect, error: Exception) -> None:
        text = one_line(self._redact(f"{type(error).__name__}: {error}"))
        _log.error("%s crashed: a bug in user-miner: %s", type(effect).__name__, self._trace(error))
        digest = ""
        if isinstance(effect, AnalyzePost) and (pending := self.state.pending(effect.post_id)) is not None:
            digest = content_sha256(norm_text(pending.post.content))
        await self._record(crash_event(self.state, effect, text, content_sha256=digest))

    async def _record(self, event: Event) -> None:
        at_ms = self._ports.clock.now_ms()
        after = step(self.state, event, at_ms)
        draft = Draft(at_ms=at_ms, event=event, source=self.state.state, dest=after.state)
        record = await self._tenure.append(draft, witness=isinstance(event, SubmissionStarted))
        self.state = after
        self._chain_end.follow(record, after.checkpoint_seq)
        self._tell(record)
        self._ring()
        self._since_snapshot += 1
        at_stop = isinstance(event, ActorStopped) and self._config.snapshot_at_stop
        if self._since_snapshot >= self._config.snapshot_every or at_stop:
            await self._save_snapshot(record)

    def _tell(self, record: Record) -> None:
        """Listeners are told after the fact; what they raise is theirs and stops nothing."""
        try:
            self._on_record(record, self.state)
        except Exception as error:  # noqa: BLE001  (a host's code)
            _log.error("on_record raised at record %d: %s", record.seq, self._trace(error))

    def _ring(self) -> None:
        """Say once that an alarm began, was on before a start, or is seen again after one, and once that it ended."""
        if self.state.epoch != self._epoch:
            return  # a record before our ActorStarted, whose state does not know yet that this is another start
        before, self._ringing = self._ringing, self.alarms()
        known, now = (
            {alarm.name: (alarm.since_ms, alarm.is_current) for alarm in found} for found in (before, self._ringing)
        )
        for alarm in self._ringing:
            if known.get(alarm.name) not in {now[alarm.name], (None, alarm.is_current)}:  # its record may come later
                level = logging.ERROR if alarm.is_current else logging.WARNING
                _log.log(level, "alarm %s: %s; to fix it: %s", alarm.name, alarm.words, alarm.fix)
        for name in known.keys() - now.keys():
            _log.info("alarm %s is over", name)

    def _trace(self, error: Exception) -> str:
        """For the log; reading the source for it takes a millisecond, which a log that is off need not cost."""
        return self._redact("".join(traceback.format_exception(error))) if _log.isEnabledFor(logging.ERROR) else ""

    async def _save_snapshot(self, record: Record) -> None:
        self._since_snapshot = 0
        await self._store.save_snapshot(Snapshot(head=record.head, reducer=REDUCER, state=encode_state(self.state)))

    async def _wind_up(self) -> None:
        """Wait a moment for answers that are paid for or sent, record them, and say goodbye."""
        waiting = [task for effect, task in self._tasks.items() if isinstance(effect, _WORTH_WAITING)]
        if waiting:
            await asyncio.wait(waiting, timeout=self._config.stop_grace_s)
        await self._cancel([task for task in self._tasks.values() if not task.done()])
        while not self._mailbox.empty():
            outcome = self._mailbox.get_nowait()
            if outcome is not None and isinstance(outcome.effect, _WORTH_WAITING):
                await self._handle(outcome)
        self._inbox.close()
        while self._inbox:
            await self._record_told()
        reason = self._stop_reason or "stopped"
        await self._record(ActorStopped(reason=reason, posts_processed=self.state.totals.accepted))

    @staticmethod
    async def _cancel(tasks: Sequence[asyncio.Task[Facts] | asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)


def _from_snapshot(snapshot: Snapshot | None) -> tuple[State, Head]:
    """The cached fold and its record; a snapshot is a cache, so one that cannot be read costs only time."""
    if snapshot is None:
        return INITIAL, GENESIS
    try:
        return decode_state(snapshot.state), snapshot.head
    except ValueError as error:
        _log.warning("the snapshot of record %d is ignored: %s", snapshot.head.seq, error)
        return INITIAL, GENESIS
