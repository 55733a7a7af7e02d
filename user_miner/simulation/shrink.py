"""Make a failing story short: fewer windows, then fewer disturbances, as long as the same promise is broken."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from sandbox.services import Disturbance
from user_miner.simulation.oracles import Judge, judged
from user_miner.simulation.plan import Outcome, Plan, Violation

__all__ = ["Shrunk", "parse_disturbances", "shrink"]

_LONGEST_S: Final = 60.0
_DEEP: Final = frozenset({"audit", "check", "I5", "I8"})  # what only the costlier oracles may have found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The shortest story that was found.

    Attributes:
        plan: It, with its disturbances listed.
        outcome: What it comes to.
        before: How many disturbances the long story had.
        runs: How many stories were tried.
    """

    plan: Plan
    outcome: Outcome
    before: int
    runs: int

    @property
    def command(self) -> str:
        """What tells it again."""
        if self.plan.disturbances is None:
            return f"user-miner simulate --seeds 1 --seed {self.plan.seed} --windows {self.plan.windows}"
        only = ",".join(map(str, self.plan.disturbances)) or "none"
        return f"user-miner simulate --seed {self.plan.seed} --windows {self.plan.windows} --only '{only}'"


def shrink(plan: Plan, violation: Violation, *, judge: Judge = judged, longest_s: float = _LONGEST_S) -> Shrunk:
    """The shortest plan in reach that breaks the same rule.

    Args:
        plan: One that does.
        violation: What it breaks.
        judge: Who said so.
        longest_s: When to be content with what was found, seconds.
    """
    search = _Search(plan, violation.rule, judge, time.monotonic() + longest_s)
    search.fewer_windows()
    search.fewer_disturbances()
    return Shrunk(plan=search.plan, outcome=search.outcome, before=search.before, runs=search.runs)


class _Search:
    def __init__(self, plan: Plan, rule: str, judge: Judge, until_s: float) -> None:
        self._deep = None if rule in _DEEP else False
        self._judge = judge
        self.plan, self.outcome = plan, judge(plan, deep=self._deep)
        self.before = len(self.outcome.disturbances)
        self.runs = 1
        self._rule = rule
        self._until_s = until_s
        if plan.disturbances is None:
            self._adopt(replace(plan, disturbances=self.outcome.disturbances))

    def fewer_windows(self) -> None:
        """The smallest number of windows among the powers of two and what was asked for."""
        windows = 1
        while windows < self.plan.windows and not self._adopt(replace(self.plan, windows=windows)):
            windows *= 2

    def fewer_disturbances(self) -> None:
        """Leave out halves, quarters and so on, down to one at a time, as long as that helps."""
        size = len(self.plan.disturbances or ()) // 2
        while size:
            helped, at = False, 0
            while at < len(listed := self.plan.disturbances or ()):
                if self._adopt(replace(self.plan, disturbances=listed[:at] + listed[at + size :])):
                    helped = True
                else:
                    at += size
            size = size if helped and size == 1 else size // 2

    def _adopt(self, plan: Plan) -> bool:
        """Try a plan, and go on from it if it breaks the rule; what it did not come to is left out of it."""
        if time.monotonic() > self._until_s:
            return False
        self.runs += 1
        outcome = self._judge(plan, deep=self._deep)
        if all(violation.rule != self._rule for violation in outcome.violations):
            return False
        self.plan, self.outcome = replace(plan, disturbances=outcome.disturbances), outcome
        return True


def parse_disturbances(text: str) -> tuple[Disturbance, ...]:
    """A list as `Shrunk.command` writes it.

    Raises:
        ValueError: It is none.
    """
    return () if text == "none" else tuple(Disturbance.parse(part.strip()) for part in text.split(","))
