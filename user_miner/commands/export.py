"""``user-miner export``: read a journal, filter its rows, write them, and say what was written. Reads only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, TypeAlias

import orjson
import typer

from actor.machine.history import steps
from audit.dispute.bundle import encode_bundle
from audit.dispute.by_index import bundle_by_index
from audit.dispute.checking import BundleReport, check_bundle
from audit.dispute.collecting import make_bundles
from audit.dispute.comparing import with_checkpoint, with_journal
from audit.dispute.text import report_fields, report_lines
from audit.errors import UsageError
from audit.export.columns import Column
from audit.export.formats import require_pyarrow, write_csv, write_jsonl, write_parquet
from audit.export.tables import TABLES
from audit.feedback import told_in
from audit.filters import Filters, parse_filters
from audit.index import Index
from audit.index.ask import filtered_steps, post_steps
from audit.index.window_rows import window_rows
from audit.vouch import SignatureCheck
from events.describe import inert_json, path_text, printable
from events.journal import Head, JournalReader, locate
from events.named_file import read_named
from user_miner.commands.verify import kept_checkpoint
from user_miner.indexed import NoIndexOption, answered
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument
from user_miner.output import check_target, opened
from user_miner.terminal import in_one_line, tell, watched

__all__ = ["Form", "What", "export", "run_check_bundle", "run_export", "run_make_bundle"]


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
    hotkey: WhoseOption = None,
    what: Annotated[What | None, typer.Option(help="Which table [default: records]", show_default=False)] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Parquet needs the extra `parquet` [default: jsonl]", show_default=False),
    ] = None,
    dispute: Annotated[
        str | None,
        typer.Option(metavar="POST", help="Instead of rows: a bundle that proves the verdict on this post."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Output file; - or nothing is standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to this UTC time.")] = None,
    window: Annotated[list[int] | None, typer.Option(min=0, help="Only this window; repeatable.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="Only records of this event; repeatable.")] = None,
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --out: print a JSON summary of what was written.")
    ] = False,
) -> None:
    """Export a journal as rows for other programs. Its records, posts or windows; or one post as a dispute bundle."""
    file = None if out is None or str(out) == "-" else out
    if as_json and file is None:
        raise typer.BadParameter("says what was written to a file: it needs --out", param_hint="--json")
    if dispute is not None:
        if what or form or since or until or window or event:
            raise typer.BadParameter(
                "a bundle holds one post: it takes --out, --force, --no-index and --json", param_hint="--dispute"
            )
        how = {"force": force, "as_json": as_json, "no_index": no_index}
        raise typer.Exit(_bundle(chosen(journal, env_file, hotkey), dispute, file, **how))
    limits: dict[str, Any] = {"windows": window or (), "events": event or (), "since": since, "until": until}
    raise typer.Exit(
        run_export(
            chosen(journal, env_file, hotkey),
            (what or What.RECORDS).value,
            (form or Form.JSONL).value,
            limits,
            out=file,
            force=force,
            as_json=as_json,
            no_index=no_index,
        )
    )


def _bundle(journal: Path, post_id: str, out: Path | None, **how: bool) -> int:
    from actor.edges.hotkey import is_signed_by  # noqa: PLC0415

    return run_make_bundle(journal, post_id, out=out, is_signed_by=is_signed_by, **how)


WhatText: TypeAlias = Literal["records", "posts", "windows"]
FormatText: TypeAlias = Literal["jsonl", "csv", "parquet"]
_Write: TypeAlias = Callable[[tuple[Column, ...], Iterator[tuple[Any, ...]], BinaryIO], int]

_LONGEST_PATH: Final = 1_000
_WRITERS: Final[Mapping[FormatText, _Write]] = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}


@in_one_line
def run_export(
    directory: Path,
    what: WhatText,
    form: FormatText,
    limits: Mapping[str, Any],
    *,
    out: Path | None,
    force: bool,
    as_json: bool,
    no_index: bool = False,
) -> int:
    """Write the table; 0 when all of it was, 1 when the journal is damaged, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        what: The table.
        form: How it is written.
        limits: As `parse_filters` takes them.
        out: Where to; None is standard output.
        force: Overwrite an existing file.
        as_json: Say what was written as JSON.
        no_index: Read the journal alone.
    """
    if limits["events"] and what != "records":
        raise UsageError(f"--event filters records: it does not go with --what {what}")
    filters = parse_filters(**limits)
    journal = locate(directory)
    if form == "parquet":
        require_pyarrow()
    if out is None and form != "jsonl" and sys.stdout.isatty():
        raise UsageError(f"{form} may hold bytes that steer a terminal: give --out FILE, or pipe it")
    target = None if out is None else check_target(out, journal, force=force)
    found, source = answered(
        journal,
        lambda index: _Rows.of_index(index, what, filters),
        lambda: _Rows.of_journal(journal, what, filters, is_watched=target is not None),
        use=bool(filters.text) and not no_index,
    )
    with opened(target, force=force) as stream:
        count = _WRITERS[form](TABLES[what].columns, found.rows, stream)
    if target is not None:
        head, tail_bytes = found.end()
        fields = {"head": {"seq": head.seq, "hash": head.hash}, "tail_bytes": tail_bytes, "source": source}
        _say(what, form, out, count, fields, as_json=as_json)
    return 0


def _rows_by_index(index: Index, what: WhatText, filters: Filters) -> Iterator[tuple[Any, ...]] | None:
    table = TABLES[what]
    if what == "windows":
        windows = window_rows(index, filters)
        return None if windows is None else iter([table.row(window) for window in windows])
    found = filtered_steps(index, filters) if what == "records" else post_steps(index, filters)
    if found is None:
        return None
    read = list(found)
    return iter(list(table.rows(read, filters, told_in(step.record for step in read))))


class _Rows:
    """The rows, to be taken once, and then the journal's end: its head, and the bytes of an unfinished record."""

    def __init__(self, rows: Iterator[tuple[Any, ...]], end: Callable[[], tuple[Head, int]]) -> None:
        self.rows = rows
        self.end = end

    @classmethod
    def of_index(cls, index: Index, what: WhatText, filters: Filters) -> _Rows | None:
        """From the few stretches that may hold a row; None where these are not known, or not few."""
        rows, last = _rows_by_index(index, what, filters), index.last_record
        if rows is None or last is None:
            return None
        end = (last.head, index.tail_bytes)
        return cls(rows, lambda: end)

    @classmethod
    def of_journal(cls, journal: Path, what: WhatText, filters: Filters, *, is_watched: bool) -> _Rows:
        """Read from the first record on, as somebody asks for them."""
        reader = JournalReader(journal)
        table = TABLES[what]
        read = steps(watched(reader, "exporting") if is_watched else reader)
        told = told_in(JournalReader(journal)) if table.asks_validators else None
        return cls(table.rows(read, filters, told), lambda: (reader.head, reader.tail_bytes))


def _say(what: str, form: str, out: Path | None, count: int, end: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        said = {"out": path_text(out), "what": what, "format": form, "rows": count, **end}
        sys.stdout.write(inert_json(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE).decode()))
        return
    tail = f"; {end['tail_bytes']} bytes of an unfinished record follow" if end["tail_bytes"] else ""
    name = printable(str(out), _LONGEST_PATH)
    sys.stdout.write(f"{name}: {count} {what} from records 1 to {end['head']['seq']}{tail}\n")


_LARGEST_BYTES: Final = 256 * 1024 * 1024
_LONGEST_BUNDLE_PATH: Final = 1_000


@in_one_line
def run_make_bundle(
    directory: Path,
    post_id: str,
    *,
    out: Path | None,
    force: bool,
    as_json: bool,
    is_signed_by: SignatureCheck,
    no_index: bool = False,
) -> int:
    """Write the bundle and say what it proves; 0 when written, 1 when something contradicts itself, 2 on wrong use."""
    journal = locate(directory)
    target = None if out is None else check_target(out, journal, force=force)
    bundle, source = answered(
        journal,
        lambda index: bundle_by_index(index, post_id),
        lambda: next(make_bundles(journal, [post_id])),
        use=not no_index,
    )
    content = encode_bundle(bundle).encode()
    report = check_bundle(content, is_signed_by)
    with opened(target, force=force) as stream:
        stream.write(content)
    if out is not None:
        _say_bundle(
            report,
            f"{printable(str(out), _LONGEST_BUNDLE_PATH)}: post {printable(post_id)}\n",
            {"source": source},
            as_json=as_json,
        )
    return int(bool(report.findings))


@in_one_line
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
    journal = None if directory is None else locate(directory)
    kept = None if checkpoint is None else kept_checkpoint(checkpoint)
    report = check_bundle(_content(file), is_signed_by, hotkey=hotkey)
    if journal is not None:
        report = with_journal(report, journal)
    if kept is not None:
        report = with_checkpoint(report, kept, is_signed_by)
    _say_bundle(report, "", {}, as_json=as_json)
    return 0 if report.ok else 1


def _content(file: Path) -> bytes:
    try:
        content = read_named(file, _LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--bundle {file}: {error.strerror}") from error
    if len(content) > _LARGEST_BYTES:
        raise UsageError(f"--bundle {file}: longer than {_LARGEST_BYTES} bytes, which no bundle is")
    return content


def _say_bundle(report: BundleReport, heading: str, more: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        tell(inert_json(orjson.dumps({**report_fields(report), **more}, option=orjson.OPT_INDENT_2).decode()) + "\n")
        return
    tell(heading + "".join(report_lines(report)))
