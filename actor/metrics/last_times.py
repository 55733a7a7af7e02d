"""When certain events were last recorded, from the end of a journal's files. Only reads, and only a little.

It serves gauges after a restart and nothing else: what is read is not verified, which the start itself does.
"""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Final

from events.journal import BadRecordError, JournalError, parse
from events.journal.layout import list_segments

__all__ = ["last_times"]

_BYTES: Final = 512 << 10


def last_times(directory: Path, names: Collection[str]) -> dict[str, int]:
    """Unix milliseconds of the last record of each of these events that stands near the journal's end."""
    found: dict[str, int] = {}
    for line in reversed(BytesIO(_end(directory)).readlines()):  # lines end at \n alone
        if len(found) == len(names):
            break
        try:
            record = parse(line, None)
        except BadRecordError:
            continue  # the first line of the excerpt, or a torn one
        if record.name in names:
            found.setdefault(record.name, record.at_ms)
    return found


def _end(directory: Path) -> bytes:
    """The last bytes of the journal's last two files."""
    end = b""
    try:
        for name in reversed(list_segments(directory)[-2:]):
            with (directory / name).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - (_BYTES - len(end))))
                end = file.read() + end
    except (OSError, JournalError):
        return end  # the start tells what is wrong there
    return end
