"""``user-miner fixture``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument, JsonOption

__all__ = ["fixture"]


def fixture(
    journal: JournalArgument = None,
    *,
    post: Annotated[str | None, typer.Option(metavar="ID", help="One post, from its choice to its verdict.")] = None,
    window: Annotated[int | None, typer.Option(metavar="NUMBER", help="The work on one window.")] = None,
    until: Annotated[
        int | None, typer.Option(metavar="SEQ", min=1, help="What led to this record, from its window's opening.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; - or nothing is standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    keep_text: Annotated[
        bool, typer.Option("--keep-text/--redact", help="Keep texts, authors and ids of posts, or put in stand-ins.")
    ] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a test file from a part of a journal. It passes under pytest as it is written."""
    from actor.testing.fixture import Asked, run_fixture  # noqa: PLC0415

    asked = Asked(post=post, window=window, until=until, keep_text=keep_text, as_json=as_json)
    file = None if out is None or str(out) == "-" else out
    raise typer.Exit(run_fixture(named_or_own(journal, env_file), asked, out=file, force=force))
