"""What became of each window that the API told of, and of those that nobody heard of. From events alone, never a guess.

A window is judged once a later one is worked on, or when the journal ends with a later one told. Whatever kept the
miner from using it must have left a record between its beginning and that of the next window, or be work on an earlier
window that went on meanwhile; where there is none, the outcome is "unexplained".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from events import catalogue as ev
from events.journal import Record

__all__ = ["EXPLAINED", "UNEXPLAINED", "USED", "WindowLog", "WindowOutcome"]

USED: Final = "used"
UNEXPLAINED: Final = "unexplained"
# The first that applies is what a missed window is put down to. The last four are found without a record in it.
EXPLAINED: Final[Mapping[str, str]] = {
    "scrape failed": "its search failed, and nothing was carried over into it",
    "budget": "a budget did not allow its search",
    "nothing new": "its search brought no new post",
    "gap": "records are missing: a gap was accepted",
    "moved": "the journal moved to another API",
    "down": "no process ran for a part of it",
    "API unreachable": "the status endpoint did not answer for a part of it",
    "rate limited": "a 429 forbade sending until a later window",
    "full": "the API had counted as many posts in it as it takes",
    "crash": "an effect crashed in it",
    "busy": "work on an earlier window went on until it was over",
    "not told": "the API's block number jumped over it",
}
_KEPT: Final = 64
_SEARCHES: Final = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent)
_ANSWERS: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed, ev.RateLimited)
_WORK: Final = (*_SEARCHES, *_ANSWERS, ev.PostAnalyzed, ev.AnalysisFailed, ev.SubmissionStarted, ev.BackoffElapsed)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOutcome:
    """What became of windows.

    Attributes:
        number: The window's number, None where ``count`` windows were never heard of.
        count: How many windows; more than one only for those.
        seqs: The records that show it: what told the window first, then why it was missed.
        outcome: USED, UNEXPLAINED, or a key of EXPLAINED.
        kind: Of a failed search; empty otherwise.
        started: The start within the window after which the process ran to its end; None without one.
    """

    number: int | None
    seqs: tuple[int, ...]
    outcome: str
    count: int = 1
    kind: str = ""
    started: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class _Told:
    number: int
    start_block: int
    blocks: int
    seq: int
    why: dict[str, int] = field(default_factory=dict)
    whole_why: dict[str, int] = field(default_factory=dict)
    started: int | None = None
    search: int | None = None
    kind: str = ""
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

    def outcome(self) -> WindowOutcome:
        if self.chosen or self.sent is not None:
            seqs = {self.seq, self.search or self.seq, self.sent or self.seq}
            return WindowOutcome(number=self.number, seqs=tuple(sorted(seqs)), outcome=USED)
        why = next((name for name in EXPLAINED if name in self.why), UNEXPLAINED)
        return WindowOutcome(
            number=self.number,
            seqs=tuple(sorted({self.seq, self.why.get(why, self.seq), self.started or self.seq})),
            outcome=why,
            kind=self.kind,
            started=self.started,
        )


class WindowLog:
    """Fed every record; gives the outcome of each window once it is known. Keeps at most 64 windows."""

    def __init__(self) -> None:
        self._told: deque[_Told] = deque()
        self._unreachable: int | None = None
        self._limited: tuple[int, int] | None = None
        self._counted: dict[int, int] = {}
        self._quota: tuple[int, int | None] = (1, None)

    @property
    def undecided(self) -> int:
        """Windows told whose outcome is not known yet."""
        return len(self._told)

    def take(self, record: Record, event: ev.Event) -> Iterator[WindowOutcome]:
        """Note one more record; the outcomes that it settles."""
        if isinstance(event, _WORK):
            yield from self._work(record, event)
        if isinstance(event, ev.WindowOpened):
            yield from self._open(record, event)
        else:
            self._explain(record, event)
            yield from self._begin_anew(record, event)

    def end(self) -> Iterator[WindowOutcome]:
        """The journal has ended: every window but the newest is judged, and that one where it was worked on."""
        while self._told and (len(self._told) > 1 or self._told[0].touched):
            yield self._told.popleft().outcome()

    def _newest(self) -> _Told | None:
        return self._told[-1] if self._told else None

    def _open(self, record: Record, event: ev.WindowOpened) -> Iterator[WindowOutcome]:
        before = self._newest()
        if before is not None and event.start_block > before.end_block:
            yield from self._skipped(record, event, before)
        told = _Told(
            number=event.window,
            start_block=event.start_block,
            blocks=event.blocks_per_window,
            seq=record.seq,
        )
        if self._unreachable is not None:
            told.put_down_to("API unreachable", self._unreachable)
        if self._limited is not None and event.start_block < self._limited[1]:
            told.put_down_to("rate limited", self._limited[0])
        if self._is_full(event.start_block):
            told.put_down_to("full", record.seq)
        self._told.append(told)
        if len(self._told) > _KEPT:
            yield self._told.popleft().outcome()

    @staticmethod
    def _skipped(record: Record, event: ev.WindowOpened, before: _Told) -> Iterator[WindowOutcome]:
        count = (event.start_block - before.end_block) // event.blocks_per_window
        if count <= 0:
            return
        causes = ("gap", "down", "API unreachable")
        why = next((name for name in causes if name in before.whole_why), "not told")
        seqs = tuple(sorted({before.seq, before.whole_why.get(why, before.seq), record.seq}))
        yield WindowOutcome(number=None, count=count, seqs=seqs, outcome=why)

    def _work(self, record: Record, event: ev.Event) -> Iterator[WindowOutcome]:
        number = getattr(event, "window", None)
        worked = next((told for told in reversed(self._told) if told.number == number), None)
        if worked is not None:
            self._note(worked, record, event)
            while self._told[0] is not worked:
                yield self._told.popleft().outcome()
        for told in self._told:
            if not told.touched:
                told.put_down_to("busy", record.seq)

    @staticmethod
    def _note(told: _Told, record: Record, event: ev.Event) -> None:
        if isinstance(event, ev.SubmissionStarted):
            told.sent = told.sent or record.seq
            return
        told.search = told.search or record.seq
        if isinstance(event, ev.PostsScraped):
            told.chosen += len(event.posts)
            told.put_down_to("nothing new", record.seq)
        elif isinstance(event, ev.ScrapeFailed):
            told.kind = event.kind
            told.put_down_to("scrape failed", record.seq)
        else:
            told.put_down_to("budget", record.seq)

    def _explain(self, record: Record, event: ev.Event) -> None:
        newest = self._newest()
        why = ""
        match event:
            case ev.ActorStarted():
                self._start(record, event)
            case ev.ActorStopped():
                why = "down"
            case ev.ApiUnreachable():
                self._unreachable, why = record.seq, "API unreachable"
            case ev.ApiRecovered():
                self._unreachable = None
            case ev.EffectCrashed():
                why = "crash"
            case ev.GapDeclared():
                for told in self._told:
                    told.put_down_to("gap", record.seq)
                self._counted |= event.salvage.counted
            case _:
                self._count(record, event)
        if why and newest is not None:
            newest.put_down_to(why, record.seq)

    def _start(self, record: Record, event: ev.ActorStarted) -> None:
        """A crash leaves no record, so it shows here. What follows the start explains the window anew (ruling 12)."""
        self._quota = (event.policy.max_submissions_per_window, self._quota[1])
        newest = self._newest()
        if newest is None:
            return
        newest.whole_why.setdefault("down", record.seq)
        if newest.touched:
            return
        kept = {name: seq for name, seq in newest.why.items() if name in {"gap", "rate limited", "full"}}
        newest.why = kept if self._unreachable is None else {**kept, "API unreachable": self._unreachable}
        newest.started = record.seq

    def _count(self, record: Record, event: ev.Event) -> None:
        newest = self._newest()
        if isinstance(event, ev.ConfigMismatched) and event.setting == "MAX_SUBMISSIONS_PER_WINDOW":
            self._quota = (self._quota[0], event.served)
        if newest is None or not isinstance(event, ev.RateLimited | ev.SubmissionAccepted):
            return
        start_block = newest.start_block if event.start_block is None else event.start_block
        if isinstance(event, ev.RateLimited):
            self._limited = (record.seq, max(start_block, newest.start_block) + newest.blocks)
            newest.put_down_to("rate limited", record.seq)
            return
        recent = sorted(self._counted.items())[-_KEPT:]
        self._counted = {**dict(recent), start_block: self._counted.get(start_block, 0) + 1}
        if self._is_full(newest.start_block):
            newest.put_down_to("full", record.seq)

    def _is_full(self, start_block: int) -> bool:
        return self._counted.get(start_block, 0) >= (self._quota[1] or self._quota[0])

    def _begin_anew(self, record: Record, event: ev.Event) -> Iterator[WindowOutcome]:
        """Another API's blocks are not comparable with those before."""
        if isinstance(event, ev.ApiMoved):
            while self._told:
                self._told[0].put_down_to("moved", record.seq)
                yield self._told.popleft().outcome()
            self._limited, self._counted, self._quota = None, {}, (self._quota[0], None)
