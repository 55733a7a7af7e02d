"""``user-miner fixture``: a test file made from a slice of a recorded journal. Reads the journal only.

The file holds what the machine needs and no more, stands by itself, and passes as it is written.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import orjson
import typer

from actor.testing.scenario import (
    DivergenceError,
    NotInJournalError,
    Scenario,
    post_slice,
    recorded_moments,
    until_slice,
    window_slice,
)
from actor.testing.stand_ins import redacted
from audit.errors import UsageError
from events.describe import inert_json, printable
from events.journal import JournalReader, locate
from user_miner.fixture.minimal import minimal
from user_miner.fixture.source import as_data, as_source
from user_miner.options import EnvFileOption, JournalArgument, JsonOption, named_or_own
from user_miner.output import check_target, opened
from user_miner.terminal import fail, in_one_line

__all__ = ["SliceChoice", "fixture", "fixture_text", "run_fixture", "slice_text"]


def fixture(
    journal: JournalArgument = None,
    *,
    post: Annotated[str | None, typer.Option(metavar="ID", help="One post, from its choice to its verdict.")] = None,
    window: Annotated[int | None, typer.Option(metavar="NUMBER", help="The work on one window.")] = None,
    until: Annotated[
        int | None, typer.Option(metavar="SEQ", min=1, help="What led to this record, from its window's opening.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Output file; - or nothing is standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    keep_text: Annotated[
        bool, typer.Option("--keep-text/--redact", help="Keep texts, authors and ids of posts, or replace them.")
    ] = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a test file from a part of a journal. It passes under pytest as it is written."""
    asked = SliceChoice(post=post, window=window, until=until, keep_text=keep_text, as_json=as_json)
    file = None if out is None or str(out) == "-" else out
    raise typer.Exit(run_fixture(named_or_own(journal, env_file), asked, out=file, force=force))


_LONGEST_PATH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceChoice:
    """Which slice, exactly one of the three, and how to tell it.

    Attributes:
        post: Id of a post.
        window: Number of a window.
        until: Number of a record.
        keep_text: Replace no post's text, author or id.
        as_json: Data instead of Python.
    """

    post: str | None = None
    window: int | None = None
    until: int | None = None
    keep_text: bool = False
    as_json: bool = False


@in_one_line
def run_fixture(directory: Path, asked: SliceChoice, *, out: Path | None = None, force: bool = False) -> int:
    """Print the file, or write it to ``out``; 1 when this build does not follow the journal, 2 on wrong use."""
    if sum(choice is not None for choice in (asked.post, asked.window, asked.until)) != 1:
        raise UsageError("name what the test is about: one of --post ID, --window NUMBER, --until SEQ")
    target = None if out is None else check_target(out, locate(directory), force=force)
    try:
        text = fixture_text(directory, asked)
    except NotInJournalError as error:
        raise UsageError(str(error)) from error
    except DivergenceError as error:
        return fail(f"{error}; `user-miner check` shows more", code=1)
    if target is None:
        sys.stdout.write(text)
        return 0
    with opened(target, force=force) as stream:
        stream.write(text.encode())
    name = printable(str(out), _LONGEST_PATH)
    sys.stdout.write(f"{name} written; run it with: pytest {name}\n")
    return 0


def fixture_text(directory: Path, asked: SliceChoice) -> str:
    """The test file.

    Raises:
        JournalError: There is no journal, or it is damaged before the slice ends.
        NotInJournalError: It does not hold what was asked for.
        DivergenceError: This build does not go as it was recorded.
    """
    return slice_text(_slice(directory, asked), asked)


def slice_text(whole: Scenario, asked: SliceChoice) -> str:
    """The test file of a slice that was found already; DivergenceError as above."""
    own: Collection[str] = () if asked.post is None else (asked.post,)
    told = redacted(minimal(whole, asked.post), own=own, keep_text=asked.keep_text)
    if asked.as_json:
        return inert_json(orjson.dumps(as_data(told), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
    what = _title(asked)
    name = "test_" + what.lower().replace(" ", "_")
    return as_source(told, name=name, title=what, origin=_origin(whole, told, asked))


def _slice(directory: Path, asked: SliceChoice) -> Scenario:
    moments = recorded_moments(JournalReader(locate(directory)))
    if asked.post is not None:
        return post_slice(moments, asked.post)
    if asked.window is not None:
        return window_slice(moments, asked.window)
    return until_slice(moments, asked.until or 0)


def _title(asked: SliceChoice) -> str:
    if asked.post is not None:
        return f"Post {asked.post}"
    return f"Window {asked.window}" if asked.window is not None else f"Until record {asked.until}"


def _origin(whole: Scenario, told: Scenario, asked: SliceChoice) -> str:
    first, last, left = whole.steps[0].seq, whole.steps[-1].seq, len(whole) - len(told)
    kept = f"{len(told)} of the records {first} to {last}" if left else f"Records {first} to {last}"
    if asked.keep_text:
        stand_ins = "The hotkey and the API's address are stand-ins."
    elif asked.post is not None:
        stand_ins = "Other posts' texts, authors and ids, the hotkey and the API's address are stand-ins."
    else:
        stand_ins = "Texts, authors and ids of posts, the hotkey and the API's address are stand-ins."
    return f"{kept} of a journal, made by user-miner {version('user-miner')}.\n{stand_ins}"
