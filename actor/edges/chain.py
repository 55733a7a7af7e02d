"""The chain's edge: which subnets exist, what they call themselves and who is on them, read through bittensor.

The only file that imports bittensor's client, and late, because that takes most of a second. It only reads, signs
nothing and needs no wallet. Whatever fails outside this process becomes one ChainError with its cause kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from actor.analyzer.refresh import ChainError, ChainSubnet

if TYPE_CHECKING:
    from bittensor import Client, Snapshot, Substrate

__all__ = ["BittensorChain", "NetworkError", "SubnetPlace"]

MAX_REASON_CHARS: Final = 200

T = TypeVar("T")


class NetworkError(ChainError):
    """There is no network of that name: a mistake of the operator, not of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPlace:
    """A hotkey's place on a subnet.

    Attributes:
        exists: Whether there is such a subnet.
        uid: The hotkey's number there; None when it is not registered.
    """

    exists: bool
    uid: int | None


class BittensorChain:
    """A network by its name or by the address of a node; implements `actor.analyzer.refresh.Chain`."""

    def __init__(self, *, network: str, timeout_s: float, substrate: Substrate | None = None) -> None:
        """Prepare; nothing is sent yet.

        Args:
            network: A name that bittensor knows (finney, test, local, …), or a ws:// or wss:// address.
            timeout_s: Seconds for everything, the import of bittensor left aside.
            substrate: Answers in the network's place.

        Raises:
            NetworkError: There is no such network.
        """
        import bittensor  # noqa: PLC0415 - costs most of a second, and hardly any command reads the chain

        self._network = network
        self._timeout_s = timeout_s
        self._storage: Any = bittensor.storage.SubtensorModule
        try:
            self._client: Client = bittensor.Client(network, substrate=substrate)
        except ValueError as error:
            raise NetworkError(_line(error)) from error

    async def subnets(self) -> list[ChainSubnet]:
        """Every subnet that exists at the chain's head.

        Raises:
            ChainError: No answer in time, or none that can be used.
        """
        return await self._ask(self._subnets)

    async def place(self, *, netuid: int, hotkey: str) -> SubnetPlace:
        """Where a hotkey stands at the chain's head.

        Raises:
            ChainError: As for `subnets`.
        """

        async def read(head: Snapshot) -> SubnetPlace:
            exists = await head.query(self._storage.NetworksAdded, [netuid])
            uid = await head.query(self._storage.Uids, [netuid, hotkey])
            return SubnetPlace(exists=bool(exists), uid=None if uid is None else int(uid))

        return await self._ask(read)

    async def _ask(self, read: Callable[[Snapshot], Awaitable[T]]) -> T:
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit, self._client as client:
                return await read(await client.at())
        except TimeoutError as error:
            if not limit.expired():
                raise ChainError(f"{self._network}: the connection timed out") from error
            raise ChainError(f"{self._network}: no answer within {self._timeout_s:g} s") from error
        except Exception as error:  # the client lets errors of its own and of other libraries through
            raise ChainError(f"{self._network}: {_line(error)}") from error

    async def _subnets(self, head: Snapshot) -> list[ChainSubnet]:
        """Read everything at one block, so that names and numbers belong together."""
        added = await head.query_map(self._storage.NetworksAdded)
        names: dict[int, str] = await head.read("subnet_names")
        registered = await head.query_map(self._storage.NetworkRegisteredAt)
        block_s, today = await head.block_time(), (await head.timestamp()).date()
        days = {int(number): _day(today, head.block - int(block), block_s) for number, block in registered}
        ids = sorted(int(number) for number, exists in added if exists)
        return [ChainSubnet(id=number, name=str(names.get(number, "")), registered=days.get(number)) for number in ids]


def _day(today: date, blocks_ago: int, block_s: float) -> date | None:
    try:
        return today - timedelta(seconds=blocks_ago * block_s)
    except OverflowError:
        return None


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARS else f"{text[: MAX_REASON_CHARS - 1]}…"
