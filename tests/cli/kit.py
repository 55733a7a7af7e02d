"""What the command's tests share: calling it in this process, and what a refusal looks like."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from events.journal import verify_journal
from tests.audit.replay_kit import begun
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for
from user_miner.cli import main

__all__ = ["Command", "growing", "in_each_window", "is_one_line", "nothing_was_sent", "only_journal", "running"]


@dataclass(frozen=True, slots=True)
class Command:
    """``user-miner`` in this process, where no process of its own is needed."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        _let_end("user-miner-preflight")
        out, errors = self.capsys.readouterr()
        return int(end.value.code or 0), out, errors


def _let_end(name: str) -> None:
    """What ends with the process of a command would else reach into the next one's."""
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(GIVE_UP_S)


@contextmanager
def running(world: World, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``user-miner run`` in a process of its own, which does not outlive the test."""
    with world.start(*flags, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def in_each_window(world: World, windows: int) -> Iterator[None]:
    """A turn in each of so many windows of a running miner, then further ones until the window is worked."""
    for number in range(1, windows + 1):
        wait_for(lambda n=number: world.names().count("WindowOpened") == n, "the window")  # type: ignore[misc]
        yield
        while world.names().count("CheckpointSigned") < number:
            yield
        if number < windows:
            world.sandbox.next_window()


def growing(directory: Path, lines: Sequence[bytes], *, apart: int) -> Iterator[Path]:
    """A journal of these records that grows by its last ``apart`` ones, seen before, amid and after each write."""
    segment = begun(directory) / f"{1:020d}.jsonl"
    segment.write_bytes(b"".join(lines[:-apart]))
    yield directory
    for line in lines[-apart:]:
        for part in (line[:40], line[40:]):
            with segment.open("ab") as file:
                file.write(part)
            yield directory


def is_one_line(errors: str, *words: str) -> bool:
    """Whether this is the program's own line, with these words and without a traceback."""
    (line,) = errors.splitlines()
    return re.match(r"user-miner: \S", line) is not None and all(word in line for word in words)


def nothing_was_sent(world: World) -> bool:
    """Whether no stand-in was asked for anything, and no journal was begun."""
    ledgers = (world.sandbox.ledger.x, world.sandbox.ledger.llm, world.sandbox.ledger.api)
    asked: Sequence[object] = [exchange for ledger in ledgers for exchange in ledger.exchanges()]
    return not asked and not world.journal.exists()


def only_journal(world: World) -> Path:
    """The world's one journal, which verifies."""
    (journal,) = world.journal.iterdir()
    assert verify_journal(journal).ok
    return journal
