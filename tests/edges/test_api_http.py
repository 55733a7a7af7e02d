"""What the HTTP client does by itself, against raw answers on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

from actor.edges.api_http import Exchanger
from tests.patience import GIVE_UP_S


def test_cookies_are_not_kept(wire: Any) -> None:
    """A server that sets a new one with each answer would have them all returned with each request."""
    wire.plays(*(wire.answer(200, {}, Set_Cookie=f"name{number}={'x' * 500}; Path=/") for number in range(3)))

    async def ask_thrice() -> None:
        exchanger = Exchanger(wire.url, operation_timeout_s=GIVE_UP_S, total_timeout_s=GIVE_UP_S)
        for _ in range(3):
            await exchanger.exchange("GET", wire.url, headers={}, content=None)
        await exchanger.aclose()

    asyncio.run(ask_thrice())
    assert len(wire.requests) == 3
    assert not [request for request in wire.requests if b"cookie" in request.lower()]
