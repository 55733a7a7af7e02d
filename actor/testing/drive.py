"""A machine fed by hand: what each event does to it, and what it wants next. Nothing acts, nothing waits."""

from __future__ import annotations

from typing import Self

from actor.machine import INITIAL, State, step, wanted
from actor.testing.clock import START_MS
from actor.testing.scenario import Scenario, follow, same_intent
from actor.testing.words import at_ms_of, effect_lines, move_line
from events import catalogue as ev
from events.codec import decode_json
from events.journal import GENESIS, Draft, Head, Record, parse, seal
from events.journal.record import decode_event

__all__ = ["MachineDrive"]


class MachineDrive:
    """The pure machine with a time and a journal of its own.

    Args:
        start: The state to begin in: a `State`, or its JSON, of which fields at their defaults may be left out.
        at_ms: The time to begin at, unix milliseconds.

    Attributes:
        state: The state now.
        at_ms: When the last event happened.
        records: What a journal that began here would hold.
        lines: The same as bytes, for `Scenario.load` and ``MemoryJournal``.
    """

    def __init__(self, start: State | str = INITIAL, *, at_ms: int = START_MS) -> None:
        self.state = decode_json(State, start.encode()) if isinstance(start, str) else start
        self.at_ms = at_ms
        self.records: list[Record] = []
        self.lines: list[bytes] = []
        self._head: Head = GENESIS

    def on(self, *events: ev.Event, after_s: float = 0.0) -> Self:
        """Let events happen, each ``after_s`` seconds later than what was before it.

        Raises:
            IllegalEventError: The machine refuses one; nothing has changed by it.
        """
        for event in events:
            self._on(event, self.at_ms + round(after_s * 1000))
        return self

    def at(self, at_ms: int) -> Self:
        """Set the time, unix milliseconds; it may go back, as clocks do."""
        self.at_ms = at_ms
        return self

    def recorded(self, at: str, name: str, data: str, *, v: int = 1) -> Self:
        """Let an event happen as a journal has it: its time, its name, its fields as JSON, their version.

        Raises:
            IllegalEventError: The machine refuses it.
            DivergenceError: It is an intent to send something else than this build would send.
            ValueError: This build cannot read it.
        """
        event = decode_event(name, v, data.encode())
        same_intent(self.state, event)
        self._on(event, at_ms_of(at))
        return self

    def follow(self, scenario: Scenario) -> Self:
        """Let a scenario's events happen, at their times.

        Raises:
            DivergenceError: The machine refuses one, or leads elsewhere than was recorded.
        """
        for moment in follow(self.state, scenario.steps):
            self._on(moment.step.event, moment.step.at_ms)
        return self

    def moved(self) -> str:
        """Where the last event led: ``Scraping -> Analyzing``."""
        return move_line(self.records[-1].source, self.records[-1].dest) if self.records else "nothing happened yet"

    def transitions(self) -> list[str]:
        """Where each event led so far: ``PostsScraped: Scraping -> Analyzing``."""
        return [f"{record.name}: {move_line(record.source, record.dest)}" for record in self.records]

    def effects(self) -> list[str]:
        """What is wanted now, in the order in which it would be started: ``ScrapeWindow window=7 count=5``."""
        return effect_lines(wanted(self.state), self.at_ms)

    def journal(self) -> list[Record]:
        """What was recorded so far."""
        return list(self.records)

    def _on(self, event: ev.Event, at_ms: int) -> None:
        after = step(self.state, event, at_ms)
        line, head = seal(Draft(at_ms=at_ms, event=event, source=self.state.state, dest=after.state), self._head)
        self.records.append(parse(line, self._head))
        self.lines.append(line)
        self.state, self._head, self.at_ms = after, head, at_ms
