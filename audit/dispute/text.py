"""A checked dispute bundle for people and for machines. Pure, and what comes out is safe to print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from audit.dispute.bundle import Bundle
from audit.dispute.checking import BundleReport
from audit.replay.lines import record_line, short
from events.catalogue import ApiMoved, JournalCreated
from events.codec import plain

__all__ = ["report_fields", "report_lines"]

_LONGEST: Final = 2_000
_ONLY_SAID: Final = "quotes, author_id, account_created and edits are only said, as the search's row is\n"


def report_fields(report: BundleReport) -> dict[str, Any]:
    bundle = report.bundle
    return {
        "ok": report.ok,
        "outcome": report.outcome,
        "except": list(report.exceptions) if report.ok else [],
        "lacks": list(report.lacks),
        "named": report.named,
        "post_id": None if bundle is None else bundle.post_id,
        "hotkey": None if bundle is None else bundle.hotkey,
        "verdict": report.verdict,
        "signed": sorted(report.signed),
        "said": [] if bundle is None else [bundle.search.seq],
        "only_said": list(report.only_said),
        "unsigned": list(report.unsigned),
        "loose": sorted(report.loose),
        "analyzed": report.analyzed,
        "sent": report.sent,
        "dry_run": report.dry_run,
        "apis": _apis(report),
        "post": None if bundle is None else plain(bundle.search.post),
        "compared": list(report.compared),
        "findings": list(report.findings),
    }


def report_lines(report: BundleReport) -> Iterator[str]:
    if report.bundle is not None:
        yield from _story(report, report.bundle)
    yield from (f"FOUND {short(finding, _LONGEST)}\n" for finding in report.findings)
    yield from (f"{short(line, _LONGEST)}\n" for line in report.compared)
    yield short(_outcome(report), _LONGEST) + "\n"


def _outcome(report: BundleReport) -> str:
    if report.findings:
        return f"NOT PROVEN: {len(report.findings)} finding(s), so this bundle proves nothing"
    if report.bundle is None or report.lacks:
        return f"NOT PROVEN: {'; '.join(report.lacks)}"
    signed = f'{report.bundle.hotkey} signed for every row marked "signed"'
    return f"{' '.join([report.outcome, '; '.join(report.exceptions)]).rstrip()}: {signed}"


def _story(report: BundleReport, bundle: Bundle) -> Iterator[str]:
    yield f"post {short(bundle.post_id)} of {short(bundle.hotkey)}{_where(report)}\n"
    search = bundle.search
    lines = {record.seq: record_line(record, event) for record, event in report.records}
    lines[search.seq] = (
        f"{search.seq:>6} {short(search.at)}  PostsScraped       "
        f"an excerpt: window {search.window}, {search.chosen} of {search.candidates} new posts chosen\n"
    )
    for seq, line in sorted(lines.items()):
        yield ("signed  " if seq in report.signed and seq != search.seq else "said    ") + line
    yield (
        f"verdict: {report.verdict}; {len(report.signed)} of {len(bundle.records)} records signed, "
        f"by {len(bundle.checkpoints)} checkpoint(s); {len(bundle.left_out)} said to be about other posts\n"
    )
    if not report.findings:
        yield _ties(report)


def _ties(report: BundleReport) -> str:
    """What the records say of the excerpt."""
    if report.sent:
        return "the post's text, author, date and counts are those that were sent; " + _ONLY_SAID
    if report.analyzed:
        return "the post's text is the one that was analyzed; author, date and counts are only said\n"
    return "no record shown speaks of the post's text: all of it is only said\n"


def _where(report: BundleReport) -> str:
    created = next((event for _, event in report.records if isinstance(event, JournalCreated)), None)
    if created is None:
        return ""
    first, *moves = map(short, _apis(report))
    api = "".join([f"first record: {first}", *(f", moved to {url}" for url in moves)])
    return f", netuid {created.netuid}, {api}" + (", a dry run" if created.dry_run else "")


def _apis(report: BundleReport) -> list[str]:
    """The API of the first record, and each that a record shown moves to; that there are no others is only said."""
    return [event.api_url for _, event in report.records if isinstance(event, JournalCreated | ApiMoved)]
