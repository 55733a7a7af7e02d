"""Whether this process may still send: asked in the last moment before a request leaves.

A process may be stopped at any instruction, for longer than its lease of the journal lasts, and go on as if nothing had
happened. Where the lease does not end by itself nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

__all__ = ["NotOursError", "check_permit", "permit"]

permit: Final[ContextVar[Callable[[], bool] | None]] = ContextVar("permit", default=None)
"""Whether the journal is surely this process's; of the task, or of the thread, that sends."""


class NotOursError(ConnectionError):
    """Nothing was sent: another process may own the journal by now."""

    def __init__(self) -> None:
        super().__init__("not sent: the lease of the journal has run out")


def check_permit() -> None:
    """Go on where one may send.

    Raises:
        NotOursError: One may not.
    """
    may_send = permit.get()
    if may_send is not None and not may_send():
        raise NotOursError
