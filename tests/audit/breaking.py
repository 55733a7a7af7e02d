"""How a rule is broken by hand: what is changed in the good history, and the records that an audit must name for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from events import catalogue as ev
from tests.audit.broken import WINDOW_S, Line, Story, clean, index, lines_of
from tests.kit import accepted, limited

__all__ = ["BREAKS", "Break", "Seqs", "breaks", "many_windows", "seq", "started"]

Seqs: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One way to break one rule.

    Attributes:
        rule: Its name.
        name: What is broken, for people.
        make: Makes the broken lines; gives the records of each finding that is due.
        also: Rules that the same lines break as well.
    """

    rule: str
    name: str
    make: Callable[[], tuple[list[Line], list[Seqs]]]
    also: frozenset[str]


BREAKS: Final[list[Break]] = []


def breaks(
    rule: str, *also: str, of: Callable[[], list[Line]] = clean
) -> Callable[[Callable[[list[Line]], Sequence[Seqs]]], None]:
    """A function that breaks the good lines in place and returns what must be found."""

    def register(function: Callable[[list[Line]], Sequence[Seqs]]) -> None:
        def make() -> tuple[list[Line], list[Seqs]]:
            lines = of()
            return lines, list(function(lines))

        BREAKS.append(Break(rule=rule, name=function.__name__, make=make, also=frozenset(also)))

    return register


def seq(lines: list[Line], kind: type[ev.Event], number: int = 1, **fields: Any) -> int:
    """The record's number of an event."""
    return index(lines, kind, number, **fields) + 1


def started(lines: list[Line], post_id: str, number: int = 1) -> Line:
    """A post's ``number``-th submission."""
    return lines[index(lines, ev.SubmissionStarted, number, post_id=post_id)]


def many_windows() -> list[Line]:
    """Two posts, of which one is sent, and ten windows in which the search fails."""
    story = Story()
    story.start()
    story.window(70)
    story.search(1, 2).analyze(1.0, 0.5).answered(accepted, "new", 7_000).answered(limited, 7_000).sign()
    for number in range(71, 82):
        story.wait(WINDOW_S).window(number)
        if story.at() == "Scraping":
            story.scrape_failed()
        if story.at() == "Submitting":
            story.answered(limited, number * 100)
        if story.state.posts and story.state.posts[0].deferrals > 3:
            story.on(ev.PostAbandoned(post_id="2", reason="carried too long"))
        story.sign()
    return lines_of(story)
