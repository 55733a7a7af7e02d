"""The chain's edge: which subnets exist, what they call themselves, who is on them and earns what, through bittensor.

The only file that imports bittensor's client, and late, because that takes most of a second. It only reads, signs
nothing and needs no wallet. Whatever fails outside this process becomes one ChainError with its cause kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from actor.analyzer.refresh import ChainError, ChainSubnet
from actor.edges.text import place as host_and_port
from actor.edges.threads import in_daemon_thread, run_loop
from events.catalogue import ChainPolled

if TYPE_CHECKING:
    from bittensor import Client, Snapshot, Substrate

__all__ = ["BittensorChain", "NetworkError", "NoSubnetError", "SubnetPlace", "ThreadedChain"]

MAX_REASON_CHARS: Final = 200
_DAY_S: Final = 86_400
_RAO: Final = 1_000_000_000
_WHOLE_SHARE: Final = 65_535

T = TypeVar("T")


class NetworkError(ChainError):
    """There is no network of that name: a mistake of the operator, not of the chain."""

    kind = "network"


class NoSubnetError(ChainError):
    """The chain has no subnet of that number."""

    kind = "no_subnet"


class _SilentChainError(ChainError):
    kind = "timeout"


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
    """A network by its name or by the address of a node; implements `actor.analyzer.refresh.Chain`.

    Attributes:
        name: What the network is called in words, without what may be a key.
    """

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

        self.name = _shown(network)
        self._network = network
        self._timeout_s = timeout_s
        self._storage: Any = bittensor.storage.SubtensorModule
        try:
            self._client: Client = bittensor.Client(network, substrate=substrate)
        except ValueError as error:
            raise NetworkError(self._line(error)) from error

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

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:
        """How a hotkey stands on its subnet at the chain's head.

        Raises:
            NoSubnetError: There is no such subnet.
            ChainError: As for `subnets`.
        """
        return await self._ask(lambda head: self._standing(head, netuid, hotkey))

    async def _ask(self, read: Callable[[Snapshot], Awaitable[T]]) -> T:
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit, self._client as client:
                return await read(await client.at())
        except ChainError:
            raise
        except TimeoutError as error:
            if not limit.expired():
                raise _SilentChainError(f"{self.name}: the connection timed out") from error
            raise _SilentChainError(f"{self.name}: no answer within {self._timeout_s:g} s") from error
        except Exception as error:  # the client lets errors of its own and of other libraries through
            raise ChainError(f"{self.name}: {self._line(error)}") from error

    def _line(self, error: Exception) -> str:
        text = " ".join(str(error).replace(self._network, self.name).split()) or type(error).__name__
        return text if len(text) <= MAX_REASON_CHARS else f"{text[: MAX_REASON_CHARS - 1]}…"

    async def _subnets(self, head: Snapshot) -> list[ChainSubnet]:
        """Read everything at one block, so that names and numbers belong together."""
        added = await head.query_map(self._storage.NetworksAdded)
        names: dict[int, str] = await head.read("subnet_names")
        registered = await head.query_map(self._storage.NetworkRegisteredAt)
        block_s, today = await head.block_time(), (await head.timestamp()).date()
        days = {int(number): _day(today, head.block - int(block), block_s) for number, block in registered}
        ids = sorted(int(number) for number, exists in added if exists)
        return [ChainSubnet(id=number, name=str(names.get(number, "")), registered=days.get(number)) for number in ids]

    async def _standing(self, head: Snapshot, netuid: int, hotkey: str) -> ChainPolled:
        """A dozen small items instead of the metagraph, which has every key and address of the subnet in it."""
        item = self._storage
        if not await head.query(item.NetworksAdded, [netuid]):
            raise NoSubnetError(f"{self.name}: there is no subnet {netuid}")
        uid = await head.query(item.Uids, [netuid, hotkey])
        incentives = [int(share) for share in await head.query(item.Incentive, [netuid]) or ()]
        permits = [bool(has) for has in await head.query(item.ValidatorPermit, [netuid]) or ()]
        price_rao = int((await head.read("alpha_price", netuid=netuid))["price_rao"])
        tao_per_alpha = price_rao / _RAO if price_rao else None
        if uid is None:
            return ChainPolled(block=head.block, miners=permits.count(False), tao_per_alpha=tao_per_alpha)
        place = int(uid)
        emissions = [int(rao) for rao in await head.query(item.Emission, [netuid]) or ()]
        epochs_a_day = _DAY_S / (await head.block_time() * max(1, int(await head.query(item.Tempo, [netuid]))))
        immune_blocks, places_before = await self._safety(head, netuid, place, emissions)
        own = _at(incentives, place)
        others = [share for other, share in enumerate(incentives) if other != place and not _at(permits, other)]
        return ChainPolled(
            block=head.block,
            uid=place,
            incentive=own / _WHOLE_SHARE,
            alpha_per_day=_at(emissions, place) / _RAO * epochs_a_day,
            rank=1 + sum(share > own for share in others),
            miners=1 + len(others),
            places_before=places_before,
            immune_blocks=immune_blocks,
            tao_per_alpha=tao_per_alpha,
        )

    async def _safety(
        self, head: Snapshot, netuid: int, place: int, emissions: Sequence[int]
    ) -> tuple[int, int | None]:
        """How many blocks a place is immune, and how many hotkeys can register before it is the next to be given away.

        A full subnet gives the place away that earned least, of several the one that was registered first, then the
        one with the lowest number. New hotkeys and the owner's keep theirs.
        """
        item = self._storage
        count = int(await head.query(item.SubnetworkN, [netuid]))
        most = int(await head.query(item.MaxAllowedUids, [netuid]))
        immune = int(await head.query(item.ImmunityPeriod, [netuid]))
        since = await head.query_batch(item.BlockAtRegistration, [[netuid, uid] for uid in range(count)])
        owner = await head.query(item.SubnetOwnerHotkey, [netuid])
        owner_uid = None if owner is None else await head.query(item.Uids, [netuid, owner])
        left = [max(0, immune - (head.block - int(block or 0))) for block in since]
        if place == owner_uid or _at(left, place):
            return _at(left, place), None

        def goes(uid: int) -> tuple[int, int, int]:
            return _at(emissions, uid), int(since[uid] or 0), uid

        first = sum(not left[uid] and uid != owner_uid and goes(uid) < goes(place) for uid in range(count))
        return 0, max(0, most - count) + first


class ThreadedChain:
    """The chain for a running miner, read in a thread and a loop of its own; implements `actor.ports.ChainPort`.

    Neither the import of bittensor, nor its work, nor a connection that hangs holds the miner's loop or its stop up.
    """

    def __init__(self, *, network: str, timeout_s: float, redact: Callable[[str], str]) -> None:
        self._network = network
        self._timeout_s = timeout_s
        self._redact = redact
        self._reads = False

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:
        """See `actor.ports.ChainPort`."""
        if self._reads:
            raise _SilentChainError("the node has not let go of the question before: restart user-miner")
        self._reads = True

        def read() -> ChainPolled | ChainError:
            try:
                chain = BittensorChain(network=self._network, timeout_s=self._timeout_s)
                return run_loop(chain.standing(netuid=netuid, hotkey=hotkey))
            except ChainError as error:
                return error
            finally:
                self._reads = False

        # Twice the time: the thread's own limit does not count the import, and cannot end a call that hangs.
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                found = await in_daemon_thread(read, name="chain")
        except TimeoutError as error:
            found = _SilentChainError(f"no answer within {2 * self._timeout_s:g} s")
            found.__cause__ = error
        if isinstance(found, ChainError):
            # An address may hold a key, as it may in the text of any library's error.
            raise type(found)(self._redact(str(found))) from found
        return found


def _at(values: Sequence[int], place: int) -> int:
    """A vector of the chain may be shorter than the subnet right after a registration."""
    return values[place] if place < len(values) else 0


def _day(today: date, blocks_ago: int, block_s: float) -> date | None:
    try:
        return today - timedelta(seconds=blocks_ago * block_s)
    except OverflowError:
        return None


def _shown(network: str) -> str:
    """A name as it is; of an address no more than the host, for some nodes want a key in its path."""
    scheme, is_address, _ = network.partition("://")
    try:
        return f"{scheme}://{host_and_port(network)}" if is_address else network
    except ValueError:  # a port that is none
        return f"{scheme}://…"
