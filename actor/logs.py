"""Logs of the command line: one line for each record, for people or as JSON, with every secret removed.

They go to standard error or to a bounded file, written by a thread, so that nothing waits for them. A warning that
comes again and again is said now and then.

The code itself logs through the standard library under the name "actor", so that a host neuron's own logging applies
when the miner is embedded; only the command line calls ``configure_logging``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from actor.log_file import LogFile
from actor.log_format import JsonFormat, TextFormat
from actor.log_repeats import Repeats
from actor.log_thread import LogThread
from actor.machine.state import State
from actor.stderr import to_stderr
from events.describe import describe, is_trouble
from events.journal.record import Record

__all__ = ["configure_logging", "dropped_lines", "finish_log", "log_record", "set_log_level"]

_log = logging.getLogger("actor")


def log_record(record: Record, state: State) -> None:
    """Say what a record tells: trouble as a warning, the rest as information."""
    event = record.event()
    level = logging.WARNING if is_trouble(event) else logging.INFO
    fields = {"kind": record.name, "seq": record.seq, "state": state.state}
    _log.log(level, "%s", describe(event), extra=fields)


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


def dropped_lines() -> int:
    """How many lines of this process's log were dropped, since what they go to did not take them in time."""
    return sum(thread.dropped for thread in _threads())


def _threads() -> list[LogThread]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogThread)]


class _StandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        to_stderr(f"{self.format(record)}\n")


def set_log_level(level: str) -> None:
    """From here on, messages from this level up."""
    _log.setLevel(level.upper())
