"""A setting's value as a settings file writes it, secrets as what they are: hidden."""

from __future__ import annotations

from typing import Any, Final

from pydantic import SecretStr

__all__ = ["HIDDEN", "setting_text"]

HIDDEN: Final = "********"


def setting_text(value: Any) -> str:
    """Empty for None, words with commas between, ``true`` and ``false``; never a secret."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)
