"""Random histories: a world with its own blocks and quotas answers whatever the machine wants, in any order. Seeded.

The world keeps the rules of the real one: what is due at once happens at once, a wait lasts as long as it is meant to,
and the API accepts no more posts in a window than it allows. So no rule may object to anything here.
"""

from __future__ import annotations

from random import Random
from typing import Final

from actor.machine import wanted
from actor.machine.facts import crash_event, observe, submit_event
from actor.machine.scoring import content_sha256, norm_text
from actor.machine.wanted import submission_decided
from actor.ports import Accepted, Block, Failed, Limited, Rejected, SubmitAnswer
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from tests.audit.broken import Story
from tests.kit import analysis_failed, analyzed

__all__ = ["Walk", "gap"]

_BLOCK_S: Final = 12.0
# Nobody here holds answers against each other, or keeps searches apart.
_FAST: Final = ev.Policy(block_s=0.001)
_POLICIES: Final = (
    _FAST,
    changed(_FAST, max_submissions_per_window=3, submit_attempts=2, max_carried_windows=1),
    changed(_FAST, on_analysis_error="skip"),
    changed(_FAST, on_analysis_error="hold"),
    changed(
        _FAST,
        on_analysis_error="hold",
        submit_irrelevant=False,
        max_submissions_per_window=3,
        max_carried_windows=1,
    ),
    changed(_FAST, submit_irrelevant=False),
    changed(_FAST, max_x_usd_per_day=2.0),
)


def gap() -> ev.GapDeclared:
    """A gap in which nothing was, and behind which nothing can be read."""
    nothing = ev.Salvage(
        records=0,
        seen={},
        settled=(),
        accepted=0,
        counted={},
        window=None,
        start_block=None,
        blocks_per_window=None,
        epoch=0,
    )
    return ev.GapDeclared(
        reason="a test", segment=f"{1:020d}.jsonl", offset=1, lost_bytes=1, witnessed_seq=None, salvage=nothing
    )


class Walk(Story):
    """One random history; ``go`` plays so many steps of it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = Random(seed)  # noqa: S311  (a test's draw)
        self.began_ms = self.at_ms
        self.first_block = 7_000
        self.blocks = 100
        self.quota = 5
        self.refuses = ""  # why the LLM's server refuses everything at present
        self.counted: dict[tuple[int, int], int] = {}
        self.numbers = 0
        self.start(_FAST)

    @property
    def block(self) -> int:
        """The chain's block, which goes with the time that has passed, whatever the host's clock says."""
        return self.first_block + int((self.at_ms - self.began_ms) / 1000 / _BLOCK_S)

    def go(self, steps: int) -> Walk:
        """Play, and come to a clean end."""
        for _ in range(steps):
            self.turn()
        self.on(ev.ActorStopped(reason="the walk is over", posts_processed=self.state.totals.accepted), after_s=1)
        return self

    def turn(self) -> None:
        """One thing happens: what is due at once, else what chance brings."""
        self.wait(self.random.uniform(0.01, 1.5))
        at_once = [e for e in wanted(self.state) if self._is_due(e)]
        chance = self.random.random()
        if at_once:
            self.answer(at_once[0])
        elif chance < 0.02:
            self.restart()
        elif chance < 0.03:
            self.world_changes()
        else:
            self.answer(self.random.choice(wanted(self.state)))

    def _is_due(self, effect: ef.Effect) -> bool:
        return isinstance(effect, ef.SignCheckpoint | ef.StartSubmission | ef.HoldWindow) or (
            isinstance(effect, ef.AbandonPost) and effect.due_ms <= self.at_ms
        )

    def restart(self) -> None:
        """A crash or a clean stop, for a while; at times with another policy, a gap, or another API."""
        if self.random.random() < 0.5:
            self.on(ev.ActorStopped(reason="asked to stop", posts_processed=self.state.totals.accepted))
        self.wait(self.random.choice([1.0, 60.0, 4_000.0]))
        chance = self.random.random()
        if chance < 0.1:
            self.on(gap())
        elif chance < 0.2:
            here = self.state.api_url
            while here == self.state.api_url:
                here = f"http://127.0.0.1:{self.random.randint(8_000, 9_000)}"
            self.on(ev.ApiMoved(api_url=here))
            self.first_block, self.counted = self.random.choice([500, 90_000]), {}
        policy = self.random.choice(_POLICIES) if self.random.random() < 0.3 else None
        self.start(policy)

    def world_changes(self) -> None:
        """The API has other numbers, a bug raises, somebody sets the clock, or nothing happens for long."""
        what = self.random.choice(["quota", "length", "crash", "sleep", "clock", "llm", "llm"])
        if what == "llm":
            self.refuses = "" if self.refuses else self.random.choice(sorted(ev.CONFIGURATION))
        elif what == "quota":
            self.quota = self.random.choice([3, 5, 7])
        elif what == "length":
            self.blocks = self.random.choice([50, 100, 200])
        elif what == "clock":
            jump_ms = self.random.choice([-2_000_000, -300_000, 300_000, 2_000_000])
            self.at_ms += jump_ms
            self.began_ms += jump_ms
        elif what == "sleep":
            self.wait(self.random.choice([700.0, 3_000.0]))
        else:
            effects = [e for e in wanted(self.state) if isinstance(e, ef.PollStatus | ef.ScrapeWindow | ef.AnalyzePost)]
            self.on(crash_event(self.state, self.random.choice(effects), "a bug", content_sha256=self._digest(effects)))

    def _digest(self, effects: list[ef.PollStatus | ef.ScrapeWindow | ef.AnalyzePost]) -> str:
        posts = [self.state.pending(e.post_id) for e in effects if isinstance(e, ef.AnalyzePost)]
        return content_sha256(norm_text(posts[0].post.content)) if posts and posts[0] is not None else ""

    def answer(self, effect: ef.Effect) -> None:
        """The outcome of one effect."""
        match effect:
            case ef.ScrapeWindow():
                self.scrape(effect)
            case ef.AnalyzePost():
                self.analysis(effect.post_id)
            case ef.StartSubmission():
                self.on(submission_decided(self.state, effect, self.at_ms))
            case ef.SubmitPost():
                self.submission(effect)
            case ef.EndBackoff():
                self.wait(min(effect.wait_s, max(0.0, (effect.due_ms - self.at_ms) / 1000)))
                self.on(ev.BackoffElapsed())
            case ef.HoldWindow():
                assert self.state.unaffordable is not None
                self.on(self.state.unaffordable)
            case ef.AbandonPost() if self._is_due(effect):
                self.on(ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason))
            case ef.PollStatus() | ef.AbandonPost():
                self.poll()
            case ef.SignCheckpoint():
                self.sign()

    def _told(self) -> Block:
        return Block(current_block=self.block, blocks_per_window=self.blocks, max_submissions=self.quota)

    def poll(self) -> None:
        """The status endpoint answers after some polls' time, or does not."""
        if self.random.random() < 0.05:
            if not self.state.api_down:
                self.on(ev.ApiUnreachable(reason="no answer"))
            return
        self.wait(self.random.choice([12.0, 12.0, 240.0]))
        self.on(*self._observed("status"))

    def _observed(self, source: str) -> tuple[ev.Event, ...]:
        told = observe(self.state, self._told(), "status" if source == "status" else "submit")
        end = 0 if self.state.newest is None else self.state.newest.end_block
        return tuple(e for e in told if not isinstance(e, ev.WindowOpened) or e.start_block >= end)  # none overlap

    def scrape(self, effect: ef.ScrapeWindow) -> None:
        """Some posts, none, or a failure."""
        if self.random.random() < 0.15:
            self.on(ev.ScrapeFailed(window=effect.window, kind="server", reason="503", latency_ms=500))
            return
        found = self.random.randint(0, 9)
        self.search(*range(self.numbers + 1, self.numbers + found + 1), seed=self.random.getrandbits(30))
        self.numbers += found

    def analysis(self, post_id: str) -> None:
        """Relevant, irrelevant, or failed."""
        pending = self.state.pending(post_id)
        assert pending is not None
        digest = content_sha256(norm_text(pending.post.content))
        if self.refuses:
            self.on(analysis_failed(post_id, self.refuses, content_sha256=digest))
        elif self.random.random() < 0.1:
            kind = self.random.choice(["timeout", "server", "quota"])
            self.on(analysis_failed(post_id, kind, content_sha256=digest))
        else:
            relevance = self.random.choice([0.0, 0.2, 0.4, 1.0])
            self.on(analyzed(post_id, relevance, content_sha256=digest))

    def submission(self, effect: ef.SubmitPost) -> None:
        """Accepted while there is room; now and then rejected, limited, failed, or crashed."""
        chance = self.random.random()
        if chance < 0.03:
            self.on(crash_event(self.state, effect, "a bug"))
            return
        answer = self._verdict(chance)
        self.on(submit_event(self.state, effect, answer, latency_ms=40))
        if not isinstance(answer, Failed):
            self.on(*self._observed("submit"))

    def _verdict(self, chance: float) -> SubmitAnswer:
        window = (self.block // self.blocks * self.blocks, self.blocks)
        block = self._told()
        if chance < 0.25:
            return Failed(kind="http", reason="500", http_status=500, answer="", block=Block())
        if chance < 0.35:
            return Rejected(http_status=409, reason="conflict", answer="", block=block)
        if chance < 0.4 or self.counted.get(window, 0) >= self.quota:
            return Limited(reason="429", answer="", block=block, reset_block=None, reset_s=None)
        self.counted[window] = self.counted.get(window, 0) + 1
        return Accepted(
            status="new",
            http_status=200,
            answer=f'{{"status": "new", "current_block": {self.block}, "blocks_per_window": {self.blocks}}}',
            block=block,
            selected_for_validation=None,
            validation_id=None,
        )
