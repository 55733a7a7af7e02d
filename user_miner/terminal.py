"""What readers share at the terminal: one-line errors, and progress that only a terminal sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, ParamSpec

import typer

from actor.machine.history import FoldError
from audit.errors import UsageError
from events.describe import printable
from events.journal import JournalDamagedError, JournalError, JournalReader, Record
from events.journal.head import read_witness
from user_miner.log_file import to_stderr

__all__ = [
    "INTERRUPTED",
    "exit_code",
    "fail",
    "in_one_line",
    "interruptible",
    "note",
    "progress",
    "refuse_usage",
    "tell",
    "watched",
]

P = ParamSpec("P")

_LONGEST_MESSAGE: Final = 2_000
_PROGRESS_EVERY: Final = 1_000
INTERRUPTED: Final = 130
"""Exit code of a command that Ctrl-C ended before it was done."""


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
        raise SystemExit(fail(f"interrupted: {said()}", code=INTERRUPTED)) from None


def tell(text: str) -> None:
    """Print a report; a reader that left turns no finding into agreement, so the exit code follows all the same."""
    with suppress(BrokenPipeError):
        sys.stdout.write(text)


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


def watched(reader: JournalReader, label: str) -> Iterator[Record]:
    """The records, with a progress bar up to the one that HEAD speaks of, where a person waits."""
    witness = read_witness(reader.directory)
    last = 0 if witness is None else witness.place.head.seq
    with progress(label) as on_progress:
        for record in reader:
            if record.seq % _PROGRESS_EVERY == 0:
                on_progress(record.seq, max(record.seq, last))
            yield record


def in_one_line(command: Callable[P, int]) -> Callable[P, int]:
    """A command of which what a journal or an operator got wrong ends in one line, and in the exit code for it."""

    @wraps(command)
    def checked(*args: P.args, **options: P.kwargs) -> int:
        try:
            return command(*args, **options)
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

    return checked


_LONGEST = 60


def refuse_usage(error: typer.TyperException, named: str) -> int:
    """Say it, and return the exit code; where only a command is missing, the help tells which there are.

    ``named`` is the command line up to the command, for errors that do not know theirs.
    """
    told = getattr(error, "format_message", error.__str__)()
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is not None and told == context.get_help():
        typer.echo(told, err=True)
        return 2
    path = named if context is None else context.command_path
    told = told.replace("Value error, ", "").rstrip(".") + _found(error)
    return fail(f"{told[:1].lower()}{told[1:]} (see `{path} --help`)", code=2)


def _found(error: typer.TyperException) -> str:
    """What stood there, as far as a message of pydantic is behind the error, which does not quote it."""
    problems: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not problems or problems[0]["type"] == "value_error":
        return ""
    return f", found {str(problems[0]['input'])[:_LONGEST]!r}"
