"""Make dispute bundles: choose the records, then collect their bytes and the signed lists that hold their hashes.

The journal is read twice, so that memory holds the hashes since the last checkpoint and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from audit.disputing.bundle import KIND, VERSION, Bundle, LeftOut, Listed, SearchExcerpt, Shown
from audit.disputing.choosing import Choice, choose
from audit.history import steps
from events.catalogue import CheckpointSigned, JournalCreated
from events.codec import changed
from events.journal import GENESIS, JournalReader, Record, at_text
from events.journal.layout import first_seq, list_segments

__all__ = ["make_bundles"]

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
    chain = _Chain({seq for choice in choices for seq in (*choice.shown, choice.search.seq)})
    for record in JournalReader(journal):
        chain.add(record)
        if chain.is_complete:
            break
    lines = dict(_lines(journal, {seq for choice in choices for seq in choice.shown}))
    for choice in choices:
        yield _bundle(choice, chain, lines)


def _bundle(choice: Choice, chain: _Chain, lines: Mapping[int, str]) -> Bundle:
    bundle = Bundle(
        bundle=KIND,
        version=VERSION,
        post_id=choice.post.id,
        hotkey=chain.hotkey,
        search=_excerpt(choice),
        records=tuple(Shown(seq=seq, previous=chain.previous[seq], line=lines[seq]) for seq in choice.shown),
        left_out=tuple(LeftOut(seq=seq, event=name) for seq, name in choice.left_out),
        checkpoints=chain.lists_of([*choice.shown, choice.search.seq]),
    )
    return changed(bundle, sha256=bundle.digest())


class _Chain:
    """Finds the hashes before some records, and the checkpoints that list theirs."""

    def __init__(self, wanted: set[int]) -> None:
        self.hotkey = ""
        self.previous: dict[int, str] = {}
        self._listed: list[Listed] = []
        self._wanted = wanted
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
        if record.seq in self._wanted:
            self.previous[record.seq] = self._last
        event = record.event() if record.name in _READ else None
        if isinstance(event, JournalCreated):
            self.hotkey = event.hotkey
        elif isinstance(event, CheckpointSigned) and event.since is not None:
            self._close(event)
        self._hashes += record.hash.encode()
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
