"""Stand-in for X API v2 recent search. It never reaches X."""

from __future__ import annotations

from sandbox.x.app import XService
from sandbox.x.corpus import Corpus, Post, User

__all__ = ["Corpus", "Post", "User", "XService"]
