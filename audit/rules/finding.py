"""What a rule says: one broken duty, with the records that show it. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["Finding", "Kind"]

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
