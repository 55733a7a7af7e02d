"""Does this hotkey vouch for this history? Signed checkpoints against the chain and each other, then their states.

Signatures come first, for whoever made all hashes anew lacks the key; another version of the fold is another matter.

Needs no wallet: a third party has the journal's files, the ss58 address, and perhaps a checkpoint that was kept
elsewhere. The signature check itself is handed in, so that readers know no wallet library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from actor.machine import INITIAL, REDUCER, state_sha256
from actor.machine.history import FoldError, folded
from events.catalogue import CheckpointSigned, Event, JournalCreated
from events.codec import decode_as
from events.journal.record import GENESIS, Head, Record, checkpoint_message
from events.named_file import read_named
from events.upcast import upcast

__all__ = ["KeptError", "SignatureCheck", "States", "Vouched", "compare_states", "is_signed", "read_kept", "vouch"]

_READ: Final = frozenset({JournalCreated.__name__, CheckpointSigned.__name__})  # others are not decoded

_LARGEST_KEPT: Final = 1 << 20

# (address, message, signature) -> whether the address signed the message
SignatureCheck: TypeAlias = Callable[[str, bytes, bytes], bool]


class KeptError(ValueError):
    """A file that should hold a checkpoint does not; one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the signatures of the checkpoints prove.

    Attributes:
        hotkey: The address that was asked for, else the one that the journal's first record names; empty without one.
        checkpoints: How many stand in the journal.
        through_seq: The last record that a good checkpoint covers; 0 for none.
        after: Records behind that one: written, chained, but not yet vouched for.
        other_folds: Checkpoints whose state another version of the fold came to; it is signed, but not compared.
        findings: Every checkpoint or record that contradicts another, one line each.
        incomparable: Why the kept checkpoint tells nothing of this journal; None when it does, or when there is none.
    """

    hotkey: str
    checkpoints: int
    through_seq: int
    after: int
    other_folds: int
    findings: tuple[str, ...]
    incomparable: str | None = None

    @property
    def ok(self) -> bool:
        """Nothing contradicts a signature; whether there is one, ``checkpoints`` tells."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Whether the states that were signed are those that this build folds the records to.

    Attributes:
        compared: Checkpoints of this version of the fold.
        findings: Those of them whose state is another one.
        not_followed: Where and why this build does not follow the records, which tells nothing of signatures; None
            when it follows them to the end.
    """

    compared: int
    findings: tuple[str, ...]
    not_followed: str | None


def read_kept(path: Path) -> CheckpointSigned:
    """A checkpoint kept elsewhere: its journal record, or only the record's ``data``, as one JSON object.

    The version of data alone is told by its fields, which grew with each.

    Raises:
        KeptError: The file holds something else.
    """
    try:
        text = read_named(path, _LARGEST_KEPT + 1)
        if len(text) > _LARGEST_KEPT:
            raise ValueError(f"it is longer than {_LARGEST_KEPT >> 20} MiB")  # a device may never end
        content = orjson.loads(text)
        data = content["data"] if isinstance(content, dict) and "data" in content else content
        if not isinstance(data, dict):
            raise ValueError("expected one JSON object")  # noqa: TRY004  (told like any other content, below)
        return decode_as(CheckpointSigned, upcast("CheckpointSigned", _version(data), data))
    except OSError as error:
        raise KeptError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise KeptError(f"{path} holds no checkpoint: {error}") from error


def _version(data: Mapping[str, object]) -> int:
    return 1 if "since" not in data else 2 if "journal" not in data else 3


def vouch(
    records: Iterable[Record],
    is_signed_by: SignatureCheck,
    *,
    hotkey: str | None = None,
    kept: CheckpointSigned | None = None,
) -> Vouched:
    """Check the signature of every checkpoint of a journal, and of one that was kept elsewhere. Folds nothing.

    Args:
        records: The journal from its first record on.
        is_signed_by: The signature check.
        hotkey: The ss58 address that must have signed; None takes the one that the first record names.
        kept: A checkpoint from elsewhere: the journal must still hold the record that it speaks of.

    Raises:
        FoldError: This build cannot read a checkpoint, which tells nothing of its signature.
    """
    findings: list[str] = []
    checkpoints = through = seq = other_folds = 0
    listed = _Listed()
    before: Head = GENESIS
    first: str | None = None
    kept_head: str | None = None
    incomparable: str | None = None
    address = hotkey or ""
    for record in records:
        first = first or record.hash
        event = _event(record) if record.name in _READ else None
        if isinstance(event, JournalCreated):
            address = address or event.hotkey
            findings += (
                [] if event.hotkey == address else [f"record {record.seq}: this journal belongs to {event.hotkey}"]
            )
        if isinstance(event, CheckpointSigned):
            checkpoints += 1
            other_folds += event.reducer != REDUCER
            wrong = [*_wrong(event, before, address, is_signed_by), *_wrong_journal(event, first), *listed.wrong(event)]
            findings += [f"record {record.seq}: {reason}" for reason in wrong]
            through = through if wrong else event.seq
        if kept is not None and record.seq == kept.seq:
            kept_head = record.hash
        listed.add(record)
        before, seq = record.head, record.seq
    if kept is not None and not is_signed(kept, address, is_signed_by):
        findings.append(f"the kept checkpoint is not signed by {address}, so it proves nothing")
    elif kept is not None:
        incomparable = _incomparable(kept, kept_head)
        findings += [] if incomparable else _wrong_kept(kept, first, kept_head, seq)
    if hotkey is not None and not checkpoints:
        findings.append("no checkpoint was signed, so nothing proves this history")
    return Vouched(
        hotkey=address,
        checkpoints=checkpoints,
        through_seq=through,
        after=seq - through,
        other_folds=other_folds,
        findings=tuple(findings),
        incomparable=incomparable,
    )


def compare_states(records: Iterable[Record]) -> States:
    """Fold the records and compare the digest in each checkpoint of this build's version of the fold."""
    findings: list[str] = []
    compared = 0
    state = INITIAL
    not_followed: str | None = None
    try:
        for record, after in folded(records):
            event = record.event() if record.name == CheckpointSigned.__name__ else None
            if isinstance(event, CheckpointSigned) and event.reducer == REDUCER:
                compared += 1
                if event.state_sha256 != state_sha256(state):
                    findings.append(
                        f"record {record.seq}: the checkpoint's state is not what this build folds the records to"
                    )
            state = after
    except FoldError as error:
        not_followed = str(error)
    return States(compared=compared, findings=tuple(findings), not_followed=not_followed)


def _event(record: Record) -> Event:
    try:
        return record.event()
    except ValueError as error:  # such as a newer build's
        raise FoldError(str(error)) from error


class _Listed:
    """The hashes since the last checkpoint that listed them."""

    def __init__(self) -> None:
        self._since = 0
        self._digest = hashlib.sha256()

    def add(self, record: Record) -> None:
        self._digest.update(record.hash.encode())

    def wrong(self, checkpoint: CheckpointSigned) -> list[str]:
        """What the checkpoint says wrongly about them; the next list begins behind it."""
        if checkpoint.since is None:
            return []
        since, found = self._since, self._digest.hexdigest()
        self._since, self._digest = checkpoint.seq, hashlib.sha256()
        if checkpoint.since != since:
            return [f"the checkpoint lists hashes behind record {checkpoint.since}, expected those behind {since}"]
        if checkpoint.hashes_sha256 != found:
            return [f"the checkpoint lists other hashes of records {since + 1} to {checkpoint.seq}"]
        return []


def _wrong(checkpoint: CheckpointSigned, before: Head, hotkey: str, is_signed_by: SignatureCheck) -> list[str]:
    reasons = []
    if (checkpoint.seq, checkpoint.head) != (before.seq, before.hash):
        reasons.append(
            f"the checkpoint speaks of record {checkpoint.seq}, it stands behind another record {before.seq}"
        )
    if not is_signed(checkpoint, hotkey, is_signed_by):
        reasons.append(f"the checkpoint is not signed by {hotkey}")
    return reasons


def _wrong_journal(checkpoint: CheckpointSigned, first: str | None) -> list[str]:
    """Versions before 3 name none."""
    other = checkpoint.journal not in {None, first}
    return ["the checkpoint names another journal, which does not begin with this one's first record"] if other else []


def _incomparable(kept: CheckpointSigned, found: str | None) -> str | None:
    """Why a kept checkpoint that names no journal accuses nobody: it may be of another journal of this hotkey."""
    if kept.journal is not None or found == kept.head:
        return None
    here = "none" if found is None else "another"
    return (
        f"the kept checkpoint cannot be compared: it speaks of a record {kept.seq}, of which there is {here} here, and "
        "older checkpoints do not name their journal. It is of another one of this hotkey, or this one was rolled back "
        "or rewritten; keep a newer checkpoint"
    )


def _wrong_kept(kept: CheckpointSigned, first: str | None, found: str | None, last_seq: int) -> list[str]:
    if kept.journal not in {None, first}:
        return ["the kept checkpoint is of another journal of this hotkey: ask for the one that it names"]
    if found is None:
        return [f"the kept checkpoint speaks of record {kept.seq}, the journal ends at {last_seq}: it was rolled back"]
    if found != kept.head:
        return [f"the kept checkpoint speaks of another record {kept.seq}: the journal was rewritten"]
    return []


def is_signed(checkpoint: CheckpointSigned, hotkey: str, is_signed_by: SignatureCheck) -> bool:
    """Whether the checkpoint bears this hotkey's signature."""
    try:
        signature = bytes.fromhex(checkpoint.signature)
    except ValueError:
        return False
    return is_signed_by(hotkey, checkpoint_message(checkpoint), signature)
