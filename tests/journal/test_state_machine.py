"""Any order of appends, rotations, snapshots, clean stops, kills, torn tails and damage, against a plain list."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from events.journal import FileJournal, JournalDamagedError, Lease, Snapshot, read_journal
from tests.journal.kit import abandon, draft, file_journal, numbers, run, segments


class JournalMachine(RuleBasedStateMachine):
    """The model is the list of numbers that were acknowledged, and how many of them HEAD vouches for."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.directory = self.place / "j"
        self.model: list[int] = []
        self.witnessed = 0
        self.journal: FileJournal | None = None
        self.lease: Lease | None = None

    def teardown(self) -> None:
        """Close everything."""
        self._kill()
        shutil.rmtree(self.place)

    @initialize(size=st.sampled_from([1, 400, 1_000, 100_000]))
    def start(self, size: int) -> None:
        """The first start, with segments of some size."""
        self.size = size
        self._open()

    @precondition(lambda self: self.journal is not None)
    @rule(count=st.integers(1, 4), witness=st.booleans())
    def append(self, count: int, *, witness: bool) -> None:
        """Some records; the last one may be witnessed."""
        assert self.journal is not None
        for left in range(count, 0, -1):
            number = len(self.model) + 1
            run(self.journal.append(draft(number), witness=witness and left == 1))
            self.model.append(number)
        if witness:
            self.witnessed = len(self.model)

    @precondition(lambda self: self.journal is not None and self.model)
    @rule()
    def snapshot(self) -> None:
        """A fold of everything so far."""
        assert self.journal is not None
        head = list(read_journal(self.directory))[-1].head
        run(self.journal.save_snapshot(Snapshot(head=head, reducer=1, state=b"%d" % len(self.model))))

    @precondition(lambda self: self.journal is not None)
    @rule()
    def stop(self) -> None:
        """Cleanly: HEAD vouches for all of it."""
        assert self.journal is not None
        run(self.journal.release())
        self.witnessed = len(self.model)
        self.journal = None

    @rule()
    def kill(self) -> None:
        """At any time."""
        self._kill()

    @precondition(lambda self: self.journal is None)
    @rule(tail=st.binary(min_size=1, max_size=40).filter(lambda tail: tail != b""))
    def tear(self, tail: bytes) -> None:
        """An interrupted write is left at the end, and repaired at the start."""
        with segments(self.directory)[-1].open("ab") as file:
            file.write(tail)
        self._open()
        assert self.lease is not None
        (repair,) = self.lease.repairs
        assert (self.directory / "quarantine" / repair.quarantine).read_bytes() == tail
        self._declare()

    @precondition(lambda self: self.journal is None and self.witnessed)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """A witnessed byte changes: refused, and nothing is touched; then it is put right."""
        whole = {path: path.read_bytes() for path in segments(self.directory)}
        path = data.draw(st.sampled_from([path for path in whole if whole[path] and int(path.stem) <= self.witnessed]))
        lines = whole[path].splitlines(keepends=True)[: self.witnessed - int(path.stem) + 1]
        at = data.draw(st.integers(0, sum(map(len, lines)) - 1))
        bad = bytearray(whole[path])
        bad[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bad)
        shutil.rmtree(self.directory / "snapshots", ignore_errors=True)
        with pytest.raises(JournalDamagedError):
            self._open()
        assert path.read_bytes() == bad
        path.write_bytes(whole[path])

    @precondition(lambda self: self.journal is None)
    @rule()
    def open(self) -> None:
        """A start after whatever came before."""
        self._open()

    @invariant()
    def nothing_is_lost_or_invented(self) -> None:
        """A reader sees the model."""
        if self.directory.exists() and segments(self.directory):
            assert numbers(read_journal(self.directory)) == self.model

    def _open(self) -> None:
        journal = file_journal(self.directory, segment_bytes=self.size)
        self.lease = run(journal.take(reducer=1))
        self.journal = journal
        self.witnessed = len(self.model)
        assert self.lease.head.seq == len(self.model)
        if self.lease.snapshot is not None:
            assert self.lease.snapshot.state == b"%d" % self.lease.snapshot.head.seq

    def _declare(self) -> None:
        assert self.journal is not None
        assert self.lease is not None
        for repair in self.lease.repairs:
            number = len(self.model) + 1
            run(self.journal.append(draft(number, repair)))
            self.model.append(number)

    def _kill(self) -> None:
        if self.journal is not None:
            abandon(self.journal)
            self.journal = None


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=40, stateful_step_count=25)
