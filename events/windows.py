"""What became of each window that the API told of, and of those that nobody heard of. From events alone, never a guess.

A window is judged once a later one is worked on, or when the journal ends with a later one told. Whatever kept the
miner from using it must have left a record between its beginning and that of the next window, or be work on an earlier
window that went on meanwhile; where there is none, the outcome is "unexplained".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from events import catalogue as ev
from events.journal import Record
from events.told_window import EXPLAINED, LOOKUPS, UNEXPLAINED, USED, ToldWindow, WindowOutcome

__all__ = ["EXPLAINED", "UNEXPLAINED", "USED", "WindowLog", "WindowOutcome", "windows_text"]

# Reasons that a start does not end.
_LASTING: Final = frozenset({"too old", "gap", "rate limited", "full"})
_KEPT: Final = 64
_WAITING: Final = "WaitingForWindow"
_SUBMITTING: Final = "Submitting"
# No answer takes as long: work of which nothing was heard for that time is no reason for anything.
_PATIENCE_MS: Final = 3_600_000
# A chain's block takes at least as long; a clock that was set ahead passes over more time than blocks do.
_BLOCK_MS: Final = 12_000
_SEARCHES: Final = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent)
_ANSWERS: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed, ev.RateLimited)
_OF_ATTEMPTS: Final = frozenset({*_ANSWERS, ev.SubmissionStarted})
_ANALYSES: Final = (ev.PostAnalyzed, ev.AnalysisFailed)
_WORK: Final = (*_SEARCHES, *LOOKUPS, *_ANSWERS, *_ANALYSES, ev.SubmissionStarted, ev.BackoffElapsed)


class WindowLog:
    """Fed every record; gives the outcome of each window once it is known. Keeps at most 64 windows.

    Args:
        quota: Posts that a window takes by the policy, and by the API's word where it gave one; for a log that does
            not begin with a journal's first record.
        attempts: Submissions of a post in one window, likewise.
        holds: Whether posts wait whose analysis is refused, likewise.
    """

    def __init__(self, *, quota: tuple[int, int | None] = (1, None), attempts: int = 1, holds: bool = False) -> None:
        self._told: deque[ToldWindow] = deque()
        self._judged: deque[int] = deque(maxlen=_KEPT)  # first blocks
        self._taken_back: set[int] = set()  # those in which something was done, for the chain may come to them
        self._unreachable: int | None = None
        self._is_full = False
        self._limited: tuple[int, int] | None = None
        self._limited_to: tuple[int, int] | None = None  # of a 429 that says what it fills; lasts beyond its wait
        self._served_blocks: int | None = None
        self._counted: dict[int, int] = {}
        self._quota = quota
        self._attempts = attempts
        self._holds = holds
        self._tried: dict[str, int] = {}  # attempts at posts that wait for an answer or for one more
        self._unanalyzed: dict[str, int | None] = {}  # when refused, the first block of the newest window then
        self._last: Record | None = None
        self._work_ms = self._block = self._work_block = 0

    @property
    def settled_to(self) -> int | None:
        """Windows that were told before this record have their outcome for good; None for all that were told."""
        return self._told[0].seq if self._told else None

    @property
    def undecided(self) -> int:
        """Windows told whose outcome is not known, not even where the records end here: the newest one at most."""
        return self.undecided_since(0)

    def undecided_since(self, seq: int) -> int:
        """The same, of windows that a record behind ``seq`` told."""
        return int(bool(self._told) and not self._told[-1].touched and self._told[-1].seq > seq)

    def take(self, record: Record, event: ev.Event) -> Iterable[WindowOutcome]:
        """Note one more record; the outcomes that it settles."""
        self._last = record
        take = self._TAKES.get(type(event))
        return () if take is None else take(self, event, record)

    def resume(self, number: int, start_block: int, blocks: int, record: Record, *, spent: bool) -> None:
        """Begin amid a journal: the newest window that was told before ``record``, and whether it was worked on."""
        sent = record.seq if spent else None
        self._told.append(ToldWindow(number=number, start_block=start_block, blocks=blocks, seq=record.seq, sent=sent))

    def know(
        self,
        record: Record,
        *,
        unreachable: bool,
        limited_until: int | None,
        limited_to: int | None,
        served_blocks: int | None,
        counted: Mapping[int, int],
        worked: Iterable[int],
        held: Mapping[str, int | None],
    ) -> None:
        """What else matters behind ``record``: a silent API, a 429, posts counted, windows worked on, posts held."""
        self._unreachable = record.seq if unreachable else None
        self._limited = None if limited_until is None else (record.seq, limited_until)
        self._limited_to = None if limited_to is None else (record.seq, limited_to)
        self._served_blocks = served_blocks
        self._counted = dict(counted)
        self._unanalyzed = dict(held)
        newest = self._told[-1].start_block if self._told else 0
        for start_block in worked:
            if start_block > newest:
                self._taken_back.add(start_block)
            else:
                self._judged.append(start_block)
        self._work_ms = record.at_ms

    def end(self) -> Iterator[WindowOutcome]:
        """What records that end here tell: every window but the newest is judged, and that one where it was worked on.

        Changes nothing, so more records may follow.
        """
        last = self._last
        works = last is not None and last.dest != _WAITING and self._silence_ms(last) <= _PATIENCE_MS
        busy = last.seq if last is not None and works else None
        for told in self._told:
            if told.touched or (told is not self._told[-1] and not told.again):
                yield told.outcome(busy=busy)

    def _silence_ms(self, last: Record) -> int:
        """For how long nothing was heard of the work: by this host's clock, but no longer than the blocks told took."""
        return min(last.at_ms - self._work_ms, (self._block - self._work_block) * _BLOCK_MS)

    # Windows told

    def _open(self, event: ev.WindowOpened, record: Record) -> list[WindowOutcome]:
        before = self._told[-1] if self._told else None
        self._block = event.current_block
        outcomes = [] if before is None else _skipped(before, event, record)
        told = ToldWindow(
            number=event.window,
            start_block=event.start_block,
            blocks=event.blocks_per_window,
            seq=record.seq,
            again=event.start_block in self._judged or event.start_block in self._taken_back,
        )
        if self._unreachable is not None:
            told.put_down_to("API unreachable", self._unreachable)
        if self._limited is not None and event.start_block < self._limited[1]:
            told.put_down_to("rate limited", self._limited[0])
        self._told.append(told)
        self._fill(record)
        if len(self._told) > _KEPT:
            outcomes += self._judge(self._told.popleft())
        return outcomes

    def _judge(self, told: ToldWindow) -> list[WindowOutcome]:
        """The window's outcome; none where it was judged before and nothing was done when the API came back to it."""
        if told.again and not told.touched:
            return []
        self._judged.append(told.start_block)
        return [told.outcome()]

    def _revise(self, event: ev.WindowsRevised, record: Record) -> list[WindowOutcome]:
        """What was told behind the window that the API is in was none, and counts where something was done in it."""
        outcomes: list[WindowOutcome] = []
        if self._told and self._told[-1].start_block == event.believed_start_block < event.start_block:
            self._told[-1].blocks = event.blocks_per_window  # it was told as longer than it was
            outcomes += _skipped(self._told[-1], event, record)
        while self._told and self._told[-1].start_block > event.start_block:
            told = self._told.pop()
            outcomes += self._judge(told) if told.touched else []
        ahead = (start for start in self._judged if start > event.start_block)
        self._taken_back = set(sorted({*self._taken_back, *ahead})[:_KEPT])
        if self._limited is not None:
            binds = self._limited[1] > event.believed_start_block
            self._limited = (self._limited[0], event.start_block + event.blocks_per_window) if binds else None
            if binds and self._limited_to is not None:
                self._limited_to = self._limited
        if not self._told or self._told[-1].start_block < event.start_block:
            again = event.start_block in self._judged
            told = ToldWindow(
                number=event.window,
                start_block=event.start_block,
                blocks=event.blocks_per_window,
                seq=record.seq,
                again=again,
            )
            if self._limited is not None:
                told.put_down_to("rate limited", self._limited[0])
            self._told.append(told)
        if event.taken:
            self._counted[event.start_block] = self._counted.get(event.start_block, 0) + event.taken
        self._fill(record)
        return outcomes

    def _move(self, _event: ev.ApiMoved, record: Record) -> list[WindowOutcome]:
        """Another API's blocks are not comparable with those before."""
        for told in self._told:
            told.put_down_to("moved", record.seq)
        outcomes = [outcome for told in self._told for outcome in self._judge(told)]
        self._told.clear()
        self._judged.clear()
        self._taken_back.clear()
        self._tried.clear()
        self._limited, self._counted, self._quota = None, {}, (self._quota[0], None)
        self._limited_to = self._served_blocks = None
        return outcomes

    # Work

    def _work(self, event: ev.Event, record: Record) -> list[WindowOutcome]:
        outcomes: list[WindowOutcome] = []
        self._work_ms, self._work_block = record.at_ms, self._block
        number = getattr(event, "window", None)
        worked = None if number is None else next((w for w in reversed(self._told) if w.number == number), None)
        if worked is not None:
            worked.note(event, record)
            while self._told[0] is not worked:
                outcomes += self._judge(self._told.popleft())
        held = self._holds and isinstance(event, ev.AnalysisFailed) and event.kind in ev.CONFIGURATION
        for told in self._told:
            if told.touched:
                continue
            told.put_down_to("busy", record.seq)
            if held:
                told.put_down_to("held", record.seq)
        self._wait(event, record, held=held)
        self._follow(event, record)
        return outcomes

    def _wait(self, event: ev.Event, record: Record, *, held: bool) -> None:
        """Which posts wait for their analysis; one that was refused in another window is work on the newest."""
        if isinstance(event, ev.PostsScraped):
            known = {**self._unanalyzed, **dict.fromkeys((post.id for post in event.posts), None)}
            self._unanalyzed = dict([*known.items()][-16 * _KEPT :])
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed) and self._told:
            newest, since = self._told[-1], self._unanalyzed.pop(event.post_id, None)
            if since not in {None, newest.start_block} and not newest.touched:
                newest.is_filled = True
                newest.put_down_to("held", record.seq)
            if held:
                self._unanalyzed = dict.fromkeys((*self._unanalyzed, event.post_id), newest.start_block)

    def _follow(self, event: ev.Event, record: Record) -> None:
        """What becomes of attempts."""
        if type(event) not in _OF_ATTEMPTS:
            return
        if isinstance(event, ev.RateLimited | ev.SubmissionAccepted) and self._told:
            self._count(event, record)
        match event:
            case ev.SubmissionStarted():
                self._tried[event.post_id] = event.attempt
            case ev.SubmissionFailed():
                self._give_up(record)
            case ev.RateLimited():
                self._tried.clear()
            case ev.SubmissionAccepted() | ev.SubmissionRejected():
                self._tried.pop(event.post_id, None)

    def _give_up(self, record: Record) -> None:
        """Posts without an attempt left and without a verdict: the API may have taken them all the same."""
        for post_id in [post_id for post_id, attempts in self._tried.items() if attempts >= self._attempts]:
            del self._tried[post_id]
            if self._told:
                self._add(self._told[-1].start_block, record)

    def _count(self, event: ev.RateLimited | ev.SubmissionAccepted, record: Record) -> None:
        newest = self._told[-1]
        start_block = newest.start_block if event.start_block is None else event.start_block
        if isinstance(event, ev.RateLimited):
            self._limited = (record.seq, max(start_block, newest.start_block) + newest.blocks)
            self._limited_to = self._limited if event.full else None
            newest.put_down_to("rate limited", record.seq)
            quota = self._quota[1] or self._quota[0]
            self._counted |= {start: max(quota, self._counted.get(start, 0)) for start in event.full}
            return
        self._add(start_block, record)

    def _add(self, start_block: int, record: Record) -> None:
        self._counted[start_block] = self._counted.get(start_block, 0) + 1
        if len(self._counted) > _KEPT:
            del self._counted[min(self._counted)]
        self._fill(record)

    def _fill(self, record: Record) -> None:
        if self._told and self._counted.get(self._told[-1].start_block, 0) >= (self._quota[1] or self._quota[0]):
            self._told[-1].put_down_to("full", record.seq)

    # What keeps from work

    def _explain(self, why: str, record: Record) -> tuple[()]:
        if self._told:
            self._told[-1].put_down_to(why, record.seq)
        return ()

    def _abandon(self, event: ev.PostAbandoned, record: Record) -> tuple[()]:
        """A post was given up when its turn came. Where work goes on behind it, that is work on the newest window."""
        self._unanalyzed.pop(event.post_id, None)
        if event.reason == "too old" and record.source == _SUBMITTING:
            is_over = record.dest == _WAITING
            for told in (told for told in self._told if not told.touched and (is_over or told is not self._told[-1])):
                told.put_down_to("too old", record.seq)
        return ()

    def _crash(self, event: ev.EffectCrashed, record: Record) -> tuple[()]:
        if event.effect.startswith("SubmitPost:"):
            self._give_up(record)
        return self._explain("crash", record)

    def _outage(self, _event: ev.ApiUnreachable, record: Record) -> tuple[()]:
        self._unreachable = record.seq
        return self._explain("API unreachable", record)

    def _recovery(self, _event: ev.ApiRecovered, _record: Record) -> tuple[()]:
        self._unreachable = None
        return ()

    def _fill_disk(self, _event: ev.DiskFilled, record: Record) -> tuple[()]:
        self._is_full = True
        return self._explain("disk full", record)

    def _free_disk(self, _event: ev.DiskFreed, _record: Record) -> tuple[()]:
        self._is_full = False
        return ()

    def _stop(self, _event: ev.ActorStopped, record: Record) -> tuple[()]:
        self._end_disk()
        return self._explain("down", record)

    def _end_disk(self) -> None:
        """A process ended. Had a disk that was full before cost a window, the next one would have been told by now."""
        if self._told and not self._is_full:
            self._told[-1].clear("disk full")

    def _mismatch(self, event: ev.ConfigMismatched, record: Record) -> tuple[()]:
        if event.setting == "MAX_SUBMISSIONS_PER_WINDOW":
            self._quota = (self._quota[0], event.served)
            self._fill(record)
        else:
            self._served_blocks = event.served
            self._close(event.served)
        return ()

    def _close(self, blocks: int) -> None:
        """Windows have this length: what was told within the window of a 429, by another one, is closed like it."""
        if self._limited_to is None or not self._told:
            return
        newest, (seq, end) = self._told[-1], self._limited_to
        if end <= newest.start_block and newest.start_block // blocks * blocks < end:
            newest.put_down_to("rate limited", seq)
            quota = self._quota[1] or self._quota[0]
            self._counted[newest.start_block] = max(quota, self._counted.get(newest.start_block, 0))

    def _gap(self, event: ev.GapDeclared, record: Record) -> tuple[()]:
        for told in self._told:
            told.put_down_to("gap", record.seq)
        self._tried.clear()
        self._unanalyzed.clear()
        self._counted |= event.salvage.counted
        return ()

    def _change(self, event: ev.SettingsChanged, _record: Record) -> tuple[()]:
        self._holds = event.policy.on_analysis_error == "hold"
        return ()

    def _start(self, event: ev.ActorStarted, record: Record) -> tuple[()]:
        """A crash leaves no record, so it shows here. What follows the start explains the window anew (ruling 12)."""
        self._quota = (event.policy.max_submissions_per_window, self._quota[1])
        self._attempts = event.policy.submit_attempts
        self._holds = event.policy.on_analysis_error == "hold"
        self._give_up(record)
        self._work_ms, self._work_block = record.at_ms, self._block
        self._end_disk()
        self._is_full = False
        self._close(self._served_blocks or event.policy.blocks_per_window)
        newest = self._told[-1] if self._told else None
        if newest is None or newest.touched:
            return self._explain("down", record)
        newest.whole_why.setdefault("down", record.seq)
        lasting = _LASTING | {"held"} if newest.is_filled else _LASTING
        newest.why = {name: seq for name, seq in newest.why.items() if name in lasting}
        newest.started = record.seq
        if self._unreachable is not None:
            newest.put_down_to("API unreachable", self._unreachable)
        self._fill(record)
        return ()

    _TAKES: ClassVar[Mapping[type, Callable[[WindowLog, Any, Record], Iterable[WindowOutcome]]]] = {
        **dict.fromkeys(_WORK, _work),
        ev.PostAbandoned: _abandon,
        ev.WindowOpened: _open,
        ev.WindowsRevised: _revise,
        ev.ActorStarted: _start,
        ev.SettingsChanged: _change,
        ev.ActorStopped: _stop,
        ev.EffectCrashed: _crash,
        ev.ApiUnreachable: _outage,
        ev.ApiRecovered: _recovery,
        ev.DiskFilled: _fill_disk,
        ev.DiskFreed: _free_disk,
        ev.ConfigMismatched: _mismatch,
        ev.GapDeclared: _gap,
        ev.ApiMoved: _move,
    }


def windows_text(*, used: int, missed: int, undecided: int) -> str:
    """How many windows there were, in the words of every report; the newest is open until it is worked on or over."""
    still_open = f", {undecided} open" if undecided else ""
    return f"{used + missed + undecided} seen: {used} used, {missed} missed{still_open}"


def _skipped(before: ToldWindow, event: ev.WindowOpened | ev.WindowsRevised, record: Record) -> list[WindowOutcome]:
    """The windows between two that were told."""
    count = (event.start_block - before.end_block) // max(1, event.blocks_per_window)
    if count <= 0:
        return []
    known = (name for name in ("gap", "disk full", "down", "API unreachable") if name in before.whole_why)
    why = next(known, "not told")
    seqs = tuple(sorted({before.seq, before.whole_why.get(why, before.seq), record.seq}))
    return [WindowOutcome(number=None, count=count, seqs=seqs, outcome=why)]
