"""``user-miner verify``: every byte against the hash chain and HEAD, without a lock and without writing."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import orjson

from audit.history import FoldError, folded
from audit.terminal import exit_code, fail, progress
from audit.vouch import KeptError, SignatureCheck, Vouched, read_kept, vouch
from events.journal import JournalError, JournalReader, VerifyReport, at_text, locate, verify_journal

__all__ = ["run_verify"]


def run_verify(
    directory: Path,
    *,
    as_json: bool,
    hotkey: str | None = None,
    checkpoint: Path | None = None,
    is_signed_by: SignatureCheck,
) -> int:
    """Print the report; 0 when the journal is whole, 1 with findings, 2 when there is none.

    With ``hotkey`` the signed checkpoints are checked too, and with ``checkpoint`` one that was kept elsewhere.
    """
    try:
        journal = locate(directory)
        kept = None if checkpoint is None else read_kept(checkpoint)
    except JournalError as error:
        return fail(str(error), code=exit_code(error))
    except KeptError as error:
        return fail(str(error), code=2)
    with progress("verifying") as on_progress:
        report = verify_journal(journal, on_progress=on_progress)
    vouched: Vouched | None = None
    if hotkey is not None and report.ok:
        try:
            vouched = vouch(folded(JournalReader(journal)), hotkey, is_signed_by, kept=kept)
        except FoldError as error:
            return fail(str(error), code=1)
    sys.stdout.write(_as_json(journal, report, vouched) if as_json else _as_text(journal, report, vouched))
    return 0 if report.ok and (vouched is None or vouched.ok) else 1


def _as_json(journal: Path, report: VerifyReport, vouched: Vouched | None) -> str:
    ok = report.ok and (vouched is None or vouched.ok)
    data = {"journal": str(journal), "ok": ok, **dataclasses.asdict(report)}
    if vouched is not None:
        data["vouched"] = dataclasses.asdict(vouched)
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _as_text(journal: Path, report: VerifyReport, vouched: Vouched | None) -> str:
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
    if vouched is not None:
        lines += _vouched_lines(vouched)
    return "\n".join(lines) + "\n"


def _vouched_lines(vouched: Vouched) -> list[str]:
    lines = [f"FOUND {reason}" for reason in vouched.findings]
    lines.append(
        f"{vouched.hotkey} vouches for records 1 to {vouched.through_seq} ({vouched.checkpoints} checkpoint(s) "
        f"in the journal); {vouched.after} record(s) after that"
        if vouched.through_seq
        else f"{vouched.hotkey} vouches for nothing here"
    )
    if vouched.other_folds:
        lines.append(
            f"{vouched.other_folds} checkpoint(s) hold the digest of a state that another version of the fold came to: "
            "signed, but not compared"
        )
    return lines
