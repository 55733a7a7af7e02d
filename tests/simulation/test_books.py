"""The books of the simulated world say of an answer what its bytes say, whatever was done to them on the way out."""

from __future__ import annotations

import msgspec
import pytest

from actor.edges.api_wire import classify, status_block
from actor.edges.reply import Reply
from actor.ports import Limited, StatusError
from events.catalogue import SubmissionBody
from sandbox.services import RATES, Answer, Draw, Request, Status, Submission, Weather, World
from sandbox.services.world import EPOCH_S

HOTKEY = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
NOW_S = 5_000.0
BODY = SubmissionBody(
    miner_hotkey=HOTKEY,
    post_id="1",
    content="SN45 ships",
    date=int(EPOCH_S),
    author="ada",
    account_age=365,
    retweets=1,
    likes=2,
    responses=3,
    followers=4,
    tokens={"talisman_ai": 1.0},
    sentiment=0.5,
    score=0.75,
)
SIGNED = {
    "x-auth-ss58address": HOTKEY,
    "x-auth-message": f"talisman-ai-auth:{int(EPOCH_S + NOW_S)}",
    "x-auth-signature": "ab" * 64,
    "x-auth-timestamp": str(EPOCH_S + NOW_S),
}


def world() -> World:
    """One in which nothing goes wrong by itself, and any signature is good."""
    return World(3, Weather(3, {}), verify=lambda *_signed: True)


def reply(answer: Answer) -> Reply:
    """The answer as a miner gets it."""
    return Reply(status=answer.status, headers=dict(answer.headers), body=answer.body)


def read_status(answer: Answer) -> int | None:
    """The block that a miner reads in a status answer."""
    try:
        return status_block(reply(answer), redact=str).current_block
    except StatusError:
        return None


def read_verdict(answer: Answer) -> int | None:
    """The block that a miner reads in a submission's answer; a 429 may name the next window's first one alone."""
    read = classify(reply(answer), sent=BODY, redact=str)
    if read.block.current_block is None and isinstance(read, Limited) and read.reset_block is not None:
        return read.reset_block - 1
    return read.block.current_block


# A miner reads nothing in a status answer that is a 429; it has its block, though.
@pytest.mark.parametrize("fault", ["", *sorted(RATES["api.status"].keys() - {"429"})])
def test_the_block_of_a_status_answer_is_the_one_in_its_bytes(fault: str) -> None:
    """A backend that is behind tells an old block, a spoiled answer none, and a lie its own number."""
    answer, entry = world().arrive(Draw(1, fault, 0.5, 0.5), Request(place="api.status", life=1), NOW_S)
    assert isinstance(entry, Status)
    assert entry.told == read_status(answer)


@pytest.mark.parametrize("fault", ["", *sorted(RATES["api.submit"])])
@pytest.mark.parametrize("amount", [0.0, 0.3, 0.6, 0.9])
def test_the_block_of_a_submission_s_answer_is_the_one_in_its_bytes(fault: str, amount: float) -> None:
    """Whichever form the answer has, and also where the post counts and the answer does not say so."""
    request = Request(place="api.submit", headers=SIGNED, content=msgspec.json.encode(BODY), life=1)
    answer, entry = world().arrive(Draw(1, fault, amount, 0.5), request, NOW_S)
    assert isinstance(entry, Submission)
    assert entry.told == read_verdict(answer)
    assert fault or (entry.outcome, entry.told) == ("new", entry.start_block + 16)


@pytest.mark.parametrize("fault", sorted(RATES["api.submit"]))
def test_a_post_that_stays_invalid_is_booked_with_what_it_got(fault: str) -> None:
    """Not with what was drawn for it: an answer that says so hides nothing."""
    place, request = world(), Request(place="api.submit", headers=SIGNED, content=msgspec.json.encode(BODY), life=1)
    place.arrive(Draw(1, "422", 0.5, 0.5), request, NOW_S)
    answer, entry = place.arrive(Draw(2, fault, 0.5, 0.5), request, NOW_S)
    assert (entry.fault == "422") == (answer.status == 422)
