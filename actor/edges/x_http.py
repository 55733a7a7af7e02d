"""X over HTTP: the only file that imports tweepy and requests, itself imported when needed.

tweepy knows one host and no timeout, follows redirects and chokes on answers that are not what it expects. So its
session is replaced by one that sends to X_API_BASE on the way that every edge goes, bounds time and size, and keeps the
answer as it came: what an answer means is decided from those bytes, whatever tweepy raised over them. Where a body is
read piece by piece, the errors of urllib3, which is requests' transport, come through as they are. The time is bounded
by cutting the connection: libraries bound each read, and a server that drips its headers is in time with each.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Literal, Self

import requests
import tweepy
import urllib3.exceptions as transport
from requests.adapters import HTTPAdapter

from actor.edges.network import Way, way_to
from actor.edges.pace import Body
from actor.edges.permit import check_permit
from actor.edges.reply import Reply, Unanswered, root_cause

__all__ = ["fetch_page", "fetch_usage", "fetch_users"]

_TWEEPY_BASE: Final = "https://api.twitter.com/2"
_LARGEST_BODY: Final = 4 * 1024 * 1024
_PIECE: Final = 65_536


def _no_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# Its debug records hold the bearer token. A filter holds even when somebody lowers the level later.
logging.getLogger("tweepy.client").addFilter(_no_debug)


def fetch_page(
    *, bearer_token: str, base: str, timeout_s: float, total_timeout_s: float, params: Mapping[str, Any]
) -> tuple[Reply, Exception | None]:
    """One page of recent search, and what tweepy raised over it if it did. Blocks.

    Raises:
        Unanswered: No answer, or a 2xx that broke off.
    """

    def search(client: tweepy.Client) -> None:
        client.search_recent_tweets(**params)

    return _ask(search, bearer_token, base, timeout_s=timeout_s, total_timeout_s=total_timeout_s)


def fetch_users(
    *, bearer_token: str, base: str, timeout_s: float, total_timeout_s: float, params: Mapping[str, Any]
) -> tuple[Reply, Exception | None]:
    """Who some users are, and what tweepy raised over the answer if it did. Blocks.

    Raises:
        Unanswered: No answer, or a 2xx that broke off.
    """

    def look_up(client: tweepy.Client) -> None:
        client.get_users(**params)

    return _ask(look_up, bearer_token, base, timeout_s=timeout_s, total_timeout_s=total_timeout_s)


def fetch_usage(*, bearer_token: str, base: str, timeout_s: float) -> Reply:
    """How much this project has read, which costs nothing. Blocks.

    Raises:
        Unanswered: No answer, or a 2xx that broke off.
    """

    def look(client: tweepy.Client) -> None:
        client.request("GET", "/2/usage/tweets")

    reply, _ = _ask(look, bearer_token, base, timeout_s=timeout_s, total_timeout_s=timeout_s)
    return reply


def _ask(
    ask: Callable[[tweepy.Client], None], bearer_token: str, base: str, *, timeout_s: float, total_timeout_s: float
) -> tuple[Reply, Exception | None]:
    way = way_to(base)
    with _Lines(total_timeout_s) as lines, _Session(base, lines, way, timeout_s=timeout_s) as session:
        client = tweepy.Client(bearer_token, return_type=requests.Response, wait_on_rate_limit=False)
        client.session.close()
        client.session = session
        try:
            ask(client)
        except Exception as error:  # any kind: tweepy trips over odd bodies in odd ways
            if session.reply is not None:
                return session.reply, error
            if isinstance(error, OSError | transport.HTTPError):  # all of requests' own are OSErrors
                raise _unanswered(error, lines) from error
            raise
        if session.reply is None:  # pragma: no cover  (a call without an exception had an answer)
            raise Unanswered("no answer was kept", kind="connection")
        return session.reply, None


class _Session(requests.Session):
    """Sends what tweepy asks for to another base, within bounds, and keeps the answer in ``reply``."""

    def __init__(self, base: str, lines: _Lines, way: Way, *, timeout_s: float) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(lines, way))
        self._lines = lines
        self.trust_env = False  # it would read other proxies and certificates, and let ~/.netrc replace the token
        if way.proxy is not None:
            self.proxies = {"all": way.proxy.url}
        self.reply: Reply | None = None
        self._base = base
        self._timeout_s = timeout_s

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.update(timeout=self._timeout_s, stream=True, allow_redirects=False)
        with super().request(method, self._base + str(url).removeprefix(_TWEEPY_BASE), *args, **kwargs) as response:
            body, complete = self._read(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.reply = Reply(status=response.status_code, headers=headers, body=body, complete=complete)
        return _with_body(response, body)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """None: though it follows nothing, requests would read the whole body, and trip over what is no address."""
        return None

    def _read(self, response: requests.Response) -> tuple[bytes, bool]:
        body = Body(_LARGEST_BODY)
        try:
            # Piece by piece as it arrives: iter_content waits for a whole chunk, which a dripping server never fills.
            while piece := response.raw.read1(_PIECE, decode_content=True):
                if not body.take(piece):
                    break
            if self._lines.is_over:
                raise requests.ReadTimeout("the answer came too slowly")
        except (requests.RequestException, transport.HTTPError):
            if response.ok:
                raise
            return bytes(body), False  # the status alone says what was refused
        return bytes(body), body.complete


class _Lines:
    """The connections of one page, which are cut when its time is over, whatever is read from them then.

    Args:
        total_timeout_s: From entering it as a context.

    Attributes:
        is_over: Whether that time has passed.
        is_asking: Whether a request was begun on one of them, after TLS and after a proxy has opened its tunnel.
    """

    def __init__(self, total_timeout_s: float) -> None:
        self._kept: list[socket.socket] = []
        self.is_over = False
        self.is_asking = False
        self._timer = threading.Timer(total_timeout_s, self._cut)
        self._timer.daemon = True

    @property
    def never_sent(self) -> bool:
        """Whether no request can have left: urllib3 begins one before it connects where that needs no TLS."""
        return not (self._kept and self.is_asking)

    def keep(self, line: socket.socket) -> None:
        """Take a new connection; a duplicate, since TLS takes the socket itself apart."""
        self._kept.append(line.dup())
        if self.is_over:
            self._cut()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()  # a number that is closed here may be another file's a moment later
        for line in self._kept:
            line.close()

    def _cut(self) -> None:
        self.is_over = True
        for line in self._kept:
            with suppress(OSError):  # it has ended already
                line.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Goes the way that it is given, and tells of each connection and each request."""

    def __init__(self, lines: _Lines, way: Way) -> None:
        self._lines = lines
        self._way = way
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._way.certificates)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        inner = None if self._way.proxy is None else self._way.proxy.certificates
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._way.certificates, proxy_ssl_context=inner)

    def proxy_headers(self, proxy: Any) -> dict[str, str]:  # noqa: ARG002  (there is one)
        return {} if self._way.proxy is None else self._way.proxy.headers

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: requests would add its own certificates to the context, which verifies by itself."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _telling(pool.ConnectionCls, self._lines)
        return pool


def _telling(kind: Any, lines: _Lines) -> Any:
    class Telling(kind):  # type: ignore[misc]  # plain or with TLS, as the pool has it
        def _new_conn(self) -> Any:
            line = super()._new_conn()
            lines.keep(line)
            return line

        def request(self, *args: Any, **kwargs: Any) -> None:
            lines.is_asking = True
            super().request(*args, **kwargs)

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            check_permit()
            super().send(data)

    return Telling


def _with_body(response: requests.Response, body: bytes) -> requests.Response:
    copy = requests.Response()
    copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
    copy.headers, copy.request = response.headers, response.request
    copy.raw = io.BytesIO(body)
    return copy


def _unanswered(error: Exception, lines: _Lines) -> Unanswered:
    never_sent = lines.never_sent
    if lines.is_over or _is_late(error):
        kind: Literal["timeout", "connection"] = "connection" if never_sent else "timeout"
        what = "no connection in time" if never_sent else "no answer in time"
        return Unanswered(what, kind=kind, never_sent=never_sent)
    what = "no connection" if never_sent else "the connection broke"
    return Unanswered(f"{what} ({root_cause(error)})", kind="connection", never_sent=never_sent)


def _is_late(error: Exception) -> bool:
    return isinstance(error, requests.Timeout | TimeoutError | transport.TimeoutError)
