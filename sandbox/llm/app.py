"""POST /v1/chat/completions and GET /v1/models: key, format, answer, usage. It never touches the transport."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.llm.errors import error, fault_error
from sandbox.llm.formats import FormatError, check_format
from sandbox.llm.likeness import LlmLikeError, check_likeness, error_inside, refused_like, with_thoughts
from sandbox.llm.model import answer, read_question
from sandbox.llm.personalities import PERSONALITIES, PLAIN
from sandbox.llm.spoil import spoil_answer, spoil_completion, spoil_text

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.config import SandboxConfig
    from sandbox.faults import Fault
    from sandbox.ledger import LlmLedger
    from sandbox.llm.model import Question

__all__ = ["FINGERPRINT", "LlmService"]

FINGERPRINT = "deterministic-keyword-model"
_CHAT = "/v1/chat/completions"
_MODELS = "/v1/models"
_CHARS_PER_TOKEN = 4
_LONG_TOKENS = 1_500
_HELLO = (
    "Hello! I am a deterministic keyword model standing in for a language model. I can only analyze a post that"
    " comes as JSON on the line after a line INPUT:."
)


class LlmService:
    """The chat stand-in; `app` is its ASGI application."""

    routes = {_CHAT: "llm.chat", _MODELS: "llm.models"}  # noqa: RUF012 - never changed

    def __init__(self, config: SandboxConfig, *, ledger: LlmLedger) -> None:
        self._config = config
        self._ledger = ledger
        self._like = PERSONALITIES.get(config.llm_like)
        routes = [Route(_CHAT, self.chat, methods=["POST"]), Route(_MODELS, self.models)]
        self.app = Starlette(routes=routes)

    async def models(self, request: Request) -> Response:
        """List the models that are served."""
        fault = request.state.fault
        if fault.name == "404":
            return PlainTextResponse("Not Found", 404)
        if refusal := fault_error(fault.name, fault.params.get("retry_after")) or self._unauthorized(request):
            return refusal
        if fault.name == "wrong_shape":
            return JSONResponse({"status": "ok"})
        names = ("some-other-model",) if fault.name == "other_models" else self._config.served_models
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in names]
        return JSONResponse(listed if fault.name == "bare_list" else {"object": "list", "data": listed})

    async def chat(self, request: Request) -> Response:
        """Answer one request for a completion."""
        fault, seq = request.state.fault, request.state.seq
        refusal = self._fault_error(fault) or self._unauthorized(request)
        if refusal is not None:
            self._ledger.decided(seq, "refused")
            return refusal
        try:
            body = json.loads(await request.body())
            _check(body)
            check_likeness(body, self._like or PLAIN, fault.name, models=self._config.served_models)
            kind = check_format(body, self._config.response_formats)
        except (_RefusedError, LlmLikeError) as refused:
            self._ledger.decided(seq, "refused")
            return refused.response
        except FormatError as wrong:
            self._ledger.decided(seq, "refused_format")
            return error(400, str(wrong), kind="invalid_request_error", code="invalid_value", param=wrong.param)
        except ValueError:
            self._ledger.decided(seq, "invalid")
            return error(
                400, "We could not parse the JSON body of your request.", kind="invalid_request_error", code=""
            )
        if fault.name == "error_in_200":
            self._ledger.decided(seq, "refused")
            return JSONResponse(error_inside(self._like or PLAIN, body["model"]))
        kind = "text" if self._like is not None and self._like.ignores_formats else kind
        return JSONResponse(self._complete(body, kind, fault, seq))

    def _fault_error(self, fault: Fault) -> Response | None:
        """The error that the fault makes the server send before it reads the request."""
        usual = fault_error(fault.name, fault.params.get("retry_after"))
        if self._like is None or usual is None or fault.name in {"400", "403", "500", "503"}:
            return usual
        return refused_like(self._like, fault.name, self._config.served_models[0])

    def _unauthorized(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self._config.llm_key}".encode()):
            return None
        return (
            fault_error("401") if self._like is None else refused_like(self._like, "401", self._config.served_models[0])
        )

    def _complete(self, body: dict[str, Any], kind: str, fault: Fault, seq: int) -> dict[str, Any]:
        prompt = "\n".join(_content(message) for message in body["messages"])
        asked = [_content(message) for message in body["messages"] if message.get("role") == "user"]
        question = read_question(asked[-1]) if asked else None
        if question is None:
            text = _HELLO
            self._ledger.decided(seq, "chatted")
        else:
            text = _wrapped(spoil_answer(answer(question), fault.name), kind, seq)
            self._ledger.decided(seq, "analyzed", post=question.post, format=kind)
        text = spoil_text(text, fault.name)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        limit = limit if isinstance(limit, int) else None
        thoughts = _thoughts(question, fault.name)
        room = None if limit is None else max(0, limit - _tokens(thoughts))
        completion = _completion(body["model"], text, prompt, room, seq)
        if thoughts:
            (choice,) = completion["choices"]
            thought = thoughts if limit is None else thoughts[: limit * _CHARS_PER_TOKEN]
            choice["message"] = with_thoughts(choice["message"], self._like, thought)
            _bill_thoughts(completion["usage"], _tokens(thought))
        usage = completion["usage"]
        self._ledger.completed(prompt_tokens=usage["prompt_tokens"], completion_tokens=usage["completion_tokens"])
        return spoil_completion(completion, fault.name)


def _thoughts(question: Question | None, fault: str) -> str:
    """What a model says to itself: a draft of another answer than the one that it gives."""
    if question is None or fault not in {"thinking", "long_thinking"}:
        return ""
    found = answer(question)
    opposite = {"very_bullish": "very_bearish", "bullish": "bearish"}.get(found["sentiment"], "very_bullish")
    draft = json.dumps({**found, "sentiment": opposite})
    return f"A draft: {draft} - but no. " + "hmm " * (_LONG_TOKENS if fault == "long_thinking" else 1)


def _bill_thoughts(usage: dict[str, Any], tokens: int) -> None:
    usage["completion_tokens"] += tokens
    usage["total_tokens"] += tokens
    usage["completion_tokens_details"] = {"reasoning_tokens": tokens}


class _RefusedError(ValueError):
    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def _check(body: Any) -> None:
    """Refuse what no kind of server takes for a question."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise _refused("you must provide a model parameter", "model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise _refused("Missing required parameter: 'messages'.", "messages")
    if body.get("stream"):
        raise _refused("Streaming is not supported with this model.", "stream")


def _refused(message: str, param: str) -> _RefusedError:
    return _RefusedError(error(400, message, kind="invalid_request_error", code="invalid_value", param=param))


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _wrapped(result: dict[str, Any], kind: str, seq: int) -> str:
    """Bare JSON when a JSON format was asked for; else a fence or prose around it, in turn."""
    text = json.dumps(result, ensure_ascii=False)
    return text if kind != "text" else spoil_text(text, "fenced" if seq % 2 else "prose")


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)


def _completion(model: str, text: str, prompt: str, limit: int | None, seq: int) -> dict[str, Any]:
    cut = limit is not None and _tokens(text) > limit
    text = text[: limit * _CHARS_PER_TOKEN] if cut and limit is not None else text
    used, written = _tokens(prompt), _tokens(text)
    return {
        "id": f"chatcmpl-sandbox-{seq}",
        "object": "chat.completion",
        "created": 1_700_000_000 + seq,
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "length" if cut else "stop",
            }
        ],
        "usage": {"prompt_tokens": used, "completion_tokens": written, "total_tokens": used + written},
    }
