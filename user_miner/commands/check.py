"""``user-miner check``: would this build have decided as the journal says? Reads only.

The comparison is ``audit.check``; its answer is printed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.check import check_journal
from audit.check.report import json_text, outcome_text
from events.journal import locate
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument, JsonOption
from user_miner.terminal import in_one_line, progress, tell

__all__ = ["check", "run_check"]


def check(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    to_the_end: Annotated[bool, typer.Option("--all", help="Continue after the first difference.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that this build decides as a journal records. Would it have decided the same?"""
    from importlib.metadata import version  # noqa: PLC0415

    directory = chosen(journal, env_file, hotkey)
    raise typer.Exit(run_check(directory, build=version("user-miner"), to_the_end=to_the_end, as_json=as_json))


@in_one_line
def run_check(directory: Path, *, build: str, to_the_end: bool, as_json: bool) -> int:
    """Print the report; 0 when this build agrees with every record, 1 when not or when the journal is damaged.

    Args:
        directory: The journal, or a folder that holds exactly one.
        build: This build's version, for people.
        to_the_end: Continue after the first difference.
        as_json: One JSON object instead of text.
    """
    with progress("checking") as on_progress:  # nothing is printed meanwhile, for a bar may stand on the terminal
        outcome = check_journal(locate(directory), to_the_end=to_the_end, on_progress=on_progress)
    tell(json_text(outcome, build) if as_json else outcome_text(outcome, build))
    return 0 if outcome.ok else 1
