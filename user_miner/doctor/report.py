"""What one check found, and what to do about it. A value; it finds nothing itself."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

__all__ = ["FORMAT", "LEVELS", "Check", "DoctorReport", "Level", "failure", "ok", "skipped", "split_advice", "warning"]

Level: TypeAlias = Literal["ok", "warning", "failure", "skipped"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warning", "failure", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at; several lines may bear the same name.
        level: "skipped" where something else has to be mended first.
        found: What is the case.
        fix: What to do; empty only where there is nothing to do.
    """

    name: str
    level: Level
    found: str
    fix: str = ""

    def __post_init__(self) -> None:
        if not self.fix and self.level in {"warning", "failure"}:
            raise ValueError(f"the {self.level} of {self.name} names no fix: {self.found}")


def ok(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name=name, level="ok", found=found)


def warning(name: str, found: str, fix: str) -> Check:
    """The miner works, but not as well as it could, or not for long."""
    return Check(name=name, level="warning", found=found, fix=fix)


def failure(name: str, found: str, fix: str) -> Check:
    """The miner does not start, or earns nothing."""
    return Check(name=name, level="failure", found=found, fix=fix)


def skipped(name: str, found: str) -> Check:
    """Not looked at; ``found`` says what it waits for."""
    return Check(name=name, level="skipped", found=found)


def split_advice(line: str) -> tuple[str, str]:
    """A line of ours in two: what was found, and what to do, which stands behind its last ": " or ". "."""
    at = max(line.rfind(": "), line.rfind(". "))
    if at < 0:
        return line, "correct it"
    advice = line[at + 2 :].rstrip(".")
    return line[:at], advice if advice[1:2].isupper() else advice[:1].lower() + advice[1:]


FORMAT: Final = 1
"""Version of the JSON; it changes when a field goes or means something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
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
        fields: dict[str, Any] = {
            "format": FORMAT,
            "build": self.build,
            "at": self.at,
            "ok": self.ok,
            "counts": self.counts,
            "checks": [dataclasses.asdict(check) for check in self.checks],
        }
        return json.dumps(fields, ensure_ascii=False, indent=2)
