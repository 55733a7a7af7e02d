"""The timeline on standard output, once or for as long as the journal grows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Protocol

from actor.machine import INITIAL, State
from audit.filters import Filters
from audit.history import FoldError, Step, steps
from audit.replaying.follow import followed
from audit.replaying.lines import json_line, record_fields, record_line
from audit.replaying.timeline import Timeline
from audit.terminal import fail
from events.journal import JournalError, JournalReader, Record

__all__ = ["follow_timeline", "print_timeline"]


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
        """The step's line."""
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
