"""What the doctor's tests share: one look at a world, what it said by name, and servers that do not answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.kit import Command
from user_miner.doctor.report import Check

__all__ = ["Look", "black_hole", "exactly", "look", "silent"]


@dataclass(frozen=True, slots=True)
class Look:
    """What `doctor --json` said."""

    code: int
    report: dict[str, Any]
    errors: str

    def of(self, name: str) -> list[dict[str, str]]:
        """The lines of one name."""
        return [check for check in self.report["checks"] if check["name"] == name]

    def levels(self) -> dict[str, str]:
        """The last level of each name."""
        return {check["name"]: check["level"] for check in self.report["checks"]}

    def says(self, name: str, level: str, *words: str) -> bool:
        """Whether a line of this name and level holds all words, in what was found or in the fix."""
        lines = [f"{check['found']} | {check['fix']}" for check in self.of(name) if check["level"] == level]
        return any(all(word in line for word in words) for line in lines)


def look(command: Command, *flags: str | Path) -> Look:
    """Run the doctor in this process."""
    code, out, errors = command("doctor", "--json", *flags)
    return Look(code, json.loads(out), errors)


def exactly(check: Check, level: str, *words: str) -> bool:
    """Whether a check has this level and holds all words."""
    return check.level == level and all(word in f"{check.found} | {check.fix}" for word in words)


@contextmanager
def silent() -> Iterator[str]:
    """The address of a port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def black_hole() -> Iterator[str]:
    """The address of a port whose queue is full: the kernel drops what wants to connect, as a firewall does."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"
