"""Rows of the table ``windows``: one for each window that the API told of, in their order. Pure.

What became of a window is `events.windows`'s judgement; here it is counted what was done in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from actor.machine import State
from actor.machine.history import Step
from actor.machine.state import Window
from audit.export.columns import Column, at_columns
from audit.feedback import Feedback, WindowScores
from audit.filters import Filters, in_scope, is_worked_on, opens_window
from audit.posts import Mark
from events import catalogue as ev
from events.windows import WindowLog, WindowOutcome

__all__ = ["WINDOW_COLUMNS", "WindowLedger", "WindowRow", "window_sources"]


@dataclass(slots=True, kw_only=True)
class WindowRow:
    """What was done in one window. Counts are of the work on it, whatever window the API counted a post in.

    Attributes:
        event: What opened it.
        opened: Its record.
        begun: The record with which the work on it began; None when it never did.
        ended: The record after which nothing was left to do in it.
        wanted: Posts that its search was to bring.
        scraped: The record of its search's answer.
        search: That answer.
        carried_in: Posts carried into it.
        carried_out: Posts that waited for a later one when its work ended.
        checkpoint_seq: Record of the checkpoint that was signed after it.
        outcome: A word of `events.windows`, or "open" while it is not decided.
        told: What validators scored for the stretch of blocks that begins with it; None without such records.
    """

    OPEN: ClassVar[str] = "open"

    event: ev.WindowOpened
    opened: Mark
    begun: Mark | None = None
    ended: Mark | None = None
    wanted: int | None = None
    scraped: Mark | None = None
    search: ev.PostsScraped | ev.ScrapeFailed | None = None
    carried_in: int | None = None
    carried_out: int | None = None
    analyzed: int = 0
    analyses_failed: int = 0
    left_out: int = 0
    llm_calls: int = 0
    llm_prompt_tokens: int = 0
    llm_completion_tokens: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    rate_limited: int = 0
    accepted: int = 0
    rejected: int = 0
    abandoned: int = 0
    checkpoint_seq: int | None = None
    outcome: str = OPEN
    told: WindowScores | None = None

    @property
    def found(self) -> ev.PostsScraped | None:
        return self.search if isinstance(self.search, ev.PostsScraped) else None

    @property
    def search_word(self) -> str | None:
        """How the search ended, None when there was none."""
        return None if self.search is None else "answered" if self.found is not None else "failed"

    @property
    def search_failure(self) -> str | None:
        """Kind and reason of a failed search."""
        return f"{self.search.kind}: {self.search.reason}" if isinstance(self.search, ev.ScrapeFailed) else None

    def begin(self, step: Step) -> None:
        self.begun = Mark(step.record.seq, step.record.at_ms)
        self.wanted = step.after.to_scrape
        self.carried_in = sum(not p.deferred for p in step.after.posts)

    def end(self, step: Step) -> None:
        """Nothing is left to do; every post without a verdict waits for a later window."""
        self.ended = Mark(step.record.seq, step.record.at_ms)
        self.carried_out = len(step.after.posts)

    def count(self, step: Step) -> None:
        """A record of the work on it."""
        event = step.event
        self.left_out += step.after.totals.left_out - step.before.totals.left_out
        match event:
            case ev.PostsScraped() | ev.ScrapeFailed():
                self.search, self.scraped = event, Mark(step.record.seq, step.record.at_ms)
            case ev.PostAnalyzed() | ev.AnalysisFailed():
                self._count_analysis(event)
            case ev.SubmissionStarted():
                self.attempts += 1
            case ev.SubmissionFailed():
                self.failed_attempts += 1
            case ev.RateLimited():
                self.rate_limited += 1
            case ev.SubmissionAccepted():
                self.accepted += 1
            case ev.SubmissionRejected():
                self.rejected += 1
            case ev.PostAbandoned():
                self.abandoned += 1
            case ev.CheckpointSigned():
                self.checkpoint_seq = step.record.seq

    def _count_analysis(self, event: ev.PostAnalyzed | ev.AnalysisFailed) -> None:
        self.analyzed += isinstance(event, ev.PostAnalyzed)
        self.analyses_failed += isinstance(event, ev.AnalysisFailed)
        self.llm_calls += event.calls
        self.llm_prompt_tokens += event.prompt_tokens
        self.llm_completion_tokens += event.completion_tokens


def window_sources(steps: Iterable[Step], filters: Filters, told: Feedback) -> Iterator[WindowRow]:
    """The windows that began within the filters' times and bear one of their numbers, with their scores."""
    for row in _rows(steps):
        if in_scope(filters, row.event.window, row.opened.at_ms):
            row.told = told.scores.get(row.event.start_block)
            yield row


def _rows(steps: Iterable[Step]) -> Iterator[WindowRow]:
    ledger = WindowLedger()
    for step in steps:
        yield from ledger.take(step)
    yield from ledger.end()


class WindowLedger:
    """Windows that are not judged yet, by their first block. Fed steps, it gives the row of each window once."""

    def __init__(self) -> None:
        self._rows: dict[int, WindowRow] = {}
        self._log = WindowLog()

    def take(self, step: Step) -> Iterator[WindowRow]:
        """One more record; the windows that it judges."""
        if isinstance(step.event, ev.WindowOpened):
            self._tell(step, step.event)
        elif isinstance(step.event, ev.WindowsRevised):
            self._revise(step, step.event)
        self._work(step)
        for outcome in self._log.take(step.record, step.event):
            yield from self._judged(outcome)

    def _tell(self, step: Step, event: ev.WindowOpened) -> None:
        opened = Mark(step.record.seq, step.record.at_ms)
        self._rows[event.start_block] = WindowRow(event=event, opened=opened)

    def _revise(self, step: Step, event: ev.WindowsRevised) -> None:
        """What was told behind the window that the API is in was none; that one is told by its status."""
        self._rows = {start: row for start, row in self._rows.items() if start <= event.start_block or row.begun}
        if event.start_block not in self._rows:
            told = {name: getattr(event, name) for name in ("window", "start_block", "current_block")}
            blocks = event.blocks_per_window
            self._tell(step, ev.WindowOpened(**told, blocks_per_window=blocks, source="status"))

    def end(self) -> Iterator[WindowRow]:
        """No record follows; all that are left."""
        for outcome in self._log.end():
            yield from self._judged(outcome)
        yield from self._rows.values()

    def _work(self, step: Step) -> None:
        opens = opens_window(step)
        at_work = self._row(step.before)
        if at_work is not None:
            at_work.count(step)
            if at_work.ended is None and at_work.begun is not None and (opens or not is_worked_on(step.after)):
                at_work.end(step)
        begun = self._row(step.after) if opens else None
        if begun is not None:
            begun.begin(step)
            if not is_worked_on(step.after):
                begun.end(step)

    def _row(self, state: State) -> WindowRow | None:
        window: Window | None = state.window
        return None if window is None else self._rows.get(window.start_block)

    def _judged(self, outcome: WindowOutcome) -> Iterator[WindowRow]:
        """The row of the window that an outcome speaks of; windows that nobody heard of have none."""
        row = next((row for row in self._rows.values() if row.opened.seq in outcome.seqs), None)
        if row is None or row.event.window != outcome.number:
            return
        row.outcome = outcome.outcome
        yield self._rows.pop(row.event.start_block)


WINDOW_COLUMNS: Final = (
    Column("window", "integer", "the window's number", lambda r: r.event.window),
    Column("start_block", "integer", "its first block", lambda r: r.event.start_block),
    Column(
        "end_block", "integer", "the first block after it", lambda r: r.event.start_block + r.event.blocks_per_window
    ),
    Column("opened_seq", "integer", "record that opened it", lambda r: r.opened.seq),
    *at_columns("opened", "when that was", lambda r: r.opened.at_ms),
    Column("opened_block", "integer", "the block that the API was at then", lambda r: r.event.current_block),
    Column("told_by", "text", "`status` or `submit`: the answer that named it", lambda r: r.event.source),
    *at_columns("begun", "when work on it began; empty when it never did", lambda r: r.begun and r.begun.at_ms),
    *at_columns("ended", "when nothing was left to do in it", lambda r: r.ended and r.ended.at_ms),
    Column("wanted", "integer", "posts that its search should bring", lambda r: r.wanted),
    Column("search", "text", "`answered` or `failed`; empty without a search", lambda r: r.search_word),
    *at_columns("scraped", "when the search ended", lambda r: r.scraped and r.scraped.at_ms),
    Column("search_failure", "text", "kind and reason of a failed search", lambda r: r.search_failure),
    Column("candidates", "integer", "new posts that the search found", lambda r: r.found and len(r.found.candidates)),
    Column("chosen", "integer", "posts drawn from these", lambda r: r.found and len(r.found.posts)),
    Column(
        "unusable",
        "integer",
        "posts that lacked a field or had a date that was not asked for",
        lambda r: r.found and r.found.unusable,
    ),
    Column("carried_in", "integer", "posts carried over into it", lambda r: r.carried_in),
    Column("carried_out", "integer", "posts that waited for a later window when it ended", lambda r: r.carried_out),
    Column("analyzed", "integer", "analyses", lambda r: r.analyzed),
    Column("analyses_failed", "integer", "analyses that failed", lambda r: r.analyses_failed),
    Column("left_out", "integer", "posts that are not submitted, by the settings", lambda r: r.left_out),
    Column("attempts", "integer", "submissions begun", lambda r: r.attempts),
    Column("failed_attempts", "integer", "of these, failed", lambda r: r.failed_attempts),
    Column("rate_limited", "integer", "of these, answered 429", lambda r: r.rate_limited),
    Column("accepted", "integer", "posts accepted", lambda r: r.accepted),
    Column("rejected", "integer", "posts rejected", lambda r: r.rejected),
    Column("abandoned", "integer", "carried posts given up", lambda r: r.abandoned),
    Column("x_posts_read", "integer", "posts that X returned and bills", lambda r: r.found and r.found.posts_read),
    Column("x_users_read", "integer", "users that X returned and bills", lambda r: r.found and r.found.users_read),
    Column("x_requests", "integer", "search requests", lambda r: r.found and r.found.requests),
    Column("llm_calls", "integer", "LLM calls", lambda r: r.llm_calls),
    Column("llm_prompt_tokens", "integer", "billed input tokens", lambda r: r.llm_prompt_tokens),
    Column("llm_completion_tokens", "integer", "billed output tokens", lambda r: r.llm_completion_tokens),
    Column("checkpoint_seq", "integer", "record of the checkpoint signed after it", lambda r: r.checkpoint_seq),
    Column(
        "outcome",
        "text",
        "`used`, `open` while undecided, or why it was missed, in `audit`'s words",
        lambda r: r.outcome,
    ),
    Column("scores", "integer", "validators that scored it", lambda r: r.told and len(r.told.by_validator)),
    Column("mean_score", "number", "mean of their scores", lambda r: r.told and r.told.mean),
)
