"""Stand-ins for the three services a miner talks to, served over HTTP on loopback.

They are written from the protocols alone: nothing here imports actor, events or audit, so that a misreading of a
protocol on one side shows itself instead of being shared.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sandbox.http.box import Sandbox, environment_text, serve
    from sandbox.http.config import SandboxConfig
    from sandbox.services.faults import FAULTS, Fault, FaultPlan
    from sandbox.services.ledger import ApiLedger, Exchange, Ledgers, LlmLedger, XLedger
    from sandbox.services.llm_personalities import PERSONALITIES, Personality
    from sandbox.services.x_corpus import Corpus, CorpusPost, User

__all__ = [
    "FAULTS",
    "PERSONALITIES",
    "ApiLedger",
    "Corpus",
    "CorpusPost",
    "Exchange",
    "Fault",
    "FaultPlan",
    "Ledgers",
    "LlmLedger",
    "Personality",
    "Sandbox",
    "SandboxConfig",
    "User",
    "XLedger",
    "environment_text",
    "serve",
]

_PARTS: Final = {
    "http.box": ("Sandbox", "environment_text", "serve"),
    "http.config": ("SandboxConfig",),
    "services.ledger": ("ApiLedger", "Exchange", "Ledgers", "LlmLedger", "XLedger"),
    "services.faults": ("FAULTS", "Fault", "FaultPlan"),
    "services.llm_personalities": ("PERSONALITIES", "Personality"),
    "services.x_corpus": ("Corpus", "CorpusPost", "User"),
}
_HOMES: Final = {name: part for part, names in _PARTS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the part that has ``name``: a simulation needs the world in ``sandbox.services``, and no HTTP server."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
