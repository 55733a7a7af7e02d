"""What readers share at the terminal: one-line errors, and progress that only a terminal sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from events.journal import JournalDamagedError, JournalError

__all__ = ["exit_code", "fail", "progress"]


def fail(message: str, *, code: int) -> int:
    """Say what is wrong on standard error; returns the exit code."""
    print(f"user-miner: {message}", file=sys.stderr)  # noqa: T201  (the command line's own voice)
    return code


def exit_code(error: JournalError) -> int:
    """1 for a finding in a journal, 2 for wrong use."""
    return 1 if isinstance(error, JournalDamagedError) else 2


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal's standard error; nothing in a pipe. The callback takes (done, total)."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415  (costs start-up time that pipes do not need)
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
