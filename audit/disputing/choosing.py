"""Which records of a journal a dispute about a post is shown. Pure, one pass.

Shown is what names the post, and what names no post at all but governed its fate: whose journal it is, the start with
its settings, the windows, backoffs, outages. Left out is whatever names another post, or could.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from audit.history import Step
from audit.terminal import UsageError
from events import catalogue as ev
from events.journal import Record

__all__ = ["MAY_BE_LEFT_OUT", "Choice", "choose", "is_shown"]

# These name no post, in no field.
_NAMELESS: Final = (
    ev.ActorStarted,
    ev.ActorStopped,
    ev.ApiMoved,
    ev.ApiRecovered,
    ev.ApiUnreachable,
    ev.BackoffElapsed,
    ev.BudgetSpent,
    ev.CheckpointSigned,
    ev.ConfigMismatched,
    ev.DiskFilled,
    ev.DiskFreed,
    ev.JournalCreated,
    ev.ScoreObserved,
    ev.ScrapeFailed,
    ev.SettingsChanged,
    ev.TailRepaired,
    ev.WindowOpened,
    ev.WindowsRevised,
)
MAY_BE_LEFT_OUT: Final = ev.EVENTS.keys() - {event.__name__ for event in _NAMELESS}
"""Names of the events that may speak of another post."""


@dataclass(slots=True, kw_only=True)
class Choice:
    """What is shown of one post's life.

    Attributes:
        post: As X served it.
        search: The record of its search.
        searched: That record's event.
        shown: Numbers of the records that are shown whole, in order.
        left_out: Numbers and names of the others from its search to the end of its life.
        ended: Whether it has a verdict, or was left out.
    """

    post: ev.Post
    search: Record
    searched: ev.PostsScraped
    shown: list[int]
    left_out: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False


def choose(steps: Iterable[Step], post_ids: Collection[str]) -> Iterator[Choice]:
    """Follow a journal through the posts' lives: each choice as its post's life ends, the pending ones last.

    Reading stops when all are known, so damage behind that place does not matter.

    Raises:
        UsageError: The journal knows no such post, or did not choose it.
    """
    governing = _Governing()
    unknown, followed = set(post_ids), dict[str, Choice]()
    found_by: dict[str, int] = {}
    for step in steps:
        for choice in list(followed.values()):
            _follow(choice, step)
            if choice.ended:
                yield followed.pop(choice.post.id)
        if isinstance(step.event, ev.PostsScraped) and unknown:
            found_by |= dict.fromkeys(unknown.intersection(step.event.candidates), step.record.seq)
            begun = {choice.post.id: choice for choice in _chosen(step, unknown, governing)}
            unknown -= begun.keys()
            followed |= begun
        governing.note(step)
        if not unknown and not followed:
            return
    yield from followed.values()
    for post_id in sorted(unknown):
        if post_id in found_by:
            raise UsageError(f"post {post_id} was found by the search of record {found_by[post_id]}, but not drawn")
        raise UsageError(f"this journal knows no post {post_id}; `export --what posts` lists those that it knows")


def is_shown(event: ev.Event, post_id: str) -> bool:
    """Whether a record of the post's time is shown whole: it names this post, or is of a kind that names none."""
    return isinstance(event, _NAMELESS) or getattr(event, "post_id", None) == post_id


def _chosen(step: Step, post_ids: Collection[str], governing: _Governing) -> Iterator[Choice]:
    event = step.event
    if isinstance(event, ev.PostsScraped):
        for post in event.posts:
            if post.id in post_ids:
                yield Choice(post=post, search=step.record, searched=event, shown=governing.seqs(step))


def _follow(choice: Choice, step: Step) -> None:
    post_id = choice.post.id
    if is_shown(step.event, post_id):
        choice.shown.append(step.record.seq)
    else:
        choice.left_out.append((step.record.seq, step.record.name))
    choice.ended = step.after.pending(post_id) is None


class _Governing:
    """The last record of each kind that decides how posts fare."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._windows: dict[int, int] = {}

    def note(self, step: Step) -> None:
        """One more record before the search."""
        event, seq = step.event, step.record.seq
        match event:
            case ev.JournalCreated() | ev.ActorStarted() | ev.SettingsChanged() | ev.ApiMoved():
                self._last[step.record.name] = seq
            case ev.ConfigMismatched():
                self._last[event.setting] = seq
            case ev.WindowOpened() | ev.WindowsRevised():
                at_work = step.before.window  # it may go on while newer ones are told, of which the last counts
                kept = {start: at for start, at in self._windows.items() if at_work and start == at_work.start_block}
                self._windows = {**kept, event.start_block: seq}
            case _:
                pass

    def seqs(self, search: Step) -> list[int]:
        """Numbers of those that govern a search, in order."""
        window = search.before.window
        opened = [] if window is None else [at for start, at in self._windows.items() if start == window.start_block]
        return sorted([*self._last.values(), *opened])
