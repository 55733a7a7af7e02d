"""One hotkey of a fleet: its actor while it works, and why it does not when it does not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from actor.compose import RunOptions, build_actor, log_record, redactor
from actor.edges.messages import Messenger
from actor.edges.shared import Shared
from actor.edges.text import Redactor
from actor.machine import State
from actor.machine.alarms import Alarm
from actor.metrics.monitor import Monitor
from actor.metrics.telling import Announcements, Announcer
from actor.ports import Signer
from actor.runtime import Actor, IdentityError, UnreadableJournalError
from actor.settings.fleet_file import Member
from actor.settings.reload import Reloader
from actor.settings.sources import Sources
from events.journal.record import Record
from events.journal.store import JournalError, JournalLockedError
from user_miner.commands.run import WindowLimit
from user_miner.logs import Who, speaker

__all__ = ["Ended", "FleetMiner"]

STOPPED_ALARM: Final = "hotkey_stopped"

_log = logging.getLogger("actor")


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a hotkey stopped by itself.

    Attributes:
        line: For people.
        code: The exit code that ``run`` would have ended with.
        at_ms: When, unix milliseconds.
    """

    line: str
    code: int
    at_ms: int


class FleetMiner:
    """One hotkey.

    Args:
        member: Its settings.
        signer: Its key.
        who: Its name in the log.

    Attributes:
        ended: Why it stopped by itself; None while it works, and after a stop that was asked for.
        redact: Takes its secrets out of a text.
        announcer: Tells people of its alarms; None where nobody is told.
    """

    def __init__(self, member: Member, signer: Signer, who: Who) -> None:
        self.member = member
        self.signer = signer
        self.who = who
        self.ended: Ended | None = None
        self.redact: Redactor = redactor(member.settings)
        self.announcer: Announcer | None = None
        self._reloader = Reloader(member.settings, _nothing_to_read)
        self._actor: Actor | None = None
        self._stop_reason: str | None = None

    @property
    def is_at_work(self) -> bool:
        return self._actor is not None and self.ended is None

    def tell_by(self, messenger: Messenger | None) -> None:
        """Have its alarms told from now on; None tells nobody."""
        announcements = Announcements(self.who.hotkey, started_ms=time.time_ns() // 1_000_000)
        self.announcer = (
            None if messenger is None else Announcer(self._alarms, messenger.send, announcements, self._inherited)
        )

    async def work(
        self,
        options: RunOptions,
        shared: Shared,
        monitor: Monitor | None,
        *,
        on_ready: Callable[[], None],
    ) -> None:
        """Mine until stopped; what ends it before that is kept in ``ended``, and harms no other."""
        speaker.set(self.who)  # in this task, and those that it starts
        watch = WindowLimit(options.windows)

        def on_record(record: Record, state: State) -> None:
            log_record(record, state)
            if watch.is_reached(state):
                self.stop(f"{options.windows} window(s) worked, as asked")

        try:
            self._actor = build_actor(
                self.member.settings, self.signer, options, on_record=on_record, monitor=monitor, shared=shared
            )
            if self._stop_reason is not None:  # asked for before there was an actor
                self._actor.stop(self._stop_reason)
            await self._actor.run(on_ready=on_ready, on_wait=on_ready)  # the others need not wait with it
        except (IdentityError, JournalLockedError, UnreadableJournalError) as error:
            self._end(str(error), code=2)
        except JournalError as error:
            self._end(str(error), code=1)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (a bug that one hotkey meets is no reason to stop the others)
            _log.debug("what stopped it", exc_info=True)
            self._end(f"a bug in user-miner: {type(error).__name__}: {error}", code=1)

    def stop(self, reason: str) -> None:
        """Ask it to end; at any time."""
        self._stop_reason = reason
        if self._actor is not None:
            self._actor.stop(reason)

    def reload(self, member: Member) -> bool:
        """Work by other settings, as far as that is possible; whether something changed."""
        if self._actor is None:
            return False
        with self.speaking():
            has_changed = self._reloader.take(member.settings, self._actor, tells_of_nothing=False)
        self.member = member
        return has_changed

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Lines that are logged meanwhile are its own."""
        token = speaker.set(self.who)
        try:
            yield
        finally:
            speaker.reset(token)

    def _end(self, line: str, *, code: int) -> None:
        self.ended = Ended(self.redact(line), code, time.time_ns() // 1_000_000)
        alarm = self._stopped_alarm(self.ended)
        _log.error("alarm %s: %s; to fix it: %s", alarm.name, alarm.words, alarm.fix)

    def _alarms(self) -> tuple[Alarm, ...] | None:
        if self.ended is not None:
            return (self._stopped_alarm(self.ended),)
        if self._actor is None or not self._actor.state.running:
            return None
        return self._actor.alarms()

    def _inherited(self) -> Collection[str] | None:
        if self.ended is not None:
            return ()
        return None if self._actor is None else self._actor.inherited

    @staticmethod
    def _stopped_alarm(ended: Ended) -> Alarm:
        return Alarm(
            name=STOPPED_ALARM,
            since_ms=ended.at_ms,
            words=f"this hotkey does not mine any more, the others go on: {ended.line}",
            fix="correct that, then `kill -HUP` or a restart of the fleet starts it again",
        )


def _nothing_to_read() -> Sources:
    raise ValueError("a fleet's settings are read for all of its hotkeys at once")
