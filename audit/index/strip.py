"""The strip: one entry for each window that was told, from the record that told it to the next. From steps alone.

What became of a window is the word of `events.windows`, so that the page and ``audit`` count alike. Windows that nobody
heard of share one entry, which stands before the window that was told next.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from actor.machine.history import Step
from events import catalogue as ev
from events.describe import is_trouble
from events.windows import USED, WindowLog, WindowOutcome

__all__ = ["COLUMNS", "MARKS", "Strip", "StripWindow"]

# Bits of ``StripWindow.marks``.
MARKS: Final = {"start": 1, "crash": 2, "gap": 4, "torn tail": 8, "checkpoint": 16, "429": 32, "clock": 64}
_CLOCK_MS: Final = 1_000
_STEPS: Final = {
    ev.PostsScraped: "search",
    ev.ScrapeFailed: "search",
    ev.PostAnalyzed: "analysis",
    ev.AnalysisFailed: "analysis",
    ev.SubmissionAccepted: "submission",
    ev.SubmissionRejected: "submission",
    ev.SubmissionFailed: "submission",
    ev.RateLimited: "submission",
}
_VERDICTS: Final = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}
COLUMNS: Final = (
    "number",
    "seq",
    "at_ms",
    "count",
    "outcome",
    "why",
    "quota",
    "accepted",
    "rejected",
    "abandoned",
    "trouble",
    "marks",
    "posts",
    "users",
    "prompt",
    "completion",
    "search_ms",
    "analysis_ms",
    "submission_ms",
)
_KINDS: Final = ("search", "analysis", "submission")
_OWN: Final = COLUMNS.index("posts")
_OUTCOME: Final = COLUMNS.index("outcome")
_NOTHING: Final[Counter[str]] = Counter()


@dataclass(slots=True, kw_only=True, eq=False)
class StripWindow:
    """One entry of the strip.

    Attributes:
        number: The window's number; None before the first one, and for those that nobody heard of.
        seq: The record that it begins with.
        at_ms: That record's time, unix milliseconds.
        count: How many windows it stands for: 1, none before the first one, or those that nobody heard of.
        outcome: USED or a reason of `events.windows`; empty while it is not known.
        why: The record that shows a miss, else 0.
        quota: Posts that it takes.
        accepted: Verdicts recorded in it, by kind.
        rejected: Likewise.
        abandoned: Likewise.
        trouble: Records that somebody should look at.
        marks: Bits of MARKS.
        paid: What was paid for: posts and users read, tokens in and out.
        waits: How long each search, analysis and submission took, milliseconds.
        tail: What the two come to, once no record follows.
    """

    number: int | None
    seq: int
    at_ms: int
    count: int = 1
    outcome: str = ""
    why: int = 0
    quota: int = 0
    accepted: int = 0
    rejected: int = 0
    abandoned: int = 0
    trouble: int = 0
    marks: int = 0
    paid: Counter[str] = field(default_factory=Counter)
    waits: dict[str, list[int]] = field(default_factory=dict)
    tail: tuple[Any, ...] | None = None

    def row(self) -> list[Any]:
        """The values of COLUMNS; of the times the median, None without one."""
        return [*(getattr(self, name) for name in COLUMNS[:_OWN]), *(self.tail or self._tail())]

    def close(self) -> None:
        """No record of it follows: what is kept to count with takes no more room."""
        self.tail = self._tail()
        self.paid, self.waits = _NOTHING, {}

    def _tail(self) -> tuple[Any, ...]:
        medians = (round(median(w)) if (w := self.waits.get(kind)) else None for kind in _KINDS)
        return (*(self.paid[name] for name in COLUMNS[_OWN : -len(_KINDS)]), *medians)

    def take(self, step: Step) -> None:
        """Count one more record."""
        event = step.event
        self.quota = step.after.max_submissions
        if (verdict := _VERDICTS.get(type(event))) is not None:
            setattr(self, verdict, getattr(self, verdict) + 1)
        self.trouble += is_trouble(event)
        self.marks |= _marks(step)
        took = getattr(event, "latency_ms", 0)
        if took and (kind := _STEPS.get(type(event))) is not None:  # nobody was asked where it took no time
            self.waits.setdefault(kind, []).append(took)
        if isinstance(event, ev.PostsScraped):
            self.paid.update(posts=event.posts_read, users=event.users_read)
        elif isinstance(event, ev.AuthorsLookedUp):
            self.paid.update(users=event.users_read)
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            self.paid.update(prompt=event.prompt_tokens, completion=event.completion_tokens)


def _marks(step: Step) -> int:
    match step.event:
        case ev.ActorStarted():
            return MARKS["start"] | (MARKS["crash"] if step.before.running else 0)
        case ev.GapDeclared():
            return MARKS["gap"]
        case ev.TailRepaired():
            return MARKS["torn tail"]
        case ev.CheckpointSigned():
            return MARKS["checkpoint"]
        case ev.RateLimited():
            return MARKS["429"]
    return 0


class Strip:
    """Fed every step of a journal.

    Attributes:
        windows: The entries in order; each record belongs to the last one that begins at or before it. The first ones
            are gone that `take_done` gave away.
        verdicts: Those recorded, by kind.
        trouble: Records that somebody should look at.
    """

    def __init__(self) -> None:
        self.windows: list[StripWindow] = []
        self.verdicts = Counter[str](accepted=0, rejected=0, abandoned=0)
        self.trouble = 0
        self._settled = Counter[str]()  # windows that are gone, by outcome
        self._log = WindowLog()
        self._last_ms: int | None = None

    def take(self, step: Step) -> None:
        """One more record."""
        record, event = step.record, step.event
        for outcome in self._log.take(record, event):
            if outcome.number is None:
                self._unheard(outcome, record.at_ms)
            else:
                _settle(self._told_at(outcome), outcome)
        if isinstance(event, ev.WindowOpened | ev.WindowsRevised):
            if self.windows:
                self.windows[-1].close()
            self.windows.append(StripWindow(number=event.window, seq=record.seq, at_ms=record.at_ms))
        elif not self.windows:
            self.windows.append(StripWindow(number=None, seq=record.seq, at_ms=record.at_ms, count=0))
        self.windows[-1].take(step)
        self.trouble += is_trouble(event)
        if (verdict := _VERDICTS.get(type(event))) is not None:
            self.verdicts[verdict] += 1
        if self._last_ms is not None and self._last_ms - record.at_ms >= _CLOCK_MS:
            self.windows[-1].marks |= MARKS["clock"]
        self._last_ms = record.at_ms

    def take_done(self) -> list[StripWindow]:
        """The first entries, as far as nothing that follows will change them; they are gone then."""
        open_from = self._log.settled_to
        count = max(0, len(self.windows) - 1)
        if open_from is not None:
            count = min(count, bisect_left(self.windows, open_from, key=lambda window: window.seq))
        done, self.windows = self.windows[:count], self.windows[count:]
        for window in done:
            self._settled[window.outcome] += window.count
        return done

    def rows(self) -> list[list[Any]]:
        """The rows of the entries, with what the records up to here tell of windows not settled yet."""
        known = [window.row() for window in self.windows]
        for outcome in self._log.end():
            row = known[self.windows.index(self._told_at(outcome))]
            row[_OUTCOME], row[_OUTCOME + 1] = outcome.outcome, _why(outcome)
        return known

    def counts(self) -> dict[str, Any]:
        """How many windows were seen, used, missed by reason and are undecided, as ``audit`` counts them."""
        found = self._settled.copy()
        for window in self.windows:
            if window.outcome:
                found[window.outcome] += window.count
        for outcome in self._log.end():
            found[outcome.outcome] += outcome.count
        del found[""]
        used, undecided = found.pop(USED, 0), self._log.undecided
        return {
            "seen": used + found.total() + undecided,
            "used": used,
            "missed": dict(found.most_common()),
            "undecided": undecided,
        }

    def _index_of(self, seq: int) -> int:
        """The entry that a record belongs to."""
        return max(0, bisect_right(self.windows, seq, key=lambda window: window.seq) - 1)

    def _told_at(self, outcome: WindowOutcome) -> StripWindow:
        """The entry of a window that was told: one of the outcome's records told it."""
        entries = (self.windows[self._index_of(seq)] for seq in outcome.seqs)
        return next(entry for entry in entries if (entry.number, entry.seq in outcome.seqs) == (outcome.number, True))

    def _unheard(self, outcome: WindowOutcome, at_ms: int) -> None:
        """They begin where the next one is told, for they have no record of their own."""
        window = StripWindow(number=None, seq=outcome.seqs[-1], at_ms=at_ms, count=outcome.count)
        _settle(window, outcome)
        self.windows[-1].close()
        self.windows.append(window)


def _settle(window: StripWindow, outcome: WindowOutcome) -> None:
    window.outcome, window.why = outcome.outcome, _why(outcome)


def _why(outcome: WindowOutcome) -> int:
    return 0 if outcome.outcome == USED else outcome.seqs[-1]
