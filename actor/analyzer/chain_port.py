"""What a refresh of the registry needs from the chain: one read, one kind of answer, one error.

An edge implements `Chain`; tests implement it by hand. Nothing here does IO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Chain", "ChainError", "ChainSubnet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSubnet:
    """A subnet as the chain has it.

    Attributes:
        id: Its number.
        name: As its owner wrote it: any text at all; empty when there is none.
        registered: The day on which this number was given to it; None when the chain does not say.
    """

    id: int
    name: str
    registered: date | None


class ChainError(Exception):
    """The chain could not be read; one line for people."""


class Chain(Protocol):
    """A node of the network."""

    async def subnets(self) -> list[ChainSubnet]:
        """Every subnet that exists now.

        Raises:
            ChainError: No answer in time, or none that can be used.
        """
        ...
