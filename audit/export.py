"""``user-miner export``: read a journal, filter its rows, write them, and say what was written. Reads only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import orjson

from audit.exporting.columns import Column
from audit.exporting.formats import write_csv, write_jsonl
from audit.exporting.output import check_target, opened
from audit.exporting.parquet import require_pyarrow, write_parquet
from audit.exporting.tables import TABLES
from audit.feedback import told_in
from audit.filters import Filters, parse_filters
from audit.history import Step, steps
from audit.terminal import UsageError, answer, inert_json, path_text, progress
from events.describe import printable
from events.journal import JournalReader, locate
from events.journal.head import read_witness

__all__ = ["ExportOrder", "run_export"]

What: TypeAlias = Literal["records", "posts", "windows"]
Format: TypeAlias = Literal["jsonl", "csv", "parquet"]
_Write: TypeAlias = Callable[[tuple[Column, ...], Iterator[tuple[Any, ...]], BinaryIO], int]

_LONGEST_PATH: Final = 1_000
_PROGRESS_EVERY: Final = 1_000
_WRITERS: Final[Mapping[Format, _Write]] = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What an operator wants.

    Attributes:
        what: The table.
        form: How it is written.
        out: Where to; None is standard output.
        force: Replace a file that is there.
        as_json: Say what was written as JSON.
        since: As `audit.filters` reads them, like the next three.
        until: Last moment.
        windows: Numbers.
        events: Names; of records only.
    """

    what: What
    form: Format = "jsonl"
    out: Path | None = None
    force: bool = False
    as_json: bool = False
    since: str | None = None
    until: str | None = None
    windows: tuple[int, ...] = ()
    events: tuple[str, ...] = ()


def run_export(directory: Path, order: ExportOrder) -> int:
    """Write the table; 0 when all of it was, 1 when the journal is damaged, 2 on wrong use."""
    return answer(lambda: _export(directory, order))


def _export(directory: Path, order: ExportOrder) -> int:
    filters = _filters(order)
    journal = locate(directory)
    if order.form == "parquet":
        require_pyarrow()
    if order.out is None and order.form != "jsonl" and sys.stdout.isatty():
        raise UsageError(f"{order.form} may hold bytes that steer a terminal: give --out FILE, or pipe it")
    target = None if order.out is None else check_target(order.out, journal, force=order.force)
    reader = JournalReader(journal)
    table = TABLES[order.what]
    read = steps(reader) if target is None else _watched(steps(reader), journal)
    told = told_in(JournalReader(journal)) if table.asks_validators else None
    with opened(target, force=order.force) as out:
        count = _WRITERS[order.form](table.columns, table.rows(read, filters, told), out)
    if target is not None:
        _say(order, count, reader)
    return 0


def _filters(order: ExportOrder) -> Filters:
    if order.events and order.what != "records":
        raise UsageError(f"--event filters records: it does not go with --what {order.what}")
    return parse_filters(windows=order.windows, events=order.events, since=order.since, until=order.until)


def _watched(found: Iterator[Step], journal: Path) -> Iterator[Step]:
    """The same steps, with a progress bar up to the record that HEAD speaks of."""
    witness = read_witness(journal)
    last = 0 if witness is None else witness.place.head.seq
    with progress("exporting") as on_progress:
        for step in found:
            if step.record.seq % _PROGRESS_EVERY == 0:
                on_progress(step.record.seq, max(step.record.seq, last))
            yield step


def _say(order: ExportOrder, count: int, reader: JournalReader) -> None:
    head = reader.head
    if order.as_json:
        said = {
            "out": path_text(order.out),
            "what": order.what,
            "format": order.form,
            "rows": count,
            "head": {"seq": head.seq, "hash": head.hash},
            "tail_bytes": reader.tail_bytes,
        }
        sys.stdout.write(inert_json(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE).decode()))
        return
    tail = f"; {reader.tail_bytes} bytes of an unfinished record follow" if reader.tail_bytes else ""
    name = printable(str(order.out), _LONGEST_PATH)
    sys.stdout.write(f"{name}: {count} {order.what} from records 1 to {head.seq}{tail}\n")
