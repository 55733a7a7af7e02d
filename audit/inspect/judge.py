"""Whoever audits a journal for a page: what that came to, and for how many records. Reads only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

from audit.judge.audit import Audit
from audit.judge.text import report_fields
from audit.rules.load import all_rules
from events.journal import JournalError, JournalReader

__all__ = ["AtOnce", "Followed", "Judged", "Judging"]


class Judged(NamedTuple):
    """The report of ``audit``.

    Attributes:
        records: How many there were; 0 while there is no report yet.
        report: It, as fields; None where the journal cannot be read to its end.
    """

    records: int
    report: dict[str, Any] | None


class Judging(Protocol):
    """Audits journals, at once or aside."""

    def known(self, directory: Path) -> int:
        """For how many records there is a report; 0 for none."""

    def judged(self, directory: Path, records: int) -> Judged:
        """The last report; where it is of fewer than ``records``, a later one is on its way."""


class Followed:
    """The audit of one journal, which goes on where it was whenever it is asked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reader = JournalReader(directory)
        self._audit = Audit(all_rules((), ()), directory)

    def read_on(self) -> int:
        """Judge what was added; how many records there are now. JournalError where it cannot be read to its end."""
        self._reader.check_kept()
        for record in self._reader:
            self._audit.take(record)
        return self._reader.head.seq

    def report(self) -> dict[str, Any]:
        """The report, once: nothing can be judged behind it."""
        return report_fields(self._directory, self._audit.report(), self._reader.tail_bytes)


class AtOnce:
    """Whoever asks waits for it."""

    def __init__(self) -> None:
        self._told: dict[Path, Judged] = {}

    def known(self, directory: Path) -> int:
        return self._told[directory].records if directory in self._told else 0

    def judged(self, directory: Path, records: int) -> Judged:
        if self.known(directory) != records:
            self._told[directory] = self._judge(directory, records)
        return self._told[directory]

    @staticmethod
    def _judge(directory: Path, records: int) -> Judged:
        followed = Followed(directory)
        try:
            return Judged(followed.read_on(), followed.report())
        except JournalError:
            return Judged(records, None)
