"""What a log line looks like: text for people, coloured on a terminal, or one JSON object; secrets are removed last.

Own code, for a library of this size would take a tenth of the time and of the memory that a miner may take.
"""

from __future__ import annotations

import json
import logging
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

__all__ = ["JsonFormat", "TextFormat"]

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
        lines = _wrapped(f"{_time(at, 'seconds')} [{level}] ", told)
        if self._colors:
            lines = lines.replace(level, f"\033[{_COLORS.get(record.levelno, '31')}m{level}\033[0m", 1)
        return lines + (f"\n{trace}" if trace else "")


class JsonFormat(_Format):
    """One object in one line: event, the named values, level and timestamp."""

    def _line(self, at: datetime, record: logging.LogRecord, extra: dict[str, Any], trace: str) -> str:
        time = _time(at, "microseconds")
        told = {"event": record.getMessage(), **extra, "level": record.levelname.lower(), "timestamp": time}
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
