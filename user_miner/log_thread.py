"""Logging that never waits: lines are handed to a thread, and dropped and counted where it cannot keep up.

A pipe that nobody reads, a terminal that was stopped, a disk that hangs: each holds up whoever writes to it, which must
not be the loop that mines.
"""

from __future__ import annotations

import logging
import queue
import threading
from typing import Final

__all__ = ["LogThread"]

_MOST_CHARS: Final = 1 << 20
_PATIENCE_S: Final = 1.0


class LogThread(logging.Handler):
    """Makes each line at once, and has a thread write it.

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
