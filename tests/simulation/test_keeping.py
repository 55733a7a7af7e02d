"""Oracles of what is begun, each fed by hand: the history that breaks its promise, and the one that keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from actor.machine import INITIAL, State
from actor.machine.state import Backoff, PendingPost, Window
from actor.testing import ScriptedSigner
from events import catalogue as ev
from events.codec import canonical_json, changed
from events.journal import Record
from sandbox.services import Search, Submission, Weather, World
from tests.kit import post
from user_miner.simulation.oracles.keeping import Abandoned, Answered, Dated, Heard, Rested, Understood, XBudget
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.plan import Violation

FIRST = Window(number=812, start_block=81_200, blocks=100)
SECOND = Window(number=813, start_block=81_300, blocks=100)
WORKING = changed(INITIAL, window=FIRST, newest=FIRST, running=True)
STOPPED = ev.ActorStopped(reason="asked to stop", posts_processed=0)
FAILED = ev.SubmissionFailed(
    post_id="1", attempt=1, kind="timeout", reason="no answer", http_status=None, answer="", latency_ms=1
)
BODY = ev.SubmissionBody(
    miner_hotkey=ScriptedSigner().ss58_address,
    post_id="1",
    content="SN45",
    date=0,
    author="user1",
    account_age=1,
    retweets=0,
    likes=0,
    responses=0,
    followers=0,
    tokens={},
    sentiment=0.0,
    score=0.0,
)
CRASHED = ev.EffectCrashed(effect="PollStatus", post_id=None, error="RuntimeError: a bug")
RECOVERED = ev.ApiRecovered()


def world() -> World:
    """One in which nothing goes wrong."""
    return World(1, Weather(1, {}), verify=ScriptedSigner().has_signed)


class Story:
    """What an oracle is told, record by record.

    Args:
        oracle: The one to try.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.last: Told | None = None
        self.found: list[str] = []

    def tell(self, event: ev.Event, after: State = WORKING, *, at_s: float = 0.0, ahead_s: float = 0.0) -> Story:
        """One record: ``after`` is the state behind it, ``ahead_s`` how far the host's clock is ahead."""
        seq = 1 if self.last is None else self.last.record.seq + 1
        record = Record(
            seq=seq,
            at_ms=round((at_s + ahead_s) * 1000),
            v=1,
            name=type(event).__name__,
            source="Submitting",
            dest="Submitting",
            raw=canonical_json(event),
            hash="0" * 64,
        )
        before = INITIAL if self.last is None else self.last.after
        self.last = Told(record=record, event=event, before=before, after=after, at_s=at_s, life=1)
        return self._note(self.oracle.told(self.last))

    def see(self, arrival: Submission | Search) -> Story:
        """One arrival."""
        see = self.oracle.submitted if isinstance(arrival, Submission) else self.oracle.searched
        return self._note(see(arrival, self.last))  # type: ignore[arg-type]  # each gets its own kind

    def _note(self, violations: Iterable[Violation]) -> Story:
        self.found += [violation.rule for violation in violations]
        return self


def submission(**fields: Any) -> Submission:
    """One that was accepted, and answered."""
    usual: dict[str, Any] = {"at_s": 5.0, "number": 1, "life": 1, "fault": "", "outcome": "new", "delivered_s": 6.0}
    return Submission(**{**usual, "post_id": "1", "start_block": 81_200, "signature": "00", **fields})


def search(posts: int, *, at_s: float) -> Search:
    """One that read so many posts, each by another user."""
    read = tuple(str(number) for number in range(posts))
    return Search(at_s=at_s, number=1, life=1, fault="", outcome="searched", posts=read, users=posts)


def test_an_answer_that_a_stop_leaves_out() -> None:
    """I4: what reached the miner is on record before it says goodbye."""
    lost = Story(Heard(world())).tell(RECOVERED).see(submission()).tell(STOPPED)
    assert lost.found == ["heard"]
    assert Story(Heard(world())).tell(RECOVERED).see(submission()).tell(FAILED).tell(STOPPED).found == []


@pytest.mark.parametrize("excuse", [{"delivered_s": None}, {"outcome": "quota"}, {"life": 2}])
def test_an_answer_that_nobody_heard(excuse: dict[str, Any]) -> None:
    """An answer that never came, a 429 that is still asked about, another process's request: none is left out."""
    story = Story(Heard(world())).tell(RECOVERED).see(submission(**excuse)).tell(STOPPED)
    assert story.found == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"outcome": "duplicate"}, ["verdict"]),
        ({"outcome": "conflict"}, ["verdict"]),
        ({"outcome": "new", "delivered_s": None}, []),
        ({"outcome": "new", "fault": "500_acted"}, []),
        ({"outcome": "unauthorized"}, []),
    ],
)
def test_an_answer_that_is_taken_for_another(fields: dict[str, Any], found: list[str]) -> None:
    """R10: a failure is on record only where the answer was one, or none came."""
    assert Story(Understood(world())).tell(RECOVERED).see(submission(**fields)).tell(FAILED).found == found


def test_what_the_network_repeats_is_no_answer() -> None:
    """R10: the repetition of an earlier attempt, which nobody hears of, says nothing of the next one."""
    again = ev.SubmissionStarted(post_id="1", window=812, attempt=2, body=BODY)
    accepted = ev.SubmissionAccepted(
        post_id="1",
        status="duplicate",
        http_status=200,
        answer="",
        start_block=81_200,
        selected_for_validation=None,
        validation_id=None,
        latency_ms=1,
    )
    story = Story(Understood(world())).tell(RECOVERED).see(submission(fault="lost_answer", delivered_s=None))
    story.tell(FAILED).tell(again).see(submission(number=2, outcome="duplicate"))
    assert story.see(submission(outcome="duplicate", delivered_s=None)).tell(accepted).found == []


def test_an_attempt_that_crashed_is_not_the_next_one() -> None:
    """R10: what the server made of an earlier attempt says nothing of one that never arrived."""
    again = ev.SubmissionStarted(post_id="1", window=812, attempt=2, body=BODY)
    story = Story(Understood(world())).tell(RECOVERED).see(submission(outcome="quota"))
    assert story.tell(CRASHED).tell(again).tell(FAILED).found == []


def opened(window: Window) -> ev.WindowOpened:
    """The API told of it."""
    return ev.WindowOpened(
        window=window.number,
        start_block=window.start_block,
        current_block=window.start_block,
        blocks_per_window=window.blocks,
        source="status",
    )


def test_a_search_that_never_ends() -> None:
    """I9: a window's search ends in an answer, a failure or a budget before the next window is worked on."""
    due, later = changed(WORKING, to_scrape=5), changed(WORKING, window=SECOND, newest=SECOND, to_scrape=5)
    failure = ev.ScrapeFailed(window=812, kind="timeout", reason="no answer")
    assert Story(Answered(world())).tell(opened(FIRST), due).tell(opened(SECOND), later).found == ["search"]
    ended = Story(Answered(world())).tell(opened(FIRST), due).tell(failure).tell(opened(SECOND), later)
    assert ended.found == []


def test_another_api_ends_a_search() -> None:
    """The window was the other API's, and nobody searches for it any more."""
    due, later = changed(WORKING, to_scrape=5), changed(WORKING, window=SECOND, newest=SECOND, to_scrape=5)
    moved = ev.ApiMoved(api_url="http://127.0.0.1:8011")
    gone = changed(INITIAL, window=None)
    story = Story(Answered(world())).tell(opened(FIRST), due).tell(moved, gone).tell(opened(SECOND), later)
    assert story.found == []


RESTING = changed(WORKING, backoff=Backoff(kind="crash", due_ms=0, wait_s=12.0))


@pytest.mark.parametrize(("elapsed_s", "found"), [(11.0, ["crash"]), (12.0, [])])
def test_a_rest_after_a_crash(elapsed_s: float, found: list[str]) -> None:
    """What crashed rests for as long as the settings say, by the world's time."""
    story = Story(Rested(world())).tell(RECOVERED).tell(CRASHED, RESTING, at_s=50.0)
    assert story.tell(ev.BackoffElapsed(), at_s=50.0 + elapsed_s).found == found


def test_a_clock_that_jumps_during_a_rest() -> None:
    """Two rests that overlap while the clock jumps end with the first: nothing is found."""
    story = Story(Rested(world())).tell(RECOVERED).tell(CRASHED, RESTING, at_s=50.0, ahead_s=900.0)
    story.tell(CRASHED, RESTING, at_s=55.0).tell(ev.BackoffElapsed(), at_s=62.0)
    assert story.found == []


def carried(deferrals: int) -> State:
    """A post was put off so often; three times are allowed."""
    pending = PendingPost(post=post(1), window=812, analyzed=True, deferred=True, deferrals=deferrals)
    policy = changed(WORKING.policy, max_carried_windows=3)
    return changed(WORKING, posts=(pending,), policy=policy)


@pytest.mark.parametrize(("deferrals", "later_s", "found"), [(4, 60.0, ["R9"]), (4, 1.0, []), (3, 60.0, [])])
def test_a_post_that_is_carried_too_long(deferrals: int, later_s: float, found: list[str]) -> None:
    """R9: a post that was put off too often is given up at once."""
    story = Story(Abandoned(world())).tell(RECOVERED, carried(deferrals))
    assert story.tell(RECOVERED, carried(deferrals), at_s=later_s).found == found


def test_a_new_process_has_its_own_moment_to_give_up() -> None:
    """R9: nobody could give up the post while no process ran."""
    started = ev.ActorStarted(build="b", epoch=2, pid=2, policy=WORKING.policy)
    story = Story(Abandoned(world())).tell(RECOVERED, carried(4)).tell(started, carried(4), at_s=600.0)
    assert story.found == []


OLD_S = post(1).timestamp + WORKING.policy.max_post_age_s


def waiting(**fields: Any) -> State:
    """A post waits, of which the age counts."""
    usual = {"post": post(1), "window": 812, "analyzed": True, "dated": True, "deferred": True, "deferrals": 1}
    return changed(WORKING, posts=(PendingPost(**{**usual, **fields}),))


@pytest.mark.parametrize(("later_s", "found"), [(60.0, ["R9"]), (31.0, [])])
def test_a_post_that_grew_too_old(later_s: float, found: list[str]) -> None:
    """R9: it is given up within the half minute in which the miner looks at its clock."""
    story = Story(Abandoned(world())).tell(RECOVERED, waiting(), at_s=OLD_S)
    assert story.tell(RECOVERED, waiting(), at_s=OLD_S + later_s).found == found


def test_a_host_that_sleeps_gives_nothing_up() -> None:
    """R9: it has half a minute again when it wakes."""
    outside = world()
    story = Story(Abandoned(outside)).tell(RECOVERED, waiting(), at_s=OLD_S)
    outside.ledger.sleeps.append((OLD_S + 10.0, OLD_S + 9_000.0))
    assert story.tell(RECOVERED, waiting(), at_s=OLD_S + 9_001.0).found == []


@pytest.mark.parametrize(("at_s", "found"), [(OLD_S + 1.0, ["R9"]), (OLD_S - 1.0, [])])
def test_an_attempt_of_a_post_that_is_too_old(at_s: float, found: list[str]) -> None:
    """R9: none begins, whether the post was ever carried or not."""
    queued = waiting(deferred=False, deferrals=0)
    started = ev.SubmissionStarted(post_id="1", window=812, attempt=1, body=BODY)
    assert Story(Abandoned(world())).tell(RECOVERED, queued).tell(started, queued, at_s=at_s).found == found


@pytest.mark.parametrize(("at_s", "found"), [(OLD_S + 1.0, ["R9"]), (OLD_S - 1.0, [])])
def test_a_window_that_a_post_too_old_fills(at_s: float, found: list[str]) -> None:
    """R9: it is not carried into it."""
    opened = ev.WindowOpened(
        window=813, start_block=81_300, current_block=81_300, blocks_per_window=100, source="status"
    )
    carried_on = changed(waiting(deferred=False), window=SECOND, newest=SECOND)
    assert Story(Abandoned(world())).tell(RECOVERED, waiting()).tell(opened, carried_on, at_s=at_s).found == found


@pytest.mark.parametrize(
    ("timestamp", "since", "found"),
    [(900, 900, []), (1_300, 900, []), (899, 900, ["dates"]), (1_301, 900, ["dates"]), (1_000, None, ["dates"])],
)
def test_a_post_of_another_date(timestamp: int, since: int | None, found: list[str]) -> None:
    """Ruling 17: from what was asked for to five minutes ahead."""
    taken = ev.PostsScraped(
        window=812,
        wanted=5,
        seed=1,
        candidates=("1",),
        posts=(post(1, timestamp=timestamp),),
        posts_read=10,
        users_read=10,
        requests=1,
        unusable=0,
        latency_ms=1,
        since=since,
    )
    assert Story(Dated(world())).tell(taken, at_s=1_000.0).found == found


def budgeted(limit_usd: float | None) -> State:
    """MAX_X_USD_PER_DAY is this."""
    return changed(WORKING, policy=changed(WORKING.policy, max_x_usd_per_day=limit_usd))


@pytest.mark.parametrize(("limit_usd", "found"), [(0.2, ["budget"]), (0.5, []), (None, [])])
def test_a_day_that_costs_too_much(limit_usd: float | None, found: list[str]) -> None:
    """Two searches of $0.15 each are more than $0.20."""
    story = Story(XBudget(world())).tell(RECOVERED, budgeted(limit_usd))
    assert story.see(search(10, at_s=10.0)).see(search(10, at_s=20.0)).found == found
