"""A server that answers as one of the personalities does. It decides nothing that is not in their data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.responses import Response

    from sandbox.llm.personalities import Personality, Refusal

__all__ = ["LlmLikeError", "check_likeness", "error_inside", "refused_like", "with_thoughts"]

_CHARS_PER_TOKEN = 4
_CONTEXT_CHARS = 4_096 * _CHARS_PER_TOKEN
_BOUNDS = ("maxItems", "maxLength")
_MEANINGS = {"429_long": "429", "refused_parameter": "parameter", "refused_format": "format"}


class LlmLikeError(ValueError):
    """A request that this kind of server refuses."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def check_likeness(body: dict[str, Any], like: Personality, fault: str, *, models: Collection[str]) -> None:
    """Refuse what such a server refuses, and what the fault has it refuse.

    Args:
        body: The request.
        like: The kind of server.
        fault: Name of a fault.
        models: Those that it serves; a kind without a refusal for others serves any name.

    Raises:
        LlmLikeError: With the server's answer.
    """
    if body["model"] not in models:
        _refuse(like, "404", body)
    refused = like.parameters | ({"seed"} if fault == "refused_parameter" else set())
    for name in sorted(refused & body.keys()):
        _refuse(like, name if name in like.refusals else "parameter", body, name=name)
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else "text"
    if kind != "text" and (kind not in like.formats or fault == "refused_format"):
        _refuse(like, "format", body, format=str(kind))
    if not like.takes_bounds and any(bound in json.dumps(wanted) for bound in _BOUNDS):
        _refuse(like, "bounds", body)
    if fault == "context" and sum(len(json.dumps(message)) for message in body["messages"]) > _CONTEXT_CHARS // 2:
        _refuse(like, "context", body)


def refused_like(like: Personality, fault: str, model: str) -> Response | None:
    """What such a server says for a fault of that name; None when it never says so."""
    refusal = like.refusals.get(_MEANINGS.get(fault, fault))
    if refusal is None or (fault in _MEANINGS and fault != "429_long"):
        return None
    return _response(like, refusal, {"model": model}, long=fault == "429_long")


def error_inside(like: Personality, model: str) -> dict[str, Any]:
    """A success that holds the error of too many requests."""
    refusal = like.refusals["429"]
    found = _put(like, refusal, {"model": model})
    inside: dict[str, Any] = found[0] if isinstance(found, list) else found
    if "error" not in inside:
        inside = {"error": inside}
    if isinstance(inside["error"], dict):
        inside["error"]["code"] = refusal.status
    return {**inside, "choices": None}


def with_thoughts(message: dict[str, Any], like: Personality | None, thoughts: str) -> dict[str, Any]:
    """The message of a model that thought first."""
    text = message["content"]
    where = "reasoning_content" if like is None else like.thoughts
    if where == "tag":
        return {**message, "content": f"<think>{thoughts}" + (f"</think>\n{text}" if text else "")}
    if where == "unopened":
        return {**message, "content": f"{thoughts}</think>\n{text}" if text else f"<think>{thoughts}"}
    if where == "parts":
        said = [{"type": "text", "text": text}] if text else []
        return {**message, "content": [{"type": "thinking", "thinking": [{"type": "text", "text": thoughts}]}, *said]}
    if where == "hidden":
        return message
    return {**message, where: thoughts}


def _refuse(like: Personality, meaning: str, body: dict[str, Any], **words: str) -> None:
    refusal = like.refusals.get(meaning)
    if refusal is not None:
        raise LlmLikeError(_response(like, refusal, {"model": str(body.get("model")), **words}))


def _response(like: Personality, refusal: Refusal, words: dict[str, str], *, long: bool = False) -> Response:
    headers = {"retry-after": "600" if long else "1"} if refusal.status == 429 else None  # noqa: PLR2004
    return JSONResponse(_put(like, refusal, words), refusal.status, headers)


def _put(like: Personality, refusal: Refusal, words: dict[str, str]) -> Any:
    words = {"model": "", "name": "", "format": "", **words}
    message, kind = refusal.message.format(**words), refusal.kind
    status = refusal.status
    shapes: dict[str, Any] = {
        "error": {"error": {"message": message, "type": kind, "param": None, "code": refusal.code}},
        "list": [{"error": {"code": status, "message": message, "status": kind}}],
        "flat": {"object": "error", "message": message, "type": kind, "param": None, "code": refusal.code or status},
        "text": {"error": message},
        "typed": {"error": message, "error_type": kind},
        "detail": {"detail": message},
        "coded": {"error": {"code": status, "message": message, "type": kind}},
    }
    if like.shape == "routed":
        raw = kind.format(**words)
        return {"error": {"message": message, "code": status, "metadata": {"raw": raw, "provider_name": "Sandbox"}}}
    return shapes[like.shape]
