"""Each rule finds what is broken by hand, names the records, and has nothing to say of what the machine wrote."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from audit.judge.audit import Audit, AuditReport
from audit.rules import RULES
from events import catalogue as ev
from tests.audit.breaks import BREAKS, Break
from tests.audit.breaks_of_carrying import taken_back
from tests.audit.breaks_of_searching import saving, withheld
from tests.audit.broken import Story, clean_story, lines_of, records_of, rehashed
from tests.kit import accepted, failed


def audited(written: list[bytes], directory: Path | None = None) -> AuditReport:
    """The report on a journal in memory."""
    audit = Audit(RULES, directory)
    for record in records_of(written):
        audit.take(record)
    return audit.report()


def test_the_good_history_is_clean() -> None:
    """No rule objects to what the machine wrote, and writing it anew changes no byte."""
    story = clean_story()
    written = rehashed(lines_of(story))
    assert written == story.lines
    report = audited(written)
    assert report.findings == ()
    assert report.ok
    assert report.records == len(story.records)


def test_a_history_that_saves_reads_is_clean() -> None:
    """R23: posts for two windows of one search, and searches from a post on."""
    assert audited(rehashed(saving())).findings == ()


def test_a_history_of_a_window_that_was_told_too_early_is_clean() -> None:
    """R9, I7: when it comes, what was found for it is carried into it as into any other, and attempts begin anew."""
    assert audited(rehashed(taken_back())).findings == ()


def test_a_history_of_a_budget_that_withholds_authors_is_clean() -> None:
    """I3: their question is withheld behind the search, which is no second search."""
    assert audited(rehashed(withheld())).findings == ()


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.rule}-{case.name}")
def test_a_break_is_found(case: Break) -> None:
    """By the right rule, with the right records; I5 alone may have found it too, for it asks the machine itself."""
    lines, expected = case.make()
    report = audited(rehashed(lines))
    found = [finding for finding in report.findings if finding.rule == case.rule]
    unique = [tuple(sorted(set(seqs))) for seqs in expected]
    assert Counter(finding.seqs for finding in found) == Counter(unique), found
    others = {finding.rule for finding in report.findings} - {case.rule, "I5"}
    assert others == case.also, report.findings
    assert report.ok == (case.rule in {"R16", "validators"}), "these rules have notes only"


def test_every_rule_is_broken_once() -> None:
    """No rule goes untested."""
    assert {case.rule for case in BREAKS} == {rule.name for rule in RULES}


def test_a_wait_that_the_clock_cut_is_a_note() -> None:
    """I7: set back by less than a wait lasts, a clock leaves no trace; but the same build waited as long before."""
    story = Story()
    story.start().window(70)
    story.search(1, 2).analyze(0.9, 0.8)
    for wait_s in (3, 0.9):
        story.answered(failed, 1).on(ev.BackoffElapsed(), after_s=wait_s)
        story.answered(accepted, "new", 7_000)
    report = audited(story.lines)
    assert [(finding.rule, finding.kind) for finding in report.findings] == [("I7", "note")]
    assert report.findings[0].found == "another attempt 0.90 s after a failure"
    assert report.ok
