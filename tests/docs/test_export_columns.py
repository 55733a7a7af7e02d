"""docs/operators/export.md lists every column of every exported table, as the code has them."""

from __future__ import annotations

import pytest

from audit.export import TABLES
from tests.docs.kit import ROOT, put_generated


@pytest.mark.parametrize("what", TABLES)
def test_the_columns_are_made_from_the_code(what: str) -> None:
    """Name, kind and meaning, in the order in which they are written."""
    body = "".join(f"| `{column.name}` | {column.kind} | {column.meaning} |\n" for column in TABLES[what].columns)
    table = f"\n| column | kind | meaning |\n|---|---|---|\n{body}\n"
    assert put_generated(ROOT / "docs" / "operators" / "export.md", f"export {what}", table) == table


@pytest.mark.parametrize("what", TABLES)
def test_names_are_distinct_and_say_their_units(what: str) -> None:
    """Moments end in _at and stand beside the same in milliseconds; nothing else does."""
    columns = TABLES[what].columns
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    moments = [column.name for column in columns if column.kind == "moment"]
    assert moments == [name for name in names if name == "at" or name.endswith("_at")]
    assert [f"{name}_ms" for name in moments] == [name for name in names if name.endswith("at_ms")]
