"""The host's own clock. The only place of the actor that reads time; it decides nothing."""

from __future__ import annotations

import asyncio
import time

__all__ = ["SystemClock"]


class SystemClock:
    """``actor.ports.Clock`` on this host."""

    __slots__ = ()

    def now_ms(self) -> int:
        """The wall clock, unix milliseconds. It may jump."""
        return time.time_ns() // 1_000_000

    def elapsed_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
