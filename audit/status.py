"""``user-miner status``: what the miner of a journal does now, from the journal and the process that holds it.

Reads only, and never takes the journal's lock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from audit.history import FoldError
from audit.statusing.fields import status_fields
from audit.statusing.holder import process_of
from audit.statusing.lines import status_lines
from audit.statusing.look import Look
from audit.terminal import answer, exit_code, fail, inert_json, progress
from events.journal import JournalError, locate

__all__ = ["run_status"]


def run_status(directory: Path, *, watching: bool, as_json: bool, now_ms: Callable[[], int]) -> int:
    """Print the status; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        watching: Go on until Ctrl-C.
        as_json: For machines; with ``watching`` a line for each change.
        now_ms: The present moment, unix milliseconds.
    """
    return answer(lambda: _run(directory, watching=watching, as_json=as_json, now_ms=now_ms))


def _run(directory: Path, *, watching: bool, as_json: bool, now_ms: Callable[[], int]) -> int:
    journal = locate(directory)
    if watching:
        from audit.statusing.watch import watch  # noqa: PLC0415  (rich costs start-up time that one look does not need)

        return watch(journal, as_json=as_json, now_ms=now_ms)
    look = Look(journal, now_ms())
    finding: str | None = None
    code = 0
    try:
        with progress("reading") as on_progress:
            look.refresh(lambda seq: on_progress(seq, seq))
    except (JournalError, FoldError) as error:  # what was good before it is told all the same
        finding = str(error)
        code = exit_code(error) if isinstance(error, JournalError) else 1
    fields = status_fields(look, process_of(journal, look.state), now_ms(), finding=finding)
    if as_json:
        text = orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
        sys.stdout.write(inert_json(text))
    else:
        sys.stdout.writelines(f"{line}\n" for line in status_lines(fields) if line.label != "finding")
    return code if finding is None else fail(finding, code=code)
