"""``user-miner verify``: every byte against the hash chain and HEAD, without a lock and without writing."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import orjson

from audit.terminal import exit_code, fail, progress
from events.journal import JournalError, VerifyReport, at_text, locate, verify_journal

__all__ = ["run_verify"]


def run_verify(directory: Path, *, as_json: bool) -> int:
    """Print the report; 0 when the journal is whole, 1 with findings, 2 when there is none."""
    try:
        journal = locate(directory)
    except JournalError as error:
        return fail(str(error), code=exit_code(error))
    with progress("verifying") as on_progress:
        report = verify_journal(journal, on_progress=on_progress)
    sys.stdout.write(_as_json(journal, report) if as_json else _as_text(journal, report))
    return 0 if report.ok else 1


def _as_json(journal: Path, report: VerifyReport) -> str:
    data = {"journal": str(journal), "ok": report.ok, **dataclasses.asdict(report)}
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _as_text(journal: Path, report: VerifyReport) -> str:
    lines = [f"{journal}: {report.records} records in {report.segments} segment(s), {report.bytes} bytes"]
    if report.first_at_ms is not None and report.last_at_ms is not None:
        lines.append(f"from {at_text(report.first_at_ms)} to {at_text(report.last_at_ms)}")
    lines.append(f"head {report.head.seq} {report.head.hash}; HEAD file {report.head_state}")
    if report.tail_bytes:
        lines.append(
            f"{report.tail_bytes} bytes of an unfinished write at the end: no damage, "
            "they are being written or the next start moves them to quarantine"
        )
    lines += [f"FOUND {f.file}:{f.offset}: {f.reason}" for f in report.findings]
    lines.append("the journal is whole" if report.ok else f"{len(report.findings)} finding(s)")
    return "\n".join(lines) + "\n"
