"""A machine fed by hand: what each event does to it, and what it wants next. Nothing acts, nothing waits."""

from __future__ import annotations

from typing import Any, Literal, Self

from actor.machine import INITIAL, State, content_sha256, norm_text, step, wanted
from actor.machine.wanted import submission_started
from actor.testing.clock import START_MS
from actor.testing.made import accepted, analyzed, post
from actor.testing.scenario import Scenario, follow, same_intent
from actor.testing.stand_ins import HOTKEY as NOBODY
from actor.testing.words import at_ms_of, effect_lines, move_line
from events import catalogue as ev
from events.codec import decode_json
from events.effects import StartSubmission
from events.journal import GENESIS, Draft, Head, Record, parse, seal
from events.journal.record import decode_event

__all__ = ["MachineDrive"]


class MachineDrive:
    """The pure machine with a time and a journal of its own.

    Args:
        start: The state to begin in: a `State`, or its JSON, of which fields at their defaults may be left out.
        policy: What `start` records; the state's own when it is left out.
        hotkey: Whose journal `start` creates.

    Attributes:
        state: The state now.
        at_ms: When the last event happened, unix milliseconds; set it to let time pass.
        policy: What `start` records.
        records: What a journal that began here would hold.
        lines: The same as bytes, for `Scenario.load` and ``MemoryJournal``.
        head: The end of that journal.
    """

    def __init__(self, start: State | str = INITIAL, *, policy: ev.Policy | None = None, hotkey: str = NOBODY) -> None:
        self.state = _read(start) if isinstance(start, str) else start
        self.at_ms = START_MS
        self.policy = policy or self.state.policy
        self.records: list[Record] = []
        self.lines: list[bytes] = []
        self.head: Head = GENESIS
        self._hotkey = hotkey

    def on(self, *events: ev.Event, after_s: float = 0.0) -> State:
        """Let events happen, each ``after_s`` seconds later than what was before it; returns the state after them.

        Raises:
            IllegalEventError: The machine refuses one; nothing has changed by it.
        """
        for event in events:
            self._on(event, self.at_ms + round(after_s * 1000))
        return self.state

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
        line, head = seal(Draft(at_ms=at_ms, event=event, source=self.state.state, dest=after.state), self.head)
        self.records.append(parse(line, self.head))
        self.lines.append(line)
        self.state, self.head, self.at_ms = after, head, at_ms

    # A window's story in words, with made-up answers

    def start(self, policy: ev.Policy | None = None, *, subnets_sha256: str | None = None) -> Self:
        """A process takes the journal, and creates it when it is new."""
        if self.state.identity is None:
            self.on(ev.JournalCreated(hotkey=self._hotkey, netuid=45, api_url="http://127.0.0.1:8001"))
        self.policy = policy or self.policy
        epoch = self.state.epoch + 1
        self.on(
            ev.ActorStarted(
                build="0.1.0", epoch=epoch, pid=100 + epoch, policy=self.policy, subnets_sha256=subnets_sha256
            )
        )
        return self

    def window(
        self,
        number: int,
        blocks: int = 100,
        current_block: int | None = None,
        source: Literal["status", "submit"] = "status",
    ) -> Self:
        """The API entered a window."""
        start = number * blocks
        current = start if current_block is None else current_block
        self.on(
            ev.WindowOpened(
                window=number, start_block=start, current_block=current, blocks_per_window=blocks, source=source
            )
        )
        return self

    def scraped(self, *numbers: int, lost_pages: int = 0, newest_id: str | None = None, **fields: Any) -> Self:
        """The due search brought these posts, made up; ``fields`` are theirs. Pages may have been lost behind them.

        With ``newest_id`` it left nothing unread up to there; it asked behind what was read before, as it should.
        """
        posts = tuple(post(number, **fields) for number in numbers)
        since = self.at_ms // 1000 - 72 * 3600
        self.on(
            ev.PostsScraped(
                window=self._window(),
                wanted=self.state.to_scrape,
                spare=self.state.spare,
                since_id=self.state.since_id,
                newest_id=newest_id,
                seed=1,
                candidates=tuple(p.id for p in posts),
                posts=posts,
                posts_read=10,
                users_read=10,
                requests=1 + lost_pages,
                unusable=0,
                latency_ms=300,
                lost_pages=lost_pages,
                since=min([since, *(p.timestamp for p in posts)]),
            )
        )
        return self

    def scrape_failed(self) -> Self:
        """The due search failed."""
        self.on(ev.ScrapeFailed(window=self._window(), kind="server", reason="503"))
        return self

    def analyze_all(self, relevance: float = 1.0) -> Self:
        """Every due analysis came back."""
        for pending in self.state.to_analyze():
            digest = content_sha256(norm_text(pending.post.content))
            self.on(analyzed(pending.post.id, relevance, content_sha256=digest))
        return self

    def batch(self, window: int, *numbers: int) -> Self:
        """A window up to the first submission."""
        return self.window(window).scraped(*numbers).analyze_all()

    def send(self) -> str:
        """Record the intent that is wanted; returns the post's id.

        Raises:
            ValueError: None is wanted.
        """
        due = [effect for effect in wanted(self.state) if isinstance(effect, StartSubmission)]
        if not due:
            raise ValueError(f"no submission is wanted: {self.effects()}")
        effect = due[0]
        self.on(submission_started(self.state, effect))
        return effect.post_id

    def accept_all(self) -> Self:
        """Send whatever is queued, and have it accepted."""
        while self.state.state == "Submitting":
            self.on(accepted(self.send()))
        return self

    def _window(self) -> int:
        if self.state.window is None:
            raise ValueError("no window is known: call window(NUMBER) first")
        return self.state.window.number


def _read(start: str) -> State:
    try:
        return decode_json(State, start.encode())
    except ValueError as error:
        raise ValueError(f"this build has another state: {error}; make the file anew: user-miner fixture") from error
