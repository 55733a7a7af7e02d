"""What a reader refuses to do."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(ValueError):
    """The operator asked for something that cannot be; one line that says what was found and expected."""
