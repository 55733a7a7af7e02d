"""The simulated outside: X, an LLM and the coordination API as plain objects on a time that somebody else owns.

It speaks the protocols of the real ones in bytes, disturbs them by a seed, and keeps a ledger of what really happened.
It opens no socket, reads no clock, never waits, and shares no code with what it tries.
"""

from __future__ import annotations

from sandbox.world.disturbance import FAULTS, Disturbance, Draw, Weather
from sandbox.world.ledger import Acceptance, Arrival, Chat, Ledger, Search, Status, Submission
from sandbox.world.message import Answer, Request
from sandbox.world.world import Habits, World

__all__ = [
    "FAULTS",
    "Acceptance",
    "Answer",
    "Arrival",
    "Chat",
    "Disturbance",
    "Draw",
    "Habits",
    "Ledger",
    "Request",
    "Search",
    "Status",
    "Submission",
    "Weather",
    "World",
]
