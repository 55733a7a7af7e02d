"""The language model of the simulated world: an answer by the text's digest, well or badly put. It understands nothing.

Now and then it refuses whatever it is asked, for some windows' time: the key, the credit or the model.

A question is the last message when it holds, behind a line ``INPUT:``, one line of JSON: {"candidates": [{"name",
"functions"}, …], "post"}. The same question has the same answer for ever.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import orjson

from sandbox.world.api import PAGES
from sandbox.world.disturbance import Draw
from sandbox.world.ledger import Chat, Ledger
from sandbox.world.message import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.world.disturbance import Weather

__all__ = ["Llm"]

_INPUT: Final = "INPUT:\n"
_SENTIMENTS: Final = ("very_bullish", "bullish", "neutral", "bearish", "very_bearish")
_CHARS_PER_TOKEN: Final = 4
_ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "400": (400, "maximum context length exceeded"),
    "401": (401, "Incorrect API key provided"),
    "402": (402, "Insufficient credit"),
    "404": (404, "The model does not exist"),
    "429": (429, "Rate limit reached"),
    "429_long": (429, "Rate limit reached"),
    "500": (500, "The server had an error"),
    "503": (503, "The server is overloaded"),
}
_LONG_WAIT_S: Final = 600
# Why everything is refused for a while, and for how many windows' time at most.
_REFUSES: Final = ("401", "402", "404")
_LONGEST_REFUSAL: Final = 6.0


class _Message(msgspec.Struct):
    content: str


class _Format(msgspec.Struct):
    type: str


class _Asked(msgspec.Struct):
    """The parts of a request that matter here; the rest is skipped unread."""

    model: str
    messages: list[_Message]
    response_format: _Format | None = None


class _Candidate(msgspec.Struct):
    name: str


class _Question(msgspec.Struct):
    candidates: list[_Candidate]
    post: str


_ASKED: Final = msgspec.json.Decoder(_Asked)
_QUESTION: Final = msgspec.json.Decoder(_Question)


class Llm:
    """Answers chat requests.

    Args:
        ledger: Where it enters what was billed.
        formats: The response formats that it takes beside none: "json_schema", "json_object".
        weather: Disturbances of place "llm", one occasion for each window's time.
        period_s: A window's time.
    """

    def __init__(self, ledger: Ledger, *, formats: frozenset[str], weather: Weather, period_s: float) -> None:
        self._ledger = ledger
        self._formats = formats
        self._weather = weather
        self._period_s = period_s
        self._drawn = 0
        self._refuses = ""
        self._refuses_until_s = 0.0

    def chat(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Chat]:
        """POST /v1/chat/completions."""
        draw = self._as_refused(draw, now_s)
        body = _ASKED.decode(request.content)
        question = _QUESTION.decode(body.messages[-1].content.rpartition(_INPUT)[2])
        entry = Chat(
            at_s=now_s,
            number=draw.number,
            life=request.life,
            fault=draw.kind,
            outcome="refused",
            text=question.post,
        )
        self._ledger.enter(entry)
        refused = _refusal(draw) or PAGES.get(draw.kind) or self._format_refusal(draw, body)
        if refused is not None:
            return refused, entry
        text = _spoiled(_answer(question, draw.kind), draw.kind)
        entry.outcome = "answered"
        entry.prompt_tokens = sum(len(message.content) for message in body.messages) // _CHARS_PER_TOKEN
        entry.completion_tokens = len(text) // _CHARS_PER_TOKEN + 1
        return Answer.json(_completion(body.model, text, entry, draw)), entry

    def _as_refused(self, draw: Draw, now_s: float) -> Draw:
        """What an occasion gets while everything is refused, unless something else happens to it."""
        while self._drawn * self._period_s <= now_s:
            found = self._weather.draw("llm")
            if found.kind:
                self._refuses = _REFUSES[int(found.share * len(_REFUSES))]
                self._refuses_until_s = self._period_s * (self._drawn + found.amount * _LONGEST_REFUSAL)
            self._drawn += 1
        if draw.kind or self._weather.calm or now_s >= self._refuses_until_s:
            return draw
        return Draw(draw.number, self._refuses, draw.amount, draw.share)

    def _format_refusal(self, draw: Draw, body: _Asked) -> Answer | None:
        wanted = body.response_format
        if wanted is None or (wanted.type in self._formats and draw.kind != "no_format"):
            return None
        message = f"'response_format' of type '{wanted.type}' is not supported with this model."
        return Answer.json({"error": {"message": message, "type": "invalid_request_error"}}, 400)


def _answer(question: _Question, kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(question.post.encode("utf-8", "replace")).digest()
    subnets = [
        {
            "name": candidate.name,
            "functions": [99, -1] if kind == "bad_indexes" else list(range(min(digest[at % 32] % 3, 2))),
            "bittensor_terms": ["bittensor"],
        }
        for at, candidate in enumerate(question.candidates)
        if digest[(at + 7) % 32] % 2
    ]
    if kind == "unknown_names":
        subnets = [{"name": "no_such_subnet", "functions": [0], "bittensor_terms": ["bittensor"]}]
    if kind == "wrong_shape":
        return {"analysis": "bullish", "relevance": 3}
    sentiment = "extremely_bullish" if kind == "bad_category" else _SENTIMENTS[digest[0] % len(_SENTIMENTS)]
    return {"about_bittensor": digest[1] > 20, "sentiment": sentiment, "subnets": subnets}  # noqa: PLR2004


def _spoiled(answer: dict[str, Any], kind: str) -> str:
    text = orjson.dumps(answer).decode()
    if kind == "fenced":
        return f"```json\n{text}\n```"
    if kind == "prose":
        return f"Sure, here is the analysis:\n\n{text}\n\nAnything else?"
    if kind == "garbled":
        return "The post seems rather bullish about several subnets."
    return text[: len(text) // 2] if kind == "truncated" else text


def _completion(model: str, text: str, entry: Chat, draw: Draw) -> dict[str, Any]:
    used, written = entry.prompt_tokens, entry.completion_tokens
    usage = {"prompt_tokens": used, "completion_tokens": written, "total_tokens": used + written}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None if draw.kind == "null_content" else text},
        "finish_reason": "length" if draw.kind == "truncated" else "stop",
    }
    return {
        "id": f"chatcmpl-{draw.number}",
        "object": "chat.completion",
        "model": model,
        "choices": [] if draw.kind == "empty_choices" else [choice],
        "usage": None if draw.kind == "null_usage" else usage,
    }


def _refusal(draw: Draw) -> Answer | None:
    if draw.kind not in _ERRORS:
        return None
    status, message = _ERRORS[draw.kind]
    wait_s = _LONG_WAIT_S if draw.kind == "429_long" else 1 + int(draw.amount * 5)
    headers = {"retry-after": str(wait_s)} if status == 429 else {}  # noqa: PLR2004
    return Answer.json({"error": {"message": message, "type": "error", "code": None}}, status, headers)
