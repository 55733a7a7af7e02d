"""The moment that a header such as Date or Retry-After names. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["http_date"]


def http_date(value: str) -> datetime | None:
    """The moment, in UTC where it names no zone; None for what is no date, or none that a calendar holds."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
