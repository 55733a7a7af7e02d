"""A user's own rules: how they are loaded, what is wrong with a file in one line, and what a rule that fails costs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.judge.audit import KEPT_FINDINGS, Audit, AuditReport
from audit.rules import RULES, Entry, Finding, Rule
from audit.rules.load import all_rules, load_rules
from events import catalogue as ev
from tests.audit.broken import clean, clean_story, index, records_of, rehashed
from tests.kit import Drive

LAST_EPOCH = 120
OWN = '''
from audit.rules import Entry, Recent, Rule
from events.catalogue import SubmissionStarted

class EarlyBird(Rule):
    """Nothing is sent in the first minute of an hour."""

    name = "early-bird"
    demands = "nothing is sent in the first minute of an hour"
    events = (SubmissionStarted,)

    def see(self, entry):
        if entry.record.at_ms // 60_000 % 60 == 0:
            yield self.finding(entry, found="a submission", expected="none")

RULES = [EarlyBird]
'''


def report_on(*rules: type[Rule], drive: Drive | None = None) -> AuditReport:
    """The report of these rules on the good history, or another one."""
    audit = Audit(rules)
    for record in (drive or clean_story()).records:
        audit.take(record)
    return audit.report()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with a good rule."""
    path = tmp_path / "own.py"
    path.write_text(OWN, "utf-8")
    return path


def test_a_file_adds_its_rules(own: Path) -> None:
    """Behind this program's, under their own names; nothing is written beside the file."""
    rules = all_rules([own], [])
    assert [rule.name for rule in rules] == [*(rule.name for rule in RULES), "early-bird"]
    assert list(own.parent.iterdir()) == [own]
    story = clean_story()
    expected = [
        (record.seq,)
        for record in story.records
        if record.name == "SubmissionStarted" and record.at_ms // 60_000 % 60 == 0
    ]
    found = report_on(*load_rules(own), drive=story).findings
    assert [finding.seqs for finding in found] == expected


def test_rules_are_chosen_by_name(own: Path) -> None:
    """In the list's order, whatever the order asked for."""
    assert [rule.name for rule in all_rules([own], ["early-bird", "I3"])] == ["I3", "early-bird"]
    with pytest.raises(UsageError, match="--rule I33: there is no such rule; known are I1, I2"):
        all_rules([own], ["I33"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RULES = [\n", "own.py:1: SyntaxError"),
        ("import audit\nx = 1 / 0\n", "own.py:2: ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('a')\n\nf()\n", "own.py:2: KeyError: 'a'"),
        ("import nothing_of_that_name\n", "own.py:1: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "own.py:1: SystemExit: 3"),
        ("\0", "own.py"),
        ("x = 1\n", "own.py: expected RULES = [...]"),
        ("RULES = []\n", "own.py: expected RULES = [...]"),
        ("RULES = [1]\n", "own.py: RULES holds 1, expected classes derived from audit.rules.Rule"),
        ("RULES = [int]\n", "own.py: RULES holds <class 'int'>"),
        (OWN.replace("name = ", "nam = "), "own.py: EarlyBird has no name, expected name = '...'"),
        (OWN.replace("demands = ", "demand = "), "own.py: EarlyBird has no demands"),
        (OWN.replace("(SubmissionStarted,)", "('SubmissionStarted',)"), "own.py: EarlyBird.events holds no events"),
        (OWN.replace("(SubmissionStarted,)", "SubmissionStarted"), "own.py: EarlyBird.events holds no events"),
        (OWN.replace("def see", "def sees"), "own.py: EarlyBird has no method see(self, entry)"),
        (OWN.replace("early-bird", "I3"), "two rules are named 'I3'"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(own: Path, text: str, words: str) -> None:
    """It names the file, and the line where there is one."""
    own.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        all_rules([own], [])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing one, and a folder."""
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            load_rules(path)


class Failing(Rule):
    """Raises at the third record."""

    name = "failing"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """One finding, then the end of it."""
        if entry.record.seq == 3:
            raise LookupError("no such thing")
        if entry.record.seq == 2:
            yield self.finding(entry, found="a start", expected="none")


class FailingEnd(Rule):
    """Raises at the journal's end."""

    name = "failing end"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:  # noqa: ARG002  (only the end matters here)
        """Nothing to say."""
        yield from ()

    def end(self, books: object) -> Iterator[Finding]:
        """A mistake."""
        raise RuntimeError(f"at {type(books).__name__}")


class Unmade(Rule):
    """Cannot be made."""

    name = "unmade"
    demands = "nothing"

    def __init__(self, path: Path) -> None:
        self.path = path

    def see(self, entry: Entry) -> Iterator[Finding]:  # noqa: ARG002  (never asked)
        """Nothing to say."""
        yield from ()


class Mistaken(Rule):
    """Yields what is no finding."""

    name = "mistaken"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A text."""
        return iter([f"record {entry.record.seq}"])  # type: ignore[list-item]  # the mistake


def test_a_rule_that_raises_is_told_of_and_left_out() -> None:
    """With the rule, the record and the line of its code; what it said before stays, and the others go on."""
    report = report_on(Failing, FailingEnd, Mistaken, Unmade, *RULES)
    kinds = [(finding.rule, finding.kind, finding.seqs) for finding in report.findings]
    last = report.records
    assert kinds == [
        ("failing", "finding", (2,)),
        ("failing", "broken rule", (3,)),
        ("failing end", "broken rule", (last,)),
        ("mistaken", "broken rule", (1,)),
        ("unmade", "broken rule", ()),
    ]
    raised = report.findings[1].found
    assert raised.startswith("an error of the rule itself, LookupError: no such thing (")
    assert f"{Path(__file__).name}:" in raised
    assert "str" in report.findings[3].found
    assert not report.ok


class Leaving(Rule):
    """Ends the program, as if all were well."""

    name = "leaving"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """At the second record."""
        if entry.record.seq == 2:
            sys.exit(0)
        yield self.finding(entry, found="a record", expected="none")


class LeavingEarly(Leaving):
    """Already when it is made."""

    name = "leaving early"

    def __init__(self) -> None:
        sys.exit(0)


class LeavingLate(Leaving):
    """At the journal's end."""

    name = "leaving late"
    events = (ev.GapDeclared,)

    def end(self, books: object) -> Iterator[Finding]:  # noqa: ARG002  (it does not look)
        """Nothing more is said."""
        sys.exit(0)


class OddKind(Rule):
    """Says what no report knows."""

    name = "odd kind"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Of a kind that does not exist."""
        yield self.finding(entry, found="a record", expected="none", kind="bogus")  # type: ignore[arg-type]  # the mistake


class OddWords(Rule):
    """Says what is no text."""

    name = "odd words"
    demands = "nothing"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A number."""
        yield self.finding(entry, found=1, expected="none")  # type: ignore[arg-type]  # the mistake


def test_a_rule_that_ends_the_program_ends_only_itself() -> None:
    """The audit goes on without it, and is not clean."""
    report = report_on(Leaving, LeavingEarly, LeavingLate, *RULES)
    assert [(finding.rule, finding.kind, finding.seqs) for finding in report.findings] == [
        ("leaving", "finding", (1,)),
        ("leaving", "broken rule", (2,)),
        ("leaving early", "broken rule", ()),
        ("leaving late", "broken rule", (report.records,)),
    ]
    assert "SystemExit: 0" in report.findings[1].found
    assert not report.ok


def test_a_finding_that_no_report_can_show_is_the_rule_s_mistake() -> None:
    """An unknown kind, and words that are none."""
    report = report_on(OddKind, OddWords)
    assert [(finding.rule, finding.kind) for finding in report.findings] == [
        ("odd kind", "broken rule"),
        ("odd words", "broken rule"),
    ]
    assert "there is no kind 'bogus': expected one of finding, note, broken rule" in report.findings[0].found
    assert Path(__file__).name in report.findings[0].found
    assert "found 1 and expected 'none' are texts" in report.findings[1].found


class Talkative(Rule):
    """Has something to say of every record, and a finding at last."""

    name = "talkative"
    demands = "silence"

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Always something."""
        last = isinstance(entry.event, ev.ActorStarted) and entry.event.epoch == LAST_EPOCH
        yield self.finding(entry, found="a record", expected="none", kind="finding" if last else "note")


def test_findings_beyond_a_limit_are_counted() -> None:
    """A journal that is broken all over takes no more memory; notes hide no finding."""
    drive = clean_story()
    while drive.state.epoch < LAST_EPOCH:
        drive.start()
    report = report_on(Talkative, drive=drive)
    assert len(report.findings) == KEPT_FINDINGS + 1
    assert report.more == {"talkative": report.records - KEPT_FINDINGS - 1}
    assert (report.broken, report.ok) == (1, False)


class Fed(Rule):
    """Notes what it is fed."""

    name = "fed"
    demands = "nothing"
    events = (ev.WindowOpened, ev.PostsScraped)
    seen: list[tuple[str, bool, bool, int | None]]

    def see(self, entry: Entry) -> Iterator[Finding]:
        """The event, the states around it, and the books before it."""
        before, after, newest = entry.before, entry.after, entry.books.newest
        known = before is not None and after is not None and before.state == entry.record.source
        self.seen = [
            *getattr(self, "seen", []),
            (entry.record.name, entry.event is not None, known, None if newest is None else newest.number),
        ]
        yield from ()


def test_a_rule_is_fed_what_it_asks_for() -> None:
    """Only its events, in order, with the states around each and the auditor's books before it."""
    audit = Audit([Fed])
    for record in clean_story().records:
        audit.take(record)
    (rule,) = audit._rules
    assert isinstance(rule, Fed)
    assert rule.seen[:4] == [
        ("WindowOpened", True, True, None),
        ("PostsScraped", True, True, 70),
        ("WindowOpened", True, True, 70),
        ("PostsScraped", True, True, 71),
    ]


def test_where_the_machine_does_not_follow_other_rules_go_on() -> None:
    """I5 names the record; the states are gone from there on, the events are not."""
    lines = clean()
    place = index(lines, ev.ActorStarted, 2)
    lines[place].change(epoch=1)
    lines[-1].change(posts_processed=99)
    audit = Audit(RULES)
    for record in records_of(rehashed(lines)):
        audit.take(record)
    found = {(finding.rule, finding.seqs[-1]) for finding in audit.report().findings}
    assert found == {("I5", place + 1), ("I8", place + 1), ("R14", len(lines))}
