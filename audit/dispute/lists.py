"""The signed lists of a dispute bundle: which of them hold, and which are of the journal that record 1 begins. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from audit.dispute.bundle import Bundle, Listed
from audit.vouch import SignatureCheck, is_signed
from events import catalogue as ev
from events.journal.record import hashes_sha256

__all__ = ["checked_lists", "listed_in", "other_journals", "tied_lists"]

_HASH: Final = re.compile("[0-9a-f]{64}")
_SIGNATURE: Final = re.compile("[0-9a-f]{128}")  # in one spelling, so that no byte of it can be another one


def checked_lists(bundle: Bundle, is_signed_by: SignatureCheck) -> tuple[list[Listed], list[str]]:
    """The lists that hold and are signed, and what is wrong with the others."""
    good: list[Listed] = []
    findings: list[str] = []
    before = 0
    for listed in bundle.checkpoints:
        wrong = list(_wrong_list(listed, before, bundle.hotkey, is_signed_by))
        findings += [f"checkpoint of record {listed.seq}: {reason}" for reason in wrong]
        good += [] if wrong else [listed]
        before = listed.seq
    return good, findings


def _wrong_list(listed: Listed, before: int, hotkey: str, is_signed_by: SignatureCheck) -> Iterator[str]:
    if not 0 <= before <= listed.since < listed.seq:
        yield f"it lists hashes behind record {listed.since}, expected some behind record {before}"
    elif len(listed.hashes) != listed.seq - listed.since:
        yield f"it lists {len(listed.hashes)} hashes, expected {listed.seq - listed.since}"
    elif not all(map(_HASH.fullmatch, listed.hashes)):  # cut elsewhere, they would join to the same text
        yield "it lists what is no hash"
    elif listed.hashes_sha256 != hashes_sha256(listed.hashes):
        yield "the list is not the one that was signed"
    elif listed.hashes[-1] != listed.head:
        yield "the list does not end with the head that was signed"
    elif not _SIGNATURE.fullmatch(listed.signature) or not is_signed(_as_event(listed), hotkey, is_signed_by):
        yield f"it is not signed by {hotkey}"


def _as_event(listed: Listed) -> ev.CheckpointSigned:
    return ev.CheckpointSigned(
        journal=listed.journal,
        since=listed.since,
        seq=listed.seq,
        head=listed.head,
        hashes_sha256=listed.hashes_sha256,
        reducer=listed.reducer,
        state_sha256=listed.state_sha256,
        signature=listed.signature,
    )


def listed_in(lists: Sequence[Listed], hashes: Mapping[int, str]) -> frozenset[int]:
    """Numbers of the records whose hash stands in one of the lists, in its place."""
    return frozenset(seq for seq, hash_ in hashes.items() if any(c.hash_of(seq) == hash_ for c in lists))


# One journal: a hotkey may have several


def other_journals(good: Sequence[Listed], hashes: Mapping[int, str]) -> Iterator[str]:
    """Checkpoints that name another journal than the one that the first record begins."""
    first = hashes.get(1)
    for listed in good:
        if first is not None and listed.journal not in {None, first}:
            yield f"checkpoint of record {listed.seq}: it is of another journal, not of the one that record 1 begins"


def tied_lists(good: Sequence[Listed], hashes: Mapping[int, str], bundle: Bundle) -> list[Listed]:
    """The lists that are proven to be of the journal that the first record begins.

    Those that name it, or list it; and of those that name none, older ones, whatever a shown record joins to these: its
    own hash stands in the one, the hash of its predecessor in the other.
    """
    first = hashes.get(1)
    tied = [listed for listed in good if first is not None and first in {listed.journal, listed.hash_of(1)}]
    left = [listed for listed in good if listed.journal is None and listed not in tied]
    while joined := [listed for listed in left if any(_join(listed, known, hashes, bundle) for known in tied)]:
        tied += joined
        left = [listed for listed in left if listed not in joined]
    return tied


def _join(one: Listed, other: Listed, hashes: Mapping[int, str], bundle: Bundle) -> bool:
    early, late = sorted((one, other), key=lambda listed: listed.seq)
    return any(
        late.hash_of(shown.seq) == hashes.get(shown.seq) and early.hash_of(shown.seq - 1) == shown.previous
        for shown in bundle.records
    )
