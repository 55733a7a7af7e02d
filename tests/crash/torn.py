"""What a power cut leaves of a record that was being written: its first bytes behind the last whole record."""

from __future__ import annotations

import random
from pathlib import Path

from events.catalogue import ActorStopped
from events.journal import Draft, Head, seal

__all__ = ["tear"]


def tear(journal: Path, head: Head, rng: random.Random) -> None:
    """Append a part of the record that could follow ``head`` to the last segment of ``journal``."""
    event = ActorStopped(reason="a record that was never acknowledged", posts_processed=0)
    line, _ = seal(Draft(at_ms=0, event=event, source="WaitingForWindow", dest="WaitingForWindow"), head)
    with max(journal.glob("*.jsonl")).open("ab") as segment:
        segment.write(line[: rng.randrange(1, len(line))])
