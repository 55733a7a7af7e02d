"""Audits journals in a process of its own, so that the page answers meanwhile. That process reads only, and gives way.

It gets the folder of a journal in a line, judges on where it was there, and answers in a line. An audit gives its
report once: a fork of the process makes the report and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import orjson

from audit.inspect.judge import Followed, Judged
from events.journal import JournalError

__all__ = ["Aside"]

_NICE: Final = 10
_NOTHING: Final = Judged(0, None)


class Aside:
    """A judge that lets nobody wait. Its process begins with the first question; it takes journals one by one.

    Args:
        on_note: Told in one line where that process ended before its time.
    """

    def __init__(self, on_note: Callable[[str], None]) -> None:
        self._on_note = on_note
        self._told: dict[Path, Judged] = {}
        self._asked: SimpleQueue[tuple[Path, int] | None] = SimpleQueue()
        self._waiting: set[Path] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def known(self, directory: Path) -> int:
        return self._told.get(directory, _NOTHING).records

    def judged(self, directory: Path, records: int) -> Judged:
        with self._lock:
            told = self._told.get(directory, _NOTHING)
            if told.records < records and directory not in self._waiting:
                self._waiting.add(directory)
                self._begin()
                self._asked.put((directory, records))
        return told

    def close(self) -> None:
        """End the process; whatever it does is of no more use."""
        if self._thread is not None and self._process is not None:
            self._asked.put(None)
            with suppress(BrokenPipeError), self._process:  # there may be a question that it did not take
                self._process.kill()
                self._thread.join()

    def _begin(self) -> None:
        if self._thread is None:
            # The same modules as here, whatever lies in this folder; and a Ctrl-C is for the server alone.
            command = [sys.executable, "-P", "-m", __name__]
            env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(  # noqa: S603  (our own)
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, start_new_session=True
            )
            self._thread = threading.Thread(target=self._work, args=(self._process,), name="judge", daemon=True)
            self._thread.start()

    def _work(self, process: subprocess.Popen[bytes]) -> None:
        while (asked := self._asked.get()) is not None:
            directory, records = asked
            try:
                told = _question(process, directory, records)
            except (OSError, ValueError):
                break
            with self._lock:
                self._told[directory] = told
                self._waiting.remove(directory)
        if asked is not None and self._asked.empty():
            self._on_note("the process that audits ended before its time: the page goes without what it finds")


def _question(process: subprocess.Popen[bytes], directory: Path, records: int) -> Judged:
    """Ask and wait. OSError or ValueError where the process has ended."""
    if process.stdin is None or process.stdout is None:
        raise OSError
    process.stdin.write(orjson.dumps([os.fspath(directory), records], option=orjson.OPT_APPEND_NEWLINE))
    process.stdin.flush()
    return Judged(*orjson.loads(process.stdout.readline()))


def _answer_all() -> None:
    """Answer questions until nobody asks any more."""
    os.nice(_NICE)
    known: dict[str, Followed] = {}
    for line in sys.stdin.buffer:
        directory, records = orjson.loads(line)
        try:
            followed = known.setdefault(directory, Followed(Path(directory)))
            reached = followed.read_on()
        except (JournalError, OSError):
            known.pop(directory, None)
            _say(Judged(records, None))
            continue
        if (pid := os.fork()) == 0:
            _say(Judged(reached, followed.report()))
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            sys.exit(1)


def _say(judged: Judged) -> None:
    sys.stdout.buffer.write(orjson.dumps([*judged], option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # nobody waits any more
        _answer_all()
