"""The language model's client: imports openai and its transport, httpx2, and is itself imported when needed.

openai takes headers from the environment, the key among them, and sends them to any server. Here nothing of it is sent,
and a request goes the way that every edge goes.

openai reads every answer to its end and unpacks it, whatever comes out: 400 KB can become 400 MiB. Here an answer is
cut where it is longer than any that is read, refusals among them; what is left of it is judged like any other.
Compression is not asked for, and bounded all the same; an answer that is not packed as it says is read as it came.

No redirect is followed: the key and the question are for the server that was set, and one that moved is to be set anew.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2
from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAsyncHttpxClient, Omit

from actor.edges.llm_wire import MAX_BODY_CHARS
from actor.edges.network import Way, hush, ours, way_to
from actor.edges.pace import Body, pace

__all__ = ["open_client"]

# OPENAI_LOG has set it at the import, and would show each request whatever LOG_LEVEL says.
logging.getLogger("openai").setLevel(logging.NOTSET)
hush("httpx2")

# One more than so many characters can take in UTF-8: who counts them sees that there were too many.
_LARGEST_BODY: Final = 4 * MAX_BODY_CHARS + 1


def open_client(*, base_url: str, api_key: str, timeout_s: float) -> AsyncOpenAI:
    """A client of one server, which asks once; nothing is sent yet.

    Args:
        base_url: The server's address, with its version.
        api_key: Sent as bearer token.
        timeout_s: For each write and each read; half of it for connecting, so that it is known that nothing was sent.

    Raises:
        Unanswered: The environment's proxies or certificates cannot be used; the reason names the variables.
    """
    way_to(base_url)  # now rather than with the first request, whose failures have other names
    return _Client(
        base_url=base_url,
        api_key=api_key,
        timeout=httpx2.Timeout(timeout_s, connect=timeout_s / 2),
        max_retries=0,
        http_client=_BoundedHttp(),
    )


class _Client(AsyncOpenAI):
    @property
    def default_headers(self) -> dict[str, str | Omit]:
        """What is sent beside the key: nothing of the environment, and nothing about this machine."""
        return {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "user-miner"}


class _Ways(httpx2.AsyncBaseTransport):
    """Sends each request on the way to its server."""

    def __init__(self) -> None:
        self._by_way: dict[Way, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        way = way_to(str(request.url))
        if way not in self._by_way:
            transport = httpx2.AsyncHTTPTransport(
                verify=way.certificates, proxy=_proxy(way), limits=DEFAULT_CONNECTION_LIMITS, trust_env=False
            )
            self._by_way[way] = pace(transport, _LARGEST_BODY)
        return await self._by_way[way].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._by_way.values():
            await transport.aclose()


def _proxy(way: Way) -> httpx2.Proxy | None:
    if way.proxy is None:
        return None
    return httpx2.Proxy(way.proxy.url, headers=way.proxy.headers, ssl_context=way.proxy.certificates)


class _BoundedHttp(DefaultAsyncHttpxClient):
    """What openai sends with."""

    def __init__(self) -> None:
        super().__init__(
            transport=_Ways(),
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a server could let them grow without a bound
            headers={"Accept-Encoding": "identity"},
        )

    async def send(self, request: Any, **options: Any) -> Any:
        """Send one request, once; no body is read beyond the bound."""
        with ours():
            return await _cut(await super().send(request, **options | {"stream": True, "follow_redirects": False}))


async def _cut(answer: Any) -> Any:
    """The same answer with its body read as far as the bound, and unpacked."""
    packed = Body(_LARGEST_BODY)
    async with aclosing(answer.aiter_raw()) as pieces:
        async for piece in pieces:
            if not packed.take(piece):
                break
    # As bytes: a server may say in a header what is not ASCII.
    headers = [(name, value) for name, value in answer.headers.raw if name.lower() != b"content-encoding"]
    body = _unpacked(answer, bytes(packed))
    cut = type(answer)(answer.status_code, headers=headers, content=body, request=answer.request)
    cut.encoding = "utf-8"  # as JSON is; the charset that a server names may be any codec of Python's, zlib among them
    return cut


def _unpacked(answer: Any, packed: bytes) -> bytes:
    """What was packed, as far as the bound; the same where it is not packed as the answer's headers say."""
    again = type(answer)(answer.status_code, headers=answer.headers, content=iter((packed,)), request=answer.request)
    body = Body(_LARGEST_BODY)
    try:
        for piece in again.iter_bytes():  # each of at most a mebibyte, however much is packed
            if not body.take(piece):
                break
    except httpx2.DecodingError:
        return packed
    return bytes(body)
