"""Many hotkeys of one process under observation: a monitor for each, and one answer to a probe for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

from actor.metrics.monitor import Health, Monitor
from actor.settings.model import Settings

__all__ = ["FleetMonitor"]

_FRESH_S: Final = 1.0
_NAMED: Final = 3


class FleetMonitor:
    """What is known of all of them. Members are added and change in the loop's thread; any thread may ask.

    Attributes:
        members: A monitor for each hotkey that was started.
        stopped: Why a hotkey does not mine, by hotkey; those that mine are not in here.
    """

    def __init__(self) -> None:
        self.members: Mapping[str, Monitor] = {}
        self.stopped: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._asked_s = float("-inf")
        self._answer = Health(ok=True, reason="no hotkey is started yet")

    def watch(self, hotkey: str, settings: Settings) -> Monitor:
        """The monitor of a hotkey that is about to start, instead of an earlier one."""
        monitor = Monitor(settings, loop_answers=self.alive)
        self.members = {**self.members, hotkey: monitor}
        self.stopped = {name: why for name, why in self.stopped.items() if name != hotkey}
        return monitor

    def stop(self, hotkey: str, why: str) -> None:
        """It does not mine any more."""
        self.stopped = {**self.stopped, hotkey: why}

    def leave(self, hotkey: str) -> None:
        """It is no part of the fleet any more."""
        self.members = {name: monitor for name, monitor in self.members.items() if name != hotkey}
        self.stopped = {name: why for name, why in self.stopped.items() if name != hotkey}

    def alive(self) -> Health:
        """Whether the loop answers, which is one for all: so it is asked once a second at most."""
        with self._lock:
            if time.monotonic() - self._asked_s > _FRESH_S:
                held = (one for one in self.members.values() if one.store is not None and one.store.stage == "held")
                first = next(held, None)
                self._answer = Health(ok=True, reason="no journal is held") if first is None else first.loop_alive()
                self._asked_s = time.monotonic()
            return self._answer

    def ready(self) -> Health:
        """Whether all of them can do their work now; the reason names those that cannot."""
        troubles = dict(self.stopped)
        for name, monitor in self.members.items():
            if name not in troubles and not (found := monitor.ready()).ok:
                troubles[name] = found.reason
        if not troubles:
            return Health(ok=True, reason=f"{len(self.members)} hotkeys at work")
        told = [f"{name}: {why}" for name, why in list(troubles.items())[:_NAMED]]
        more = f"; and {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
        known = len({*self.members, *self.stopped})
        return Health(ok=False, reason=f"{len(troubles)} of {known} hotkeys are not at work: {'; '.join(told)}{more}")
