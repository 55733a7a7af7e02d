"""Questions that an index answers as the whole journal would: which stretches to fold again, and what comes of them.

None is the answer where the index saves nothing, or does not hold what is asked for: ask the journal itself then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from actor.machine import INITIAL
from actor.machine.history import Step
from audit.errors import UsageError
from audit.filters import Filters, in_scope
from audit.index.chunk import Chunk
from audit.index.index import Index
from audit.moments import Moment, Point
from audit.replay.post_life import PostLife, post_life
from audit.replay.timeline import BETWEEN_RUNS
from audit.replay.why import Why, explained
from audit.status.look import Look
from events import catalogue as ev
from events.journal import Record

__all__ = ["Printer", "filtered_steps", "life_at", "lines_at", "look_at", "points_at", "post_steps", "why_at"]

# More are read from the journal's first record on: what is shown would be kept in memory, and little would be saved.
_MOST_CHUNKS: Final = 512


class Printer(Protocol):
    """What turns steps into lines: a timeline, or one line for each record."""

    blocks: bool
    """Whether a line may depend on the whole block of its window."""

    def skip(self, last_of_run: Record | None) -> None:
        """Go on behind this record, the last one before the next step that a running process wrote."""

    def take(self, step: Step) -> list[str]:
        """The lines that this step completes."""

    def pause(self) -> list[str]:
        """What was held back."""

    def finish(self) -> list[str]:
        """The last lines."""


def points_at(index: Index, moments: Sequence[Moment]) -> list[Point]:
    """The point of each moment, as `audit.moments.points` finds it. UsageError where the journal ends before."""
    ended = index.record_count
    seqs = [index.seq_until(m.until_ms or 0) if m.seq is None else m.seq for m in moments]
    for moment in moments:
        if moment.seq is not None and moment.seq > ended:
            raise UsageError(f"{moment.text}: the journal ends at record {ended}")
    return [_point(index, seq) for seq in seqs]


def _point(index: Index, seq: int) -> Point:
    if seq == 0:
        return Point(record=None, state=INITIAL)
    step = index.step_at(seq)
    return Point(record=step.record, state=step.after)


def why_at(index: Index, seq: int) -> Why:
    """Why record ``seq`` led where it led. UsageError where the journal ends before."""
    if seq > index.record_count:
        raise UsageError(f"--why {seq}: the journal ends at record {index.record_count}")
    step = index.step_at(seq)
    return explained(step.record, step.before)


def life_at(index: Index, post_id: str) -> PostLife | None:
    """The life of one post; None where no record names it."""
    try:
        return post_life(_each(index, index.naming([post_id])), post_id)
    except UsageError:
        return None


def look_at(index: Index, now_ms: int) -> Look | None:
    """The present of the journal; None where the index does not keep what is shown beside the state."""
    look = Look(index.journal, now_ms)
    seen, last = index.seen(look.seen_from), index.last_record
    if seen is None or last is None or not look.adopt(index.state, last, seen, index.reader()):
        return None
    return look


def lines_at(index: Index, filters: Filters, printer: Printer) -> list[str] | None:
    """The lines that a printer makes of the whole journal, where filters let little of it pass."""
    stretches = _stretches(index, filters, blocks=printer.blocks)
    if stretches is None:
        return None
    lines: list[str] = []
    for first, last in stretches:
        printer.skip(_last_of_run(index, first))
        for step in index.steps(first, last):
            lines += printer.take(step)
        lines += printer.pause()
    return lines + printer.finish()


def filtered_steps(index: Index, filters: Filters) -> Iterator[Step] | None:
    """All steps that may pass, and some more."""
    chunks = index.holding(filters)
    return None if len(chunks) > _MOST_CHUNKS else _each(index, chunks)


def post_steps(index: Index, filters: Filters) -> Iterator[Step] | None:
    """All steps that concern a post whose search lies in the filters' scope, and some more."""
    chunks = index.holding(filters)
    if len(chunks) > _MOST_CHUNKS:
        return None
    found = {
        post.id
        for step in _each(index, chunks)
        if isinstance(step.event, ev.PostsScraped) and in_scope(filters, step.event.window, step.record.at_ms)
        for post in step.event.posts
    }
    concerned = index.naming(found)
    return None if len(concerned) > _MOST_CHUNKS else _each(index, concerned)


def _each(index: Index, chunks: Iterable[Chunk]) -> Iterator[Step]:
    for chunk in chunks:
        yield from index.steps(chunk.first, chunk.last)


def _stretches(index: Index, filters: Filters, *, blocks: bool) -> list[tuple[int, int]] | None:
    """The records to look at, as first and last ones; with ``blocks`` never a part of a block of lines."""
    chunks = index.chunks
    found: list[tuple[int, int]] = []
    count = 0
    for at, chunk in enumerate(chunks):
        if not chunk.may_admit(filters):
            continue
        first, last = chunk.first, chunk.last
        if blocks:
            first, last = _begin(chunks, at), _end(chunks, at)
        if found and first <= found[-1][1] + 1:
            first, last = found[-1][0], max(last, found.pop()[1])
        found.append((first, last))
        count += 1
        if count > _MOST_CHUNKS:
            return None
    return found


def _begin(chunks: Sequence[Chunk], at: int) -> int:
    """The last quiet record at or before the chunk's first one."""
    seq = chunks[at].first
    while seq > 1 and not chunks[at].is_quiet(seq):
        seq -= 1
        at -= seq < chunks[at].first
    return seq


def _end(chunks: Sequence[Chunk], at: int) -> int:
    """The record before the first quiet one behind the chunk; the last one of all where there is none."""
    seq = chunks[at].last
    while seq < chunks[-1].last:
        at += seq == chunks[at].last
        if chunks[at].is_quiet(seq + 1):
            break
        seq += 1
    return seq


def _last_of_run(index: Index, first: int) -> Record | None:
    begin = first
    while begin > 1:
        end, begin = begin - 1, max(1, begin - 8)
        for record in reversed(list(index.records(begin, end))):
            if record.name not in BETWEEN_RUNS:
                return record
    return None
