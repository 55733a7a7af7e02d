"""``user-miner export``: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument

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
    journal: JournalArgument = None,
    *,
    what: Annotated[What | None, typer.Option(help="Rows of what [default: records]", show_default=False)] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Parquet needs the extra `parquet` [default: jsonl]", show_default=False),
    ] = None,
    dispute: Annotated[
        str | None,
        typer.Option(metavar="POST", help="In place of rows: a bundle that proves what became of this post."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; - or nothing is standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to this UTC time.")] = None,
    window: Annotated[list[int] | None, typer.Option(min=0, help="Only this window; repeatable.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="Only records of this event; repeatable.")] = None,
    env_file: EnvFileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --out: say as JSON what was written.")] = False,
) -> None:
    """Write a journal as rows for other programs. Its records, posts or windows; or one post as a dispute bundle."""
    file = None if out is None or str(out) == "-" else out
    if as_json and file is None:
        raise typer.BadParameter("says what was written to a file: it needs --out", param_hint="--json")
    if dispute is not None:
        if what or form or since or until or window or event:
            raise typer.BadParameter(
                "a bundle holds one post: it takes --out, --force and --json", param_hint="--dispute"
            )
        raise typer.Exit(_bundle(named_or_own(journal, env_file), dispute, file, force=force, as_json=as_json))
    from audit.export import ExportOrder, run_export  # noqa: PLC0415

    order = ExportOrder(
        what=(what or What.RECORDS).value,
        form=(form or Form.JSONL).value,
        out=file,
        force=force,
        as_json=as_json,
        since=since,
        until=until,
        windows=tuple(window or ()),
        events=tuple(event or ()),
    )
    raise typer.Exit(run_export(named_or_own(journal, env_file), order))


def _bundle(journal: Path, post_id: str, out: Path | None, *, force: bool, as_json: bool) -> int:
    from actor.edges.hotkey import is_signed_by  # noqa: PLC0415
    from audit.dispute import run_make_bundle  # noqa: PLC0415

    return run_make_bundle(journal, post_id, out=out, force=force, as_json=as_json, is_signed_by=is_signed_by)
