"""The report: every check in order, as lines for people or as JSON. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from actor.doctor.check import LEVELS, Check

__all__ = ["FORMAT", "Report"]

FORMAT: Final = 1
"""Version of the JSON; it changes when a field goes or means something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        build: Version of the software.
        at: When it was looked, UTC.
        checks: In the order of the lines.
    """

    build: str
    at: str
    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.level != "failure" for check in self.checks)

    @property
    def counts(self) -> dict[str, int]:
        """How many lines there are of each level."""
        found = Counter(check.level for check in self.checks)
        return {level: found[level] for level in LEVELS}

    def lines(self) -> Iterator[str]:
        """A line for each check, and one that sums up."""
        for check in self.checks:
            fix = f"; fix: {check.fix}" if check.fix else ""
            yield f"{check.level:<8}{check.name:<11}{check.found}{fix}"
        yield ", ".join(f"{count} {level}" for level, count in self.counts.items() if count)

    def as_json(self) -> str:
        """All of it, for machines."""
        fields: dict[str, Any] = {
            "format": FORMAT,
            "build": self.build,
            "at": self.at,
            "ok": self.ok,
            "counts": self.counts,
            "checks": [dataclasses.asdict(check) for check in self.checks],
        }
        return json.dumps(fields, ensure_ascii=False, indent=2)
