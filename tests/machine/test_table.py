"""The table is proved by enumeration: every state and event is handled, internal or refused."""

from __future__ import annotations

from typing import get_args

import pytest

from actor.machine import STATES, IllegalEventError, step
from actor.machine.state import StateName
from actor.machine.table import GUARDS, ROWS, is_allowed
from events import catalogue as ev
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited, rejected

ALWAYS = {"ActorStarted", "ActorStopped", "ApiMoved", "ApiUnreachable", "ApiRecovered", "ConfigMismatched"}
ALWAYS |= {"CheckpointSigned", "TailRepaired", "GapDeclared", "PostAbandoned", "EffectCrashed", "WindowOpened"}
ALWAYS |= {"DiskFilled", "DiskFreed", "SettingsChanged", "ScoreObserved", "ValidationObserved"}
ALWAYS |= {"ChainPolled", "ChainPollFailed"}
LATE = {"PostsScraped", "ScrapeFailed", "PostAnalyzed", "AnalysisFailed", "SubmissionAccepted", "SubmissionRejected"}
LATE |= {"SubmissionFailed", "RateLimited", "AuthorsLookedUp", "AuthorLookupFailed"}

# Design, section 3: what each state handles beside what is handled everywhere. The rest is refused.
HANDLED: dict[StateName, set[str]] = {
    "WaitingForWindow": {"JournalCreated", "WindowsRevised"},
    "Scraping": {"PostsScraped", "ScrapeFailed", "AuthorsLookedUp", "AuthorLookupFailed", "BudgetSpent"},
    "Analyzing": {"PostAnalyzed", "AnalysisFailed"},
    "Submitting": {
        "SubmissionStarted",
        "SubmissionAccepted",
        "SubmissionRejected",
        "SubmissionFailed",
        "RateLimited",
        "WindowsRevised",
    },
    "Backoff": {"BackoffElapsed", "WindowsRevised"} | LATE,
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", sorted(ev.EVENTS))
def test_every_pair_is_handled_or_refused_as_designed(state: StateName, event: str) -> None:
    """The table allows exactly the pairs of design section 3."""
    assert is_allowed(state, event) == (event in ALWAYS | HANDLED[state])


def test_every_row_names_known_states_events_and_guards() -> None:
    """Transitions accepts typos silently, so names are checked here."""
    for row in ROWS:
        assert row.source in STATES
        assert row.dest is None or row.dest in STATES
        assert row.dest != row.source, "an internal row has no destination"
        assert row.event in ev.EVENTS
        assert set(row.guards) <= set(GUARDS)
    assert {row.event for row in ROWS} == set(ev.EVENTS)
    assert set(get_args(StateName)) == set(STATES)


def test_no_row_is_shadowed_by_an_earlier_one() -> None:
    """A row after an unguarded one of the same event and source could never be taken."""
    closed: set[tuple[str, str]] = set()
    for row in ROWS:
        assert (row.event, row.source) not in closed, row
        if not row.guards:
            closed.add((row.event, row.source))


def every_state() -> dict[StateName, Drive]:
    """A machine in each state, with an attempt open where there can be one."""
    submitting = Drive().start().batch(7, 1, 2)
    submitting.send()
    backoff = Drive().start().batch(7, 1)
    backoff.on(failed(backoff.send(), 1))
    return {
        "WaitingForWindow": Drive().start(),
        "Scraping": Drive().start().window(7),
        "Analyzing": Drive().start().window(7).scraped(1, 2),
        "Submitting": submitting,
        "Backoff": backoff,
    }


EXAMPLES: list[ev.Event] = [
    ev.JournalCreated(hotkey="5x", netuid=1, api_url="http://127.0.0.1"),
    ev.PostsScraped(
        window=7,
        wanted=5,
        seed=1,
        candidates=(),
        posts=(),
        posts_read=0,
        users_read=0,
        requests=1,
        unusable=0,
        latency_ms=1,
    ),
    ev.ScrapeFailed(window=7, kind="server", reason="503"),
    ev.AuthorsLookedUp(window=7, asked=("9",), authors=(), users_read=0, latency_ms=1),
    ev.AuthorLookupFailed(window=7, asked=("9",), kind="server", reason="503"),
    ev.BudgetSpent(budget="x", window=7, day="2026-11-22", spent_usd=5.0, needed_usd=0.15, limit_usd=5.0),
    analyzed("1"),
    analysis_failed("1"),
    accepted("1"),
    rejected("1"),
    failed("1", 1),
    limited("1"),
    ev.BackoffElapsed(),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_a_refused_event_raises_and_changes_nothing(event: ev.Event) -> None:
    """An illegal event leaves the state as it was, bit for bit."""
    for name, drive in every_state().items():
        before = drive.state
        assert before.state == name
        if is_allowed(before.state, type(event).__name__):
            continue
        with pytest.raises(IllegalEventError, match="is refused in state"):
            step(before, event, drive.at_ms)
        assert drive.state is before


def test_an_event_that_does_not_fit_the_data_is_refused() -> None:
    """A verdict for a post without an open attempt, or a second scrape of a window, is a bug of the caller."""
    states = every_state()
    cases: list[tuple[StateName, ev.Event, str]] = [
        ("Submitting", accepted("999"), "no attempt of post 999 is open"),
        ("Submitting", failed("1", 2), "attempt 2 is not open"),
        ("Scraping", ev.ScrapeFailed(window=8, kind="server", reason="503"), "scrape of window 8 is not due"),
        (
            "Scraping",
            ev.AuthorsLookedUp(window=7, asked=("9",), authors=(), users_read=0, latency_ms=1),
            "the search comes first",
        ),
        ("Analyzing", analyzed("999"), "no analysis of post 999 is due"),
        ("WaitingForWindow", ev.ApiRecovered(), "was not known to be unreachable"),
        ("Backoff", accepted("1"), "no attempt of post 1 is open"),
    ]
    for name, event, message in cases:
        with pytest.raises(IllegalEventError, match=message):
            step(states[name].state, event, states[name].at_ms)


def test_nothing_but_a_start_is_allowed_before_one() -> None:
    """A stopped actor's journal takes no work."""
    stopped = Drive().start()
    stopped.on(ev.ActorStopped(reason="test", posts_processed=0))
    with pytest.raises(IllegalEventError, match="needs a running actor"):
        stopped.window(7)


def test_backoff_data_and_state_go_together() -> None:
    """The state is Backoff exactly while its data say so."""
    for name, drive in every_state().items():
        assert (drive.state.backoff is not None) == (name == "Backoff")
