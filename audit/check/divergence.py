"""What a check finds: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from actor.machine.explain import Explanation
from events.differences import Difference

__all__ = ["Divergence", "Kind", "Uncompared"]

Kind: TypeAlias = Literal[
    "unreadable",  # this build cannot read the record
    "refused",  # the table or the reducer does not let it happen
    "broken",  # this build breaks at it
    "source",  # the record begins in another state than this build is in
    "destination",  # this build goes to another state
    "effect",  # this build did not want the effect whose outcome is recorded
    "fields",  # this build would have recorded other fields from the same facts
    "digest",  # a checkpoint's state is not what this build folds the records to
    "snapshot",  # nor is a cached fold's
    "missing",  # this build would have done something long before
    "early",  # this build would still have waited
    "late",  # every wait of one length ended long after this build would have ended it
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """A record at which this build and the journal are of two minds.

    Attributes:
        seq: The record.
        at_ms: When it was written, unix milliseconds.
        event: Its event's name.
        kind: What they disagree about.
        reason: One line for people.
        agreed: How many records before it agree.
        text: What happened, in one line; empty when this build cannot read it.
        rule: Which part of this build decides the matter: a rule of machine.md, a module; empty when the rows of
            ``explanation`` say it.
        differences: Field by field, the journal's side first ("expected").
        explanation: The rows of the table that this build tried; None where the table has no part in it.
        wanted: The effects that this build wants before the record, each in a few words.
        same_seq: The last record after which the states were known to be the same; None where that is not the question.
    """

    seq: int
    at_ms: int
    event: str
    kind: Kind
    reason: str
    agreed: int
    text: str = ""
    rule: str = ""
    differences: tuple[Difference, ...] = ()
    explanation: Explanation | None = None
    wanted: tuple[str, ...] = ()
    same_seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncompared:
    """Something that could not be compared, and is no divergence; ``seq`` is the record that it concerns."""

    seq: int
    text: str
