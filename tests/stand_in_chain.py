"""Answers in a node's place: what bittensor's own client asks a node for, read from dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from bittensor import Substrate

from actor.edges.chain import BittensorChain
from tests.patience import GIVE_UP_S

__all__ = ["A_DAY", "HEAD", "NOW", "StandInChain", "chain_over", "subnet"]

NOW: Final = datetime(2026, 11, 22, 18, tzinfo=UTC)
HEAD: Final = 7_300_000
A_DAY: Final = 7_200  # blocks of 12 seconds


class StandInChain:
    """Storage items, maps and runtime calls of one block.

    Args:
        maps: Whole maps, by the item's name.
        items: Single values, by the item's name and the key; without a key for an item that needs none.
        prices: What the pool's runtime call answers, in rao, by subnet.
        error: What every question raises, that for token symbols aside.
    """

    def __init__(
        self,
        maps: Mapping[str, list[tuple[Any, Any]]] | None = None,
        items: Mapping[tuple[Any, ...], Any] | None = None,
        prices: Mapping[int, int] | None = None,
        error: Exception | None = None,
    ) -> None:
        self.token_symbols: dict[int, str] = {}
        self.closed = False
        self.blocks: set[str | None] = set()
        self.asked: list[str] = []
        self._maps = {"TokenSymbol": [], **(maps or {})}
        self._items = {("Now",): int(NOW.timestamp() * 1000), **(items or {})}
        self._prices = prices or {}
        self._error = error

    async def connect(self) -> None:
        """Be there."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def block_number(self) -> int:
        """The head."""
        return HEAD

    async def block_hash(self, block: int | None = None) -> str:
        """A block's hash."""
        return f"0x{block or HEAD:064x}"

    async def block_time(self) -> float:
        """Seconds."""
        return 12.0

    async def query(self, module: str, item: str, params: Any = None, block_hash: str | None = None) -> Any:
        """One value; None where there is none, as the client says it of an item without a default."""
        assert (module, item) == ("Timestamp", "Now") or module == "SubtensorModule"
        self._note(item, block_hash)
        return self._items.get((item, *(params or ())))

    async def query_map(self, module: str, item: str, params: Any = None, block_hash: str | None = None) -> Any:  # noqa: ARG002
        """One of the maps."""
        assert module == "SubtensorModule"
        if item != "TokenSymbol":
            self._note(item, block_hash)
        return self._maps[item]

    async def query_batch(self, module: str, item: str, param_sets: Any, block_hash: str | None = None) -> list[Any]:
        """Several values of one map."""
        assert module == "SubtensorModule"
        self._note(item, block_hash)
        return [self._items.get((item, *params)) for params in param_sets]

    async def runtime_call(self, api: str, method: str, params: Any, block_hash: str | None = None) -> Any:
        """The pool's price."""
        assert (api, method) == ("SwapRuntimeApi", "current_alpha_price")
        self._note(method, block_hash)
        return self._prices.get(params[0], 0)

    def _note(self, item: str, block_hash: str | None) -> None:
        self.asked.append(item)
        self.blocks.add(block_hash)
        if self._error is not None:
            raise self._error


def subnet(
    netuid: int,
    hotkeys: Mapping[str, tuple[int, int, bool, int]],
    *,
    tempo: int = 360,
    places: int = 256,
    immune: int = 5_000,
    owner: str | None = None,
) -> dict[tuple[Any, ...], Any]:
    """The items of one subnet.

    Args:
        netuid: Its number.
        hotkeys: In the order of their numbers: incentive of 65535, emission of an epoch in rao, whether it has a
            validator's permit, and the block of its registration.
        tempo: Blocks of an epoch.
        places: Most hotkeys.
        immune: Blocks for which a new hotkey keeps its place.
        owner: The owner's hotkey.
    """
    rows = list(hotkeys.values())
    return {
        ("NetworksAdded", netuid): True,
        ("SubnetworkN", netuid): len(rows),
        ("MaxAllowedUids", netuid): places,
        ("ImmunityPeriod", netuid): immune,
        ("Tempo", netuid): tempo,
        ("SubnetOwnerHotkey", netuid): owner,
        ("Incentive", netuid): [row[0] for row in rows],
        ("Emission", netuid): [row[1] for row in rows],
        ("ValidatorPermit", netuid): [row[2] for row in rows],
        **{("Uids", netuid, hotkey): uid for uid, hotkey in enumerate(hotkeys)},
        **{("BlockAtRegistration", netuid, uid): row[3] for uid, row in enumerate(rows)},
    }


def chain_over(stand_in: StandInChain) -> BittensorChain:
    """The edge with bittensor's own client, over the stand-in."""
    return BittensorChain(network="finney", timeout_s=GIVE_UP_S, substrate=cast("Substrate", stand_in))
