"""The seed of a test that is different every time: printed, and set by CRASH_SEED to play one again."""

from __future__ import annotations

import os
import random
import secrets

__all__ = ["printed_seed", "seeded"]


def printed_seed() -> int:
    """CRASH_SEED, or a new one; pytest shows what was printed when the test fails."""
    seed = int(os.environ.get("CRASH_SEED") or secrets.randbits(32))
    print(f"CRASH_SEED={seed}")  # noqa: T201
    return seed


def seeded(seed: int) -> random.Random:
    """Random numbers that a seed repeats."""
    return random.Random(seed)  # noqa: S311  (no secret depends on them)
