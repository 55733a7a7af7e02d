"""One exchange over HTTP, with the coordination API above all: the only file that imports httpx, imported when needed.

It bounds time and size, follows nothing and keeps no cookies; what an answer means is not decided here. Compression is
not asked for. An answer that is packed all the same is unpacked where little memory is enough, else read as it came.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

# httpx imports its own command line where it can, and rich and pygments with it: 8 MiB for nothing.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # the import system's own way to say no

import httpx

from actor.edges.network import Proxy, hush, ours, way_to
from actor.edges.pace import Body, pace
from actor.edges.reply import Reply, Unanswered, is_before_sending, root_cause

__all__ = ["Exchanger"]

_LARGEST_BODY: Final = 64 * 1024
# What is unpacked: a read of 4 KiB comes to 4 MiB at most. Packed twice, or by another packer that this environment
# happens to have, a few bytes come to gigabytes at one go, and nothing else has its turn meanwhile.
_UNPACKED: Final[tuple[list[str], ...]] = ([], ["identity"], ["gzip"], ["deflate"])

# Whoever sends more at once than connections are kept open for must not wait for another's answer.
_LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=20)

hush("httpx")


class Exchanger:
    """An HTTP client of one event loop, for one server.

    Args:
        base: The server's URL, which the way to it is chosen by.
        operation_timeout_s: For connecting, for each write and each read.
        total_timeout_s: For a whole exchange: each read of a dripping answer is in time, their sum is not.
        largest_body: Bytes that are read of an answer.

    Raises:
        Unanswered: The environment's proxies or certificates cannot be used; the reason names the variables.
    """

    def __init__(
        self, base: str, *, operation_timeout_s: float, total_timeout_s: float, largest_body: int = _LARGEST_BODY
    ) -> None:
        way = way_to(base)
        self._total_timeout_s = total_timeout_s
        self._largest_body = largest_body
        self._client = httpx.AsyncClient(
            timeout=operation_timeout_s,
            trust_env=False,
            transport=pace(
                httpx.AsyncHTTPTransport(
                    trust_env=False,
                    proxy=None if way.proxy is None else _proxy(way.proxy),
                    verify=way.certificates,
                    limits=_LIMITS,
                ),
                largest_body,
            ),
            follow_redirects=False,  # signed headers go nowhere else
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a server could let them grow without a bound
            headers={"User-Agent": "user-miner", "Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def exchange(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None) -> Reply:
        """Send one request.

        Raises:
            Unanswered: No answer, or a 2xx that broke off.
        """
        partial: list[Reply] = []
        try:
            async with asyncio.timeout(self._total_timeout_s):
                with ours():
                    return await self._receive(method, url, headers, content, partial)
        except (httpx.HTTPError, OSError) as error:  # TimeoutError is an OSError
            if partial and not partial[0].ok:
                return partial[0]  # the status alone says what was refused, a 429 above all (I6)
            raise _unanswered(error, self._total_timeout_s) from error

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _receive(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, partial: list[Reply]
    ) -> Reply:
        async with self._client.stream(method, url, headers=dict(headers), content=content) as response:
            # httpx gives header names in lower case.
            known = Reply(status=response.status_code, headers=dict(response.headers), complete=False)
            partial.append(known)
            body, complete = await _bounded_body(response, self._largest_body)
        return Reply(status=known.status, headers=known.headers, body=body, complete=complete)


def _proxy(proxy: Proxy) -> httpx.Proxy:
    return httpx.Proxy(proxy.url, headers=proxy.headers, ssl_context=proxy.certificates)


async def _bounded_body(response: httpx.Response, largest: int) -> tuple[bytes, bool]:
    body = Body(largest)
    packed = [name.lower() for name in response.headers.get_list("content-encoding", split_commas=True)]
    async for piece in response.aiter_bytes() if packed in _UNPACKED else response.aiter_raw():
        if not body.take(piece):
            break
    return bytes(body), body.complete


def _unanswered(error: Exception, total_timeout_s: float) -> Unanswered:
    never_sent = is_before_sending(error)
    if isinstance(error, httpx.TimeoutException):
        what = "no connection" if never_sent else "no answer"
        return Unanswered(f"{what} in time ({type(error).__name__})", kind="timeout", never_sent=never_sent)
    if isinstance(error, TimeoutError):
        return Unanswered(f"no whole answer within {total_timeout_s:g} s", kind="timeout")
    what = "no connection" if never_sent else "the connection broke"
    return Unanswered(f"{what} ({root_cause(error)})", kind="connection", never_sent=never_sent)
