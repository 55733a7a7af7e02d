"""What servers of language models say of a wrong key, an empty account, an unknown model and a wrong address."""

from __future__ import annotations

from typing import Any

import pytest

from actor.edges.llm_wire import refusal
from tests.edges.three import told_by

NO_KEY = "(check API_KEY)"
NO_CREDIT = "(top up the account that API_KEY belongs to)"
NO_MODEL = "(check MODEL: `user-miner doctor` lists what the server has)"
NO_PATH = "(check LLM_BASE, which usually ends in /v1)"


def _error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        (401, _error("Incorrect API key provided: sk-x"), NO_KEY),
        (401, {"detail": "Unauthorized"}, NO_KEY),
        (403, b"<html><title>403 Forbidden</title>", NO_KEY),
        (400, [_error("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")], NO_KEY),
        (400, _error("x", code="invalid_api_key"), NO_KEY),
        (402, {}, NO_CREDIT),
        (402, _error("Insufficient Balance"), NO_CREDIT),
        (429, _error("You exceeded your current quota, please check your plan", code="insufficient_quota"), NO_CREDIT),
        (400, _error("Your credit balance is too low to access the Anthropic API."), NO_CREDIT),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}, NO_CREDIT),
        (
            404,
            _error("The model `x` does not exist or you do not have access to it.", code="model_not_found"),
            NO_MODEL,
        ),
        (404, {"error": "model 'x' not found, try pulling it first"}, NO_MODEL),
        (400, _error("Model Not Exist"), NO_MODEL),
        (400, _error("x is not a valid model ID"), NO_MODEL),
        (400, {"object": "error", "message": "Invalid model: x", "code": "1500"}, NO_MODEL),
        (403, _error("Project `p` does not have access to model `x`", code="model_not_found"), NO_MODEL),
        (404, {"detail": "Not Found"}, NO_PATH),
        (404, b"404 page not found", NO_PATH),
        (405, {"detail": "Method Not Allowed"}, NO_PATH),
    ],
)
def test_each_refusal_names_the_setting(wire: Any, status: int, body: Any, fix: str) -> None:
    """Over HTTP, in the words of real servers, behind what they said."""
    wire.answers(status, body)
    assert told_by("llm", wire.url).endswith(fix)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (429, "you exceeded your current quota. quotaid: generaterequestsperminute-freetier", "rate_limit"),
        (429, "rate limit reached for model x: it is not available", "rate_limit"),
        (503, "the model is not available now", "server"),
        (500, "invalid api key", "server"),
        (400, "this model does not support response_format json_schema", "refused_format"),
        (400, "model x does not support guided decoding", "refused_format"),
        (400, "invalid model parameters", "refused_format"),
    ],
)
def test_what_only_looks_like_a_wrong_setting(status: int, said: str, kind: str) -> None:
    """A limit that lifts by itself, a server in trouble, a format that a model does not take."""
    error = refusal(status, said, whole=said, headers={}, formatted=True)
    assert (error.kind, "(" in error.reason) == (kind, False)
