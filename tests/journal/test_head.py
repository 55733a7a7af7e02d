"""HEAD: two slots in turn, each with its checksum; one may be spoiled, never both."""

from __future__ import annotations

import itertools
import json
import os
import socket
from pathlib import Path

import pytest

from events.journal import GENESIS, Head, JournalDamagedError
from events.journal.head import START, HeadFile, Place, read_witness
from tests.journal.kit import CrashError, FaultyDisk, QuickDisk, ShortDisk
from tests.journal.odd_heads import odd_slots, slot


def _place(seq: int) -> Place:
    return Place(head=Head(seq=seq, hash=f"{seq:064x}"), segment=f"{1:020d}.jsonl", offset=seq * 100)


def _written(directory: Path, *seqs: int) -> Path:
    HeadFile.create(QuickDisk(), directory)
    head = HeadFile(QuickDisk(), directory, 1)
    for seq in seqs:
        head.write(_place(seq))
    head.close()
    return directory / "HEAD"


def test_no_file_is_no_witness(tmp_path: Path) -> None:
    """Whether that is allowed is recovery's to say."""
    assert read_witness(tmp_path) is None


def test_a_new_head_speaks_of_the_empty_journal(tmp_path: Path) -> None:
    """In both slots, so that the first real one cannot spoil it."""
    path = _written(tmp_path)
    witness = read_witness(tmp_path)
    assert witness is not None
    assert (witness.place, witness.damaged) == (START, 0)
    assert START.head == GENESIS
    assert path.stat().st_size == 1024


def test_the_newest_slot_counts(tmp_path: Path) -> None:
    """Whatever the number of writes."""
    for count in range(1, 6):
        _written(tmp_path, *range(1, count + 1))
        witness = read_witness(tmp_path)
        assert witness is not None
        assert witness.place == _place(count)


@pytest.mark.parametrize("bit", range(8))
def test_any_flipped_bit_spoils_one_slot_and_the_other_one_answers(tmp_path: Path, bit: int) -> None:
    """Padding included: nothing in HEAD may change unnoticed."""
    path = _written(tmp_path, 4, 5)
    whole = path.read_bytes()
    for at in range(len(whole)):
        bad = bytearray(whole)
        bad[at] ^= 1 << bit
        path.write_bytes(bad)
        witness = read_witness(tmp_path)
        assert witness is not None
        assert witness.damaged == 1
        assert witness.place == _place(4 if at >= 512 else 5)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    """Below one slot nothing is left to believe."""
    path = _written(tmp_path, 4, 5)
    whole = path.read_bytes()
    for length in range(1024):
        path.write_bytes(whole[:length])
        if length < 512:
            with pytest.raises(JournalDamagedError, match="both slots are damaged"):
                read_witness(tmp_path)
        else:
            witness = read_witness(tmp_path)
            assert witness is not None
            assert witness.damaged == 1


def test_a_torn_write_never_costs_the_witness_before_it(tmp_path: Path) -> None:
    """The slot of the newest witness is not the one being written."""
    for earlier, fail_at, partly in itertools.product([(4, 5), (3, 4, 5)], range(1, 4), (False, True)):
        _written(tmp_path, *earlier)
        head = HeadFile(QuickDisk(), tmp_path, 1 + len(earlier))
        head._disk = FaultyDisk(fail_at, partly=partly)
        if fail_at < 3:
            with pytest.raises(CrashError):
                head.write(_place(6))
        else:
            head.write(_place(6))
        head.close()
        witness = read_witness(tmp_path)
        assert witness is not None
        assert witness.place.head.seq in {5, 6}


def test_short_writes_make_a_whole_slot(tmp_path: Path) -> None:
    """The loop goes on until 512 bytes are there."""
    HeadFile.create(ShortDisk(), tmp_path)
    head = HeadFile(ShortDisk(), tmp_path, 1)
    head.write(_place(9))
    head.close()
    witness = read_witness(tmp_path)
    assert witness is not None
    assert witness.place == _place(9)


@pytest.mark.parametrize("content", [b"", b" " * 1024, b"\0" * 1024, b"null\n" * 300, b"[1]" * 400])
def test_what_is_no_head_is_refused_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    """Never taken for an empty journal."""
    (tmp_path / "HEAD").write_bytes(content)
    with pytest.raises(JournalDamagedError, match=r"nothing was changed.*user-miner repair .* --accept-loss"):
        read_witness(tmp_path)


def test_a_slot_that_no_writer_makes_is_unreadable(tmp_path: Path) -> None:
    """Whatever its checksum: alone it is made up for by the other slot, twice it is no HEAD."""
    path = _written(tmp_path, 4, 5)
    older, newer = path.read_bytes()[:512], path.read_bytes()[512:]
    fields = {name: value for name, value in json.loads(newer).items() if name != "sha256"}
    if fields["generation"] < json.loads(older)["generation"]:
        older, newer = newer, older
        fields = {name: value for name, value in json.loads(newer).items() if name != "sha256"}
    assert slot(fields) == newer
    cases = list(odd_slots(fields))
    for name, odd in cases:
        assert len(odd) == 512, name
        for content in (odd + older, older + odd):
            path.write_bytes(content)
            witness = read_witness(tmp_path)
            assert witness is not None, name
            assert (witness.damaged, witness.place) == (1, _place(4)), name
        path.write_bytes(odd + odd)
        with pytest.raises(JournalDamagedError, match=r"both slots are damaged.*--accept-loss"):
            read_witness(tmp_path)
    path.write_bytes(slot({**fields, "generation": 2**63 - 1}) + older)
    witness = read_witness(tmp_path)
    assert witness is not None
    assert (witness.damaged, witness.generation) == (0, 2**63 - 1)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe without a writer would hold up every reader, and a device may never end."""
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    if kind == "pipe":
        os.mkfifo("HEAD")
    elif kind == "device":
        (tmp_path / "HEAD").symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("HEAD")
    with pytest.raises((JournalDamagedError, OSError), match=r"no regular file|No such device"):
        read_witness(tmp_path)


def test_what_follows_the_slots_is_not_read(tmp_path: Path) -> None:
    """However much it is, as when a disk lost the file's size."""
    path = _written(tmp_path, 4, 5)
    os.truncate(path, 1 << 38)
    witness = read_witness(tmp_path)
    assert witness is not None
    assert (witness.damaged, witness.place) == (0, _place(5))


def test_a_folder_in_its_place_is_no_file(tmp_path: Path) -> None:
    """The line names HEAD and the way out."""
    (tmp_path / "HEAD").mkdir()
    with pytest.raises(JournalDamagedError, match=r"HEAD is no regular file.*--accept-loss"):
        read_witness(tmp_path)
