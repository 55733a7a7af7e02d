"""An audit that begins amid a journal: finds what happened there, invents nothing, says what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import orjson
import pytest

from actor.machine.history import FoldError, Step, steps
from audit.judge.audit import Audit, AuditReport
from audit.judge.since import begun_by_journal
from audit.rules import RULES, Beginning, Entry, Finding, Rule
from events.journal import JournalReader, Record, at_text
from tests.audit.breaks import BREAKS, Break
from tests.audit.broken import clean_story, records_of, rehashed
from tests.audit.replay_kit import SAMPLE, write
from tests.audit.walks import Walk
from tests.index.kit import write_files
from user_miner.commands.audit import run_audit

pytestmark = pytest.mark.slow

LACKS = {rule.name for rule in RULES if rule.lacks}


def folded(records: Sequence[Record]) -> list[Step]:
    """The records before the first one that this build's machine does not follow."""
    history: list[Step] = []
    try:
        for step in steps(records):
            history.append(step)  # noqa: PERF402  (what was folded before an error counts)
    except FoldError:
        pass
    return history


def beginning(history: Sequence[Step], at: int) -> Beginning:
    """Behind record ``at``."""
    starts = [step.record for step in history[:at] if step.record.name == "ActorStarted"]
    step = history[at - 1]
    return Beginning(
        state=step.after,
        last=step.record,
        first_hash=history[0].record.hash,
        start=starts[-1] if starts else None,
    )


def audited(records: Sequence[Record], begun: Beginning | None = None) -> AuditReport:
    """All records behind the beginning, by every rule."""
    audit = Audit(RULES, None, begun)
    for record in records:
        if begun is None or record.seq > begun.last.seq:
            audit.take(record)
    return audit.report()


def said(findings: Sequence[Finding], behind: int = 0) -> Counter[tuple[str, int, str]]:
    """What was found in records behind one, by rule, last record and kind."""
    return Counter((f.rule, f.seqs[-1], f.kind) for f in findings if f.seqs[-1] > behind)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_found_that_is_not_there(seed: int) -> None:
    """Wherever a history of the machine's own is taken up: restarts, gaps, other APIs, clocks, posts under way."""
    records = Walk(seed).go(400).records
    history, whole = folded(records), said(audited(records).findings)
    for at in Random(seed).sample(range(1, len(records)), 20):  # noqa: S311  (a test's draw)
        found = said(audited(records, beginning(history, at)).findings)
        invented = [finding for finding in found if finding[2] != "note" and finding not in whole]
        assert not invented, f"seed {seed}, begun behind record {at}"


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.rule}-{case.name}")
def test_a_rule_that_lacks_nothing_finds_as_much(case: Break) -> None:
    """Wherever the audit begins before the break; a rule that lacks something says so in the report."""
    records = list(records_of(rehashed(case.make()[0])))
    history, whole = folded(records), audited(records)
    for at in range(1, min(len(history), len(records) - 1) + 1):
        report = audited(records, beginning(history, at))
        assert set(report.partly) == LACKS
        wanted = {f for f in said(whole.findings, behind=at) if f[0] not in LACKS}
        assert wanted <= set(said(report.findings)), f"begun behind record {at}"


@pytest.mark.parametrize("seed", range(4))
def test_the_accounts_of_a_part(seed: int) -> None:
    """What happened before is not in them; all that is pending at the end is."""
    walk = Walk(seed).go(400)
    history, whole = folded(walk.records), audited(walk.records).accounts
    for at in Random(seed).sample(range(1, len(history)), 10):  # noqa: S311  (a test's draw)
        begun, before = beginning(history, at), history[at - 1].after.totals
        found = audited(walk.records, begun).accounts
        accepted = sum(whole.posts.accepted.values()) - before.accepted
        assert (found.posts.chosen, sum(found.posts.accepted.values())) == (
            whole.posts.chosen - before.scraped,
            accepted,
        )
        assert sum(found.posts.rejected.values()) == sum(whole.posts.rejected.values()) - before.rejected
        assert sum(found.posts.abandoned.values()) == sum(whole.posts.abandoned.values()) - before.abandoned
        assert (found.posts.left_out, found.posts.pending) == (
            whole.posts.left_out - before.left_out,
            whole.posts.pending,
        )
        assert found.runs.starts == sum(step.record.name == "ActorStarted" for step in history[at:])
        assert found.runs.running == whole.runs.running
        windows = found.windows
        assert windows.seen == windows.used + sum(windows.missed.values()) + windows.undecided
        assert windows.seen <= whole.windows.seen


def test_a_rule_of_a_user_s_own_is_partial_unless_it_says_otherwise() -> None:
    """It may remember anything: the report does not call it more than it is."""

    class Remembers(Rule):
        name = "own"
        demands = "nothing"

        def see(self, entry: Entry) -> list[Finding]:
            return [self.finding(entry, found=str(self.begun is not None), expected="", kind="note")]

    class Forgets(Remembers):
        name = "other"
        lacks = ""

    records = clean_story().records
    audit = Audit([Remembers, Forgets], None, beginning(folded(records), 5))
    audit.take(records[5])
    report = audit.report()
    assert report.partly == {"own": "what it keeps of earlier records"}
    assert {finding.found for finding in report.findings} == {"True"}


def asked(capsys: pytest.CaptureFixture[str], journal: Path, since: str | None, until: str | None = None) -> dict:  # type: ignore[type-arg]
    """The command's JSON."""
    capsys.readouterr()
    run_audit(journal, as_json=True, since=since, until=until, no_index=True)
    found: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return found


def test_what_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """From the first record of that time or a later one to the last before one that is later than the end."""
    records = list(JournalReader(SAMPLE))
    since, until = at_text(records[3_000].at_ms), at_text(records[3_500].at_ms)
    first = next(r.seq for r in records if r.at_ms >= records[3_000].at_ms)
    last = next(r.seq for r in records if r.seq > first and r.at_ms > records[3_500].at_ms) - 1
    found = asked(capsys, SAMPLE, since, until)
    assert (found["first_record"], found["records"]) == (first, last - first + 1)
    assert (found["first_at"], found["last_at"]) == (
        at_text(records[first - 1].at_ms),
        at_text(records[last - 1].at_ms),
    )
    assert set(found["partly"]) == LACKS
    assert found["source"] == "journal"
    whole = asked(capsys, SAMPLE, "2001-01-01")
    assert (whole["first_record"], whole["records"], whole["partly"]) == (1, len(records), {})
    begun = asked(capsys, SAMPLE, None, until)
    assert (begun["first_record"], begun["partly"]) == (1, {})
    nothing = asked(capsys, SAMPLE, "2101-01-01")
    assert (nothing["first_record"], nothing["records"], nothing["ok"]) == (len(records) + 1, 0, True)


def test_a_part_says_in_words_what_was_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """The report on a terminal names the first record, what was taken as it is, and the rules that lack something."""
    assert run_audit(SAMPLE, as_json=False, since="2026-11-22", no_index=True) == 0
    printed = capsys.readouterr().out
    assert "records from record 4523 on, from 2026-11-22T00:04:41.162Z to" in printed
    assert "what lies before record 4523 was taken as this build folds it, and not judged" in printed
    assert f"{len(LACKS)} rule(s) judged in part, for want of what lies before: I1, " in printed
    assert run_audit(SAMPLE, as_json=False, since="2101-01-01", no_index=True) == 0
    assert "no records from record 5090 on\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [("soon", None, "--since soon: expected a UTC time"), ("2026-11-23", "2026-11-22", "is after --until")],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], since: str, until: str | None, told: str) -> None:
    """One line, exit code 2."""
    assert run_audit(SAMPLE, as_json=False, since=since, until=until) == 2
    assert told in capsys.readouterr().err


def test_what_this_build_does_not_follow_is_no_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line names the record, and that the whole can be judged; behind the beginning it is a finding of I5."""
    case = next(case for case in BREAKS if case.rule == "I4")
    lines = rehashed(case.make()[0])
    records = list(records_of(lines))
    broken = len(folded(records)) + 1
    assert broken <= len(records)
    journal = write_files(tmp_path / "j", lines, each=1_000)
    with pytest.raises(FoldError, match="audit the whole"):
        begun_by_journal(JournalReader(journal), records[-1].at_ms + 1)
    assert run_audit(journal, as_json=False, since="2101-01-01") == 1
    error = capsys.readouterr().err
    assert f"record {broken}" in error
    assert error.count("\n") == 1
    begun, rest = begun_by_journal(JournalReader(journal), records[broken - 1].at_ms)
    assert begun is not None
    assert any(finding.rule == "I5" for finding in audited(list(rest), begun).findings)


def test_damage_behind_the_end_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A journal whose chain is broken is not judged, whatever part of it was asked for."""
    story = clean_story()
    journal = write(tmp_path / "j", story)
    until = at_text(story.records[10].at_ms)
    assert run_audit(journal, as_json=False, until=until) == 0
    (segment,) = journal.glob("*.jsonl")
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b'"event":"ActorStopped"', b'"event":"ActorStopPed"'))
    capsys.readouterr()
    assert run_audit(journal, as_json=False, until=until) == 1
    assert "record" in capsys.readouterr().err


def test_the_sample_from_its_middle() -> None:
    """It holds gaps, moves, and windows that were taken back and came again: nothing but what the whole tells."""
    records = list(JournalReader(SAMPLE))
    whole = said(audited(records).findings)
    history = folded(records)
    for at in Random(7).sample(range(1, len(records)), 6):  # noqa: S311  (a test's draw)
        assert set(said(audited(records, beginning(history, at)).findings)) <= set(whole)
