"""An audit: every rule over every record of a journal in one pass, with the accounting beside it. Reads only.

Rules are fed what the events say and what this build's machine makes of them. Where the machine does not follow a
record, that is a finding of I5, and all rules that look at events go on without its states.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actor.machine import INITIAL, State, step
from audit.accounting import Accounting, Accounts
from audit.rules import Books, Entry, Finding, Rule
from audit.rules.load import place_of
from events import catalogue as ev
from events.journal import Record

__all__ = ["KEPT_FINDINGS", "Audit", "AuditReport"]

# Of each rule; more of the same are only counted, so that a broken journal of any length takes no more memory.
KEPT_FINDINGS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found.

    Attributes:
        records: How many were read.
        first_ms: The first one's time, None without records.
        last_ms: The last one's.
        rules: Names of the rules that judged.
        findings: What they had to say, rule by rule, at most 100 of each.
        more: How many more there are by rule.
        accounts: The accounting.
    """

    records: int
    first_ms: int | None
    last_ms: int | None
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]
    more: dict[str, int]
    accounts: Accounts

    @property
    def ok(self) -> bool:
        """Nothing but notes."""
        return all(finding.kind == "note" for finding in self.findings)


class Audit:
    """One audit of one journal: feed it every record, then ask for the report.

    Args:
        rules: The rules to judge by.
        directory: Where the journal lies, None when it lies in memory.
    """

    def __init__(self, rules: Iterable[type[Rule]], directory: Path | None = None) -> None:
        self._rules = [rule() for rule in rules]
        for rule in self._rules:
            rule.directory = directory
        self._names = tuple(rule.name for rule in self._rules)
        self._fed: dict[tuple[str, bool], list[Rule]] = {}
        self._findings: dict[str, list[Finding]] = {name: [] for name in self._names}
        self._more: Counter[str] = Counter()
        self._books = Books()
        self._accounting = Accounting()
        self._state: State | None = INITIAL
        self._first_ms: int | None = None

    def take(self, record: Record) -> None:
        """Judge one more record."""
        if self._first_ms is None:
            self._first_ms = record.at_ms
        event, unreadable = _read(record)
        before = self._state
        refused = unreadable or self._fold(record, event)
        entry = Entry(record=record, event=event, before=before, after=self._state, books=self._books, refused=refused)
        for rule in self._fed_with(record, event):
            self._ask(rule, entry)
        if event is not None:
            self._accounting.take(record, event, self._books)
        self._books.take(record, event)

    def report(self) -> AuditReport:
        """The journal has ended. Call it once."""
        for rule in list(self._rules):
            self._ask(rule, None)
        last = self._books.last
        return AuditReport(
            records=0 if last is None else last.seq,
            first_ms=self._first_ms,
            last_ms=None if last is None else last.at_ms,
            rules=self._names,
            findings=tuple(finding for name in self._names for finding in self._findings[name]),
            more=dict(self._more),
            accounts=self._accounting.result(self._books),
        )

    def _fold(self, record: Record, event: ev.Event | None) -> str | None:
        """Go on to the state after the record; why not, where this build's machine does not follow it."""
        state = self._state
        if state is None:
            return None
        self._state = None
        if event is None:
            return None
        try:
            after = step(state, event, record.at_ms)
        except ValueError as error:
            return str(error)
        self._state = after
        if (record.source, record.dest) != (state.state, after.state):
            return f"from {record.source} to {record.dest}; this build goes from {state.state} to {after.state}"
        return None

    def _fed_with(self, record: Record, event: ev.Event | None) -> list[Rule]:
        key = (record.name, event is None)
        if key not in self._fed:
            self._fed[key] = [rule for rule in self._rules if _wants(rule, record.name, readable=event is not None)]
        return self._fed[key]

    def _ask(self, rule: Rule, entry: Entry | None) -> None:
        """What a rule says of a record, or of the end; one that raises is told of and asked no more."""
        try:
            said = rule.end(self._books) if entry is None else rule.see(entry)
            for finding in said or ():
                self._keep(rule, finding)
        except Exception as error:  # noqa: BLE001  (anybody's code)
            self._rules.remove(rule)
            self._fed.clear()
            self._keep(rule, _broken(rule, error, self._books if entry is None else entry.record))

    def _keep(self, rule: Rule, finding: Finding) -> None:
        if not isinstance(finding, Finding):
            raise TypeError(f"a rule yields findings, not {type(finding).__name__}")
        kept = self._findings[rule.name]
        if len(kept) < KEPT_FINDINGS:
            kept.append(finding)
        else:
            self._more[rule.name] += 1


def _read(record: Record) -> tuple[ev.Event | None, str | None]:
    try:
        return record.event(), None
    except ValueError as error:
        return None, str(error)


def _wants(rule: Rule, name: str, *, readable: bool) -> bool:
    named = not rule.events or name in {event.__name__ for event in rule.events}
    return named and (readable or rule.unreadable)


def _broken(rule: Rule, error: Exception, where: Record | Books) -> Finding:
    last = where.last if isinstance(where, Books) else where
    module = sys.modules.get(type(rule).__module__)
    place = place_of(error, Path(str(getattr(module, "__file__", type(rule).__module__))))
    return Finding(
        rule=rule.name,
        seqs=() if last is None else (last.seq,),
        found=f"the rule itself raised {type(error).__name__}: {error} ({place})",
        expected="a rule never raises; it was left out from here on",
        kind="broken rule",
    )
