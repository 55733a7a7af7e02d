"""Each oracle notices the miner that breaks its promise: an honest story, told wrongly in one place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from actor.machine import INITIAL, State
from events.catalogue import Event, JournalCreated
from events.journal import Record
from sandbox.services import Disturbance, Submission, World
from user_miner.simulation import Plan, Violation, simulate
from user_miner.simulation.oracles import Oracles, judged

NO_FAULTS: frozenset[str] = frozenset()
CALM = Plan(seed=1, windows=6, faults=NO_FAULTS)
Spoil = Callable[[Record, World], bool]


def rules(violations: tuple[Violation, ...] | list[Violation]) -> set[str]:
    """The promises that are broken."""
    return {violation.rule for violation in violations}


def spoiled(spoil: Spoil, plan: Plan = CALM) -> set[str]:
    """The promises that are broken when a story is told without the records, or with the entries, that ``spoil`` says.

    Args:
        spoil: Called before each record; may change the world's ledger. The record is withheld if it returns True.
        plan: The story.
    """
    oracles, found, errors = Oracles(deep=False), list[Violation](), list[Exception]()

    def watch(record: Record, event: Event, state: State, world: World, at_s: float) -> list[Violation]:
        try:
            if not spoil(record, world):
                found.extend(oracles.watch(record, event, state, world, at_s))
        except Exception as error:  # noqa: BLE001  (the runtime would only log it)
            errors.append(error)
        return []

    outcome = simulate(plan, watch=watch)
    assert not errors
    return rules([*found, *oracles.end(outcome)])


def last_sent(world: World) -> Submission | None:
    """What arrived last at the coordination API."""
    return world.ledger.submissions[-1] if world.ledger.submissions else None


def last_start(world: World) -> int | None:
    """First block of the window in which the last post arrived."""
    sent = last_sent(world)
    return None if sent is None else sent.start_block


def test_an_honest_story_breaks_nothing() -> None:
    """Nothing is found where nothing is wrong, with everything that may go wrong and without."""
    assert judged(CALM, deep=True).violations == ()
    assert judged(Plan(seed=4, windows=20), deep=True).violations == ()


def test_a_post_without_its_intent() -> None:
    """Design, section 1: what arrives without a SubmissionStarted on record is found."""
    assert "intent" in spoiled(lambda record, _world: record.name == "SubmissionStarted")


def test_another_body_than_recorded() -> None:
    """The body that arrived is the one on record."""

    def spoil(_record: Record, world: World) -> bool:
        if (sent := last_sent(world)) is not None:
            sent.body["score"] = 2.0
        return False

    assert "intent" in spoiled(spoil)


def resent(world: World, at: int = 0, **changes: object) -> None:
    """A submission arrives again, as another request."""
    sent = world.ledger.submissions[at]
    number = sent.number + 10_000
    world.ledger.enter(replace(sent, number=number, **changes))


def after_verdict(*kinds: str) -> Callable[[Callable[[World], None]], Spoil]:
    """Spoil before the record that follows the first one of these kinds."""
    left = [2]

    def made(act: Callable[[World], None]) -> Spoil:
        def spoil(record: Record, world: World) -> bool:
            if record.name in kinds or left[0] < 2:
                left[0] -= 1
                if left[0] == 0:
                    act(world)
            return False

        return spoil

    return made


def test_a_post_after_its_verdict() -> None:
    """I2, and no signature twice: an accepted post that arrives again is found."""
    again = after_verdict("SubmissionAccepted")(resent)
    assert {"I2", "signature"} <= spoiled(again)


def test_another_version_after_the_verdict() -> None:
    """I2: an accepted post that arrives edited is found."""

    def act(world: World) -> None:
        world.ledger.versions["77"] = world.ledger.submissions[0].post_id
        resent(world, post_id="77")

    assert "I2" in spoiled(after_verdict("SubmissionAccepted")(act))


def test_more_posts_than_the_window_takes() -> None:
    """I1: a new post that arrives in a window which took as many as are allowed is found."""

    def spoil(record: Record, world: World) -> bool:
        taken = [a for a in world.ledger.acceptances.values() if a.start_block == last_start(world)]
        if record.name == "CheckpointSigned" and len(taken) == world.chain.quota:
            resent(world, -1, outcome="new")
        return False

    assert "I1" in spoiled(spoil)


def test_a_search_too_many() -> None:
    """I3: a search of a window whose answer is on record is found."""

    def act(world: World) -> None:
        search = world.ledger.searches[-1]
        world.ledger.enter(replace(search, number=search.number + 1, at_s=search.at_s + 9.0))

    assert "I3" in spoiled(after_verdict("SubmissionAccepted")(act))


def test_a_question_too_many() -> None:
    """I3: a second question about a text whose answer is on record is found."""

    def act(world: World) -> None:
        chat = world.ledger.chats[-1]
        world.ledger.enter(replace(chat, number=chat.number + 1, at_s=chat.at_s + 60.0))

    assert "I3" in spoiled(after_verdict("SubmissionAccepted")(act))


def test_a_bill_that_the_journal_does_not_tell() -> None:
    """What X billed and the journal tells are the same."""

    def spoil(record: Record, world: World) -> bool:
        if record.name == "PostsScraped":
            world.ledger.searches[-1].posts += ("1",)
        return False

    assert "bill" in spoiled(spoil)


def test_tokens_that_the_journal_does_not_tell() -> None:
    """What the model billed and the journal tells are the same."""

    def spoil(record: Record, world: World) -> bool:
        if record.name == "PostAnalyzed":
            for chat in world.ledger.chats:
                chat.prompt_tokens += 1
        return False

    assert "bill" in spoiled(spoil)


def test_an_acceptance_that_never_was() -> None:
    """A verdict on record is one that the server gave."""

    def spoil(record: Record, world: World) -> bool:
        if record.name == "SubmissionAccepted":
            world.ledger.acceptances.clear()
        return False

    assert "verdict" in spoiled(spoil)


def test_an_acceptance_that_no_record_knows() -> None:
    """I4: a post that counts has a verdict, or is under way."""

    def spoil(record: Record, _world: World) -> bool:
        return record.name == "SubmissionAccepted"

    assert "I4" in spoiled(spoil)


def test_sending_in_the_window_of_a_429() -> None:
    """I6: a post that arrives in the window of a recorded 429 is found."""
    plan = Plan(seed=1, windows=6, disturbances=(Disturbance("api.submit", 2, "429", 0.5),))
    assert judged(plan).ok
    again = after_verdict("RateLimited")(lambda world: resent(world, -1, at_s=world.ledger.submissions[-1].at_s + 1))
    assert "I6" in spoiled(again, plan)


@pytest.mark.parametrize("shift_s", [-2.0, -1.0])
def test_a_wait_that_was_too_short(shift_s: float) -> None:
    """I7: a next attempt before the wait is over is found."""
    plan = Plan(seed=1, windows=3, disturbances=(Disturbance("api.submit", 2, "500", 0.5),))
    oracles, found, failed = Oracles(deep=False), list[Violation](), [False]

    def watch(record: Record, event: Event, state: State, world: World, at_s: float) -> list[Violation]:
        failed[0] = failed[0] or record.name == "SubmissionFailed"
        early = failed[0] and record.name == "SubmissionStarted"
        found.extend(oracles.watch(record, event, state, world, at_s + shift_s * early))
        return []

    simulate(plan, watch=watch)
    assert "I7" in rules(found)


def test_a_healthy_window_that_was_not_used() -> None:
    """I9: a window in which nothing was searched or sent, and nothing was wrong, is found."""
    plan = Plan(seed=1, windows=12, faults=NO_FAULTS)
    hidden = [record.data["window"] for record in simulate(plan).records if record.name == "WindowOpened"][6]

    def spoil(record: Record, world: World) -> bool:
        if record.name == "PostsScraped" and record.data["window"] == hidden:
            world.ledger.arrivals.remove(world.ledger.searches.pop())
        for at, search in enumerate(world.ledger.searches):
            search.number = at + 1  # a number left out is a request that was lost
        for sent in world.ledger.submissions:
            sent.start_block *= sent.start_block // world.chain.blocks_per_window != hidden
        return False

    assert judged(plan).ok
    assert "I9" in spoiled(spoil, plan)


def test_a_record_that_holds_another_event() -> None:
    """Oracles look at the event that a record was made of; a deep simulation reads the record, too."""
    oracles, found = Oracles(deep=True), list[Violation]()

    def watch(record: Record, event: Event, state: State, world: World, at_s: float) -> list[Violation]:
        meant = replace(event, netuid=46) if isinstance(event, JournalCreated) else event
        found.extend(oracles.watch(record, meant, state, world, at_s))
        return []

    simulate(CALM, watch=watch)
    assert [(violation.rule, violation.seq) for violation in found] == [("I5", 1)]


def test_what_an_oracle_raises_is_told() -> None:
    """The runtime forgives its listeners; here nothing is forgiven."""
    record = simulate(CALM).records[0]
    (violation,) = Oracles(deep=False).watch(record, record.event(), INITIAL, None, 0.0)  # type: ignore[arg-type]
    assert violation.rule == "oracle"
