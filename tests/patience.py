"""How long a test waits: for an event, and for minutes before it gives up, so that no outcome hangs on speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["GIVE_UP_S", "wait_for"]

# Nothing that goes well takes as long, not even on one core with four busy loops beside it: who waits longer waits for
# what does not come. The one bound for processes, servers, threads and conditions.
GIVE_UP_S: Final = 300.0


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {GIVE_UP_S:g} s for {what}"
        time.sleep(0.01)
