"""What a server floods an edge with keeps the loop for a moment at a time, and comes to an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from actor.analyzer.port import LLMError
from actor.edges.api_http import Exchanger
from actor.edges.llm import OpenAIChat
from actor.edges.pace import Body, pace
from actor.edges.reply import Unanswered
from actor.edges.x_http import fetch_page
from sandbox import Sandbox, SandboxConfig
from tests.patience import GIVE_UP_S

MESSAGES = [{"role": "user", "content": "?"}]
TURN_S = 0.5  # of this thread's processor time: before, five answers took four seconds of it at one go


async def longest_turn(work: Awaitable[Any]) -> float:
    """Processor seconds of the loop's longest turn while ``work`` goes on."""
    found = [0.0]

    async def watch() -> None:
        while True:
            began_s = time.thread_time()
            await asyncio.sleep(0)
            found.append(time.thread_time() - began_s)

    watching = asyncio.create_task(watch())
    try:
        await work
    finally:
        watching.cancel()
    return max(found)


def test_five_floods_at_once_leave_the_loop_to_others() -> None:
    """Chunks of a byte from the LLM: each answer ends by itself, and none has the loop for long."""

    async def test(box: Sandbox) -> None:
        llm = OpenAIChat(base_url=box.llm_base, api_key=box.llm_key, timeout_s=GIVE_UP_S)

        async def ask(_number: int = 0) -> None:
            with pytest.raises(LLMError, match="nothing in place of a completion"):
                await llm.complete(
                    model=box.config.served_models[0], messages=MESSAGES, response_format=None, max_tokens=5
                )

        await ask()  # which imports the client
        assert await longest_turn(asyncio.gather(*map(ask, range(5)))) < TURN_S
        await llm.aclose()

    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box:
        box.script("llm.chat", "flood_chunks", times=6)
        asyncio.run(test(box))


def test_x_in_pieces_of_a_byte_is_cut_as_a_body_too_large_is() -> None:
    """It blocks a thread of its own, and that not for long either."""
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box:
        box.script("x.search", "flood_chunks")
        params = {"query": "a", "max_results": 10}
        times = {"timeout_s": GIVE_UP_S, "total_timeout_s": GIVE_UP_S}
        reply, _ = fetch_page(bearer_token=box.x_token, base=box.x_base, params=params, **times)
        assert (reply.complete, set(reply.body)) == (False, {ord(" ")})


@pytest.mark.parametrize(
    ("pieces", "complete"), [([b"abc"], True), ([b"ab", b"cd"], False), ([b"", b"ab"] * 9_000, False)]
)
def test_a_body_is_bounded_in_bytes_and_pieces(pieces: list[bytes], *, complete: bool) -> None:
    """What is beyond is not kept, and known to be missing."""
    body = Body(3)
    taken = [piece for piece in pieces if body.complete and body.take(piece) is not None]
    assert (body.complete, len(bytes(body)) <= 3, len(taken) < 17_000) == (complete, True, True)


class Line:
    """A connection over which a head comes without end; asyncio's transport lies as deep in it as in the library's."""

    _stream = SimpleNamespace(_transport=None)

    async def read(self, max_bytes: int, _timeout: float | None) -> bytes:
        """As much as is asked for, of a server that has all of it there."""
        assert max_bytes <= 4096
        return b"HTTP/1.1 100 Continue\r\n\r\n" * (max_bytes // 25)

    async def write(self, buffer: bytes, _timeout: float | None) -> None:
        """Taken."""

    async def aclose(self) -> None:
        """Closed."""

    def get_extra_info(self, _name: str) -> None:
        """Nothing is known."""

    async def start_tls(self, *_args: object, **_kwargs: object) -> Line:
        """The same within."""
        return Line()


class Network:
    """Opens such connections."""

    async def connect_tcp(self, *_args: object, **_kwargs: object) -> Line:
        """A new one."""
        return Line()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@pytest.mark.parametrize("url", ["http://a.invalid", "https://a.invalid"])
def test_a_head_without_an_end_is_broken_off(url: str) -> None:
    """Over TLS as in clear, though every read succeeds at once and nothing ever waits."""

    async def test() -> None:
        transport = httpx.AsyncHTTPTransport()
        transport._pool._network_backend = Network()  # type: ignore[assignment]
        async with httpx.AsyncClient(transport=pace(transport, 1_000)) as client:
            with pytest.raises(OSError, match="the answer takes more than 263144 bytes on the line"):
                await client.get(url)

    asyncio.run(test())


def test_an_exchange_tells_it_as_a_broken_connection() -> None:
    """Not as a bug: whoever asked may ask again."""

    async def test(box: Sandbox) -> None:
        api = Exchanger(box.api_base, operation_timeout_s=GIVE_UP_S, total_timeout_s=GIVE_UP_S, largest_body=10)
        with pytest.raises(Unanswered, match=r"the connection broke .*bytes on the line") as found:
            await api.exchange("GET", f"{box.api_base}/v2/status", headers={}, content=None)
        assert (found.value.kind, found.value.never_sent) == ("connection", False)
        await api.aclose()

    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box:
        box.script("api.status", "flood_1xx")
        asyncio.run(test(box))
