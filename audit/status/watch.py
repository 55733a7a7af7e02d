"""``status --watch``: the status again and again, until Ctrl-C. Reads only; damage is shown.

A terminal shows a page that is drawn anew each second and at once when its size changes. Anything else, a pipe or a
terminal that cannot move its cursor, gets a line whenever something changed.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, Self, TypeAlias

import orjson
from rich.console import Console
from rich.live import Live

from actor.machine.history import FoldError
from audit.status.fields import status_fields
from audit.status.holder import process_of
from audit.status.lines import StatusLine, brief_line, status_lines
from audit.status.look import Look
from audit.status.page import fitting, page_of
from events.describe import inert_json, printable
from events.journal import JournalError, at_text

__all__ = ["PACE_S", "Pause", "Watched", "watch"]

_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


class Pause:
    """Waits; a new size of the terminal or a reader who leaves ends it early.

    SIGTERM and a hang-up end the watch as Ctrl-C does, so that the terminal is given back as it was.
    """

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)
        handlers: dict[int, Any] = {number: signal.signal(number, _end) for number in _ENDS}
        handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, _wake)
        self._handlers = handlers
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal.

        Raises:
            BrokenPipeError: Nobody reads standard output any more.
        """
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        output = -1
        with suppress(OSError, ValueError):  # an output without a file of its own: nobody can leave
            output = sys.stdout.fileno()
            poll.register(output, 0)  # poll reports errors and hang-ups in any case
        ready = poll.poll(seconds * 1000)
        if any(fd == output for fd, _ in ready):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # as a write would
        with suppress(BlockingIOError):
            os.read(self._read, 4_096)


def _wake(_number: int, _frame: FrameType | None) -> None:
    """The byte in the pipe is what wakes."""


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


PACE_S: Final = 1.0
# A journal that is refused is read again from its last segment's start each time.
_RETRY_MS: Final = 5_000
_LONGEST: Final = 400
_TITLE: Final = StatusLine("", "user-miner status --watch, Ctrl-C ends")


# A first look at a journal at this moment, and what it was read from.
Begin: TypeAlias = Callable[[int], tuple[Look, str]]


class Watched:
    """A journal that is read on as it grows, and from its beginning again after a finding.

    Attributes:
        finding: What is wrong with the journal at present.
        notice: The last thing that happened to it other than a new record.
        source: What the records before the first look were read from.
    """

    def __init__(self, directory: Path, now_ms: Callable[[], int], begin: Begin | None = None) -> None:
        self.finding: str | None = None
        self.notice: str | None = None
        self.source = "journal"
        self._begin = begin or (lambda at_ms: (Look(directory, at_ms), "journal"))
        self._directory = directory
        self._now_ms = now_ms
        self._look: Look | None = None
        self._retry_ms = 0

    def fields(self) -> dict[str, Any] | None:
        """The status as of now; None while nothing could be read."""
        now_ms = self._now_ms()
        if self.finding is None or now_ms >= self._retry_ms or now_ms < self._retry_ms - _RETRY_MS:
            self._read(now_ms)
        if self._look is None:
            return None
        holder = process_of(self._directory, self._look.state)
        return status_fields(self._look, holder, now_ms, finding=self.finding) | {"source": self.source}

    def _read(self, now_ms: int) -> None:
        try:
            if self.finding is not None:
                self._look, self.source = Look(self._directory, now_ms), "journal"
            elif self._look is None:
                self._look, self.source = self._begin(now_ms)
            self._look.refresh()
            if self.finding is not None:
                self._tell(f"the journal can be read again; before that: {self.finding}")
            self.finding = None
        except (JournalError, FoldError) as error:
            self._break(str(error), now_ms)
        except OSError as error:
            self._break(f"cannot read {error.filename or self._directory}: {error.strerror or error}", now_ms)

    def _break(self, finding: str, now_ms: int) -> None:
        again = finding == self.finding
        self._retry_ms = now_ms + (_RETRY_MS if again else 0)
        if not again:
            self._tell(finding)
        self.finding = finding

    def _tell(self, what: str) -> None:
        self.notice = f"{at_text(self._now_ms())} {what}"


class _Screen(Protocol):
    def show(self, fields: Mapping[str, Any] | None, watched: Watched) -> None: ...


def watch(
    directory: Path,
    *,
    as_json: bool,
    now_ms: Callable[[], int],
    pace_s: float = PACE_S,
    begin: Begin | None = None,
) -> int:
    """Show the journal's status until Ctrl-C or SIGTERM; 1 when it is refused at the end, else 0.

    Args:
        directory: The journal.
        as_json: A line for each change.
        now_ms: The present moment, unix milliseconds.
        pace_s: How often to look.
        begin: Makes the first look, and says what it was read from; None for one at the journal itself.
    """
    watched = Watched(directory, now_ms, begin)
    console = Console()
    with Pause() as pause, suppress(KeyboardInterrupt):
        fields = watched.fields()  # which may take a while, and says so on a terminal
        with _screen(console, as_json=as_json) as screen:
            while True:
                screen.show(fields, watched)
                pause.wait(pace_s)
                fields = watched.fields()
    return 1 if watched.finding is not None else 0


@contextmanager
def _screen(console: Console, *, as_json: bool) -> Iterator[_Screen]:
    """What fits the output: a page on a terminal, else lines."""
    if as_json:
        yield _JsonLines()
    elif console.is_terminal and not console.is_dumb_terminal:
        with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            page = _Page(live)
            try:
                yield page
            finally:
                live.stop()
                page.leave(console)
    else:
        yield _PlainLines()


class _Page:
    """The whole status, drawn anew on the terminal's other screen, and left on the first one at the end."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._last = page_of([])

    def show(self, fields: Mapping[str, Any] | None, watched: Watched) -> None:
        notices = [] if watched.notice is None else [StatusLine("notice", watched.notice, "bad")]
        lines = [*notices, *(() if fields is None else status_lines(fields))]
        self._last = page_of([_TITLE, *lines])
        self._live.update(page_of(fitting(_TITLE, lines, self._live.console)), refresh=True)

    def leave(self, console: Console) -> None:
        """What was shown last stays readable."""
        console.print(self._last)


class _PlainLines:
    """One line whenever something changed."""

    def __init__(self) -> None:
        self._last: object = None

    def show(self, fields: Mapping[str, Any] | None, watched: Watched) -> None:
        shown = (watched.notice, None if fields is None else _lasting(fields))
        if shown == self._last:
            return
        before, self._last = self._last, shown
        if watched.notice is not None and (not isinstance(before, tuple) or before[0] != watched.notice):
            print(printable(f"notice: {watched.notice}", _LONGEST))  # noqa: T201
        if fields is not None and fields["finding"] is None:
            print(brief_line(fields))  # noqa: T201
        sys.stdout.flush()


class _JsonLines:
    """The whole status in one line whenever something changed; what cannot be read has ``finding`` alone."""

    def __init__(self) -> None:
        self._last: object = None

    def show(self, fields: Mapping[str, Any] | None, watched: Watched) -> None:
        told = {"finding": watched.finding} if fields is None else fields
        shown = told if fields is None else _lasting(fields)
        if shown != self._last:
            self._last = shown
            sys.stdout.write(inert_json(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE).decode()))
            sys.stdout.flush()


def _lasting(fields: Mapping[str, Any]) -> tuple[object, ...]:
    """What does not change with time alone."""
    return fields["record"]["hash"], fields["process"]["holds"], fields["process"]["pid"], fields["finding"]
