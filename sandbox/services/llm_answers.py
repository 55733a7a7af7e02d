"""What a server of some personality refuses and says, and what faults make of it. It decides nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.services.llm_personalities import PLAIN
from sandbox.services.message import Answer

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.services.faults import Fault
    from sandbox.services.llm_personalities import Personality, Refusal

__all__ = [
    "FormatError",
    "LlmRefusalError",
    "check_format",
    "check_likeness",
    "error",
    "error_inside",
    "refusal",
    "spoil_answer",
    "spoil_completion",
    "spoil_text",
    "with_thoughts",
]

_CHARS_PER_TOKEN = 4
_CONTEXT_CHARS = 4_096 * _CHARS_PER_TOKEN
_BOUNDS = ("maxItems", "maxLength")
# What a fault of this name has a server say before it reads anything; those of all servers are put in plain words.
_EARLY = frozenset({"400", "401", "402", "403", "404", "429", "429_long", "500", "503"})
_OF_ALL = frozenset({"400", "403", "500", "503"})
_WAITS_S = {"429": 1, "429_long": 600}


class LlmRefusalError(ValueError):
    """A request that a server refuses."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def error(message: str, code: str, param: str | None = None) -> Answer:
    """A 400 for a request that no kind of server takes."""
    found = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Answer.json({"error": found}, 400)


def refusal(like: Personality, fault: Fault, model: str) -> Answer | None:
    """What such a server says for a fault before it reads anything; None when it never says so."""
    name = fault.name
    found = like.refusals.get(name) or like.refusals.get(name.removesuffix("_long"))
    if found is None and name in _OF_ALL:
        like, found = PLAIN, PLAIN.refusals[name]
    if name not in _EARLY or found is None:
        return None
    wait_s = fault.params.get("retry_after", _WAITS_S.get(name, _WAITS_S.get(str(found.status))))
    return _answer(like, found, {"model": model}, wait_s)


def check_likeness(body: dict[str, Any], like: Personality, fault: str, *, models: Collection[str] | None) -> None:
    """Refuse what such a server refuses, and what the fault has it refuse.

    Args:
        body: The request.
        like: The kind of server.
        fault: Name of a fault.
        models: Those that it serves, None for any; a kind without a refusal for others serves any name, too.

    Raises:
        LlmRefusalError: With the server's answer.
    """
    if models is not None and body["model"] not in models:
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


def with_thoughts(message: dict[str, Any], like: Personality, thoughts: str) -> dict[str, Any]:
    """The message of a model that thought first."""
    text, where = message["content"], like.thoughts
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


def spoil_answer(result: dict[str, Any], fault: str) -> dict[str, Any]:
    """Faults in the analysis itself."""
    if fault == "unknown_names":
        return {**result, "subnets": [{"name": "no_such_subnet", "functions": [0], "bittensor_terms": ["bittensor"]}]}
    if fault == "bad_category":
        return {**result, "sentiment": "extremely_bullish"}
    if fault == "bad_indexes":
        return {**result, "subnets": [{**entry, "functions": [99, -1]} for entry in result["subnets"]]}
    if fault == "wrong_shape":
        return {"analysis": "bullish", "relevance": 3}
    return result


def spoil_text(text: str, fault: str) -> str:
    """Faults in how the analysis is written down."""
    if fault == "fenced":
        return f"```json\n{text}\n```"
    if fault == "prose":
        return f"Sure, here is the analysis:\n\n{text}\n\nAnything else?"
    if fault == "garbled":
        return "The post seems rather bullish about several subnets."
    return text[: len(text) // 2] if fault == "truncated" else text


def spoil_completion(completion: dict[str, Any], fault: str) -> dict[str, Any]:
    """Faults in the completion around the text."""
    if fault == "empty_choices":
        return {**completion, "choices": []}
    if fault == "null_usage":
        return {**completion, "usage": None}
    (choice,) = completion["choices"]
    spoiled: dict[str, tuple[dict[str, str | None], str]] = {
        "null_content": ({"content": None}, "stop"),
        "refusal": ({"content": None, "refusal": "I cannot help with that."}, "stop"),
        "truncated": ({}, "length"),
    }
    if fault not in spoiled:
        return completion
    message, reason = spoiled[fault]
    return {**completion, "choices": [{**choice, "message": {**choice["message"], **message}, "finish_reason": reason}]}


def _refuse(like: Personality, meaning: str, body: dict[str, Any], **words: str) -> None:
    found = like.refusals.get(meaning)
    if found is not None:
        wait_s = _WAITS_S.get(str(found.status))
        raise LlmRefusalError(_answer(like, found, {"model": str(body.get("model")), **words}, wait_s))


def _answer(like: Personality, found: Refusal, words: dict[str, str], wait_s: object) -> Answer:
    headers = None if wait_s is None else {"retry-after": str(wait_s)}
    return Answer.json(_put(like, found, words), found.status, headers)


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
        "bare": {"error": {"message": message, "type": kind, "code": refusal.code}},
        "detail": {"detail": message},
        "coded": {"error": {"code": status, "message": message, "type": kind}},
    }
    if like.shape == "routed":
        raw = kind.format(**words)
        return {"error": {"message": message, "code": status, "metadata": {"raw": raw, "provider_name": "Sandbox"}}}
    return shapes[like.shape]


class FormatError(ValueError):
    """A response_format that the server refuses; `param` says where."""

    def __init__(self, message: str, param: str = "response_format") -> None:
        super().__init__(message)
        self.param = param


def check_format(body: dict[str, Any], supported: frozenset[str]) -> str:
    """The name of the format: "json_schema", "json_object" or "text".

    Raises:
        FormatError: It is malformed or not supported.
    """
    wanted = body.get("response_format")
    if wanted is None:
        return "text"
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in {"json_schema", "json_object", "text"}:
        raise FormatError(f"Invalid value: {kind!r}. Supported values are: 'json_object', 'json_schema', and 'text'.")
    if kind not in supported and kind != "text":
        raise FormatError(
            f"'response_format' of type '{kind}' is not supported with this model.", "response_format.type"
        )
    if kind == "json_object" and "json" not in str(body.get("messages")).lower():
        raise FormatError("'messages' must contain the word 'json' to use 'response_format' of type 'json_object'.")
    if kind == "json_schema":
        _check_schema(wanted.get("json_schema"))
    return str(kind)


def _check_schema(wanted: object) -> None:
    where = "response_format.json_schema"
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        raise FormatError("Missing required parameter: 'response_format.json_schema.name'.", f"{where}.name")
    schema = wanted.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise FormatError(
            f"Invalid schema for response_format {wanted['name']!r}: schema must be of type object.", where
        )
    if wanted.get("strict"):
        _check_strict(schema, str(wanted["name"]), where)


def _check_strict(schema: object, name: str, where: str) -> None:
    """Every object lists all its properties as required and allows no others."""
    if isinstance(schema, list):
        for part in schema:
            _check_strict(part, name, where)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            message = "'additionalProperties' is required to be supplied and to be false."
            raise FormatError(f"Invalid schema for response_format {name!r}: {message}", where)
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            message = "'required' is required to be supplied and to include every key in properties."
            raise FormatError(f"Invalid schema for response_format {name!r}: {message}", where)
    for part in schema.values():
        _check_strict(part, name, where)
