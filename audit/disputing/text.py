"""A checked dispute bundle for people and for machines. Pure, and what comes out is safe to print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from audit.disputing.bundle import Bundle
from audit.disputing.checking import BundleReport
from audit.replaying.lines import record_line, short
from events.catalogue import JournalCreated
from events.codec import plain

__all__ = ["report_fields", "report_lines"]

_LONGEST: Final = 2_000


def report_fields(report: BundleReport) -> dict[str, Any]:
    """The report for machines."""
    bundle = report.bundle
    return {
        "ok": report.ok,
        "named": report.named,
        "post_id": None if bundle is None else bundle.post_id,
        "hotkey": None if bundle is None else bundle.hotkey,
        "verdict": report.verdict,
        "signed": sorted(report.signed),
        "unsigned": list(report.unsigned),
        "loose": sorted(report.loose),
        "analyzed": report.analyzed,
        "sent": report.sent,
        "post": None if bundle is None else plain(bundle.search.post),
        "findings": list(report.findings),
    }


def report_lines(report: BundleReport) -> Iterator[str]:
    """The report for people, with line ends."""
    if report.bundle is not None:
        yield from _story(report, report.bundle)
    yield from (f"FOUND {short(finding, _LONGEST)}\n" for finding in report.findings)
    if report.findings:
        yield f"{len(report.findings)} finding(s): this bundle proves nothing\n"
    elif report.unsigned:
        numbers = ", ".join(map(str, report.unsigned))
        yield f"NOT PROVEN: no signature covers record(s) {numbers}; until one does, they are the miner's word\n"
    elif report.loose:
        numbers = ", ".join(map(str, sorted(report.loose)))
        yield f"NOT PROVEN: record(s) {numbers} may be of another journal: their checkpoints, of version 2, name none\n"
    elif report.bundle is not None and not report.named:
        yield "NOT PROVEN: no record shown names the post; whoever has another post's bundle could have made this one\n"
    elif report.bundle is not None:
        yield f"proven: {report.bundle.hotkey} signed for every record shown\n"


def _story(report: BundleReport, bundle: Bundle) -> Iterator[str]:
    yield f"post {short(bundle.post_id)} of {short(bundle.hotkey)}{_where(report)}\n"
    search = bundle.search
    lines = {record.seq: record_line(record, event) for record, event in report.records}
    lines[search.seq] = (
        f"{search.seq:>6} {short(search.at)}  PostsScraped       "
        f"an excerpt: window {search.window}, {search.chosen} of {search.candidates} new posts chosen\n"
    )
    for seq, line in sorted(lines.items()):
        tied = seq in report.signed and (report.named or seq != search.seq)
        yield ("signed  " if tied else "        ") + line
    signed, shown = len(report.signed), len(report.signed) + len(report.unsigned)
    yield (
        f"verdict: {report.verdict}; {signed} of {shown} records signed, by {len(bundle.checkpoints)} checkpoint(s); "
        f"{len(bundle.left_out)} about other posts left out\n"
    )
    if not report.findings:
        yield _ties(report)


def _ties(report: BundleReport) -> str:
    """What the records say of the excerpt."""
    if report.sent:
        return "the post's text, author, date and counts are those that were sent; quotes and author_id are only said\n"
    if report.analyzed:
        return "the post's text is the one that was analyzed; it was never sent: author and counts are only said\n"
    return "no record shown speaks of the post's text: all of it is only said\n"


def _where(report: BundleReport) -> str:
    created = next((event for _, event in report.records if isinstance(event, JournalCreated)), None)
    if created is None:
        return ""
    return f", netuid {created.netuid}, {short(created.api_url)}" + (", a dry run" if created.dry_run else "")
