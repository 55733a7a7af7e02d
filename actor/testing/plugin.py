"""The pytest plugin of the testing kit: loaded into every test run of an environment that has user-miner.

It imports nothing of the miner before a test asks for one of its fixtures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actor.testing.clock import VirtualClock
    from actor.testing.drive import MachineDrive
    from actor.testing.scenario import Scenario
    from actor.testing.world import ActorWorld

__all__ = [
    "actor_world",
    "machine",
    "pytest_addoption",
    "pytest_configure",
    "scenario",
    "transcript",
    "virtual_clock",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--rewrite-transcripts``."""
    group = parser.getgroup("user-miner", "the testing kit of user-miner")
    group.addoption(
        "--rewrite-transcripts",
        action="store_true",
        help="write what happens into golden transcripts instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker that tells `scenario` what to load."""
    config.addinivalue_line(
        "markers",
        "scenario(journal, *, window=None, post=None, until=None): the recorded journal that the fixture `scenario` "
        "gives, whole or a slice of it; the path is relative to the test's file",
    )


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """A clock that stands still until it is moved."""
    from actor.testing.clock import VirtualClock  # noqa: PLC0415

    return VirtualClock()


@pytest.fixture
def machine() -> MachineDrive:
    """The pure machine, on an empty journal."""
    from actor.testing.drive import MachineDrive  # noqa: PLC0415

    return MachineDrive()


@pytest.fixture
def actor_world(virtual_clock: VirtualClock) -> Callable[..., ActorWorld]:
    """Makes a whole actor and its worlds, on ``virtual_clock``; takes what `ActorWorld` takes."""
    from actor.testing.world import ActorWorld  # noqa: PLC0415

    def make(*args: Any, **kwargs: Any) -> ActorWorld:
        return ActorWorld(*args, **{"clock": virtual_clock, **kwargs})

    return make


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """The recorded journal that the test's marker ``scenario`` names."""
    marker = request.node.get_closest_marker("scenario")
    if marker is None or len(marker.args) != 1 or not set(marker.kwargs) <= {"window", "post", "until"}:
        raise pytest.UsageError(
            f'{request.node.nodeid} needs a marker like @pytest.mark.scenario("journal", window=812)'
        )
    whole = _load(request.path.parent / marker.args[0])
    for how, which in marker.kwargs.items():
        whole = getattr(whole, how)(which)
    return whole


@cache
def _load(journal: Path) -> Scenario:
    from actor.testing.scenario import Scenario  # noqa: PLC0415

    return Scenario.load(journal)


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Callable[[Path | str], None]:
    """Checks a golden transcript, its path relative to the test's file; rewrites it under --rewrite-transcripts."""
    from actor.testing.transcript import check_transcript  # noqa: PLC0415

    rewrite: bool = request.config.getoption("--rewrite-transcripts")
    return lambda path: check_transcript(request.path.parent / path, rewrite=rewrite)
