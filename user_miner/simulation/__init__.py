"""Deterministic simulation: the real miner, from the machine to the edges' error mapping, in a world made from a seed.

One process, no sockets, no waiting: `simulate` runs a `Plan` and returns an `Outcome`. The same plan gives the same
journal to the byte.
"""

from __future__ import annotations

from user_miner.simulation.plan import ALL_FAULTS, Outcome, Plan, Violation
from user_miner.simulation.runner import Watch, simulate

__all__ = ["ALL_FAULTS", "Outcome", "Plan", "Violation", "Watch", "simulate"]
