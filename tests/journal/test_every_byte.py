"""Invariant I8: a journal of several segments, cut at every byte and with every bit flipped once.

Each case is classified as the table says: a torn tail beyond HEAD is repaired and keeps every record before it, all
other damage is refused. No case is accepted in silence.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from events.journal import JournalDamagedError, RolledBackError, verify_journal
from tests.journal.damage import examine_quietly, spans
from tests.journal.kit import build, reopen, segments

COUNT = 9
WITNESSED = 7


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Nine records in three segments; HEAD vouches for the first of the three in the last one."""
    build(tmp_path / "j", COUNT, witness_at=[WITNESSED], segment_bytes=800)
    assert [int(path.stem) for path in segments(tmp_path / "j")] == [1, 4, WITNESSED]
    assert len(list(spans(tmp_path / "j"))) == COUNT
    return tmp_path / "j"


def test_every_flipped_bit_is_refused_or_is_a_torn_tail(journal: Path) -> None:
    """Repaired only in the last record, and only because HEAD does not vouch for it."""
    cases = repaired = 0
    for span in list(spans(journal)):
        fd = os.open(span.path, os.O_RDWR)
        for at in range(span.start, span.end):
            (byte,) = os.pread(fd, 1, at)
            for bit in range(8):
                os.pwrite(fd, bytes([byte ^ 1 << bit]), at)
                cases += 1
                if span.number < COUNT:
                    with pytest.raises(JournalDamagedError):
                        examine_quietly(journal)
                else:
                    found = examine_quietly(journal)
                    assert found.torn is not None
                    assert (found.place.head.seq, found.place.offset) == (COUNT - 1, span.start)
                    repaired += 1
            os.pwrite(fd, bytes([byte]), at)
        os.close(fd)
    assert cases == 8 * sum(path.stat().st_size for path in segments(journal))
    assert 0 < repaired < cases
    assert examine_quietly(journal).torn is None


def test_every_flip_in_a_witnessed_journal_is_refused(journal: Path) -> None:
    """After a clean start HEAD vouches for all of it: nothing is a torn tail any more."""
    reopen(journal)
    span = list(spans(journal))[-1]
    whole = span.path.read_bytes()
    for at in range(span.start, span.end):
        bad = bytearray(whole)
        bad[at] ^= 1 << at % 8
        span.path.write_bytes(bad)
        with pytest.raises(JournalDamagedError):
            examine_quietly(journal)


def test_the_file_cut_at_every_byte(journal: Path) -> None:
    """Beyond HEAD the whole records stay and the rest is quarantined; below it the cut is refused."""
    records = list(spans(journal))
    last = records[-1].path
    whole = last.read_bytes()
    head, slots = journal / "HEAD", (journal / "HEAD").read_bytes()
    for length in range(len(whole)):
        last.write_bytes(whole[:length])
        head.write_bytes(slots)
        kept = [span for span in records if span.path != last or span.end <= length]
        torn = length - max([span.end for span in kept if span.path == last], default=0)
        if len(kept) < WITNESSED:
            with pytest.raises(JournalDamagedError):
                reopen(journal)
            assert last.read_bytes() == whole[:length]
            continue
        lease, found = reopen(journal)
        assert found == [span.number for span in kept]
        assert last.stat().st_size == length - torn
        assert [repair.length for repair in lease.repairs if repair.offset == length - torn][-1:] == [torn][
            : bool(torn)
        ]
        for path in (journal / "quarantine").glob("*.bin"):
            path.unlink()


def test_earlier_segments_cut_at_every_byte_are_refused(journal: Path) -> None:
    """Even to nothing, even at a record's end."""
    for path in segments(journal)[:-1]:
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(JournalDamagedError):
                examine_quietly(journal)
            assert not verify_journal(journal).ok
        path.write_bytes(whole)
    assert examine_quietly(journal).place.head.seq == COUNT


def test_every_sector_of_zeros_is_refused_or_torn(journal: Path) -> None:
    """What a disk that lost a block reads as: 64 bytes of nothing, anywhere."""
    for span in list(spans(journal)):
        whole = span.path.read_bytes()
        for at in range(0, len(whole), 16):
            block = whole[at : at + 64]
            span.path.write_bytes(whole[:at] + b"\0" * len(block) + whole[at + 64 :])
            try:
                found = examine_quietly(journal)
            except JournalDamagedError:
                continue
            assert found.torn is not None
            assert WITNESSED <= found.place.head.seq < COUNT
        span.path.write_bytes(whole)


def test_records_removed_swapped_or_repeated_are_refused(journal: Path) -> None:
    """Reordering and deletion break the chain as damage does."""
    for path in segments(journal):
        lines = path.read_bytes().splitlines(keepends=True)
        for i in range(len(lines) - 1):
            for changed in (
                lines[:i] + lines[i + 1 :],
                [*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]],
                [*lines[: i + 1], *lines[i:]],
            ):
                path.write_bytes(b"".join(changed))
                with pytest.raises(JournalDamagedError):
                    examine_quietly(journal)
        path.write_bytes(b"".join(lines))


def test_a_cut_at_a_records_end_below_head_is_a_rollback(journal: Path) -> None:
    """No byte is bad, and still it is refused."""
    records = list(spans(journal))
    for path in reversed(segments(journal)):
        for span in [span for span in reversed(records) if span.path == path]:
            os.truncate(path, span.start)
            if span.number > WITNESSED:
                assert examine_quietly(journal).place.head.seq == span.number - 1
            else:
                with pytest.raises(RolledBackError):
                    examine_quietly(journal)
        if path != segments(journal)[0]:
            path.unlink()
