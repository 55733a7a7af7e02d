"""One page of X recent search over HTTP: the only file that imports tweepy and requests, itself imported when needed.

tweepy knows one host and no timeout, follows redirects and chokes on answers that are not what it expects. So its
session is replaced by one that sends to X_API_BASE, bounds time and size, and keeps the answer as it came: what an
answer means is decided from those bytes, whatever tweepy raised over them. Where a body is read piece by piece, the
errors of urllib3, which is requests' transport, come through as they are.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import requests
import tweepy
import urllib3.exceptions as transport

from actor.edges.reply import Reply, Unanswered, root_cause

__all__ = ["fetch_page"]

_TWEEPY_BASE: Final = "https://api.twitter.com/2"
_LARGEST_BODY: Final = 4 * 1024 * 1024
_PIECE: Final = 65_536
# A connection that never came about; any other may have broken after the request was read.
_NEVER_SENT: Final = (
    transport.NewConnectionError,
    transport.ConnectTimeoutError,
    transport.SSLError,
    transport.ProxyError,
)


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
    with _Session(base, trust_env=trust_env, timeout_s=timeout_s, total_timeout_s=total_timeout_s) as session:
        client = tweepy.Client(bearer_token, return_type=requests.Response, wait_on_rate_limit=False)
        client.session.close()
        client.session = session
        try:
            client.search_recent_tweets(**params)
        except Exception as error:  # any kind: tweepy trips over odd bodies in odd ways
            if session.reply is not None:
                return session.reply, error
            if isinstance(error, OSError | transport.HTTPError):  # all of requests' own are OSErrors
                raise _unanswered(error) from error
            raise
        if session.reply is None:  # pragma: no cover  (a call without an exception had an answer)
            raise Unanswered("no answer was kept", kind="connection")
        return session.reply, None


class _Session(requests.Session):
    """Sends what tweepy asks for to another base, within bounds, and keeps the answer in ``reply``."""

    def __init__(self, base: str, *, trust_env: bool, timeout_s: float, total_timeout_s: float) -> None:
        super().__init__()
        self.trust_env = trust_env
        # Without an auth of its own, requests would let an entry in ~/.netrc replace the bearer token.
        self.auth = _unchanged
        self.reply: Reply | None = None
        self._base = base
        self._timeout_s = timeout_s
        self._deadline_s = time.monotonic() + total_timeout_s

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.update(timeout=self._timeout_s, stream=True, allow_redirects=False)
        with super().request(method, self._base + str(url).removeprefix(_TWEEPY_BASE), *args, **kwargs) as response:
            body, complete = self._read(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.reply = Reply(status=response.status_code, headers=headers, body=body, complete=complete)
        return _with_body(response, body)

    def _read(self, response: requests.Response) -> tuple[bytes, bool]:
        body = bytearray()
        try:
            # Piece by piece as it arrives: iter_content waits for a whole chunk, which a dripping server never fills.
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > _LARGEST_BODY:
                    return bytes(body[:_LARGEST_BODY]), False
                if time.monotonic() > self._deadline_s:
                    raise requests.ReadTimeout("the answer came too slowly")
        except (requests.RequestException, transport.HTTPError):
            if response.ok:
                raise
            return bytes(body), False  # the status alone says what was refused
        return bytes(body), True


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _with_body(response: requests.Response, body: bytes) -> requests.Response:
    copy = requests.Response()
    copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
    copy.headers, copy.request = response.headers, response.request
    copy.raw = io.BytesIO(body)
    return copy


def _unanswered(error: Exception) -> Unanswered:
    if isinstance(error, requests.ConnectTimeout):
        return Unanswered("no connection in time", kind="connection", never_sent=True)
    if isinstance(error, requests.Timeout | TimeoutError | transport.TimeoutError):
        return Unanswered("no answer in time", kind="timeout")
    never_sent = any(isinstance(link, _NEVER_SENT) for link in _links(error))
    what = "no connection" if never_sent else "the connection broke"
    return Unanswered(f"{what} ({root_cause(error)})", kind="connection", never_sent=never_sent)


def _links(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
