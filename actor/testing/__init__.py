"""The testing kit: recorded journals as scenarios, actors on a clock of their own, and what to assert about them.

Names are imported when they are asked for: the pytest plugin is loaded into every test run of an environment that has
the miner installed, and costs it nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from actor.testing.clock import StalledError, VirtualClock, run_virtual
    from actor.testing.drive import MachineDrive
    from actor.testing.edges import (
        ScriptedAnalyzer,
        ScriptedApi,
        ScriptedChain,
        ScriptedScraper,
        ScriptedSigner,
        accept,
        analysis,
        fail,
        limit,
        reject,
        scripted_ports,
    )
    from actor.testing.made import accepted, analysis_failed, analyzed, failed, limited, polled, post, rejected
    from actor.testing.reproduce import reproduces
    from actor.testing.scenario import DivergenceError, NotInJournalError, Scenario, Step
    from actor.testing.transcript import TranscriptError, check_transcript, run_transcript
    from actor.testing.world import ActorWorld

__all__ = [
    "ActorWorld",
    "DivergenceError",
    "MachineDrive",
    "NotInJournalError",
    "Scenario",
    "ScriptedAnalyzer",
    "ScriptedApi",
    "ScriptedChain",
    "ScriptedScraper",
    "ScriptedSigner",
    "StalledError",
    "Step",
    "TranscriptError",
    "VirtualClock",
    "accept",
    "accepted",
    "analysis",
    "analysis_failed",
    "analyzed",
    "check_transcript",
    "fail",
    "failed",
    "limit",
    "limited",
    "polled",
    "post",
    "reject",
    "rejected",
    "reproduces",
    "run_transcript",
    "run_virtual",
    "scripted_ports",
]

_PARTS: Final = ("clock", "made", "scenario", "drive", "transcript", "edges", "world", "reproduce")


def __getattr__(name: str) -> Any:
    """Import the part that has ``name``, and the lighter ones before it."""
    if name in __all__:
        for part in _PARTS:
            module = import_module(f"{__name__}.{part}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
