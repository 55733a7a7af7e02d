"""``user-miner replay``: a journal explains itself, as a timeline, a state, a difference, one post's life, or a reason.

Reads only. Every record is folded by this build's machine on the way, whatever is shown of it. So a journal that
this
build would have written otherwise is reported, not glossed over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import orjson
import typer

from actor.machine import INITIAL, State, encode_state
from actor.machine.history import FoldError, Step, folded, steps
from audit.errors import UsageError
from audit.filters import Filters, parse_filters
from audit.index import Index
from audit.index.ask import Printer, life_at, lines_at, points_at, why_at
from audit.index.chunk import CHUNK
from audit.moments import Moment, Point, parse_moment, points
from audit.replay.follow import PACE_S, followed, rest
from audit.replay.lines import json_line, record_fields, record_line
from audit.replay.post_life import post_life, post_life_fields
from audit.replay.post_portrait import post_life_lines
from audit.replay.timeline import Timeline
from audit.replay.why import why, why_fields, why_lines
from events.codec import plain
from events.describe import inert_json
from events.differences import difference_fields, difference_lines, differences
from events.journal import JournalError, JournalReader, Record, at_text, locate
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, JournalArgument, JsonOption
from user_miner.terminal import fail, in_one_line, watched

__all__ = ["ReplayOptions", "follow_timeline", "print_timeline", "replay", "run_replay"]


def replay(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="One line per record.")] = False,
    window: Annotated[list[int] | None, typer.Option(metavar="N", min=0, help="Only this window; repeatable.")] = None,
    post: Annotated[
        str | None, typer.Option(metavar="ID", help="The whole life of a post; with other filters, what concerns it.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only records of this event; repeatable.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only records from this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only records up to this UTC time.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Follow new records until Ctrl-C.")] = False,
    at: Annotated[str | None, typer.Option(metavar="SEQ|TIME", help="Print the state at this point.")] = None,
    diff: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="What changed between two points, SEQ or TIME each.")
    ] = None,
    why: Annotated[
        int | None,
        typer.Option(metavar="SEQ", min=1, help="Why this record led to its next state, and what it changed."),
    ] = None,
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a journal: what happened, window by window, and why. From its first record on."""
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
        no_index=no_index,
    )
    raise typer.Exit(run_replay(chosen(journal, env_file, hotkey), options))


class _Printer(Printer, Protocol):
    """What turns steps into lines and counts them: `Timeline`, or one line for each record."""

    shown: int


class _EachRecord:
    """One line for each record that passes."""

    blocks = False

    def __init__(self, line: Callable[[Step], str], filters: Filters) -> None:
        self.shown = 0
        self._line = line
        self._filters = filters

    def take(self, step: Step) -> list[str]:
        if not self._filters.admits(step):
            return []
        self.shown += 1
        return [self._line(step)]

    def skip(self, last_of_run: Record | None) -> None:
        """A record's line depends on no other record."""

    def pause(self) -> list[str]:
        """Nothing is ever held back."""
        return []

    def finish(self) -> list[str]:
        """Nor at the end."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A whole timeline.

    Attributes:
        lines: Those that were not printed yet.
        shown: How many lines there are in all.
        records: How many records the journal has.
        tail_bytes: Length of an unfinished record at its end.
        state: The state at its end.
    """

    lines: list[str]
    shown: int
    records: int
    tail_bytes: int
    state: State


def print_timeline(journal: Path, filters: Filters, *, verbose: bool, as_json: bool, no_index: bool) -> int:
    """All that passes, and for people the sum of it."""

    def by_index(index: Index) -> _Told | None:
        printer = _printer(filters, verbose=verbose, as_json=as_json, source="index")
        lines = lines_at(index, filters, printer)
        if lines is None:
            return None
        return _Told(
            lines=lines,
            shown=printer.shown,
            records=index.record_count,
            tail_bytes=index.tail_bytes,
            state=index.state,
        )

    def by_journal() -> _Told:
        reader = JournalReader(journal)
        printer = _printer(filters, verbose=verbose, as_json=as_json)
        state = _print_steps(reader, printer)
        lines = printer.finish()
        return _Told(
            lines=lines, shown=printer.shown, records=reader.head.seq, tail_bytes=reader.tail_bytes, state=state
        )

    told, _ = answered(journal, by_index, by_journal, use=bool(filters.text) and not no_index)
    sys.stdout.writelines(told.lines)
    if filters.text and not told.shown:
        return _say_that_nothing_passed(told, filters, as_json=as_json)
    if not as_json:
        sys.stdout.write(_summary(told))
    return 0


def follow_timeline(
    reader: JournalReader, filters: Filters, pause: Callable[[], None], *, verbose: bool, as_json: bool
) -> int:
    """All that passes, and what is added, until Ctrl-C; ``pause`` waits until it is time to look again."""
    printer = _printer(filters, verbose=verbose, as_json=as_json)

    def wait() -> None:
        sys.stdout.writelines(printer.pause())
        sys.stdout.flush()
        pause()

    try:
        _print_steps(followed(reader, wait), printer)
    except KeyboardInterrupt:
        sys.stdout.writelines(printer.pause())
    return 0


def _printer(filters: Filters, *, verbose: bool, as_json: bool, source: Source = "journal") -> _Printer:
    if as_json:
        named = {"source": source}
        return _EachRecord(lambda step: json_line(record_fields(step.record, step.event) | named), filters)
    if verbose:
        return _EachRecord(lambda step: record_line(step.record, step.event), filters)
    return Timeline(filters)


def _print_steps(records: Iterable[Record], printer: _Printer) -> State:
    state = INITIAL
    try:
        for step in steps(records):
            sys.stdout.writelines(printer.take(step))
            state = step.after
    except (FoldError, JournalError):
        sys.stdout.writelines(printer.pause())  # what was good before it is shown
        raise
    return state


def _say_that_nothing_passed(told: _Told, filters: Filters, *, as_json: bool) -> int:
    said = f"none of the {told.records} records passes {filters.text}"
    if as_json:
        return fail(said, code=0)  # beside the JSON, of which there is none
    sys.stdout.write(f"{said}\n")
    return 0


def _summary(told: _Told) -> str:
    t, state = told.state.totals, told.state
    dry = " A dry run: nothing was sent." if state.identity is not None and state.identity.dry_run else ""
    tail = f"; {told.tail_bytes} bytes of an unfinished record follow" if told.tail_bytes else ""
    return (
        f"\n{told.records} records{tail}. {t.windows} windows, {t.scraped} posts: {t.accepted} accepted, "
        f"{t.rejected} rejected, {t.abandoned} abandoned, {t.left_out} left out, {len(state.posts)} pending. "
        f"Now {state.state}.{dry}\n"
    )


# Up to here a journal is read faster than its index is made.
_NEAR: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What an operator asked for, as it was written.

    Attributes:
        as_json: For machines.
        verbose: A line for each record instead of a block for each window.
        windows: Numbers of windows.
        post_id: A post.
        events: Names of events.
        since: A time.
        until: A time.
        follow: Go on with what is added.
        at: A record's number or a time: the state there.
        diff: Two of them: what changed between.
        why: A record's number: the reason for it.
        no_index: Answer from the journal alone.
    """

    as_json: bool = False
    verbose: bool = False
    windows: tuple[int, ...] = ()
    post_id: str | None = None
    events: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    follow: bool = False
    at: str | None = None
    diff: tuple[str, str] | None = None
    why: int | None = None
    no_index: bool = False


def _pause() -> None:
    rest(PACE_S)


@in_one_line
def run_replay(directory: Path, options: ReplayOptions, pause: Callable[[], None] = _pause) -> int:
    """Print what was asked for; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        options: What to print.
        pause: Called by ``follow`` when there is nothing new; returns when it is time to look again.
    """
    timeline = _timeline(options, pause)
    journal = locate(directory)
    if options.at is not None:
        return _print_state(journal, options, options.at)
    if options.diff is not None:
        return _print_difference(journal, options, options.diff)
    if options.why is not None:
        return _print_reason(journal, options, options.why)
    if options.post_id is not None and not _narrowing(options):
        return _print_post(journal, options, options.post_id)
    return timeline(journal)


def _timeline(options: ReplayOptions, pause: Callable[[], None]) -> Callable[[Path], int]:
    """What prints the timeline; all options are looked at before a journal is."""
    _require_one_question(options)
    filters = parse_filters(
        windows=options.windows,
        post_id=options.post_id,
        events=options.events,
        since=options.since,
        until=options.until,
    )
    how = {"verbose": options.verbose, "as_json": options.as_json}
    if options.follow:
        return lambda journal: follow_timeline(JournalReader(journal), filters, pause, **how)
    return lambda journal: print_timeline(journal, filters, no_index=options.no_index, **how)


def _require_one_question(options: ReplayOptions) -> None:
    questions = {"--at": options.at, "--diff": options.diff, "--why": options.why}
    asked = [name for name, value in questions.items() if value is not None]
    others = asked[1:] + ["--post"] * (options.post_id is not None) + _narrowing(options)
    if asked and others:
        raise UsageError(f"{asked[0]} and {others[0]} exclude each other; see `user-miner replay --help`")


def _narrowing(options: ReplayOptions) -> list[str]:
    """The options given that belong to the timeline; beside them --post is a filter like the others."""
    given = {
        "--verbose": options.verbose,
        "--follow": options.follow,
        "--window": bool(options.windows),
        "--event": bool(options.events),
        "--since": options.since is not None,
        "--until": options.until is not None,
    }
    return [name for name, value in given.items() if value]


def _print_state(journal: Path, options: ReplayOptions, at: str) -> int:
    ((point,), source) = _points(journal, options, [parse_moment(at, "--at")])
    state = orjson.loads(encode_state(point.state))
    sys.stdout.write(_indented(state | {"source": source} if options.as_json else state))
    return 0


def _points(journal: Path, options: ReplayOptions, moments: list[Moment]) -> tuple[list[Point], Source]:
    """The points, and what they were found in; the first records are read faster than any index."""
    return answered(
        journal,
        lambda index: points_at(index, moments),
        lambda: points(folded(watched(JournalReader(journal), "reading")), moments),
        use=not options.no_index and any(moment.seq is None or moment.seq > CHUNK for moment in moments),
        build=any(moment.seq is None or moment.seq > _NEAR for moment in moments),
    )


def _print_difference(journal: Path, options: ReplayOptions, ends: tuple[str, str]) -> int:
    (first, second), source = _points(journal, options, [parse_moment(end, "--diff") for end in ends])
    found = differences(plain(first.state), plain(second.state))
    if options.as_json:
        changes = [difference_fields(change, sides=("before", "after")) for change in found]
        fields = {"from": _place(first), "to": _place(second), "changes": changes, "source": source}
        sys.stdout.write(_indented(fields))
        return 0
    lines = [f"from {_place_text(first)}", f"to   {_place_text(second)}", *difference_lines(found)]
    sys.stdout.writelines(f"{line}\n" for line in (lines if found else [*lines, "nothing changed"]))
    return 0


def _place(point: Point) -> dict[str, Any]:
    return {"seq": point.seq, "at": None if point.record is None else at_text(point.record.at_ms)}


def _place_text(point: Point) -> str:
    if point.record is None:
        return "before the first record"
    return f"record {point.seq} at {at_text(point.record.at_ms)}, {point.record.name}: {point.state.state}"


def _print_reason(journal: Path, options: ReplayOptions, seq: int) -> int:
    found, source = answered(
        journal,
        lambda index: why_at(index, seq),
        lambda: why(watched(JournalReader(journal), "reading"), seq),
        use=not options.no_index and seq > CHUNK,
        build=seq > _NEAR,
    )
    if options.as_json:
        sys.stdout.write(_indented(why_fields(found) | {"source": source}))
    else:
        sys.stdout.writelines(f"{line}\n" for line in why_lines(found))
    return 0 if found.agrees else 1


def _print_post(journal: Path, options: ReplayOptions, post_id: str) -> int:
    life, source = answered(
        journal,
        lambda index: life_at(index, post_id),
        lambda: post_life(steps(watched(JournalReader(journal), "reading")), post_id),
        use=not options.no_index,
    )
    if options.as_json:
        sys.stdout.write(_indented(post_life_fields(life) | {"source": source}))
    else:
        sys.stdout.writelines(post_life_lines(life))
    return 0


def _indented(value: object) -> str:
    return inert_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
