"""One exchange over HTTP, with the coordination API above all: the only file that imports httpx, imported when needed.

It bounds time and size, follows nothing and keeps no cookies; what an answer means is not decided here.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

# httpx imports its own command line where it can, and rich and pygments with it: 8 MiB for nothing.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # the import system's own way to say no

import httpx

from actor.edges.reply import Reply, Unanswered, root_cause

__all__ = ["Exchanger", "environment_faults"]

_LARGEST_BODY: Final = 64 * 1024


class Exchanger:
    """An HTTP client of one event loop.

    Args:
        operation_timeout_s: For connecting, for each write and each read.
        total_timeout_s: For a whole exchange: each read of a dripping answer is in time, their sum is not.
        trust_env: Whether proxies and certificates of the environment are used.
        largest_body: Bytes that are read of an answer.

    Raises:
        Unanswered: The environment's proxies or certificates cannot be used; the reason names the variables.
    """

    def __init__(
        self, *, operation_timeout_s: float, total_timeout_s: float, trust_env: bool, largest_body: int = _LARGEST_BODY
    ) -> None:
        if trust_env and (faults := environment_faults()):
            said = f"the environment's proxy or certificates cannot be used: {'; '.join(faults)}"
            raise Unanswered(said, kind="connection", never_sent=True)
        self._total_timeout_s = total_timeout_s
        self._largest_body = largest_body
        self._client = httpx.AsyncClient(
            timeout=operation_timeout_s,
            trust_env=trust_env,
            verify=_certificates(trust_env=trust_env),
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
                return await self._receive(method, url, headers, content, partial)
        except (httpx.HTTPError, OSError) as error:  # TimeoutError is an OSError
            if partial and not partial[0].ok:
                return partial[0]  # the status alone says what was refused, a 429 above all (I6)
            raise _unanswered(error, self._total_timeout_s) from error

    async def aclose(self) -> None:
        """Close connections."""
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


def environment_faults() -> list[str]:
    """What no client can be made with, one line for each variable; empty when all can be used.

    A library's own words are left out: of a proxy that it cannot read they quote a part, which may be the password's.
    """
    return list(_certificate_faults()) or list(_proxy_faults())


def _certificate_faults() -> Iterator[str]:
    try:
        _certificates(trust_env=True)
    except OSError as error:  # ssl.SSLError is one
        name = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        yield (
            f"{name}: no certificates can be read from {os.environ.get(name)} ({type(error).__name__}): "
            "expected a PEM file that this user may read: correct it in the environment, or unset it"
        )


def _proxy_faults() -> Iterator[str]:
    proxies = getproxies()  # where httpx and requests look: of two names that differ in case, the lower one counts
    wrong = [kind for kind in ("http", "https", "all") if proxies.get(kind) and not _is_usable(proxies[kind])]
    for kind in wrong:
        yield (
            f"{_variable(kind, proxies[kind])}: is no proxy that can be used: expected one such as "
            "http://user:password@host:3128, not SOCKS, with a / in the password written as %2F: "
            "correct it in the environment, or unset it"
        )
    if not wrong and not _makes_client(trust_env=True):
        yield (
            f"{_variable('no', proxies.get('no', ''))}: holds what is no host: expected names and addresses with "
            "commas between them: correct it in the environment, or unset it"
        )


def _is_usable(proxy: str) -> bool:
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port out of range, above all, which httpx takes and trips over
        return False
    return has_place and _makes_client(trust_env=False, proxy=url)


def _makes_client(*, trust_env: bool, proxy: str | None = None) -> bool:
    try:
        httpx.AsyncClient(verify=_certificates(trust_env=True), trust_env=trust_env, proxy=proxy)
    except Exception:  # noqa: BLE001  (of many kinds: an unknown scheme, a port that is none, a missing library)
        return False
    return True


def _variable(kind: str, value: str) -> str:
    """The variable as it was spelled; both spellings where both hold the value."""
    spelled = [name for name, held in os.environ.items() if name.lower() == f"{kind}_proxy" and held == value]
    return " and ".join(sorted(spelled)) or f"{kind.upper()}_PROXY"


@cache
def _certificates(*, trust_env: bool) -> ssl.SSLContext:
    """Loading them takes longer than all the rest of a client, so they are loaded once."""
    return httpx.create_ssl_context(trust_env=trust_env)


async def _bounded_body(response: httpx.Response, largest: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > largest:
            return bytes(body[:largest]), False
    return bytes(body), True


def _unanswered(error: Exception, total_timeout_s: float) -> Unanswered:
    if isinstance(error, httpx.TimeoutException):
        return Unanswered(f"no answer in time ({type(error).__name__})", kind="timeout")
    if isinstance(error, TimeoutError):
        return Unanswered(f"no whole answer within {total_timeout_s:g} s", kind="timeout")
    return Unanswered(f"no connection ({root_cause(error)})", kind="connection")
