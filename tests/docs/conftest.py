"""One recorded journal for all documents, made by the real miner against the stand-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Sandbox, SandboxConfig
from tests.world import World, bare_env, hours_ago, make_wallet

POSTS = 60


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``journal/``: three windows, with a failed attempt, a rejection and a 429 in the second."""
    folder = tmp_path_factory.mktemp("recorded")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=POSTS, epoch=hours_ago())) as box:
        make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        world.mine_good_and_bad()
        box.next_window()
        box.advance_posts(1800)
        world.mine()
    return folder


@pytest.fixture
def shell_env(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Builds the environment of a reader's shell: this project's commands in PATH, and no settings."""

    def build(**more: str) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return bare_env(PATH=path, HOME=str(tmp_path), LC_ALL="C.UTF-8") | more

    return build


@pytest.fixture
def journal(recorded: Path) -> Path:
    """The recorded journal itself."""
    (found,) = (recorded / "journal").iterdir()
    return found
