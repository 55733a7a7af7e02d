"""The transition table, as data for ``transitions``: which event is allowed in which state, and where it leads.

Everything derives from ROWS: the step, the diagram in the docs, the enumeration test and the replay check. A row reads
"in ``source``, after ``event`` was applied to the data, go to ``dest`` if all ``guards`` hold"; rows of one event and
source are tried in order. ``dest`` None stays (internal). A pair without a row is refused.

Guards look at the data *after* the event and have no effects. A batch that ends opens the newest remembered window at
once (``actor.machine.reduce``), so "scrape_due" after a verdict means that a newer window is worked on next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from transitions import EventData, Machine

from actor.machine.state import STATES, State, StateName
from events.catalogue import EVENTS

__all__ = ["GUARDS", "ROWS", "Row", "destination", "is_allowed"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    event: str
    source: StateName
    dest: StateName | None
    guards: tuple[str, ...] = ()


def _scrape_due(s: State) -> bool:
    return s.to_scrape > 0 or s.is_author_due()


def _post_queued(s: State) -> bool:
    return any(post.analyzed and not post.deferred for post in s.posts)


def _idle(s: State) -> bool:
    return s.to_scrape == 0 and s.all_deferred()


def _backing_off(s: State) -> bool:
    return s.backoff is not None


def _released(s: State) -> bool:
    return s.backoff is None


GUARDS: Final[Mapping[str, Callable[[State], bool]]] = {
    "scrape_due": _scrape_due,
    "analysis_due": State.analysis_due,
    "post_queued": _post_queued,
    "idle": _idle,
    "backing_off": _backing_off,
    "released": _released,
}

WAITING: Final = "WaitingForWindow"
SCRAPING: Final = "Scraping"
ANALYZING: Final = "Analyzing"
SUBMITTING: Final = "Submitting"
BACKOFF: Final = "Backoff"

# Where work goes on, tried in this order.
_NEXT: Final[tuple[tuple[StateName, tuple[str, ...]], ...]] = (
    (SCRAPING, ("scrape_due",)),
    (ANALYZING, ("analysis_due",)),
    (SUBMITTING, ("post_queued",)),
    (WAITING, ("idle",)),
)
_ANYWHERE: Final = (
    "ActorStopped",
    "ApiUnreachable",
    "ApiRecovered",
    "DiskFilled",
    "DiskFreed",
    "CheckpointSigned",
    "TailRepaired",
    "ApiMoved",
    "ChainPolled",
    "ChainPollFailed",
    "ScoreObserved",
    "ValidationObserved",
)
# X is asked for posts, then for the authors that are not known of those that were chosen.
_SCRAPE_ENDS: Final = ("PostsScraped", "ScrapeFailed", "AuthorsLookedUp", "AuthorLookupFailed")
_ANALYSIS_ENDS: Final = ("PostAnalyzed", "AnalysisFailed")
_VERDICTS: Final = ("SubmissionAccepted", "SubmissionRejected")
_RETRIABLE: Final = ("SubmissionFailed", "RateLimited")


def _goes_on(event: str, source: StateName, *guards: str) -> list[Row]:
    """A row to each state in which work can go on, in the order of ``_NEXT``."""
    return [Row(event, source, None if dest == source else dest, (*guards, *due)) for dest, due in _NEXT]


def _rows() -> tuple[Row, ...]:
    rows = [Row(event, state, None) for event in _ANYWHERE for state in STATES]
    rows += [Row("JournalCreated", WAITING, None)]
    # A start closes the open attempt. If that was the post's last one, another post is next, or the batch ends.
    rows += [Row("ActorStarted", state, None) for state in (SCRAPING, ANALYZING, BACKOFF)]
    rows += _goes_on("ActorStarted", SUBMITTING)
    rows += [Row("SettingsChanged", state, None) for state in STATES if state != WAITING]
    # A start or new settings may have mended what the LLM's server refused: held posts are asked about again.
    for event in ("ActorStarted", "SettingsChanged"):
        rows += [Row(event, WAITING, ANALYZING, ("analysis_due",)), Row(event, WAITING, None, ("idle",))]
    rows += _goes_on("WindowOpened", WAITING)
    # Posts that were put off by a move to another API may fill its first window, and then no search is due any more.
    rows += _goes_on("WindowOpened", SCRAPING)
    rows += [Row("WindowOpened", ANALYZING, None)]
    # The API may have counted posts in the new window before it opened; with a smaller quota it is full already.
    rows += [
        Row("WindowOpened", SUBMITTING, None, ("post_queued",)),
        Row("WindowOpened", SUBMITTING, WAITING, ("idle",)),
    ]
    rows += _goes_on("WindowOpened", BACKOFF, "released")
    rows += [Row("WindowOpened", BACKOFF, None, ("backing_off",))]
    # Only between answers: what was asked for the window that is taken back is answered first.
    rows += _goes_on("WindowsRevised", WAITING)
    rows += _goes_on("WindowsRevised", SUBMITTING)
    rows += [Row("WindowsRevised", BACKOFF, None, ("backing_off",))]
    for event in (*_SCRAPE_ENDS, "BudgetSpent"):
        rows += _goes_on(event, SCRAPING)
    for event in _ANALYSIS_ENDS:
        rows += _goes_on(event, ANALYZING)
    # After a gap nothing is in flight, and the posts that are left wait for the next window.
    rows += [Row("GapDeclared", state, None if state == WAITING else WAITING) for state in STATES]
    # A smaller quota may leave nothing to send in this window.
    rows += [Row("ConfigMismatched", state, None) for state in STATES if state != SUBMITTING]
    rows += _goes_on("ConfigMismatched", SUBMITTING)
    # A post may be too old when its turn comes. If it was the last one, the batch ends.
    rows += [Row("PostAbandoned", state, None) for state in STATES if state != SUBMITTING]
    rows += _goes_on("PostAbandoned", SUBMITTING)
    rows += [Row("SubmissionStarted", SUBMITTING, None)]
    for event in _VERDICTS:
        rows += _goes_on(event, SUBMITTING)
    for event in _RETRIABLE:
        rows += [Row(event, SUBMITTING, BACKOFF, ("backing_off",))]
    rows += _goes_on("SubmissionFailed", SUBMITTING)
    # Answers to what was in flight when another effect crashed are facts like any other.
    rows += [Row(e, BACKOFF, None) for e in (*_SCRAPE_ENDS, *_ANALYSIS_ENDS, *_VERDICTS, *_RETRIABLE)]
    rows += _goes_on("BackoffElapsed", BACKOFF)
    rows += [Row("EffectCrashed", state, BACKOFF) for state in STATES if state != BACKOFF]
    rows += [Row("EffectCrashed", BACKOFF, None)]
    return tuple(rows)


ROWS: Final = _rows()


class _Cursor:
    """The object that ``transitions`` moves: a state's name, and the value of each guard."""

    __slots__ = ("says", "state")

    def __init__(self, state: str, says: Mapping[str, bool]) -> None:
        self.state = state
        self.says = says


def _condition(name: str) -> Callable[[EventData], bool]:
    def condition(event_data: Any) -> bool:
        said: bool = event_data.model.says[name]
        return said

    condition.__name__ = name
    return condition


def _machine() -> Machine:
    machine = Machine(model=None, states=list(STATES), initial=WAITING, auto_transitions=False, send_event=True)
    conditions = {name: _condition(name) for name in GUARDS}
    for row in ROWS:
        machine.add_transition(row.event, row.source, row.dest, conditions=[conditions[g] for g in row.guards])
    return machine


def _asked() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """For each state and event, the guards of its rows, each once. A pair without rows has no entry."""
    asked: dict[tuple[str, str], dict[str, None]] = {}
    for row in ROWS:
        asked.setdefault((row.source, row.event), {}).update(dict.fromkeys(row.guards))
    return {pair: tuple(guards) for pair, guards in asked.items()}


_MACHINE: Final = _machine()
_ASKED: Final = _asked()

if unknown := {row.event for row in ROWS} ^ set(EVENTS):  # a typo here would be accepted silently by transitions
    raise ValueError(f"the table and the catalogue differ in {sorted(unknown)}")


def is_allowed(source: StateName, event: str) -> bool:
    """Whether the table has a row for this event in this state."""
    return (source, event) in _ASKED


def destination(source: StateName, event: str, data: State) -> StateName | None:
    """Where ``event`` leads from ``source``, given the data after it; None where no row's guards hold."""
    return _destination(source, event, tuple([GUARDS[name](data) for name in _ASKED[source, event]]))


@cache  # a fold asks for the same few again and again
def _destination(source: StateName, event: str, said: tuple[bool, ...]) -> StateName | None:
    """Where the rows of ``source`` and ``event`` lead when their guards have these values; None when no row holds."""
    cursor = _Cursor(source, dict(zip(_ASKED[source, event], said, strict=True)))
    leads = _MACHINE.events[event].trigger(cursor)
    return cast("StateName", cursor.state) if leads else None
