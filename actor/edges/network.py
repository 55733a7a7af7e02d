"""The way to a server: through which proxy, and with whose certificates. The same for every edge.

Libraries read the environment each in its own way, and some read other things from it, too. So none of them reads it:
it is read here, and each is handed the answer. Loopback is reached without a proxy, never without certificates.
"""

from __future__ import annotations

import base64
import logging
import os
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit
from urllib.request import getproxies

from actor.edges.certificates import certificate_faults, nobody, trusted
from actor.edges.no_proxy import NoProxy, ascii_host
from actor.edges.reply import Unanswered
from actor.edges.text import is_loopback

__all__ = ["Proxy", "Way", "environment_faults", "environment_remarks", "hush", "ours", "proxy_secrets", "way_to"]

_KINDS: Final = ("http", "https", "all")  # as urllib names them; ftp_proxy and its like concern nobody here
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that requests go through.

    Attributes:
        url: Scheme, host and port, without user and password: libraries quote it in their errors.
        authorization: The value of Proxy-Authorization; empty where no user is named.
        variable: The variable of the environment that names it.
    """

    url: str
    authorization: str = field(repr=False)
    variable: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy is sent beside the request."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    @property
    def certificates(self) -> ssl.SSLContext | None:
        """For TLS with the proxy itself; None where it is spoken to in clear."""
        return trusted() if self.url.startswith("https:") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a server is reached.

    Attributes:
        proxy: None for directly.
        certificates: For TLS with the server; of a plain http one nobody's.
    """

    proxy: Proxy | None
    certificates: ssl.SSLContext


def way_to(url: str) -> Way:
    """The way to the server of this URL, by the environment as it is now.

    Raises:
        Unanswered: The environment's proxies or certificates cannot be used; the reason names the variables.
    """
    if faults := environment_faults([url]):
        said = f"the environment's proxy or certificates cannot be used: {'; '.join(faults)}"
        raise Unanswered(said, kind="connection", never_sent=True)
    return Way(proxy=_proxy_to(url), certificates=trusted() if url.startswith("https:") else nobody())


def environment_faults(urls: Iterable[str]) -> list[str]:
    """Why these servers cannot be reached by this environment, one line for each variable; empty when they can.

    Of a proxy nothing is quoted: what cannot be read of it may be a part of its password.
    """
    asked = list(urls)
    faults = certificate_faults() if any(map(_needs_certificates, asked)) else []
    return [*faults, *(_proxy_faults() if not all(map(is_loopback, asked)) else ())]


def environment_remarks(urls: Iterable[str]) -> list[str]:
    """What else is wrong in this environment, one line for each variable, whether or not these servers need it."""
    faults = environment_faults(urls)
    return [line for line in (*certificate_faults(), *_proxy_faults(), *_unread()) if line not in faults]


def proxy_secrets() -> set[str]:
    """The passwords of the environment's proxies: one may send back what it was sent."""
    proxies = getproxies()
    found = (_read(proxies[kind]) for kind in _KINDS if proxies.get(kind))
    passwords = {parts.password for parts in found if parts is not None and parts.password}
    return passwords | {unquote_to_bytes(password).decode(errors="replace") for password in passwords}


def _needs_certificates(url: str) -> bool:
    proxy = _proxy_to(url)
    return url.startswith("https:") or (proxy is not None and proxy.url.startswith("https:"))


def _proxy_to(url: str) -> Proxy | None:
    proxies = getproxies()
    scheme = urlsplit(url).scheme
    kind = scheme if proxies.get(scheme) else "all"
    value = proxies.get(kind)
    parts = _read(value) if value else None
    if value is None or parts is None or is_loopback(url) or NoProxy.read(proxies.get("no", "")).covers(url):
        return None
    host = ascii_host(parts.hostname or "")
    place = f"[{host}]" if ":" in host else host
    return Proxy(
        url=f"{parts.scheme}://{place}:{parts.port or _DEFAULT_PORTS[parts.scheme]}",
        authorization=_authorization(parts),
        variable=_variable(kind, value),
    )


def _authorization(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    given = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
    return f"Basic {base64.b64encode(given).decode()}"


def _proxy_faults() -> Iterator[str]:
    proxies = getproxies()  # of two names that differ in case the lower one counts
    for kind in _KINDS:
        if proxies.get(kind) and _read(proxies[kind]) is None:
            yield (
                f"{_variable(kind, proxies[kind])}: is no proxy that can be used: expected one such as "
                "http://user:password@host:3128, not SOCKS, with a / in the password written as %2F: "
                "correct it in the environment, or unset it"
            )


def _unread() -> Iterator[str]:
    """What means nothing in NO_PROXY, in one line."""
    value = getproxies().get("no", "")
    # An address with a password in it is no entry, but may stand there.
    unread = ["one with an @" if "@" in entry else repr(entry[:_SHOWN]) for entry in NoProxy.read(value).unread]
    if unread:
        yield (
            f"{_variable('no', value)}: what is no host, address, network or * is skipped, the rest counts "
            f"({', '.join(unread)}): correct it"
        )


def _read(proxy: str) -> SplitResult | None:
    """Its parts; None when it cannot be used."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_place = bool(parts.hostname and ascii_host(parts.hostname).isprintable()) and parts.port != 0
    except ValueError:  # a port that is none, above all
        return None
    # What follows the address is a password with a /, ? or # in it, which was taken for the address's end.
    is_whole = parts.path in {"", "/"} and not parts.query and not parts.fragment
    return parts if is_place and is_whole and parts.scheme in _DEFAULT_PORTS else None


def _variable(kind: str, value: str) -> str:
    """The variable as it was spelled; both spellings where both hold the value."""
    spelled = [name for name, held in os.environ.items() if name.lower() == f"{kind}_proxy" and held == value]
    return " and ".join(sorted(spelled)) or f"{kind.upper()}_PROXY"


# httpx tells of each request at level INFO, and a neuron that logs at that level would have one for every poll. Whose
# request a line speaks of is known by the task that sends it, so no level of a library that others use is changed.
_ours: Final[ContextVar[bool]] = ContextVar("ours", default=False)


@contextmanager
def ours() -> Iterator[None]:
    """Within it, a hushed library says warnings only."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def hush(library: str) -> None:
    """Leave lines out that tell of requests of ours."""
    logging.getLogger(library).addFilter(_is_heard)


def _is_heard(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not _ours.get()
