"""The machine as a mermaid diagram, made from the transition table. Pure."""

from __future__ import annotations

import typer

from actor.machine.state import STATES
from actor.machine.table import ROWS

__all__ = ["diagram", "mermaid"]


def diagram() -> None:
    """Print the state machine as a mermaid diagram. It is made from the transition table."""
    typer.echo(mermaid())


def mermaid() -> str:
    """The diagram's source: internal rows are left out, guards stand in brackets behind the events they bind."""
    lines = ["stateDiagram-v2", f"    [*] --> {STATES[0]}"]
    edges: dict[tuple[str, str, str], list[str]] = {}
    for row in ROWS:
        if row.dest is not None:
            guards = f" [{', '.join(row.guards)}]" if row.guards else ""
            edges.setdefault((row.source, row.dest, guards), []).append(row.event)
    lines += [
        f"    {source} --> {dest}: {', '.join(events)}{guards}" for (source, dest, guards), events in edges.items()
    ]
    return "\n".join(lines)
