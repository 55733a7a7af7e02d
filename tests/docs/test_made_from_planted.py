"""The table of planted bugs in simulation.md repeats what was counted last: UPDATE_DOCS=1 writes it again."""

from __future__ import annotations

from tests.docs.kit import ROOT, put_generated
from tests.simulation.planted import PLANTED
from tests.simulation.planted_hunt import load

SIMULATION = ROOT / "docs" / "developers" / "simulation.md"


def test_the_table_of_planted_bugs_is_what_was_counted() -> None:
    """simulation.md has a line for each bug, in order, with the seeds that it took and the promise it broke."""
    found = load()
    cells = ((p.name, found.get(p.name)) for p in PLANTED)
    lines = "".join(
        f"| {name} | not hunted yet | |\n" if hit is None else f"| {name} | {hit.seeds} | {hit.rule} |\n"
        for name, hit in cells
    )
    wanted = f"\n| bug | seeds | promise |\n|---|---|---|\n{lines}\n"
    assert put_generated(SIMULATION, "planted", wanted) == wanted
