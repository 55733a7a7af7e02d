"""Old versions are lifted step by step by pure functions; an artificial table stands for years of change."""

from __future__ import annotations

from typing import Any

import pytest

from events.catalogue import EVENTS
from events.upcast import UPCASTERS, VERSIONS, upcast

TABLE_VERSIONS = {"PostSeen": 3}


def _first(data: dict[str, Any]) -> dict[str, Any]:
    return {"post_id": str(data["id"])}


def _second(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "language": "en"}


TABLE = {("PostSeen", 1): _first, ("PostSeen", 2): _second}


@pytest.mark.parametrize(
    ("version", "data"), [(1, {"id": 7}), (2, {"post_id": "7"}), (3, {"post_id": "7", "language": "en"})]
)
def test_every_old_version_becomes_the_current_one(version: int, data: dict[str, Any]) -> None:
    """Steps are applied one after the other, none for the current version."""
    lifted = upcast("PostSeen", version, data, versions=TABLE_VERSIONS, upcasters=TABLE)
    assert lifted == {"post_id": "7", "language": "en"}


@pytest.mark.parametrize("version", [0, -1, 4])
def test_a_version_out_of_range_is_refused(version: int) -> None:
    """A newer build wrote it."""
    with pytest.raises(ValueError, match="reads 1 to 3: update user-miner"):
        upcast("PostSeen", version, {}, versions=TABLE_VERSIONS, upcasters=TABLE)


def test_an_unknown_event_is_refused() -> None:
    """Nothing is skipped in silence."""
    with pytest.raises(ValueError, match="unknown event 'PostHeard'"):
        upcast("PostHeard", 1, {}, versions=TABLE_VERSIONS, upcasters=TABLE)


def test_the_real_table_has_no_gap() -> None:
    """Every event has a version, and every version below it a function."""
    assert VERSIONS.keys() == EVENTS.keys()
    needed = {(name, step) for name, current in VERSIONS.items() for step in range(1, current)}
    assert needed == UPCASTERS.keys()
