"""The language model's edge: one chat completion over HTTP by the openai client.

openai is imported only for the first request, in a thread of its own: that takes most of a second, in which nothing
else should wait. It makes one request per call: when to repeat is the caller's business. Whatever
fails outside this process becomes one LLMError with its cause kept. The API key never stands in an error or a log line.

A server sees by its closed connection that a client has given up. LiteLLM's proxy does not look: the model behind it
goes on writing for nobody, and the next question waits. So it is told when this client gives up, and not to repeat.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from actor.analyzer.port import PARAMETERS, Completion, LLMError
from actor.edges.llm_wire import read_completion, redirect, refusal
from actor.edges.network import way_to
from actor.edges.reply import Reply, Unanswered, is_before_sending
from actor.edges.text import Redactor, safe_line, shown
from actor.edges.threads import in_daemon_thread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openai import APIStatusError, AsyncOpenAI

__all__ = ["OpenAIChat", "import_client"]

SEED: Final = 812
MAX_REASON_CHARS: Final = 200
_MAX_ADDRESS_CHARS: Final = 80  # it may be told twice, and the fix behind it is to be seen
_REDIRECTS: Final = range(300, 400)
_PROXY_REFUSES: Final = 407


def import_client() -> None:
    """Import what the first request needs, for whoever measures how long a request takes."""
    import actor.edges.llm_http  # noqa: F401, PLC0415 - see the module's first lines


class OpenAIChat:
    """An OpenAI-compatible chat endpoint; implements `actor.analyzer.LLM`."""

    def __init__(self, *, base_url: str, api_key: str, timeout_s: float) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            base_url: Address of the API, such as https://llm.chutes.ai/v1.
            api_key: Sent as bearer token, and taken out of every text this edge gives away.
            timeout_s: Seconds for one whole call, a slowly dripping answer included.
        """
        self._base_url = base_url
        self._api_key = api_key
        self._redact = Redactor([api_key])
        self._timeout_s = timeout_s
        self._told = {"X-LiteLLM-Timeout": f"{timeout_s:g}", "X-LiteLLM-Num-Retries": "0"}
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None,
        max_tokens: int,
        without: Collection[str] = (),
        vote: int = 0,
    ) -> Completion:
        """Make one request; see `actor.analyzer.LLM`.

        Raises:
            LLMError: Anything but a chat completion with text in it.
        """
        given = {"max_tokens": max_tokens, "temperature": 0, "seed": SEED + vote}
        if "max_tokens" in without:
            given["max_completion_tokens"] = given.pop("max_tokens")
        request: dict[str, Any] = {
            "model": model,
            "messages": _unruled(messages) if "system" in without else [dict(message) for message in messages],
            **{name: value for name, value in given.items() if name not in without},
        }
        if response_format is not None:
            request["response_format"] = dict(response_format)
        return read_completion(
            await self._send(request),
            asked=model,
            formatted=response_format is not None,
            sent=_sent(request),
            clean=self._clean,
        )

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _opened(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                self._client = await in_daemon_thread(self._open, name="llm-client")
            return self._client

    def _open(self) -> AsyncOpenAI:
        from actor.edges.llm_http import open_client  # noqa: PLC0415 - see the module's first lines

        try:
            return open_client(base_url=self._base_url, api_key=self._api_key, timeout_s=self._timeout_s)
        except Unanswered as error:
            raise LLMError(error.reason, kind="connection") from None

    async def _send(self, request: dict[str, Any]) -> str:
        """Return the body of a 2xx answer."""
        client = await self._opened()
        from openai import APIConnectionError, APIStatusError, APITimeoutError  # noqa: PLC0415 - it is there now

        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                answer = await client.chat.completions.with_raw_response.create(**request, extra_headers=self._told)
                return str(answer.text)
        except APIStatusError as error:
            raise self._refused(error, request) from self._scrubbed(error)
        except (OSError, APIConnectionError) as error:  # TimeoutError is an OSError
            late = isinstance(error, TimeoutError | APITimeoutError)
            raise self._unanswered(error, late=late) from self._scrubbed(error)
        except Exception as error:  # noqa: BLE001 - the client lets errors of other libraries through
            raise LLMError(f"unreadable answer: {type(error).__name__}", kind="malformed") from self._scrubbed(error)

    def _refused(self, error: APIStatusError, request: Mapping[str, Any]) -> LLMError:
        answer = error.response
        reply = Reply(status=error.status_code, headers=dict(answer.headers), body=answer.content)
        if reply.status in _REDIRECTS:
            to = safe_line(shown(reply.headers.get("location", "")), self._redact, _MAX_ADDRESS_CHARS)
            return redirect(reply.status, to)
        if reply.status == _PROXY_REFUSES or _is_of_squid(reply):
            said = self._clean(reply.summary(self._redact))
            return LLMError(
                f"HTTP {reply.status} of {self._proxied() or 'a proxy before it'}: {said}", kind="connection"
            )
        return refusal(
            reply.status,
            self._clean(reply.summary(self._redact)),
            whole=reply.text(),
            headers=reply.headers,
            formatted="response_format" in request,
            sent=_sent(request),
        )

    def _unanswered(self, error: Exception, *, late: bool) -> LLMError:
        """Tell a connection that never came about from one that broke, by what the transport said."""
        cause = error.__cause__ or error
        why = self._clean(str(cause)) or type(cause).__name__
        if is_before_sending(cause):
            proxy = self._proxied()
            return LLMError(f"no connection{f' through {proxy}' if proxy else ''}: {why}", kind="connection")
        if late:
            return LLMError(f"no answer within {self._timeout_s:g} s", kind="timeout")
        return LLMError(f"the connection broke: {why}", kind="broken")

    def _proxied(self) -> str:
        """The proxy on the way to the server, by its variable; empty where there is none."""
        try:
            proxy = way_to(self._base_url).proxy
        except Unanswered:  # the environment has changed since
            return ""
        return "" if proxy is None else f"the proxy that {proxy.variable} names"

    def _clean(self, text: str) -> str:
        """Return one line, bounded and without the key in any form: half of one would not be found later."""
        return safe_line(text, self._redact, MAX_REASON_CHARS)

    def _scrubbed(self, error: Exception) -> Exception:
        """Take the key out of an exception that becomes a cause: servers echo it, and tracebacks show it."""
        shown = f"{error} {error!r} {vars(error).get('body')!r}"
        if self._redact(shown) != shown:
            error.args = tuple(self._redact(str(value)) for value in error.args)
            for name in ("message", "body"):
                if hasattr(error, name):
                    setattr(error, name, self._redact(str(getattr(error, name))))
        return error


def _is_of_squid(reply: Reply) -> bool:
    """Whether the proxy that most companies have speaks, and not the server."""
    return "x-squid-error" in reply.headers or "(squid/" in reply.text()


def _sent(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of `PARAMETERS` that a request has."""
    has_system = any(message["role"] == "system" for message in request["messages"])
    return tuple(name for name in PARAMETERS if name in request or (name == "system" and has_system))


def _unruled(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same messages for a model that knows no system role: its words open the first message of the user."""
    rules = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    others = [dict(message) for message in messages if message["role"] != "system"]
    if rules and others:
        others[0]["content"] = f"{rules}\n\n{others[0]['content']}"
    return others
