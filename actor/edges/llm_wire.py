"""What the answers of a language model's server mean. Pure: it knows no client library and does no IO."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.port import Completion, LLMError
from actor.edges.llm_body import error_in, status_told, words_of
from actor.edges.llm_ends import THOUGHT_FIELDS, end_of, has_thought, is_error, refusal_in, text_of
from actor.edges.llm_words import RefusalReason, advice, refusal_kind
from actor.edges.text import as_float, http_date, one_line
from actor.edges.told import told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


__all__ = ["MAX_BODY_CHARS", "read_completion", "redirect", "refusal"]

MAX_BODY_CHARS: Final = 1_000_000

_ELSEWHERE: Final = ("tool_calls", "function_call", "audio", *THOUGHT_FIELDS)
_MOST_TOKENS: Final = 10**9
_CHAT: Final = "/chat/completions"
_RETRY_DELAY: Final = re.compile(r'"retryDelay\\*"\s*:\s*\\*"(\d{1,6}(?:\.\d{1,9})?)s')


def refusal(
    status: int,
    said: str,
    *,
    whole: str,
    headers: Mapping[str, str],
    formatted: bool,
    sent: Collection[str] = (),
) -> LLMError:
    """What an answer that is not 2xx means.

    Args:
        status: Its status.
        said: Its message for people, without secrets.
        whole: Its body, for telling words; shown to nobody.
        headers: Its headers, under any case of their names or lower-case ones.
        formatted: The request demanded a response_format.
        sent: The parameters that the request had.
    """
    found = refusal_kind(status, whole[:MAX_BODY_CHARS], formatted=formatted, sent=sent)
    return _error(found, f"HTTP {status}: {said}" if said else f"HTTP {status}", status, headers=headers, whole=whole)


def redirect(status: int, to: str) -> LLMError:
    """What an answer means that sends the request elsewhere, where the key is not sent.

    Args:
        status: Its status.
        to: Where to, one line without secrets; empty when it does not say.
    """
    base = to.removesuffix(_CHAT)
    fix = f"set LLM_BASE to {base} if that is the server you mean" if base != to else advice("model", 404)
    where = f"the server redirects to {to or 'nowhere'}, which a request with a key does not follow"
    return LLMError(f"HTTP {status}: {where} ({fix})", kind="model")


def _error(
    found: RefusalReason, text: str, status: int, *, headers: Mapping[str, str], whole: str, **more: Any
) -> LLMError:
    fix = advice(found.kind, status, words_of(whole[:MAX_BODY_CHARS]))
    return LLMError(
        f"{text} ({fix})" if fix else text,
        kind=found.kind,
        retry_after_s=_retry_after_s(headers, whole),
        refused=found.parameters,
        **more,
    )


def _retry_after_s(headers: Mapping[str, str], whole: str) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or as a date, or the body; None when neither does."""
    value = headers.get("retry-after", "").strip()
    if not value and (asked := _RETRY_DELAY.search(whole[:MAX_BODY_CHARS])):
        return float(asked[1])
    if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    until = http_date(value)
    return None if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())


def read_completion(
    body: str,
    *,
    asked: str,
    formatted: bool = False,
    sent: Collection[str] = (),
    clean: Callable[[str], str] = one_line,
) -> Completion:
    """Read a body that ought to be a chat completion.

    Args:
        body: As it came.
        asked: The model that was asked.
        formatted: As in `refusal`, for an error that came as a success.
        sent: Likewise.
        clean: Makes what a server says one line without secrets.

    Raises:
        LLMError: It is none.
    """
    found = _parsed(body)
    usage = found.get("usage") if isinstance(found, dict) else None
    billed: dict[str, Any] = {
        "prompt_tokens": _count(usage, "prompt_tokens", "input_tokens"),
        "completion_tokens": _count(usage, "completion_tokens", "output_tokens"),
    }
    choice = _first(found.get("choices")) if isinstance(found, dict) else {}
    message = choice["message"] if isinstance(choice.get("message"), dict) else {}
    text = text_of(message)
    if error := _error_in(found, choice, message, beside=bool(text.strip())):
        whole, status = json.dumps({"error": error}), status_told(error)
        refused = refusal_kind(status, whole, formatted=formatted, sent=sent)
        said = f"HTTP 2xx with an error that means {status}: {clean(told(error).words or whole)}"
        raise _error(refused, said, status, headers={}, whole=whole, **billed)
    if not choice:
        is_chat = isinstance(found, dict) and "choices" in found
        raise LLMError(
            "the completion has no choices", kind="malformed", is_no_chat=not is_chat, is_empty=not found, **billed
        )
    end, reason = end_of(choice)
    shown = f"finish_reason {clean(reason or '')}"
    if refusal_in(message) or end == "filtered":
        why = shown if end == "filtered" else "a refusal"
        raise LLMError(f"the model declined to answer: {why} ({advice('declined')})", kind="declined", **billed)
    if end == "broken":
        raise LLMError(f"the server broke off its answer: {shown}", kind="broken", **billed)
    if not text.strip():
        raise LLMError(
            f"the completion has no text{_elsewhere(message)}{f' ({shown})' if end == 'cut off' else ''}",
            kind="malformed",
            cut_off=end == "cut off" or has_thought(message),  # some servers call that a stop
            **billed,
        )
    return Completion(
        text=text,
        finish_reason=reason,
        **billed,
        model=found["model"] if isinstance(found.get("model"), str) else asked,
        thought=_has_thought(message, usage),
        cut_off=end == "cut off",
    )


def _error_in(found: Any, choice: dict[str, Any], message: dict[str, Any], *, beside: bool) -> Any:
    """The error that a success tells of; beside a text only what says that something went wrong."""
    parts = [part for part in (choice, message, found) if isinstance(part, dict)]
    if beside and not any(is_error(part.get("error")) for part in parts):
        return None
    return choice.get("error") or message.get("error") or error_in(found, alone=not choice)


def _parsed(body: str) -> Any:
    if len(body) > MAX_BODY_CHARS:
        raise LLMError(f"the answer is longer than {MAX_BODY_CHARS} characters", kind="malformed")
    try:
        found = json.loads(body.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        what = "HTML" if body.lstrip().startswith("<") else "no JSON" if body.strip() else "nothing"
        said = f"HTTP 2xx with {what} in place of a completion"
        raise LLMError(said, kind="malformed", is_no_chat=True, is_empty=not body.strip()) from error
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _first(choices: Any) -> dict[str, Any]:
    """The choice of index 0, whatever order they came in; the first where none says so."""
    found = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    return next((choice for choice in found if choice.get("index") == 0), found[0] if found else {})


def _elsewhere(message: dict[str, Any]) -> str:
    found = next((name for name in _ELSEWHERE if message.get(name)), None)
    return "" if found is None else f", only {found}"


def _has_thought(message: dict[str, Any], usage: Any) -> bool:
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    return has_thought(message) or bool(_count(details, "reasoning_tokens"))


def _count(usage: Any, *names: str) -> int | None:
    """The first of these counts that is one, however it is written; None when nobody told a sane one."""
    for name in names:
        number = as_float(usage.get(name)) if isinstance(usage, dict) else None
        if number is not None and 0 <= number < _MOST_TOKENS:
            return math.ceil(number)
    return None
