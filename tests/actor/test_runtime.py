"""The loop, with hand-written worlds and a clock of its own: order, durability, crashes of our own making."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from bittensor_core import Keypair, verify

from actor.analyzer import Analyzer, Completion, load_registry, make_strategy
from actor.block_watch import BlockWatch
from actor.edges.hotkey import signer_from_keypair
from actor.machine import State, fold, state_sha256, wanted
from actor.perform import Ports
from actor.ports import Block, Failed, StatusError
from actor.runtime import Actor, ActorConfig, IdentityError, UnreadableJournalError
from actor.testing.clock import VirtualClock, settle
from actor.testing.edges import (
    ScriptedAnalyzer,
    ScriptedApi,
    ScriptedLLM,
    ScriptedScraper,
    TrustingWatch,
    scripted_ports,
)
from events.catalogue import CheckpointSigned, JournalCreated, Policy
from events.effects import PollStatus
from events.journal import Draft, JournalWriteError, Lease, MemoryJournal, Record, Snapshot
from events.journal.record import checkpoint_message, hashes_sha256
from tests.kit import HOTKEY, post
from tests.patience import GIVE_UP_S

IDENTITY = JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001")


def ports_of(**edges: Any) -> Ports:
    """Edges as given, else ones that work, and Alice's hotkey."""
    return scripted_ports(signer=signer_from_keypair(Keypair.create_from_uri("//Alice")), **edges)


def config(**changes: Any) -> ActorConfig:
    """A run's configuration."""
    return ActorConfig(**{"identity": IDENTITY, "policy": Policy(), "build": "0.1.0", "pid": 1, **changes})


def actor_of(*, ports: Ports, **parts: Any) -> Actor:
    """An actor that believes the API at once; what it takes to be believed is tried in test_block_watch.py."""
    return Actor(ports=ports, **{"watch": TrustingWatch(ports.clock), **parts})


@asynccontextmanager
async def running(
    ports: Ports, store: MemoryJournal, *, watch: BlockWatch | None = None, **changes: Any
) -> AsyncIterator[Actor]:
    """An actor at work; stopped at the end."""
    watch = watch or TrustingWatch(ports.clock)
    actor = actor_of(store=store, ports=ports, config=config(**changes), new_seed=lambda: 1, watch=watch)
    task = asyncio.create_task(actor.run())
    await settle()
    try:
        yield actor
    finally:
        actor.stop("test over")
        # The clock stands still; what waits for it is cancelled by the stop.
        await task


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run an async test."""
    asyncio.run(asyncio.wait_for(test(), GIVE_UP_S))


async def records(store: MemoryJournal) -> list[Record]:
    """All records; the store is taken anew for reading."""
    await store.take(reducer=0)
    found = [record async for record in store.read()]
    await store.release()
    return found


def names(found: list[Record]) -> list[str]:
    """Their events' names."""
    return [record.name for record in found]


def test_a_record_is_durable_before_anything_acts_on_it() -> None:
    """The one rule: when the POST leaves, its intent is in the journal; when the LLM is asked, the scrape is."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        seen: list[list[str]] = []

        class Api(ScriptedApi):
            async def submit(self, body: Any) -> Any:
                seen.append(appended.copy())
                return await super().submit(body)

        appended: list[str] = []
        actor = actor_of(
            store=store,
            ports=ports_of(clock=clock, api=Api()),
            config=config(),
            on_record=lambda record, _state: appended.append(record.name),
        )
        task = asyncio.create_task(actor.run())
        await settle()
        actor.stop()
        await task
        assert [have[-1] for have in seen] == ["SubmissionStarted", "SubmissionStarted"]

    run(test)


def test_a_failed_append_stops_the_actor_with_nothing_acted_on() -> None:
    """The one rule: no POST after the intent could not be written, and the state is not adopted."""

    class Store(MemoryJournal):
        async def append(self, draft: Draft, *, witness: bool = False) -> Record:
            if type(draft.event).__name__ == "SubmissionStarted":
                raise JournalWriteError("no space left on device")
            return await super().append(draft, witness=witness)

    async def test() -> None:
        api, clock = ScriptedApi(), VirtualClock()
        actor = actor_of(store=Store(), ports=ports_of(clock=clock, api=api), config=config())
        with pytest.raises(JournalWriteError):
            await actor.run()
        assert api.sent == []
        assert actor.state.open is None

    run(test)


def test_the_live_state_is_the_fold_of_the_journal() -> None:
    """I5: at the end of a run with a failure in it."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        failure = Failed(kind="http", reason="500", http_status=500, answer="", block=Block())
        async with running(ports_of(clock=clock, api=ScriptedApi(answers=[failure])), store) as actor:
            await clock.advance(30)
            assert actor.state.totals.accepted == 2
        assert fold(await records(store)) == actor.state

    run(test)


def test_r1_the_retry_leaves_after_three_seconds_and_not_before() -> None:
    """R1, I7: the clock decides."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi()
        failure = Failed(kind="http", reason="500", http_status=500, answer="", block=Block())
        api.answers = [failure, failure]
        async with running(ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1)])), store):
            assert len(api.sent) == 1
            await clock.advance(2.9)
            assert len(api.sent) == 1
            await clock.advance(0.2)
            assert len(api.sent) == 2
            await clock.advance(5.8)
            assert len(api.sent) == 2
            await clock.advance(0.3)
            assert len(api.sent) == 3

    run(test)


def test_polls_keep_their_pace() -> None:
    """POLL_INTERVAL_SECONDS lies between two polls, whatever else happens."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi()
        async with running(ports_of(clock=clock, api=api), store):
            assert api.polls == 1
            await clock.advance(11.9)
            assert api.polls == 1
            await clock.advance(0.2)
            assert api.polls == 2
            await clock.advance(120)
            assert api.polls == 12

    run(test)


def test_analyses_run_at_once_but_bounded() -> None:
    """A window's analyses run concurrently, at most LLM_CONCURRENCY of them."""

    async def test() -> None:
        store, clock, analyzer = MemoryJournal(), VirtualClock(), ScriptedAnalyzer(gate=asyncio.Event())
        scraper = ScriptedScraper(posts=[post(n) for n in range(1, 6)])
        ports = ports_of(clock=clock, analyzer=analyzer, scraper=scraper)
        async with running(ports, store, llm_concurrency=3):
            assert analyzer.busy == 3
            assert analyzer.gate is not None
            analyzer.gate.set()
            await settle()
        assert analyzer.most_busy == 3
        assert len(analyzer.calls) == 5

    run(test)


def test_a_crashing_analysis_is_tried_three_times_12_seconds_apart_and_then_has_failed() -> None:
    """Specification, thread errors: a bug of ours is waited out and cannot pay for ever; the post goes on (R6)."""

    async def test() -> None:
        store, clock, analyzer = MemoryJournal(), VirtualClock(), ScriptedAnalyzer(error=KeyError("a bug"))
        ports = ports_of(clock=clock, analyzer=analyzer, scraper=ScriptedScraper(posts=[post(1)]))
        async with running(ports, store) as actor:
            assert actor.state.state == "Backoff"
            assert len(analyzer.calls) == 1
            await clock.advance(11.9)
            assert len(analyzer.calls) == 1
            await clock.advance(13)
            assert len(analyzer.calls) == 3
            assert actor.state.totals.accepted == 1
        found = await records(store)
        assert names(found).count("EffectCrashed") == 2
        (failed,) = (record.data for record in found if record.name == "AnalysisFailed")
        assert failed["unmeasured_calls"] == 1, "what crashed may have asked before, so the budget counts it"

    run(test)


def test_a_bug_behind_a_paid_answer_keeps_its_costs_on_record() -> None:
    """The answer was billed: the analysis has failed, and is neither repeated nor forgotten."""

    async def test() -> None:
        strategy = make_strategy("hybrid", load_registry())
        llm = _ForgetfulLLM(["no JSON"])
        analyzer = Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=GIVE_UP_S)
        store, clock = MemoryJournal(), VirtualClock()
        ports = ports_of(clock=clock, analyzer=analyzer, scraper=ScriptedScraper(posts=[post(1)]))
        async with running(ports, store) as actor:
            await clock.advance(60)
            assert actor.state.totals.accepted == 1
        assert len(llm.asked) == 1
        found = await records(store)
        assert "EffectCrashed" not in names(found)
        (failed,) = (record.data for record in found if record.name == "AnalysisFailed")
        assert (failed["kind"], failed["calls"], failed["unmeasured_calls"]) == ("bug", 2, 1)
        assert (failed["prompt_tokens"], failed["completion_tokens"]) == (100, 10)

    run(test)


class _ForgetfulLLM(ScriptedLLM):
    """Answers once, and has a bug from then on."""

    async def complete(self, **question: Any) -> Completion:
        """Answer the first question."""
        if self.asked:
            raise KeyError("a bug")
        return await super().complete(**question)


def test_a_crashing_scrape_cannot_pay_for_ever() -> None:
    """The third crash spends the window; the public predecessor repeats the paid scrape every 12 seconds."""

    async def test() -> None:
        store, clock, scraper = MemoryJournal(), VirtualClock(), ScriptedScraper(error=KeyError("a bug"))
        async with running(ports_of(clock=clock, scraper=scraper), store) as actor:
            await clock.advance(600)
            assert scraper.calls == 3
            assert actor.state.state == "WaitingForWindow"

    run(test)


def test_a_crashing_poll_keeps_the_pace_and_the_analyses() -> None:
    """A bug in polling does not spin, and does not cancel paid work in flight."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi()
        analyzer = ScriptedAnalyzer(gate=asyncio.Event())
        async with running(ports_of(clock=clock, api=api, analyzer=analyzer), store) as actor:
            api.status_error = KeyError("a bug")
            await clock.advance(12.1)
            assert actor.state.state == "Backoff"
            assert analyzer.busy == 2
            assert analyzer.gate is not None
            analyzer.gate.set()
            await clock.advance(60)
            assert actor.state.totals.accepted == 2
            assert api.polls <= 7
            assert len(analyzer.calls) == 2

    run(test)


def test_a_crash_hides_no_secret_and_no_line_break() -> None:
    """EffectCrashed holds one redacted line."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        scraper = ScriptedScraper(error=KeyError("token abc123\nsecond line"))
        actor = actor_of(
            store=store,
            ports=ports_of(clock=clock, scraper=scraper),
            config=config(),
            redact=lambda text: text.replace("abc123", "[redacted]"),
        )
        task = asyncio.create_task(actor.run())
        await settle()
        actor.stop()
        await task
        (crash,) = [r for r in await records(store) if r.name == "EffectCrashed"]
        assert "abc123" not in crash.data["error"]
        assert "\n" not in crash.data["error"]
        assert "[redacted]" in crash.data["error"]

    run(test)


def test_r13_an_unreachable_api_is_recorded_once() -> None:
    """R13: when it begins and when it ends, not at each poll."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi(status_error=StatusError("refused"))
        async with running(ports_of(clock=clock, api=api), store):
            await clock.advance(120)
            api.status_error = None
            await clock.advance(13)
        found = names(await records(store))
        assert found.count("ApiUnreachable") == found.count("ApiRecovered") == 1

    run(test)


def test_stop_waits_a_moment_for_an_answer_that_was_paid_for() -> None:
    """A verdict that arrives during the stop is recorded before ActorStopped."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi(gate=asyncio.Event())
        actor = actor_of(store=store, ports=ports_of(clock=clock, api=api), config=config())
        task = asyncio.create_task(actor.run())
        await settle()
        assert len(api.sent) == 1
        actor.stop("SIGTERM")
        actor.stop("again")
        assert api.gate is not None
        asyncio.get_running_loop().call_later(0.05, api.gate.set)
        await task
        assert names(await records(store))[-2:] == ["SubmissionAccepted", "ActorStopped"]
        assert len(api.sent) == 1, "nothing new is begun"

    run(test)


def test_stop_gives_up_on_an_answer_that_does_not_come() -> None:
    """R14: a hanging API does not hold back the stop; the open attempt is closed by the next start."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi(gate=asyncio.Event())
        actor = actor_of(store=store, ports=ports_of(clock=clock, api=api), config=config(stop_grace_s=0.05))
        task = asyncio.create_task(actor.run())
        await settle()
        actor.stop()
        await task
        found = await records(store)
        assert names(found)[-2:] == ["SubmissionStarted", "ActorStopped"]
        assert fold(found).open is not None
        assert wanted(fold(found)) == ()

    run(test)


def test_a_restart_needs_no_recovery_code() -> None:
    """What was in flight is wanted again by state alone: attempt 2 of the post whose outcome is unknown."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi(gate=asyncio.Event())
        ports = ports_of(clock=clock, api=api)
        first = actor_of(store=store, ports=ports, config=config(stop_grace_s=0.01))
        task = asyncio.create_task(first.run())
        await settle()
        first.stop()
        await task
        api.gate = None
        async with running(ports, store) as second:
            await settle()
            assert second.state.totals.accepted == 2
            assert second.state.epoch == 2
        assert [body.post_id for body in api.sent[:2]] == ["1", "1"]

    run(test)


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"hotkey": "5other"}, "hotkey"), ({"netuid": 1}, "netuid"), ({"api_url": "http://127.0.0.1:1"}, "API")],
)
def test_a_journal_of_another_identity_is_refused(changed: dict[str, Any], what: str) -> None:
    """Nothing is written to it."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        async with running(ports_of(clock=clock), store):
            pass
        before = await records(store)
        identity = JournalCreated(**{"hotkey": HOTKEY, "netuid": 45, "api_url": IDENTITY.api_url, **changed})
        stranger = actor_of(store=store, ports=ports_of(clock=clock), config=config(identity=identity))
        with pytest.raises(IdentityError, match=what):
            await stranger.run()
        assert await records(store) == before

    run(test)


def test_polling_is_wanted_in_every_running_state() -> None:
    """The block number is followed whatever the actor does."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        states = []
        actor = actor_of(
            store=store,
            ports=ports_of(clock=clock),
            config=config(),
            on_record=lambda _record, state: states.append(state),
        )
        task = asyncio.create_task(actor.run())
        await settle()
        actor.stop()
        await task
        for state in states:
            polls = [e for e in wanted(state) if isinstance(e, PollStatus)]
            assert len(polls) == (1 if state.running else 0)

    run(test)


def test_a_window_that_could_not_be_recorded_is_not_begun(caplog: pytest.LogCaptureFixture) -> None:
    """Low disk space warns, too little costs nothing: no scrape until there is room, then the window is used."""

    class Store(MemoryJournal):
        room = 1 << 20

        def room_bytes(self) -> int | None:
            return self.room

    async def test() -> None:
        store, clock, scraper = Store(), VirtualClock(), ScriptedScraper()
        async with running(ports_of(clock=clock, scraper=scraper), store) as actor:
            await clock.advance(60)
            assert scraper.calls == 0
            assert actor.state.state == "WaitingForWindow"
            assert "alarm disk_full: less than 4 MiB are left" in caplog.text
            store.room = 10 << 20
            await clock.advance(13)
            assert scraper.calls == 1
            assert "running low" in caplog.text
        names = [record.name for record in await records(store)]
        assert names[2:6] == ["DiskFilled", "DiskFreed", "WindowOpened", "PostsScraped"]

    run(test)


@pytest.mark.parametrize("rooms", [(0,), (0, 0), (1 << 20,), (0, 1 << 20), (1 << 20, 0)])
def test_a_full_disk_begins_and_ends_once_in_the_log(rooms: tuple[int, ...], caplog: pytest.LogCaptureFixture) -> None:
    """Also where it takes no record: what is over was said to begin, and a record that comes later begins nothing."""
    caplog.set_level("INFO")

    class Store(MemoryJournal):
        room = 1 << 30

        def room_bytes(self) -> int | None:
            return self.room

    async def test() -> None:
        store, clock = Store(), VirtualClock()
        async with running(ports_of(clock=clock), store) as actor:
            for store.room in rooms:
                await clock.advance(13)
                assert [alarm.name for alarm in actor.alarms()] == ["disk_full"]
            store.room = 1 << 30
            await clock.advance(13)
        told = [line.partition(":")[0] for line in caplog.messages if line.startswith("alarm disk")]
        assert told == ["alarm disk_full", "alarm disk_full is over"]

    run(test)


def test_a_full_disk_begins_no_window_that_the_api_comes_back_to() -> None:
    """Neither the true window behind one that was none, nor one that was told while there was room."""

    class Store(MemoryJournal):
        room = 10 << 20

        def room_bytes(self) -> int | None:
            return self.room

    async def test() -> None:
        store, clock, scraper = Store(), VirtualClock(), ScriptedScraper(posts=[])
        api = ScriptedApi(chain=lambda: 90_000 if clock.elapsed_s() < 60 else 700 + int(clock.elapsed_s() / 12))
        ports = ports_of(clock=clock, scraper=scraper, api=api)
        async with running(ports, store, watch=BlockWatch(clock)) as actor:
            assert scraper.calls == 1
            store.room = 1 << 20
            await clock.advance(700)
            assert scraper.calls == 1
            store.room = 10 << 20
            await clock.advance(700)
            assert scraper.calls > 1
            assert actor.state.newest is not None
            assert actor.state.newest.start_block < 1_000
        names = [record.name for record in await records(store)]
        assert names.index("DiskFreed") < names.index("WindowsRevised")

    run(test)


def test_a_full_disk_holds_a_search_that_is_due() -> None:
    """The window was told of while there was room, and its turn came later; it is searched when there is room again."""

    class Store(MemoryJournal):
        room = 10 << 20

        def room_bytes(self) -> int | None:
            return self.room

    async def test() -> None:
        store, clock, scraper = Store(), VirtualClock(), ScriptedScraper()
        gate, block = asyncio.Event(), [700]
        api = ScriptedApi(chain=lambda: block[0], gate=gate)
        async with running(ports_of(clock=clock, scraper=scraper, api=api), store) as actor:
            block[0] = 800
            await clock.advance(13)
            store.room = 1 << 20
            gate.set()
            await clock.advance(600)
            assert (scraper.calls, actor.state.state) == (1, "Scraping")
            store.room = 10 << 20
            await clock.advance(13)
            assert scraper.calls == 2

    run(test)


def test_a_checkpoint_vouches_for_everything_before_it() -> None:
    """Its signature is the hotkey's, over the chain's head and the state's digest (design, section 4)."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        async with running(ports_of(clock=clock), store):
            pass
        found = await records(store)
        (signed,) = [record for record in found if record.name == "CheckpointSigned"]
        event = signed.event()
        assert isinstance(event, CheckpointSigned)
        covered = found[: signed.seq - 1]
        assert (event.seq, event.head) == (covered[-1].seq, covered[-1].hash)
        assert event.state_sha256 == state_sha256(fold(covered))
        assert (event.since, event.hashes_sha256) == (0, hashes_sha256(record.hash for record in covered))
        address = Keypair.create_from_uri("//Alice").ss58_address
        assert verify(checkpoint_message(event), bytes.fromhex(event.signature), address)

    run(test)


def test_a_snapshot_that_cannot_be_read_costs_only_time(caplog: pytest.LogCaptureFixture) -> None:
    """It is a cache: the records are folded from the first one instead."""

    class Store(MemoryJournal):
        async def take(self, *, reducer: int) -> Lease:
            lease = await super().take(reducer=reducer)
            return replace(lease, snapshot=Snapshot(head=lease.head, reducer=reducer, state=b'{"no": "state"}'))

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        async with running(ports_of(clock=clock), store):
            pass
        async with running(ports_of(clock=clock), Store(store.lines)) as actor:
            assert actor.state.totals.accepted == 2
        assert "is ignored" in caplog.text

    run(test)


def test_a_record_of_a_newer_build_is_refused_in_one_line() -> None:
    """Nothing is written; the line says which record and what to do."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()
        async with running(ports_of(clock=clock), store):
            pass
        line = store.lines[-1].replace(b'"ActorStopped"', b'"FromTheFuture"')
        prefix = line[: line.rindex(b',"hash":"')]
        before = store.lines[-2][-67:-3]
        digest = hashlib.sha256(before + prefix).hexdigest()
        newer = MemoryJournal([*store.lines[:-1], prefix + b',"hash":"' + digest.encode() + b'"}\n'])
        actor = actor_of(store=newer, ports=ports_of(clock=clock), config=config())
        with pytest.raises(UnreadableJournalError, match=r"unknown event 'FromTheFuture'.*newer"):
            await actor.run()
        assert len(newer.lines) == len(store.lines)

    run(test)


def test_a_listener_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """on_record is the host's code: its error is logged, and no effect is taken for crashed."""

    async def test() -> None:
        store, clock = MemoryJournal(), VirtualClock()

        def listener(record: Record, _state: State) -> None:
            raise KeyError(record.name)

        actor = actor_of(store=store, ports=ports_of(clock=clock), config=config(), on_record=listener)
        task = asyncio.create_task(actor.run())
        await settle()
        actor.stop()
        await task
        assert actor.state.totals.accepted == 2
        assert "EffectCrashed" not in names(await records(store))
        assert "on_record raised at record 1" in caplog.text

    run(test)


def test_an_outage_that_a_restart_finds_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    """It is recorded once, but a restart that says nothing would look healthy; later it is said every ten minutes."""

    async def test() -> None:
        store, clock, api = MemoryJournal(), VirtualClock(), ScriptedApi(status_error=StatusError("refused"))
        async with running(ports_of(clock=clock, api=api), store):
            await clock.advance(60)
        caplog.clear()
        async with running(ports_of(clock=clock, api=api), store):
            await clock.advance(660)
        assert caplog.text.count("still unreachable: refused") == 2
        assert names(await records(store)).count("ApiUnreachable") == 1

    run(test)
