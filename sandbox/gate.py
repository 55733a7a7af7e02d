"""Stands before each stand-in: enters every request in the ledger and plays the faults of the transport.

It never looks into an answer; faults in what is said are the stand-ins' own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from sandbox.faults import Fault, FaultPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.ledger import Ledger

__all__ = ["Gate"]

_HANG_S = 3600.0
_TAKEN_S = 0.001
_MANY = 10_000
_CRUMB = b"1\r\n%b\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CUT_JSON = b'{"data": [{"id": "19'
_PAGE = b"<!doctype html><html><head><title>Just a moment...</title></head><body><h1>%s</h1></body></html>"
_CANNED: dict[str, tuple[int, bytes, bytes]] = {
    "html": (200, b"text/html; charset=utf-8", _PAGE % b"Checking your browser"),
    "html_503": (503, b"text/html; charset=utf-8", _PAGE % b"503 Service Temporarily Unavailable"),
    "blank": (200, b"application/json", b""),
    "not_json": (200, b"application/json", _CUT_JSON),
}


@dataclass(slots=True)
class _Answer:
    """An answer kept back until it is known how to send it."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """Stand in for the server's send."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def start(self) -> Message:
        """The message that begins the answer."""
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


class Gate:
    """An ASGI application around a stand-in.

    Only the paths in routes are gated; anything else, such as the control endpoints, passes untouched. An answer's
    Date header is that of `wall`, in unix seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        plan: FaultPlan,
        ledger: Ledger,
        wall: Callable[[], float],
        routes: Mapping[str, str],
        describe: Callable[[Scope, bytes], Mapping[str, Any]],
    ) -> None:
        self._app = app
        self._wall = wall
        self._plan = plan
        self._ledger = ledger
        self._routes = routes
        self._describe = describe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            return
        fault = self._plan.decide(route, body)
        seq = self._ledger.open(route, fault.name, self._describe(scope, body))
        scope["state"] = {**scope.get("state", {}), "fault": fault, "seq": seq}
        if await _keeps_silent(fault, scope, receive):
            return
        answer = _canned(fault) or await self._act(scope, body)
        if fault.name != "undated":
            answer.headers.append((b"date", formatdate(self._wall(), usegmt=True).encode()))
        self._ledger.close(seq, status=answer.status, answered=False)
        if fault.name == "flood_chunks":
            whole = await _flood(scope, receive, _in_crumbs(answer, fault))
            self._ledger.close(seq, status=answer.status, answered=whole)
            scope["state"]["close"]()
            return
        if await _delivers_last(answer, fault, scope, receive, send):
            # Entered before the last piece leaves, so that whoever has the whole answer finds it entered.
            self._ledger.close(seq, status=answer.status, answered=True)
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _act(self, scope: Scope, body: bytes) -> _Answer:
        answer = _Answer()

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, answer.take)
        return answer


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


def _canned(fault: Fault) -> _Answer | None:
    if fault.name not in _CANNED:
        return None
    status, kind, body = _CANNED[fault.name]
    length = str(len(body)).encode()
    return _Answer(status, [(b"content-type", kind), (b"content-length", length)], body)


async def _delivers_last(answer: _Answer, fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send all but the last piece of the answer, which stays in its body; False when that is not to be sent."""
    if fault.name == "lost_answer":
        await _close(scope, receive)
        return False
    await send(answer.start())
    if fault.name == "cut":
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        scope["state"]["close"]()
        await _client_left(receive, 1.0)
        return False
    return fault.name != "drip" or await _drip(answer, fault, receive, send)


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


def _in_crumbs(answer: _Answer, fault: Fault) -> Iterator[bytes]:
    kept = [header for header in answer.headers if header[0].lower() != b"content-length"]
    lines = [b": ".join(header) for header in [*kept, (b"transfer-encoding", b"chunked"), (b"connection", b"close")]]
    yield b"\r\n".join([b"HTTP/1.1 %d Flood" % answer.status, *lines, b"", b""])
    blanks = int(fault.number("bytes", 2_000_000))
    yield from itertools.repeat(_CRUMB % b" " * _MANY, blanks // _MANY)
    yield _CRUMB % b" " * (blanks % _MANY) + b"".join(_CRUMB % bytes([byte]) for byte in answer.body) + b"0\r\n\r\n"


async def _drip(answer: _Answer, fault: Fault, receive: Receive, send: Send) -> bool:
    size = max(1, int(fault.number("bytes", 1)))
    while True:
        if await _client_left(receive, fault.number("seconds", 0.05)):
            return False
        if len(answer.body) <= size:
            return True
        await send({"type": "http.response.body", "body": answer.body[:size], "more_body": True})
        answer.body = answer.body[size:]
