"""The language model's edge: one chat completion over HTTP by the openai client.

The only file that imports openai, and late, because that takes most of a second. It makes one request per call:
when to repeat is the caller's business. Whatever fails outside this process becomes one LLMError with its cause
kept. The API key never stands in an error or a log line.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.port import Completion, LLMError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai import APIStatusError

    from actor.analyzer.port import LLMErrorKind

__all__ = ["OpenAIChat"]

MAX_ANSWER_TOKENS: Final = 4_096  # an answer takes a few hundred; a model that runs on is cut off and costs no more
SEED: Final = 812
MAX_BODY_CHARS: Final = 1_000_000
MAX_REASON_CHARS: Final = 200

_KINDS: Final[dict[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    408: "timeout",
    429: "rate_limit",
}
_SPENT: Final = ("insufficient_quota", "exceeded your current quota", "insufficient balance", "insufficient credit")
_NO_FORMAT: Final = ("response_format", "response format", "json_schema", "json_object", "guided", "structured")
_OTHER_FLAW: Final = ("context length", "context_length", "maximum context", "max_tokens", "too long")
_NO_MODEL: Final = ("model_not_found", "model not found", "unknown model", "no such model")
_NEVER_SENT: Final = frozenset({"ConnectError", "UnsupportedProtocol", "LocalProtocolError", "ProxyError"})
_HINTS: Final[dict[LLMErrorKind, str]] = {
    "auth": "check API_KEY",
    "quota": "the account's credit is used up",
    "model": "check MODEL and LLM_BASE, which ends in /v1",
}
_REFUSALS: Final = frozenset({400, 415, 422, 501})
_SERVER: Final = 500


class OpenAIChat:
    """An OpenAI-compatible chat endpoint; implements `actor.analyzer.LLM`."""

    def __init__(self, *, base_url: str, api_key: str, timeout_s: float) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            base_url: Address of the API, such as https://llm.chutes.ai/v1.
            api_key: Sent as bearer token, and taken out of every text this edge gives away.
            timeout_s: Seconds for one whole call, a slowly dripping answer included.
        """
        import openai  # noqa: PLC0415 - costs most of a second, and not every command talks to a model

        self._openai = openai
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0)

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None,
    ) -> Completion:
        """Make one request; see `actor.analyzer.LLM`.

        Raises:
            LLMError: Anything but a chat completion with text in it.
        """
        request: dict[str, Any] = {
            "model": model,
            "messages": [dict(message) for message in messages],
            "temperature": 0,
            "seed": SEED,
            "max_tokens": MAX_ANSWER_TOKENS,
        }
        if response_format is not None:
            request["response_format"] = dict(response_format)
        return _completion(await self._send(request), asked=model)

    async def aclose(self) -> None:
        """Close the connections. May be called more than once."""
        await self._client.close()

    async def _send(self, request: dict[str, Any]) -> str:
        """Return the body of a 2xx answer."""
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                answer = await self._client.chat.completions.with_raw_response.create(**request)
                return str(answer.text)
        except self._openai.APIStatusError as error:
            raise self._refused(error, formatted="response_format" in request) from self._scrubbed(error)
        except (TimeoutError, self._openai.APITimeoutError) as error:
            raise LLMError(f"no answer within {self._timeout_s:g} s", kind="timeout") from self._scrubbed(error)
        except self._openai.APIConnectionError as error:
            raise self._unconnected(error) from self._scrubbed(error)
        except Exception as error:  # noqa: BLE001 - the client lets errors of other libraries through
            raise LLMError(f"unreadable answer: {type(error).__name__}", kind="malformed") from self._scrubbed(error)

    def _refused(self, error: APIStatusError, *, formatted: bool) -> LLMError:
        said = self._clean(error.message.removeprefix(f"Error code: {error.status_code} - "))
        kind = _kind(error.status_code, _searchable(error), formatted=formatted)
        text = f"HTTP {error.status_code}: {said}" if said else f"HTTP {error.status_code}"
        return LLMError(
            f"{text} ({_HINTS[kind]})" if kind in _HINTS else text,
            kind=kind,
            retry_after_s=_retry_after_s(error.response.headers),
        )

    def _unconnected(self, error: Exception) -> LLMError:
        """Tell a connection that never came about from one that broke, by what the transport said."""
        cause = error.__cause__ or error
        why = self._clean(str(cause)) or type(cause).__name__
        if type(cause).__name__ in _NEVER_SENT:
            return LLMError(f"no connection: {why}", kind="connection")
        return LLMError(f"the connection broke: {why}", kind="broken")

    def _clean(self, text: str) -> str:
        """Return one line, bounded and without the key."""
        return " ".join(self._hide(text).split())[:MAX_REASON_CHARS]

    def _hide(self, text: str) -> str:
        return text.replace(self._api_key, "[api key]") if self._api_key else text

    def _scrubbed(self, error: Exception) -> Exception:
        """Take the key out of an exception that becomes a cause: servers echo it, and tracebacks show it."""
        if self._api_key and self._api_key in f"{error} {error!r} {vars(error).get('body')!r}":
            error.args = tuple(self._hide(str(value)) for value in error.args)
            for name in ("message", "body"):
                if hasattr(error, name):
                    setattr(error, name, self._hide(str(getattr(error, name))))
        return error


def _kind(status: int, said: str, *, formatted: bool) -> LLMErrorKind:
    """Return what a refusal means, by its status and, where that is vague, by its words."""
    if status == 429 and _says(said, _SPENT):  # noqa: PLR2004 - too many requests
        return "quota"
    if status in _KINDS:
        return _KINDS[status]
    if status in _REFUSALS:
        if _says(said, _NO_FORMAT):
            return "refused_format" if formatted else "request"
        if _says(said, _NO_MODEL):
            return "model"
        # A refusal without a telling word may be about the format: the rungs below it find out.
        return "refused_format" if formatted and not _says(said, _OTHER_FLAW) else "request"
    return "server" if status >= _SERVER else "request"


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)


def _searchable(error: APIStatusError) -> str:
    return f"{error.message} {error.body}"[:MAX_BODY_CHARS].lower()


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or as a date; None when it says neither."""
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _completion(body: str, *, asked: str) -> Completion:
    """Read a body that ought to be a chat completion."""
    if len(body) > MAX_BODY_CHARS:
        raise LLMError(f"the answer is longer than {MAX_BODY_CHARS} characters", kind="malformed")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        what = "HTML" if body.lstrip().startswith("<") else "no JSON" if body.strip() else "nothing"
        raise LLMError(f"HTTP 2xx with {what} in place of a completion", kind="malformed") from error
    choice = _first(found.get("choices")) if isinstance(found, dict) else {}
    if not choice:
        raise LLMError("the completion has no choices", kind="malformed")
    text = _text(choice.get("message"))
    finish_reason = choice.get("finish_reason")
    if not text.strip():
        raise LLMError(f"the completion has no text{_ended(finish_reason)}", kind="malformed")
    usage = found.get("usage")
    return Completion(
        text=text,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
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
