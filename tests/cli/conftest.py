"""Fixtures for the command line's tests."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest

from actor.settings.model import Settings
from tests.cli.kit import Command
from tests.world import World

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command in this process; what it does to logging and signals is undone."""
    root, own = logging.getLogger(), logging.getLogger("actor")
    before = root.handlers[:], root.level, own.level
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield Command(capsys)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The plain world, whose settings are this process's environment, and none of this machine's are."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(world.folder)
    for name, value in world.settings().items():
        monkeypatch.setenv(name, value)
    return world
