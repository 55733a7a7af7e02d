"""The one normalization of post text, which validators repeat (specification, "Text Normalization"). Pure."""

from __future__ import annotations

import hashlib
import unicodedata

__all__ = ["content_sha256", "norm_text"]


def norm_text(text: str) -> str:
    """NFC, every run of whitespace (line endings too) to one space, trimmed (contract, norm_text)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def content_sha256(normalized: str) -> str:
    """Hex digest of a normalized text, as PostAnalyzed records it."""
    return hashlib.sha256(normalized.encode()).hexdigest()
