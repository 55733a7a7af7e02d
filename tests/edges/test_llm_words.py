"""What refusals of real servers are about: the words that each of them uses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer.port import FORMAT_TYPE, PARAMETERS, LLMErrorKind
from actor.edges.llm_body import status_told, words_of
from actor.edges.llm_words import RefusalReason, refusal_kind

SENT = ("max_tokens", "temperature", "seed", "system")


def _kind(status: int, body: object, *, formatted: bool = True) -> RefusalReason:
    text = body if isinstance(body, str) else json.dumps(body)
    return refusal_kind(status, text, formatted=formatted, sent=SENT)


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("status", "body", "names"),
    [
        (400, _error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."), ("max_tokens",)),
        (400, _error("Unsupported value: 'temperature' does not support 0 with this model."), ("temperature",)),
        (400, [_error('Unknown name "seed": Cannot find field.', status="INVALID_ARGUMENT")], ("seed",)),
        (
            422,
            {
                "message": {
                    "detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "input": {"temperature": 0}}]
                }
            },
            ("seed",),
        ),
        (400, _error("m does not support parameters: ['seed', 'temperature']"), ("temperature", "seed")),
        (400, {"error": "Argument not supported on this model: maxTokens"}, ("max_tokens",)),
        (500, "TypeError: create() got an unexpected keyword argument 'seed'", ("seed",)),
        (400, _error("'max_tokens' is too large: 1024. This model's maximum context length is 512"), ("max_tokens",)),
        (400, _error("System role not supported"), ("system",)),
        (400, _error("Developer instruction is not enabled for models/m"), ("system",)),
        (400, _error("Conversation roles must alternate user/assistant/user/assistant"), ("system",)),
        (400, {"seed": ["unknown field"]}, ("seed",)),
        (400, _error("Provider returned error", metadata={"raw": '{"error":"seed is not supported"}'}), ("seed",)),
    ],
)
def test_a_refused_parameter_is_named(status: int, body: object, names: tuple[str, ...]) -> None:
    """Only what was sent can be refused: a name that is proposed instead is none of it."""
    assert _kind(status, body) == RefusalReason("refused_parameter", names)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, _error("Invalid model name passed in model=m. Call `/v1/models`"), "model"),
        (400, _error("Invalid model: m", type="invalid_model"), "model"),
        (400, _error("Model Not Exist"), "model"),
        (400, _error("m is not a valid model ID"), "model"),
        (404, _error('model "m" not found, try pulling it first'), "model"),
        (404, {"detail": "Not Found"}, "model"),
        (500, _error("The model `m` does not exist."), "model"),
        (403, _error("Project p does not have access to model m"), "model"),
        (400, _error("API key not valid. Please pass a valid API key."), "auth"),
        (400, _error("No connected db."), "auth"),
        (400, _error("Your credit balance is too low to access the API."), "quota"),
        (402, _error("This request requires more credits"), "quota"),
        (429, _error("You exceeded your current quota, please check your plan"), "quota"),
        (429, _error("You exceeded your current quota", details=[{"retryDelay": "7s"}]), "rate_limit"),
        (400, _error("the request exceeds the available context size", type="exceed_context_size_error"), "context"),
        (400, _error("maximum context length is 4097 tokens. However, you requested 9000"), "context"),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "validation"}, "context"),
        (400, {"message": "max_tokens must be at least 1, got -186."}, "context"),
        (413, "", "context"),
        (400, _error("The response was filtered due to the content management policy"), "declined"),
        (500, _error("The server had an error while processing your request."), "server"),
        (503, _error("No instances are available for this model."), "server"),
        (501, "", "refused_format"),
        (409, _error("seed is not supported"), "refused_parameter"),
        (409, _error("conflict"), "request"),
    ],
)
def test_each_refusal_has_one_meaning(status: int, body: object, kind: LLMErrorKind) -> None:
    """By its status where that says enough, else by its words."""
    assert _kind(status, body).kind == kind


@pytest.mark.parametrize(
    ("status", "message", "about"),
    [
        (400, "This response_format type is unavailable now", (FORMAT_TYPE,)),
        (400, "'response_format.type' must be 'json_schema' or 'text'", (FORMAT_TYPE,)),
        (500, "response_format type must be one of text, json_object", (FORMAT_TYPE,)),
        (404, "No endpoints found that can handle the requested parameters", (FORMAT_TYPE,)),
        (422, "response_format: unknown variant `json_schema`", (FORMAT_TYPE,)),
        (400, "Invalid schema for response_format 'x': 'maxItems' is not permitted", ()),
        (400, "The guided decoding grammar does not take the keyword maxLength", ()),
        (400, "bad request", ()),
    ],
)
def test_a_refused_format_may_be_its_type(status: int, message: str, about: tuple[str, ...]) -> None:
    """Or a part of the schema, which a simpler one does not have."""
    assert _kind(status, _error(message)) == RefusalReason("refused_format", about)
    assert _kind(status, _error(message), formatted=False).kind in {"request", "model"}


def test_what_a_server_repeats_of_the_request_means_nothing() -> None:
    """Validators quote what they were given."""
    assert "seed" not in words_of('{"detail": [{"loc": ["body"], "input": {"seed": 1}, "msg": "bad"}]}')
    assert "balance" not in words_of('{"error": {"message": "x", "failed_generation": "insufficient balance"}}')


@settings(derandomize=True)
@given(
    st.integers(400, 599),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20) | st.sampled_from(["seed", "unsupported", "model not found"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
)
def test_any_refusal_has_a_meaning(status: int, body: object) -> None:
    """Whatever it says, and however deep."""
    found = _kind(status, body)
    assert set(found.parameters) <= {*PARAMETERS, FORMAT_TYPE}
    assert 400 <= status_told(body) < 600
