"""What readers share at the terminal: one-line errors, and progress that only a terminal sees."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(ValueError):
    """The operator asked for something that cannot be; one line that says what was found and expected."""
