"""The page over HTTP: its files and what it asks of journals, behind a token in the path. GET only; nothing is written.

Without the token, with another Host, or for any other path the answer is the same few words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audit.inspect.query import parse_query
from audit.inspect.source import Source, words
from user_miner.inspect.files import PAGE

__all__ = ["HOSTS", "application"]

HOSTS: Final = ("127.0.0.1", "localhost")
_MOST_ROWS: Final = 2_000
_MOST_QUERY: Final = 2_000
_LOOK_S: Final = 0.5
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class _WrongError(Exception):
    """What was asked for does not exist."""


def application(sources: Sequence[Source], token: str, stopped: asyncio.Event) -> ASGIApp:
    """The application; its streams end when ``stopped`` is set."""
    answers: dict[str, Callable[[Source, Request], Any]] = {
        "about": lambda source, _: source.about(),
        "windows": lambda source, request: source.windows(_number(request, "first", most=source.about()["strip"])),
        "rows": _rows,
        "record": lambda source, request: source.record(_seq(source, request)),
        "step": _step,
        "setter": lambda source, request: source.setter(_text(request, "path"), _seq(source, request)),
        "gantt": _gantt,
        "find": _find,
        "costs": lambda source, _: source.costs(),
        "audit": lambda source, _: [*source.audit()],
    }

    def chosen(request: Request) -> Source:
        return sources[_number(request, "journal", most=len(sources) - 1)]

    async def answer(request: Request) -> Response:
        try:
            if (told := answers.get(request.path_params["what"])) is None:
                raise _WrongError
            found = await run_in_threadpool(told, chosen(request), request)
        except _WrongError:
            return _nothing()
        except LookupError:  # what was there is gone, for the journal was replaced or its index spoiled
            found = None
        return Response(orjson.dumps(found), media_type="application/json")

    async def start(_request: Request) -> Response:
        told = {"words": words(), "journals": [source.name for source in sources]}
        return Response(orjson.dumps(told), media_type="application/json")

    async def follow(request: Request) -> Response:
        try:
            lines = _changes(chosen(request), stopped)
        except _WrongError:
            return _nothing()
        return StreamingResponse(lines, media_type="text/event-stream")

    base = f"/{token}"
    app = Starlette(
        routes=[
            Route(f"{base}/", _file("index.html"), methods=["GET"]),
            *[Route(f"{base}/{name}", _file(name), methods=["GET"]) for name in sorted(_names())],
            Route(f"{base}/api/start", start, methods=["GET"]),
            Route(f"{base}/api/follow", follow, methods=["GET"]),
            Route(f"{base}/api/{{what}}", answer, methods=["GET"]),
        ],
        middleware=[Middleware(_Headers), Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))],
        exception_handlers={404: lambda _request, _error: _nothing(), 405: lambda _request, _error: _nothing()},
    )
    app.router.redirect_slashes = False
    return app


async def _changes(source: Source, stopped: asyncio.Event) -> AsyncIterator[bytes]:
    """What a journal comes to whenever it has grown, with the record's number as id."""
    last: object = None
    while not stopped.is_set():
        about = source.about()
        if (now := (about["records"], about["reading"], about["stopped"], about["judged"])) != last:
            last = now
            yield b"id: %d\ndata: %b\n\n" % (about["records"], orjson.dumps(about))
        try:
            await asyncio.wait_for(stopped.wait(), _LOOK_S)
        except TimeoutError:
            continue


def _rows(source: Source, request: Request) -> Any:
    last = source.about()["records"]
    first = _number(request, "first", least=1, most=max(1, last))
    until = _number(request, "last", most=2**53)
    return source.rows(first, min(until, last, first + _MOST_ROWS - 1)) if last else []


def _step(source: Source, request: Request) -> Any:
    seq = _seq(source, request)
    return {"state": source.state(seq), **source.reason(seq)}


def _gantt(source: Source, request: Request) -> Any:
    return source.gantt(_number(request, "index", most=source.about()["strip"] - 1))


def _find(source: Source, request: Request) -> Any:
    return source.find(parse_query(_text(request, "query")), _number(request, "start", most=2**53))


def _seq(source: Source, request: Request) -> int:
    return _number(request, "seq", least=1, most=source.about()["records"])


def _number(request: Request, name: str, *, least: int = 0, most: int) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < len(str(2**53)) + 1 and least <= int(text) <= most):
        raise _WrongError
    return int(text)


def _text(request: Request, name: str) -> str:
    text = request.query_params.get(name, "")
    if len(text) > _MOST_QUERY:
        raise _WrongError
    return text


def _names() -> set[str]:
    return {path.name for path in PAGE.iterdir() if path.suffix in _TYPES and path.name != "index.html"}


def _file(name: str) -> Callable[[Request], Response]:
    """One of the page's own files; which there are is known before anybody asks."""
    path: Path = PAGE / name

    def answer(_request: Request) -> Response:
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix])

    return answer


def _nothing() -> Response:
    return PlainTextResponse("Nothing is here. Open the whole address that user-miner inspect printed.\n", 404)


class _Headers:
    """Adds what a browser is to refuse to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
