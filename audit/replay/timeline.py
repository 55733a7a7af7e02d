"""A journal as a timeline by window, line after line: what an operator reads first. Holds a bounded number of lines.

A block begins with the step that opens a window and ends with the one that leaves nothing to do in it. What happens
elsewhere stands between the blocks, in its place. Notes of one kind that follow each other share a line.

With filters a block is shown whole once one of its steps passes; until then its lines are held back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from actor.machine import State
from actor.machine.history import Step
from actor.machine.state import Totals, Window
from audit.filters import Filters, is_worked_on, opens_window, resumes_window
from audit.replay.lines import entry_line, span, when
from audit.replay.notes import Note, carried, joined_text, notes_of
from events import catalogue as ev
from events.journal import Record

__all__ = ["BETWEEN_RUNS", "Timeline"]

# A start writes these before its ActorStarted: they are not the last word of the process before it.
BETWEEN_RUNS: Final = frozenset({"TailRepaired", "ApiMoved", "GapDeclared"})
_LABEL_WIDTH: Final = 10
_HELD_BACK: Final = 1_000
_HEADER: Final = "window"


@dataclass(slots=True, kw_only=True)
class _Block:
    """The window whose lines are being written.

    Attributes:
        window: The window.
        opened_ms: When its work began.
        totals: Counts before it, to tell what it adds.
        shown: A step of it passed the filters.
        held: Its lines until then.
        end: Its last line, from the step that ended it; the checkpoint that mostly follows is told there too.
    """

    window: Window
    opened_ms: int
    totals: Totals
    shown: bool = False
    held: list[str] = field(default_factory=list)
    end: tuple[Record, str] | None = None


class Timeline:
    """Takes the steps of a journal, in order, and gives the lines that are ready to be printed.

    Attributes:
        shown: How many lines were given out.
        blocks: A line may depend on the whole block of its window.
    """

    blocks = True

    def __init__(self, filters: Filters) -> None:
        self.shown = 0
        self._filters = filters
        self._block: _Block | None = None
        self._joined: list[tuple[Record, Note]] = []
        self._last: Record | None = None
        self._last_of_run: Record | None = None
        self._group: object = self  # what the last line belongs to: a block, or None between blocks
        self._out: list[str] = []

    def skip(self, last_of_run: Record | None) -> None:
        """Go on amid a journal, between two blocks; this is the last record before of a running process."""
        self._last_of_run = last_of_run

    def take(self, step: Step) -> list[str]:
        block = self._block
        if block is not None and block.end is not None:
            checkpoint = step.event if isinstance(step.event, ev.CheckpointSigned) else None
            if checkpoint is not None:
                self._admit(step, block)
            self._close(checkpoint, step.record)
            if checkpoint is None:
                self._tell(step)
        else:
            self._tell(step)
        self._last = step.record
        if step.record.name not in BETWEEN_RUNS:
            self._last_of_run = step.record
        return self._given()

    def pause(self) -> list[str]:
        """What was held back for the line that it may share: nothing follows for now."""
        self._flush()
        if self._block is not None and self._block.end is not None:
            self._close(None, self._block.end[0])
        return self._given()

    def finish(self) -> list[str]:
        """The last lines; a window whose work has not ended says so."""
        lines = self.pause()
        if self._block is not None and self._last is not None:
            self._say(self._last, "under way", "its work goes on where the journal ends")
        return lines + self._given()

    def _tell(self, step: Step) -> None:
        opens = opens_window(step) or resumes_window(step)
        totals = step.before.totals
        if self._block is not None:
            totals = step.after.totals  # a verdict that opens the next window is told by the block that it ends
            self._admit(step, self._block)
            self._note(step.record, notes_of(step, self._last_of_run))
            if opens or not is_worked_on(step.after):
                self._end(step.record, self._block, step.after)
            if opens:
                self._close(None, step.record)
        elif self._filters.admits(step):
            self._note(step.record, notes_of(step, self._last_of_run))
            self._flush()
        if opens:
            self._open(step, totals)

    # Blocks

    def _open(self, step: Step, totals: Totals) -> None:
        window = step.after.window
        if window is None:
            return
        self._block = block = _Block(window=window, opened_ms=step.record.at_ms, totals=totals)
        self._admit(step, block)
        missed = _missed(step.before.window, window)
        at = (
            f", at block {step.event.current_block}"
            if isinstance(step.event, ev.WindowOpened | ev.WindowsRevised)
            else ""
        )
        again = " again" if window == step.before.window else ""
        text = f"{window.number}{again}, blocks {window.start_block} to {window.end_block - 1}{at}"
        if missed:
            text += f"; {missed} window(s) before it were missed"
        self._say(step.record, _HEADER, text, trouble=missed > 0)
        self._note(step.record, carried(step))
        if not is_worked_on(step.after):
            self._end(step.record, block, step.after)

    def _admit(self, step: Step, block: _Block) -> None:
        numbers = frozenset({block.window.number})
        if not block.shown and self._filters.admits_windows(numbers) and self._filters.admits_record(step):
            block.shown = True
            for line in block.held:
                self._print(line, block)
            block.held.clear()

    def _end(self, record: Record, block: _Block, after: State) -> None:
        self._flush()
        block.end = record, _balance(block, record, after)

    def _close(self, checkpoint: ev.CheckpointSigned | None, record: Record) -> None:
        if self._block is None or self._block.end is None:
            return
        ended, text = self._block.end
        if checkpoint is not None:
            self._say(record, "ended", f"{text}; checkpoint of record {checkpoint.seq} signed")
        else:
            self._say(ended, "ended", text)
        self._block = None

    # Lines

    def _note(self, record: Record, notes: list[Note]) -> None:
        for note in notes:
            if self._joined and not self._joined[-1][1].takes(note, len(self._joined)):
                self._flush()
            self._joined.append((record, note))
            if not note.joins:
                self._flush()

    def _flush(self) -> None:
        if not self._joined:
            return
        record, note = self._joined[-1]
        text = joined_text([note for _, note in self._joined])
        self._joined.clear()
        self._say(record, note.label, text, trouble=note.trouble)

    def _say(self, record: Record, label: str, text: str, *, trouble: bool = False) -> None:
        block = self._block
        moment = when(record.at_ms, beside=None if block is None or label == _HEADER else block.opened_ms)
        line = entry_line(record.seq, moment, f"{label:<{_LABEL_WIDTH}} {text}", trouble=trouble)
        if block is None or block.shown:
            self._print(line, block)
        elif len(block.held) < _HELD_BACK:
            block.held.append(line)

    def _print(self, line: str, group: object) -> None:
        apart = self._group is not group and self._group is not self
        self._group = group
        self._out.append("\n" + line if apart else line)

    def _given(self) -> list[str]:
        out, self._out = self._out, []
        self.shown += len(out)
        return out


def _missed(before: Window | None, window: Window) -> int:
    """Windows between two that were worked on, where they can be counted."""
    if before is None or before.blocks != window.blocks:
        return 0
    return max(0, (window.start_block - before.end_block) // window.blocks)


def _balance(block: _Block, record: Record, after: State) -> str:
    """How long the work took, and what came of it."""
    counts = [
        (after.totals.accepted - block.totals.accepted, "accepted"),
        (after.totals.rejected - block.totals.rejected, "rejected"),
        (after.totals.abandoned - block.totals.abandoned, "abandoned"),
        (after.totals.left_out - block.totals.left_out, "left out"),
        (sum(post.deferred for post in after.posts), "put off"),
        (sum(not post.deferred for post in after.posts), "still under way"),  # another API took over
    ]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"after {span(record.at_ms - block.opened_ms)}: {told or 'nothing was sent'}"
