"""A window that the API told of: what is noted of it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from events import catalogue as ev
from events.journal import Record

__all__ = ["EXPLAINED", "LOOKUPS", "UNEXPLAINED", "USED", "ToldWindow", "WindowOutcome"]

USED: Final = "used"
UNEXPLAINED: Final = "unexplained"
# The first that applies is what a missed window is put down to.
EXPLAINED: Final[Mapping[str, str]] = {
    "scrape failed": "its search failed, and nothing was carried over into it",
    "budget": "a budget did not allow its search",
    "nothing new": "its search brought no new post",
    "held": "the LLM's server refused to analyze the posts that wait for it and fill it, or they were left out then",
    "authors": "X did not tell who posted the posts that were carried into it and fill it",
    "too old": "nothing but carried posts waited to be sent, and they grew too old first",
    "gap": "records are missing: a gap was accepted",
    "moved": "the journal moved to another API",
    "disk full": "too little room was left on the journal's disk for a part of it",
    "down": "no process ran for a part of it",
    "API unreachable": "the status endpoint did not answer for a part of it",
    "rate limited": "a 429 forbade sending until a later window",
    "full": "the API had counted as many posts in it as it takes, or may have",
    "crash": "an effect crashed in it",
    "busy": "work on an earlier window went on until it was over",
    "not told": "nothing was recorded while it lasted: the API's block number jumped over it, or this miner did not "
    "hear of it (a host that slept)",
}
# How X answers the question who posted.
LOOKUPS: Final = (ev.AuthorsLookedUp, ev.AuthorLookupFailed)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOutcome:
    """What became of windows.

    Attributes:
        number: The window's number, None where ``count`` windows were never heard of.
        count: How many windows; more than one only for those.
        seqs: The records that show it: what told the window first, then why it was missed.
        outcome: USED, UNEXPLAINED, or a key of EXPLAINED.
        started: The start within the window after which the process ran to its end; None without one.
    """

    number: int | None
    seqs: tuple[int, ...]
    outcome: str
    count: int = 1
    started: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class ToldWindow:
    """What is noted of one window.

    Attributes:
        number: Its number.
        start_block: Its first block.
        blocks: Its length.
        seq: The record that told it.
        why: What kept from using it, each with its record, as far as the last start left it standing.
        whole_why: The same, whatever started meanwhile.
        started: The last start within it.
        again: It was judged before.
        search: The record that ended or withheld its search.
        is_filled: By posts that waited for their analysis: there is nothing else to do in it.
        chosen: Posts that its search chose.
        sent: The first record of a submission in it.
    """

    number: int
    start_block: int
    blocks: int
    seq: int
    why: dict[str, int] = field(default_factory=dict)
    whole_why: dict[str, int] = field(default_factory=dict)
    started: int | None = None
    again: bool = False
    search: int | None = None
    is_filled: bool = False
    chosen: int = 0
    sent: int | None = None

    @property
    def end_block(self) -> int:
        return self.start_block + self.blocks

    @property
    def touched(self) -> bool:
        return self.search is not None or self.sent is not None

    def put_down_to(self, why: str, seq: int) -> None:
        self.why.setdefault(why, seq)
        self.whole_why.setdefault(why, seq)

    def clear(self, why: str) -> None:
        self.why.pop(why, None)
        self.whole_why.pop(why, None)

    def note(self, event: ev.Event, record: Record) -> None:
        """Work on this window."""
        if isinstance(event, ev.SubmissionStarted):
            self.sent = self.sent or record.seq
            return
        self.search = self.search or record.seq
        if isinstance(event, ev.PostsScraped):
            self.chosen += len(event.posts)
            self.put_down_to("nothing new", record.seq)
        elif isinstance(event, ev.ScrapeFailed):
            self.put_down_to("scrape failed", record.seq)
        elif isinstance(event, LOOKUPS):
            self.put_down_to("authors", record.seq)
        else:
            self.put_down_to("budget", record.seq)

    def outcome(self, *, busy: int | None = None) -> WindowOutcome:
        """What became of it; ``busy`` is the record of work on an earlier window that went on through it."""
        if self.chosen or self.sent is not None:
            seqs = {self.seq, self.search or self.seq, self.sent or self.seq}
            return WindowOutcome(number=self.number, seqs=tuple(sorted(seqs)), outcome=USED)
        known = self.why if busy is None else {"busy": busy, **self.why}
        why = next((name for name in EXPLAINED if name in known), UNEXPLAINED)
        return WindowOutcome(
            number=self.number,
            seqs=tuple(sorted({self.seq, known.get(why, self.seq), self.started or self.seq})),
            outcome=why,
            started=self.started,
        )
