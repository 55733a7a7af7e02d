"""Random walks: whatever the world answers, in whatever order, with restarts anywhere, the invariants hold."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actor.machine import STATES, decode_state, encode_state, fold, wanted
from actor.machine.state import State
from events import catalogue as ev
from events import effects as ef
from events.codec import canonical_json
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited, rejected

pytestmark = pytest.mark.slow

REACHED: Counter[str] = Counter()


class Walk(RuleBasedStateMachine):
    """The machine against a world that knows nothing of it and keeps its own books."""

    def __init__(self) -> None:
        super().__init__()
        self.drive = Drive(ev.Policy(submit_attempts=2, max_submissions_per_window=3)).start()
        self.block = 700  # windows have 100 blocks
        self.posts = 0
        self.scraped_windows: list[int] = []
        self.analyzed: list[str] = []
        self.final: dict[str, str] = {}
        self.attempts: Counter[tuple[str, int]] = Counter()
        self.counted: Counter[int] = Counter()
        self.quiet_until: int | None = None

    @property
    def state(self) -> State:
        """The machine's state."""
        return self.drive.state

    def wants(self, kind: type[ef.Effect]) -> list[ef.Effect]:
        """Wanted effects of a kind."""
        return [e for e in wanted(self.state) if isinstance(e, kind)]

    @rule(blocks=st.integers(min_value=1, max_value=260))
    def blocks_pass(self, blocks: int) -> None:
        """The chain goes on, and a poll may tell of a new window."""
        self.block += blocks
        newest = self.state.newest
        start = self.block // 100 * 100
        if newest is None or start > newest.start_block:
            self.drive.window(start // 100, current_block=self.block)

    @precondition(lambda self: self.wants(ef.ScrapeWindow))
    @rule(found=st.integers(min_value=-1, max_value=3))
    def scrape_ends(self, found: int) -> None:
        """The search brings some posts, none, or fails (-1)."""
        (effect,) = self.wants(ef.ScrapeWindow)
        assert isinstance(effect, ef.ScrapeWindow)
        self.scraped_windows.append(effect.window)
        if found < 0:
            self.drive.scrape_failed()
            return
        numbers = range(self.posts + 1, self.posts + 1 + min(found, effect.count))
        self.posts += len(numbers)
        self.drive.scraped(*numbers)

    @precondition(lambda self: self.wants(ef.AnalyzePost))
    @rule(data=st.data(), outcome=st.sampled_from([1.0, 0.4, 0.0, None]))
    def analysis_ends(self, data: st.DataObject, outcome: float | None) -> None:
        """One of the analyses in flight answers, or fails."""
        effect = data.draw(st.sampled_from(self.wants(ef.AnalyzePost)))
        assert isinstance(effect, ef.AnalyzePost)
        self.analyzed.append(effect.post_id)
        self.drive.on(analysis_failed(effect.post_id) if outcome is None else analyzed(effect.post_id, outcome))

    @precondition(lambda self: self.wants(ef.StartSubmission))
    @rule()
    def submission_starts(self) -> None:
        """The intent is recorded and the POST leaves."""
        assert self.quiet_until is None or self.state.newest is not None
        post_id = self.drive.send()
        window = self.state.window
        assert window is not None
        assert post_id not in self.final, "I2: no POST after the final verdict"
        if self.quiet_until is not None:
            assert window.start_block >= self.quiet_until, "I6: nothing is sent before the next window"
        self.attempts[post_id, window.start_block] += 1

    @precondition(lambda self: self.wants(ef.SubmitPost))
    @rule(outcome=st.sampled_from(["accept", "reject", "fail", "limit", "limit, window unknown"]))
    def submission_ends(self, outcome: str) -> None:
        """The API answers the open attempt."""
        attempt = self.state.open
        newest = self.state.newest
        assert attempt is not None
        assert newest is not None
        start = self.block // 100 * 100
        if outcome == "accept" and self.counted[start] < 3:
            self.counted[start] += 1
            self.final[attempt.post_id] = outcome
            self.drive.on(accepted(attempt.post_id, start_block=start))
        elif outcome == "reject":
            self.final[attempt.post_id] = outcome
            self.drive.on(rejected(attempt.post_id))
        elif outcome == "fail":
            self.drive.on(failed(attempt.post_id, attempt.attempt))
        else:
            unknown = outcome == "limit, window unknown"
            self.quiet_until = newest.start_block + 100
            self.drive.on(limited(attempt.post_id, None if unknown else start))

    @precondition(lambda self: self.wants(ef.EndBackoff))
    @rule()
    def backoff_ends(self) -> None:
        """The wait is over."""
        (effect,) = self.wants(ef.EndBackoff)
        assert isinstance(effect, ef.EndBackoff)
        self.drive.at_ms = max(self.drive.at_ms, effect.due_ms)
        self.drive.on(ev.BackoffElapsed())

    @precondition(lambda self: self.wants(ef.AbandonPost))
    @rule(data=st.data())
    def post_is_abandoned(self, data: st.DataObject) -> None:
        """A carried post's time has come."""
        effect = data.draw(st.sampled_from(self.wants(ef.AbandonPost)))
        assert isinstance(effect, ef.AbandonPost)
        self.final[effect.post_id] = "abandon"
        self.drive.on(ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason))

    @rule()
    def process_restarts(self) -> None:
        """Kill -9 and a new start."""
        self.drive.start()

    @rule(data=st.data())
    def effect_crashes(self, data: st.DataObject) -> None:
        """A bug of ours in any effect in flight."""
        running = [e for e in wanted(self.state) if isinstance(e, ef.PollStatus | ef.AnalyzePost | ef.SubmitPost)]
        effect = data.draw(st.sampled_from(running))
        post_id = getattr(effect, "post_id", None)
        self.drive.on(ev.EffectCrashed(effect=ef.effect_key(effect), post_id=post_id, error="a bug"))

    @invariant()
    def the_books_agree(self) -> None:
        """I1, I3, I4, I7 against the world's own books."""
        REACHED[self.state.state] += 1
        assert max(self.counted.values(), default=0) <= 3, "I1"
        assert len(set(self.scraped_windows)) == len(self.scraped_windows), "I3: one scrape for each window"
        assert len(set(self.analyzed)) == len(self.analyzed), "I3: one analysis for each post"
        assert max(self.attempts.values(), default=0) <= 2, "I7"
        pending = {p.post.id for p in self.state.posts}
        everything = {str(n) for n in range(1, self.posts + 1)}
        assert pending | set(self.final) == everything, "I4: pending or a verdict"
        assert not pending & set(self.final), "I4: not both"

    @invariant()
    def something_is_always_under_way(self) -> None:
        """No state waits for nothing: beside polling, a state other than waiting for a window wants an effect."""
        waits_for_window = self.state.backoff is not None and self.state.backoff.kind == "window"
        if self.state.state != "WaitingForWindow" and not waits_for_window:
            assert len(wanted(self.state)) > 1
        assert len(set(wanted(self.state))) == len(wanted(self.state))
        assert (self.state.backoff is not None) == (self.state.state == "Backoff")

    @invariant()
    def a_state_survives_its_encoding(self) -> None:
        """Snapshots give back the same state, bit for bit."""
        encoded = encode_state(self.state)
        assert encoded == canonical_json(self.state)
        again = decode_state(encoded)
        assert again == self.state
        assert encode_state(again) == encoded

    def teardown(self) -> None:
        """I5: the folded journal is the live state."""
        assert fold(self.drive.records) == self.state


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=60)


def test_the_walks_reached_every_state() -> None:
    """A walk that never backs off would prove nothing; runs after the walks of this file."""
    if REACHED:  # pytest may run this file's tests in two processes
        assert set(REACHED) == set(STATES)
