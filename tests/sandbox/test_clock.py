"""The clocks: blocks by time or by hand, and the time that posts come by."""

from __future__ import annotations

import pytest

from sandbox.http.clock import BlockClock, PostClock


class _Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _clock(seconds: float | None, time: _Time) -> BlockClock:
    return BlockClock(start_block=95, blocks_per_window=10, seconds_per_block=seconds, monotonic=time)


def test_blocks_follow_time() -> None:
    """Blocks come at the speed, and a change of speed keeps the block."""
    time = _Time()
    clock = _clock(2.0, time)
    time.now += 9
    assert clock.block == 99
    clock.speed(0.5)
    assert clock.block == 99
    time.now += 1
    assert clock.block == 101


def test_frozen_blocks_move_by_hand() -> None:
    """A frozen clock ignores time; jumps and advances move it, and it can run again from there."""
    time = _Time()
    clock = _clock(None, time)
    time.now += 1_000
    assert clock.block == 95
    clock.advance(5)
    assert (clock.block, clock.window(clock.block)) == (100, 10)
    clock.jump(7)
    clock.speed(1.0)
    time.now += 2
    assert clock.block == 9


def test_window_numbers_agree() -> None:
    """Fields of a block in the middle of a window, and the wait until the next at the nominal speed."""
    clock = _clock(None, _Time())
    assert clock.fields(95) == {
        "current_block": 95,
        "window_start_block": 90,
        "window_end_block": 99,
        "next_window_start_block": 100,
        "blocks_per_window": 10,
        "current_window": 9,
    }
    assert clock.seconds(5) == 60


def test_impossible_settings_are_refused() -> None:
    """Negative blocks and speeds that are not positive raise."""
    clock = _clock(None, _Time())
    with pytest.raises(ValueError, match="start at 0"):
        clock.jump(-1)
    with pytest.raises(ValueError, match="positive"):
        clock.speed(0)


def test_post_time_stands_still_in_manual_mode() -> None:
    """In manual mode the posts' time moves by hand only; otherwise it follows the wall from the epoch on."""
    time = _Time()
    still = PostClock(wall=time, epoch=None, manual=True)
    running = PostClock(wall=time, epoch=5_000.0, manual=False)
    time.now += 10
    assert (still.now(), running.now()) == (100.0, 5_010.0)
    still.advance(3)
    assert still.now() == 103.0
