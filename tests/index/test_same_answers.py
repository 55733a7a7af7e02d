"""Every command says the same with an index and without, to the byte but for the name of the source."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from events.journal import JournalReader
from tests.audit.replay_kit import SAMPLE
from tests.audit.walks import Walk
from tests.feedback.kit import judged, scored
from tests.index.kit import Asked, asked_of, said, walked, write_files
from user_miner.commands.audit import run_audit
from user_miner.commands.repair import run_repair
from user_miner.commands.replay import ReplayOptions, run_replay


def compare(journal: Path, capsys: pytest.CaptureFixture[str], seed: int = 0, out: Path | None = None) -> list[str]:
    """Ask everything twice; which answers came from the index."""
    used = []
    for name, asked in asked_of(journal, seed, out):
        alone, sources = said(asked, capsys, no_index=True)
        assert sources <= {"journal"}, name
        found, sources = said(asked, capsys, no_index=False)
        assert found == alone, name
        used += [name] if sources == {"index"} else []
    return used


def test_the_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recorded by the whole program."""
    assert len(compare(SAMPLE, capsys, out=tmp_path / "out")) > 12


@pytest.mark.parametrize("seed", range(4))
def test_random_histories(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    """With crashes, gaps, moved APIs and settings that change, in files of another length each."""
    lines = walked(seed, 1_500 + 117 * seed)
    journal = write_files(tmp_path / "j", lines, each=(10_000, 64, 300, 256)[seed])
    used = compare(journal, capsys, seed, tmp_path / "out" if seed % 2 else None)
    assert len(used) > 12
    kinds = ("export records", "export posts", "export windows", "export --dispute") if seed % 2 else ()
    for kind in (*kinds, "replay", "costs", "audit"):
        assert any(name.startswith(kind) for name in used), kind
    assert ("status --watch" in used) == ("status json=True" in used)


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
    assert len(compare(journal, capsys, seed)) > 12


def test_a_repaired_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was read behind the loss is in one record; the broken one, which has an index by then, is told as broken."""
    lines = walked(5, 2_000)
    journal = write_files(tmp_path / "j", lines, each=500)
    compare(journal, capsys, 5)
    hit = sorted(journal.glob("*.jsonl"))[-2]
    content = bytearray(hit.read_bytes())
    content[len(content) // 2] ^= 1
    hit.write_bytes(content)
    for name, asked in asked_of_broken(journal):
        alone, found = (said(asked, capsys, no_index=no_index) for no_index in (True, False))
        (code, printed, error), sources = found
        assert (code, printed) == alone[0][:2], name
        assert code == 1, name
        assert error.splitlines()[-1:] == alone[0][2].splitlines(), name  # before it stands that the index goes
        assert sources <= {"journal"}, name
    repaired = tmp_path / "repaired"
    assert run_repair(journal, accept_loss=True, out=repaired) == 0
    assert any(record.name == "GapDeclared" for record in JournalReader(repaired))
    assert len(compare(repaired, capsys, 5)) > 12


def asked_of_broken(journal: Path) -> list[tuple[str, Asked]]:
    """Questions whose answer needs what lies behind the damage."""

    def audit(no_index: bool) -> int:  # noqa: FBT001
        return run_audit(journal, as_json=True, since="2001-01-02", no_index=no_index)

    def replay(no_index: bool) -> int:  # noqa: FBT001
        return run_replay(journal, ReplayOptions(events=("ActorStopped",), no_index=no_index))

    return [("audit", audit), ("replay", replay)]


def test_what_validators_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Long after a post was sent, of posts that nobody sent, and of windows."""
    walk, random = Walk(9), Random(9)  # noqa: S311  (a test's draw)
    for turn in range(1_500):
        walk.turn()
        if turn % 5 == 0 and walk.state.running:
            post_id = str(random.randrange(1, walk.numbers + 10))
            passed = random.random() < 0.7
            walk.on(judged(random.choice("ABC"), post_id, passed=passed))
            walk.on(scored(random.choice("ABC"), random.randrange(70, 90), random.random()))
    journal = write_files(tmp_path / "j", walk.lines, each=700)
    assert len(compare(journal, capsys, 9, tmp_path / "out")) > 12
