"""Rows of the table ``windows`` by an index: the windows asked for are worked through again, each for itself.

What became of a window is kept in the strip, which saw every record. None where the index saves nothing, or where
windows were taken back meanwhile: ask the journal itself then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from audit.export.windows import Ledger, WindowRow
from audit.feedback import Feedback, told_in
from audit.filters import Filters, in_scope
from audit.index.chunk import CHUNK
from audit.index.index import Index
from audit.index.strip import COLUMNS
from events.catalogue import ApiMoved, ScoreObserved, WindowsRevised

__all__ = ["window_rows"]

_MOST_RECORDS: Final = 512 * CHUNK
_NUMBER, _SEQ, _AT_MS, _OUTCOME = (COLUMNS.index(name) for name in ("number", "seq", "at_ms", "outcome"))


def window_rows(index: Index, filters: Filters) -> list[WindowRow] | None:
    """The rows that the filters admit, in the order of the table."""
    outcomes: dict[int, str] = {row[_SEQ]: row[_OUTCOME] for row in _entries(index, filters)}
    rows = _worked(index, list(outcomes))
    told = _scores(index)
    if rows is None or told is None:
        return None
    for row in rows:
        row.outcome = outcomes[row.opened.seq] or row.OPEN
        row.told = told.scores.get(row.event.start_block)
    # Those that are decided come as they were told, then those that are not.
    return sorted(rows, key=lambda row: (row.outcome == row.OPEN, row.opened.seq))


def _entries(index: Index, filters: Filters) -> Iterator[list[Any]]:
    """Rows of the strip, which come in the order of the records that told the windows."""
    holding = index.holding(filters)
    if not holding:
        return
    for row in _strip_rows(index, (holding[0].first - 1) // CHUNK):
        if row[_SEQ] > holding[-1].last:
            return
        if row[_NUMBER] is not None and in_scope(filters, row[_NUMBER], row[_AT_MS]):
            yield row


def _strip_rows(index: Index, chunks: int) -> Iterator[list[Any]]:
    yield from index.strip_rows(chunks)
    yield from index.strip().rows()


def _worked(index: Index, seqs: list[int]) -> list[WindowRow] | None:
    """The rows of the windows that these records told, without their outcomes."""
    found: list[WindowRow] = []
    read = 0
    while seqs:
        ledger, wanted = Ledger(), set(seqs)
        rows: list[WindowRow] = []
        for step in index.steps(seqs[0], index.record_count):
            read += 1
            if read > _MOST_RECORDS or isinstance(step.event, WindowsRevised | ApiMoved):
                return None
            rows += [row for row in ledger.take(step) if row.opened.seq in wanted]
            # On to the next one, where it lies apart and nothing of those before is left to see.
            begun = sum(seq <= step.record.seq for seq in seqs)
            if len(rows) == begun and (begun == len(seqs) or seqs[begun] > step.record.seq + CHUNK):
                break
        else:
            rows += [row for row in ledger.end() if row.opened.seq in wanted]
            begun = len(seqs)
        found += rows
        seqs = seqs[begun:]
    return found


def _scores(index: Index) -> Feedback | None:
    """What validators scored."""
    chunks = [chunk for chunk in index.chunks if ScoreObserved.__name__ in chunk.names]
    if len(chunks) * CHUNK > _MOST_RECORDS:
        return None
    return told_in(record for chunk in chunks for record in index.records(chunk.first, chunk.last))
