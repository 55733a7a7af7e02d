"""``user-miner fixture``: a test file made from a slice of a recorded journal. Reads the journal only.

The file holds what the machine needs and no more, stands by itself, and passes as it is written.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import orjson
import typer

from actor.machine.history import Step
from actor.testing.scenario import (
    DivergenceError,
    Moment,
    NotInJournalError,
    Scenario,
    follow,
    post_slice,
    recorded_moments,
    recorded_steps,
    until_slice,
    window_slice,
)
from actor.testing.stand_ins import redacted
from audit.errors import UsageError
from audit.filters import opens_window
from audit.index import Index
from events.catalogue import GapDeclared, PostsScraped
from events.describe import inert_json, printable
from events.journal import JournalReader, locate
from user_miner.fixture.minimal import minimal
from user_miner.fixture.source import as_data, as_source
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument, JsonOption
from user_miner.output import check_target, opened
from user_miner.terminal import fail, in_one_line

__all__ = ["SliceChoice", "fixture", "fixture_text", "run_fixture", "slice_text"]


def fixture(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
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
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a test file from a part of a journal. It passes under pytest as it is written."""
    asked = SliceChoice(post=post, window=window, until=until, keep_text=keep_text, as_json=as_json, no_index=no_index)
    file = None if out is None or str(out) == "-" else out
    raise typer.Exit(run_fixture(chosen(journal, env_file, hotkey), asked, out=file, force=force))


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
        no_index: Look for it in the journal alone.
    """

    post: str | None = None
    window: int | None = None
    until: int | None = None
    keep_text: bool = False
    as_json: bool = False
    no_index: bool = False


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
    journal = locate(directory)
    found, source = answered(
        journal,
        lambda index: _indexed_slice(index, asked),
        lambda: _slice(recorded_moments(JournalReader(journal)), asked),
        use=not asked.no_index,
    )
    return slice_text(found, asked, source)


def slice_text(whole: Scenario, asked: SliceChoice, source: Source = "journal") -> str:
    """The test file of a slice that was found already, in ``source``; DivergenceError as above."""
    own: Collection[str] = () if asked.post is None else (asked.post,)
    told = redacted(minimal(whole, asked.post), own=own, keep_text=asked.keep_text)
    if asked.as_json:
        data = as_data(told) | {"source": source}
        return inert_json(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
    what = _title(asked)
    name = "test_" + what.lower().replace(" ", "_")
    return as_source(told, name=name, title=what, origin=_origin(whole, told, asked))


def _slice(moments: Iterable[Moment], asked: SliceChoice) -> Scenario:
    if asked.post is not None:
        return post_slice(moments, asked.post)
    if asked.window is not None:
        return window_slice(moments, asked.window)
    return until_slice(moments, asked.until or 0)


def _indexed_slice(index: Index, asked: SliceChoice) -> Scenario | None:
    """The slice, read from where it begins to where it ends; None where the whole journal must be looked at."""
    first = _first(index, asked)
    if first is None:
        return None
    last = asked.until or index.record_count
    moments = follow(index.state_at(first - 1), recorded_steps(index.records(first, last)))
    try:
        return _slice(_one_window(moments) if asked.window is not None else moments, asked)
    except (DivergenceError, NotInJournalError):
        return None


def _first(index: Index, asked: SliceChoice) -> int | None:
    """The record with which the slice begins; None without one."""
    if asked.post is not None:
        chunks = index.naming([asked.post])
        found = (s for chunk in chunks for s in index.steps(chunk.first, chunk.last) if _chooses(s, asked.post))
        return next((step.record.seq for step in found), None)
    number, last = asked.window, asked.until or index.record_count
    if last > index.record_count:
        return None
    for chunk in reversed(index.chunks):
        if chunk.first <= last and (number is None or number in chunk.windows):
            opened = [s for s in index.steps(chunk.first, min(chunk.last, last)) if _opens(s, number)]
            if opened:
                return opened[-1].record.seq
    return None if number is not None else 1


def _chooses(step: Step, post_id: str) -> bool:
    return isinstance(step.event, PostsScraped) and post_id in {post.id for post in step.event.posts}


def _opens(step: Step, number: int | None) -> bool:
    window = step.after.window
    return opens_window(step) and window is not None and number in {None, window.number}


def _one_window(moments: Iterator[Moment]) -> Iterator[Moment]:
    """As far as the next window's opening; the first one opens the window."""
    yield next(moments)
    for moment in moments:
        window, is_gap = moment.after.window, isinstance(moment.step.event, GapDeclared)
        if window is not None and window != moment.before.window and not is_gap:
            return
        yield moment


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
