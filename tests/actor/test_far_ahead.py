"""One answer that names a window far ahead, a time in place of a block perhaps, ends no mining (R9, R11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from actor.machine.facts import FAR_BLOCKS
from actor.ports import Accepted, Block, Limited, StatusError, SubmitAnswer
from actor.testing.clock import VirtualClock
from actor.testing.edges import ScriptedApi, ScriptedScraper
from events.catalogue import RateLimited, SubmissionAccepted
from events.journal import MemoryJournal
from tests.actor.test_runtime import ports_of, records, running
from tests.kit import post
from tests.patience import GIVE_UP_S

A_TIME = 1_795_000_000


def tells(*blocks: int) -> Callable[[], int]:
    """One block after the other, and the last one again and again."""
    rest = chain(blocks, repeat(blocks[-1]))
    return lambda: next(rest)


def accepted_at(block: int) -> Accepted:
    """A success that names this block."""
    return Accepted(
        status="new",
        http_status=200,
        answer="",
        block=Block(current_block=block),
        selected_for_validation=None,
        validation_id=None,
    )


def limited(block: Block, reset_block: int | None) -> Limited:
    """A 429 that names these blocks."""
    return Limited(reason="429: slow down", answer="", block=block, reset_block=reset_block, reset_s=None)


def searches(api: ScriptedApi, *, answer: SubmitAnswer | None = None) -> tuple[int, MemoryJournal]:
    """How many windows were searched in three polls, the first of them at the start."""
    store, clock, scraper = MemoryJournal(), VirtualClock(), ScriptedScraper(posts=[post(1)])
    api.answers = [] if answer is None else [answer]

    async def test() -> None:
        async with running(ports_of(clock=clock, api=api, scraper=scraper), store):
            await clock.advance(30)

    asyncio.run(asyncio.wait_for(test(), GIVE_UP_S))
    return scraper.calls, store


def test_r11_one_status_far_ahead_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    """The next window is worked on as if nothing had been said."""
    api = ScriptedApi(chain=tells(700, A_TIME, 705, 800), answers=[])
    assert searches(api, answer=accepted_at(700))[0] == 2
    assert caplog.text.count(f"the API told of block {A_TIME // 100 * 100} once, far ahead of all others") == 1


def test_r11_two_answers_that_agree_are_believed() -> None:
    """A miner that was down for days finds its chain far ahead."""
    api = ScriptedApi(chain=tells(700, 700 + 2 * FAR_BLOCKS, 701 + 2 * FAR_BLOCKS))
    calls, store = searches(api, answer=accepted_at(700))
    assert calls == 2
    assert "WindowOpened" in {record.name for record in asyncio.run(records(store))[6:]}


def test_r11_two_answers_that_disagree_are_not_believed() -> None:
    """Whatever told them knows no blocks."""
    api = ScriptedApi(chain=tells(700, A_TIME, 2 * A_TIME, 800))
    assert searches(api, answer=accepted_at(700))[0] == 2


def test_r11_a_day_ahead_takes_one_answer() -> None:
    """As ever: nobody is asked twice."""
    api = ScriptedApi(chain=tells(700, 700 + FAR_BLOCKS))
    assert searches(api, answer=accepted_at(700))[0] == 2
    assert api.polls == 3


def test_r11_an_acceptance_far_ahead_counts_where_the_status_is() -> None:
    """Its post counts in the window that the API is in, and the next one is worked on."""
    calls, store = searches(ScriptedApi(chain=tells(700, 701, 800)), answer=accepted_at(A_TIME))
    found = [record.event() for record in asyncio.run(records(store))]
    (verdict,) = [event for event in found if isinstance(event, SubmissionAccepted)]
    assert (calls, verdict.start_block) == (2, 700)


@pytest.mark.parametrize(
    "answer",
    [limited(Block(), A_TIME), limited(Block(current_block=A_TIME), None), limited(Block(), None)],
    ids=["header", "body", "status"],
)
def test_r9_a_429_far_ahead_ends_with_the_next_window(answer: Limited) -> None:
    """Its header, its body, or the status that is asked where it has neither."""
    asked = (A_TIME, 701) if answer == limited(Block(), None) else (701,)
    calls, store = searches(ScriptedApi(chain=tells(700, *asked, 702, 800)), answer=answer)
    found = [record.event() for record in asyncio.run(records(store))]
    (limit,) = [event for event in found if isinstance(event, RateLimited)]
    assert (limit.start_block, limit.reset_block) == (700, None)
    assert sum(isinstance(event, SubmissionAccepted) for event in found) == 1
    assert calls == 2  # for what the carried post leaves of the window


def test_r9_a_429_far_ahead_while_the_status_does_not_answer_ends_with_the_next_window() -> None:
    """Nothing else is known then than the newest window."""

    class Silent(ScriptedApi):
        async def status(self) -> Block:
            block = await super().status()
            if self.polls == 2:
                raise StatusError("refused")
            return block

    _, store = searches(Silent(chain=tells(700, 701, 800)), answer=limited(Block(), A_TIME))
    found = [record.event() for record in asyncio.run(records(store))]
    assert sum(isinstance(event, SubmissionAccepted) for event in found) == 1
