"""The journal's disk: what too little room of it makes the miner say, record and do."""

from __future__ import annotations

import pytest

from actor.machine import INITIAL, State
from actor.machine.room import DiskWatch, shortage
from events.catalogue import DiskFilled, DiskFreed
from events.codec import changed

KIB, MIB = 1 << 10, 1 << 20
FULL = changed(INITIAL, disk_full_ms=1)


def news(watch: DiskWatch, state: State, room: int | None) -> list[DiskFilled | DiskFreed]:
    """What is to be recorded."""
    return list(watch.news(state, room))


@pytest.mark.parametrize("room", [None, 4 * MIB, 4 * MIB + 1, 1 << 60])
def test_enough_room_is_no_news(room: int | None) -> None:
    """Nor is a journal that no disk holds; one that was known to be full is told of once more."""
    assert shortage(room) is None
    assert news(DiskWatch(), INITIAL, room) == []
    assert news(DiskWatch(), FULL, room) == ([] if room is None else [DiskFreed(free_bytes=room)])


@pytest.mark.parametrize("room", [64 * KIB, 3 * MIB, 4 * MIB - 1])
def test_too_little_room_is_recorded_once(room: int) -> None:
    """With the numbers; the state knows it from then on."""
    watch = DiskWatch()
    assert "KiB are left" in str(shortage(room))
    assert news(watch, INITIAL, room) == [DiskFilled(free_bytes=room, needed_bytes=4 * MIB)]
    assert news(watch, FULL, room) == []


@pytest.mark.parametrize(("then", "freed"), [(1 * MIB, False), (10 * MIB, True)])
def test_no_room_even_for_the_record_is_recorded_later(
    then: int, caplog: pytest.LogCaptureFixture, *, freed: bool
) -> None:
    """A record that the disk refuses would end the miner; the log says it at once, the journal when there is room."""
    watch = DiskWatch()
    for room in (64 * KIB - 1, 0, 0):
        assert news(watch, INITIAL, room) == []
    assert caplog.text.count("not even room for a record of it") == 1
    filled = DiskFilled(free_bytes=64 * KIB - 1, needed_bytes=4 * MIB)
    assert news(watch, INITIAL, then) == [filled, *([DiskFreed(free_bytes=then)] if freed else [])]
    assert news(watch, INITIAL if freed else FULL, then) == []
