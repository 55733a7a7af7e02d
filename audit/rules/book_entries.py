"""What the auditor's books hold of one window, post, attempt or author. Filled in by `audit.rules.books`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from events import catalogue as ev

__all__ = ["Attempt", "PostBook", "Settled", "Told", "WindowBook"]


@dataclass(slots=True, kw_only=True, eq=False)
class WindowBook:
    """A window that a record opened. Compared by identity, for numbers begin anew with another length or API.

    One that is told again after it was taken back is another one: what was sent in it before went to an earlier window.

    Attributes:
        number: Its number.
        start_block: Its first block.
        blocks: Its length.
        seq: The record that opened it; for one known only from behind a gap, the gap's.
        at_ms: When that was.
        quota: The highest quota in force while it was the newest window.
        carried: The most later windows that a post could be carried into, by the settings in force meanwhile.
        ordinal: How many windows had been opened by then, itself included.
        search: The record that ended its search (an answer, a failure, a spent budget), also one of before it was taken
            back; None while there is none.
    """

    number: int
    start_block: int
    blocks: int
    seq: int
    at_ms: int
    quota: int
    carried: int
    ordinal: int
    search: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A submission that was started."""

    post_id: str
    number: int
    window: WindowBook | None
    seq: int
    at_ms: int
    quota: int


@dataclass(slots=True, kw_only=True, eq=False)
class PostBook:
    """A chosen post without a verdict.

    Attributes:
        post: As X served it, with its author once one was looked up.
        window: The window that it was scraped for, None when no record opened that one.
        seq: The record that chose it.
        worked: How many windows had been worked on by then.
        dated: Its search says which dates were taken.
        analysis: The record of its analysis or of the analysis' failure, None before it.
        analyzed_ms: When that was; None before it, and where an audit that begins later cannot know it.
        tokens: Relevance by subnet; empty before and without an analysis.
        sentiment: 0.0 before and without an analysis.
        failed: Its analysis failed, and that was the end of it.
        held: The last record that had it wait for its author or its analysis (ruling 21), None without one.
        attempts: Submissions started, the last 64.
        failure: Record, moment and wait in seconds of the last failure that the actor saw.
    """

    post: ev.Post
    window: WindowBook | None
    seq: int
    worked: int
    dated: bool = False
    analysis: int | None = None
    analyzed_ms: int | None = None
    tokens: Mapping[str, float] = field(default_factory=dict)
    sentiment: float = 0.0
    failed: bool = False
    held: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    failure: tuple[int, int, float] | None = None

    def attempts_in(self, window: WindowBook | None) -> list[Attempt]:
        """The attempts of one window."""
        return [attempt for attempt in self.attempts if attempt.window is window]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What X told of an author, in which record, and when."""

    author: ev.Author
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A chosen post that is no longer pending: the verdict's record, and the record that chose it."""

    verdict: str
    seq: int
    chosen: int
