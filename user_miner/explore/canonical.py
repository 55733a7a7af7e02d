"""A node's key: two nodes have the same one where no difference between them can ever decide anything. Pure.

Posts are renamed by their places, so that worlds that differ in the names of posts are one. Of times only the waits
that are left count, and of scores their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from actor.machine import State
from actor.machine.state import PendingPost, Window
from events import effects as ef
from events.codec import canonical_json
from user_miner.explore.moves import Node

__all__ = ["key"]

# What is left out of a key, and why it decides nothing in these worlds. All other fields are in it.
_LEFT_OUT: Final[Mapping[str, str]] = {
    "identity": "one journal",
    "api_url": "the URL is told to nobody here",
    "epoch": "only grows",
    "subnets_sha256": "one list of subnets",
    "searched_ms": "the pace of searches is kept outside the machine",
    "seen": "each new node is asked whether it remembers every chosen post",
    "answers": "every post has a text of its own",
    "authors": "every post has an author of its own",
    "checkpoint_seq": "a place in the journal",
    "totals": "for people",
    "accepted": "for people",
    "finds_plenty": "no search takes more than the smallest page has",
    "read_to": "no search asks for newer posts alone",
    "spent": "whether the budget allows a search is in `unaffordable`; both budgets allow nothing or everything",
    "observed": "for people",
    "build": "one build",
    "taken": "what the LLM's server takes, for the analyzer",
    "troubles": "for alarms",
    "used_until_ms": "for alarms",
    "chain": "for people",
    "chain_ms": "for people",
    "chain_due_ms": "the chain is asked beside all work",
}
_IN_IT: Final = frozenset(
    {
        "state",
        "running",
        "policy",
        "served_blocks_per_window",
        "served_max_submissions",
        "window",
        "newest",
        "worked",
        "searched_in",
        "limited_to",
        "to_scrape",
        "spare",
        "posts",
        "open",
        "backoff",
        "counted",
        "checkpointed",
        "outcomes",
        "one_first",
        "crashes",
        "api_down",
        "disk_full_ms",
        "quarantined",
        "unaffordable",
    }
)
if unknown := {*State.__struct_fields__} ^ {*_LEFT_OUT, *_IN_IT}:
    raise ValueError(f"whether a node's key holds {sorted(unknown)} is not said")

_encode: Final = msgspec.msgpack.Encoder().encode
_DIGEST_BYTES: Final = 12


def key(node: Node) -> bytes:
    """Of 12 bytes: a million nodes share one by chance once in 10^17 runs."""
    state, world, ledger = node
    names = {pending.post.id: at for at, pending in enumerate(state.posts)}
    ranks = {score: rank for rank, score in enumerate(sorted({p.score for p in state.posts if p.analyzed}))}
    backoff = state.backoff
    parts = (
        state.state,
        state.running,
        _policy(state.policy),
        state.served_blocks_per_window,
        state.served_max_submissions,
        _window(state.window),
        _window(state.newest),
        state.worked,
        state.to_scrape,
        state.spare,
        [_post(node, pending, ranks) for pending in state.posts],
        None if state.open is None else (names[state.open.post_id], state.open.attempt),
        None
        if backoff is None
        else (
            backoff.kind,
            None if backoff.due_ms is None else max(0, backoff.due_ms - world.now_ms),
            backoff.wait_s,
            backoff.until_block,
            [_renamed(name, names) for name in backoff.held],
        ),
        sorted(state.counted.items()),
        state.checkpointed,
        bool(state.outcomes),
        state.one_first,
        sorted((_renamed(name, names), number) for name, number in state.crashes.items()),
        state.api_down,
        state.disk_full_ms is not None,
        len(state.quarantined),
        state.unaffordable is not None,
        world.chain,
        sorted(_renamed(ef.effect_key(effect), names) for effect in world.late),
        world.crashes,
        world.troubles,
        sorted(ledger.searched),
        sorted(ledger.used),
        sorted(ledger.counted.items()),
        sorted(ledger.limited),
        ledger.limited_to,
    )
    return hashlib.blake2b(_encode(parts), digest_size=_DIGEST_BYTES).digest()


_policy: Final = cache(canonical_json)


def _window(window: Window | None) -> tuple[int, int] | None:
    return None if window is None else (window.start_block, window.blocks)


def _post(node: Node, pending: PendingPost, ranks: Mapping[float, int]) -> tuple[object, ...]:
    (state, world, ledger), post_id = node, pending.post.id
    entry = ledger.posts[post_id]
    return (
        pending.post.has_author,
        pending.analyzed,
        ranks[pending.score] if pending.analyzed else -1,
        pending.attempts,
        pending.deferrals,
        pending.deferred,
        pending.deferred_in,
        state.is_too_old(pending.post, world.now_ms),
        post_id in world.taken,
        entry.analyzed,
        entry.attempts,
        max(0, entry.not_before_ms - world.now_ms),
        entry.counted,
    )


def _renamed(name: str, names: Mapping[str, int]) -> str:
    """The key of an effect, with the post's place for its id; a post that has its verdict has none."""
    what, found, post_id = name.partition(":")
    return f"{what}:{names.get(post_id, -1)}" if found else what
