"""Fixtures of the testing kit's own tests."""

from __future__ import annotations

import pytest

from actor.testing import Scenario
from actor.testing.scenario import Moment
from tests.testing.kit import SAMPLE


@pytest.fixture(scope="session")
def sample() -> Scenario:
    """The recorded sample."""
    return Scenario.load(SAMPLE)


@pytest.fixture(scope="session")
def moments(sample: Scenario) -> list[Moment]:
    """Its steps between this build's states."""
    return sample.moments()
