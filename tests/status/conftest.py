"""Fixtures for the tests of ``user-miner status``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from actor.settings.model import Settings
from sandbox import Sandbox, SandboxConfig
from tests.cli.kit import Command
from tests.world import World, hours_ago, make_wallet


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from this machine."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process."""
    return Command(capsys)


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A good window, and one with a failed attempt, a rejection and a 429; stopped cleanly, with a snapshot."""
    folder = tmp_path_factory.mktemp("status")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=60, epoch=hours_ago())) as box:
        make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        world.mine_good_and_bad()
        yield world
