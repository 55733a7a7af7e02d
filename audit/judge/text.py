"""An audit's report as text for a terminal, findings first, and as fields for machines. Pure, and safe to print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from audit.feedback import FeedbackTotals
from audit.judge.accounting import Accounts, WindowAccounts
from audit.judge.audit import AuditReport
from audit.judge.tallies import PostAccounts, Summary, TroubleAccounts
from audit.judge.uptime import ClockAccounts, RunAccounts
from audit.rules import Finding
from events.describe import path_text, printable
from events.journal import at_text
from events.windows import EXPLAINED, windows_text

__all__ = ["as_text", "report_fields"]

_LABEL: Final = 12
_SHOWN_SEQS: Final = 8
_LONGEST_PATH: Final = 1_000
_SECOND_MS: Final = 1_000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


def as_text(journal: Path, report: AuditReport, tail_bytes: int) -> str:
    lines = [*_head(journal, report, tail_bytes), *_findings(report), "", *_accounts(report.accounts)]
    return "".join(f"{line}\n" for line in lines)


def report_fields(journal: Path, report: AuditReport, tail_bytes: int) -> dict[str, Any]:
    """The whole report for machines."""
    return {
        "journal": path_text(journal),
        "ok": report.ok,
        "records": report.records,
        "first_record": report.first,
        "first_at": None if report.first_ms is None else at_text(report.first_ms),
        "last_at": None if report.last_ms is None else at_text(report.last_ms),
        "tail_bytes": tail_bytes,
        "rules": report.rules,
        "partly": report.partly,
        "findings": report.findings,
        "more": report.more,
        "accounts": report.accounts,
    }


def _duration(ms: int) -> str:
    """A time as people say it: 0.25 s, 61 s, 12 min, 3.5 h, 2.1 d."""
    seconds = ms / _SECOND_MS
    if seconds < 10:  # noqa: PLR2004  (two figures are enough for anything longer)
        return f"{seconds:.2f} s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.1f} d"


def _head(journal: Path, report: AuditReport, tail_bytes: int) -> Iterator[str]:
    if report.first_ms is None or report.last_ms is None:
        behind = f" from record {report.first} on" * (report.first > 1)
        yield f"{printable(str(journal), _LONGEST_PATH)}: no records{behind}"
    else:
        span = f"from {at_text(report.first_ms)} to {at_text(report.last_ms)}"
        if report.first > 1:
            span = f"from record {report.first} on, {span}"
        yield f"{printable(str(journal), _LONGEST_PATH)}: {report.records} records {span}"
    if tail_bytes:
        yield f"{tail_bytes} bytes of an unfinished record follow"


def _findings(report: AuditReport) -> Iterator[str]:
    broken = [finding for finding in report.findings if finding.kind != "note"]
    for finding in [*broken, *(finding for finding in report.findings if finding.kind == "note")]:
        yield f"{_MARKS[finding.kind]} {_finding(finding)}"
    for rule, count in report.more.items():
        yield f"… and {count} more of {rule}"
    rules = f"{len(report.rules)} rule(s)"
    yield f"no findings by {rules}" if report.ok else f"{report.broken} finding(s) by {rules}"
    if report.first > 1:
        yield f"what lies before record {report.first} was taken as this build folds it, and not judged"
    if report.partly:
        names = ", ".join(printable(name, 40) for name in report.partly)
        yield f"{len(report.partly)} rule(s) judged in part, for want of what lies before: {names}"


_MARKS: Final = {"finding": "FOUND", "note": "NOTE ", "broken rule": "BROKEN RULE"}


def _finding(finding: Finding) -> str:
    where = [_records(finding.seqs, limit=_SHOWN_SEQS)] if finding.seqs else []
    where += [f"window {finding.window}"] if finding.window is not None else []
    where += [f"post {printable(finding.post_id, 40)}"] if finding.post_id is not None else []
    found, expected = printable(finding.found, 400), printable(finding.expected, 400)
    return f"{printable(finding.rule, 40)}: {', '.join(where)}: found {found}; expected {expected}"


def _records(seqs: Sequence[int], *, limit: int) -> str:
    """The last ones matter most: they are what a finding is made on."""
    shown = [str(seq) for seq in seqs[-limit:]]
    return f"record{'s' if len(seqs) > 1 else ''} {'… ' if len(seqs) > limit else ''}{' '.join(shown)}"


def _accounts(accounts: Accounts) -> Iterator[str]:
    yield from _windows(accounts.windows)
    yield from _posts(accounts.posts)
    yield from _attempts(accounts)
    yield from _validators(accounts.validators)
    yield from _runs(accounts.runs)
    yield from _trouble(accounts.trouble)
    yield from _clock(accounts.clock)
    yield from _table("latency", accounts.latency)
    yield from _table("state", accounts.states)


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _counts(counts: Mapping[str, int]) -> str:
    """The parts of a number, the largest first: "(timeout 3, http 1)"; nothing without parts."""
    parts = [f"{printable(str(name), 40)} {count}" for name, count in _by_size(counts)]
    return f" ({', '.join(parts)})" if parts else ""


def _by_size(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _windows(windows: WindowAccounts) -> Iterator[str]:
    missed = sum(windows.missed.values())
    yield _line("windows", windows_text(used=windows.used, missed=missed, undecided=windows.undecided))
    for why, count in _by_size(windows.missed):
        records = _records(windows.records[why], limit=_SHOWN_SEQS)
        more = " …" if count > len(windows.records[why]) else ""
        meaning = EXPLAINED.get(why, "nothing in the journal tells why")
        yield _line("", f"{count:>5} {why}: {meaning} ({records}{more})")


def _posts(posts: PostAccounts) -> Iterator[str]:
    accepted = sum(posts.accepted.values())
    yield _line(
        "posts",
        f"{posts.chosen} chosen: {accepted} accepted{_counts(posts.accepted)}, "
        f"{sum(posts.rejected.values())} rejected{_counts(posts.rejected)}, "
        f"{sum(posts.abandoned.values())} abandoned{_counts(posts.abandoned)}, "
        f"{posts.left_out} left out, {posts.pending} pending",
    )
    if posts.held:
        yield _line("", f"{posts.held} were held back for want of an analysis, whatever became of them")
    if posts.salvaged:
        yield _line("", f"{posts.salvaged} more were accepted behind a gap")


def _attempts(accounts: Accounts) -> Iterator[str]:
    submissions = accounts.submissions
    took = submissions.attempts_of_accepted
    number = sum(took.values())
    mean = sum(int(tries) * count for tries, count in took.items()) / number if number else 0.0
    each = ", ".join(f"{count} took {tries}" for tries, count in sorted(took.items(), key=lambda item: int(item[0])))
    per_post = f"; {mean:.2f} for an accepted post: {each}" if number else ""
    yield _line(
        "attempts",
        f"{submissions.attempts}: {sum(submissions.failed.values())} failed{_counts(submissions.failed)}, "
        f"{submissions.rate_limited} met a 429{per_post}",
    )


def _validators(told: FeedbackTotals) -> Iterator[str]:
    if not told.validators:
        return
    mean = f", {told.earned / told.windows:.4f} for a window in the mean" if told.windows else ""
    yield _line(
        "validators",
        f"{told.validators} told {told.scores} score(s) of {told.windows} window(s){mean}; "
        f"{told.validations} judgement(s) of posts",
    )
    if told.posts.total():
        posts = ", ".join(f"{told.posts[verdict]} {verdict}" for verdict in ("confirmed", "refused", "disputed"))
        yield _line("", f"{told.posts.total()} posts judged: {posts}{_refusals(told.refusals)}")
    if told.strange:
        yield _line("", f"{told.strange} judgement(s) of posts that were never sent from here")


def _refusals(refusals: Mapping[str, int]) -> str:
    return f"; refusals told{_counts(refusals)}" if refusals else ""


def _runs(runs: RunAccounts) -> Iterator[str]:
    crashed = f" ({_records(runs.crashed_at, limit=_SHOWN_SEQS)}{' …' * (runs.crashes > len(runs.crashed_at))})"
    end = "no clean end yet" if runs.running else "ended cleanly"
    yield _line(
        "runs", f"{runs.starts} start(s), {runs.crashes} of them after a crash{crashed if runs.crashes else ''}; {end}"
    )
    if runs.down.count:
        yield _line(
            "", f"no process ran for {_duration(runs.down.total_ms)}, at most {_duration(runs.down.max_ms)} at a time"
        )


def _trouble(trouble: TroubleAccounts) -> Iterator[str]:
    outages = trouble.outages
    if outages.count:
        longest = _duration(outages.max_ms)
        yield _line("API", f"{outages.count} outage(s), {_duration(outages.total_ms)} in all, {longest} the longest")
    if trouble.mismatches:
        yield _line("settings", f"{trouble.mismatches} difference(s) from the API's numbers")
    if trouble.taken_back:
        yield _line("windows", f"{trouble.taken_back} time(s) the API had named a window that did not exist")
    counted = (
        ("searches", "failed", trouble.failed_searches),
        ("analyses", "failed", trouble.failed_analyses),
        ("bugs", "effect(s) crashed", trouble.crashed),
    )
    for label, what, counts in counted:
        if counts:
            yield _line(label, f"{sum(counts.values())} {what}{_counts(counts)}")
    if trouble.repaired_tails:
        yield _line("journal", f"{trouble.repaired_tails} torn write(s) set aside")
    if trouble.gaps:
        yield _line("journal", f"{trouble.gaps} gap(s) accepted, {trouble.lost_bytes} bytes lost")


def _clock(clock: ClockAccounts) -> Iterator[str]:
    if clock.went_back:
        records = _records(clock.back_at, limit=_SHOWN_SEQS)
        yield _line(
            "clock", f"went back {clock.went_back} time(s), at most {_duration(clock.largest_back_ms)} ({records})"
        )
    if clock.ran_ahead:
        records = _records(clock.ahead_at, limit=_SHOWN_SEQS)
        largest = _duration(clock.largest_ahead_ms)
        yield _line("clock", f"jumped ahead or the host slept {clock.ran_ahead} time(s), at most {largest} ({records})")


def _table(label: str, summaries: Mapping[str, Summary]) -> Iterator[str]:
    yield ""
    yield f"{label:<18}{'count':>8}{'median':>10}{'95 %':>10}{'most':>10}{'total':>10}"
    for name, summary in summaries.items():
        times: Iterable[int] = (summary.median_ms, summary.p95_ms, summary.max_ms, summary.total_ms)
        cells = "".join(f"{_duration(ms):>10}" for ms in times)
        yield f"{printable(name, 16):<18}{summary.count:>8}{cells}"
