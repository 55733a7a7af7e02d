"""``user-miner status``: what the miner of a journal does now, from the journal and the process that holds it.

Reads only, and never takes the journal's lock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from actor.machine.history import FoldError
from audit.index.ask import look_at
from audit.status.fields import status_fields
from audit.status.holder import process_of
from audit.status.lines import status_lines
from audit.status.look import Look
from events.describe import inert_json, printable
from events.journal import JournalError, locate
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.journals import AllOption, JournalRow, WhoseOption, chosen, over_all
from user_miner.options import EnvFileOption, JsonOption
from user_miner.terminal import exit_code, fail, in_one_line, progress

__all__ = ["first_look", "run_status", "status"]

# Where a snapshot stands for what is older, an index that ends earlier saves nothing.
_REACH_BYTES: Final = 4 << 20


def status(
    *,
    journal: Annotated[
        Path | None, typer.Option(help="A journal, or a folder that holds exactly one [default: JOURNAL_DIR]")
    ] = None,
    hotkey: WhoseOption = None,
    all_journals: AllOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep watching until Ctrl-C.")] = False,
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the miner is doing now. Its process, state, window, posts, costs, and what went wrong last."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415

    now_ms = SystemClock().now_ms
    if all_journals:
        if watch:
            raise typer.Exit(
                fail("--all shows all journals once: leave out --watch, or name one with --hotkey", code=2)
            )

        def look(found: Path) -> JournalRow:
            return _row(*_seen(found, now_ms, no_index=no_index))

        raise typer.Exit(over_all(journal, env_file, hotkey, _HEADS, look, as_json=as_json))
    directory = chosen(journal, env_file, hotkey)
    raise typer.Exit(run_status(directory, watching=watch, as_json=as_json, now_ms=now_ms, no_index=no_index))


@in_one_line
def run_status(
    directory: Path, *, watching: bool, as_json: bool, now_ms: Callable[[], int], no_index: bool = False
) -> int:
    """Print the status; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        watching: Keep watching until Ctrl-C.
        as_json: For machines; with ``watching`` a line for each change.
        now_ms: The present moment, unix milliseconds.
        no_index: Answer from the journal alone.
    """
    journal = locate(directory)
    if watching:
        from audit.status.watch import watch  # noqa: PLC0415  (rich costs start-up time that one look does not need)

        begin = partial(first_look, journal, use=not no_index)
        return watch(journal, as_json=as_json, now_ms=now_ms, begin=begin)
    fields, code = _seen(journal, now_ms, no_index=no_index)
    if as_json:
        text = orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
        sys.stdout.write(inert_json(text))
    else:
        sys.stdout.writelines(f"{line}\n" for line in status_lines(fields) if line.label != "finding")
    return code if fields["finding"] is None else fail(fields["finding"], code=code)


def _seen(journal: Path, now_ms: Callable[[], int], *, no_index: bool) -> tuple[dict[str, Any], int]:
    """What the status tells, and its exit code."""
    look, source = first_look(journal, now_ms(), use=not no_index)
    finding: str | None = None
    code = 0
    try:
        with progress("reading") as on_progress:
            look.refresh(lambda seq: on_progress(seq, seq))
    except (JournalError, FoldError) as error:  # what was good before it is told all the same
        finding = str(error)
        code = exit_code(error) if isinstance(error, JournalError) else 1
    fields = status_fields(look, process_of(journal, look.state), now_ms(), finding=finding)
    return {**fields, "source": source}, code


_HEADS: Final = ("process", "state", "window", "accepted", "today", "X $", "LLM $", "trouble")


def _row(fields: dict[str, Any], code: int) -> JournalRow:
    """One line of many: who mines, on what, with what success, and what is wrong."""
    process, today = fields["process"], fields["today"]
    worked_on = fields["window"] and fields["window"]["worked_on"]
    mines = {"yes": str(process["pid"] or "yes"), "no": "none"}.get(process["holds"], "unknown")
    trouble = [fields["finding"], *(alarm["title"] for alarm in fields["alarms"])]
    cells = (
        mines,
        fields["state"]["name"],
        "-" if not worked_on else str(worked_on["number"]),
        str(fields["totals"]["accepted"]),
        str(today["accepted"]),
        *("-" if today[cost] is None else f"{today[cost]:.4f}" for cost in ("x_usd", "llm_usd")),
        "; ".join(filter(None, trouble)) or "-",
    )
    return JournalRow(cells=tuple(map(printable, cells)), fields=fields, code=code)


def first_look(journal: Path, now_ms: int, *, use: bool) -> tuple[Look, Source]:
    """The journal at this moment, by its index where that may be used and saves something; and what it is read from."""
    plain = Look(journal, now_ms)
    return answered(
        journal,
        lambda index: look_at(index, now_ms),
        lambda: plain,
        use=use,
        build=plain.snapshot_seq is None,
        reach_bytes=None if plain.snapshot_seq is None else _REACH_BYTES,
    )
