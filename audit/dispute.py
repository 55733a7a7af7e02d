"""``user-miner export --dispute`` and ``user-miner verify --bundle``: write a bundle's file, and check one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson

from audit.disputing.bundle import encode_bundle
from audit.disputing.checking import BundleReport, check_bundle
from audit.disputing.collecting import make_bundles
from audit.disputing.comparing import with_checkpoint, with_journal
from audit.disputing.text import report_fields, report_lines
from audit.exporting.output import check_target, opened
from audit.terminal import UsageError, answer, inert_json, tell
from audit.verify import kept_checkpoint
from audit.vouch import SignatureCheck
from events.describe import printable
from events.journal import locate

__all__ = ["run_check_bundle", "run_make_bundle"]

_LARGEST_BYTES: Final = 256 * 1024 * 1024
_LONGEST_PATH: Final = 1_000


def run_make_bundle(
    directory: Path, post_id: str, *, out: Path | None, force: bool, as_json: bool, is_signed_by: SignatureCheck
) -> int:
    """Write the bundle and say what it proves; 0 when written, 1 when something contradicts itself, 2 on wrong use."""

    def make() -> int:
        journal = locate(directory)
        target = None if out is None else check_target(out, journal, force=force)
        (bundle,) = make_bundles(journal, [post_id])
        content = encode_bundle(bundle).encode()
        report = check_bundle(content, is_signed_by)
        with opened(target, force=force) as stream:
            stream.write(content)
        if out is not None:
            _say(report, f"{printable(str(out), _LONGEST_PATH)}: post {printable(post_id)}\n", as_json=as_json)
        return int(bool(report.findings))

    return answer(make)


def run_check_bundle(
    file: Path,
    *,
    hotkey: str | None,
    as_json: bool,
    is_signed_by: SignatureCheck,
    directory: Path | None = None,
    checkpoint: Path | None = None,
) -> int:
    """Print what a bundle proves; 0 when it is proven, with or without exceptions, 1 when it is not, 2 on wrong use.

    With ``directory`` it is also compared with that journal, with ``checkpoint`` with one that was kept elsewhere.
    """

    def check() -> int:
        journal = None if directory is None else locate(directory)
        kept = None if checkpoint is None else kept_checkpoint(checkpoint)
        report = check_bundle(_content(file), is_signed_by, hotkey=hotkey)
        if journal is not None:
            report = with_journal(report, journal)
        if kept is not None:
            report = with_checkpoint(report, kept, is_signed_by)
        _say(report, "", as_json=as_json)
        return 0 if report.ok else 1

    return answer(check)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--bundle {file}: {error.strerror}") from error
    if len(content) > _LARGEST_BYTES:
        raise UsageError(f"--bundle {file}: longer than {_LARGEST_BYTES} bytes, which no bundle is")
    return content


def _say(report: BundleReport, heading: str, *, as_json: bool) -> None:
    if as_json:
        tell(inert_json(orjson.dumps(report_fields(report), option=orjson.OPT_INDENT_2).decode()) + "\n")
        return
    tell(heading + "".join(report_lines(report)))
