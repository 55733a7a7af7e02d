"""Tells people when an alarm begins and when it ends, by a message to NOTIFY_URL; in a thread of its own.

Nothing of it is in the journal: whether somebody was told changes neither what the miner does nor what it did. So a
restart takes what the journal shows as on at the start, and what began before it, as told, and at most one message an
alarm goes out in some hours. The miner never waits for it, and what cannot be sent costs a line in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from actor.edges.messages import Message, Messenger, NotSentError
from actor.machine.alarms import Alarm
from actor.runtime import Actor

__all__ = ["Announcement", "Announcements", "Announcer", "announcing", "telling_alarms"]

_EVERY_S: Final = 1.0
_AGAIN_S: Final = 60.0
_QUIET_S: Final = 4 * 3600.0

_log = logging.getLogger("actor")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A message, the alarm that it is about, and until when no other one says that it began; None where it is over."""

    message: Message
    alarm: str
    quiet_until_s: float | None


class Announcements:
    """Which messages are due, and what was told. Nothing here sends or reads a clock.

    Args:
        who: The miner that they speak of.
        started_ms: An alarm that began before is known already, unix milliseconds.
    """

    def __init__(self, who: str, started_ms: int) -> None:
        self._who = who
        self._started_ms = started_ms
        self._told: set[str] = set()
        self._quiet_until_s: dict[str, float] = {}

    def inherit(self, names: Collection[str]) -> None:
        """These were on at the start, and told by the process before; they may be over before anybody looks."""
        self._told.update(names)

    def due(self, ringing: tuple[Alarm, ...], now_s: float) -> list[Announcement]:
        """What is to be sent; ``now_s`` is a time that never goes back."""
        known = {alarm.name for alarm in ringing if self._was_told_before(alarm)}
        self._told |= known
        over = [Announcement(_over(name, self._who), name, None) for name in self._told - {a.name for a in ringing}]
        return over + [
            Announcement(_begun(alarm, self._who), alarm.name, now_s + _QUIET_S)
            for alarm in ringing
            if alarm.name not in self._told and now_s >= self._quiet_until_s.get(alarm.name, now_s)
        ]

    def sent(self, what: Announcement) -> None:
        """It was taken."""
        if what.quiet_until_s is None:
            self._told.discard(what.alarm)
        else:
            self._told.add(what.alarm)
            self._quiet_until_s[what.alarm] = what.quiet_until_s

    def _was_told_before(self, alarm: Alarm) -> bool:
        return alarm.since_ms is not None and alarm.since_ms < self._started_ms


class Announcer:
    """Looks at the alarms again and again, and sends what is due.

    Args:
        look: The alarms that ring now, None before the miner works.
        send: Sends one message and waits for it; raises NotSentError.
        announcements: What is due.
        inherited: Names of the alarms that were on at the start; None before that is known.
    """

    def __init__(
        self,
        look: Callable[[], tuple[Alarm, ...] | None],
        send: Callable[[Message], None],
        announcements: Announcements,
        inherited: Callable[[], Collection[str] | None] = tuple,
    ) -> None:
        self._look = look
        self._send = send
        self._announcements = announcements
        self._inherited = inherited
        self._has_begun = False
        self._failing = False
        self._not_before_s = 0.0

    def step(self, now_s: float) -> None:
        """Look once. After a failure nothing is sent for a minute; the first of several is said, and their end."""
        if not self._has_begun:
            if (names := self._inherited()) is None:
                return
            self._announcements.inherit(names)
            self._has_begun = True
        ringing = self._look()
        if ringing is None or now_s < self._not_before_s:
            return
        for what in self._announcements.due(ringing, now_s):
            try:
                self._send(what.message)
            except NotSentError as error:
                self._failed(what, error, now_s)
                return
            self._announcements.sent(what)
            _log.info("sent by NOTIFY_URL: %s", what.message.title)
            self._failing = False

    def _failed(self, what: Announcement, error: NotSentError, now_s: float) -> None:
        self._not_before_s = now_s + _AGAIN_S
        if not self._failing:
            _log.error(
                "%r cannot be sent by NOTIFY_URL: %s; it is tried again every %d s; "
                "`user-miner doctor --notify` tries now",
                what.message.title,
                error,
                _AGAIN_S,
            )
        self._failing = True


@contextmanager
def telling_alarms(actor: Actor, hotkey: str, messenger: Messenger | None) -> Iterator[None]:
    """As long as this lasts, the messenger tells of the alarms of this hotkey's actor; None tells nobody."""
    if messenger is None:
        yield
        return
    teller = Announcer(
        lambda: actor.alarms() if actor.state.running else None,
        messenger.send,
        Announcements(hotkey, started_ms=time.time_ns() // 1_000_000),
        lambda: actor.inherited,
    )
    _log.info("alarms are sent by %s", messenger.service)
    with announcing(lambda: [teller]):
        yield


@contextmanager
def announcing(announcers: Callable[[], Iterable[Announcer]]) -> Iterator[None]:
    """As long as this lasts, a thread has each of them look every second, one after the other."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(_EVERY_S):
            for announcer in announcers():
                if over.is_set():
                    return
                try:
                    announcer.step(time.monotonic())
                except Exception:  # noqa: BLE001  (a bug here costs a message, not the next one)
                    _log.exception("alarms could not be sent: a bug in user-miner")

    threading.Thread(target=work, name="user-miner-alarms", daemon=True).start()
    try:
        yield
    finally:
        over.set()  # and no wait: what is being sent may take its time


def _begun(alarm: Alarm, who: str) -> Message:
    text = f"{alarm.words}. To fix it: {alarm.fix}. Miner {who}."
    return Message(title=f"user-miner: alarm {alarm.name}", text=text)


def _over(name: str, who: str) -> Message:
    return Message(title=f"user-miner: alarm {name} is over", text=f"Miner {who}.", good=True)
