"""Which posts and windows an export's filters admit. Pure."""

from __future__ import annotations

from audit.filters import Filters

__all__ = ["in_scope"]


def in_scope(filters: Filters, window: int, at_ms: int) -> bool:
    """Whether something of ``window`` that began at ``at_ms`` (unix milliseconds) is exported."""
    return (
        filters.admits_windows(frozenset({window}))
        and (filters.since_ms is None or at_ms >= filters.since_ms)
        and (filters.until_ms is None or at_ms <= filters.until_ms)
    )
