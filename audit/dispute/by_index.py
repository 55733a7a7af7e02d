"""A dispute bundle by an index: only the stretches that a post's life and its checkpoints lie in are read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from actor.machine.history import Step
from audit.dispute.bundle import Bundle
from audit.dispute.collecting import ProofChain, bundles_of, choose
from audit.index.chunk import CHUNK, Chunk
from audit.index.index import Index
from events.catalogue import CheckpointSigned, ConfigMismatched, PostsScraped

__all__ = ["bundle_by_index"]

_MOST_CHUNKS: Final = 512
# Of these the last one before a search governs it, of ConfigMismatched the last one of each setting.
_GOVERNING: Final = ("JournalCreated", "ActorStarted", "SettingsChanged", "ApiMoved")


def bundle_by_index(index: Index, post_id: str) -> Bundle | None:
    """The bundle of one post, as `make_bundles` makes it; None where the index saves nothing. Raises as that does."""
    life = _life(index, post_id)
    if life is None:
        return None
    choices = list(choose(life, [post_id]))
    chain = ProofChain(choices)
    _collect(index, chain)
    (bundle,) = bundles_of(index.journal, choices, chain)
    return bundle


def _life(index: Index, post_id: str) -> Iterator[Step] | None:
    """The records that govern the post's search, and all from that search on; those that name it, without a search."""
    naming = index.naming([post_id])
    if len(naming) > _MOST_CHUNKS:
        return None
    search = next((step for step in _steps(index, naming) if _chooses(step, post_id)), None)
    if search is None:
        return _steps(index, naming)
    chunks = index.chunks
    at = (search.record.seq - 1) // CHUNK
    governing = _governing(index, search, chunks[: at + 1])
    return None if len(governing) > _MOST_CHUNKS else _steps(index, [*governing, *chunks[at:]])


def _governing(index: Index, search: Step, chunks: list[Chunk]) -> list[Chunk]:
    """The chunks before the last one of these, which holds the search, whose records decide how the post fares."""
    last = len(chunks) - 1
    found = {at for at, chunk in enumerate(chunks) if ConfigMismatched.__name__ in chunk.names}
    found |= {
        (seq - 1) // CHUNK for name in _GOVERNING if (seq := index.last_before(search.record.seq, name)) is not None
    }
    window = search.before.window
    if window is not None:
        told = next((at for at, chunk in enumerate(chunks) if window.number in chunk.windows), last)
        found |= set(range(told, last))
    return [chunks[at] for at in sorted(found - {last})]


def _chooses(step: Step, post_id: str) -> bool:
    return isinstance(step.event, PostsScraped) and any(post.id == post_id for post in step.event.posts)


def _steps(index: Index, chunks: Iterable[Chunk]) -> Iterator[Step]:
    for chunk in chunks:
        yield from index.steps(chunk.first, chunk.last)


def _collect(index: Index, chain: ProofChain) -> None:
    """Give the chain what stands around each record that is wanted, from the checkpoint before to the one behind."""
    reached = 0
    for seq in sorted(chain.wanted):
        if seq <= reached:
            continue
        begin = _closed_before(index, seq)
        if begin > reached:
            (record,) = index.records(begin, begin)
            chain.resume(record)
            reached = begin
        for record in index.records(reached + 1, index.record_count):
            chain.add(record)
            reached = record.seq
            if record.seq > seq and chain.closes(record):
                break


def _closed_before(index: Index, seq: int) -> int:
    """The last record before that one whose checkpoint lists hashes; 0 without one."""
    at: int | None = seq
    while at is not None and (at := index.last_before(at, CheckpointSigned.__name__)) is not None:
        (record,) = index.records(at, at)
        if ProofChain.closes(record):
            return at
    return 0
