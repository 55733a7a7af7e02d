"""Invariant I8 on a model disk: the power goes at every operation, and of what was not synced any part may be lost.

Acknowledged ⊆ recovered ⊆ attempted, also when the recovery itself is interrupted in the same way. `make sweep` plays
every subset and every operation of the recovery; here it is a few of each.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random

from events.journal import JournalError
from tests.journal.power import Told, check, crashes_of_a_life, live, lose_power, subsets
from user_miner.simulation.model_disk import ModelDisk

IMAGES = 4
LIVES = 3


def test_power_lost_at_every_operation(tmp_path: Path) -> None:
    """And again in the middle of the recovery, and once more after it."""
    crashes = crashes_of_a_life(tmp_path / "life")
    assert crashes > 40
    for crash_at in range(1, crashes + 1):
        folder = tmp_path / str(crash_at)
        folder.mkdir()
        counts = lose_power(folder, crash_at, images=IMAGES, recovery_images=0)
        assert counts.images == counts.recoveries <= IMAGES


def test_a_sync_that_fails_and_then_lies(tmp_path: Path) -> None:
    """The kernel forgets what it could not write; the process starts again, goes on, and then the power goes."""
    lying = 0
    while True:
        lying += 1
        told = Told()
        root = tmp_path / str(lying)
        root.mkdir()
        disk = ModelDisk(root, lying_sync=lying)
        for life in range(LIVES):
            with contextlib.suppress(JournalError):
                live(disk, 100 + 100 * life, told)
        rng = Random(lying)  # noqa: S311  (a seeded choice of cases)
        for number, chosen in enumerate(subsets(disk.choices(), IMAGES, rng)):
            left = tmp_path / f"{lying}-{number}"
            disk.image(left, chosen)
            check(left, told)
        if disk.syncs < lying:
            break
    assert lying > 20


def test_every_subset_is_played_where_they_are_few() -> None:
    """And beyond that none, all and a sample."""
    rng = Random(1)  # noqa: S311  (a seeded choice of cases)
    assert sorted(subsets(2, 4, rng)) == [(False, False), (False, True), (True, False), (True, True)]
    assert list(subsets(0, 4, rng)) == [()]
    many = list(subsets(9, 5, rng))
    assert len(many) == 5
    assert many[:2] == [(False,) * 9, (True,) * 9]
