"""Our requests leave no line of the HTTP libraries in a host's log; what the host itself sends does, as before.

httpx tells of each request at level INFO, and a neuron that logs at that level would have one for every poll. Whose
request a line speaks of is known by the task that sends it, so no level of a library that others use is changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["hush", "ours"]

_ours: Final[ContextVar[bool]] = ContextVar("ours", default=False)


@contextmanager
def ours() -> Iterator[None]:
    """Within it, a hushed library says warnings only."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def hush(library: str) -> None:
    """Leave lines out that tell of requests of ours."""
    logging.getLogger(library).addFilter(_is_heard)


def _is_heard(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not _ours.get()
