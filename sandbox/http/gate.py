"""Carries a service over HTTP: a request comes in, is entered and answered, and the answer leaves as its fault has it.

It never looks into an answer; faults in what is said are the services' own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from sandbox.services.faults import Fault, FaultPlan
from sandbox.services.message import PAGES, Answer, Request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sandbox.services.ledger import Exchange, ExchangeLedger

__all__ = ["Gate", "Route", "always"]

_HANG_S: Final = 3600.0
_TAKEN_S: Final = 0.001
_MANY: Final = 10_000
_CRUMB: Final = b"1\r\n%b\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOT_ALLOWED: Final = Answer(
    status=405, headers={"content-type": "text/plain; charset=utf-8"}, body=b"Method Not Allowed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is asked at one path.

    Attributes:
        place: Such as "api.submit".
        methods: Those that are allowed.
        answer: The service; the last argument is the request's number.
        describe: What the ledger is to know of a request.
    """

    place: str
    methods: frozenset[str]
    answer: Callable[[Request, Fault, int], Answer]
    describe: Callable[[Request], Mapping[str, Any]]


class Gate:
    """An ASGI application around a service.

    Only the paths in routes are gated; anything else, such as the control endpoints, is for `otherwise`. An answer's
    Date header is that of `wall`, in unix seconds.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        plan: FaultPlan,
        ledger: ExchangeLedger,
        wall: Callable[[], float],
        otherwise: ASGIApp,
    ) -> None:
        self._routes = routes
        self._wall = wall
        self._plan = plan
        self._ledger = ledger
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._otherwise(scope, receive, send)
            return
        content = await _whole_body(receive)
        if content is None:
            return
        request = _request(route, scope, content)
        fault = self._plan.decide(route.place, content)
        entry = self._ledger.open(route.place, fault.name, route.describe(request))
        if await _keeps_silent(fault, scope, receive):
            return
        answer = PAGES.get(fault.name) or self._answer(route, scope, request, fault, entry)
        entry.status = answer.status
        if fault.name != "undated":
            answer = answer.with_header("date", formatdate(self._wall(), usegmt=True))
        if fault.name == "flood_chunks":
            entry.answered = await _flood(scope, receive, _in_crumbs(answer, fault))
            scope["state"]["close"]()
            return
        last = await _all_but_last(answer, fault, scope, receive, send)
        if last is not None:
            # Entered before the last piece leaves, so that whoever has the whole answer finds it entered.
            entry.answered = True
            await send({"type": "http.response.body", "body": last, "more_body": False})

    def _answer(self, route: Route, scope: Scope, request: Request, fault: Fault, entry: Exchange) -> Answer:
        if scope["method"] not in route.methods:
            return _NOT_ALLOWED
        answer = route.answer(request, fault, entry.seq)
        if answer.outcome:
            entry.facts, entry.outcome = {**entry.facts, **answer.facts}, answer.outcome
        return answer


def always(answer: Answer) -> ASGIApp:
    """An application that has one answer to everything."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    return app


def _request(route: Route, scope: Scope, content: bytes) -> Request:
    return Request(
        place=route.place,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        params=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        content=content,
    )


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    named = {"content-type": "application/json", "content-length": str(len(answer.body)), **answer.headers}
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]


async def _whole_body(receive: Receive) -> bytes | None:
    """The request's body; None when the client left before it was complete."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def _client_left(receive: Receive, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while (await receive())["type"] != "http.disconnect":
                pass
        return True
    return False


async def _close(scope: Scope, receive: Receive) -> None:
    scope["state"]["abort"]()
    await _client_left(receive, 1.0)


async def _keeps_silent(fault: Fault, scope: Scope, receive: Receive) -> bool:
    """Whether the request ends here, without anything done or said."""
    if fault.name == "slow":
        return await _client_left(receive, fault.number("seconds", 1.0))
    if fault.name == "hang":
        left = await _client_left(receive, fault.number("seconds", _HANG_S))
        if not left:
            await _close(scope, receive)
        return True
    if fault.name == "flood_1xx":
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(fault.number("seconds", _HANG_S)):
                await _flood(scope, receive, itertools.repeat(_CONTINUE * _MANY))
        await _close(scope, receive)
        return True
    if fault.name == "drop":
        await _close(scope, receive)
        return True
    return False


async def _flood(scope: Scope, receive: Receive, pieces: Iterable[bytes]) -> bool:
    """Send bytes as they are, as fast as they are taken; whether all were."""
    state = scope["state"]
    for piece in pieces:
        state["write"](piece)
        while not await _client_left(receive, _TAKEN_S):
            if not state["buffered"]():
                break
        else:
            return False
    return True


def _in_crumbs(answer: Answer, fault: Fault) -> Iterator[bytes]:
    kept = [header for header in _headers(answer) if header[0].lower() != b"content-length"]
    lines = [b": ".join(header) for header in [*kept, (b"transfer-encoding", b"chunked"), (b"connection", b"close")]]
    yield b"\r\n".join([b"HTTP/1.1 %d Flood" % answer.status, *lines, b"", b""])
    blanks = int(fault.number("bytes", 2_000_000))
    yield from itertools.repeat(_CRUMB % b" " * _MANY, blanks // _MANY)
    yield _CRUMB % b" " * (blanks % _MANY) + b"".join(_CRUMB % bytes([byte]) for byte in answer.body) + b"0\r\n\r\n"


async def _all_but_last(answer: Answer, fault: Fault, scope: Scope, receive: Receive, send: Send) -> bytes | None:
    """Send all but the last piece of the answer, which is returned; None when that is not to be sent."""
    if fault.name == "lost_answer":
        await _close(scope, receive)
        return None
    await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
    if fault.name == "cut":
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        scope["state"]["close"]()
        await _client_left(receive, 1.0)
        return None
    return await _drip(answer.body, fault, receive, send) if fault.name == "drip" else answer.body


async def _drip(body: bytes, fault: Fault, receive: Receive, send: Send) -> bytes | None:
    size = max(1, int(fault.number("bytes", 1)))
    while True:
        if await _client_left(receive, fault.number("seconds", 0.05)):
            return None
        if len(body) <= size:
            return body
        await send({"type": "http.response.body", "body": body[:size], "more_body": True})
        body = body[size:]
