"""One page of X recent search over HTTP: the only file that imports tweepy and requests, itself imported when needed.

tweepy knows one host and no timeout, follows redirects and chokes on answers that are not what it expects. So its
session is replaced by one that sends to X_API_BASE, bounds time and size, and keeps the answer as it came: what an
answer means is decided from those bytes, whatever tweepy raised over them. Where a body is read piece by piece, the
errors of urllib3, which is requests' transport, come through as they are. The time is bounded by cutting the
connection: libraries bound each read, and a server that drips its headers is in time with each.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import requests
import tweepy
import urllib3.exceptions as transport
from requests.adapters import HTTPAdapter

from actor.edges.reply import Reply, Unanswered, root_cause

__all__ = ["fetch_page"]

_TWEEPY_BASE: Final = "https://api.twitter.com/2"
_LARGEST_BODY: Final = 4 * 1024 * 1024
_PIECE: Final = 65_536
# A connection that did not get so far as to carry a request; any other may have broken after it was read.
_NEVER_SENT: Final = (transport.SSLError, transport.ProxyError)
# What could not be read may be the environment's proxy, and what is quoted of it a part of its password.
_UNREADABLE: Final = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, transport.LocationValueError)


def _no_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# Its debug records hold the bearer token. A filter holds even when somebody lowers the level later.
logging.getLogger("tweepy.client").addFilter(_no_debug)


def fetch_page(
    *,
    bearer_token: str,
    base: str,
    trust_env: bool,
    timeout_s: float,
    total_timeout_s: float,
    params: Mapping[str, Any],
) -> tuple[Reply, Exception | None]:
    """The answer, and what tweepy raised over it if it did. Blocks.

    Raises:
        Unanswered: No answer, or a 2xx that broke off.
    """
    with (
        _Lines(total_timeout_s) as lines,
        _Session(base, lines, trust_env=trust_env, timeout_s=timeout_s) as session,
    ):
        client = tweepy.Client(bearer_token, return_type=requests.Response, wait_on_rate_limit=False)
        client.session.close()
        client.session = session
        try:
            client.search_recent_tweets(**params)
        except Exception as error:  # any kind: tweepy trips over odd bodies in odd ways
            if session.reply is not None:
                return session.reply, error
            if isinstance(error, OSError | transport.HTTPError):  # all of requests' own are OSErrors
                unanswered = _unanswered(error, connected=lines.any_kept, is_over=lines.is_over)
                raise unanswered from (None if _is_unreadable(error) else error)
            raise
        if session.reply is None:  # pragma: no cover  (a call without an exception had an answer)
            raise Unanswered("no answer was kept", kind="connection")
        return session.reply, None


class _Session(requests.Session):
    """Sends what tweepy asks for to another base, within bounds, and keeps the answer in ``reply``."""

    def __init__(self, base: str, lines: _Lines, *, trust_env: bool, timeout_s: float) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(lines.keep))
        self._lines = lines
        self.trust_env = trust_env
        # Without an auth of its own, requests would let an entry in ~/.netrc replace the bearer token.
        self.auth = _unchanged
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
        body = bytearray()
        try:
            # Piece by piece as it arrives: iter_content waits for a whole chunk, which a dripping server never fills.
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > _LARGEST_BODY:
                    return bytes(body[:_LARGEST_BODY]), False
            if self._lines.is_over:
                raise requests.ReadTimeout("the answer came too slowly")
        except (requests.RequestException, transport.HTTPError):
            if response.ok:
                raise
            return bytes(body), False  # the status alone says what was refused
        return bytes(body), True


class _Lines:
    """The connections of one page, which are cut when its time is over, whatever is read from them then.

    Args:
        total_timeout_s: From entering it as a context.

    Attributes:
        is_over: Whether that time has passed.
    """

    def __init__(self, total_timeout_s: float) -> None:
        self._kept: list[socket.socket] = []
        self.is_over = False
        self._timer = threading.Timer(total_timeout_s, self._cut)
        self._timer.daemon = True

    @property
    def any_kept(self) -> bool:
        """Whether a connection came about."""
        return bool(self._kept)

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
    """Tells of each connection when it is made, before TLS and before a proxy is spoken to."""

    def __init__(self, opened: Callable[[socket.socket], None]) -> None:
        self._opened = opened
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _telling(pool.ConnectionCls, self._opened)
        return pool


def _telling(kind: Any, opened: Callable[[socket.socket], None]) -> Any:
    class Telling(kind):  # type: ignore[misc]  # plain or with TLS, as the pool has it
        def _new_conn(self) -> Any:
            line = super()._new_conn()
            opened(line)
            return line

    return Telling


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _with_body(response: requests.Response, body: bytes) -> requests.Response:
    copy = requests.Response()
    copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
    copy.headers, copy.request = response.headers, response.request
    copy.raw = io.BytesIO(body)
    return copy


def _unanswered(error: Exception, *, connected: bool, is_over: bool) -> Unanswered:
    if isinstance(error, requests.ConnectTimeout):
        return Unanswered("no connection in time", kind="connection", never_sent=True)
    if is_over or isinstance(error, requests.Timeout | TimeoutError | transport.TimeoutError):
        return Unanswered("no answer in time", kind="timeout")
    if _is_unreadable(error):
        what = f"the address, or a proxy of the environment, cannot be used ({type(error).__name__})"
        return Unanswered(what, kind="connection", never_sent=not connected)
    never_sent = not connected or any(isinstance(link, _NEVER_SENT) for link in _links(error))
    what = "no connection" if never_sent else "the connection broke"
    return Unanswered(f"{what} ({root_cause(error)})", kind="connection", never_sent=never_sent)


def _is_unreadable(error: Exception) -> bool:
    return any(isinstance(link, _UNREADABLE) for link in _links(error))


def _links(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
