"""The process that reads a long journal for another one (``events.journal.ahead``). Never writes but to its output."""

from __future__ import annotations

import sys
from pathlib import Path

from events.journal.ahead import send, send_end
from events.journal.reader import JournalReader
from events.journal.record import Head

__all__ = ["serve"]


def serve(directory: str, seq: str, digest: str) -> None:
    """Write the records behind one to standard output, and where they ended; what is damaged is left to the other."""
    reader = JournalReader(Path(directory), after=Head(seq=int(seq), hash=digest), ahead_bytes=None)
    send(reader, sys.stdout.buffer)
    send_end(reader.where(), sys.stdout.buffer)
