"""A recorded history as a value: where it begins, and what happened, when, and where it led. Reads, never writes.

A slice begins in the state that this build folds the records before it to, so it needs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from actor.machine import INITIAL, IllegalEventError, State, step
from actor.machine.state import StateName
from actor.machine.wanted import submission_started
from actor.testing.words import change_lines, move_line
from events import catalogue as ev
from events.effects import StartSubmission
from events.journal import GENESIS, JournalReader, Record, locate, parse

__all__ = [
    "DivergenceError",
    "Life",
    "Moment",
    "NotInJournalError",
    "Scenario",
    "Step",
    "follow",
    "lives",
    "post_slice",
    "posts_of",
    "recorded_moments",
    "recorded_steps",
    "same_intent",
    "until_slice",
    "window_slice",
]


class DivergenceError(AssertionError):
    """This build does something else than what was recorded; the message names the record and both sides."""


class NotInJournalError(LookupError):
    """The journal has nothing of what was asked for; the message says what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One recorded event.

    Attributes:
        seq: The record's number.
        at_ms: When it happened, unix milliseconds.
        event: The event, as this build reads it.
        source: The recorded state before it.
        dest: The recorded state after it.
    """

    seq: int
    at_ms: int
    event: ev.Event
    source: StateName
    dest: StateName

    @property
    def name(self) -> str:
        return type(self.event).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A step between the states that this build has before and after it."""

    before: State
    step: Step
    after: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happened, and the state that it began in.

    Attributes:
        steps: The events in their order.
        start: The state before the first of them; that of an empty journal where nothing else is said.
    """

    steps: tuple[Step, ...]
    start: State = INITIAL

    @classmethod
    def load(cls, source: Path | str | Iterable[bytes]) -> Scenario:
        """A whole journal: its folder, or its lines, newlines included.

        Raises:
            JournalError: There is no journal, or it is damaged.
            BadRecordError: A line does not continue the one before.
            DivergenceError: This build cannot read one of its events.
        """
        records = JournalReader(locate(Path(source))) if isinstance(source, Path | str) else _parsed(source)
        return cls(steps=tuple(recorded_steps(records)))

    def window(self, number: int) -> Scenario:
        """The work on one window, up to the next one's; the last one of that number, should there be several.

        Raises:
            NotInJournalError: It was not worked on.
            DivergenceError: This build comes to another history before its end.
        """
        return window_slice(follow(self.start, self.steps), number)

    def post(self, post_id: str) -> Scenario:
        """One post from its choice to its verdict, with all that happened meanwhile. Raises as `window` does."""
        return post_slice(follow(self.start, self.steps), post_id)

    def until(self, seq: int) -> Scenario:
        """What led to this record: from the opening of the window that was worked on. Raises as `window` does."""
        return until_slice(follow(self.start, self.steps), seq)

    def moments(self) -> list[Moment]:
        """Every step between this build's states.

        Raises:
            DivergenceError: This build goes elsewhere.
        """
        return list(follow(self.start, self.steps))

    def __len__(self) -> int:
        return len(self.steps)


def recorded_steps(records: Iterable[Record]) -> Iterator[Step]:
    """Journal records as steps; DivergenceError where this build cannot read one."""
    for record in records:
        try:
            event = record.event()
        except ValueError as error:
            raise DivergenceError(f"{error}: another build wrote it") from error
        source, dest = cast("StateName", record.source), cast("StateName", record.dest)
        yield Step(seq=record.seq, at_ms=record.at_ms, event=event, source=source, dest=dest)


def recorded_moments(records: Iterable[Record]) -> Iterator[Moment]:
    """Journal records from the first one on, between this build's states. Raises as `follow` does."""
    return follow(INITIAL, recorded_steps(records))


def _parsed(lines: Iterable[bytes]) -> Iterator[Record]:
    head = GENESIS
    for line in lines:
        record = parse(line, head)
        head = record.head
        yield record


def follow(start: State, steps: Iterable[Step]) -> Iterator[Moment]:
    """Feed the steps to this build's machine.

    Raises:
        DivergenceError: It refuses one, or leads elsewhere.
    """
    state = start
    for found in steps:
        where = f"record {found.seq}, {found.name}"
        if found.source != state.state:
            raise DivergenceError(f"{where}: recorded in {found.source}, this build is in {state.state} there")
        try:
            after = step(state, found.event, found.at_ms)
        except IllegalEventError as error:
            raise DivergenceError(f"{where}: this build refuses it: {error}") from error
        if after.state != found.dest:
            recorded, ours = move_line(found.source, found.dest), move_line(state.state, after.state)
            raise DivergenceError(f"{where}: recorded {recorded}, this build goes {ours}")
        same_intent(state, found.event, where)
        yield Moment(before=state, step=found, after=after)
        state = after


def same_intent(state: State, event: ev.Event, where: str = "SubmissionStarted") -> None:
    """Compare a recorded intent with the one that this build has in this state.

    Raises:
        DivergenceError: It would send something else.
    """
    if not isinstance(event, ev.SubmissionStarted):
        return
    ours = submission_started(state, StartSubmission(post_id=event.post_id, attempt=event.attempt))
    if ours != event:
        raise DivergenceError(f"{where}: this build would send something else:\n{change_lines(event, ours)}")


def posts_of(event: ev.Event) -> tuple[str, ...]:
    """Ids of the posts that an event is about."""
    if isinstance(event, ev.PostsScraped):
        return tuple(post.id for post in event.posts)
    post_id: str | None = getattr(event, "post_id", None)
    return () if post_id is None else (post_id,)


def _scenario(moments: list[Moment]) -> Scenario:
    return Scenario(start=moments[0].before, steps=tuple(moment.step for moment in moments))


def _opens(moment: Moment) -> bool:
    window = moment.after.window
    is_spent = isinstance(moment.step.event, ev.GapDeclared)  # behind a gap nothing is known to be due
    return window is not None and window != moment.before.window and not is_spent


def window_slice(moments: Iterable[Moment], number: int) -> Scenario:
    """What happened in one window, and the state that it began in."""
    found: list[Moment] = []
    known: set[int] = set()
    collecting = False
    try:
        for moment in moments:
            window = moment.after.window
            if window is not None and _opens(moment):
                known.add(window.number)
                collecting = window.number == number
                found = [] if collecting else found
            if collecting:
                found.append(moment)
    except DivergenceError:
        if not found:
            raise
    if not found:
        raise NotInJournalError(f"window {number} was not worked on here; {_known(known)}")
    return _scenario(found)


def _known(windows: set[int]) -> str:
    if not windows:
        return "the journal has no window"
    return f"the journal has windows from {min(windows)} to {max(windows)}"


def post_slice(moments: Iterable[Moment], post_id: str) -> Scenario:
    """What happened to one post, and the state that it began in."""
    found: list[Moment] = []
    for moment in moments:
        if found or (isinstance(moment.step.event, ev.PostsScraped) and post_id in posts_of(moment.step.event)):
            found.append(moment)
            if moment.after.pending(post_id) is None:
                break
    if not found:
        raise NotInJournalError(f"post {post_id} was never chosen here")
    return _scenario(found)


def until_slice(moments: Iterable[Moment], seq: int) -> Scenario:
    """Everything up to this record, that one included."""
    found: list[Moment] = []
    for moment in moments:
        if _opens(moment):
            found = []
        found.append(moment)
        if moment.step.seq == seq:
            return _scenario(found)
    last = found[-1].step.seq if found else 0
    raise NotInJournalError(f"there is no record {seq}; the journal ends at record {last}")


# What a start records, in this order.
_BOOT: Final[dict[type, int]] = {ev.TailRepaired: 0, ev.JournalCreated: 1, ev.ApiMoved: 1, ev.ActorStarted: 2}


@dataclass(frozen=True, slots=True)
class Life:
    """The records of one process, in their order."""

    steps: tuple[Step, ...]

    @property
    def is_gap(self) -> bool:
        """Whether no actor made it, but ``repair``."""
        return isinstance(self.steps[0].event, ev.GapDeclared)

    @property
    def is_under_way(self) -> bool:
        """Whether it begins behind its start: a slice of a history."""
        return type(self.steps[0].event) not in _BOOT

    @property
    def is_stopped(self) -> bool:
        """Whether it ends in a goodbye; else the process died, or the history ends."""
        return isinstance(self.steps[-1].event, ev.ActorStopped)

    @property
    def repairs(self) -> tuple[ev.TailRepaired, ...]:
        """Torn tails that the start found."""
        return tuple(event for event in self._boot() if isinstance(event, ev.TailRepaired))

    @property
    def created(self) -> ev.JournalCreated | None:
        """The identity, where the start made the journal."""
        return next((event for event in self._boot() if isinstance(event, ev.JournalCreated)), None)

    @property
    def moved(self) -> ev.ApiMoved | None:
        """Where the start moved the journal."""
        return next((event for event in self._boot() if isinstance(event, ev.ApiMoved)), None)

    @property
    def started(self) -> ev.ActorStarted | None:
        """The start; None where the process died before it, or it is not in the slice."""
        return next((event for event in self._boot() if isinstance(event, ev.ActorStarted)), None)

    def _boot(self) -> Iterable[ev.Event]:
        for found in self.steps:
            if type(found.event) not in _BOOT:
                return
            yield found.event


def lives(steps: Iterable[Step]) -> list[Life]:
    """The processes, one after the other; a declared gap stands for itself."""
    found: list[list[Step]] = []
    for current in steps:
        if not found or _is_another(found[-1][-1].event, current.event):
            found.append([])
        found[-1].append(current)
    return [Life(tuple(life)) for life in found]


def _is_another(before: ev.Event, event: ev.Event) -> bool:
    if isinstance(before, ev.GapDeclared | ev.ActorStopped) or isinstance(event, ev.GapDeclared):
        return True
    rank, rank_before = _BOOT.get(type(event)), _BOOT.get(type(before))
    if rank is None:
        return False
    return rank_before is None or (rank_before >= rank and not rank_before == rank == 0)
