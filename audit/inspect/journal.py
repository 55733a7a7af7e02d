"""A `Source` over the readers' index of a journal (`audit.index`), which is followed piece by piece.

What the index does not hold is folded again when somebody looks, 256 records at a time, from the journal's own bytes.
The journal is neither locked nor written to.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from actor.machine import INITIAL, State
from actor.machine.history import FoldError, Step
from audit.costs.fields import day_fields
from audit.index import SPOILED, Columns, begin_index
from audit.index.chunk import CHUNK, Chunk, post_key
from audit.index.strip import COLUMNS, Strip
from audit.inspect.flat import Flat, changes, flat
from audit.inspect.gantt import gantt
from audit.inspect.judge import AtOnce, Judged, Judging
from audit.inspect.query import Query
from audit.inspect.source import MOST_FOUND, reason_of, row_of
from events.describe import describe, path_text
from events.journal import JournalError, Record, at_text
from events.money import Money

__all__ = ["JournalSource"]

_BLOCKS_KEPT: Final = 16
_BATCH_S: Final = 0.1
_SEARCH_S: Final = 0.25
_LONG_WINDOW: Final = 20_000
_NUMBER, _SEQ, _COUNT = (COLUMNS.index(name) for name in ("number", "seq", "count"))


class JournalSource:
    """See `Source`. Where the index turns out to be spoiled, an answer is a LookupError, and reading begins again.

    Args:
        directory: The journal.
        money: What units cost, for the days.
        use_index: Use the index that is kept, and keep what is read.
        on_note: Told in one line of an index that was thrown away.
        judge: Who audits it.
    """

    def __init__(
        self,
        directory: Path,
        money: Money,
        *,
        judge: Judging | None = None,
        use_index: bool = True,
        on_note: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.name = path_text(directory)
        self._directory = directory
        self._money = money
        self._on_note = on_note
        self._lock = threading.RLock()
        self._judge = judge or AtOnce()
        self._begin(use_index=use_index)

    def _begin(self, *, use_index: bool) -> None:
        self._index = begin_index(self._directory, kept=use_index, on_note=self._on_note)
        self._stopped = ""
        self._first_ms: int | None = None
        self._strip = Strip()
        self._last: Record | None = None
        self._read_to = -1
        self._rows: list[list[Any]] = []  # of the strip, those that stay as they are
        self._rows_to = 0
        self._blocks: OrderedDict[tuple[int, int], list[Step]] = OrderedDict()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """While the index is asked; nothing that is not as it was written is asked twice."""
        with self._lock:
            try:
                yield
            except LookupError:
                raise
            except SPOILED as error:
                if self._index.path is None or self._stopped:
                    raise LookupError(str(error)) from error
                self._on_note(f"the index {self._index.path} is thrown away: {error}")
                with suppress(OSError):
                    self._index.discard()
                self._index.close()
                self._begin(use_index=False)
                raise LookupError(str(error)) from error

    # Reading

    def follow(self) -> bool:
        """Take in what was added, for at most 0.1 s."""
        if self._stopped:
            return False
        until = time.monotonic() + _BATCH_S
        try:
            with self._asked():
                try:
                    self._index.follow(enough=lambda: time.monotonic() > until)
                except (JournalError, FoldError) as error:
                    self._stopped = str(error)
        except LookupError as error:
            self._stopped = str(error) if self._index.path is None and self._index.record_count else ""
            return not self._stopped
        return self._index.is_behind and not self._stopped

    def _read(self) -> int:
        """Bring what is kept beside the index up to it; how many records there are."""
        index = self._index
        if self._read_to == index.record_count:
            return self._read_to
        if self._first_ms is None and index.record_count:
            self._first_ms = next(index.columns(1, 1)).at_ms[0]
        self._rows += index.strip_rows(self._rows_to)
        self._rows_to = index.record_count // CHUNK
        self._strip, self._last, self._read_to = index.strip(), index.last_record, index.record_count
        return self._read_to

    # Answers

    def about(self) -> dict[str, Any]:
        """Whose journal it is, how far it was read, and what stopped the reading."""
        with self._asked():
            records = self._read()
            state, last, strip = self._index.state, self._last, self._strip
            identity = state.identity
            return {
                "name": self.name,
                "hotkey": "" if identity is None else identity.hotkey,
                "netuid": None if identity is None else identity.netuid,
                "api_url": state.api_url,
                "dry_run": identity is not None and identity.dry_run,
                "records": records,
                "hash": "" if last is None else last.hash,
                "first_at": None if self._first_ms is None else at_text(self._first_ms),
                "last_at": None if last is None else at_text(last.at_ms),
                "reading": self._index.is_behind and not self._stopped,
                "stopped": self._stopped,
                "tail_bytes": self._index.tail_bytes,
                "running": state.running,
                "state": state.state,
                "trouble": strip.trouble,
                "totals": {
                    **strip.verdicts,
                    "salvaged": state.totals.accepted - strip.verdicts["accepted"],
                    "pending": len(state.posts),
                },
                "windows": strip.counts(),
                "strip": len(self._rows) + len(strip.windows),
                "judged": self._judge.known(self._directory),
            }

    def windows(self, first: int) -> list[list[Any]]:
        """The strip from entry ``first`` on."""
        with self._asked():
            self._read()
            return self._rows[first:] + self._strip.rows()[max(0, first - len(self._rows)) :]

    def rows(self, first: int, last: int) -> list[list[Any]]:
        """Light rows."""
        return [row_of(step) for step in self.steps(first, last)]

    def record(self, seq: int) -> dict[str, Any]:
        """One record whole."""
        record: Record = self._step(seq).record
        told = {"seq": record.seq, "at": at_text(record.at_ms), "v": record.v, "event": record.name}
        return {**told, "from": record.source, "to": record.dest, "data": record.data, "hash": record.hash}

    def state(self, seq: int) -> Flat:
        """The state after a record."""
        return flat(self._step(seq).after if seq else INITIAL)

    def reason(self, seq: int) -> dict[str, Any]:
        """What a record changed and why."""
        return reason_of(self._step(seq))

    def setter(self, path: str, seq: int) -> int:
        """The last record up to ``seq`` that set a value."""
        name = path.partition(".")[0].partition("[")[0]
        if name not in State.__struct_fields__:
            return 0
        for chunk in reversed(self._chunks(1, seq)):
            for step in reversed(self._block(chunk)) if name in chunk.parts else ():
                if step.record.seq <= seq and any(path == found for found, _, _ in changes(step.before, step.after)):
                    return step.record.seq
        return 0

    def gantt(self, index: int) -> dict[str, Any]:
        """The lanes of one entry of the strip, which shows at most 20,000 records."""
        entry, *later = self.windows(index)
        first = entry[_SEQ]
        if entry[_COUNT] and entry[_NUMBER] is None:
            return {"first": first, "last": first - 1}
        end = next((row[_SEQ] - 1 for row in later if row[_NUMBER] is not None), self._read_to)
        last = min(end, first + _LONG_WINDOW)
        return {"first": first, "last": last, **gantt(list(self.steps(first, last)))}

    def find(self, query: Query, start: int) -> tuple[list[int], int | None]:
        """Records that a query admits, for at most a quarter of a second."""
        found: list[int] = []
        until = time.monotonic() + _SEARCH_S
        with_text = bool(query.words or query.not_words)
        with self._asked():
            records = self._read()
        for chunk in self._chunks(max(1, start), records):
            if len(found) >= MOST_FOUND or (chunk.first > start and time.monotonic() > until):
                return found, chunk.first
            seqs = self._admitted(query, chunk) if _may_hold(query, chunk) else []
            if with_text:
                seqs = [seq for seq in seqs if query.admits_text(_text_of(self._step(seq)))]
            found += [seq for seq in seqs if seq >= start]
        return found, None

    def _admitted(self, query: Query, chunk: Chunk) -> list[int]:
        """The records of a chunk that are what a query asks for, their texts aside."""
        with self._asked():
            columns = next(self._index.columns(chunk.first, chunk.first))
        of_posts, not_of_posts = (self._of(posts, chunk, columns) for posts in (query.posts, query.not_posts))
        return [
            seq
            for seq, name, trouble in zip(
                range(chunk.first, chunk.last + 1), columns.names, columns.trouble, strict=False
            )
            if (not query.events or name in query.events)
            and name not in query.not_events
            and (query.trouble is None or trouble == query.trouble)
            and (not query.posts or seq in of_posts)
            and seq not in not_of_posts
        ]

    def _of(self, posts: frozenset[str], chunk: Chunk, columns: Columns) -> set[int]:
        """The records of a chunk that name one of the posts, or chose it."""
        if not any(chunk.names_post(post_key(post)) for post in posts):
            return set()
        found = {seq for seq, post in enumerate(columns.posts, chunk.first) if post in posts}
        for step in self._block(chunk) if "PostsScraped" in chunk.names else ():
            if any(post.id in posts for post in getattr(step.event, "posts", ())):
                found.add(step.record.seq)
        return found

    def costs(self) -> list[dict[str, Any]]:
        """The days, oldest first."""
        with self._asked():
            days = self._index.books().costs(self._index.state).days
        return [day_fields(self._money, day, bill) for day, bill in sorted(days.items())]

    def audit(self) -> Judged:
        """The report of ``audit`` on what is there now, or on as much as was judged by now."""
        with self._asked():
            records = self._read()
        return self._judge.judged(self._directory, records)

    # Steps

    def steps(self, first: int, last: int) -> Iterator[Step]:
        """The steps of a stretch of records."""
        for chunk in self._chunks(first, last):
            yield from (step for step in self._block(chunk) if first <= step.record.seq <= last)

    def _step(self, seq: int) -> Step:
        return next(self.steps(seq, seq))

    def _chunks(self, first: int, last: int) -> list[Chunk]:
        with self._lock:
            return self._index.chunks[(first - 1) // CHUNK : (last - 1) // CHUNK + 1]

    def _block(self, chunk: Chunk) -> list[Step]:
        """The steps of a chunk, read again; the last few chunks that were looked at stay."""
        with self._asked():
            key = (chunk.first, chunk.count)
            kept = self._blocks.get(key)
            if kept is None:
                kept = self._blocks[key] = list(self._index.steps(chunk.first, chunk.last))
                if len(self._blocks) > _BLOCKS_KEPT:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(key)
            return kept


def _may_hold(query: Query, chunk: Chunk) -> bool:
    """Whether a record of the chunk may be what a query asks for."""
    return (not query.events or not query.events.isdisjoint(chunk.names)) and (
        not query.posts or any(chunk.names_post(post_key(post)) for post in query.posts)
    )


def _text_of(step: Step) -> str:
    return f"{step.record.name} {describe(step.event)} {step.record.raw.decode()}".lower()
