"""What the machine makes of a random world breaks no rule, and the accounts agree with the machine's own totals."""

from __future__ import annotations

import pytest

from audit.judge.audit import Audit
from audit.rules import RULES
from tests.audit.walks import Walk


@pytest.mark.parametrize(("seed", "steps"), [*((seed, 300) for seed in range(16)), (8, 600), (102, 600), (138, 60)])
def test_a_random_history_breaks_no_rule(seed: int, steps: int) -> None:
    """The machine keeps I1 to I9 and every duty in a world of restarts, failures, limits and crashes."""
    walk = Walk(seed).go(steps)
    audit = Audit(RULES)
    for record in walk.records:
        audit.take(record)
    report = audit.report()
    assert [finding for finding in report.findings if finding.kind != "note"] == [], f"seed {seed}"
    posts, totals = report.accounts.posts, walk.state.totals
    assert (posts.chosen, sum(posts.accepted.values())) == (totals.scraped, totals.accepted)
    assert (sum(posts.rejected.values()), sum(posts.abandoned.values())) == (totals.rejected, totals.abandoned)
    assert (posts.left_out, posts.pending) == (totals.left_out, len(walk.state.posts))
    windows = report.accounts.windows
    assert windows.seen == windows.used + sum(windows.missed.values()) + windows.undecided
