"""Logs of the command line: one line for each record, for people or as JSON, with every secret removed.

They go to standard error or to a bounded file, written by a thread, so that nothing waits for them. A warning that
comes again and again is said now and then.

The code itself logs through the standard library under the name "actor", so that a host neuron's own logging applies
when the miner is embedded; only the command line calls ``configure_logging``.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import textwrap
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from actor.compose import _log
from user_miner.log_file import LogFile, to_stderr

__all__ = [
    "JsonFormat",
    "LogThread",
    "Repeats",
    "TextFormat",
    "Who",
    "configure_logging",
    "finish_log",
    "set_log_level",
    "speaker",
]


@dataclass(frozen=True, slots=True)
class Who:
    """Whose lines they are, where several hotkeys share one log.

    Attributes:
        hotkey: The ss58 address.
        short: As much of it as tells it from the others.
    """

    hotkey: str
    short: str


# Set in a miner's task, and so in all that it starts.
speaker: Final[ContextVar[Who | None]] = ContextVar("speaker", default=None)

_MOST_CHARS: Final = 1 << 20
_PATIENCE_S: Final = 1.0


class LogThread(logging.Handler):
    """Makes each line at once, and has a thread write it, so that logging never waits.

    A pipe that nobody reads, a terminal that was stopped, a disk that hangs: each holds up whoever writes to it, which
    must not be the loop that mines.

    Args:
        writer: What the lines end in; it may take its time.
        most_chars: So much may wait for it.

    Attributes:
        dropped: Lines that found no room to wait in. The next one that does comes behind a line that tells how many.
    """

    def __init__(self, writer: logging.Handler, *, most_chars: int = _MOST_CHARS) -> None:
        super().__init__()
        self._guard = threading.RLock()  # again by a signal's handler
        self.dropped = 0
        self._writer = writer
        self._most_chars = most_chars
        self._waiting_chars = 0
        self._gap = 0
        self._is_closed = False
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="user-miner-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record's line over, or drop it."""
        line = self._line(record)
        with self._guard:
            if self._is_closed or self._waiting_chars + len(line) > self._most_chars:
                self.dropped += 1
                self._gap += 1
            else:
                self._tell_gap()
                self._put(line)

    def close(self) -> None:
        """Wait for what was handed over, but not for long; a line that comes later is dropped."""
        self.finish(_PATIENCE_S)
        super().close()

    def finish(self, within_s: float) -> None:
        """As ``close``, with another patience."""
        with self._guard:
            if self._is_closed:
                return
            self._is_closed = True
            self._tell_gap()
            self._lines.put(None)
        self._thread.join(within_s)

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        except Exception as error:  # noqa: BLE001  (a line that cannot be made stops nobody)
            told = f"a log line could not be formatted: {type(error).__name__}: {record.msg!r}"
            return self.format(logging.makeLogRecord({"msg": told, "levelname": "ERROR", "levelno": logging.ERROR}))

    def _tell_gap(self) -> None:
        if self._gap:
            told = f"{self._gap} log lines were dropped here: the place that the log goes to did not take them in time"
            record = {"name": "actor", "msg": told, "levelname": "WARNING", "levelno": logging.WARNING}
            self._gap = 0
            self._put(self.format(logging.makeLogRecord(record)))

    def _put(self, line: str) -> None:
        self._waiting_chars += len(line)
        self._lines.put(line)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # Not by handle(): the writer's lock would be held meanwhile, and logging's own end asks for it.
            self._writer.emit(logging.makeLogRecord({"msg": line}))
            with self._guard:
                self._waiting_chars -= len(line)
        self._writer.close()


_WIDTH: Final = 119
_INDENT: Final = "    "
# The words say as much; replay and JSON tell the rest of a record by its seq.
_FOR_MACHINES: Final = frozenset({"kind", "state"})
# What every record has; anything else was given as ``extra``.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLORS: Final = {logging.DEBUG: "2", logging.INFO: "32", logging.WARNING: "33", logging.ERROR: "31"}


class _Format(logging.Formatter, ABC):
    """Both formats' common part.

    Args:
        redact: Takes secrets out of a line, tracebacks included.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        extra = {name: value for name, value in vars(record).items() if name not in _USUAL}
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return self._redact(self._line(at, record, extra, trace))

    @abstractmethod
    def _line(self, at: datetime, record: logging.LogRecord, extra: dict[str, Any], trace: str) -> str:
        """The line, secrets and all; ``extra`` was named beside the text, ``trace`` is empty without an error."""


class TextFormat(_Format):
    """``time [level] text name=value …``, in lines of less than 120 characters; the further ones are indented.

    Args:
        redact: Takes secrets out of a line.
        colors: Whether the level is coloured, as terminals can.
    """

    def __init__(self, redact: Callable[[str], str], *, colors: bool) -> None:
        super().__init__(redact)
        self._colors = colors

    def _line(self, at: datetime, record: logging.LogRecord, extra: dict[str, Any], trace: str) -> str:
        fields = "".join(f" {name}={value}" for name, value in extra.items() if name not in _FOR_MACHINES)
        told = self._redact(f"{record.getMessage()}{fields}")  # before a line break can hide a secret
        level = f"{record.levelname.lower():<7}"
        who = speaker.get()
        lines = _wrapped(f"{_time(at, 'seconds')} [{level}] {f'{who.short} ' if who else ''}", told)
        if self._colors:
            lines = lines.replace(level, f"\033[{_COLORS.get(record.levelno, '31')}m{level}\033[0m", 1)
        return lines + (f"\n{trace}" if trace else "")


class JsonFormat(_Format):
    """One object in one line: event, the named values, level and timestamp."""

    def _line(self, at: datetime, record: logging.LogRecord, extra: dict[str, Any], trace: str) -> str:
        time = _time(at, "microseconds")
        who = speaker.get()
        whose = {"hotkey": who.hotkey} if who else {}
        told = {"event": record.getMessage(), **extra, **whose, "level": record.levelname.lower(), "timestamp": time}
        if trace:
            told["exception"] = trace
        return json.dumps(told, default=str)


def _time(at: datetime, digits: Literal["seconds", "microseconds"]) -> str:
    return at.isoformat(timespec=digits).replace("+00:00", "Z")


def _wrapped(head: str, told: str) -> str:
    """The first line of a text within the width; what follows it, a traceback for example, stays as it is."""
    first, *rest = f"{head}{told}".split("\n")
    if len(first) > _WIDTH:
        first = "\n".join(textwrap.wrap(first, _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False))
    return "\n".join([first, *rest])


# Only lines from WARNING on, and only ones of exactly the same text and the same hotkey, are ever left out.
_BURST: Final = 3
_EVERY_S: Final = 600.0
_MOST_TEXTS: Final = 256


@dataclass(slots=True)
class _Said:
    since_s: float
    times: int = 0
    left_out: int = 0


class Repeats(logging.Filter):
    """Lets a text through three times in ten minutes, and tells with the next one how many were left out.

    Args:
        now_s: A clock that never goes back.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._said: dict[tuple[Who | None, int, str], _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; its text then tells of those before it that were not."""
        if record.levelno < logging.WARNING:
            return True
        text = record.getMessage()
        said = self._of((speaker.get(), record.levelno, text))
        if said.times >= _BURST:
            said.left_out += 1
            return False
        said.times += 1
        if said.left_out:
            record.msg, record.args = f"{text} (and {said.left_out} more times since)", None
            said.left_out = 0
        return True

    def _of(self, key: tuple[Who | None, int, str]) -> _Said:
        now_s = self._now_s()
        said = self._said.pop(key, None) or _Said(now_s)
        if now_s - said.since_s >= _EVERY_S:
            said.since_s, said.times = now_s, 0
        self._said[key] = said  # the one said last stands last
        if len(self._said) > _MOST_TEXTS:
            del self._said[next(iter(self._said))]
        return said


def configure_logging(level: str, *, as_json: bool, redact: Callable[[str], str], file: Path | None = None) -> None:
    """Send logs to ``file``, or to standard error: JSON lines, or text that is coloured on a terminal.

    Libraries speak only from WARNING on: tweepy prints the bearer token at DEBUG.
    """
    handler = LogThread(_StandardError() if file is None else LogFile(file))
    colors = file is None and sys.stderr.isatty()
    handler.setFormatter(JsonFormat(redact) if as_json else TextFormat(redact, colors=colors))
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_log_level(level)


def finish_log(within_s: float = 1.0) -> None:
    """Have the lines written that wait, as far as they are taken within that time; later ones are dropped."""
    for thread in _threads():
        thread.finish(within_s)


def _threads() -> list[LogThread]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogThread)]


class _StandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        to_stderr(f"{self.format(record)}\n")


def set_log_level(level: str) -> None:
    """From here on, messages from this level up."""
    _log.setLevel(level.upper())
