"""Durations counted in buckets of fixed size, so that a million of them take no more room than a hundred. Pure.

A bucket is 5 % wide: what is said of the median and of other quantiles is at most that far from the truth. Count, total
and the largest are exact.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

__all__ = ["Histogram", "Summary"]

_STEP: Final = math.log(1.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is told of many durations, in milliseconds; ``median_ms`` and ``p95_ms`` are within 5 %."""

    count: int
    total_ms: int
    median_ms: int
    p95_ms: int
    max_ms: int


class Histogram:
    """Counts durations; some 600 buckets reach from a millisecond to centuries."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._count = 0
        self._total_ms = 0
        self._max_ms = 0

    def add(self, duration_ms: int) -> None:
        """One more; a negative one, which only a clock that went back can show, counts as 0."""
        duration_ms = max(0, duration_ms)
        self._buckets[round(math.log1p(duration_ms) / _STEP)] += 1
        self._count += 1
        self._total_ms += duration_ms
        self._max_ms = max(self._max_ms, duration_ms)

    def summary(self) -> Summary:
        """As of now; all zero without a duration."""
        return Summary(
            count=self._count,
            total_ms=self._total_ms,
            median_ms=self._quantile(0.5),
            p95_ms=self._quantile(0.95),
            max_ms=self._max_ms,
        )

    def _quantile(self, share: float) -> int:
        """The middle of the bucket that holds the duration of this rank."""
        rank, passed = math.ceil(share * self._count), 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= rank:
                return min(self._max_ms, round(math.expm1(bucket * _STEP)))
        return 0
