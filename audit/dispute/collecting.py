"""Make dispute bundles: choose the records, then collect their bytes and the signed lists that hold their hashes.

The journal is read twice, so that memory holds the hashes since the last checkpoint and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from actor.machine.history import Step, steps
from audit.dispute.bundle import KIND, VERSION, Bundle, LeftOut, Listed, SearchExcerpt, ShownRecord
from audit.errors import UsageError
from events import catalogue as ev
from events.catalogue import CheckpointSigned, JournalCreated
from events.codec import changed
from events.journal import GENESIS, JournalReader, Record, at_text
from events.journal.layout import first_seq, list_segments

__all__ = ["MAY_BE_LEFT_OUT", "Choice", "ProofChain", "bundles_of", "choose", "is_shown", "make_bundles"]

# Shown is what names the post, and what names no post at all but governed its fate: whose journal it is, the start with
# its settings, the windows, backoffs, outages. Left out is whatever names another post, or could.
# These name no post, in no field.
_NAMELESS: Final = (
    ev.ActorStarted,
    ev.ActorStopped,
    ev.ApiMoved,
    ev.ApiRecovered,
    ev.ApiUnreachable,
    ev.BackoffElapsed,
    ev.BudgetSpent,
    ev.ChainPollFailed,
    ev.ChainPolled,
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
    pending = step.after.pending(post_id)
    choice.ended = pending is None
    if pending is not None and pending.post.has_author:
        choice.post = pending.post


class _Governing:
    """The last record of each kind that decides how posts fare."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._windows: dict[int, int] = {}

    def note(self, step: Step) -> None:
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


_HASH_LENGTH: Final = len(GENESIS.hash)
_READ: Final = {JournalCreated.__name__, CheckpointSigned.__name__}  # others are not decoded


def make_bundles(journal: Path, post_ids: Collection[str]) -> Iterator[Bundle]:
    """A bundle for each of the posts, in the order in which their lives ended.

    Raises:
        UsageError: The journal knows no such post.
        JournalError: The journal is damaged.
        FoldError: This build does not follow it.
    """
    choices = list(choose(steps(JournalReader(journal)), post_ids))
    chain = ProofChain(choices)
    for record in JournalReader(journal):
        chain.add(record)
        if chain.is_complete:
            break
    yield from bundles_of(journal, choices, chain)


def bundles_of(journal: Path, choices: Collection[Choice], chain: ProofChain) -> Iterator[Bundle]:
    """The bundles of posts that were followed, by a chain that was fed all that it wants."""
    lines = dict(_lines(journal, {seq for choice in choices for seq in choice.shown}))
    for choice in choices:
        yield _bundle(choice, chain, lines)


def _bundle(choice: Choice, chain: ProofChain, lines: Mapping[int, str]) -> Bundle:
    bundle = Bundle(
        bundle=KIND,
        version=VERSION,
        post_id=choice.post.id,
        hotkey=chain.hotkey,
        search=_excerpt(choice),
        records=tuple(ShownRecord(seq=seq, previous=chain.previous[seq], line=lines[seq]) for seq in choice.shown),
        left_out=tuple(LeftOut(seq=seq, event=name) for seq, name in choice.left_out),
        checkpoints=chain.lists_of([*choice.shown, choice.search.seq]),
    )
    return changed(bundle, sha256=bundle.digest())


class ProofChain:
    """Finds the hashes before some records, and the checkpoints that list theirs.

    Attributes:
        wanted: The numbers of these records.
        hotkey: Whose journal it is, once its first record was added.
        previous: The hash before each of these records, by number.
    """

    def __init__(self, choices: Iterable[Choice]) -> None:
        self.wanted = wanted = {seq for choice in choices for seq in (*choice.shown, choice.search.seq)}
        self.hotkey = ""
        self.previous: dict[int, str] = {}
        self._listed: list[Listed] = []
        self._uncovered = set(wanted)
        self._since = 0
        self._hashes = bytearray()  # hex digits, 64 a record
        self._last = GENESIS.hash

    @property
    def is_complete(self) -> bool:
        """Every record is listed by a checkpoint."""
        return not self._uncovered

    def lists_of(self, seqs: Iterable[int]) -> tuple[Listed, ...]:
        """The lists that hold the hashes of these records."""
        wanted = set(seqs)
        return tuple(listed for listed in self._listed if any(listed.covers(seq) for seq in wanted))

    def add(self, record: Record) -> None:
        """The chain goes on."""
        if record.seq in self.wanted:
            self.previous[record.seq] = self._last
        event = record.event() if record.name in _READ else None
        if isinstance(event, JournalCreated):
            self.hotkey = event.hotkey
        elif isinstance(event, CheckpointSigned) and event.since is not None:
            self._close(event)
        self._hashes += record.hash.encode()
        self._last = record.hash

    @staticmethod
    def closes(record: Record) -> bool:
        """Whether it is a checkpoint that lists the hashes since the one before."""
        event = record.event() if record.name == CheckpointSigned.__name__ else None
        return isinstance(event, CheckpointSigned) and event.since is not None

    def resume(self, record: Record) -> None:
        """Go on behind this record, which `closes`, and not with the one behind the last that was added."""
        event = record.event()
        if isinstance(event, CheckpointSigned):
            self._since = event.seq
        self._hashes = bytearray(record.hash.encode())
        self._last = record.hash

    def _close(self, checkpoint: CheckpointSigned) -> None:
        """Keep the list when it is what was signed and holds a wanted hash; the next one begins behind it."""
        covered = {seq for seq in self._uncovered if self._since < seq <= checkpoint.seq}
        digest = hashlib.sha256(self._hashes).hexdigest()
        if covered and (checkpoint.since, checkpoint.hashes_sha256) == (self._since, digest):
            self._listed.append(_listed(checkpoint, self._hashes.decode()))
            self._uncovered -= covered
        self._since = checkpoint.seq
        self._hashes.clear()


def _listed(checkpoint: CheckpointSigned, hashes: str) -> Listed:
    return Listed(
        journal=checkpoint.journal,
        since=checkpoint.since or 0,
        seq=checkpoint.seq,
        head=checkpoint.head,
        hashes_sha256=checkpoint.hashes_sha256 or "",
        reducer=checkpoint.reducer,
        state_sha256=checkpoint.state_sha256,
        signature=checkpoint.signature,
        hashes=tuple(hashes[at : at + _HASH_LENGTH] for at in range(0, len(hashes), _HASH_LENGTH)),
    )


def _lines(journal: Path, wanted: Iterable[int]) -> Iterator[tuple[int, str]]:
    """The lines of some records, as they stand in the files; each record is one line."""
    left = sorted(wanted)
    names = list_segments(journal)
    for name, following in zip(names, [*names[1:], None], strict=True):
        first = first_seq(name)
        here = [seq for seq in left if seq >= first and (following is None or seq < first_seq(following))]
        with (journal / name).open("rb") as file:
            at = first
            for seq in here:
                (line,) = islice(file, seq - at, seq - at + 1)
                at = seq + 1
                yield seq, line.removesuffix(b"\n").decode()


def _excerpt(choice: Choice) -> SearchExcerpt:
    event = choice.searched
    return SearchExcerpt(
        seq=choice.search.seq,
        at=at_text(choice.search.at_ms),
        hash=choice.search.hash,
        window=event.window,
        wanted=event.wanted,
        seed=event.seed,
        candidates=len(event.candidates),
        chosen=len(event.posts),
        posts_read=event.posts_read,
        users_read=event.users_read,
        requests=event.requests,
        unusable=event.unusable,
        latency_ms=event.latency_ms,
        post=choice.post,
    )
