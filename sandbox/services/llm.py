"""A chat endpoint in OpenAI's protocol: key, format, answer, usage. It never runs a language model."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

import orjson

from sandbox.services.faults import Fault
from sandbox.services.llm_answers import (
    FormatError,
    LlmRefusalError,
    check_format,
    check_likeness,
    error,
    error_inside,
    refusal,
    spoil_answer,
    spoil_completion,
    spoil_text,
    with_thoughts,
)
from sandbox.services.llm_model import answer, read_question
from sandbox.services.llm_personalities import PLAIN
from sandbox.services.message import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.services.llm_model import Question
    from sandbox.services.llm_personalities import Personality

__all__ = ["Llm", "asked_in"]

_FINGERPRINT: Final = "deterministic-keyword-model"
_CHARS_PER_TOKEN: Final = 4
_LONG_TOKENS: Final = 1_500
_NO_LIMIT: Final = 1 << 31
_NO_JSON: Final = "We could not parse the JSON body of your request."
_HELLO: Final = (
    "Hello! I am a deterministic keyword model standing in for a language model. I can only analyze a post that"
    " comes as JSON on the line after a line INPUT:."
)


class Llm:
    """Answers chat requests, and lists its models.

    A fault's params may hold `retry_after`.

    Args:
        formats: Response formats that it takes.
        models: Those that it knows; the first is the one that is asked as a rule. None for any name.
        key: The key; None takes anybody.
        like: The kind of server that it answers like.
        think: The model.
        wraps: Puts a fence or prose around its answer where no JSON was asked for.
    """

    def __init__(
        self,
        *,
        formats: frozenset[str],
        models: Sequence[str] | None,
        key: str | None,
        like: Personality = PLAIN,
        think: Callable[[Question], dict[str, Any]] = answer,
        wraps: bool = True,
    ) -> None:
        self._formats = formats
        self._models = models
        self._key = key
        self._like = like
        self._think = think
        self._wraps = wraps

    def models(self, request: Request, fault: Fault) -> Answer:
        """GET /v1/models."""
        if fault.name == "404":
            return Answer(status=404, headers={"content-type": "text/plain; charset=utf-8"}, body=b"Not Found")
        if refused := refusal(PLAIN, fault, self._usual_model) or self._unauthorized(request):
            return refused
        if fault.name == "wrong_shape":
            return Answer.json({"status": "ok"})
        names = ("some-other-model",) if fault.name == "other_models" else self._models or ()
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in names]
        return Answer.json(listed if fault.name == "bare_list" else {"object": "list", "data": listed})

    def chat(self, request: Request, fault: Fault, *, number: int) -> Answer:
        """POST /v1/chat/completions; the number tells requests apart."""
        refused = refusal(self._like, fault, self._usual_model) or self._unauthorized(request)
        if refused is not None:
            return refused.decided("refused")
        try:
            body = orjson.loads(request.content)
            _check(body)
            check_likeness(body, self._like, fault.name, models=self._models)
            kind = check_format(body, self._formats)
        except LlmRefusalError as refused_like:
            return refused_like.answer.decided("refused")
        except FormatError as wrong:
            return error(str(wrong), "invalid_value", wrong.param).decided("refused_format")
        except ValueError:
            return error(_NO_JSON, "").decided("invalid")
        if fault.name == "error_in_200":
            return Answer.json(error_inside(self._like, body["model"])).decided("refused")
        return self._complete(body, "text" if self._like.ignores_formats else kind, fault.name, number)

    @property
    def _usual_model(self) -> str:
        return self._models[0] if self._models else ""

    def _unauthorized(self, request: Request) -> Answer | None:
        given = request.headers.get("authorization", "")
        if self._key is None or hmac.compare_digest(given.encode(), f"Bearer {self._key}".encode()):
            return None
        return refusal(self._like, Fault("401"), self._usual_model)

    def _complete(self, body: dict[str, Any], kind: str, fault: str, number: int) -> Answer:
        question = asked_in(body)
        decided: dict[str, Any] = {}
        if question is None:
            text = _HELLO
        else:
            text = orjson.dumps(spoil_answer(self._think(question), fault)).decode()
            if kind == "text" and self._wraps:  # in turn
                text = spoil_text(text, "fenced" if number % 2 else "prose")
            decided = {"post": question.post, "format": kind}
        thoughts = self._thoughts(question, fault)
        completion = self._completion(body, spoil_text(text, fault), thoughts, number)
        usage = {name: completion["usage"][name] for name in ("prompt_tokens", "completion_tokens")}
        done = "analyzed" if question else "chatted"
        return Answer.json(spoil_completion(completion, fault)).decided(done, **decided, **usage)

    def _thoughts(self, question: Question | None, fault: str) -> str:
        """What a model says to itself: a draft of another answer than the one that it gives."""
        if question is None or fault not in {"thinking", "long_thinking"}:
            return ""
        found = self._think(question)
        opposite = {"very_bullish": "very_bearish", "bullish": "bearish"}.get(found["sentiment"], "very_bullish")
        draft = orjson.dumps({**found, "sentiment": opposite}).decode()
        return f"A draft: {draft} - but no. " + "hmm " * (_LONG_TOKENS if fault == "long_thinking" else 1)

    def _completion(self, body: dict[str, Any], text: str, thoughts: str, number: int) -> dict[str, Any]:
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        most = limit if isinstance(limit, int) else _NO_LIMIT
        thought, thought_tokens = _cut(thoughts, most)
        said, written = _cut(text, most - thought_tokens)
        used = sum(len(_content(one)) for one in body["messages"]) // _CHARS_PER_TOKEN
        usage: dict[str, Any] = {"prompt_tokens": used, "completion_tokens": written, "total_tokens": used + written}
        message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
        if thoughts:
            message = with_thoughts(message, self._like, thought)
            _bill_thoughts(usage, thought_tokens)
        finish_reason = "stop" if said == text else "length"
        return {
            "id": f"chatcmpl-sandbox-{number}",
            "object": "chat.completion",
            "created": 1_700_000_000 + number,
            "model": body["model"],
            "system_fingerprint": _FINGERPRINT,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
            "usage": usage,
        }


def asked_in(body: Any) -> Question | None:
    """The question within a request's last message of a user; None when there is none."""
    messages = body.get("messages") if isinstance(body, dict) else None
    asked = [one for one in messages or () if isinstance(one, dict) and one.get("role") == "user"]
    return read_question(_content(asked[-1])) if asked else None


def _bill_thoughts(usage: dict[str, Any], tokens: int) -> None:
    usage["completion_tokens"] += tokens
    usage["total_tokens"] += tokens
    usage["completion_tokens_details"] = {"reasoning_tokens": tokens}


def _check(body: Any) -> None:
    """Refuse what no kind of server takes for a question."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise _refused("you must provide a model parameter", "model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise _refused("Missing required parameter: 'messages'.", "messages")
    if body.get("stream"):
        raise _refused("Streaming is not supported with this model.", "stream")


def _refused(message: str, param: str) -> LlmRefusalError:
    return LlmRefusalError(error(message, "invalid_value", param))


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _cut(text: str, most: int) -> tuple[str, int]:
    """As much of a text as so many tokens hold, at four characters each, and its tokens."""
    tokens = len(text) // _CHARS_PER_TOKEN + 1 if text else 0
    return (text, tokens) if tokens <= most else (text[: most * _CHARS_PER_TOKEN], most)
