"""Random walks with a budget: whatever fails, crashes or is killed, X never bills more in a day than it allows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actor.machine import fold, wanted
from actor.machine.state import State
from events import catalogue as ev
from events import effects as ef
from events.prices import usd, uusd
from tests.kit import Drive, accepted

pytestmark = pytest.mark.slow

LIMIT_USD = 0.5
DAY_MS = 86_400_000
MORE_WALKS = 5
OUTCOMES: Counter[str] = Counter()


class Spending(RuleBasedStateMachine):
    """The machine with a budget for X, and X's own bill, which also holds what was lost on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.drive = Drive(ev.Policy(max_x_usd_per_day=LIMIT_USD)).start()
        self.number = 100
        self.posts = 0
        self.billed_uusd: Counter[int] = Counter()

    @property
    def state(self) -> State:
        """The machine's state."""
        return self.drive.state

    def wants(self, kind: type[ef.Effect]) -> bool:
        """Whether an effect of this kind is wanted."""
        return any(isinstance(effect, kind) for effect in wanted(self.state))

    def bill(self, posts: int) -> None:
        """X answered, whether or not anybody got the answer; each post is by another user."""
        self.billed_uusd[self.drive.at_ms // DAY_MS] += self.drive.policy.prices.x_uusd(posts, posts)

    @rule(hours=st.sampled_from([0.1, 1.0, 9.0, 30.0]))
    def time_passes(self, hours: float) -> None:
        """Within a day or into another one."""
        self.drive.at_ms += round(hours * 3_600_000)

    @rule(windows=st.integers(min_value=1, max_value=2))
    def window_opens(self, windows: int) -> None:
        """The chain goes on."""
        self.number += windows
        self.drive.window(self.number)

    @precondition(lambda self: self.wants(ef.ScrapeWindow))
    @rule(found=st.integers(min_value=0, max_value=2))
    def search_answers(self, found: int) -> None:
        """A full page, with so many posts that nobody chose before."""
        OUTCOMES["answered"] += 1
        self.bill(10)
        self.drive.scraped(*range(self.posts + 1, self.posts + 1 + found))
        self.posts += found

    @precondition(lambda self: self.wants(ef.ScrapeWindow))
    @rule(kind=st.sampled_from(["timeout", "server"]))
    def search_fails(self, kind: str) -> None:
        """X may have billed what never arrived; it does not bill a refusal."""
        OUTCOMES[kind] += 1
        self.bill(0 if kind == "server" else 10)
        window = self.state.window
        assert window is not None
        self.drive.on(ev.ScrapeFailed(window=window.number, kind=kind, reason="test"))

    @precondition(lambda self: self.wants(ef.ScrapeWindow))
    @rule()
    def search_crashes(self) -> None:
        """A bug of ours behind the answer."""
        OUTCOMES["crashed"] += 1
        self.bill(10)
        self.drive.on(ev.EffectCrashed(effect="ScrapeWindow", post_id=None, error="a bug"))

    @rule()
    def process_is_killed(self) -> None:
        """With a search under way, X has answered nobody."""
        if self.wants(ef.ScrapeWindow):
            OUTCOMES["killed"] += 1
            self.bill(10)
        self.drive.start()

    @precondition(lambda self: self.wants(ef.HoldWindow))
    @rule()
    def window_is_held(self) -> None:
        """The decision that is wanted in place of a search."""
        OUTCOMES["held"] += 1
        due = self.state.unaffordable
        assert due is not None
        assert not self.wants(ef.ScrapeWindow)
        self.drive.on(due)

    @precondition(lambda self: self.wants(ef.EndBackoff))
    @rule()
    def backoff_ends(self) -> None:
        """The wait is over."""
        self.drive.on(ev.BackoffElapsed())

    @precondition(lambda self: self.state.state in {"Analyzing", "Submitting"})
    @rule()
    def batch_ends(self) -> None:
        """Every post is analyzed and accepted in the window being worked on."""
        self.drive.analyze_all()
        window = self.state.window
        assert window is not None
        while self.wants(ef.StartSubmission) and self.state.window == window:
            self.drive.on(accepted(self.drive.send(), start_block=window.start_block))

    @invariant()
    def no_day_s_bill_exceeds_the_budget(self) -> None:
        """Hard: by X's own books, not by ours."""
        for billed_uusd in self.billed_uusd.values():
            assert billed_uusd <= uusd(LIMIT_USD), usd(billed_uusd)

    def teardown(self) -> None:
        """I5: the folded journal is the live state."""
        assert fold(self.drive.records) == self.state


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=100, stateful_step_count=50)


def test_the_walks_reach_every_outcome() -> None:
    """A walk that never spends a budget would prove nothing. What chance left out so far, more walks reach."""
    wanted_outcomes = {"answered", "timeout", "server", "crashed", "killed", "held"}
    for _ in range(MORE_WALKS):
        if set(OUTCOMES) == wanted_outcomes:
            break
        run_state_machine_as_test(Spending, settings=TestSpending.settings)
    assert set(OUTCOMES) == wanted_outcomes
