"""``user-miner replay``: a journal explains itself, as a timeline, a state, a difference, one post's life, or a reason.

Reads only. Every record is folded by this build's machine on the way, whatever is shown of it. So a journal that this
build would have written otherwise is reported, not glossed over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from actor.machine import encode_state
from audit.differences import difference_fields, difference_lines, differences
from audit.filters import parse_filters
from audit.history import folded, steps
from audit.moments import Point, parse_moment, points
from audit.replaying.follow import PACE_S, rest
from audit.replaying.output import follow_timeline, print_timeline
from audit.replaying.post_life import post_life, post_life_fields
from audit.replaying.post_portrait import post_life_lines
from audit.replaying.why import why, why_fields, why_lines
from audit.terminal import UsageError, answer, inert_json, progress
from events.codec import plain
from events.journal import JournalReader, Record, at_text, locate
from events.journal.head import read_witness

__all__ = ["ReplayOptions", "run_replay"]

_PROGRESS_EVERY: Final = 1_000


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


def run_replay(directory: Path, options: ReplayOptions, pause: Callable[[], None] = _pause) -> int:
    """Print what was asked for; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        options: What to print.
        pause: Called by ``follow`` when there is nothing new; returns when it is time to look again.
    """
    return answer(lambda: _run(directory, options, pause))


def _run(directory: Path, options: ReplayOptions, pause: Callable[[], None]) -> int:
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
    (point,) = points(folded(_watched(reader)), [parse_moment(at, "--at")])
    sys.stdout.write(_indented(orjson.loads(encode_state(point.state))))
    return 0


def _print_difference(reader: JournalReader, ends: tuple[str, str], *, as_json: bool) -> int:
    first, second = points(folded(_watched(reader)), [parse_moment(end, "--diff") for end in ends])
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
    found = why(_watched(reader), seq)
    if as_json:
        sys.stdout.write(_indented(why_fields(found)))
    else:
        sys.stdout.writelines(f"{line}\n" for line in why_lines(found))
    return 0 if found.agrees else 1


def _print_post(reader: JournalReader, post_id: str, *, as_json: bool) -> int:
    life = post_life(steps(_watched(reader)), post_id)
    if as_json:
        sys.stdout.write(_indented(post_life_fields(life)))
    else:
        sys.stdout.writelines(post_life_lines(life))
    return 0


def _indented(value: object) -> str:
    return inert_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def _watched(reader: JournalReader) -> Iterator[Record]:
    """The records, with a progress bar where a person waits."""
    witness = read_witness(reader.directory)
    total = 0 if witness is None else witness.place.head.seq
    with progress("reading") as on_progress:
        for record in reader:
            if record.seq % _PROGRESS_EVERY == 0:
                on_progress(record.seq, max(total, record.seq))
            yield record
