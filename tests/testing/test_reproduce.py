"""A whole actor lives a recorded history again, and makes the same records; a build that would not is found out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from actor.analyzer.refresh import ChainError
from actor.machine.state import REDUCER, STATES
from actor.ports import ScrapeError, StatusError, SubmitAnswer
from actor.testing import DivergenceError, Scenario
from actor.testing.edges import analysis, fail, limit, reject
from actor.testing.made import post
from actor.testing.reproduce import reproduces
from actor.testing.scenario import Moment, Step, lives, window_slice
from actor.testing.world import ActorWorld
from events import catalogue as ev
from events.codec import canonical_json, changed
from events.journal import FileJournal, JournalReader, MemoryJournal, locate, verify_journal
from tests.kit import Drive
from tests.testing.kit import SAMPLE, carried_over
from tests.world import World, hours_ago


def test_the_sample_comes_out(sample: Scenario) -> None:
    """Every crash, outage, repair and kind of event: the same records, and the same bytes where fields are the same."""
    made = reproduces(sample)
    recorded = list(JournalReader(SAMPLE))
    assert [(r.seq, r.at_ms, r.name, r.dest) for r in made] == [(r.seq, r.at_ms, r.name, r.dest) for r in recorded]
    events = [(record, record.event()) for record in recorded]
    if all(record.raw == canonical_json(event) and _is_of_this_fold(event) for record, event in events):
        assert made[-1].hash == recorded[-1].hash


def _is_of_this_fold(event: ev.Event) -> bool:
    return not isinstance(event, ev.CheckpointSigned) or event.reducer == REDUCER


def test_every_window_goes_by_itself(moments: list[Moment]) -> None:
    """A window of the sample needs nothing before it but its starting state."""
    numbers = {moment.after.window.number for moment in moments if moment.after.window is not None}
    for number in sorted(numbers)[::7]:
        window = window_slice(moments, number)
        assert [record.name for record in reproduces(window)] == [step.name for step in window.steps], number


def test_what_was_held_comes_out(make_world: Callable[..., World]) -> None:
    """A refusal that holds a window's posts, one in the next window, and the start that sends them."""
    world = make_world()
    world.sandbox.script("llm.chat", "402", times=2)
    world.mine(ON_ANALYSIS_ERROR="hold")
    world.sandbox.next_window()
    world.mine(ON_ANALYSIS_ERROR="hold")
    made = reproduces(Scenario.load(locate(world.journal)))
    assert [record.name for record in made] == world.names()
    assert sum(record.name == "AnalysisFailed" for record in made) == 2
    assert sum(record.name == "SubmissionAccepted" for record in made) == 5


def test_a_mined_journal_comes_out_on_disk(make_world: Callable[..., World], tmp_path: Path) -> None:
    """What the real miner recorded over HTTP, with faults and a restart, is made again in another journal on disk."""
    world = make_world(posts=0, corpus_size=60, epoch=hours_ago())
    world.mine()
    world.sandbox.next_window()
    world.sandbox.advance_posts(1800)
    for fault, times in (("500", 1), ("ok", 1), ("409", 1), ("429", 1)):
        world.sandbox.script("api.submit", fault, times=times)
    world.mine()
    recorded = locate(world.journal)
    again = tmp_path / "again"
    made = reproduces(Scenario.load(recorded), store=FileJournal(again, on_warning=print))
    assert [record.hash for record in made] == [record.hash for record in JournalReader(recorded)]
    assert verify_journal(again).ok


@cache
def troubled(seed: int) -> ActorWorld:
    """A world in which everything goes wrong now and then, and whose processes die."""
    chance = random.Random(seed)  # noqa: S311  (trouble, not a secret)
    policy = ev.Policy(author_cache_hours=seed % 3, chain_poll_s=300.0)
    world = ActorWorld([post(n, author_id=str(9_000 + n % 7)) for n in range(1, 40)], policy=policy)
    world.x.unknown = {"9003"}
    world.x.latency_s, world.llm.latency_s, world.api.latency_s = (chance.random() * s for s in (2, 20, 4))
    for n in range(1, 40):
        text = f"SN45 is doing fine, number {n}"
        world.llm.answers[text] = KeyError("a bug") if chance.random() < 0.1 else analysis(chance.random())
    answers: list[SubmitAnswer | Exception] = [
        fail(),
        fail(503),
        reject(),
        limit(current_block=81_200),
        KeyError("another"),
    ]
    world.api.answers += chance.choices(answers, k=8)
    world.api.block = changed(world.api.block, blocks_per_window=chance.choice([100, 100, 50]))
    world.chain.latency_s = 15.0 * (seed % 5)
    lies = [0]  # so many blocks are told too many
    true_block = world.api.chain or int
    world.api.chain = lambda: true_block() + lies[0]
    for _ in range(6):
        lies[0] = chance.choice([0, 0, 0, 20_000])
        world.x.error = chance.choice(
            [None, None, None, ScrapeError("no credits", kind="credits"), KeyError("includes")]
        )
        world.x.lookup_error = chance.choice([None, None, ScrapeError("503", kind="server"), KeyError("data")])
        world.api.status_error = chance.choice([None, None, None, StatusError("refused"), ValueError("odd")])
        world.chain.error = chance.choice([None, ChainError("no answer")])
        world.run(seconds=chance.random() * 2_000)
        world.clock.jump(chance.choice([0, 0, 0, -7_200, 3_600]))
        world.x.error = world.x.lookup_error = world.api.status_error = None
        if chance.random() < 0.5:
            world.crash(chance.choice(["ActorStarted", "WindowOpened"]))
    lies[0] = 0
    return world.run(windows=3)


@pytest.mark.parametrize("seed", range(12))
def test_histories_of_troubled_worlds_come_out(seed: int) -> None:
    """Failures, crashes, bugs, deaths and clock jumps by chance: the same records again."""
    world = troubled(seed)
    store = MemoryJournal()
    reproduces(Scenario.load(lines_of(world)), store=store)
    assert store.lines == lines_of(world), f"seed {seed}"


def test_posts_given_up_in_the_queue_come_out() -> None:
    """A clock that is set ahead in a backoff: what was analyzed and never carried is given up, again too (R9)."""
    world = ActorWorld([post(n) for n in range(1, 4)])
    world.api.answers = [fail()]
    world.crash("SubmissionFailed")
    world.clock.jump(80 * 3_600)
    world.run(seconds=60)
    assert [record.name for record in world.journal()].count("PostAbandoned") == 3
    store = MemoryJournal()
    reproduces(Scenario.load(lines_of(world)), store=store)
    assert store.lines == lines_of(world)


def lines_of(world: ActorWorld) -> list[bytes]:
    """The journal as bytes."""
    assert isinstance(world.store, MemoryJournal)
    return world.store.lines


def test_troubled_worlds_are_troubled() -> None:
    """The seeds above meet every state and most events."""
    records = [record for seed in range(12) for record in troubled(seed).journal()]
    assert {record.dest for record in records} == set(STATES)
    rare = {"PostAbandoned", "TailRepaired", "GapDeclared", "BudgetSpent", "ApiMoved"}
    rare |= {"DiskFilled", "DiskFreed", "SettingsChanged", "ScoreObserved", "ValidationObserved"}
    assert {record.name for record in records} >= set(ev.EVENTS) - rare


def altered(scenario: Scenario, name: str, change: Callable[[Step], Step | None]) -> Scenario:
    """The scenario with its last event of this name changed, or without it."""
    place = max(place for place, step in enumerate(scenario.steps) if step.name == name)
    step = change(scenario.steps[place])
    middle = () if step is None else (step,)
    return replace(scenario, steps=(*scenario.steps[:place], *middle, *scenario.steps[place + 1 :]))


def body_with(step: Step, **fields: object) -> Step:
    """An intent to send something else."""
    assert isinstance(step.event, ev.SubmissionStarted)
    return replace(step, event=changed(step.event, body=changed(step.event.body, **fields)))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("SubmissionStarted", lambda s: body_with(s, score=0.25), r"~ body\.score: 0\.25 →"),
        ("SubmissionStarted", lambda _: None, "SubmissionAccepted: nothing that brings it .* StartSubmission post_id"),
        (
            "SubmissionAccepted",
            lambda s: replace(s, dest="Backoff"),
            "recorded SubmissionAccepted, Submitting -> Backoff",
        ),
        ("PostsScraped", lambda s: replace(s, event=changed(s.event, wanted=4)), "but ScrapeWindow window=813 count=2"),
        ("PostsScraped", lambda s: replace(s, event=changed(s.event, window=9)), "nothing that brings it is in flight"),
        ("WindowOpened", lambda s: replace(s, event=changed(s.event, window=9)), r"~ window: 9 → 813"),
        ("PostAnalyzed", lambda s: replace(s, event=changed(s.event, content_sha256="00")), r"~ content_sha256: "),
        ("BackoffElapsed", lambda s: replace(s, at_ms=s.at_ms - 500), r"this build would wait 0\.5 s longer"),
    ],
)
def test_another_history_is_found_out(name: str, change: Callable[[Step], Step | None], words: str) -> None:
    """Each way in which a build can go elsewhere ends in the record, what was recorded and what this build has."""
    world = ActorWorld([post(1), post(2), post(3)])
    world.api.answers += [fail(), limit(current_block=81_200)]
    world.run(windows=2)
    scenario = Scenario.load(lines_of(world))
    with pytest.raises(DivergenceError, match=words):
        reproduces(altered(scenario, name, change))


def test_what_is_left_of_a_process_is_not_invented() -> None:
    """A history that ends in mid-air is made to its end, and no further."""
    world = ActorWorld([post(1), post(2)]).crash("SubmissionStarted")
    scenario = Scenario.load(lines_of(world))
    for length in range(1, len(scenario) + 1):
        part = replace(scenario, steps=scenario.steps[:length])
        assert len(reproduces(part)) == length


def test_lives_are_cut_where_processes_ended() -> None:
    """Stops, deaths, deaths in a start, and gaps each end a life."""
    drive = Drive().start().window(7)
    drive.start().on(ev.ActorStopped(reason="SIGTERM", posts_processed=0))
    torn = ev.TailRepaired(segment="a", offset=1, length=2, sha256="0", quarantine="a-1")
    drive.on(torn, ev.ApiMoved(api_url="http://127.0.0.1:1"))
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:2"))
    drive.start()
    names = [[step.name for step in life.steps] for life in lives(Scenario.load(drive.lines).steps)]
    assert names == [
        ["JournalCreated", "ActorStarted", "WindowOpened"],
        ["ActorStarted", "ActorStopped"],
        ["TailRepaired", "ApiMoved"],
        ["ApiMoved", "ActorStarted"],
    ]


def test_a_driven_history_comes_out() -> None:
    """Events made up by hand are a history too, where the machine allows them."""
    drive = carried_over()
    store = MemoryJournal()
    reproduces(Scenario.load(drive.lines), store=store)
    assert store.lines == drive.lines
