"""A clock that is set ahead, by whatever and whenever, is no other build's decision and no window that was let go."""

from __future__ import annotations

import pytest

from audit.judge.audit import Audit
from audit.rules import RULES
from audit.rules.usage import MidWindowStart, WindowsUsed
from events import catalogue as ev
from events.journal import Record
from tests.audit.broken import WINDOW_S, Story
from tests.audit.check_kit import check
from tests.audit.walks import Walk
from tests.kit import accepted

DAY_S = 86_400


class SetAhead(Walk):
    """A random history in which the clock is set ahead right behind one record."""

    def __init__(self, seed: int, behind: int, ahead_s: int) -> None:
        self.behind, self.ahead_ms = behind, ahead_s * 1000
        super().__init__(seed)

    def _on(self, event: ev.Event, at_ms: int) -> None:
        super()._on(event, at_ms)
        if len(self.records) == self.behind:
            self.at_ms += self.ahead_ms
            self.began_ms += self.ahead_ms  # the chain's blocks know nothing of it


@pytest.mark.parametrize("ahead_s", [7, 90, 4_000, DAY_S, 365 * DAY_S])
@pytest.mark.parametrize("seed", range(3))
def test_this_build_agrees_with_itself(seed: int, ahead_s: int) -> None:
    """Whatever is due when the clock jumps, and however far; the windows' accounts hold likewise."""
    records = len(Walk(seed).go(120).records)
    for behind in range(3, records, 7):
        walk = SetAhead(seed, behind, ahead_s).go(120)
        assert check(walk.records) == [], f"seed {seed}, behind {behind}"
        assert unexplained(walk.records) == [], f"seed {seed}, behind {behind}"


def unexplained(records: list[Record]) -> list[tuple[str, tuple[int, ...]]]:
    """Windows that I9 or R12 find let go."""
    audit = Audit([WindowsUsed, MidWindowStart])
    for record in records:
        audit.take(record)
    return [(finding.rule, finding.seqs) for finding in audit.report().findings]


def hanging(windows: int, ahead_s: float) -> Story:
    """Analyses run while so many windows are told; then the clock is set ahead, and the process is stopped."""
    story = Story()
    story.start()
    story.wait(5).window(70)
    story.search(1).analyze(1.0).answered(accepted, "new", 7_000).sign()
    story.wait(WINDOW_S).window(71)
    story.search(2, 3, 4)
    for number in range(windows):
        story.wait(WINDOW_S).window(72 + number)
    story.wait(ahead_s).on(ev.ActorStopped(reason="asked to stop", posts_processed=1))
    return story


@pytest.mark.parametrize("ahead_s", [0, 60, 7_200, 365 * DAY_S])
def test_windows_that_passed_while_analyses_ran_were_busy(ahead_s: float) -> None:
    """However far the clock was set ahead at the end."""
    records = hanging(2, ahead_s).records
    audit = Audit(RULES)
    for record in records:
        audit.take(record)
    report = audit.report()
    assert [finding for finding in report.findings if finding.kind == "finding"] == []
    assert report.accounts.windows.missed == {"busy": 1}


@pytest.mark.parametrize("windows", [5, 12])
def test_work_of_which_nothing_is_heard_for_hours_explains_nothing(windows: int) -> None:
    """By the clock and by the blocks that were told: then it hung."""
    assert [rule for rule, _ in unexplained(hanging(windows, 60).records)] == ["I9"] * (windows - 1)
