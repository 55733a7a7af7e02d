"""Rows as Parquet, by pyarrow, which is loaded only here. Moments become UTC timestamps, JSON becomes text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final

from audit.exporting.columns import Column, Kind
from audit.extras import install_hint
from audit.terminal import UsageError

__all__ = ["require_pyarrow", "write_parquet"]

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
