"""The machine as a mermaid diagram, made from the transition table. Pure."""

from __future__ import annotations

from actor.machine.state import STATES
from actor.machine.table import ROWS

__all__ = ["mermaid"]


def mermaid() -> str:
    """The diagram's source; internal rows are left out, guards stand in brackets."""
    lines = ["stateDiagram-v2", f"    [*] --> {STATES[0]}"]
    edges: dict[tuple[str, str], list[str]] = {}
    for row in ROWS:
        if row.dest is not None:
            label = row.event + (f" [{', '.join(row.guards)}]" if row.guards else "")
            edges.setdefault((row.source, row.dest), []).append(label)
    for (source, dest), labels in edges.items():
        lines += [f"    {source} --> {dest}: {label}" for label in labels]
    return "\n".join(lines)
