"""``user-miner replay``: a journal as a timeline, or the state after one of its records. Reads only.

Every record is folded by this build's machine on the way, so a journal that this build would have written differently
is reported, not glossed over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from actor.machine import INITIAL, State, encode_state
from audit.history import FoldError, folded
from audit.terminal import exit_code, fail, inert_json, progress
from events.describe import describe, is_trouble
from events.journal import JournalError, JournalReader, Record, at_text, locate

__all__ = ["run_replay"]

_NAME_WIDTH = 18


def run_replay(directory: Path, *, as_json: bool, at: int | None) -> int:
    """Print the timeline, or the state after record ``at``; 1 when damaged or diverging, 2 on wrong use."""
    try:
        reader = JournalReader(locate(directory))
        if at is not None:
            return _print_state(reader, at)
        state = _print_timeline(reader, _json_line if as_json else _text_line)
    except JournalError as error:
        return fail(str(error), code=exit_code(error))
    except FoldError as error:
        return fail(str(error), code=1)
    if not as_json:
        sys.stdout.write(_summary(reader, state))
    return 0


def _print_state(reader: JournalReader, at: int) -> int:
    state, seq = INITIAL, 0
    with progress("folding") as on_progress:
        for record, after in folded(reader):
            if record.seq > at:
                break
            state, seq = after, record.seq
            on_progress(seq, at)
    if seq < at:
        return fail(f"--at {at}: the journal ends at record {seq}", code=2)
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(inert_json(orjson.dumps(orjson.loads(encode_state(state)), option=options).decode()))
    return 0


def _print_timeline(reader: JournalReader, line: Callable[[Record], str]) -> State:
    state = INITIAL
    for record, after in folded(reader):
        sys.stdout.write(line(record))
        state = after
    return state


def _text_line(record: Record) -> str:
    event = record.event()
    moment = at_text(record.at_ms)
    arrow = record.dest if record.source == record.dest else f"{record.source} → {record.dest}"
    mark = "!" if is_trouble(event) else " "
    return f"{record.seq:>6} {moment} {mark}{record.name:<{_NAME_WIDTH}} {describe(event)}  [{arrow}]\n"


def _json_line(record: Record) -> str:
    fields = {
        "seq": record.seq,
        "at": at_text(record.at_ms),
        "event": record.name,
        "from": record.source,
        "to": record.dest,
        "text": describe(record.event()),
        "data": record.data,
        "hash": record.hash,
    }
    return inert_json(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE).decode())


def _summary(reader: JournalReader, state: State) -> str:
    t = state.totals
    dry = " A dry run: nothing was sent." if state.identity is not None and state.identity.dry_run else ""
    tail = f"; {reader.tail_bytes} bytes of an unfinished record follow" if reader.tail_bytes else ""
    return (
        f"\n{reader.head.seq} records{tail}. {t.windows} windows, {t.scraped} posts: {t.accepted} accepted, "
        f"{t.rejected} rejected, {t.abandoned} abandoned, {t.left_out} left out, {len(state.posts)} pending. "
        f"Now {state.state}.{dry}\n"
    )
