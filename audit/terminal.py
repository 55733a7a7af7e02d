"""What readers share at the terminal: one-line errors, and progress that only a terminal sees."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from actor.stderr import to_stderr
from audit.history import FoldError
from events.describe import printable
from events.journal import JournalDamagedError, JournalError

__all__ = [
    "UsageError",
    "answer",
    "exit_code",
    "fail",
    "inert_json",
    "interruptible",
    "note",
    "path_text",
    "progress",
    "tell",
]

_LONGEST_MESSAGE: Final = 2_000
_INTERRUPTED: Final = 130


def fail(message: str, *, code: int, within_s: float | None = None) -> int:
    """Say what is wrong on standard error, which may take its time or has so much of it; returns the exit code."""
    note(message, within_s=within_s)
    return code


def note(message: str, *, within_s: float | None = None) -> None:
    """Say something on standard error, in one line."""
    text = printable(message, _LONGEST_MESSAGE)  # a message may quote a journal, and that a post
    to_stderr(f"user-miner: {text}\n", within_s=within_s)


@contextmanager
def interruptible(said: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C within it ends the command with one line, which says what was done until then, and with its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(fail(f"interrupted: {said()}", code=_INTERRUPTED)) from None


def tell(text: str) -> None:
    """Print a report; a reader that left turns no finding into agreement, so the exit code follows all the same."""
    with suppress(BrokenPipeError):
        sys.stdout.write(text)


def inert_json(text: str) -> str:
    """The same JSON without a character that could steer a terminal: those become escapes, which mean the same."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def path_text(path: object) -> str:
    """A path as JSON and terminals can take it: bytes that are no UTF-8 become escapes."""
    return str(path).encode(errors="backslashreplace").decode()


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


def answer(command: Callable[[], int]) -> int:
    """Run a reader's command; what a journal or an operator got wrong ends in one line and the exit code for it."""
    try:
        return command()
    except JournalError as error:
        return fail(str(error), code=exit_code(error))
    except FoldError as error:
        return fail(str(error), code=1)
    except UsageError as error:
        return fail(str(error), code=2)
    except BrokenPipeError:
        raise  # the reader of our output left, which is no fault of what is read
    except OSError as error:
        if error.filename is None:
            return fail(f"reading or writing failed: {error.strerror or error}", code=2)
        return fail(f"cannot read {error.filename}: {error.strerror}", code=2)


class UsageError(ValueError):
    """The operator asked for something that cannot be; one line that says what was found and expected."""
