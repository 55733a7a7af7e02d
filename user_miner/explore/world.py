"""How it happens: a move becomes records, taken by the machine and entered in the books, and another world. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from actor.machine import INITIAL, IllegalEventError, State, step, wanted
from actor.testing.clock import START_MS
from actor.testing.stand_ins import HOTKEY
from events import catalogue as ev
from events import effects as ef
from user_miner.explore.ledger import EMPTY, Broken, Happening, counted_by_api, entered
from user_miner.explore.moves import Bounds, Move, Node, Outside, moves, policies, start_block, started

__all__ = ["Happened", "Transition", "beginning", "successors"]

Happened: TypeAlias = tuple[Happening, ...]


class Transition(NamedTuple):
    """One thing that can happen: in words, what is recorded of it, and where it leads.

    ``node`` is None where it breaks a promise, which ``broken`` names; ``happened`` then ends with the record before.
    """

    what: str
    happened: Happened
    node: Node | None
    broken: Broken | None = None


def beginning(bounds: Bounds, policy: str) -> tuple[Node, Happened]:
    """A first start on a new journal, and its records."""
    world = Outside(
        chain=0,
        taken=frozenset(),
        late=(),
        crashes=bounds.crashes,
        troubles=bounds.troubles,
        now_ms=START_MS,
    )
    created = ev.JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001")
    happened: list[Happening] = []
    node = Node(INITIAL, world, EMPTY)
    for event in (created, started(policies(bounds)[policy], 1)):
        node = _record(node, event, happened)
    return node, tuple(happened)


def successors(node: Node, bounds: Bounds) -> Iterator[Transition]:
    """Everything that can happen next, in an order that depends on the node alone."""
    for move in moves(node, bounds):
        happened: list[Happening] = []
        try:
            after, between = _play(node, move, happened)
        except Broken as broken:
            yield Transition(move.what, tuple(happened), None, broken)
            continue
        yield Transition(move.what, tuple(happened), after)
        if between is not None and between.world.crashes:
            first = happened[:1]
            restarted = _crashed(between, first)
            yield Transition(f"{move.what}; a crash behind its first record", tuple(first), restarted)


def _play(node: Node, move: Move, happened: list[Happening]) -> tuple[Node, Node | None]:
    """Where a move leads, and the situation behind its first record where it makes more than one."""
    before = node
    node = node._replace(world=move.world)
    if move.loses:
        newest = node.state.newest
        start = start_block(node.world.chain)
        if newest is not None and newest.start_block >= start:  # else the miner cannot know of it
            node = node._replace(ledger=counted_by_api(node.ledger, move.loses, start))
        node = node._replace(world=node.world._replace(taken=node.world.taken | {move.loses}))
    between: Node | None = None
    for meaning in move.facts:
        for event in meaning(node.state):
            between = node if len(happened) == 1 else between
            node = _record(node, event, happened, move.effect)
    return _settle(before, node, move), between


def _record(node: Node, event: ev.Event, happened: list[Happening], effect: ef.Effect | None = None) -> Node:
    """One record: step, the books, and that the same answer is not taken twice."""
    state, world, ledger = node
    at_ms = world.now_ms
    try:
        after = step(state, event, at_ms)
    except Exception as error:
        raise Broken("refused", f"{type(event).__name__} is an answer to what was wanted, and: {error}") from error
    record = Happening(event, at_ms, state.state, after.state)
    happened.append(record)
    ledger = entered(ledger, record, state, after, start_block(world.chain))
    if effect is not None and type(event) in _ONCE:
        _refuse_again(after, event, at_ms)
    return Node(after, world, ledger)


def _refuse_again(state: State, event: ev.Event, at_ms: int) -> None:
    try:
        step(state, event, at_ms)
    except IllegalEventError:
        return
    raise Broken("twice", f"{type(event).__name__} is taken a second time")


# Answers of which a second one is always refused; another analysis may be due at once, for what was held.
_ONCE: Final = frozenset(
    {
        ev.PostsScraped,
        ev.ScrapeFailed,
        ev.AuthorsLookedUp,
        ev.AuthorLookupFailed,
        ev.PostAnalyzed,
        ev.SubmissionStarted,
        ev.SubmissionAccepted,
        ev.SubmissionRejected,
        ev.SubmissionFailed,
        ev.RateLimited,
        ev.BackoffElapsed,
        ev.PostAbandoned,
    }
)


def _settle(before: Node, node: Node, move: Move) -> Node:
    """The world after a move: which answers may still come late, and which posts the API holds."""
    state, world, ledger = node
    late = world.late
    if state.epoch != before.state.epoch:
        late = ()
    elif state is not before.state:
        now = wanted(state)
        dropped = [e for e in wanted(before.state) if isinstance(e, _ANSWERED) and e not in now and e != move.effect]
        late = tuple(e for e in (*late, *dropped) if e != move.effect and e not in now)
    taken = world.taken & ledger.posts.keys() if world.taken else world.taken
    if late is world.late and taken == world.taken:
        return node
    return Node(state, world._replace(late=late, taken=taken), ledger)


_ANSWERED: Final = (ef.ScrapeWindow, ef.LookUpAuthors, ef.AnalyzePost, ef.SubmitPost)


def _crashed(node: Node, happened: list[Happening]) -> Node:
    """The process died right behind a record, and starts again."""
    world = node.world._replace(crashes=node.world.crashes - 1, late=())
    node = node._replace(world=world)
    node = _record(node, started(node.state.policy, node.state.epoch + 1), happened)
    return _settle(node, node, Move("", (), world))
