"""Fixtures of the command line's tests, for those of its configuration."""

from __future__ import annotations

from tests.cli.conftest import command, here

__all__ = ["command", "here"]
