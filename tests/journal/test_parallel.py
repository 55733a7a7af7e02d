"""verify with one process for each segment: the same report as the walk from the beginning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from events.journal import verify_journal
from tests.journal.spoiled import cut_below_head, flip, history, lose_a_segment, segments, written


def unharmed(_journal: Path) -> None:
    """Whole."""


def flip_the_first(journal: Path) -> None:
    """A bit of the first record."""
    flip(segments(journal)[0], 40)


def flip_a_last_hash(journal: Path) -> None:
    """The hash that the next segment continues."""
    flip(segments(journal)[0], segments(journal)[0].stat().st_size - 10)


def tear_the_end(journal: Path) -> None:
    """An unfinished write, beyond HEAD."""
    with segments(journal)[-1].open("ab") as file:
        file.write(b'{"seq":')


def swap_segments(journal: Path) -> None:
    """Two files bear each other's names."""
    first, second = segments(journal)[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


SPOILS = [unharmed, flip_the_first, flip_a_last_hash, tear_the_end, swap_segments, cut_below_head, lose_a_segment]


@pytest.mark.parametrize("spoil", SPOILS)
def test_the_report_is_the_same(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """Whole, damaged, torn or short: nothing is told differently, and nothing is passed over."""
    journal = written(tmp_path, history())
    spoil(journal)
    seen: list[tuple[int, int]] = []
    together = verify_journal(
        journal, on_progress=lambda done, total: seen.append((done, total)), parallel_from_bytes=0
    )
    assert together == verify_journal(journal)
    assert together.ok == (spoil in {unharmed, tear_the_end})
    assert seen[-1][1] == together.bytes
