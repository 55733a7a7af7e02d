"""Control of a running sandbox over HTTP, for those outside its process: ledgers, faults and the clock.

It is served beside the coordination API, on loopback, and never shows or takes a secret.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.services.faults import FAULTS, FaultPlan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.http.clock import BlockClock, PostClock
    from sandbox.services.ledger import Ledgers

__all__ = ["control"]

_FAULT_KEYS = frozenset({"rates", "scripts", "seed"})
_CLOCK_KEYS = frozenset({"seconds_per_block", "block", "advance", "advance_seconds"})


def control(*, plan: FaultPlan, blocks: BlockClock, posts: PostClock, ledgers: Ledgers) -> Starlette:
    """GET /sandbox/ledger; GET and POST /sandbox/faults; GET and POST /sandbox/clock."""

    async def ledger(request: Request) -> Response:
        full = request.query_params.get("exchanges", "true") != "false"
        parts = {"x": ledgers.x, "llm": ledgers.llm, "api": ledgers.api}
        return JSONResponse({name: part.to_json() if full else part.summary() for name, part in parts.items()})

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            _set_faults(plan, _known(await request.json(), _FAULT_KEYS))
        return JSONResponse({**plan.settings(), "known": FAULTS})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            _set_clock(blocks, posts, _known(await request.json(), _CLOCK_KEYS))
        speed = blocks.seconds_per_block
        return JSONResponse({"seconds_per_block": speed, "posts_now": posts.now(), **blocks.fields(blocks.block)})

    return Starlette(
        routes=[
            Route("/sandbox/ledger", ledger),
            Route("/sandbox/faults", _checked(faults), methods=["GET", "POST"]),
            Route("/sandbox/clock", _checked(clock), methods=["GET", "POST"]),
        ]
    )


def _set_faults(plan: FaultPlan, body: dict[str, Any]) -> None:
    """Replace everything, or nothing when any part is wrong."""
    rates = body.get("rates", {})
    trial = FaultPlan(seed=0, rates=rates)
    for target in (trial, plan):
        target.replace(rates=rates, seed=body.get("seed"))
        for entry in body.get("scripts", []):
            more = {name: entry[name] for name in ("times", "only", "params") if name in entry}
            target.script(entry["route"], entry["fault"], **more)


def _set_clock(blocks: BlockClock, posts: PostClock, body: dict[str, Any]) -> None:
    """Set what is given; "seconds_per_block": null freezes the blocks."""
    if "seconds_per_block" in body:
        speed = body["seconds_per_block"]
        blocks.speed(None if speed is None else float(speed))
    if "block" in body:
        blocks.jump(int(body["block"]))
    blocks.advance(int(body.get("advance", 0)))
    posts.advance(float(body.get("advance_seconds", 0)))


def _known(body: Any, keys: frozenset[str]) -> dict[str, Any]:
    if not isinstance(body, dict) or not body.keys() <= keys:
        raise ValueError(f"expected a JSON object with keys of: {', '.join(sorted(keys))}")
    return body


def _checked(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer 400 with the reason where the request's JSON is not what the endpoint takes."""

    async def checked(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (json.JSONDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"detail": f"{type(error).__name__}: {error}"}, 400)

    return checked
