"""Every truncation and every flipped bit of a journal of at least 64 KiB with its HEAD; see tests/journal/damage.py.

    python -m benchmarks.journal_sweep [--kib 64] [--power-only | --damage-only]

Afterwards the model disk: the power goes at every operation, with every subset of what was not synced, and again at
every operation of the recovery (tests/journal/power.py). Prints progress and counts; exit code 1 at the first case that
is not what the recovery table says.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.journal.damage import Case, Layout, apply_case, cases
from tests.journal.kit import build, reopen, segments
from tests.journal.power import Counts, crashes_of_a_life, lose_power

_CHUNK: Final = 2_048
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  (a place in memory, if there is one, for a directory with a random name)
_RECORDS_PER_KIB: Final = 2
_PADDING: Final = " and \u2028\n\U0001f600 {}" * 22  # records of 600 bytes, as real ones have
_BEHIND: Final = 3
_IMAGES: Final = 256
_RECOVERY_IMAGES: Final = 4

_layouts: dict[Path, Layout] = {}


def _shard(work: tuple[Path, int, Sequence[Case]]) -> Counter[str]:
    """Run in a worker, on a copy of its own that is made once."""
    origin, witnessed, wanted = work
    if origin not in _layouts:
        copy = origin.with_name(f"{origin.name}-{os.getpid()}")
        _layouts[origin] = Layout(Path(shutil.copytree(origin, copy)), witnessed)
    return apply_case(_layouts[origin], wanted)


def _damage(folder: Path, kib: int, pool: multiprocessing.pool.Pool) -> None:
    count = kib * _RECORDS_PER_KIB
    for name, clean_stop in (("HEAD three records behind", False), ("after a clean start", True)):
        origin = folder / name.replace(" ", "-")
        build(origin, count, witness_at=[count - _BEHIND], segment_bytes=16 << 10, padding=_PADDING)
        if clean_stop:
            reopen(origin)
        layout = Layout(origin, count if clean_stop else count - _BEHIND)
        size = sum(len(content) for file, content in layout.whole.items() if file != "HEAD")
        files = len(segments(origin))
        print(f"\n{name}: {count} records, {size} bytes in {files} segments and HEAD", flush=True)
        if size < kib << 10:
            sys.exit(f"the journal has {size} bytes, expected at least {kib << 10}")
        wanted = [case for kind in ("end", "cut", "head", "flip") for case in cases(layout, kind)]
        if clean_stop:  # before the last segment nothing depends on how far HEAD goes
            wanted = [case for case in wanted if case[0] != "flip" or case[1] == layout.last.name]
        _report(_spread(pool, origin, layout.witnessed, wanted), len(wanted))


def _spread(pool: multiprocessing.pool.Pool, origin: Path, witnessed: int, wanted: Sequence[Case]) -> Counter[str]:
    chunks = [(origin, witnessed, wanted[at : at + _CHUNK]) for at in range(0, len(wanted), _CHUNK)]
    total: Counter[str] = Counter()
    start = time.monotonic()
    for done in pool.imap_unordered(_shard, chunks):
        total += done
        _progress(total.total(), len(wanted), start)
    return total


def _power(folder: Path, pool: multiprocessing.pool.Pool) -> None:
    crashes = crashes_of_a_life(folder / "life")
    print(f"\nmodel disk: the power goes at each of {crashes} operations", flush=True)
    total, start = Counts(), time.monotonic()
    work = [(folder / str(at), at, _IMAGES, _RECOVERY_IMAGES) for at in range(1, crashes + 1)]
    for done, counts in enumerate(pool.imap_unordered(_lose, work), 1):
        total += counts
        _progress(done, len(work), start)
    print(
        f"\n  {total.images} states of the disk ({total.exhaustive} crash points with every subset, {total.sampled} "
        f"with a sample of {_IMAGES}), {total.recoveries} interrupted recoveries: acknowledged ⊆ recovered ⊆ attempted"
    )


def _lose(work: tuple[Path, int, int, int]) -> Counts:
    folder, crash_at, images, recovery_images = work
    folder.mkdir()
    counts = lose_power(folder, crash_at, images=images, recovery_images=recovery_images)
    shutil.rmtree(folder)
    return counts


def _progress(done: int, wanted: int, start: float) -> None:
    print(f"\r  {done} of {wanted}, {time.monotonic() - start:.0f} s", end="", flush=True)


def _report(total: Counter[str], wanted: int) -> None:
    print()
    for what, times in sorted(total.items()):
        print(f"  {times:>8} {what}")
    if total.total() != wanted:
        sys.exit(f"{total.total()} cases were classified, expected {wanted}")
    print(f"  {wanted:>8} cases in all, each as the recovery table says")


def main() -> int:
    """Sweep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kib", type=int, default=64, help="least size of the journal's segments")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--damage-only", action="store_true", help="truncations and flips alone")
    only.add_argument("--power-only", action="store_true", help="the model disk alone")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="journal-sweep-", dir=_MEMORY if _MEMORY.is_dir() else None) as place,
        multiprocessing.Pool() as pool,
    ):
        folder = Path(place)
        if not options.power_only:
            _damage(folder, options.kib, pool)
        if not options.damage_only:
            _power(folder, pool)
    print("\nno record lost that HEAD vouches for or that a crash left durable, nothing accepted in silence")
    return 0


if __name__ == "__main__":
    sys.exit(main())
