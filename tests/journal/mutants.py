"""Mistakes that logs have made, as small changes of our own source, each with the test that must notice it.

A change names text that stands exactly once in one module of ``events/journal``. A check is a test function of this
folder, called directly; ``cases`` are its arguments besides the directory, where it takes any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake.

    Attributes:
        name: What a program with this mistake does.
        module: The file in events/journal.
        old: Text that stands there exactly once.
        new: What the mistake makes of it.
        check: ``test_file:test_function``.
        case: Arguments of that function besides ``tmp_path``.
    """

    name: str
    module: str
    old: str
    new: str
    check: str
    case: Mapping[str, Any] = field(default_factory=dict)


_NEVER_TRUE: Final = "if False:"

MUTANTS: Final = (
    # What is found at the end
    Mutant(
        name="zeros are read as the end of the journal",
        module="scan.py",
        old="                for line in lines_of(file):\n",
        new="                for line in lines_of(file):\n"
        "                    if line[0] == 0:\n                        return\n",
        check="test_recover:test_a_torn_tail_beyond_head_is_moved_to_quarantine",
        case={"tail": b"\0" * 700},
    ),
    Mutant(
        name="a damaged line is taken for a torn tail although a record follows",
        module="scan.py",
        old='if broken.line.endswith(b"\\n") else None\n    return None if at is None',
        new='if broken.line.endswith(b"\\n") else None\n    return None if at != -1',
        check="test_recover:test_a_record_behind_bad_bytes_is_refused",
        case={"spoil": b"\0"},
    ),
    Mutant(
        name="a damaged newline hides the record behind it",
        module="scan.py",
        old="    at = tail.find(_RECORD_START, 1)\n",
        new='    at = tail.find(b"\\n" + _RECORD_START, 1)\n',
        check="test_recover:test_a_damaged_newline_does_not_hide_the_record_behind_it",
    ),
    Mutant(
        name="the journal is cut in an earlier segment",
        module="scan.py",
        old="    if place.segment != segments[-1]:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_recover:test_bad_bytes_in_an_earlier_segment_are_refused",
    ),
    Mutant(
        name="damage below HEAD is taken for a torn tail",
        module="scan.py",
        old="    if place.head.seq < witness.seq:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_recover:test_a_torn_record_below_head_is_refused",
    ),
    Mutant(
        name="a record missing in the middle is cut off with all that follows",
        module="scan.py",
        old="is not None and seq > place.head.seq + 1:",
        new="is not None and seq < 0:",
        check="test_recover:test_a_record_missing_before_the_last_one_is_refused",
    ),
    Mutant(
        name="an end below HEAD is accepted: a rollback",
        module="recover.py",
        old="    if walk.place.head.seq < witness.place.head.seq:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_recover:test_a_clean_end_below_head_is_a_rollback",
    ),
    Mutant(
        name="a second writer's record is called a torn tail",
        module="scan.py",
        old="    if (seq := _duplicate(broken, directory, segments)) is not None:\n",
        new="    if (seq := _duplicate(broken, directory, segments)) == -1:\n",
        check="test_recover:test_two_records_in_one_place_are_a_second_writer",
    ),
    # What a record is
    Mutant(
        name="a line without its newline is a record",
        module="record.py",
        old="    if head is None:\n",
        new='    line = line.rstrip(b"\\n") + b"\\n"\n    if head is None:\n',
        check="test_record:test_every_shorter_line_is_torn",
    ),
    Mutant(
        name="the hash covers one line and not the one before",
        module="record.py",
        old="hashlib.sha256(previous.encode() + prefix)",
        new="hashlib.sha256(GENESIS.hash.encode() + prefix)",
        check="test_record:test_a_record_does_not_follow_another_head",
    ),
    Mutant(
        name="the number is not compared with the place",
        module="record.py",
        old="    if record.seq != head.seq + 1:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_record:test_a_record_does_not_follow_another_head",
    ),
    Mutant(
        name="an event that JSON changed is written",
        module="record.py",
        old="    if not same:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_checked:test_what_would_read_back_differently_is_refused",
    ),
    # What is durable when
    Mutant(
        name="a record is acknowledged before it is synced",
        module="writer.py",
        old="            self._disk.fdatasync(self._fd)\n",
        new="",
        check="test_file:test_a_record_is_synced_before_append_returns",
    ),
    Mutant(
        name="a failed sync is tried again",
        module="writer.py",
        old="            self._disk.fdatasync(self._fd)\n",
        new=(
            "            try:\n                self._disk.fdatasync(self._fd)\n"
            "            except OSError:\n                self._disk.fdatasync(self._fd)\n"
        ),
        check="test_file:test_a_failed_write_poisons_the_store",
        case={"operation": "fdatasync", "error": "io_error", "words": "EIO", "partly": False},
    ),
    Mutant(
        name="appending goes on after a failed write",
        module="file.py",
        old="        except JournalError as error:\n            self._poison = error\n",
        new="        except JournalError:\n            pass\n",
        check="test_file:test_a_failed_write_poisons_the_store",
        case={"operation": "write", "error": "no_space", "words": "ENOSPC", "partly": True},
    ),
    Mutant(
        name="the directory is not synced after a new segment",
        module="writer.py",
        old="        disk.fsync_dir(directory)\n",
        new="",
        check="test_file:test_a_new_segment_is_durable_before_its_first_record",
    ),
    Mutant(
        name="HEAD is written before the record",
        module="writer.py",
        old="            write_all(self._disk, self._fd, line)\n",
        new="            self._head.write(self.ended)\n            write_all(self._disk, self._fd, line)\n",
        check="test_file:test_a_record_is_synced_before_append_returns",
    ),
    Mutant(
        name="HEAD is not synced",
        module="head.py",
        old="        self._disk.fdatasync(self._fd)\n",
        new="",
        check="test_file:test_a_record_is_synced_before_append_returns",
    ),
    Mutant(
        name="HEAD is written over its only good slot",
        module="head.py",
        old="generation % 2 * _SLOT",
        new="0",
        check="test_head:test_a_torn_write_never_costs_the_witness_before_it",
    ),
    Mutant(
        name="the older slot of HEAD is believed",
        module="head.py",
        old="newest = max(whole",
        new="newest = min(whole",
        check="test_head:test_the_newest_slot_counts",
    ),
    Mutant(
        name="a short write is taken for a whole one",
        module="disk.py",
        old="    while written < len(data):\n",
        new="    while not written:\n",
        check="test_disk:test_short_writes_are_continued",
    ),
    Mutant(
        name="a new file takes the old one's name before its bytes are durable",
        module="disk.py",
        old="        write_all(disk, fd, data)\n        disk.fsync(fd)\n",
        new="        write_all(disk, fd, data)\n",
        check="test_disk:test_replacement_leaves_the_old_file_or_the_new",
    ),
    # What recovery does
    Mutant(
        name="bytes that only the kernel's cache holds are built upon",
        module="recover.py",
        old="        if place.head.seq > witness.place.head.seq:\n",
        new=f"        {_NEVER_TRUE}\n",
        check="test_file:test_what_no_head_vouches_for_is_written_again",
    ),
    Mutant(
        name="a torn tail is thrown away",
        module="recover.py",
        old="            move_in(disk, directory, place.segment, place.offset, tail)\n",
        new="",
        check="test_recover:test_a_torn_tail_beyond_head_is_moved_to_quarantine",
        case={"tail": b"x"},
    ),
    Mutant(
        name="a torn tail is kept before it is known to be what the disk holds",
        module="recover.py",
        old="            disk.fsync(fd)  # else",
        new="            pass  # else",
        check="test_crash_points:test_a_tail_is_synced_before_it_is_kept_and_kept_before_it_is_cut",
    ),
    # What is trusted
    Mutant(
        name="a snapshot is trusted over the record in its place",
        module="snapshot.py",
        old="    if hash_before(directory / place.segment, place.offset) != place.head.hash:\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_snapshot:test_a_snapshot_of_another_journal_is_ignored",
    ),
    Mutant(
        name="a snapshot is trusted over HEAD",
        module="snapshot.py",
        old="    if 0 < witness.head.seq <= place.head.seq",
        new="    if False",
        check="test_snapshot:test_head_must_agree_with_what_a_snapshot_skips",
    ),
    Mutant(
        name="a snapshot's checksum is not compared",
        module="snapshot.py",
        old="    if tail != _MARK + hashlib.sha256(body).hexdigest().encode() + b'\"}\\n':\n",
        new=f"    {_NEVER_TRUE}\n",
        check="test_snapshot:test_a_flip_of_any_bit_makes_it_worthless",
        case={"bit": 3},
    ),
    Mutant(
        name="a second writer's bytes are written over",
        module="writer.py",
        old="        if size != self._offset:\n",
        new=f"        {_NEVER_TRUE}\n",
        check="test_file:test_a_change_by_somebody_else_stops_the_writer",
        case={"act": "append"},
    ),
    Mutant(
        name="a journal that was moved is written on, and a copy takes its place",
        module="writer.py",
        old="        self._folder.check()\n",
        new="",
        check="test_folder:test_nothing_is_written_once_the_journal_is_another_one",
        case={"hand": "hard links", "deed": "append", "segment_bytes": 100_000},
    ),
    Mutant(
        name="a segment that was replaced is written on where nobody finds it",
        module="layout.py",
        old="        if found is None or not os.path.samestat(found, opened):\n",
        new="        if found is None:\n",
        check="test_folder:test_nothing_is_written_once_the_journal_is_another_one",
        case={"hand": "segment put anew", "deed": "witnessed append", "segment_bytes": 1},
    ),
    Mutant(
        name="a HEAD that was removed is written on",
        module="writer.py",
        old='another process changed it; stop that one, then look at `user-miner verify {self._folder.path}`"\n'
        "            )\n        self._head.check(self._folder)\n",
        new='another process changed it"\n            )\n',
        check="test_folder:test_nothing_is_written_once_the_journal_is_another_one",
        case={"hand": "no HEAD", "deed": "append", "segment_bytes": 100_000},
    ),
    Mutant(
        name="a new file is made wherever the journal's path leads",
        module="disk.py",
        old="        if self._held is None or not",
        new="        if True or self._held is None or not",
        check="test_folder:test_a_swap_in_the_midst_of_anything_leaves_the_new_folder_empty",
    ),
)
