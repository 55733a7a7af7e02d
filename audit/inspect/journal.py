"""A `Source` over the files of a journal: read once and followed, with a few bytes kept for each record.

The folded state is kept behind every 256th record. What lies between is read and folded again when somebody looks, from
bytes whose hashes are checked each time. Nothing is locked and nothing written.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from actor.machine import INITIAL, State
from actor.machine.history import FoldError, Step, steps
from audit.costs.books import DayBooks
from audit.costs.fields import day_fields
from audit.inspect.flat import Flat, changes, flat
from audit.inspect.gantt import gantt
from audit.inspect.query import Query
from audit.inspect.source import MOST_FOUND, reason_of, row_of
from audit.inspect.windows import Strip
from audit.judge.audit import Audit
from audit.judge.text import report_fields
from audit.rules.load import all_rules
from events import catalogue as ev
from events.catalogue import EVENTS
from events.describe import describe, is_trouble, path_text
from events.journal import JournalError, JournalReader, at_text
from events.journal.head import START, Place
from events.journal.layout import list_segments
from events.journal.scan import Walk
from events.money import Money

__all__ = ["BLOCK", "JournalSource"]

BLOCK: Final = 256
_BLOCKS_KEPT: Final = 16
_BATCH_S: Final = 0.2
_SEARCH_S: Final = 0.25
_NAMES: Final = {name: number for number, name in enumerate(EVENTS)}
_LONGEST_ID: Final = 18
_LONG_WINDOW: Final = 20_000


class JournalSource:
    """See `Source`.

    Args:
        directory: The journal.
        money: What units cost, for the days.
    """

    def __init__(self, directory: Path, money: Money) -> None:
        self.name = path_text(directory)
        self._directory = directory
        self._money = money
        self._reader = JournalReader(directory)
        self._books = DayBooks()
        self._strip = Strip()
        self._seq, self._state, self._hash = 0, INITIAL, ""
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._places: list[Place] = [START]
        self._states: list[State] = [INITIAL]
        self._event_of = array("B")
        self._trouble = bytearray()
        self._post = array("Q")
        self._chosen = (array("Q"), array("Q"))
        self._ended = self._reading = False
        self._stopped = ""
        self._steps = self._new_steps()
        self._blocks: OrderedDict[int, list[Step]] = OrderedDict()
        self._audited: tuple[int, dict[str, Any] | None] = (-1, None)
        self._lock = threading.RLock()

    # Reading

    def follow(self) -> bool:
        """Take in what was added, for at most 0.2 s."""
        if self._stopped:
            return False
        until = time.monotonic() + _BATCH_S
        try:
            for step in self._steps:
                with self._lock:
                    self._take(step)
                if not step.record.seq % BLOCK and time.monotonic() > until:
                    return True
            self._reader.check_kept()
            self._steps = self._new_steps()
        except (JournalError, FoldError) as error:
            self._stopped = str(error)
        self._ended = True
        return False

    def _new_steps(self) -> Iterator[Step]:
        return steps(self._reader, self._state)

    def _take(self, step: Step) -> None:
        record, event = step.record, step.event
        self._strip.take(step)
        self._books.enter(step)
        self._event_of.append(_NAMES[record.name])
        self._trouble.append(is_trouble(event))
        self._post.append(_number(getattr(event, "post_id", None)))
        if isinstance(event, ev.PostsScraped):
            for post in event.posts:
                self._chosen[0].append(_number(post.id))
                self._chosen[1].append(record.seq)
        self._state, self._hash, self._last_ms = step.after, record.hash, record.at_ms
        self._first_ms = record.at_ms if self._first_ms is None else self._first_ms
        if not record.seq % BLOCK:
            self._places.append(self._reader.place)
            self._states.append(step.after)
        self._blocks.pop((record.seq - 1) // BLOCK, None)
        self._seq = record.seq

    # Answers

    def about(self) -> dict[str, Any]:
        """Whose journal it is, how far it was read, and what stopped the reading."""
        with self._lock:
            state = self._state
            identity = state.identity
            return {
                "name": self.name,
                "hotkey": "" if identity is None else identity.hotkey,
                "netuid": None if identity is None else identity.netuid,
                "api_url": state.api_url,
                "dry_run": identity is not None and identity.dry_run,
                "records": self._seq,
                "hash": self._hash,
                "first_at": None if self._first_ms is None else at_text(self._first_ms),
                "last_at": None if self._last_ms is None else at_text(self._last_ms),
                "reading": not self._ended,
                "stopped": self._stopped,
                "tail_bytes": self._reader.tail_bytes,
                "running": state.running,
                "state": state.state,
                "trouble": self._trouble.count(1),
                "totals": {
                    **self._strip.verdicts,
                    "salvaged": state.totals.accepted - self._strip.verdicts["accepted"],
                    "pending": len(state.posts),
                },
                "windows": self._strip.counts(),
                "strip": len(self._strip.windows),
            }

    def windows(self, first: int) -> list[list[Any]]:
        """The strip from entry ``first`` on."""
        with self._lock:
            return self._strip.rows(first)

    def rows(self, first: int, last: int) -> list[list[Any]]:
        """Light rows."""
        return [row_of(step) for step in self.steps(first, last)]

    def record(self, seq: int) -> dict[str, Any]:
        """One record whole."""
        record = self._step(seq).record
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
        for block in range((seq - 1) // BLOCK, -1, -1):
            if (block + 1) * BLOCK <= seq and self._untouched(name, block):
                continue
            for step in reversed(self._block(block)):
                if step.record.seq <= seq and any(path == found for found, _, _ in changes(step.before, step.after)):
                    return step.record.seq
        return 0

    def _untouched(self, name: str, block: int) -> bool:
        """Whether no record of a whole block made another object of this part of the state."""
        before, after = (getattr(self._states[n], name) for n in (block, block + 1))
        return before is after and not isinstance(before, str | int | bool)

    def gantt(self, index: int) -> dict[str, Any]:
        """The lanes of one entry of the strip, which shows at most 20,000 records."""
        with self._lock:
            first = self._strip.windows[index].seq
            last = min(self._strip.end_of(index) or self._seq, first + _LONG_WINDOW)
        if self._strip.windows[index].count and self._strip.windows[index].number is None:
            return {"first": first, "last": first - 1}
        return {"first": first, "last": last, **gantt(list(self.steps(first, last)))}

    def find(self, query: Query, start: int) -> tuple[list[int], int | None]:
        """Records that a query admits, for at most a quarter of a second."""
        found: list[int] = []
        until = time.monotonic() + _SEARCH_S
        of_posts = {_number(post) for post in query.posts} and self._seqs_of(query.posts)
        not_of_posts = self._seqs_of(query.not_posts)
        events, not_events = ({_NAMES.get(n, -1) for n in names} for names in (query.events, query.not_events))
        with_text = bool(query.words or query.not_words)
        for seq in range(max(1, start), self._seq + 1):
            if len(found) >= MOST_FOUND or (not seq % BLOCK and seq > start and time.monotonic() > until):
                return found, seq
            event = self._event_of[seq - 1]
            if (events and event not in events) or event in not_events:
                continue
            if query.trouble is not None and bool(self._trouble[seq - 1]) != query.trouble:
                continue
            if (query.posts and seq not in of_posts) or seq in not_of_posts:
                continue
            if not with_text or query.admits_text(_text_of(self._step(seq))):
                found.append(seq)
        return found, None

    def _seqs_of(self, posts: frozenset[str]) -> set[int]:
        """The records that name one of the posts, or chose it."""
        numbers = {_number(post) for post in posts}
        if not numbers:
            return set()
        named = {seq for seq, number in enumerate(self._post, start=1) if number in numbers}
        return named | {seq for number, seq in zip(*self._chosen, strict=True) if number in numbers}

    def costs(self) -> list[dict[str, Any]]:
        """The days, oldest first."""
        with self._lock:
            return [
                day_fields(self._money, day, bill) for day, bill in sorted(self._books.costs(self._state).days.items())
            ]

    def audit(self) -> dict[str, Any] | None:
        """The report of ``audit`` on what is there now, made once for each length of the journal."""
        seq = self._seq
        if self._audited[0] != seq:
            self._audited = (seq, self._audit())
        return self._audited[1]

    def _audit(self) -> dict[str, Any] | None:
        reader = JournalReader(self._directory)
        audit = Audit(all_rules((), ()), self._directory)
        try:
            for record in reader:
                audit.take(record)
        except JournalError:
            return None
        return report_fields(self._directory, audit.report(), reader.tail_bytes)

    # Steps

    def steps(self, first: int, last: int) -> Iterator[Step]:
        """The steps of a stretch of records."""
        for block in range((first - 1) // BLOCK, (last - 1) // BLOCK + 1):
            for step in self._block(block):
                if first <= step.record.seq <= last:
                    yield step

    def _step(self, seq: int) -> Step:
        return self._block((seq - 1) // BLOCK)[(seq - 1) % BLOCK]

    def _block(self, number: int) -> list[Step]:
        """The steps of up to 256 records, read again; the last few blocks that were looked at stay."""
        with self._lock:
            kept = self._blocks.get(number)
            if kept is None:
                count = min(BLOCK, self._seq - number * BLOCK)
                walk = Walk(self._directory, list_segments(self._directory), self._places[number])
                kept = self._blocks[number] = list(steps(islice(walk, count), self._states[number]))
                if len(self._blocks) > _BLOCKS_KEPT:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(number)
            return kept


def _number(post_id: str | None) -> int:
    """A post's id as a number that fits; ids that are none come to the same as others, so whoever looks compares."""
    if post_id is None:
        return 0
    return int(post_id) if post_id.isdecimal() and len(post_id) <= _LONGEST_ID else hash(post_id) & (2**63 - 1)


def _text_of(step: Step) -> str:
    return f"{step.record.name} {describe(step.event)} {step.record.raw.decode()}".lower()
