"""The user miner: who decides (``machine``), who acts (``edges``), and the loop between them (``runtime``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actor.my_miner import MyMiner

__all__ = ["MyMiner"]


def __getattr__(name: str) -> Any:
    """Import ``MyMiner`` when it is asked for: readers of journals need neither settings nor edges."""
    if name == "MyMiner":
        from actor.my_miner import MyMiner  # noqa: PLC0415

        return MyMiner
    raise AttributeError(f"module 'actor' has no attribute {name!r}")
