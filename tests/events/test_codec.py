"""The codec is strict: what it reads is exactly what the dataclass says, or an error that names the place."""

from __future__ import annotations

import math
import re

import orjson
import pytest

from events.catalogue import (
    EVENTS,
    ActorStarted,
    ApiUnreachable,
    BackoffElapsed,
    Policy,
    Post,
    PostAnalyzed,
    PostsScraped,
    SubmissionAccepted,
)
from events.codec import Value, canonical_json, decode_as, decode_json, plain

POST = Post(
    id="19",
    content="line one\nline two \u2028 \U0001f600",
    author="alice",
    author_id="7",
    timestamp=1_795_000_000,
    account_created=1_500_000_000,
    account_age=3418,
    retweets=0,
    likes=1,
    responses=2,
    quotes=3,
    followers=4,
)
SCRAPED = PostsScraped(
    window=812,
    wanted=3,
    seed=-5,
    candidates=("19", "20"),
    posts=(POST,),
    posts_read=10,
    users_read=8,
    requests=1,
    unusable=0,
    latency_ms=120,
)
ANALYZED = PostAnalyzed(
    post_id="19",
    content_sha256="00" * 32,
    tokens={"beta": 0.5, "alpha": 1.0},
    sentiment=-0.5,
    model="m",
    prompt_version="p1",
    rung="json_schema",
    raw_answer="{}",
    calls=1,
    prompt_tokens=10,
    completion_tokens=2,
    latency_ms=900,
)


@pytest.mark.parametrize("event", [SCRAPED, ANALYZED, BackoffElapsed()])
def test_an_event_comes_back_equal(event: object) -> None:
    """Tuples, mappings, nested dataclasses and every character survive."""
    assert decode_as(type(event), orjson.loads(canonical_json(event))) == event


def test_the_same_event_always_makes_the_same_bytes() -> None:
    """Mapping keys are sorted, however the mapping was filled."""
    other = PostAnalyzed(**{**plain(ANALYZED), "tokens": {"alpha": 1.0, "beta": 0.5}})
    assert canonical_json(other) == canonical_json(ANALYZED)


def test_a_default_may_be_left_out() -> None:
    """Fields with a default came later than the first record of their kind."""
    started = decode_as(ActorStarted, {"build": "1", "epoch": 1, "pid": 2, "policy": {}})
    assert started.policy == Policy()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window": "812"}, "PostsScraped.window: Expected `int`, got `str`"),
        ({"window": True}, "PostsScraped.window: Expected `int`, got `bool`"),
        ({"window": 8.0}, "PostsScraped.window: Expected `int`, got `float`"),
        ({"candidates": "19"}, "PostsScraped.candidates: Expected `array`, got `str`"),
        ({"candidates": [19]}, r"PostsScraped.candidates[0]: Expected `str`, got `int`"),
        ({"posts": [{"id": "19"}]}, "PostsScraped.posts[0]: Object missing required field `content`"),
        ({"posts": [None]}, "PostsScraped.posts[0]: Expected `object`, got `null`"),
        ({"surplus": 1}, "PostsScraped: Object contains unknown field `surplus`"),
        ({"candidates": []}, "a sample comes from its candidates"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(change: dict[str, object], words: str) -> None:
    """An operator can find the fault in the line."""
    with pytest.raises(ValueError, match=re.escape(words)):
        decode_as(PostsScraped, {**plain(SCRAPED), **change})


def test_a_missing_field_is_named() -> None:
    """None is not an answer where a number must stand."""
    data = plain(SCRAPED)
    del data["seed"]
    with pytest.raises(ValueError, match="missing required field `seed`"):
        decode_as(PostsScraped, data)


def test_none_stands_only_where_it_may() -> None:
    """Optional fields take null, others refuse it."""
    data = {
        "post_id": "1",
        "status": "new",
        "http_status": 200,
        "answer": "",
        "start_block": None,
        "selected_for_validation": None,
        "validation_id": None,
        "latency_ms": 1,
    }
    assert decode_as(SubmissionAccepted, data).start_block is None
    with pytest.raises(ValueError, match=r"SubmissionAccepted\.status"):
        decode_as(SubmissionAccepted, {**data, "status": None})


def test_a_number_without_fraction_is_a_float_where_floats_stand() -> None:
    """JSON writers elsewhere may drop the fraction; the value is the same."""
    data = {**plain(ANALYZED), "sentiment": 1}
    assert type(decode_as(PostAnalyzed, data).sentiment) is float


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_infinity_do_not_survive(value: float) -> None:
    """The encoder writes them as null, and null is no number."""
    text = canonical_json(ApiUnreachable(reason="x")).replace(b'"x"', canonical_json(value))
    with pytest.raises(ValueError, match=r"ApiUnreachable\.reason"):
        decode_as(ApiUnreachable, orjson.loads(text))


@pytest.mark.parametrize("reason", ["\ud800", 2**64, object()])
def test_what_json_cannot_hold_is_refused_when_writing(reason: object) -> None:
    """A lone surrogate, a large integer, something else."""
    event = ApiUnreachable(reason=reason)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        canonical_json(event)


def test_every_event_of_the_catalogue_has_a_decoder() -> None:
    """No annotation in the catalogue is beyond the codec."""
    for cls in EVENTS.values():
        with pytest.raises(ValueError, match=cls.__name__):
            decode_as(cls, {"no such field": 1})


def test_nothing_is_made_ready_where_threads_may_meet() -> None:
    """What reads a class is made when its module is imported, or not at all."""

    class Unprepared(Value, frozen=True):
        pass

    with pytest.raises(KeyError):
        decode_json(Unprepared, b"{}")
