"""Rows as JSON lines or CSV. What comes out of JSON lines is safe to print; CSV is safe for spreadsheets.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-``, ``@`` or a tab for a formula, and posts are written by
strangers. So a text that might be taken for one gets an apostrophe in front, and so does a text that begins with an
apostrophe: whoever takes one apostrophe away from each text that begins with one has the texts as they were.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final

import orjson

from actor.settings.extras import install_hint
from audit.errors import UsageError
from audit.export.columns import Column, Kind
from events.describe import inert_json
from events.journal import at_text

__all__ = ["csv_text", "require_pyarrow", "write_csv", "write_jsonl", "write_parquet"]

_FORMULA: Final = frozenset(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_GUARD: Final = "'"
_GUARDED_FIRST: Final = frozenset("'\t\r\n")


def write_jsonl(columns: tuple[Column, ...], rows: Iterable[tuple[Any, ...]], out: BinaryIO) -> int:
    """One object for each row, with every column in it; the number of rows."""
    names = [column.name for column in columns]
    turned = _turned(columns, _FOR_JSON)
    count = 0
    for row in rows:
        cells = list(row)
        for index, turn in turned:
            cells[index] = None if cells[index] is None else turn(cells[index])
        line = orjson.dumps(dict(zip(names, cells, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
        out.write(inert_json(line.decode()).encode())
        count += 1
    return count


def write_csv(columns: tuple[Column, ...], rows: Iterable[tuple[Any, ...]], out: BinaryIO) -> int:
    """A line of names, then one for each row; an empty cell is None. The number of rows."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    turned = _turned(columns, _FOR_CSV)
    try:
        writer = csv.writer(text, lineterminator="\r\n")  # of RFC 4180; only these two are quoted within cells
        writer.writerow([column.name for column in columns])
        count = 0
        for row in rows:
            cells = list(row)
            for index, turn in turned:
                cells[index] = None if cells[index] is None else turn(cells[index])
            writer.writerow(cells)
            count += 1
    finally:
        text.detach()
    return count


def csv_text(text: str) -> str:
    """A text as its cell holds it: never a formula."""
    return _GUARD + text if _is_guarded(text) else text


def _is_guarded(text: str) -> bool:
    if text[:1] in _GUARDED_FIRST:
        return text != ""
    first = next((c for c in text if c.isprintable() and not c.isspace()), "")
    return first in _FORMULA


def _flag(value: bool) -> str:  # noqa: FBT001  (a cell)
    return "true" if value else "false"


_FOR_JSON: Final[Mapping[Kind, Callable[[Any], Any]]] = {"moment": at_text, "json": orjson.Fragment}
_FOR_CSV: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    "text": csv_text,
    "moment": at_text,
    "json": bytes.decode,
    "flag": _flag,
}


def _turned(
    columns: tuple[Column, ...], turns: Mapping[Kind, Callable[[Any], Any]]
) -> list[tuple[int, Callable[[Any], Any]]]:
    return [(index, turns[column.kind]) for index, column in enumerate(columns) if column.kind in turns]


_ROW_GROUP: Final = 5_000


def require_pyarrow() -> None:
    """See that Parquet can be written.

    Raises:
        UsageError: The extra is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401, PLC0415
    except ImportError as error:
        line = f"Parquet needs the package pyarrow, which is not installed: {install_hint('parquet')}"
        raise UsageError(line) from error


def write_parquet(columns: tuple[Column, ...], rows: Iterable[tuple[Any, ...]], out: BinaryIO) -> int:
    """Row groups of 5,000 rows, so that memory holds no more than that; the number of rows."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    kinds: Mapping[Kind, Any] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "moment": pa.timestamp("ms", tz="UTC"),
        "json": pa.string(),
    }
    schema = pa.schema([pa.field(c.name, kinds[c.kind], metadata={"meaning": c.meaning}) for c in columns])
    count, left = 0, iter(rows)
    try:
        with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
            while group := list(islice(left, _ROW_GROUP)):
                writer.write_table(pa.table(list(_arrays(columns, group, schema, pa.array)), schema=schema))
                count += len(group)
    except (pa.ArrowInvalid, OverflowError) as error:
        raise UsageError(f"the rows do not fit into Parquet's 64-bit numbers: {error}; export JSON or CSV") from error
    return count


def _arrays(
    columns: tuple[Column, ...], group: list[tuple[Any, ...]], schema: Any, array: Callable[..., Any]
) -> Iterable[Any]:
    for column, cells, field in zip(columns, zip(*group, strict=True), schema, strict=True):
        values = [None if c is None else c.decode() for c in cells] if column.kind == "json" else cells
        yield array(values, type=field.type)
