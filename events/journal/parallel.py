"""Verify the segments of a long journal at once, one process each. Only reads; says only whether all is whole.

Each segment is checked against the hash that the segment before it ends with, and that one is checked by its own
process, so the chain holds across files. Whatever is wrong is left to the walk from the beginning, which names it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events.journal.layout import first_seq
from events.journal.record import GENESIS, BadRecordError, Head, Record, parse
from events.journal.scan import hash_before

__all__ = ["WORTH_BYTES", "Checked", "check_segments"]

# Below this a second process costs more than it saves.
WORTH_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A whole segment: its first and last record, and the one that HEAD speaks of with the byte where that ends."""

    records: int
    first: Record
    last: Record
    witnessed: Record | None
    witnessed_offset: int


def check_segments(
    directory: Path, sizes: Sequence[tuple[str, int]], witnessed_seq: int, on_progress: Callable[[int], None]
) -> list[Checked] | None:
    """Every segment's figures, or None when any is not whole or cannot be checked apart from the others.

    Args:
        directory: The journal.
        sizes: Names and lengths of the segments in order.
        witnessed_seq: The record that HEAD speaks of.
        on_progress: Gets the bytes of each segment that is done.
    """
    # Here, for every reader has this module, and few journals are long.
    import multiprocessing  # noqa: PLC0415
    from concurrent.futures import ProcessPoolExecutor, as_completed  # noqa: PLC0415
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415

    starts = [_before(directory, sizes, i) for i in range(len(sizes))]
    checked: dict[str, Checked] = {}
    workers = min(len(sizes), os.cpu_count() or 1)
    # Not forked: the caller may have threads, a progress bar's for one.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            jobs = {
                pool.submit(_check, directory / name, size, start, witnessed_seq): (name, size)
                for (name, size), start in zip(sizes, starts, strict=True)
                if start is not None
            }
            for job in as_completed(jobs):
                name, size = jobs[job]
                found = job.result()
                if found is None:
                    pool.shutdown(cancel_futures=True)
                    return None
                checked[name] = found
                on_progress(size)
    except (BrokenProcessPool, OSError):
        return None
    return [checked[name] for name, _ in sizes] if len(checked) == len(sizes) else None


def _before(directory: Path, sizes: Sequence[tuple[str, int]], index: int) -> Head | None:
    if index == 0:
        return GENESIS
    name, size = sizes[index - 1]
    digest = hash_before(directory / name, size)
    return None if digest is None else Head(seq=first_seq(sizes[index][0]) - 1, hash=digest)


def _check(path: Path, size: int, head: Head, witnessed_seq: int) -> Checked | None:
    first = last = None
    records = done = 0
    witnessed: Record | None = None
    witnessed_offset = 0
    with path.open("rb") as file:
        while done < size:
            line = file.readline(size - done)
            try:
                record = parse(line, head)
            except BadRecordError:
                return None
            done += len(line)
            records += 1
            head, first, last = record.head, first or record, record
            if record.seq == witnessed_seq:
                witnessed, witnessed_offset = record, done
    if first is None or last is None:
        return None
    return Checked(records=records, first=first, last=last, witnessed=witnessed, witnessed_offset=witnessed_offset)
