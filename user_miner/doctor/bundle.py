"""The support archive: the report and the facts around it, for whoever is asked for help.

It holds no secret, no signature and nothing of a post but its id. What it takes from the journal is named field by
field, and every text goes through the redactor, whatever it is.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import re
import sys
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from actor.settings.model import Settings, is_hidden
from audit.errors import UsageError
from events.describe import path_text
from events.journal import JournalError, JournalReader, Record, at_text
from events.journal.head import read_witness
from user_miner.doctor.journal import LARGEST_BYTES, tail_start
from user_miner.doctor.patient import Patient
from user_miner.doctor.report import DoctorReport
from user_miner.output import opened

__all__ = ["MEMBERS", "check_bundle", "journal_facts", "members", "write_bundle"]

MEMBERS: Final = ("report.txt", "report.json", "settings.json", "system.json", "journal.json")
_FOLDER: Final = "user-miner-doctor"
_RECORDS: Final = 200
_FILES: Final = 1_000
# Numbers and short words of ours. No text that a server, a post or an operator wrote.
_FIELDS: Final = ("post_id", "window", "attempt", "kind", "http_status", "status", "epoch", "pid", "build", "effect")
_WORD: Final = re.compile(r"[\w.+:-]{1,64}", re.ASCII)

Redact = Callable[[str], str]


def check_bundle(file: Path, journal: Path | None) -> Path:
    """Where the archive goes, links followed; ``journal`` is the folder of all journals.

    Raises:
        UsageError: It may not be written there.
    """
    target = Path(os.path.realpath(file))  # of links in a circle, too
    if target.exists():
        raise UsageError(f"--bundle {file} exists already: choose another name")
    if not target.parent.is_dir():
        raise UsageError(f"--bundle {file}: {target.parent} is not a directory")
    # The journals' folder is not looked at: it may be on a disk that does not answer.
    if journal is not None and target.is_relative_to(os.path.abspath(journal)):  # noqa: PTH100
        raise UsageError(f"--bundle {file} lies among the journals, where only the miner writes: choose another place")
    return target


def members(report: DoctorReport, patient: Patient, journal: Mapping[str, Any]) -> dict[str, str]:
    """The archive's files; ``journal`` is what `journal_facts` told."""
    contents: dict[str, Any] = {
        "report.json": json.loads(report.as_json()),
        "settings.json": list(_settings(patient)),
        "system.json": _system(),
        "journal.json": journal,
    }
    texts = {name: json.dumps(_clean(content, patient.redact), indent=1) + "\n" for name, content in contents.items()}
    return {"report.txt": "".join(f"{patient.redact(line)}\n" for line in report.lines()), **texts}


def write_bundle(target: Path, texts: Mapping[str, str], at_s: int) -> None:
    """Write the archive, readable by its owner only.

    Raises:
        UsageError: The disk refused, or the file has appeared meanwhile.
    """
    packed = io.BytesIO()
    # Without the archive's own name, which gzip would note.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=at_s) as zipped,
        tarfile.open(mode="w", fileobj=zipped) as archive,
    ):
        for name, text in texts.items():
            data = text.encode("utf-8", "backslashreplace")
            member = tarfile.TarInfo(f"{_FOLDER}/{name}")
            member.size, member.mode, member.mtime = len(data), 0o600, at_s
            archive.addfile(member, io.BytesIO(data))
    with opened(target, force=False, mode=0o600) as stream:
        stream.write(packed.getvalue())


def _clean(value: Any, redact: Redact) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _clean(inner, redact) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner, redact) for inner in value]
    return value


def _settings(patient: Patient) -> Iterator[dict[str, Any]]:
    """Each setting with its value, unless that is or may hold a secret, and where it is from."""
    for field, info in Settings.model_fields.items():
        name = field.upper()
        given = patient.sources.values.get(name)
        value = info.get_default() if given is None else given.value
        hidden = is_hidden(name, str(value))
        yield {
            "name": name,
            "value": ("(hidden)" if given else None) if hidden else _plain(value),
            "source": "default" if given is None else given.source,
            "line": None if given is None else given.line,
            "wrong": name in patient.wrong,
        }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _system() -> dict[str, Any]:
    installed = {str(one.metadata["Name"]): one.version for one in distributions()}
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(installed.items(), key=lambda item: item[0].lower())),
    }


def journal_facts(journal: Path | None) -> dict[str, Any]:
    """Files with their sizes, what HEAD says, and the last records without what they tell."""
    if journal is None:
        return {"path": None}
    facts: dict[str, Any] = {"path": path_text(journal.absolute()), "files": list(_files(journal))}
    last: deque[Record] = deque(maxlen=_RECORDS)
    facts["ended"] = "whole"
    try:
        witness = read_witness(journal)
        facts["head"] = None if witness is None else {"seq": witness.place.head.seq, "offset": witness.place.offset}
        last.extend(JournalReader(journal, after=tail_start(journal, LARGEST_BYTES)))
    except (JournalError, OSError, ValueError) as error:
        facts["ended"] = str(error)
    facts["last_records"] = list(map(_header, last))
    return facts


def _files(journal: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(journal.rglob("*"))[:_FILES]:
        found = path.lstat()
        yield {
            "name": path_text(path.relative_to(journal)),
            "bytes": found.st_size,
            "mode": f"{found.st_mode:o}",
            "modified": at_text(found.st_mtime_ns // 1_000_000),
        }


def _header(record: Record) -> dict[str, Any]:
    told = {name: value for name, value in _told(record) if _is_ours(value)}
    return {
        "seq": record.seq,
        "at": at_text(record.at_ms),
        "event": record.name,
        "v": record.v,
        "from": record.source,
        "to": record.dest,
        "bytes": len(record.raw),
        "hash": record.hash,
        **told,
    }


def _told(record: Record) -> Iterable[tuple[str, Any]]:
    data = record.data
    return ((name, data[name]) for name in _FIELDS if name in data)


def _is_ours(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and _WORD.fullmatch(value) is not None)
