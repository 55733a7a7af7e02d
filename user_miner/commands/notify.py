"""Tells a service manager how the miner is: ready, at work on what, alive, stopping (systemd's sd_notify).

Datagrams of ``KEY=value`` lines go to the socket that NOTIFY_SOCKET names, as sd_notify(3) fixes them. Without such a
socket nothing is sent. It never blocks and never fails: a manager that does not listen is no reason to stop mining.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from actor.machine.alarms import alarms
from actor.machine.state import State
from actor.perform import Meaning
from events.catalogue import Event
from events.describe import printable

__all__ = ["Notifier", "keep_alive"]

_PINGS: Final = 3  # within the manager's patience, so that one late ping kills nobody

_EXTENDED_US: Final = 10_000_000

_log = logging.getLogger("actor")


class Notifier:
    """The line to the service manager.

    Args:
        environ: Holds NOTIFY_SOCKET (a path, or a name behind "@" for an abstract socket) and the watchdog's variables.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._status: str | None = ""
        self.ping_every_s = _ping_every_s(environ) if self._address else None

    def tell(self, **fields: str | int) -> None:
        """Send fields such as ``READY=1`` in one datagram."""
        if not self._address:
            return
        lines = "\n".join(f"{name}={printable(str(value))}" for name, value in fields.items())
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.setblocking(False)  # noqa: FBT003  (socket's own signature)
                line.sendto(lines.encode(), address)
        except OSError as error:
            _log.debug("the service manager at %s did not get %s: %s", self._address, lines, error)

    def ready(self) -> None:
        """The journal is taken and the miner works."""
        self.tell(READY=1)

    def waiting(self) -> None:
        """Another one's lease has to end, or the journal's database to answer: no reason to start this process anew."""
        self.tell(WATCHDOG=1, EXTEND_TIMEOUT_USEC=_EXTENDED_US)

    def stopping(self, reason: str) -> None:
        """The end has begun; the state is of no interest any more."""
        self._status = None
        self.tell(STOPPING=1, STATUS=f"stopping: {reason}")

    def follow(self, state: State) -> None:
        """Tell the state where it differs from what was told last."""
        status = _status(state)
        if self._status is not None and status != self._status:
            self._status = status
            self.tell(STATUS=status)


async def keep_alive(notifier: Notifier, tell: Callable[[Meaning], bool]) -> None:
    """Ping the manager's watchdog until cancelled.

    Each ping goes through the miner's own loop, which ``tell`` reaches: one that hangs is silent, and is restarted.
    """

    def ping(_state: State) -> tuple[Event, ...]:
        notifier.tell(WATCHDOG=1)
        return ()

    while notifier.ping_every_s is not None:
        tell(ping)
        await asyncio.sleep(notifier.ping_every_s)


def _status(state: State) -> str:
    window = "no window yet" if state.window is None else f"window {state.window.number}"
    api = "; the coordination API is unreachable" if state.api_down else ""
    ringing = "".join(f"; alarm {alarm.title}: {alarm.fix}" for alarm in alarms(state, time.time_ns() // 1_000_000))
    return f"{state.state}, {window}; posts_processed {state.totals.accepted}{api}{ringing}"


def _ping_every_s(environ: Mapping[str, str]) -> float | None:
    """How often this process must speak; None when nobody waits for it."""
    try:
        meant = int(environ.get("WATCHDOG_PID") or os.getpid())
        patience_us = int(environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    return patience_us / 1e6 / _PINGS if patience_us > 0 and meant == os.getpid() else None
