"""Ruling 21: what the model's server refuses for a reason of configuration waits, and is asked about with restraint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from events import catalogue as ev
from sandbox.services import Chat, World
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.oracles.paying import ON_THE_WAY_S, is_held
from user_miner.simulation.plan import Violation

__all__ = ["Held"]

# A post may be carried into 3 later windows, and another one may open during the work on each.
_LONGEST_WINDOWS: Final = 9


class Held(Oracle):
    """Nothing is sent unjudged or forgotten, and a first refusal keeps a window's others from being asked about."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._waits: dict[str, int] = {}  # posts without a judgement: windows begun since a refusal, -1 before one
        self._asked = False  # an answer came since the work on the window, or the process, began
        self._refused: Told | None = None  # the first answer since then

    def asked_model(self, arrival: Chat, last: Told | None) -> Iterator[Violation]:
        """Did the server refuse already?"""
        refused = self._refused
        if last is None or refused is None or arrival.life != last.life:
            return
        if arrival.at_s > refused.at_s + ON_THE_WAY_S * self.world.habits.slowness:
            text = f"the model was asked at {arrival.at_s:.1f} s, after the refusal of record {refused.record.seq}"
            yield Violation(rule="hold", text=text, seq=last.record.seq)

    def told(self, told: Told) -> Iterator[Violation]:
        """Refusals, and what becomes of the posts."""
        event = told.event
        if isinstance(event, ev.PostsScraped):
            self._waits |= dict.fromkeys((post.id for post in event.posts), -1)
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            self._answer(event, told)
        elif isinstance(event, ev.SubmissionStarted) and event.post_id in self._waits:
            text = f"post {event.post_id} is sent without an analysis"
            yield Violation(rule="hold", text=text, seq=told.record.seq)
        elif isinstance(event, ev.SettingsChanged):
            # What was asked about under other settings may have been asked about at the same time.
            self._asked, self._refused = told.before.state != "WaitingForWindow", None
        if isinstance(event, ev.ActorStarted) or told.after.window != told.before.window:
            self._asked, self._refused = False, None
        if told.after.window != told.before.window:
            yield from self._pass_on(told)

    def _answer(self, event: ev.PostAnalyzed | ev.AnalysisFailed, told: Told) -> None:
        held = is_held(event, told)
        if held:
            self._waits = {post_id: max(0, windows) for post_id, windows in self._waits.items()}
            self._waits[event.post_id] = 0
        else:
            self._waits.pop(event.post_id, None)
        if isinstance(event, ev.AnalysisFailed) or event.reused_from is None:
            self._refused = told if held and not self._asked else self._refused
            self._asked = True

    def _pass_on(self, told: Told) -> Iterator[Violation]:
        """A held post is asked about again, or given up, in as many windows as any post may be carried into."""
        pending = {post.post.id for post in told.after.posts}
        self._waits = {i: windows + (windows >= 0) for i, windows in self._waits.items() if i in pending}
        for post_id, windows in self._waits.items():
            if windows > _LONGEST_WINDOWS:
                text = f"post {post_id} is held, and nothing became of it in {windows} windows"
                yield Violation(rule="hold", text=text, seq=told.record.seq)
