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
from typing import Annotated, Any, Protocol

import orjson
import typer

from actor.machine import INITIAL, State, encode_state
from actor.machine.history import FoldError, Step, folded, steps
from audit.errors import UsageError
from audit.filters import Filters, parse_filters
from audit.moments import Point, parse_moment, points
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
from user_miner.options import EnvFileOption, JournalArgument, JsonOption, named_or_own
from user_miner.terminal import fail, in_one_line, watched

__all__ = ["ReplayOptions", "follow_timeline", "print_timeline", "replay", "run_replay"]


def replay(
    journal: JournalArgument = None,
    *,
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
    )
    raise typer.Exit(run_replay(named_or_own(journal, env_file), options))


class _Printer(Protocol):
    """What turns steps into lines: `Timeline`, or one line for each record."""

    shown: int

    def take(self, step: Step) -> list[str]: ...

    def pause(self) -> list[str]: ...

    def finish(self) -> list[str]: ...


class _EachRecord:
    """One line for each record that passes."""

    def __init__(self, line: Callable[[Step], str], filters: Filters) -> None:
        self.shown = 0
        self._line = line
        self._filters = filters

    def take(self, step: Step) -> list[str]:
        if not self._filters.admits(step):
            return []
        self.shown += 1
        return [self._line(step)]

    def pause(self) -> list[str]:
        """Nothing is ever held back."""
        return []

    def finish(self) -> list[str]:
        """Nor at the end."""
        return []


def print_timeline(reader: JournalReader, filters: Filters, *, verbose: bool, as_json: bool) -> int:
    """All that passes, and for people the sum of it."""
    printer = _printer(filters, verbose=verbose, as_json=as_json)
    state = _print_steps(reader, printer)
    sys.stdout.writelines(printer.finish())
    if filters.text and not printer.shown:
        return _say_that_nothing_passed(reader, filters, as_json=as_json)
    if not as_json:
        sys.stdout.write(_summary(reader, state))
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


def _printer(filters: Filters, *, verbose: bool, as_json: bool) -> _Printer:
    if as_json:
        return _EachRecord(lambda step: json_line(record_fields(step.record, step.event)), filters)
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


def _say_that_nothing_passed(reader: JournalReader, filters: Filters, *, as_json: bool) -> int:
    said = f"none of the {reader.head.seq} records passes {filters.text}"
    if as_json:
        return fail(said, code=0)  # beside the JSON, of which there is none
    sys.stdout.write(f"{said}\n")
    return 0


def _summary(reader: JournalReader, state: State) -> str:
    t = state.totals
    dry = " A dry run: nothing was sent." if state.identity is not None and state.identity.dry_run else ""
    tail = f"; {reader.tail_bytes} bytes of an unfinished record follow" if reader.tail_bytes else ""
    return (
        f"\n{reader.head.seq} records{tail}. {t.windows} windows, {t.scraped} posts: {t.accepted} accepted, "
        f"{t.rejected} rejected, {t.abandoned} abandoned, {t.left_out} left out, {len(state.posts)} pending. "
        f"Now {state.state}.{dry}\n"
    )


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
    reader = JournalReader(locate(directory))
    if options.at is not None:
        return _print_state(reader, options.at)
    if options.diff is not None:
        return _print_difference(reader, options.diff, as_json=options.as_json)
    if options.why is not None:
        return _print_reason(reader, options.why, as_json=options.as_json)
    if options.post_id is not None and not _narrowing(options):
        return _print_post(reader, options.post_id, as_json=options.as_json)
    return timeline(reader)


def _timeline(options: ReplayOptions, pause: Callable[[], None]) -> Callable[[JournalReader], int]:
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
        return lambda reader: follow_timeline(reader, filters, pause, **how)
    return lambda reader: print_timeline(reader, filters, **how)


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


def _print_state(reader: JournalReader, at: str) -> int:
    (point,) = points(folded(watched(reader, "reading")), [parse_moment(at, "--at")])
    sys.stdout.write(_indented(orjson.loads(encode_state(point.state))))
    return 0


def _print_difference(reader: JournalReader, ends: tuple[str, str], *, as_json: bool) -> int:
    first, second = points(folded(watched(reader, "reading")), [parse_moment(end, "--diff") for end in ends])
    found = differences(plain(first.state), plain(second.state))
    if as_json:
        changes = [difference_fields(change, sides=("before", "after")) for change in found]
        sys.stdout.write(_indented({"from": _place(first), "to": _place(second), "changes": changes}))
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


def _print_reason(reader: JournalReader, seq: int, *, as_json: bool) -> int:
    found = why(watched(reader, "reading"), seq)
    if as_json:
        sys.stdout.write(_indented(why_fields(found)))
    else:
        sys.stdout.writelines(f"{line}\n" for line in why_lines(found))
    return 0 if found.agrees else 1


def _print_post(reader: JournalReader, post_id: str, *, as_json: bool) -> int:
    life = post_life(steps(watched(reader, "reading")), post_id)
    if as_json:
        sys.stdout.write(_indented(post_life_fields(life)))
    else:
        sys.stdout.writelines(post_life_lines(life))
    return 0


def _indented(value: object) -> str:
    return inert_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
