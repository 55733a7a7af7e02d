"""``user-miner replay``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import EnvFileOption, JournalArgument, JsonOption

__all__ = ["replay"]


def replay(
    journal: JournalArgument = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="A line for each record.")] = False,
    window: Annotated[list[int] | None, typer.Option(metavar="N", min=0, help="Only this window; repeatable.")] = None,
    post: Annotated[
        str | None, typer.Option(metavar="ID", help="The whole life of a post; with other filters, what concerns it.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only records of this event; repeatable.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only records from this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only records up to this UTC time.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is written, until Ctrl-C.")] = False,
    at: Annotated[str | None, typer.Option(metavar="SEQ|TIME", help="Print the state there.")] = None,
    diff: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="What changed between two points, SEQ or TIME each.")
    ] = None,
    why: Annotated[
        int | None, typer.Option(metavar="SEQ", min=1, help="Why this record led where it led, and what it changed.")
    ] = None,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a journal: what happened, window by window, and why. From its first record on."""
    from audit.replay import ReplayOptions, run_replay  # noqa: PLC0415

    options = ReplayOptions(
        as_json=as_json,
        verbose=verbose,
        windows=tuple(window or ()),
        post_id=post,
        events=tuple(event or ()),
        since=since,
        until=until,
        follow=follow,
        at=at,
        diff=diff,
        why=why,
    )
    raise typer.Exit(run_replay(named_or_own(journal, env_file), options))
