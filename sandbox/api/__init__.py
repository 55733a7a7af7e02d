"""Stand-in for the coordination API v2. It never judges a post's analysis, only its form and its author's right."""

from __future__ import annotations

from sandbox.api.app import ApiService

__all__ = ["ApiService"]
