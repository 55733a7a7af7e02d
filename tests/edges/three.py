"""The three edges, each asked one thing in the same way, and an answer that all of them understand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from actor.analyzer import LLMError
from actor.edges.api import APIClient
from actor.edges.llm import OpenAIChat
from actor.edges.x import PostScraper
from actor.ports import ScrapeError, StatusError

__all__ = ["ANSWER", "EDGES", "KEY", "TOKEN", "Standing", "told_by"]

TOKEN: Final = "planted-x-token-0123456789"  # noqa: S105  (planted to be found)
KEY: Final = "sk-planted-key-0123456789"
ANSWER: Final[dict[str, Any]] = {
    "data": [],
    "meta": {"result_count": 0},
    "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "current_block": 6_000_042,
    "status": "ok",
}


class Standing:
    """A clock that stands, and a signer whose signatures are all alike."""

    ss58_address = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

    def now_ms(self) -> int:
        """Always the same."""
        return 1_795_000_000_250

    def elapsed_s(self) -> float:
        """None."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def sign(self, message: bytes) -> bytes:
        """As long as a signature."""
        return message[:1] * 64


async def _x(base: str, timeout_s: float) -> None:
    scraper = PostScraper(
        bearer_token=TOKEN,
        api_base=f"{base}/2",
        clock=Standing(),
        timeout_s=timeout_s / 2,
        total_timeout_s=timeout_s,
        redact=str,
    )
    await scraper.scrape_posts(5, keywords=("bittensor",), max_pages=1, is_seen=lambda _post: False)


async def _llm(base: str, timeout_s: float) -> None:
    llm = OpenAIChat(base_url=f"{base}/v1", api_key=KEY, timeout_s=timeout_s)
    try:
        await llm.complete(model="m", messages=[{"role": "user", "content": "τ"}], response_format=None, max_tokens=9)
    finally:
        await llm.aclose()


async def _api(base: str, timeout_s: float) -> None:
    api = APIClient(
        base_url=base,
        signer=Standing(),
        clock=Standing(),
        operation_timeout_s=timeout_s / 2,
        total_timeout_s=timeout_s,
        redact=str,
    )
    try:
        await api.status()
    finally:
        await api.aclose()


EDGES: Final[dict[str, Callable[[str, float], Awaitable[None]]]] = {"x": _x, "llm": _llm, "api": _api}


def told_by(edge: str, base: str, *, timeout_s: float = 60.0) -> str:
    """What the edge says of its failure to ask a server of this address; empty when it was answered."""
    try:
        asyncio.run(_asked(edge, base, timeout_s))
    except (ScrapeError, LLMError, StatusError) as error:
        return str(error)
    return ""


async def _asked(edge: str, base: str, timeout_s: float) -> None:
    await EDGES[edge](base, timeout_s)
