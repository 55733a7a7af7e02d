"""Durations counted in the buckets of a histogram. One thread counts, any thread may read meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["DISK_S", "EDGE_S", "Durations"]

# Upper ends of buckets, in seconds: for answers from a network, and for what a disk does.
EDGE_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
DISK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Durations:
    """A histogram with fixed buckets.

    Args:
        ends: Upper ends of the buckets, in seconds, ascending; beyond the last one there is one more.
    """

    def __init__(self, ends: Sequence[float]) -> None:
        self.total_s = 0.0
        self._ends = tuple(ends)
        self._counts = [0] * (len(self._ends) + 1)

    def add(self, seconds: float) -> None:
        """Count one more."""
        self._counts[bisect_left(self._ends, seconds)] += 1
        self.total_s += seconds

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Each bucket's upper end as Prometheus writes it, with how many durations were at most that long."""
        so_far = 0
        for end, count in zip([*map(str, self._ends), "+Inf"], self._counts, strict=True):
            so_far += count
            yield end, so_far
