"""``user-miner verify``: every byte against the hash chain, HEAD and the signatures, without a lock or a write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from audit.errors import UsageError
from audit.vouch import KeptError, SignatureCheck, States, Vouched, compare_states, read_kept, vouch
from events.catalogue import CheckpointSigned
from events.codec import plain
from events.describe import inert_json, path_text, printable
from events.journal import (
    JournalError,
    JournalReader,
    SeveralJournalsError,
    VerifyReport,
    at_text,
    locate,
    verify_journal,
)
from user_miner.databases import as_kept
from user_miner.journals import AllOption, JournalRow, chosen, over_all
from user_miner.options import EnvFileOption, JournalArgument, JsonOption
from user_miner.terminal import fail, in_one_line, progress, tell

__all__ = ["kept_checkpoint", "run_verify", "verify", "verify_all"]


def verify(
    journal: JournalArgument = None,
    *,
    hotkey: Annotated[
        str | None,
        typer.Option(
            metavar="SS58",
            help="Of several journals that of this hotkey; its first letters do. A whole address must also have "
            "signed, whatever the first record says, and the states that were signed are compared.",
        ),
    ] = None,
    all_journals: AllOption = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint saved elsewhere: was the history rolled back or rewritten since?"),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A file of `export --dispute`, checked by itself; with a journal, also as its excerpt."),
    ] = None,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every byte of a journal by hashes and signatures. With --bundle, a dispute bundle by its signatures."""
    from actor.edges.hotkey import is_signed_by, is_ss58  # noqa: PLC0415
    from user_miner.commands.export import run_check_bundle  # noqa: PLC0415

    signer = hotkey if hotkey is not None and is_ss58(hotkey) else None
    if bundle is not None:
        if hotkey is not None and signer is None:
            raise typer.BadParameter(f"{hotkey!r} is no ss58 address", param_hint="--hotkey")
        code = run_check_bundle(
            bundle,
            hotkey=hotkey,
            as_json=as_json,
            is_signed_by=is_signed_by,
            directory=journal,
            checkpoint=checkpoint,
        )
        raise typer.Exit(code)
    if all_journals:
        if checkpoint is not None:
            raise typer.Exit(fail("--checkpoint is of one journal: leave out --all", code=2))
        raise typer.Exit(verify_all(journal, env_file, hotkey, as_json=as_json, is_signed_by=is_signed_by))
    is_named = signer is not None and journal is not None and _is_one(journal)
    directory = chosen(journal, env_file, None if is_named else hotkey)
    raise typer.Exit(
        run_verify(directory, as_json=as_json, hotkey=signer, checkpoint=checkpoint, is_signed_by=is_signed_by)
    )


def _is_one(journal: Path) -> bool:
    """Whether no choice is left; what else is wrong with it is said when it is read."""
    try:
        locate(journal)
    except SeveralJournalsError:
        return False
    except (JournalError, OSError):
        return True
    return True


_HEADS: Final = ("records", "signed up to", "findings")


def verify_all(
    directory: Path | None, env_file: Path | None, hotkey: str | None, *, as_json: bool, is_signed_by: SignatureCheck
) -> int:
    """Print a line for each journal, whose signatures are checked against its own hotkey; 1 with a finding in any."""

    def look(journal: Path) -> JournalRow:
        report, vouched, states = _verified(journal, is_signed_by)
        findings = len(report.findings) + (0 if vouched is None else len(vouched.findings))
        signed = "-" if vouched is None else str(vouched.through_seq)
        fields = _fields(journal, report, vouched, states)
        cells = (str(report.records), signed, str(findings))
        return JournalRow(cells=cells, fields=fields, code=0 if _is_ok(report, vouched, states) else 1)

    return over_all(directory, env_file, hotkey, _HEADS, look, as_json=as_json)


_LONGEST_LINE = 2_000


@in_one_line
def run_verify(
    directory: Path,
    *,
    as_json: bool,
    hotkey: str | None = None,
    checkpoint: Path | None = None,
    is_signed_by: SignatureCheck,
) -> int:
    """Print the report; 0 when the journal is whole and nothing contradicts its signatures, 1 with findings, 2 without.

    1 as well when the checkpoint that was kept elsewhere cannot be compared with it.

    Signatures are checked against the hotkey that the first record names. With ``hotkey`` it must be that one, there
    must be signatures, and the states that they cover are compared with this build's; with ``checkpoint`` one that was
    kept elsewhere is compared, too.
    """
    journal = locate(directory)
    kept = None if checkpoint is None else kept_checkpoint(checkpoint)
    report, vouched, states = _verified(journal, is_signed_by, hotkey=hotkey, kept=kept)
    tell((_as_json if as_json else _as_text)(journal, report, vouched, states))
    return 0 if _is_ok(report, vouched, states) else 1


def _verified(
    journal: Path, is_signed_by: SignatureCheck, *, hotkey: str | None = None, kept: CheckpointSigned | None = None
) -> tuple[VerifyReport, Vouched | None, States | None]:
    with progress("verifying") as on_progress, as_kept(journal) as folder:
        report = verify_journal(folder, on_progress=on_progress)
    if not report.ok:
        return report, None, None
    vouched = vouch(JournalReader(journal), is_signed_by, hotkey=hotkey, kept=kept)
    return report, vouched, compare_states(JournalReader(journal)) if hotkey is not None and vouched.ok else None


def kept_checkpoint(file: Path) -> CheckpointSigned:
    """The checkpoint that an operator named.

    Raises:
        UsageError: The file holds none.
    """
    try:
        return read_kept(file)
    except KeptError as error:
        raise UsageError(str(error)) from error


def _is_ok(report: VerifyReport, vouched: Vouched | None, states: States | None) -> bool:
    vouches = vouched is None or (vouched.ok and vouched.incomparable is None)
    return report.ok and vouches and (states is None or not states.findings)


def _as_json(journal: Path, report: VerifyReport, vouched: Vouched | None, states: States | None) -> str:
    data = _fields(journal, report, vouched, states)
    return inert_json(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def _fields(journal: Path, report: VerifyReport, vouched: Vouched | None, states: States | None) -> dict[str, Any]:
    data = {"journal": path_text(journal), "ok": _is_ok(report, vouched, states), **plain(report)}
    if vouched is not None:
        data["vouched"] = plain(vouched)
    if states is not None:
        data["states"] = plain(states)
    return data


def _as_text(journal: Path, report: VerifyReport, vouched: Vouched | None, states: States | None) -> str:
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
    if vouched is None:
        lines.append(f"{len(report.findings)} finding(s)")
    else:
        lines += [f"FOUND {reason}" for reason in vouched.findings]
        lines += [] if states is None else list(_state_lines(vouched, states))
        lines += [] if vouched.incomparable is None else [vouched.incomparable]
        lines.append(_conclusion(report, vouched, states))
    return "".join(f"{printable(line, _LONGEST_LINE)}\n" for line in lines)


def _state_lines(vouched: Vouched, states: States) -> Iterator[str]:
    yield from (f"FOUND {reason}" for reason in states.findings)
    if vouched.other_folds:
        yield (
            f"{vouched.other_folds} checkpoint(s) hold the digest of a state that another version of the fold came to: "
            "signed, but not compared"
        )
    if states.not_followed is not None:
        yield f"{states.not_followed}: states behind it are signed, but were not compared; `check` tells more"


def _conclusion(report: VerifyReport, vouched: Vouched, states: States | None) -> str:
    """What is whole, who signed for it, and what nobody signed for."""
    last, hotkey = report.head.seq, vouched.hotkey
    through = f"{hotkey} signed for records 1 to {vouched.through_seq}"
    if vouched.findings:
        found = f"the signatures do not cover this history: {len(vouched.findings)} finding(s)"
        return f"{found}; {through}" if vouched.through_seq else found
    if not vouched.through_seq:
        return (
            f"whole by its hashes, which anybody can make anew: records 1 to {last}; "
            "no checkpoint is signed yet, so nobody vouches for them"
        )
    after = f"nobody yet for the {vouched.after} after that" if vouched.after else "which is all"
    states_differ = "" if states is None or not states.findings else "; states differ from what this build folds to"
    return f"whole: records 1 to {last}; {through} ({vouched.checkpoints} checkpoint(s)), {after}{states_differ}"
