"""``replay --follow``: the records of a journal and then those that are added, for as long as somebody reads.

Nothing is locked and nothing written. Between two looks it sleeps, and it notices when the reader of its output leaves.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from events.journal import JournalReader, Record

__all__ = ["PACE_S", "followed", "rest"]

PACE_S: Final = 0.5


def followed(reader: JournalReader, pause: Callable[[], None]) -> Iterator[Record]:
    """The records as they come, without an end; ``pause`` is called whenever there is none for now.

    Raises:
        JournalDamagedError: The chain breaks, or the journal was rolled back or replaced under the reader.
    """
    while True:
        yield from reader
        pause()
        reader.check_kept()


def rest(seconds: float) -> None:
    """Sleep, but no longer than somebody reads standard output.

    Raises:
        BrokenPipeError: Nobody does any more.
    """
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):  # an output without a file of its own: nobody can leave
        time.sleep(seconds)
        return
    poll = select.poll()
    poll.register(output, 0)  # errors and hang-ups are told unasked
    if poll.poll(seconds * 1000):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # as a write would
