"""What a rule is: a class that is fed a journal record by record and yields what breaks its duty.

A rule has a ``name``, says in ``demands`` what it asks of a journal, and names the ``events`` that it wants to be fed.
It is made anew for every audit, so it may keep what it needs between records; it keeps no more than a journal of any
length allows (`Recent`). It never writes, and it never raises for what a journal may hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args

import msgspec

from actor.machine import State
from audit.rules.begun import Beginning
from audit.rules.books import Books
from events.catalogue import Event
from events.journal import Record

__all__ = ["Entry", "Finding", "Kind", "Rule"]

# A note is worth knowing and breaks no duty; "broken rule" means that the rule itself failed, not the journal.
Kind: TypeAlias = Literal["finding", "note", "broken rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule has to say.

    Attributes:
        rule: The rule's name.
        seqs: The records that show it, ascending.
        found: What the journal says.
        expected: What it should say.
        window: Number of the window concerned, None for none.
        post_id: The post concerned, None for none.
        kind: Only a "note" leaves the exit code at 0.
    """

    rule: str
    seqs: tuple[int, ...]
    found: str
    expected: str
    window: int | None = None
    post_id: str | None = None
    kind: Kind = "finding"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"there is no kind {self.kind!r}: expected one of {', '.join(get_args(Kind))}")
        if not all(isinstance(text, str) for text in (self.found, self.expected)):
            raise TypeError(f"found {self.found!r} and expected {self.expected!r} are texts")


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record as a rule sees it.

    Attributes:
        record: As written.
        event: This build's reading of it; None only for rules that ask for what cannot be read (``unreadable``).
        before: The machine's state before it, None behind a record that this build's machine refuses.
        after: The state after it, likewise.
        books: The auditor's own books, made from events alone, as they were before this record.
        refused: Why this build's machine does not follow this record, None when it does.
    """

    record: Record
    event: Event | None
    before: State | None
    after: State | None
    books: Books
    refused: str | None = None


class Rule(ABC):
    """One duty. A subclass sets the three names and writes ``see``."""

    name: ClassVar[str]
    demands: ClassVar[str]
    events: ClassVar[tuple[type[Event], ...]] = ()
    """Records of these events are fed; none named means all of them."""
    unreadable: ClassVar[bool] = False
    """Whether records that this build cannot decode are fed too, with the event None."""
    lacks: ClassVar[str] = "what it keeps of earlier records"
    """What it leaves out in an audit that begins amid a journal (``audit --since``); empty where that is nothing."""
    begun: Beginning | None = None
    """What is known of all records before the first one that is judged; None where that is the journal's first."""
    directory: Path | None = None
    """Where the journal lies, None when it lies in memory; the audit sets it."""

    def begin(self, begun: Beginning) -> None:
        """The audit begins amid a journal, behind these records; the books hold what is known of them."""
        self.begun = begun

    @abstractmethod
    def see(self, entry: Entry) -> Iterable[Finding]:
        """What this record breaks, given all that came before it."""

    def end(self, books: Books) -> Iterable[Finding]:  # noqa: ARG002  (a rule that judges at the end uses it)
        """What is broken once the journal has ended; most rules have nothing to say then."""
        return ()

    def finding(
        self,
        entry: Entry,
        *also: int,
        found: str,
        expected: str,
        window: int | None = None,
        post_id: str | None = None,
        kind: Kind = "finding",
    ) -> Finding:
        """A finding on this record and the records ``also``; window and post are taken from the event if not given."""
        if window is None:
            window = getattr(entry.event, "window", None)
        if window is None and entry.books.newest is not None:
            window = entry.books.newest.number
        return Finding(
            rule=self.name,
            seqs=tuple(sorted({*also, entry.record.seq})),
            found=found,
            expected=expected,
            window=window,
            post_id=post_id or getattr(entry.event, "post_id", None),
            kind=kind,
        )
