"""What one check found, and what to do about it. A value; it finds nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["LEVELS", "Check", "Level", "failure", "ok", "skipped", "split_advice", "warning"]

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
