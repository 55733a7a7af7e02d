"""The testing kit: recorded journals as scenarios, actors on a clock of their own, and what to assert about them.

Names are imported when they are asked for: the pytest plugin is loaded into every test run of a project that has the
miner installed, and costs it nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from actor.testing.clock import VirtualClock, run_virtual
    from actor.testing.drive import MachineDrive
    from actor.testing.scenario import DivergenceError, Scenario, Step

__all__ = ["DivergenceError", "MachineDrive", "Scenario", "Step", "VirtualClock", "run_virtual"]

_HOMES: Final = {
    "DivergenceError": "scenario",
    "MachineDrive": "drive",
    "Scenario": "scenario",
    "Step": "scenario",
    "VirtualClock": "clock",
    "run_virtual": "clock",
}


def __getattr__(name: str) -> Any:
    """Import the part that has ``name``."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
