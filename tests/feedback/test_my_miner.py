"""The host neuron's synapse handlers tell the miner; the miner's own thread records it, in between its work."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from bittensor_core import Keypair

from actor import MyMiner
from actor.edges.hotkey import signer_from_keypair
from actor.perform import Meaning
from actor.runtime import Actor, ActorConfig
from actor.settings.model import load_settings
from actor.testing.clock import VirtualClock, settle
from actor.testing.edges import scripted_ports
from events import catalogue as ev
from events.journal import MemoryJournal, Record, verify_journal
from tests.docs.kit import ROOT, blocks
from tests.kit import HOTKEY
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for

VALIDATORS = [Keypair.create_from_uri(f"//Validator{number}").ss58_address for number in range(4)]


@pytest.fixture
def miner(world: World) -> Iterator[MyMiner]:
    """A miner of the world; stopped at the end."""
    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings().items()}
    made = MyMiner(settings=load_settings(world.folder / "no-file", **flags))
    yield made
    made.stop()


@dataclass(frozen=True, slots=True)
class Score:
    """A synapse as the subnet's validators send it."""

    block_window_start: int
    block_window_end: int
    score: float
    validator_hotkey: str


def told(world: World) -> list[ev.Event]:
    """What validators told, as it is recorded."""
    events = [record.event() for record, _ in world.history()]
    return [event for event in events if isinstance(event, ev.ScoreObserved | ev.ValidationObserved)]


def test_what_a_handler_hears_is_recorded_beside_the_work(world: World, miner: MyMiner) -> None:
    """From a handler's thread, while posts are mined; told twice, recorded once; the journal is whole."""
    miner.start()
    synapse = Score(6_000_000, 6_000_100, 0.75, VALIDATORS[0])

    def handle() -> None:
        for _ in range(2):
            assert miner.observe_score(
                validator=synapse.validator_hotkey,
                start_block=synapse.block_window_start,
                end_block=synapse.block_window_end,
                score=synapse.score,
            )

    thread = threading.Thread(target=handle)
    thread.start()
    thread.join()
    wait_for(lambda: miner.posts_processed == 5, "five posts")
    post_id = next(record.data["post_id"] for record, _ in world.history() if record.name == "SubmissionAccepted")
    assert miner.observe_validation(
        validator=VALIDATORS[0],
        validation_id="v-1",
        post_id=post_id,
        passed=False,
        reason={"code": "TEXT", "message": "the text differs"},
    )
    miner.stop()
    assert told(world) == [
        ev.ScoreObserved(validator=VALIDATORS[0], start_block=6_000_000, end_block=6_000_100, score=0.75),
        ev.ValidationObserved(
            validator=VALIDATORS[0],
            validation_id="v-1",
            post_id=post_id,
            passed=False,
            code="TEXT",
            reason="the text differs",
        ),
    ]
    assert world.names()[-1] == "ActorStopped"
    assert verify_journal(next(world.journal.iterdir())).ok


def test_the_handlers_of_the_documents_hand_it_over(world: World, miner: MyMiner) -> None:
    """docs/developers/embedding.md's own, with synapses as validators send them, old and new ones."""
    (example,) = blocks(ROOT / "docs" / "developers" / "embedding.md", "python")
    scope: dict[str, Any] = {"__name__": "example"}
    exec(compile(example.text, "docs/developers/embedding.md", "exec"), scope)  # noqa: S102  (what operators are told to write)
    neuron = scope["Miner"].__new__(scope["Miner"])
    neuron.my_miner = miner
    miner.start()
    dendrite = SimpleNamespace(hotkey=VALIDATORS[0])
    blocks_told = {"block_window_start": 100, "block_window_end": 200, "validator_hotkey": "somebody"}
    for more in ({}, {"rewards": 4, "penalties": 1}):
        synapse = SimpleNamespace(dendrite=dendrite, score=0.5, **blocks_told, **more)
        assert asyncio.run(neuron.forward_score(synapse)) is synapse
    for failure in (None, {"code": "TEXT", "message": "differs"}):
        fields = {"validation_id": "v", "post_id": "1", "success": failure is None, "failure_reason": failure}
        asyncio.run(neuron.forward_validation_result(SimpleNamespace(dendrite=dendrite, **fields)))
    miner.stop()
    words = told(world)
    assert [word.rewards for word in words if isinstance(word, ev.ScoreObserved)] == [None, 4]
    assert [word.code for word in words if isinstance(word, ev.ValidationObserved)] == [None, "TEXT"]


def test_nothing_is_taken_before_a_start_and_after_a_stop(
    world: World, miner: MyMiner, caplog: pytest.LogCaptureFixture
) -> None:
    """False and a line in the log; a word of another run is still known as told."""

    def tell() -> bool:
        return miner.observe_score(validator=VALIDATORS[0], start_block=1, end_block=2, score=0.5)

    with caplog.at_level(logging.WARNING, "actor"):
        assert not tell()
        miner.start()
        assert tell()
        miner.stop()
        assert not tell()
    assert [line for line in caplog.messages if "report" in line] == [
        "a validator's report is not recorded: the miner is not running"
    ] * 2
    miner.start()
    assert tell()
    miner.stop()
    assert len(told(world)) == 1


def test_nonsense_never_reaches_the_handler(world: World, miner: MyMiner, caplog: pytest.LogCaptureFixture) -> None:
    """False, a line, and nothing in the journal."""
    miner.start()
    wrong: Any = object()
    with caplog.at_level(logging.WARNING, "actor"):
        assert not miner.observe_score(validator=wrong, start_block=wrong, end_block=wrong, score=wrong)
        assert not miner.observe_validation(
            validator=VALIDATORS[0], validation_id=wrong, post_id="1", passed=True, reason=wrong
        )
    assert sum("a validator's report is not recorded" in line for line in caplog.messages) == 2
    miner.stop()
    assert not told(world)


def test_what_was_taken_survives_a_clean_stop(world: World, miner: MyMiner) -> None:
    """Threads speak while the miner is stopped: every word that was taken is on record, and not one that was not."""
    miner.start()
    taken: list[tuple[str, int]] = []
    speaking = threading.Event()

    def speak(validator: str) -> None:
        for number in range(2_000):
            said = miner.observe_score(validator=validator, start_block=number, end_block=number, score=0.5)
            if said:
                taken.append((validator, number))
                speaking.set()
            elif not miner.is_running:
                return

    threads = [threading.Thread(target=speak, args=(validator,)) for validator in VALIDATORS]
    for thread in threads:
        thread.start()
    assert speaking.wait(GIVE_UP_S)
    miner.stop()
    for thread in threads:
        thread.join()
    recorded = [(event.validator, event.start_block) for event in told(world) if isinstance(event, ev.ScoreObserved)]
    assert sorted(recorded) == sorted(taken)
    assert len(taken) > len(VALIDATORS)
    assert world.names()[-1] == "ActorStopped"


# The loop itself


@asynccontextmanager
async def running(store: MemoryJournal) -> AsyncIterator[Actor]:
    """An actor at rest."""
    signer = signer_from_keypair(Keypair.create_from_uri("//Alice"))
    identity = ev.JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001")
    config = ActorConfig(identity=identity, policy=ev.Policy(), build="0.1.0", pid=1)
    actor = Actor(store=store, ports=scripted_ports(signer=signer, clock=VirtualClock()), config=config)
    task = asyncio.create_task(actor.run())
    await settle()
    try:
        yield actor
    finally:
        actor.stop("test over")
        await task


def meaning(number: int) -> Meaning:
    """A word of its own."""
    event = ev.ScoreObserved(validator=VALIDATORS[0], start_block=number, end_block=number, score=0.5)
    return lambda _state: (event,)


async def scores(store: MemoryJournal) -> list[int]:
    """First blocks of the scores on record."""
    await store.take(reducer=0)
    found: list[Record] = [record async for record in store.read()]
    await store.release()
    events = [record.event() for record in found]
    return [event.start_block for event in events if isinstance(event, ev.ScoreObserved)]


def run(test: Callable[[], Any]) -> None:
    """Run an async test."""
    asyncio.run(asyncio.wait_for(test(), GIVE_UP_S))


def test_the_loop_records_what_it_is_told_in_order() -> None:
    """From its own thread and from another one; a meaning that raises costs only itself; a stop loses nothing."""

    async def test() -> None:
        store = MemoryJournal()

        def fails(_state: object) -> tuple[ev.Event, ...]:
            raise RuntimeError("a bug")

        async with running(store) as actor:
            assert actor.tell(meaning(1))
            assert actor.tell(fails)
            assert await asyncio.to_thread(actor.tell, meaning(2))
            await settle()
            assert len(actor.state.observed) == 2
            assert actor.tell(lambda _state: (ev.ApiRecovered(),)), "the machine refuses it, the loop goes on"
            actor.stop("SIGTERM")
            assert actor.tell(meaning(3))
        assert not actor.tell(meaning(4))
        assert await scores(store) == [1, 2, 3]

    run(test)


def test_a_word_takes_no_room_from_a_window(caplog: pytest.LogCaptureFixture) -> None:
    """With less room than a window may need it is left out, and the log says why."""

    async def test() -> None:
        class Full(MemoryJournal):
            def room_bytes(self) -> int | None:
                return 1 << 20

        store = Full()
        async with running(store) as actor:
            assert actor.tell(meaning(1))
            await settle()
        assert await scores(store) == []

    run(test)
    assert "a validator's report is not recorded: 1,024 KiB are left on the journal's disk" in caplog.text
