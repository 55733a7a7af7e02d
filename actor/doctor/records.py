"""Whether a journal is whole. Reads only, and no longer than it may.

A long journal is read at its end alone; `user-miner verify` reads all of any.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

from actor.doctor.check import Check, failure, ok, warning
from events.journal import (
    GENESIS,
    Head,
    JournalDamagedError,
    JournalReader,
    at_text,
    verify_journal,
)
from events.journal.head import read_witness
from events.journal.layout import HEAD, first_seq, list_segments
from events.journal.scan import start_before

__all__ = ["LARGEST_BYTES", "mend", "records_checks", "tail_start"]

LARGEST_BYTES: Final = 48 << 20
"""A journal that is longer is read at its end alone."""
_EVERY: Final = 500


class _LateError(Exception):
    """The time is up."""


def records_checks(journal: Path | None, *, budget_s: float, whole_bytes: int = LARGEST_BYTES) -> list[Check]:
    """Verify the journal, or the end of one that is longer than ``whole_bytes``, for ``budget_s`` at most."""
    if journal is None:
        return [ok("records", "no journal yet")]
    deadline = time.monotonic() + budget_s
    try:
        segments = list_segments(journal)
        if not segments and not (journal / HEAD).exists():
            return [ok("records", "there are none yet")]
        length = sum((journal / name).stat().st_size for name in segments)
        check = _whole(journal, deadline) if length <= whole_bytes else _tail(journal, deadline, whole_bytes)
    except JournalDamagedError as error:
        check = failure("records", str(error).partition("; nothing was changed")[0], mend(journal))
    except OSError as error:
        check = failure("records", f"{journal} cannot be read: {error.strerror}", "let this user read all files there")
    return [check]


def mend(journal: Path) -> str:
    """What to do about damage."""
    return f"put the right files back from a backup, or see what `user-miner repair {journal}` can save"


def _whole(journal: Path, deadline: float) -> Check:
    def on_progress(_done: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise _LateError

    try:
        # In this process alone: others would outlive the time limit.
        report = verify_journal(journal, on_progress=on_progress, parallel_from_bytes=sys.maxsize)
    except _LateError:
        return _unfinished(journal, "the journal could not be read whole in the time for it")
    if report.findings:
        first = report.findings[0]
        more = f", and {len(report.findings) - 1} more finding(s)" if len(report.findings) > 1 else ""
        return failure("records", f"{journal / first.file}:{first.offset}: {first.reason}{more}", mend(journal))
    torn = f"; the {report.tail_bytes} bytes of an unfinished write are no damage" if report.tail_bytes else ""
    last = f", the last of {at_text(report.last_at_ms)}" if report.last_at_ms is not None else ""
    return ok("records", f"all {report.records} are whole{last}{torn}")


def _tail(journal: Path, deadline: float, whole_bytes: int) -> Check:
    if read_witness(journal) is None:
        return failure("records", f"{journal} has no file HEAD, so a lost end could not be noticed", mend(journal))
    count, last = 0, None
    for last in JournalReader(journal, after=tail_start(journal, whole_bytes)):
        count += 1
        if count % _EVERY == 0 and time.monotonic() > deadline:
            return _unfinished(journal, f"{count} records up to {last.seq} are whole; the time was up before the end")
    if last is None:
        return failure("records", f"{journal} holds no record in its last files", mend(journal))
    said = f"the last {count} of {last.seq} are whole, the last of {at_text(last.at_ms)}"
    return ok("records", f"{said}; `user-miner verify {journal}` reads all")


def _unfinished(journal: Path, found: str) -> Check:
    return warning("records", found, f"`user-miner verify {journal}` takes the time that it needs")


def tail_start(journal: Path, largest_bytes: int) -> Head:
    """The record before the last segments that hold about so many bytes, one of them at least."""
    names = list_segments(journal)
    taken, begin = 0, None
    for name in reversed(names):
        taken += (journal / name).stat().st_size
        if begin is not None and taken > largest_bytes:
            break
        begin = name
    return GENESIS if begin is None else start_before(journal, names, first_seq(begin)).head
