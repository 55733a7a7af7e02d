"""``user-miner verify``: every byte against the hash chain and HEAD, without a lock and without writing."""

from __future__ import annotations

from pathlib import Path

import orjson

from audit.history import folded
from audit.terminal import UsageError, answer, inert_json, path_text, progress, tell
from audit.vouch import KeptError, SignatureCheck, Vouched, read_kept, vouch
from events.catalogue import CheckpointSigned
from events.codec import plain
from events.describe import printable
from events.journal import JournalReader, VerifyReport, at_text, locate, verify_journal

__all__ = ["run_verify"]

_LONGEST_LINE = 2_000


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

    def verify() -> int:
        journal = locate(directory)
        kept = None if checkpoint is None else _kept(checkpoint)
        with progress("verifying") as on_progress:
            report = verify_journal(journal, on_progress=on_progress)
        vouched: Vouched | None = None
        if hotkey is not None and report.ok:
            vouched = vouch(folded(JournalReader(journal)), hotkey, is_signed_by, kept=kept)
        tell(_as_json(journal, report, vouched) if as_json else _as_text(journal, report, vouched))
        return 0 if report.ok and (vouched is None or vouched.ok) else 1

    return answer(verify)


def _kept(checkpoint: Path) -> CheckpointSigned:
    try:
        return read_kept(checkpoint)
    except KeptError as error:
        raise UsageError(str(error)) from error


def _as_json(journal: Path, report: VerifyReport, vouched: Vouched | None) -> str:
    ok = report.ok and (vouched is None or vouched.ok)
    data = {"journal": path_text(journal), "ok": ok, **plain(report)}
    if vouched is not None:
        data["vouched"] = plain(vouched)
    return inert_json(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


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
    return "".join(f"{printable(line, _LONGEST_LINE)}\n" for line in lines)


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
