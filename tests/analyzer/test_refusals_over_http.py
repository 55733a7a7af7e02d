"""A server that refuses a part of a request in its own words, over HTTP: it is left out of the next, and remembered."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest

from actor.analyzer import Analysis, AnalysisError, Analyzer, load_registry, make_strategy
from actor.edges.llm import OpenAIChat
from tests.edges.conftest import RawServer

GOOD: Final = json.dumps({"about_bittensor": True, "sentiment": "bullish", "subnets": []})
COMPLETION: Final = {"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}], "usage": {}}
POST: Final = "Upscaling video on Bittensor with compression is amazing"

Asked = dict[str, Any]
Offends = Callable[[Asked], bool]


def _analyze(
    offends: Offends, status: int, refusal: Any, *, post: str = POST
) -> tuple[list[Analysis | AnalysisError], list[Asked]]:
    """Two posts analyzed by a server that refuses what offends it: what came of them, and what was asked."""
    bodies: list[Asked] = []

    def play(connection: socket.socket, released: threading.Event) -> None:  # noqa: ARG001 - the shape of a play
        bodies.append(json.loads(server.requests[-1].partition(b"\r\n\r\n")[2]))
        refused = offends(bodies[-1])
        connection.sendall(RawServer.answer(status if refused else 200, refusal if refused else COMPLETION))

    async def analyze() -> list[Analysis | AnalysisError]:
        llm = OpenAIChat(base_url=f"{server.url}/v1", api_key="sk-key", timeout_s=60)
        strategy = make_strategy("hybrid", load_registry())
        analyzer = Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=120, backoff_s=0.001)
        found = [await _outcome(analyzer, post) for _ in range(2)]
        await analyzer.aclose()
        return found

    with closing(RawServer([play])) as server:
        return asyncio.run(analyze()), bodies


def _answers(*bodies: bytes, known: bool = False, posts: int = 2) -> tuple[list[Analysis | AnalysisError], int]:
    """Posts analyzed by what answers 200 with these, the last again and again: what came of them, and the requests."""
    left = list(bodies)

    def play(connection: socket.socket, released: threading.Event) -> None:  # noqa: ARG001 - the shape of a play
        body = left.pop(0) if len(left) > 1 else left[0]
        connection.sendall(RawServer.answer(200, body))

    async def analyze() -> list[Analysis | AnalysisError]:
        llm = OpenAIChat(base_url=f"{server.url}/v1", api_key="sk-key", timeout_s=60)
        strategy = make_strategy("hybrid", load_registry())
        analyzer = Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=120, backoff_s=0.001)
        if known:
            analyzer.recall("json_schema", (), age_s=1)
        found = [await _outcome(analyzer, POST) for _ in range(posts)]
        await analyzer.aclose()
        return found

    with closing(RawServer([play])) as server:
        return asyncio.run(analyze()), len(server.requests)


async def _outcome(analyzer: Analyzer, post: str) -> Analysis | AnalysisError:
    try:
        return await analyzer.analyze(post)
    except AnalysisError as error:
        return error


@pytest.mark.parametrize(
    ("name", "status", "refusal"),
    [
        ("temperature", 400, {"error": {"message": "Temperature is fixed at 1 for this model"}}),
        ("temperature", 409, {"code": 400, "msg": "invalid temperature: only 1 is allowed for this model"}),
        ("max_tokens", 400, {"error": "Use 'max_completion_tokens' instead of 'max_tokens'"}),
        ("max_tokens", 422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "value is not a valid integer"}]}),
        ("seed", 501, "body.seed is not implemented"),
        ("seed", 200, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
    ],
)
def test_a_parameter_is_left_out_and_remembered(name: str, status: int, refusal: Any) -> None:
    """One refusal for the first post, and none for the second."""
    (first, second), asked = _analyze(lambda body: name in body, status, refusal)
    assert isinstance(first, Analysis), first
    assert isinstance(second, Analysis), second
    assert (first.dropped, second.dropped) == ((name,), (name,))
    assert [name in body for body in asked] == [True, False, False]
    assert name != "max_tokens" or "max_completion_tokens" in asked[-1]


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": "messages[0].role: expected one of user, assistant"},
        {"errors": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user' or 'assistant'"}]},
    ],
)
def test_the_rules_stand_in_the_question_where_there_is_no_role_for_them(refusal: Any) -> None:
    """Nothing of them is lost."""
    (first, second), asked = _analyze(lambda body: body["messages"][0]["role"] == "system", 400, refusal)
    assert isinstance(first, Analysis), first
    assert isinstance(second, Analysis), second
    assert [body["messages"][0]["role"] for body in asked] == ["system", "user", "user"]
    rules = asked[0]["messages"][0]["content"]
    assert asked[1]["messages"][0]["content"].startswith(rules)
    assert len(asked) == 3


def test_a_format_that_is_an_unknown_field_is_left_out_and_remembered() -> None:
    """Of any type; the second post is asked without."""
    found, asked = _analyze(
        lambda body: "response_format" in body, 400, {"detail": "extra fields not permitted: response_format"}
    )
    assert [one.rung for one in found if isinstance(one, Analysis)] == ["plain", "plain"]
    assert ["response_format" in body for body in asked] == [True, True, False, False]


@pytest.mark.parametrize("said", ["sequence length 3000 > 2048", "n_ctx=2048", "Your request exceeded token limit"])
def test_a_question_that_is_too_long_is_shortened(said: str) -> None:
    """Once for each post."""
    found, asked = _analyze(
        lambda body: len(json.dumps(body)) > 10_000, 400, {"error": said}, post=f"{POST} {'x ' * 9_000}"
    )
    assert all(isinstance(one, Analysis) and one.shown_chars for one in found), found
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("status", "refusal", "kind", "requests"),
    [
        (200, {"code": 401, "message": "WORDS"}, "auth", 1),
        (200, {"base_resp": {"status_code": 1004, "status_msg": "WORDS"}}, "auth", 1),
        (400, {"error": {"message": "WORDS: API key expired"}}, "auth", 1),
        (429, {"error": {"message": "WORDS 余额不足"}}, "quota", 1),
        (403, {"message": "WORDS balance not enough"}, "quota", 1),
        (404, {"error": "WORDS: unknown engine m"}, "model", 1),
        (503, {"error": "WORDS: model m is not available on any instance right now"}, "server", 3),
        (410, {"error": "WORDS: rate limit exceeded"}, "rate_limit", 3),
    ],
)
def test_what_passes_is_asked_again_and_what_does_not_is_not(
    status: int, refusal: Any, kind: str, requests: int
) -> None:
    """Three requests a post for what may pass, one for what only a setting mends."""
    found, asked = _analyze(lambda _body: True, status, refusal)
    for one in found:
        assert isinstance(one, AnalysisError)
        assert (one.kind, "WORDS" in one.reason) == (kind, True)
    assert len(asked) == 2 * requests


_BODIES: Final[dict[str, Any]] = {
    "a page": b"<!doctype html><html><head><title>Open WebUI</title></head></html>",
    "nothing": b"",
    "spaces": b" \n",
    "words": b"Ollama is running",
    "null": None,
    "an empty object": {},
    "an empty list": [],
    "a stream": b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]\n\n',
    "Ollama's own API": {"model": "m", "message": {"role": "assistant", "content": GOOD}, "done": True},
    "Ollama's generation": {"model": "m", "response": GOOD, "done": True},
    "messages": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": GOOD}]},
    "candidates": {"candidates": [{"content": {"parts": [{"text": GOOD}]}}], "usageMetadata": {}},
    "responses": {"object": "response", "status": "completed", "error": None, "output": [{"type": "message"}]},
    "a list of models": {"object": "list", "data": [{"id": "m"}]},
    "another path": {"error": "Unexpected endpoint or method. (POST /chat/completions)"},
}
ELSEWHERE: Final = {
    name: body if isinstance(body, bytes) else json.dumps(body).encode() for name, body in _BODIES.items()
}


EMPTY: Final = ("nothing", "spaces", "null", "an empty object", "an empty list")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_no_server_of_chats_is_a_wrong_address(name: str) -> None:
    """Of the kind that is held and that ends an evaluation; the reason names it. Only nothing is asked twice."""
    found, requests = _answers(ELSEWHERE[name])
    times = 2 if name in EMPTY else 1
    for one in found:
        assert isinstance(one, AnalysisError)
        assert (one.kind, one.calls <= times, "check LLM_BASE" in one.reason) == ("model", True, True), one.reason
    assert requests == 2 * times


@pytest.mark.parametrize("name", EMPTY)
def test_a_server_whose_first_answer_is_empty_is_asked_once_more(name: str) -> None:
    """Nothing at all says nothing of the address."""
    found, requests = _answers(ELSEWHERE[name], json.dumps(COMPLETION).encode())
    assert [one.repairs for one in found if isinstance(one, Analysis)] == [1, 0]
    assert requests == 3


@pytest.mark.parametrize("name", [name for name in ELSEWHERE if name != "another path"])
@pytest.mark.parametrize("known", [False, True])
def test_a_server_that_has_answered_may_stumble(name: str, known: bool) -> None:  # noqa: FBT001
    """Before this start or after it: its answer is asked for once more, like any that cannot be used."""
    good = json.dumps(COMPLETION).encode()
    found, requests = _answers(*([] if known else [good]), ELSEWHERE[name], good, known=known)
    assert all(isinstance(one, Analysis) for one in found), found
    assert requests == 3


def test_an_answer_that_cannot_be_used_shows_a_server_of_chats() -> None:
    """What comes behind it is no wrong address."""
    odd = json.dumps({"choices": [{"message": {"content": "odd"}, "finish_reason": "stop"}]}).encode()
    (first, second), _ = _answers(odd, odd, b"<html>")
    assert isinstance(first, AnalysisError)
    assert isinstance(second, AnalysisError)
    assert (first.kind, second.kind) == ("malformed", "malformed")


def test_a_server_that_never_answered_is_set_up_wrongly() -> None:
    """A refusal in words that nobody knows is one of configuration, and of this post where others were answered."""
    found, _ = _analyze(lambda _body: True, 409, {"error": "WORDS"})
    assert [one.kind for one in found if isinstance(one, AnalysisError)] == ["model", "model"]
    assert all("WORDS (check MODEL and LLM_BASE)" in str(one) for one in found)
    refuses = iter((False, True))
    found, _ = _analyze(lambda _body: next(refuses), 409, {"error": "WORDS"})
    assert isinstance(found[0], Analysis)
    assert isinstance(found[1], AnalysisError)
    assert (found[1].kind, "(check MODEL and LLM_BASE)" in found[1].reason) == ("request", True)


def test_a_server_that_fails_at_schemas_is_asked_without() -> None:
    """After the retries, and only as long as nothing is known; the second post is asked so at once."""
    found, asked = _analyze(
        lambda body: body.get("response_format", {}).get("type") == "json_schema", 500, {"error": "Internal error"}
    )
    assert [one.rung for one in found if isinstance(one, Analysis)] == ["json_object"] * 2
    assert len(asked) == 3 + 1 + 1
