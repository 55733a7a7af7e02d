"""What the answers of a language model's server mean. Pure: it knows no client library and does no IO."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.port import Completion, LLMError
from actor.edges.http_date import http_date
from actor.edges.llm_advice import advice, meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actor.analyzer.port import LLMErrorKind

__all__ = ["MAX_BODY_CHARS", "read_completion", "refusal"]

MAX_BODY_CHARS: Final = 1_000_000

_KINDS: Final[dict[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    405: "model",  # no such address
    408: "timeout",
    429: "rate_limit",
}
_NO_FORMAT: Final = ("response_format", "response format", "json_schema", "json_object", "guided", "structured")
_OTHER_FLAW: Final = ("context length", "context_length", "maximum context", "max_tokens", "too long")
_REFUSALS: Final = frozenset({400, 415, 422, 501})
_SERVER: Final = 500


def refusal(status: int, said: str, *, whole: str, headers: Mapping[str, str], formatted: bool) -> LLMError:
    """What an answer that is not 2xx means.

    Args:
        status: Its status.
        said: Its message for people, without secrets.
        whole: All that it says, for telling words; shown to nobody.
        headers: Its headers, under any case of their names or lower-case ones.
        formatted: The request demanded a response_format.
    """
    words = whole[:MAX_BODY_CHARS].lower()
    kind = _kind(status, words, formatted=formatted)
    text = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    fix = advice(kind, status, words)
    return LLMError(f"{text} ({fix})" if fix else text, kind=kind, retry_after_s=_retry_after_s(headers))


def _kind(status: int, said: str, *, formatted: bool) -> LLMErrorKind:
    """Return what a refusal means, by its status and, where that is vague, by its words."""
    if status in _REFUSALS and _says(said, _NO_FORMAT):
        return "refused_format" if formatted else "request"
    told = meaning(said)
    if told is not None and status < _SERVER and (told == "quota" or status != 429):  # noqa: PLR2004 - too many requests
        return told
    if status in _KINDS:
        return _KINDS[status]
    if status in _REFUSALS:
        # A refusal without a telling word may be about the format: the rungs below it find out.
        return "refused_format" if formatted and not _says(said, _OTHER_FLAW) else "request"
    return "server" if status >= _SERVER else "request"


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or as a date; None when it says neither."""
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    until = http_date(value)
    return None if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())


def read_completion(body: str, *, asked: str) -> Completion:
    """Read a body that ought to be a chat completion.

    Raises:
        LLMError: It is none.
    """
    if len(body) > MAX_BODY_CHARS:
        raise LLMError(f"the answer is longer than {MAX_BODY_CHARS} characters", kind="malformed")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        what = "HTML" if body.lstrip().startswith("<") else "no JSON" if body.strip() else "nothing"
        raise LLMError(f"HTTP 2xx with {what} in place of a completion", kind="malformed") from error
    usage = found.get("usage") if isinstance(found, dict) else None
    billed = {name: _count(usage, name) for name in ("prompt_tokens", "completion_tokens")}
    choice = _first(found.get("choices")) if isinstance(found, dict) else {}
    if not choice:
        raise LLMError("the completion has no choices", kind="malformed", **billed)
    text = _text(choice.get("message"))
    finish_reason = choice.get("finish_reason")
    if not text.strip():
        raise LLMError(f"the completion has no text{_ended(finish_reason)}", kind="malformed", **billed)
    return Completion(
        text=text,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        **billed,
        model=found["model"] if isinstance(found.get("model"), str) else asked,
    )


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _text(message: Any) -> str:
    """Return a message's text, which some servers send in parts."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _ended(finish_reason: Any) -> str:
    return " (finish_reason length)" if finish_reason == "length" else ""


def _count(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and 0 <= count < 10**9 else None
