"""What the answers of a language model's server mean. Pure: it knows no client library and does no IO."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.port import Completion, LLMError
from actor.edges.http_date import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actor.analyzer.port import LLMErrorKind

__all__ = ["MAX_BODY_CHARS", "PARAMETERS", "read_completion", "refusal"]

MAX_BODY_CHARS: Final = 1_000_000
PARAMETERS: Final = ("temperature", "seed", "max_tokens")
"""What every request has beside model, messages and format."""

_KINDS: Final[dict[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    408: "timeout",
    429: "rate_limit",
}
_SPENT: Final = (
    *("insufficient_quota", "exceeded your current quota", "insufficient balance", "insufficient credit"),
    *("credit balance is too low", "used all available credits"),
)
_NO_FORMAT: Final = ("response_format", "response format", "json_schema", "json_object", "guided", "structured")
_TOO_LONG: Final = ("context length", "context_length", "maximum context", "too long")
_NO_MODEL: Final = ("model_not_found", "model not found", "unknown model", "no such model", "invalid model name")
# Some servers say 400 to a wrong key: "no connected db" is LiteLLM's word for one that it would have to look up.
_NO_KEY: Final = ("invalid_api_key", "invalid api key", "incorrect api key", "api key not valid", "no connected db")
_FLAGGED: Final = ("moderation", "flagged")
_NO_PARAMETER: Final = (
    *("unsupported parameter", "unsupported_parameter", "unsupportedparams", "unknown parameter"),
    *("unsupported value", "unsupported_value", "unrecognized request argument"),
)
# A name of ours as servers put it: in quotes, before a colon, or with what it must be. Posts speak of seeds, too.
_OURS: Final = "|".join(PARAMETERS)
_NAMED: Final = re.compile(rf"\bmax_tokens\b|['\"`](?:{_OURS})['\"`]|\b(?:{_OURS})(?::| must\b)")
_HINTS: Final[dict[LLMErrorKind, str]] = {
    "auth": "check API_KEY",
    "quota": "the account's credit is used up",
    "model": "check MODEL and LLM_BASE, which ends in /v1",
}
_REFUSALS: Final = frozenset({400, 415, 422, 501})
_VAGUE: Final = frozenset({400, 403, 429})
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
    kind = _kind(status, whole[:MAX_BODY_CHARS].lower(), formatted=formatted)
    text = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    return LLMError(
        f"{text} ({_HINTS[kind]})" if kind in _HINTS else text, kind=kind, retry_after_s=_retry_after_s(headers)
    )


def _kind(status: int, said: str, *, formatted: bool) -> LLMErrorKind:
    """Return what a refusal means, by its status and, where that is vague, by its words."""
    if status in _VAGUE and _says(said, _SPENT):
        return "quota"
    if status == 403 and _says(said, _FLAGGED):  # noqa: PLR2004 - forbidden, this text and no other
        return "request"
    if status in _KINDS:
        return _KINDS[status]
    if status in _REFUSALS:
        return _refused(said, formatted=formatted)
    return "server" if status >= _SERVER else "request"


def _refused(said: str, *, formatted: bool) -> LLMErrorKind:
    """Return what a refusal of a request means, by its words alone."""
    if _says(said, _NO_FORMAT):
        return "refused_format" if formatted else "request"
    if _says(said, _NO_MODEL):
        return "model"
    if _says(said, _NO_KEY):
        return "auth"
    if _says(said, _TOO_LONG):
        return "request"
    if _says(said, _NO_PARAMETER) or _NAMED.search(said):
        return "parameter"
    # A refusal without a telling word may be about the format: the rungs below it find out.
    return "refused_format" if formatted else "request"


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
