"""What the four places that tell of a miner say of it: /readyz, ``status``, the log and the messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.hook import Hook
from tests.metrics.kit import probe

__all__ = ["Story", "Tellers"]

_BEGUN: Final = re.compile(r"alarm (\w+)(?: is over)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one of them says; None where it speaks of other things.

    Attributes:
        alarms: Those that ring.
        api_down: Whether the coordination API is out of reach.
        trouble: The seq of the last record that an operator should look at; 0 without one.
    """

    alarms: frozenset[str]
    api_down: bool | None = None
    trouble: int | None = None

    def agrees(self, other: Story) -> bool:
        """Whether both say the same of what both speak of."""
        return all(
            None in (mine, theirs) or mine == theirs
            for mine, theirs in (
                (self.alarms, other.alarms),
                (self.api_down, other.api_down),
                (self.trouble, other.trouble),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tellers:
    """Where to read of one miner.

    Attributes:
        address: Of its probes.
        journal: Its journal.
        log: Its log, as JSON lines; None where nobody can read it.
        hook: Gets its messages.
        command: Runs ``status``.
    """

    address: tuple[str, int]
    journal: Path
    log: Path | None
    hook: Hook
    command: Callable[..., tuple[int, str, str]]

    def tell(self) -> dict[str, Story]:
        """Each one's story as it is now."""
        told = {"readyz": self._readyz(), "status": self._status(), "messages": Story(alarms=_on(self.hook.titles()))}
        if self.log is not None:
            told["log"] = _logged(self.log)
        return told

    def same(self) -> frozenset[str] | None:
        """The alarms of which all of them tell; None while they differ in anything."""
        first, *others = self.tell().values()
        agree = all(mine.agrees(theirs) for mine in (first, *others) for theirs in others)
        return first.alarms if agree else None

    def _readyz(self) -> Story:
        _, reason = probe(self.address, "/readyz")
        return Story(alarms=_on([reason]), api_down="the coordination API does not answer" in reason)

    def _status(self) -> Story:
        code, out, errors = self.command("status", "--json", "--journal", self.journal)
        assert (code, errors) == (0, "")
        told: dict[str, Any] = json.loads(out)
        error = told["last_error"]
        return Story(
            alarms=frozenset(alarm["name"] for alarm in told["alarms"]),
            api_down=told["state"]["api_down"] is not None,
            trouble=0 if error is None else error["seq"],
        )


def _logged(log: Path) -> Story:
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    kinds = [line.get("kind") for line in lines if line.get("kind") in {"ApiUnreachable", "ApiRecovered"}]
    warned = [line["seq"] for line in lines if line["level"] == "warning" and "seq" in line]
    return Story(
        alarms=_on(line["event"] for line in lines if line["event"].startswith("alarm ")),
        api_down=kinds[-1:] == ["ApiUnreachable"],
        trouble=warned[-1] if warned else 0,
    )


def _on(lines: Iterable[str]) -> frozenset[str]:
    """The alarms that began and are not over, by lines that say either."""
    on: set[str] = set()
    for line in lines:
        for found in _BEGUN.finditer(line):
            (on.discard if found[0].endswith(" is over") else on.add)(found[1])
    return frozenset(on)
