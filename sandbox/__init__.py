"""Stand-ins for the three services a miner talks to, served over HTTP on loopback.

They are written from the protocols alone: nothing here imports actor, events or audit, so that a misreading of a
protocol on one side shows itself instead of being shared.
"""

from __future__ import annotations

from sandbox.box import Sandbox
from sandbox.config import SandboxConfig
from sandbox.entry import environment_text, serve
from sandbox.faults import FAULTS, Fault, FaultPlan
from sandbox.ledger import ApiLedger, Exchange, Ledgers, LlmLedger, XLedger
from sandbox.x import Corpus, Post, User

__all__ = [
    "FAULTS",
    "ApiLedger",
    "Corpus",
    "Exchange",
    "Fault",
    "FaultPlan",
    "Ledgers",
    "LlmLedger",
    "Post",
    "Sandbox",
    "SandboxConfig",
    "User",
    "XLedger",
    "environment_text",
    "serve",
]
