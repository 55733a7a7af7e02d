"""Check a dispute bundle by itself: what is proven by whose signature, what contradicts what, and what is only said.

Never reads a journal. The signature check is handed in, so that readers know no wallet library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from actor.machine import content_sha256, norm_text
from audit.disputing.bundle import Bundle, Listed, decode_bundle
from audit.vouch import SignatureCheck, is_signed
from events import catalogue as ev
from events.journal import GENESIS, BadRecordError, Head, Record, parse
from events.journal.record import hashes_sha256

__all__ = ["BundleReport", "check_bundle"]

_HASH: Final = re.compile("[0-9a-f]{64}")
_VERDICTS: Final[Mapping[type, str]] = {
    ev.SubmissionAccepted: "accepted",
    ev.SubmissionRejected: "rejected",
    ev.PostAbandoned: "abandoned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What a check found.

    Attributes:
        bundle: The bundle; None when the file holds none.
        records: What is shown and can be read, in order, with its event.
        signed: Numbers of the records whose hash stands in a list that the hotkey signed, the search's among them.
        loose: Those of them that nothing ties to the first record: the hotkey signed them, perhaps in another journal.
        verdict: "accepted", "rejected", "abandoned", or "none" when the records shown hold no verdict.
        analyzed: Whether a record shown holds the digest of a text, with which the excerpt's is compared.
        sent: Whether a record shown holds a body, with which the excerpt's text, author, date and counts are compared.
        findings: Everything that contradicts something else, one line each.
    """

    bundle: Bundle | None
    records: tuple[tuple[Record, ev.Event], ...] = ()
    signed: frozenset[int] = frozenset()
    loose: frozenset[int] = frozenset()
    verdict: str = "none"
    analyzed: bool = False
    sent: bool = False
    findings: tuple[str, ...]

    @property
    def unsigned(self) -> tuple[int, ...]:
        """Records that are chained, but that no signature in the bundle covers."""
        shown = [] if self.bundle is None else [self.bundle.search.seq, *(r.seq for r in self.bundle.records)]
        return tuple(sorted(seq for seq in shown if seq not in self.signed))

    @property
    def named(self) -> bool:
        """Whether a record shown names the post; else only the excerpt does, which anybody can write.

        A validator's word does not count: it may name any post.
        """
        told = (event for _, event in self.records if not isinstance(event, ev.ValidationObserved))
        return any(hasattr(event, "post_id") for event in told)

    @property
    def ok(self) -> bool:
        """Nothing is contradicted, every record shown is signed for as part of one journal, and some name the post."""
        return self.bundle is not None and self.named and not (self.findings or self.unsigned or self.loose)


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
    good, wrong = _checked_lists(bundle, is_signed_by)
    read, unreadable = _read(bundle)
    hashes = {bundle.search.seq: bundle.search.hash, **{record.seq: record.hash for record, _ in read}}
    findings += [*wrong, *unreadable, *_misplaced(good, hashes, bundle), *_gaps(bundle)]
    findings += [*_identity(bundle, read), *_other_journals(good, hashes), *_mismatches(bundle, read)]
    tied = _tied(good, hashes, bundle)
    return BundleReport(
        bundle=bundle,
        records=tuple(read),
        signed=_listed_in(good, hashes),
        loose=_listed_in(good, hashes) - _listed_in(tied, hashes),
        verdict=next((_VERDICTS[type(event)] for _, event in read if type(event) in _VERDICTS), "none"),
        analyzed=any(getattr(event, "content_sha256", "") for _, event in read),
        sent=any(isinstance(event, ev.SubmissionStarted) for _, event in read),
        findings=tuple(findings),
    )


# The signed lists


def _checked_lists(bundle: Bundle, is_signed_by: SignatureCheck) -> tuple[list[Listed], list[str]]:
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
    elif not is_signed(_as_event(listed), hotkey, is_signed_by):
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


# The records


def _read(bundle: Bundle) -> tuple[list[tuple[Record, ev.Event]], list[str]]:
    """The records shown, each hashed with its predecessor's hash, and those that cannot be."""
    read: list[tuple[Record, ev.Event]] = []
    findings: list[str] = []
    for shown in bundle.records:
        try:
            record = parse(f"{shown.line}\n".encode(), Head(seq=shown.seq - 1, hash=shown.previous))
            read.append((record, record.event()))
        except (BadRecordError, ValueError) as error:
            findings.append(f"record {shown.seq}: {error}")
    return read, findings


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


def _listed_in(lists: list[Listed], hashes: Mapping[int, str]) -> frozenset[int]:
    return frozenset(seq for seq, hash_ in hashes.items() if any(c.hash_of(seq) == hash_ for c in lists))


# One journal: a hotkey may have several


def _other_journals(good: list[Listed], hashes: Mapping[int, str]) -> Iterator[str]:
    """Checkpoints that name another journal than the one that the first record begins."""
    first = hashes.get(1)
    for listed in good:
        if first is not None and listed.journal not in {None, first}:
            yield f"checkpoint of record {listed.seq}: it is of another journal, not of the one that record 1 begins"


def _tied(good: list[Listed], hashes: Mapping[int, str], bundle: Bundle) -> list[Listed]:
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


def _identity(bundle: Bundle, read: list[tuple[Record, ev.Event]]) -> Iterator[str]:
    """The first record says whose journal it is, and no record is of another post."""
    created = read[0][1] if read and read[0][0].seq == 1 else None
    if not isinstance(created, ev.JournalCreated):
        yield "record 1, which says whose journal this is, is not shown"
    elif created.hotkey != bundle.hotkey:
        yield f"record 1: this journal belongs to {created.hotkey}, the bundle says {bundle.hotkey}"
    for record, event in read:
        named = getattr(event, "post_id", None)
        if named not in {None, bundle.post_id} or isinstance(event, ev.PostsScraped | ev.GapDeclared):
            yield f"record {record.seq}: {record.name} does not speak of post {bundle.post_id} alone"


# What ties the excerpt to the records


def _mismatches(bundle: Bundle, read: list[tuple[Record, ev.Event]]) -> Iterator[str]:
    """Where excerpt and records differ."""
    search, post = bundle.search, bundle.search.post
    if post.id != bundle.post_id:
        yield f"search: the post is {post.id}, the bundle is about {bundle.post_id}"
    opened = [event.window for _, event in read if isinstance(event, ev.WindowOpened | ev.WindowsRevised)]
    if search.window not in opened:
        yield f"search: no record shown opens window {search.window}"
    digest = content_sha256(norm_text(post.content))
    analysis: ev.PostAnalyzed | None = None
    for record, event in read:
        if getattr(event, "content_sha256", "") not in {"", digest}:
            yield f"search: the post's text is not the one that record {record.seq} analyzed"
        if isinstance(event, ev.PostAnalyzed):
            analysis = event
        if isinstance(event, ev.SubmissionStarted):
            differing = _differences(event.body, bundle, analysis)
            yield from (f"record {record.seq}: {name} sent is not that of the {where}" for name, where in differing)


def _differences(
    body: ev.SubmissionBody, bundle: Bundle, analysis: ev.PostAnalyzed | None
) -> Iterator[tuple[str, str]]:
    post = bundle.search.post
    expected: dict[str, object] = {
        "miner_hotkey": bundle.hotkey,
        "post_id": post.id,
        "content": norm_text(post.content),
        "date": post.timestamp,
        "author": post.author,
        "account_age": post.account_age,
        "retweets": post.retweets,
        "likes": post.likes,
        "responses": post.responses,
        "followers": post.followers,
    }
    yield from ((name, "search") for name, value in expected.items() if getattr(body, name) != value)
    if analysis is not None and (body.tokens, body.sentiment) != (analysis.tokens, analysis.sentiment):
        yield "the analysis", "one that is shown"
