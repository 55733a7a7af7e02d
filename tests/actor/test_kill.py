"""SIGKILL at every record boundary of a window, then a restart: nothing is paid twice, nothing is sent in vain."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import pytest

from actor.machine import State
from events.codec import changed
from tests.crash.nursery import Nursery
from tests.world import World

WINDOW = ["JournalCreated", "ActorStarted", "WindowOpened", "PostsScraped"] + 5 * ["PostAnalyzed"]
WINDOW += 5 * ["SubmissionStarted", "SubmissionAccepted"] + ["CheckpointSigned"]
SCRAPED, STARTED = 4, 10


Kill: TypeAlias = Callable[..., None]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where each life is a fork, which need not import everything anew."""
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def kill(nursery: Nursery) -> Kill:
    """Runs the actor until it kills itself."""

    def live(world: World, when: str, seq: int, **env: str) -> None:
        arguments = (when, str(seq))
        program = "tests.actor.killable"
        life = nursery.start(arguments, env=world.env(**env), folder=world.folder, program=program)
        end = life.end()
        assert end.code == -signal.SIGKILL, end.output

    return live


def lasting(state: State) -> State:
    """The state without what a second start changes by its nature: epoch, records, times, ports, what was paid."""
    assert state.window is not None
    window = changed(state.window, opened_ms=0)
    return changed(
        state,
        epoch=0,
        spent={},
        checkpoint_seq=0,
        taken=None,
        window=window,
        newest=window,
        searched_ms=0,
        used_until_ms=None,
    )


def accepted_at_server(world: World) -> Mapping[int, list[str]]:
    """What the API counted, by window."""
    return {window: sorted(ids) for window, ids in world.sandbox.ledger.api.accepted_by_window().items()}


@pytest.mark.parametrize("seq", range(1, len(WINDOW) + 1))
def test_sigkill_after_each_record_of_a_window(world: World, kill: Kill, seq: int) -> None:
    """I3, I4, I8: no recorded answer is paid for again, and every post gets exactly one verdict."""
    kill(world, "after", seq)
    assert world.names() == WINDOW[:seq], "the record that was acknowledged is there, and none after it"
    if seq < len(WINDOW):  # after the last one there is nothing left to do in this window
        world.mine()

    box = world.sandbox
    posts = sorted(post.id for post in box.corpus.posts())
    assert box.ledger.x.searches == 1, "boundaries lie outside the search, so it is made once"
    assert accepted_at_server(world) == {box.window: posts}
    assert set(box.ledger.api.verdicts().values()) == {"accepted"}
    for post_id in posts:
        analyses = [r for r, _ in world.history() if r.name == "PostAnalyzed" and r.data["post_id"] == post_id]
        assert len(analyses) == 1, "no second analysis of a post whose answer is recorded"
    in_flight = 5 if SCRAPED <= seq < STARTED - 1 else 0
    assert box.ledger.llm.calls <= 5 + in_flight, "only answers that were not recorded are asked for again"
    if seq >= STARTED - 1:
        assert box.ledger.llm.calls == 5
    assert world.state().totals.accepted == 5
    assert not world.state().posts
    assert world.state().state == "WaitingForWindow"


CACHED: dict[str, Any] = {"AUTHOR_CACHE_HOURS": "24"}
LOOKING_UP = [*WINDOW[:SCRAPED], "AuthorsLookedUp", *WINDOW[SCRAPED:]]


def authors_served(world: World) -> list[list[str]]:
    """Whom X told of, and so billed, one list for each answered question."""
    return [list(asked.facts["users"]) for asked in world.sandbox.ledger.x.exchanges("x.users")]


@pytest.mark.parametrize(
    ("when", "seq"),
    [
        *(("after", seq) for seq in range(1, len(LOOKING_UP) + 1)),
        *(("before", seq) for seq in range(SCRAPED, SCRAPED + 3)),
    ],
)
def test_no_author_is_billed_twice_through_sigkill_at_each_record(
    world: World, kill: Kill, seq: int, when: str
) -> None:
    """I3 with AUTHOR_CACHE_HOURS: an answer that is on record is never asked for again, and no post is lost.

    One that was lost with its process is: on one UTC day X bills a user once, so that costs nothing more.
    """
    for number in range(1, 4):
        world.sandbox.add_post(f"Bittensor SN45 keeps shipping, by another {number}", author=number)
    kill(world, when, seq, **CACHED)
    told = LOOKING_UP[: seq - (when == "before")]
    assert world.names()[: len(told)] == told
    if told != LOOKING_UP:  # else there is nothing left to do in this window
        world.mine(**CACHED)
    ledger = world.sandbox.ledger.x
    served = authors_served(world)
    posts = [world.sandbox.corpus.find(post_id) for post_id in world.sandbox.ledger.api.verdicts()]
    assert len(posts) == 5
    lost = when == "before" and seq == SCRAPED + 1
    assert len(served) == 1 + lost
    authors = {post.author.id for post in posts if post is not None}
    assert ledger.users_billed == len(authors) == len(served[0])
    assert ledger.users_read == sum(map(len, served))
    day = world.state().spent[max(world.state().spent)]
    interrupted = when == "after" and seq == SCRAPED
    assert day.users == len(authors) * (1 + (lost or interrupted)), "what may have been billed counts"
    assert set(world.sandbox.ledger.api.verdicts().values()) == {"accepted"}


def test_known_authors_cost_nothing_in_the_next_windows(make_world: Callable[..., World]) -> None:
    """The stand-in checks each submission against X: author, age and followers are what X has."""
    world = make_world(epoch=time.time() - 3 * 3600, posts=0, corpus_size=60)
    for _ in range(4):
        world.mine(**CACHED)
        world.sandbox.next_window()
        world.sandbox.advance_posts(1800)
    served = [author for asked in authors_served(world) for author in asked]
    assert len(served) == len(set(served)), "no author was told twice"
    accepted = [r.data["post_id"] for r, _ in world.history() if r.name == "SubmissionAccepted"]
    assert len(accepted) == 20
    chosen = [post for r, _ in world.history() if r.name == "PostsScraped" for post in r.data["posts"]]
    assert len(served) < len(chosen) == 20
    assert {post["author"] != "" for post in chosen} == {True, False}
    assert world.sandbox.ledger.x.users_read == len(served)


def test_the_state_equals_that_of_an_uninterrupted_run(make_world: Callable[..., World], kill: Kill) -> None:
    """I5: kills in Scraping, Analyzing and Submitting leave the very state that a run without them ends in."""
    now = time.time()
    smooth = make_world(epoch=now)
    smooth.mine()
    expected = smooth.state()
    smooth.journal.rename(smooth.folder / "smooth")
    rough = make_world(epoch=now)
    for seq in (3, 6, 11, 16):
        kill(rough, "after", seq, MINER_API_URL=rough.sandbox.api_base)
    rough.mine()
    assert expected.identity is not None
    moved = changed(rough.state(), identity=expected.identity, api_url=expected.api_url)
    assert lasting(moved) == lasting(expected)


@pytest.mark.parametrize("seq", [STARTED + 1, len(WINDOW) - 1])
def test_sigkill_between_a_verdict_and_its_record(world: World, kill: Kill, seq: int) -> None:
    """I1, I2: the server acted, nothing was recorded; the repetition is a duplicate, and the post has one verdict."""
    kill(world, "before", seq)
    assert world.names()[-1] == "SubmissionStarted"
    world.mine()
    assert [len(ids) for ids in accepted_at_server(world).values()] == [5]
    outcomes = [exchange.outcome for exchange in world.sandbox.ledger.api.submits()]
    assert sorted(outcomes) == ["duplicate", *5 * ["new"]]
    assert world.state().totals.accepted == 5


def test_sigkill_in_a_backoff_keeps_the_wait_and_the_attempts(world: World, kill: Kill) -> None:
    """I7: neither the attempts nor the due time are forgotten."""
    world.sandbox.script("api.submit", "500", times=3)
    kill(world, "after", STARTED + 1)
    assert world.state().state == "Backoff"
    kill(world, "after", STARTED + 5)
    world.mine()
    attempts = [r.data["attempt"] for r, _ in world.history() if r.name == "SubmissionStarted"]
    assert attempts[:3] == [1, 2, 3]
    assert len(world.sandbox.ledger.api.submits()) == 7


SAVING: Mapping[str, Any] = {"POSTS_PER_SEARCH": "10", "SEARCH_SINCE_NEWEST": "true"}
SAVED = ["JournalCreated", "ActorStarted", "WindowOpened", "PostsScraped"] + 10 * ["PostAnalyzed"]
SAVED += 5 * ["SubmissionStarted", "SubmissionAccepted"] + ["CheckpointSigned"]


@pytest.mark.parametrize("seq", range(1, len(SAVED) + 1))
def test_r23_sigkill_after_each_record_keeps_what_was_taken_for_later_windows(
    make_world: Callable[..., World], kill: Kill, seq: int
) -> None:
    """I1 to I4: one search fills two windows, each post is analyzed and sent once, whenever the process dies."""
    world = make_world(posts=10)
    box = world.sandbox
    first = box.window
    kill(world, "after", seq, **SAVING)
    assert world.names() == SAVED[:seq]
    if seq < len(SAVED):
        world.mine(**SAVING)
    box.next_window()
    world.mine(**SAVING)
    assert box.ledger.x.searches == 1
    assert [len(ids) for ids in accepted_at_server(world).values()] == [5, 5]
    assert [*accepted_at_server(world)] == [first, first + 1]
    assert set(box.ledger.api.verdicts().values()) == {"accepted"}
    analyses = [record.data["post_id"] for record, _ in world.history() if record.name == "PostAnalyzed"]
    assert sorted(analyses) == sorted(post.id for post in box.corpus.posts())
    assert not world.state().posts
