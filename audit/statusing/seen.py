"""What the records of the last day tell beside the folded state. From events alone, so it may begin amid a journal.

Memory is bounded, however long it is fed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actor.machine import State
from audit.feedback import Feedback
from audit.statusing.posts_seen import PostsSeen
from audit.statusing.windows_seen import WindowsSeen
from events import catalogue as ev
from events.describe import describe, is_trouble
from events.journal import Record

__all__ = ["Seen", "Trouble"]

_ANSWERED: Final = (
    ev.WindowOpened,
    ev.WindowsRevised,
    ev.ApiRecovered,
    ev.SubmissionAccepted,
    ev.SubmissionRejected,
    ev.RateLimited,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A record that an operator should look at, and what it tells."""

    seq: int
    at_ms: int
    name: str
    text: str


class Seen:
    """Fed records in order.

    Args:
        state: What is known of the miner near the first record.

    Attributes:
        first_ms: Time of the first record that was fed; None before it.
        start: The last ActorStarted; None when it lies further back.
        api_down_ms: When the outage that goes on began; None when it began further back.
        answered_ms: When the API last answered, as far as records tell.
        trouble: The last record of trouble.
        state_ms: When the machine came into its present state; None when that lies further back.
        windows: What became of windows.
        posts: What became of posts.
        feedback: What validators told.
    """

    def __init__(self, state: State) -> None:
        self.first_ms: int | None = None
        self.start: ev.ActorStarted | None = None
        self.api_down_ms: int | None = None
        self.answered_ms: int | None = None
        self.trouble: Trouble | None = None
        self.state_ms: int | None = None
        self.windows = WindowsSeen(state)
        self.posts = PostsSeen()
        self.feedback = Feedback()

    def take(self, record: Record, event: ev.Event) -> None:
        """Note one more record."""
        if self.first_ms is None:
            self.first_ms = record.at_ms
        self.windows.take(record, event)
        self.posts.take(record, event)
        self.feedback.take(record, event)
        self._note_process(record, event)
        if is_trouble(event):
            self.trouble = Trouble(seq=record.seq, at_ms=record.at_ms, name=record.name, text=describe(event))
        if record.source != record.dest:
            self.state_ms = record.at_ms

    def _note_process(self, record: Record, event: ev.Event) -> None:
        if isinstance(event, ev.ActorStarted):
            self.start = event
        elif isinstance(event, ev.ApiUnreachable):
            self.api_down_ms = record.at_ms
        elif isinstance(event, ev.ApiRecovered):
            self.api_down_ms = None
        if isinstance(event, _ANSWERED) or (isinstance(event, ev.SubmissionFailed) and event.http_status is not None):
            self.answered_ms = record.at_ms
