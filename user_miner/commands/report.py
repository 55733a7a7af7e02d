"""``user-miner report``: the inspector's page about one journal in one file, which needs no server. Reads only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.inspect.journal import JournalSource
from audit.inspect.report import report_blocks
from events.journal import JournalDamagedError, at_text, locate
from events.money import Money
from user_miner.inspect.files import one_file
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument, own_money
from user_miner.output import check_target, opened
from user_miner.terminal import in_one_line, note, progress

__all__ = ["report", "run_report"]


def report(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write the page.")],
    redact: Annotated[bool, typer.Option("--redact", help="Leave out posts' texts and authors.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    env_file: EnvFileOption = None,
) -> None:
    """Write the page about a journal into one file. It opens in a browser, offline."""
    from importlib.metadata import version  # noqa: PLC0415

    from actor.edges.clock import SystemClock  # noqa: PLC0415

    made = f"at {at_text(SystemClock().now_ms())[:16]}Z by user-miner {version('user-miner')}"
    money = own_money(env_file)
    raise typer.Exit(
        run_report(chosen(journal, env_file, hotkey), out, money=money, made=made, redacted=redact, force=force)
    )


@in_one_line
def run_report(directory: Path, out: Path, *, money: Money, made: str, redacted: bool, force: bool) -> int:
    """Write the file; 1 when the journal is damaged, of which it shows what comes before, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        out: The file.
        money: What units cost.
        made: When and by what it is made, for people.
        redacted: Without posts' texts and authors.
        force: Replace the file.
    """
    journal = locate(directory)
    target = check_target(out, journal, force=force)
    source = JournalSource(journal, money, on_note=note)
    with progress("reading") as on_progress:
        while source.follow():
            on_progress(source.about()["records"], 0)
    with progress("writing") as on_progress:
        blocks = dict(report_blocks(source, made=made, redacted=redacted, on_progress=on_progress))
    page = one_file(blocks).encode()
    with opened(target, force=force) as file:
        file.write(page)
    about = source.about()
    note(f"{about['records']} records in {len(page):,} bytes: {out}")
    if about["stopped"]:
        raise JournalDamagedError(f"the report ends at record {about['records']}: {about['stopped']}")
    return 0
