"""``user-miner export``: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from actor.commands.options import JournalArgument

__all__ = ["export"]


class What(StrEnum):
    """The tables."""

    RECORDS = "records"
    POSTS = "posts"
    WINDOWS = "windows"


class Form(StrEnum):
    """The formats."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def export(
    journal: JournalArgument,
    *,
    what: Annotated[What, typer.Option(help="Rows of what.")] = What.RECORDS,
    form: Annotated[Form, typer.Option("--format", help="Parquet needs the extra `parquet`.")] = Form.JSONL,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; - or nothing is standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to this UTC time.")] = None,
    window: Annotated[list[int] | None, typer.Option(help="Only this window; repeatable.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="Only records of this event; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --out: say as JSON what was written.")] = False,
) -> None:
    """Write a journal's records, posts or windows as rows for other programs."""
    from audit.export import ExportOrder, run_export  # noqa: PLC0415

    order = ExportOrder(
        what=what.value,
        form=form.value,
        out=None if out is None or str(out) == "-" else out,
        force=force,
        as_json=as_json,
        since=since,
        until=until,
        windows=tuple(window or ()),
        events=tuple(event or ()),
    )
    raise typer.Exit(run_export(journal, order))
