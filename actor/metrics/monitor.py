"""One running miner under observation: what it counted, how its journal and API are, whether it is alive and ready.

It stands beside the miner: it is told of each record, and wraps the API and the journal to measure them. Whoever asks
does so from another thread, and the miner never waits for them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from actor.edges.clock import SystemClock
from actor.machine.alarms import Alarm, alarms
from actor.machine.room import shortage
from actor.machine.state import INITIAL, State
from actor.metrics.counted import Counted
from actor.metrics.watched import TimedDisk, WatchedApi, WatchedStore
from actor.settings.model import Settings
from events.journal import BadRecordError, JournalError, parse
from events.journal.layout import list_segments
from events.journal.record import Record
from events.journal.store import JournalStore

__all__ = ["Health", "Monitor", "last_times"]

# It serves gauges after a restart and nothing else: what is read is not verified, which the start itself does.
_BYTES: Final = 512 << 10


def last_times(directory: Path, names: Collection[str]) -> dict[str, int]:
    """Unix milliseconds of the last record of each of these events that stands near the journal's end."""
    found: dict[str, int] = {}
    for line in reversed(BytesIO(_end(directory)).readlines()):  # lines end at \n alone
        if len(found) == len(names):
            break
        try:
            record = parse(line, None)
        except BadRecordError:
            continue  # the first line of the excerpt, or a torn one
        if record.name in names:
            found.setdefault(record.name, record.at_ms)
    return found


def _end(directory: Path) -> bytes:
    """The last bytes of the journal's last two files."""
    end = b""
    try:
        for name in reversed(list_segments(directory)[-2:]):
            with (directory / name).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - (_BYTES - len(end))))
                end = file.read() + end
    except (OSError, JournalError):
        return end  # the start tells what is wrong there
    return end


# How long the miner's loop may take to answer. A slow disk holds it up for as long as one fsync takes.
_LOOP_PATIENCE_S: Final = 2.0
_SLACK_S: Final = 60.0
# So many polls may fail to come before the API counts as out of reach.
_POLLS_MISSED: Final = 3
# What one post's analysis may take, in timeouts of one request to the LLM, and one search of X in all.
_LLM_TRIES: Final = 3
_SEARCH_S: Final = 30.0
_CLOCK: Final = SystemClock()
_BUSY: Final = frozenset({"Scraping", "Analyzing", "Submitting"})


@dataclass(frozen=True, slots=True)
class Health:
    """An answer to a probe, and why."""

    ok: bool
    reason: str


class Monitor:
    """What is known of the miner at any moment.

    Args:
        settings: Its timeouts decide what counts as stuck or out of reach.
        now_ms: The wall clock, unix milliseconds. Alarms are read by the clock that the actor and ``status`` read: one
            that stands still while the host is suspended would not know of the windows that were missed meanwhile.
        loop_answers: Whether the loop answers, where others share it and one question is enough for all; None asks it.

    Attributes:
        state: After the last record of this process; the initial one before the first.
        record: The last record of this process, None before it.
        counted: Sums over the records of this process.
        api: The coordination API, watched.
        disk: The journal's disk, timed.
        store: The journal, watched; None before there is one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now_ms: Callable[[], int] = _CLOCK.now_ms,
        loop_answers: Callable[[], Health] | None = None,
    ) -> None:
        self._now_ms = now_ms
        self._loop_answers = loop_answers or self.loop_alive
        self.state: State = INITIAL
        self.record: Record | None = None
        self.counted = Counted()
        self.api = WatchedApi()
        self.disk = TimedDisk()
        self.store: WatchedStore | None = None
        self._http_timeout_s = settings.batch_http_timeout
        self._silence_s = _SLACK_S + max(
            _LLM_TRIES * settings.llm_timeout_seconds, 2 * settings.batch_http_timeout, _SEARCH_S
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began_s = time.monotonic()
        self._recorded_s = self._began_s

    def watch_store(self, store: JournalStore, directory: Path | None) -> JournalStore:
        """Stand before the journal, which lives in ``directory`` where it is on a disk."""

        def on_take() -> None:
            self._loop = asyncio.get_running_loop()
            if directory is not None:
                self.counted.last_ms |= last_times(directory, self.counted.last_ms)

        self.store = WatchedStore(store, on_take=on_take)
        return self.store

    def on_record(self, record: Record, state: State) -> None:
        self._recorded_s = time.monotonic()
        self.counted.take(record, record.event(), state)
        self.state, self.record = state, record

    def alarms(self) -> tuple[Alarm, ...]:
        """Those that ring now."""
        if self.store is None or self.record is None or self.store.stage != "held":
            return alarms(self.state)
        return alarms(self.state, self._now_ms(), room_bytes=self.store.room_bytes())

    def alive(self) -> Health:
        """Whether the miner's loop answers; true while it opens or closes its journal, which may take its time."""
        if self._loop is None or self.store is None or self.store.stage != "held":
            return Health(ok=True, reason="the journal is not held: starting or stopping")
        return self._loop_answers()

    def loop_alive(self) -> Health:
        """Whether the loop that the journal was taken in answers."""
        loop = self._loop
        if loop is None:
            return Health(ok=True, reason="the journal is not held: starting or stopping")
        answered = threading.Event()
        with suppress(RuntimeError):  # the loop has just ended
            loop.call_soon_threadsafe(answered.set)
        if answered.wait(_LOOP_PATIENCE_S):
            return Health(ok=True, reason="the miner's loop answers")
        return Health(ok=False, reason=f"the miner's loop did not answer within {_LOOP_PATIENCE_S:g} s")

    def ready(self) -> Health:
        """Whether the miner can do its work now: journal, API and loop are as they must be."""
        if self.store is None or self.store.stage != "held" or not self.state.running:
            stage = "opening" if self.store is None else self.store.stage
            return Health(ok=False, reason=f"the journal is not in use: {'opening' if stage == 'held' else stage}")
        why = self._disk_trouble() or self._api_trouble() or self._stuck()
        found = self.alive() if why is None else Health(ok=False, reason=why)
        ringing = "".join(f"; alarm {alarm.name}: {alarm.words}; {alarm.fix}" for alarm in self.alarms())
        return Health(ok=found.ok, reason=f"{'at work' if found.ok else found.reason}{ringing}")

    def _disk_trouble(self) -> str | None:
        return None if self.store is None else shortage(self.store.room_bytes())

    def _api_trouble(self) -> str | None:
        if self.state.api_down:
            return "the coordination API does not answer"
        policy = self.state.policy
        patience_s = _POLLS_MISSED * policy.poll_interval_s + self._http_timeout_s
        answered_s = self.api.answered_s
        if answered_s is None:
            return "the coordination API has not answered yet"
        silent_s = time.monotonic() - answered_s
        if silent_s <= patience_s:
            return None
        return f"the coordination API last answered {silent_s:.0f} s ago, expected an answer every {patience_s:g} s"

    def _stuck(self) -> str | None:
        """Work that brings no record for longer than its timeouts allow."""
        state, backoff = self.state, self.state.backoff
        silent_s = time.monotonic() - self._recorded_s
        if backoff is not None:
            if backoff.due_ms is None or silent_s <= backoff.wait_s + _SLACK_S:
                return None
            return f"a backoff of {backoff.wait_s:g} s has not ended after {silent_s:.0f} s"
        if state.state not in _BUSY or silent_s <= self._silence_s:
            return None
        return f"{state.state} without a record for {silent_s:.0f} s, expected one within {self._silence_s:g} s"
