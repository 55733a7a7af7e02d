"""Feeds recorded events to this build's machine and says where the two part. Pure: records in, divergences out.

After a divergence the checker goes on from what the journal says: its state's name, and a cached fold where there is
one. So later divergences may follow from the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from actor.machine import INITIAL
from audit.check.asked import WantedLately
from audit.check.compare import FOLD, Case, cause, diverge, divergences, failure, stepped
from audit.check.divergence import Divergence, Uncompared
from audit.check.folds import Folds, SnapshotFound
from audit.check.waits import Waits
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from events.describe import describe
from events.journal import Record, Snapshot

__all__ = ["Checked", "Checker"]

_BEFORE_A_START: Final = (ev.JournalCreated, ev.ApiMoved, ev.TailRepaired, ev.GapDeclared)
_BETWEEN_RUNS: Final = (*_BEFORE_A_START, ev.ActorStarted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at.

    Attributes:
        records: Records read.
        agreed: Those of them at which nothing diverged.
        windows: Windows worked on, by this build's count.
        builds: How often each build took the journal.
        effects: Outcomes that were matched with an effect that this build wanted.
        checkpoints: Digests compared.
        other_folds: Digests not compared, for they are of another version of the fold.
        snapshots: Cached folds compared.
        notes: What else could not be compared.
    """

    records: int
    agreed: int
    windows: int
    builds: Mapping[str, int]
    effects: int
    checkpoints: int
    other_folds: int
    snapshots: int
    notes: tuple[Uncompared, ...]


class Checker:
    """One journal, from its first record on.

    Args:
        snapshots: The cached folds beside it.
    """

    def __init__(self, snapshots: Iterable[Snapshot] = ()) -> None:
        self._state = INITIAL
        self._asked = WantedLately()
        self._waits = Waits()
        self._folds = Folds(snapshots)
        self._builds: Counter[str] = Counter()
        self._records = self._agreed = self._effects = 0
        self._notes: list[Uncompared] = []

    def feed(self, record: Record) -> Divergence | None:
        """Compare the next record; the first thing in which the two disagree about it, or None."""
        self._records += 1
        try:
            event = record.event()
        except ValueError as error:
            return self._pass_over(record, error)
        found = self._compare(record, event)
        self._agreed += found is None
        return None if found is None else replace(found, text=describe(event))

    def finish(self) -> Iterator[Divergence]:
        """What only the whole journal shows; call it once, behind the last record."""
        self._notes += self._folds.left_over()
        for wait in self._waits.late():
            yield Divergence(
                seq=wait.seq,
                at_ms=wait.at_ms,
                event="BackoffElapsed",
                kind="late",
                reason=f"after {wait.behind} this build waits {wait.wait_s:g} s; no such wait was less than "
                f"{wait.least_late_ms / 1000:.1f} s longer, and {wait.alike} were just that, first until this record",
                agreed=min(self._agreed, wait.seq - 1),
                rule="rule 1, or the wait after a crash (actor.machine.reduce)",
            )

    def checked(self) -> Checked:
        return Checked(
            records=self._records,
            agreed=self._agreed,
            windows=self._state.totals.windows,
            builds=dict(self._builds),
            effects=self._effects,
            checkpoints=self._folds.checkpoints,
            other_folds=self._folds.other_folds,
            snapshots=self._folds.snapshots,
            notes=tuple(self._notes),
        )

    def _compare(self, record: Record, event: ev.Event) -> Divergence | None:
        if isinstance(event, _BETWEEN_RUNS):
            self._asked.begin()
            self._waits.begin(event)
        if isinstance(event, ev.ActorStarted):
            self._builds[event.build] += 1
        case = self._case(record, event)
        found = next(divergences(case), None)
        if isinstance(case.effect, ef.EndBackoff):
            self._waits.ended(case.effect, record)
        self._effects += case.effect is not None
        self._state = changed(case.stepped.after or case.before, state=record.dest)
        self._folds.follow(record, event)
        found = self._compare_snapshot(record, found)
        return self._look_ahead(case, found)

    def _case(self, record: Record, event: ev.Event) -> Case:
        before = changed(self._state, state=record.source)
        return Case(
            record=record,
            event=event,
            state=self._state.state,
            before=before,
            stepped=stepped(before, event, record.at_ms),
            effect=self._asked.behind(event),
            asked=self._asked,
            waits=self._waits,
            folds=self._folds,
            agreed=self._agreed,
        )

    def _compare_snapshot(self, record: Record, found: Divergence | None) -> Divergence | None:
        same_seq = self._folds.same_seq
        snapshot = self._folds.snapshot_at(record, self._state)
        if isinstance(snapshot, Uncompared):
            self._notes.append(snapshot)
        if not isinstance(snapshot, SnapshotFound):
            return found
        self._state = snapshot.state or self._state
        reason = f"the snapshot of record {record.seq} holds another state; {cause(same_seq, record.seq)}"
        return found or diverge(
            record,
            "snapshot",
            reason,
            agreed=self._agreed,
            asked=self._asked,
            rule=FOLD,
            differences=snapshot.differences,
            same_seq=same_seq,
        )

    def _look_ahead(self, case: Case, found: Divergence | None) -> Divergence | None:
        """Take down what this build wants now, against which the next records are held; nobody asks before a start."""
        try:
            if not isinstance(case.event, _BEFORE_A_START):
                self._asked.note(self._state, case.record.seq)
        except Exception as error:  # noqa: BLE001  (a build on trial may break in any way)
            reason = f"this build breaks when it is asked what it wants after it: {failure(error)}"
            found = found or diverge(case.record, "broken", reason, agreed=self._agreed, asked=self._asked)
        self._waits.note(case.event, case.effect, case.record, self._asked.wanted)
        return found

    def _pass_over(self, record: Record, error: ValueError) -> Divergence:
        """Nothing but the name of the next state can be taken from a record that this build cannot read."""
        self._state = changed(self._state, state=record.dest)
        self._folds.follow(record, None)
        self._waits.begin()  # it may have been the decision that was waited for
        text = str(error).removeprefix(f"record {record.seq}: ")
        reason = f"this build cannot read it: {text}"
        return diverge(record, "unreadable", reason, agreed=self._agreed, asked=self._asked)
