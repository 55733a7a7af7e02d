"""Check a dispute bundle by itself: what is proven by whose signature, what contradicts what, and what is only said.

Never reads a journal. The signature check is handed in, so that readers know no wallet library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

from audit.dispute.bundle import Bundle, Listed, decode_bundle
from audit.dispute.collecting import MAY_BE_LEFT_OUT, is_shown
from audit.dispute.life import VERDICTS, Told, differences_from_excerpt, hidden, speaks_of
from audit.dispute.lists import checked_lists, listed_in, other_journals, tied_lists
from audit.dispute.said import said_fields
from audit.vouch import SignatureCheck
from events import catalogue as ev
from events.journal import GENESIS, BadRecordError, Head, parse

__all__ = ["BundleReport", "Outcome", "check_bundle"]

Outcome: TypeAlias = Literal["proven", "proven, except", "not proven"]
_NONE: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What a check found.

    Attributes:
        bundle: The bundle; None when the file holds none.
        records: What is shown and can be read, in order, with its event.
        signed: Numbers of the records shown whose hash stands in a list that the hotkey signed.
        unsigned: Records, the search's among them, that are chained, but that no signature in the bundle covers.
        loose: Signed ones that nothing ties to the first record: perhaps they are of another journal.
        verdict: "accepted", "rejected", "abandoned", or "none" when the records shown hold no verdict.
        named: Whether a record shown names the post; else only the excerpt does, which anybody can write.
        analyzed: Whether a record shown holds the digest of a text, with which the excerpt's is compared.
        sent: Whether a record shown holds a body, with which the excerpt's text, author, date and counts are compared.
        dry_run: Whether the first record says that nothing was ever sent.
        findings: Everything that contradicts something else, one line each.
        compared: What the bundle was held against besides, and agrees with.
        incomparable: Why it could not be held against what was asked for.
        journal_agrees: A journal shows that what is left out speaks of other posts, and that no move is missing.
    """

    bundle: Bundle | None
    records: tuple[Told, ...] = ()
    signed: frozenset[int] = frozenset()
    unsigned: tuple[int, ...] = ()
    loose: frozenset[int] = frozenset()
    verdict: str = _NONE
    named: bool = False
    analyzed: bool = False
    sent: bool = False
    dry_run: bool = False
    findings: tuple[str, ...]
    compared: tuple[str, ...] = ()
    incomparable: tuple[str, ...] = ()
    journal_agrees: bool = False

    @property
    def lacks(self) -> tuple[str, ...]:
        """Why it proves nothing, though nothing in it contradicts anything."""
        return tuple(self._lacks())

    def _lacks(self) -> Iterator[str]:
        if self.unsigned:
            yield f"no signature covers record(s) {_numbers(self.unsigned)}; until one does, they are the miner's word"
        if self.loose:
            numbers = _numbers(sorted(self.loose))
            yield f"record(s) {numbers} may be of another journal: their checkpoints, of version 2, name none"
        if not self.named:
            yield "no record shown names the post; whoever has another post's bundle could have made this one"
        elif not (self.analyzed or self.sent):
            yield "no record shown speaks of the post's text; anybody could have written it"
        yield from self.incomparable

    @property
    def exceptions(self) -> tuple[str, ...]:
        """What of the post's story is only said where all rows that are marked as signed are proven."""
        return tuple(self._exceptions())

    def _exceptions(self) -> Iterator[str]:
        left_out = 0 if self.bundle is None else len(self.bundle.left_out)
        if left_out and not self.journal_agrees:
            yield f"that {left_out} record(s) are only said to be about other posts"
        if not self.journal_agrees:  # the search's record itself is not shown, so it may be a move that poses as one
            yield "that the API is only said, for a move to another one may not be shown"
        if not self.sent:
            yield "that author, date and counts are only said, for no record shown sends the post"
        if self.verdict == _NONE:
            yield "that no record shown tells its end"
        if self.dry_run:
            yield "that nothing was sent, for the journal is of a dry run"

    @property
    def only_said(self) -> tuple[str, ...]:
        """The fields of the file that may say anything: no signature covers them, and no journal was asked."""
        return () if self.bundle is None or self.journal_agrees else said_fields(sent=self.sent)

    @property
    def outcome(self) -> Outcome:
        """What the bundle comes to."""
        if self.bundle is None or self.findings or self.lacks:
            return "not proven"
        return "proven, except" if self.exceptions else "proven"

    @property
    def ok(self) -> bool:
        """Nothing is contradicted, every record shown is signed for as part of one journal, and some cover the text."""
        return self.outcome != "not proven"


def check_bundle(content: bytes, is_signed_by: SignatureCheck, *, hotkey: str | None = None) -> BundleReport:
    """Check a bundle's file.

    Args:
        content: The file.
        is_signed_by: The signature check.
        hotkey: The ss58 address that it must be of; None takes the one it names.
    """
    try:
        bundle = decode_bundle(content)
    except ValueError as error:
        return BundleReport(bundle=None, findings=(f"this is no dispute bundle: {error}",))
    findings = [] if bundle.sha256 == bundle.digest() else ["sha256: something was changed after the bundle was made"]
    if hotkey not in {None, bundle.hotkey}:
        findings.append(f"hotkey: the bundle is of {bundle.hotkey}")
    good, wrong = checked_lists(bundle, is_signed_by)
    read, unreadable = _read(bundle)
    shown = {record.seq: record.hash for record, _ in read}
    hashes = {bundle.search.seq: bundle.search.hash, **shown}
    findings += [*wrong, *unreadable, *_misplaced(good, hashes, bundle), *_gaps(bundle), *_left_out(bundle)]
    findings += [*_identity(bundle, read), *other_journals(good, hashes)]
    findings += [*differences_from_excerpt(bundle, read), *hidden(bundle, read)]
    covered = listed_in(good, hashes)
    created = read[0][1] if read else None
    return BundleReport(
        bundle=bundle,
        records=tuple(read),
        signed=covered - (hashes.keys() - shown.keys()),
        unsigned=tuple(sorted({bundle.search.seq, *(r.seq for r in bundle.records)} - covered)),
        loose=covered - listed_in(tied_lists(good, hashes, bundle), hashes),
        verdict=next((VERDICTS[type(event)] for _, event in read if type(event) in VERDICTS), _NONE),
        named=any(speaks_of(event, bundle.post_id) for _, event in read),
        analyzed=any(getattr(event, "content_sha256", "") for _, event in read),
        sent=any(isinstance(event, ev.SubmissionStarted) for _, event in read),
        dry_run=isinstance(created, ev.JournalCreated) and created.dry_run,
        findings=tuple(findings),
    )


def _numbers(seqs: Iterable[int]) -> str:
    return ", ".join(map(str, seqs))


def _read(bundle: Bundle) -> tuple[list[Told], list[str]]:
    """The records shown, each hashed with its predecessor's hash, and those that cannot be."""
    read: list[Told] = []
    findings: list[str] = []
    for shown in bundle.records:
        try:
            record = parse(f"{shown.line}\n".encode(), Head(seq=shown.seq - 1, hash=shown.previous))
            json.loads(shown.line, object_pairs_hook=_each_once)
            read.append((record, record.event()))
        except (BadRecordError, ValueError, RecursionError) as error:
            findings.append(f"record {shown.seq}: {error}")
    return read, findings


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    """Of two equal keys one reader takes the first and another the last, and each reads its own story."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in it")


def _misplaced(good: list[Listed], hashes: Mapping[int, str], bundle: Bundle) -> Iterator[str]:
    """Records that are not where the signed lists, or their neighbours, have them."""
    for seq, found in hashes.items():
        if any(listed.covers(seq) and listed.hash_of(seq) != found for listed in good):
            yield f"record {seq}: its hash is not the one that was signed"
    chain = {0: GENESIS.hash, **hashes}
    for shown in bundle.records:
        before = shown.seq - 1
        if shown.previous != chain.get(before, shown.previous):
            yield f"record {shown.seq}: it does not follow the record {before} that is shown"
        elif any(listed.covers(before) and listed.hash_of(before) != shown.previous for listed in good):
            yield f"record {shown.seq}: it does not follow the record {before} that was signed"


def _gaps(bundle: Bundle) -> Iterator[str]:
    """From its search to its end, each record is shown or named as left out, once and in order."""
    shown = [record.seq for record in bundle.records]
    left_out = [record.seq for record in bundle.left_out]
    for name, numbers in (("records", shown), ("left_out", left_out)):
        if any(first >= second for first, second in pairwise(numbers)):
            yield f"{name}: not in order"
    start = bundle.search.seq
    told = sorted([start, *left_out, *(seq for seq in shown if seq >= start)])
    if told != list(range(start, start + len(told))):
        yield f"records from {start} on: some are told twice, or neither shown nor named as left out"


def _left_out(bundle: Bundle) -> Iterator[str]:
    """What is left out is of a kind that may speak of another post."""
    for left in bundle.left_out:
        if left.event not in MAY_BE_LEFT_OUT:
            why = "names no post, so it belongs to the records shown" if left.event in ev.EVENTS else "is unknown"
            yield f"record {left.seq}: {left.event} {why}"


def _identity(bundle: Bundle, read: list[Told]) -> Iterator[str]:
    """The first record says whose journal it is, and every record is of this post or governs all."""
    created = read[0][1] if read and read[0][0].seq == 1 else None
    if not isinstance(created, ev.JournalCreated):
        yield "record 1, which says whose journal this is, is not shown"
    elif created.hotkey != bundle.hotkey:
        yield f"record 1: this journal belongs to {created.hotkey}, the bundle says {bundle.hotkey}"
    for record, event in read:
        if not is_shown(event, bundle.post_id):
            yield f"record {record.seq}: {record.name} does not speak of post {bundle.post_id} alone"
