"""What carries requests of the real edges to the simulated world and the answers back, on the loop's own time.

A request that left arrives, whatever becomes of who sent it. The miner's edges are handed in behind the seams that
they have below their mapping of errors: nothing here says what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from actor.analyzer import Completion, LLMError
from actor.analyzer.refresh import ChainError
from actor.edges.llm_wire import read_completion, refusal
from actor.edges.reply import Reply, Unanswered
from events.catalogue import ChainPolled
from sandbox.services import Answer, Draw, Request, World

__all__ = [
    "Line",
    "Network",
    "SimulatedBugError",
    "SimulatedChat",
    "SimulatedExchange",
    "SimulatedNode",
    "search_page",
    "users",
]

_TIMEOUTS_S: Final = {"api.status": 10.0, "api.submit": 10.0, "x.search": 10.0, "x.users": 10.0, "llm.chat": 60.0}
# (least, most) seconds there and back, each.
_LATENCIES_S: Final = {
    "api.status": (0.02, 0.3),
    "api.submit": (0.02, 0.6),
    "x.search": (0.1, 1.0),
    "x.users": (0.1, 1.0),
    "llm.chat": (0.3, 4.0),
}
_NODE_S: Final = 5.0
_NODE_TIMEOUT_S: Final = 60.0
_SLOW_S: Final = (4.0, 90.0)
_CRAWL_S: Final = (10.0, 56.0)
_AGAIN_S: Final = (0.05, 8.0)
_RAISES_BEFORE: Final = 0.5  # else after the server acted
_ARRIVES_LATER: Final = 0.5  # else before the host sleeps


class SimulatedBugError(RuntimeError):
    """An effect raises what no edge maps."""


class Network:
    """Every way to every server.

    Args:
        world: The servers.
        loop: Whose time requests and answers take.
        world_s: The world's own time, which goes on while the host sleeps.
        suspend: Lets the host sleep; a number from 0 up to 1 says for how long.
    """

    def __init__(
        self,
        world: World,
        loop: asyncio.AbstractEventLoop,
        *,
        world_s: Callable[[], float],
        suspend: Callable[[float], None],
    ) -> None:
        self._world = world
        self._loop = loop
        self._world_s = world_s
        self._suspend = suspend

    def send(self, request: Request) -> asyncio.Future[Answer]:
        """Send one request; the future brings its answer or raises Unanswered.

        Raises:
            SimulatedBugError: The disturbance is that the effect itself raises; some do so only after the answer.
        """
        place = request.place
        draw = self._world.weather.draw(place)
        kind = draw.kind
        if kind == "raise" and draw.amount < _RAISES_BEFORE:
            raise _bug(place, draw)
        future: asyncio.Future[Answer] = self._loop.create_future()
        least, most = _LATENCIES_S[place]
        one_way_s = self._world.habits.slowness * (least + draw.share * draw.share * (most - least))
        if kind == "refused":
            error = Unanswered("no connection (refused)", kind="connection", never_sent=True)
            self._loop.call_later(one_way_s, _fail, future, error)
        elif kind == "lost":
            self._loop.call_later(_TIMEOUTS_S[place], _fail, future, _timeout())
        else:
            self._loop.call_later(one_way_s, self._arrive, draw, request, future, one_way_s)
        return future

    async def standing(self) -> ChainPolled:
        """What a node of the chain tells of the hotkey; the miner has no word in it."""
        draw = self._world.weather.draw("node")
        await asyncio.sleep(_NODE_TIMEOUT_S if draw.kind == "lost" else draw.share * _NODE_S)
        if draw.kind == "raise":
            raise _bug("node", draw)
        if draw.kind in {"lost", "refused"}:
            raise ChainError(f"the node's answer is {draw.kind}")
        block = self._world.chain.block(self._world_s())
        if draw.kind == "unregistered":
            return ChainPolled(block=block, miners=9)
        return ChainPolled(
            block=block,
            uid=1,
            incentive=draw.amount,
            alpha_per_day=10 * draw.amount,
            rank=1,
            miners=10,
            places_before=0 if draw.kind == "at_risk" else 50,
        )

    def _arrive(self, draw: Draw, request: Request, future: asyncio.Future[Answer], one_way_s: float) -> None:
        kind = draw.kind
        if kind == "asleep" and draw.amount < _ARRIVES_LATER:
            self._suspend(draw.share)
        answer, entry = self._world.arrive(draw, request, self._world_s())
        if kind == "asleep" and draw.amount >= _ARRIVES_LATER:
            self._suspend(draw.share)
        if kind == "twice":
            self._loop.call_later(_between(_AGAIN_S, draw.amount), self._arrive_again, draw, request)
        back_s = one_way_s
        if kind in {"slow", "crawl"}:
            back_s = _between(_SLOW_S if kind == "slow" else _CRAWL_S, draw.amount)
        left_s = _TIMEOUTS_S[request.place] - one_way_s
        if kind == "lost_answer" or back_s > left_s:
            self._loop.call_later(left_s, _fail, future, _timeout())
        elif kind == "raise":  # what it makes of the answer
            self._loop.call_later(back_s, _fail, future, _bug(request.place, draw))
        elif kind == "broken_answer":
            error = Unanswered("the connection broke", kind="connection")
            self._loop.call_later(back_s, _fail, future, error)
        else:
            self._loop.call_later(back_s, self._deliver, future, answer, entry)

    def _arrive_again(self, draw: Draw, request: Request) -> None:
        self._world.arrive(draw, request, self._world_s())

    def _deliver(self, future: asyncio.Future[Answer], answer: Answer, entry: Any) -> None:
        if not future.done():
            entry.delivered_s = self._world_s()
            future.set_result(answer)


class Line:
    """One process's end of the network; cut when that process dies."""

    def __init__(self, network: Network, life: int) -> None:
        self._network = network
        self._life = life
        self.is_cut = False

    def ask(
        self,
        place: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> asyncio.Future[Answer]:
        if self.is_cut:
            raise asyncio.CancelledError
        request = Request(place=place, headers=headers or {}, params=params or {}, content=content, life=self._life)
        return self._network.send(request)

    async def standing(self) -> ChainPolled:
        """The hotkey's, by a node of the chain."""
        if self.is_cut:
            raise asyncio.CancelledError
        return await self._network.standing()


class SimulatedNode:
    """``actor.ports.ChainPort``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:  # noqa: ARG002  (there is one of each)
        return await self._line.standing()


class SimulatedExchange:
    """``actor.edges.api.Exchanging``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def exchange(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None) -> Reply:
        place = "api.submit" if method == "POST" and url.endswith("/v2/submit") else "api.status"
        lowered = {name.lower(): value for name, value in headers.items()}
        return _reply(await self._line.ask(place, headers=lowered, content=content or b""))

    async def aclose(self) -> None:
        """Nothing stays open."""


async def search_page(line: Line, params: Mapping[str, Any], _left_s: float) -> tuple[Reply, Exception | None]:
    """One page of a search; the parameters as the client library takes them go out as X takes them."""
    return _reply(await line.ask("x.search", params=_wire(params))), None


async def users(line: Line, params: Mapping[str, Any], _left_s: float) -> tuple[Reply, Exception | None]:
    """Who some users are, likewise."""
    return _reply(await line.ask("x.users", params=_wire(params))), None


def _wire(params: Mapping[str, Any]) -> dict[str, str]:
    return {name.replace("_fields", ".fields"): _text(value) for name, value in params.items() if value is not None}


class SimulatedChat:
    """``actor.analyzer.LLM``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None,
        max_tokens: int,  # noqa: ARG002 - no answer of this world is long
        without: Collection[str] = (),  # noqa: ARG002 - it refuses no parameter
        vote: int = 0,
    ) -> Completion:
        body: dict[str, Any] = {"model": model, "messages": messages, "seed": vote}
        if response_format is not None:
            body["response_format"] = response_format
        try:
            answer = await self._line.ask("llm.chat", content=orjson.dumps(body))
        except Unanswered as error:
            raise LLMError(error.reason, kind=_llm_kind(error)) from error
        text = answer.body.decode()
        if 200 <= answer.status < 300:  # noqa: PLR2004
            return read_completion(text, asked=model)
        formatted = response_format is not None
        raise refusal(answer.status, text[:200], whole=text, headers=answer.headers, formatted=formatted)

    async def aclose(self) -> None:
        """Nothing stays open."""


def _llm_kind(error: Unanswered) -> Any:
    if error.kind == "timeout":
        return "timeout"
    return "connection" if error.never_sent else "broken"


def _reply(answer: Answer) -> Reply:
    return Reply(status=answer.status, headers=answer.headers, body=answer.body)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return ",".join(value) if isinstance(value, list) else str(value)


def _between(bounds: tuple[float, float], share: float) -> float:
    least, most = bounds
    return least + share * (most - least)


def _timeout() -> Unanswered:
    return Unanswered("no answer in time", kind="timeout")


def _bug(place: str, draw: Draw) -> SimulatedBugError:
    return SimulatedBugError(f"raised on purpose at {place} {draw.number}")


def _fail(future: asyncio.Future[Answer], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
