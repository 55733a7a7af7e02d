"""Which completions hold an answer: why it ended, what is a refusal, a thought or an error beside it."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from actor.analyzer import Completion, LLMError
from actor.edges.llm_wire import read_completion

TEXT = '{"about_bittensor": true, "sentiment": "very_bullish", "subnets": []}'


def _read(choice: dict[str, Any], **around: object) -> Completion | LLMError:
    body = {"choices": [{"message": {"content": TEXT}, **choice}], "usage": {"prompt_tokens": 9}, **around}
    try:
        return read_completion(json.dumps(body), asked="m", formatted=True)
    except LLMError as error:
        return error


def _kind(found: Completion | LLMError) -> str:
    if isinstance(found, LLMError):
        assert found.prompt_tokens == 9
        return found.kind
    return "cut off" if found.cut_off else "whole"


REASONS = {
    "whole": [
        "stop",
        "eos",
        "end turn",
        "stop sequence",
        "eos token",
        "complete",
        "tool calls",
        "unknown",
        "",
        "other",
    ],
    "cut off": [
        *("length", "max tokens", "model length", "max output tokens", "max new tokens", "token limit", "truncated"),
        *("max completion tokens", "incomplete", "context length exceeded", "model context window exceeded"),
        *("error limit", "max length"),
    ],
    "declined": [
        *("content filter", "content filtered", "safety", "image safety", "sensitive", "SPII", "refusal", "blocklist"),
        *("prohibited content", "recitation", "error toxic", "guardrail intervened", "policy violation", "language"),
    ],
    "broken": ["error", "network error", "abort", "aborted", "user cancel", "timeout", "insufficient system resource"],
}


def _spelled(reason: str) -> list[str]:
    """As servers write it: with any separator or none, in any case."""
    words = reason.split()
    camel = "".join([*words[:1], *(word.capitalize() for word in words[1:])])
    return [spell(tie.join(words)) for tie, spell in product("_- ", (str.lower, str.upper, str.title))] + [camel]


@pytest.mark.parametrize(
    ("kind", "reason"), [(kind, reason) for kind, reasons in REASONS.items() for reason in reasons]
)
def test_a_reason_means_the_same_in_every_spelling(kind: str, reason: str) -> None:
    """Without case and separators, in whichever field it stands; the worst of several counts."""
    for spelled in _spelled(reason):
        for name in ("finish_reason", "native_finish_reason", "finishReason", "stop_reason"):
            assert _kind(_read({"finish_reason": "stop", name: spelled})) == kind, (name, spelled)
        assert _kind(_read({"finish_details": {"type": spelled}})) == kind


def test_an_answer_that_broke_off_or_was_cut_names_the_reason() -> None:
    """As the server put it."""
    found = [_read({"finish_reason": reason}) for reason in ("MAX_TOKENS", "content-filter", "error")]
    assert isinstance(found[0], Completion)
    assert found[0].finish_reason == "MAX_TOKENS"
    assert "finish_reason content-filter" in str(found[1])
    assert "finish_reason error" in str(found[2])


@pytest.mark.parametrize(
    "message",
    [
        {"content": TEXT, "refusal": "I will not."},
        {"content": None, "refusal": "I will not."},
        {"content": [{"type": "refusal", "refusal": "I will not."}]},
        {"content": [{"type": "text", "text": TEXT}, {"type": "refusal", "refusal": "no"}]},
        {"content": [{"type": "Refusal"}]},
        {"content": [{"refusal": "no"}]},
    ],
)
def test_a_refusal_is_one_wherever_it_stands(message: dict[str, Any]) -> None:
    """Beside a text, in place of it, and as a part of it: asking again would not help."""
    assert _kind(_read({"message": message})) == "declined"


@pytest.mark.parametrize("nothing", [None, "", False, {}, []])
def test_no_refusal_and_no_error_are_none(nothing: object) -> None:
    """Servers send the fields empty."""
    message = {"content": TEXT, "refusal": nothing, "error": nothing}
    assert _kind(_read({"message": message, "error": nothing}, error=nothing)) == "whole"


@pytest.mark.parametrize(
    "error",
    [{"code": 0, "message": ""}, {"code": 200, "message": "Success"}, {"code": "ok"}, {"message": None}, "none"],
)
def test_an_error_that_says_that_all_is_well_is_none(error: object) -> None:
    """As some servers write it beside every answer."""
    assert _kind(_read({}, error=error)) == "whole"


@pytest.mark.parametrize("place", ["body", "choice", "message"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "Provider returned error"}, "server"),
        ({"code": 429}, "rate_limit"),
        ("rate limit reached", "rate_limit"),
        ({"message": "Insufficient credits"}, "quota"),
        ({"message": "flagged by moderation"}, "declined"),
        (True, "refused_format"),
    ],
)
def test_an_error_beside_an_answer_is_that_error(error: object, kind: str, place: str) -> None:
    """The text beside it may have broken off anywhere."""
    if place == "body":
        found = _read({}, error=error)
    elif place == "choice":
        found = _read({"error": error})
    else:
        found = _read({"message": {"content": TEXT, "error": error}})
    assert _kind(found) == kind


@pytest.mark.parametrize(
    "part",
    [
        *({"type": "text", "text": "draft", name: True} for name in ("thought", "is_thought", "isThought", "thinking")),
        *({"text": "draft", name: "yes"} for name in ("thought", "reasoning", "THOUGHT")),
        *(
            {"type": kind, "text": "draft"}
            for kind in ("thinking", "Reasoning", "thought", "redacted_thinking", "image")
        ),
    ],
)
def test_a_part_that_holds_thoughts_is_no_text(part: dict[str, Any]) -> None:
    """By its type or by a mark."""
    found = _read(
        {"message": {"content": [part, {"type": "Text", "text": TEXT, "thoughtSignature": "x", "thought": False}]}}
    )
    assert isinstance(found, Completion)
    assert (found.text, found.thought) == (TEXT, part.get("type") != "image")
    assert _kind(_read({"message": {"content": [part]}})) == "malformed"


@pytest.mark.parametrize(
    "marks",
    [
        *(
            {"thought": True},
            {"is_thought": True},
            {"channel": "analysis"},
            {"channel": "Commentary"},
            {"phase": "commentary"},
        ),
        *({"extra_content": {"google": {"thought": True}}}, {"role": "tool"}, {"role": "User"}, {"role": "system"}),
    ],
)
def test_a_message_of_thoughts_or_of_others_is_no_answer(marks: dict[str, Any]) -> None:
    """By a mark of the message or its part, or by its role."""
    assert _kind(_read({"message": {"content": TEXT, **marks}})) == "malformed"
    if "role" not in marks:
        parts = [{"type": "text", "text": "draft", **marks}, {"type": "text", "text": TEXT, "channel": "final"}]
        found = _read({"message": {"content": parts}})
        assert isinstance(found, Completion)
        assert (found.text, found.thought) == (TEXT, True)


@pytest.mark.parametrize(
    "marks",
    [
        {"role": "assistant"},
        {"role": "model"},
        {"role": None},
        {"channel": "final"},
        {"thought": False},
        {"thinking": "so"},
    ],
)
def test_what_says_nothing_against_a_message_is_no_mark(marks: dict[str, Any]) -> None:
    """Thoughts beside an answer make it none."""
    assert _kind(_read({"message": {"content": TEXT, "extra_content": None, **marks}})) == "whole"


def test_the_choice_of_index_0_counts() -> None:
    """Whatever order they came in."""
    choices = [{"index": index, "message": {"content": text}} for index, text in ((1, "draft"), (0, TEXT))]
    found = _read({}, choices=choices)
    assert isinstance(found, Completion)
    assert found.text == TEXT
    assert _kind(_read({}, choices=[{"message": {"content": TEXT}}, {"message": {"content": "draft"}}])) == "whole"
