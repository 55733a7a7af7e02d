"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from sandbox import Sandbox, SandboxConfig
from tests.world import PLACES, World, make_wallet

if TYPE_CHECKING:
    from tests.postgres import Server

_NUMBERS = count()

# No example fails for a slow machine. Where a test fails, the line that repeats it is printed.
settings.register_profile(
    "patient", parent=settings(), deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _all_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of everybody's places, and those of what several tests share."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("places")
        _set_places(patch, folder / "shared")
        yield folder


@pytest.fixture(autouse=True)
def _own_places(_all_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The miners of one test find each other, and no others: a later sandbox may get an earlier one's port."""
    _set_places(monkeypatch, _all_places / str(next(_NUMBERS)))


def _set_places(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in PLACES:
        place = folder / name.lower()
        place.mkdir(parents=True)
        patch.setenv(name, str(place))


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell lets what it starts behind "&" ignore SIGINT, and every process that a test starts would do so too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Build a world with five posts at X and a block clock moved by hand; arguments go to SandboxConfig."""
    with ExitStack() as stack:

        def make(*, posts: int = 5, **config: Any) -> World:
            settings = {"seconds_per_block": None, "corpus_size": 0, **config}
            box = stack.enter_context(Sandbox(SandboxConfig(**settings)))
            for number in range(posts):
                box.add_post(f"Bittensor SN45 keeps shipping, part {number}")
            if not (tmp_path / "wallets").exists():
                make_wallet(tmp_path / "wallets")
            return World(folder=tmp_path, sandbox=box)

        yield make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The plain world."""
    return make_world()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A database server, for those that ask for one."""
    from tests.postgres import started  # noqa: PLC0415  (most sessions need none of it)

    with started() as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> str:
    """The URL of a database without any table."""
    return postgres.new_database()
