"""Whether the states are the same: digests in checkpoints and cached folds beside this build's state. Pure.

A digest tells that two states differ, not where. So the last place at which they were known to be the same is kept:
the cause lies between the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from actor.machine import REDUCER, State, decode_state, encode_state, state_sha256
from audit.check.divergence import Uncompared
from events.catalogue import CheckpointSigned
from events.differences import Difference, differences
from events.journal import GENESIS, Record, Snapshot

__all__ = ["Folds", "SnapshotFound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFound:
    """What a cached fold holds beside this build's state.

    Attributes:
        state: The cached state; None when this build cannot read it.
        differences: Field by field, the cached one first.
    """

    state: State | None
    differences: tuple[Difference, ...]


class Folds:
    """The places at which states can be compared.

    Attributes:
        same_seq: The last record after which the states were known to be the same; 0 is before the first.
        checkpoints: Digests compared.
        snapshots: Cached folds compared.
        other_folds: Checkpoints that another version of the fold came to.
    """

    def __init__(self, snapshots: Iterable[Snapshot]) -> None:
        self.same_seq = 0
        self.checkpoints = 0
        self.snapshots = 0
        self.other_folds = 0
        self._snapshots = {snapshot.head.seq: snapshot for snapshot in snapshots}
        self._head = GENESIS
        self._listed = hashlib.sha256()

    def follow(self, record: Record, event: object) -> None:
        """The chain goes on with ``record``."""
        if isinstance(event, CheckpointSigned) and event.since is not None:
            self._listed = hashlib.sha256()  # the next list begins with this record's hash
        self._listed.update(record.hash.encode())
        self._head = record.head

    def chain_differences(self, state: State, event: CheckpointSigned) -> tuple[Difference, ...]:
        """What the checkpoint says otherwise of the chain than this build would, which stands at ``state``."""
        told: dict[str, object] = {"seq": event.seq, "head": event.head}
        ours: dict[str, object] = {"seq": self._head.seq, "head": self._head.hash}
        if event.since is not None:
            told |= {"since": event.since, "hashes_sha256": event.hashes_sha256}
            ours |= {"since": state.checkpoint_seq, "hashes_sha256": self._listed.hexdigest()}
        return differences(told, ours)

    def digest_differences(self, state: State, event: CheckpointSigned) -> tuple[Difference, ...]:
        """The digest beside this build's; a checkpoint of another version of the fold is only counted."""
        if event.reducer != REDUCER:
            self.other_folds += 1
            return ()
        self.checkpoints += 1
        found = differences({"state_sha256": event.state_sha256}, {"state_sha256": state_sha256(state)})
        if not found:
            self.same_seq = event.seq
        return found

    def snapshot_at(self, record: Record, state: State) -> SnapshotFound | Uncompared | None:
        """The cached fold of this record beside ``state``, the one after it; None without a cached fold."""
        snapshot = self._snapshots.pop(record.seq, None)
        if snapshot is None:
            return None
        if snapshot.head != record.head:
            return Uncompared(seq=record.seq, text="the snapshot is of another history; no start uses it")
        if snapshot.reducer != REDUCER:
            text = f"the snapshot was made by version {snapshot.reducer} of the fold, this build has {REDUCER}"
            return Uncompared(seq=record.seq, text=f"{text}: not compared")
        self.snapshots += 1
        found = _compared(snapshot.state, state)
        if found is None:
            self.same_seq = record.seq
        return found

    def left_over(self) -> Iterable[Uncompared]:
        """Cached folds behind the last record that was read."""
        for seq in sorted(self._snapshots):
            yield Uncompared(seq=seq, text="the snapshot is of a record behind the end; no start uses it")


def _compared(cached: bytes, state: State) -> SnapshotFound | None:
    """Byte by byte, and where that fails by values: another order of fields is no difference."""
    ours = encode_state(state)
    found = () if cached == ours else differences(orjson.loads(cached), orjson.loads(ours))
    if not found:
        return None
    try:
        return SnapshotFound(state=decode_state(cached), differences=found)
    except ValueError:
        return SnapshotFound(state=None, differences=found)
