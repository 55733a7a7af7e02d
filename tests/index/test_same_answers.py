"""Every command says the same with an index and without, to the byte but for the name of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.replay_kit import SAMPLE
from tests.index.kit import asked_of, said, walked, write_files


def compare(journal: Path, capsys: pytest.CaptureFixture[str], seed: int = 0, out: Path | None = None) -> int:
    """Ask everything twice; how many answers came from the index."""
    used = 0
    for name, asked in asked_of(journal, seed, out):
        alone, sources = said(asked, capsys, no_index=True)
        assert sources <= {"journal"}, name
        found, sources = said(asked, capsys, no_index=False)
        assert found == alone, name
        used += sources == {"index"}
    return used


def test_the_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recorded by the whole program."""
    assert compare(SAMPLE, capsys, out=tmp_path / "out") > 12


@pytest.mark.parametrize("seed", range(4))
def test_random_histories(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    """With crashes, gaps, moved APIs and settings that change, in files of another length each."""
    lines = walked(seed, 1_500 + 117 * seed)
    journal = write_files(tmp_path / "j", lines, each=(10_000, 64, 300, 256)[seed])
    assert compare(journal, capsys, seed, tmp_path / "out" if seed % 2 else None) > 12


@pytest.mark.parametrize("seed", [11])
def test_a_journal_that_grows_and_has_a_torn_tail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """The index follows it, whatever was asked before; half a record at its end is none."""
    lines = walked(seed, 1_500)
    for count in (200, 600, len(lines)):
        journal = write_files(tmp_path / "j", lines[:count], each=400)
        compare(journal, capsys, seed + count)
    with max(journal.glob("*.jsonl")).open("ab") as file:
        file.write(lines[-1][:100])
    assert compare(journal, capsys, seed) > 12
