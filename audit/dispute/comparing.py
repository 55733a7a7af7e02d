"""Hold a checked bundle against what it is an excerpt of: a whole journal, or a checkpoint that was kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from audit.dispute.bundle import Bundle, Listed
from audit.dispute.checking import BundleReport
from audit.dispute.collecting import make_bundles
from audit.errors import UsageError
from audit.vouch import SignatureCheck, is_signed
from events.catalogue import CheckpointSigned
from events.codec import plain
from events.differences import differences
from events.journal.record import hashes_sha256

__all__ = ["with_checkpoint", "with_journal"]


def with_journal(report: BundleReport, journal: Path) -> BundleReport:
    """The report with what the journal says otherwise than the bundle.

    Raises:
        JournalError: The journal is damaged before the post's end.
        FoldError: This build does not follow it.
    """
    bundle = report.bundle
    if bundle is None:
        return report
    try:
        (whole,) = make_bundles(journal, [bundle.post_id])
    except UsageError as error:
        return replace(report, findings=(*report.findings, f"journal: {error}"))
    found = tuple(_unlike(bundle, whole))
    if found:
        return replace(report, findings=(*report.findings, *found))
    said = "the journal holds the same: the search, every record shown, and as many about other posts as are left out"
    return replace(report, compared=(*report.compared, said), journal_agrees=True)


def _unlike(bundle: Bundle, whole: Bundle) -> Iterator[str]:
    """Where a bundle differs from the one that the journal yields, the journal's later records apart."""
    lines, there = ({shown.seq: shown.line for shown in b.records} for b in (bundle, whole))
    if lines.get(1) != there[1]:
        yield "journal: it is another one, which does not begin with the record 1 that is shown"
        return
    for found in differences(plain(whole.search), plain(bundle.search)):
        yield f"search: {found.path} is {found.actual}, the journal has {found.expected}"
    names, left_out = ({left.seq: left.event for left in b.left_out} for b in (bundle, whole))
    end, last = (max([b.search.seq, *n, *r]) for b, n, r in ((bundle, names, lines), (whole, left_out, there)))
    for seq in sorted(lines.keys() | names.keys() | {seq for seq in there.keys() | left_out.keys() if seq <= end}):
        here, expected = _told(seq, lines, names), _told(seq, there, left_out)
        if here != expected:
            yield f"record {seq}: here it is {here}, by the journal {expected}"
        elif lines.get(seq) != there.get(seq):
            yield f"record {seq}: the journal holds another line"
    if last > end:
        yield f"the journal goes on with this post up to record {last}: the bundle, cut off or older, ends at {end}"
    signed = {listed.seq: listed for listed in whole.checkpoints}
    for listed in bundle.checkpoints:
        if signed.get(listed.seq) != listed:
            yield f"checkpoint of record {listed.seq}: the journal has none like it for these records"


def _told(seq: int, lines: dict[int, str], left_out: dict[int, str]) -> str:
    ways = ["shown"] if seq in lines else []
    ways += [f"left out as {left_out[seq]} of another post"] if seq in left_out else []
    return " and ".join(ways) or "not told"


def with_checkpoint(report: BundleReport, kept: CheckpointSigned, is_signed_by: SignatureCheck) -> BundleReport:
    """The report with what the kept checkpoint says otherwise than the bundle's lists."""
    bundle = report.bundle
    if bundle is None:
        return report
    if not is_signed(kept, bundle.hotkey, is_signed_by):
        finding = f"the kept checkpoint is not signed by {bundle.hotkey}, so it proves nothing"
        return replace(report, findings=(*report.findings, finding))
    first = next((record.hash for record, _ in report.records if record.seq == 1), None)
    if kept.journal not in {None, first}:
        finding = "the kept checkpoint is of another journal of this hotkey: ask for the one that it names"
        return replace(report, findings=(*report.findings, finding))
    known = _listed_hashes(bundle.checkpoints)
    if (why := _incomparable(kept, known)) is not None:
        return replace(report, incomparable=(*report.incomparable, why))
    if found := tuple(_other_history(kept, known)):
        return replace(report, findings=(*report.findings, *found))
    said = f"the kept checkpoint of record {kept.seq} is of the same history"
    return replace(report, compared=(*report.compared, said))


def _listed_hashes(lists: tuple[Listed, ...]) -> dict[int, str]:
    return {seq: hash_ for listed in lists for seq, hash_ in enumerate(listed.hashes, listed.since + 1)}


def _incomparable(kept: CheckpointSigned, known: dict[int, str]) -> str | None:
    if kept.seq not in known:
        return f"no list here reaches record {kept.seq}, of which the kept checkpoint speaks: they cannot be compared"
    if kept.journal is None and known[kept.seq] != kept.head:
        return (
            f"the kept checkpoint speaks of another record {kept.seq}, perhaps of another journal, for older ones name "
            "none: they cannot be compared"
        )
    return None


def _other_history(kept: CheckpointSigned, known: dict[int, str]) -> Iterator[str]:
    if known[kept.seq] != kept.head:
        yield f"the kept checkpoint speaks of another record {kept.seq}: the hotkey signed two histories"
    elif kept.since is not None and kept.seq - kept.since <= len(known):
        listed = [known.get(seq, "") for seq in range(kept.since + 1, kept.seq + 1)]
        if all(listed) and hashes_sha256(listed) != kept.hashes_sha256:
            yield f"the kept checkpoint lists other hashes behind record {kept.since}: the hotkey signed two histories"
