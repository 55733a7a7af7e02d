"""The simulated outside: X, an LLM and the coordination API as plain objects on a time that somebody else owns.

It speaks the protocols of the real ones in bytes, disturbs them by a seed, and keeps a ledger of what really happened.
It opens no socket, reads no clock, never waits, and shares no code with what it tries.
"""

from __future__ import annotations

from sandbox.services.disturbance import RATES, Disturbance, Draw, Weather
from sandbox.services.ledger import Acceptance, Arrival, Chat, Ledger, Lookup, Search, Status, Submission
from sandbox.services.message import Answer, Request
from sandbox.services.world import Habits, World

__all__ = [
    "RATES",
    "Acceptance",
    "Answer",
    "Arrival",
    "Chat",
    "Disturbance",
    "Draw",
    "Habits",
    "Ledger",
    "Lookup",
    "Request",
    "Search",
    "Status",
    "Submission",
    "Weather",
    "World",
]
