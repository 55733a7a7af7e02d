"""An audit: every rule over every record of a journal in one pass, with the accounting beside it. Reads only.

Rules are fed what the events say and what this build's machine makes of them. Where the machine does not follow a
record, that is a finding of I5, and all rules that look at events go on without its states.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actor.machine import INITIAL, State, step
from audit.judge.accounting import Accounting, Accounts
from audit.rules import Beginning, Books, Entry, Finding, Rule, begun_books
from audit.rules.load import place_of
from audit.rules.rule import Kind
from events import catalogue as ev
from events.journal import Record

__all__ = ["KEPT_FINDINGS", "Audit", "AuditReport"]

# Of each rule; more of the same are only counted, so that a broken journal of any length takes no more memory.
KEPT_FINDINGS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found.

    Attributes:
        records: How many were judged.
        first: The first of these; where there are none, the one that would be.
        first_ms: The first one's time, None without records.
        last_ms: The last one's.
        rules: Names of the rules that judged.
        partly: By name those of them that had to leave something out, for the audit began amid the journal.
        findings: What they had to say, rule by rule; of each at most 100 findings and 100 notes.
        more: How many more there are by rule.
        broken: How many of all these are not notes.
        accounts: The accounting.
    """

    records: int
    first: int
    first_ms: int | None
    last_ms: int | None
    rules: tuple[str, ...]
    partly: Mapping[str, str]
    findings: tuple[Finding, ...]
    more: dict[str, int]
    broken: int
    accounts: Accounts

    @property
    def ok(self) -> bool:
        """Nothing but notes."""
        return not self.broken


class Audit:
    """One audit of one journal: feed it every record, then ask for the report.

    Args:
        rules: The rules to judge by.
        directory: Where the journal lies, None when it lies in memory.
        begun: What is known of the records before the first one that will be fed; None where that is the journal's
            first. What they led to is taken from there and not judged.
    """

    def __init__(
        self, rules: Iterable[type[Rule]], directory: Path | None = None, begun: Beginning | None = None
    ) -> None:
        chosen = tuple(rules)
        self._names = tuple(rule.name for rule in chosen)
        self._findings: dict[str, list[Finding]] = {name: [] for name in self._names}
        self._counts: Counter[tuple[str, Kind]] = Counter()
        self._rules: list[Rule] = []
        self._fed: dict[tuple[str, bool], list[Rule]] = {}
        self._books = Books() if begun is None else begun_books(begun)
        self._accounting = Accounting(begun)
        self._state: State | None = INITIAL if begun is None else begun.state
        self._first = 1 if begun is None else begun.last.seq + 1
        self._first_ms: int | None = None
        self._partly = {rule.name: rule.lacks for rule in chosen if begun is not None and rule.lacks}
        for rule in chosen:
            self._employ(rule, directory, begun)

    def take(self, record: Record) -> None:
        if self._first_ms is None:
            self._first_ms = record.at_ms
        event, unreadable = _read(record)
        before = self._state
        refused = self._fold(record, event) if event is not None else unreadable
        after = None if event is None else self._state
        entry = Entry(record=record, event=event, before=before, after=after, books=self._books, refused=refused)
        for rule in self._fed_with(record, event):
            try:
                for finding in rule.see(entry) or ():
                    self._keep(rule.name, finding)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (anybody's code, which ends no audit)
                self._dismiss(rule, error, record)
        if event is None:
            self._state = None
        else:
            self._accounting.take(record, event, self._books)
        self._books.take(record, event)

    def report(self) -> AuditReport:
        """The journal has ended. Call it once."""
        for rule in list(self._rules):
            try:
                for finding in rule.end(self._books) or ():
                    self._keep(rule.name, finding)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (as above)
                self._dismiss(rule, error, self._books.last)
        last = None if self._first_ms is None else self._books.last
        return AuditReport(
            records=0 if last is None else last.seq - self._first + 1,
            first=self._first,
            first_ms=self._first_ms,
            last_ms=None if last is None else last.at_ms,
            rules=self._names,
            partly=self._partly,
            findings=tuple(finding for name in self._names for finding in self._findings[name]),
            more=self._more(),
            broken=sum(count for (_, kind), count in self._counts.items() if kind != "note"),
            accounts=self._accounting.result(self._books),
        )

    def _employ(self, rule: type[Rule], directory: Path | None, begun: Beginning | None) -> None:
        try:
            made = rule()
            if begun is not None:
                made.begin(begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (anybody's code)
            self._keep(rule.name, _broken(rule, error, None))
            return
        made.directory = directory
        self._rules.append(made)

    def _fold(self, record: Record, event: ev.Event) -> str | None:
        """Go on to the state after the record; why not, where this build's machine does not follow it."""
        state, self._state = self._state, None
        if state is None:
            return None
        try:
            self._state = after = step(state, event, record.at_ms)
        except ValueError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  (a forged record may show a mistake in the machine)
            return f"{type(error).__name__} in this build's machine: {error}"
        if (record.source, record.dest) != (state.state, after.state):
            return f"from {record.source} to {record.dest}; this build goes from {state.state} to {after.state}"
        return None

    def _fed_with(self, record: Record, event: ev.Event | None) -> list[Rule]:
        key = (record.name, event is None)
        if key not in self._fed:
            self._fed[key] = [rule for rule in self._rules if _wants(rule, record.name, readable=event is not None)]
        return self._fed[key]

    def _dismiss(self, rule: Rule, error: BaseException, record: Record | None) -> None:
        """A rule that raises is told of and asked no more."""
        self._rules.remove(rule)
        self._fed.clear()
        self._keep(rule.name, _broken(type(rule), error, record))

    def _keep(self, name: str, finding: Finding) -> None:
        if not isinstance(finding, Finding):
            raise TypeError(f"a rule yields findings, not {type(finding).__name__}")
        self._counts[name, finding.kind] += 1
        if self._counts[name, finding.kind] <= KEPT_FINDINGS:
            self._findings[name].append(finding)

    def _more(self) -> dict[str, int]:
        more: Counter[str] = Counter()
        for (name, _), count in self._counts.items():
            more[name] += max(0, count - KEPT_FINDINGS)
        return dict(+more)


def _read(record: Record) -> tuple[ev.Event | None, str | None]:
    try:
        return record.event(), None
    except ValueError as error:
        return None, str(error)


def _wants(rule: Rule, name: str, *, readable: bool) -> bool:
    named = not rule.events or name in {event.__name__ for event in rule.events}
    return named and (readable or rule.unreadable)


def _broken(rule: type[Rule], error: BaseException, record: Record | None) -> Finding:
    module = sys.modules.get(rule.__module__)
    place = place_of(error, Path(str(getattr(module, "__file__", rule.__module__))))
    return Finding(
        rule=rule.name,
        seqs=() if record is None else (record.seq,),
        found=f"an error of the rule itself, {type(error).__name__}: {error} ({place})",
        expected="none; the rule was left out from here on",
        kind="broken rule",
    )
