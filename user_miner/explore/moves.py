"""What can happen next: every answer to every wanted effect, the chain, crashes and rare troubles. Pure.

Representative answers stand for all others: a search brings any number of posts or fails; X knows all authors or all
but one, or does not answer; an analysis finds a subnet, finds none, fails or is refused; a submission is accepted,
rejected, limited, or fails with or without having arrived.
Time stands still but for waits that end, and for a host that sleeps until posts are too old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from actor.machine import REDUCER, State, content_sha256, norm_text, wanted
from actor.machine.facts import (
    author_lookup_failed,
    authors_event,
    crash_event,
    observe,
    scrape_failed,
    scraped_event,
    submit_event,
)
from actor.machine.wanted import submission_decided
from actor.ports import (
    Accepted,
    Block,
    Failed,
    FoundAuthors,
    Limited,
    Rejected,
    Scraped,
    ScrapeError,
    SubmitAnswer,
)
from actor.testing.stand_ins import HOTKEY
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from user_miner.explore.ledger import GhostLedger

__all__ = ["BEGINNINGS", "Bounds", "Move", "Node", "Outside", "moves", "policies", "start_block", "started"]

_BLOCKS: Final = 100
_FIRST: Final = 700
_HOUR_S: Final = 3_600
_SLEEP_MS: Final = 73 * _HOUR_S * 1_000
_ID: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How large the world is.

    Attributes:
        windows: The chain comes to so many.
        posts: A window takes so many, and X has as many new ones for each search.
        attempts: Submissions of a post in one window.
        crashes: Times that the process dies or is stopped, and starts again.
        troubles: Rare events in all: a bug raises, the settings change, a disk is full, and so on.
    """

    windows: int = 2
    posts: int = 2
    attempts: int = 2
    crashes: int = 1
    troubles: int = 0


class Outside(NamedTuple):
    """What is not the machine's.

    Attributes:
        chain: Number of windows that the chain has left behind.
        taken: Posts without a verdict that the API has taken; their answers were lost.
        late: Effects that are no longer wanted, and whose answers may still come.
        crashes: How many are left.
        troubles: How many are left.
        now_ms: The host's clock, unix milliseconds.
    """

    chain: int
    taken: frozenset[str]
    late: tuple[ef.Effect, ...]
    crashes: int
    troubles: int
    now_ms: int


class Node(NamedTuple):
    """One situation: the machine, the world around it, the books."""

    state: State
    world: Outside
    ledger: GhostLedger


_Meaning: TypeAlias = Callable[[State], Iterable[ev.Event]]


class Move(NamedTuple):
    """One thing that can happen.

    Attributes:
        what: In words.
        facts: What is recorded, each as a function of the state then.
        world: The world from then on.
        effect: The effect that this answers; None for none.
        loses: The post that the API takes, and whose answer never arrives; empty for none.
    """

    what: str
    facts: tuple[_Meaning, ...]
    world: Outside
    effect: ef.Effect | None = None
    loses: str = ""


@cache
def policies(bounds: Bounds) -> Mapping[str, ev.Policy]:
    """The settings that an exploration begins with or changes to, by name."""
    usual = ev.Policy(
        blocks_per_window=_BLOCKS,
        max_submissions_per_window=bounds.posts,
        submit_attempts=bounds.attempts,
        max_carried_windows=1,
    )
    return {
        "default": usual,
        "skip": changed(usual, on_analysis_error="skip", submit_irrelevant=False),
        "hold": changed(usual, on_analysis_error="hold"),
        "budget": changed(usual, max_x_usd_per_day=0.01),
        "authors": changed(usual, author_cache_hours=1),
        "saving": changed(usual, posts_per_search=bounds.posts + 1),
    }


BEGINNINGS: Final = tuple(policies(Bounds()))

# What can happen


def moves(node: Node, bounds: Bounds) -> Iterator[Move]:
    """Everything that can happen next, in an order that depends on the node alone."""
    state, world, _ = node
    effects = wanted(state)
    for effect in (*effects, *world.late):
        yield from _answers(node, effect)
    if world.chain + 1 < bounds.windows:
        yield Move("the chain comes to its next window", (), world._replace(chain=world.chain + 1))
    if world.crashes:
        yield from _ends(node, effects)
    if world.troubles:
        yield from _troubles(node, bounds, effects)


def _answers(node: Node, effect: ef.Effect) -> Iterator[Move]:
    """Each answer that the effect's port may give."""
    world = node.world
    match effect:
        case ef.PollStatus():
            yield from _statuses(node)
        case ef.ScrapeWindow() | ef.LookUpAuthors():
            yield from _lookups(node, effect) if isinstance(effect, ef.LookUpAuthors) else _searches(node, effect)
        case ef.AnalyzePost():
            yield from _analyses(node, effect)
        case ef.SubmitPost():
            yield from _submissions(node, effect)
        case ef.StartSubmission():
            now_ms = world.now_ms
            yield Move("the intent is recorded", (lambda s: (submission_decided(s, effect, now_ms),),), world, effect)
        case ef.HoldWindow():
            yield Move("the budget withholds the search", (_withheld,), world, effect)
        case ef.EndBackoff():
            later = world._replace(now_ms=max(world.now_ms, effect.due_ms))
            yield Move("the wait ends", _one(ev.BackoffElapsed()), later, effect)
        case ef.AbandonPost() if effect.due_ms <= world.now_ms:
            gives_up = ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason)
            yield Move("a carried post is given up", _one(gives_up), world, effect)
        case ef.SignCheckpoint():
            yield Move("the checkpoint is signed", (_signed,), world, effect)


def _statuses(node: Node) -> Iterator[Move]:
    state, world, _ = node
    block = _block(world.chain)
    if observe(state, block, "status"):
        yield Move("the status is told", (lambda s: observe(s, block, "status"),), world)
    newest, start = state.newest, start_block(world.chain)
    if newest is not None and newest.start_block > start and not state.is_under_way():
        revised = ev.WindowsRevised(
            window=start // _BLOCKS,
            start_block=start,
            current_block=start + 1,
            blocks_per_window=_BLOCKS,
            believed_start_block=newest.start_block,
            answers=5,
            agreed_s=300.0,
            taken=state.taken_of(start),
        )
        yield Move("a window that was none is taken back", _one(revised), world)


def _searches(node: Node, effect: ef.ScrapeWindow) -> Iterator[Move]:
    world, chosen = node.world, node.ledger.chosen
    with_authors = not node.state.policy.author_cache_hours
    for count in range(effect.count + effect.spare + 1):
        posts = [_post(chosen + 1 + at, world.now_ms) for at in range(count)]
        found = Scraped(
            posts=tuple(posts if with_authors else [_without_author(post) for post in posts]),
            posts_read=10,
            users_read=10 if with_authors else 0,
            requests=1,
            unusable=0,
            since=world.now_ms // 1000 - 72 * _HOUR_S,
        )
        yield Move(f"X serves {count}", _one(scraped_event(effect, found, seed=1, latency_ms=1)), world, effect)
    error = ScrapeError("503", kind="server", http_status=503)
    yield Move("the search fails", _one(scrape_failed(effect, error, latency_ms=1)), world, effect)


def _lookups(node: Node, effect: ef.LookUpAuthors) -> Iterator[Move]:
    world = node.world
    for what, known in (("all authors", effect.authors), ("all authors but one", effect.authors[1:])):
        authors = tuple(ev.Author(id=one, username=f"author_{one}", created=0, followers=10) for one in known)
        found = FoundAuthors(authors=authors, users_read=len(authors))
        yield Move(f"X knows {what}", _one(authors_event(effect, found, latency_ms=1)), world, effect)
    error = ScrapeError("503", kind="server", http_status=503)
    yield Move("X tells no authors", _one(author_lookup_failed(effect, error, latency_ms=1)), world, effect)


def _without_author(post: ev.Post) -> ev.Post:
    return changed(post, author="", author_id=post.id, account_created=0, account_age=0, followers=0)


def _analyses(node: Node, effect: ef.AnalyzePost) -> Iterator[Move]:
    world, post_id = node.world, effect.post_id
    digest = _digest(node.state, post_id)
    for what, tokens in (("finds a subnet", {"talisman": 1.0}), ("finds no subnet", {})):
        found = ev.PostAnalyzed(
            post_id=post_id,
            content_sha256=digest,
            tokens=tokens,
            sentiment=0.5,
            model="m",
            prompt_version="1",
            rung="json_schema",
            raw_answer="{}",
            calls=1,
            prompt_tokens=100,
            completion_tokens=10,
            latency_ms=1,
        )
        yield Move(f"the analysis {what}", _one(found), world, effect)
    for what, kind in (("fails", "timeout"), ("is refused", "auth")):
        failure = ev.AnalysisFailed(
            post_id=post_id,
            content_sha256=digest,
            kind=kind,
            reason=kind,
            model="m",
            prompt_version="1",
            raw_answer="",
            calls=1,
            prompt_tokens=0,
            completion_tokens=0,
            latency_ms=1,
        )
        yield Move(f"the analysis {what}", _one(failure), world, effect)


def _submissions(node: Node, effect: ef.SubmitPost) -> Iterator[Move]:
    """The API takes whatever is sent. Where the miner believes that it is in another window, it may or may not say."""
    state, world, _ = node
    start = start_block(world.chain)
    is_known = state.newest is not None and state.newest.start_block == start
    block, silent = _block(world.chain), Block()
    is_taken = effect.post_id in world.taken
    for told in (block,) if is_known else (block, silent):
        where = "" if told is block else ", no window told"
        status = "duplicate" if is_taken else "new"
        yield _answer(f"the post is accepted{where}", effect, _accepted(status, told), told, world)
        limited = Limited(reason="429", answer="", block=told, reset_block=None, reset_s=None)
        yield _answer(f"a 429{where}", effect, limited, told, world)
    if not is_taken:
        rejected = Rejected(http_status=409, reason="conflict", answer="", block=block)
        yield _answer("the post is rejected", effect, rejected, block, world)
    failed = Failed(kind="timeout", reason="no answer in time", http_status=None, answer="", block=silent)
    yield _answer("the attempt does not arrive", effect, failed, silent, world)
    if not is_taken:
        yield _answer("the post is taken, the answer lost", effect, failed, silent, world)._replace(
            loses=effect.post_id
        )


def _answer(what: str, effect: ef.SubmitPost, answer: SubmitAnswer, told: Block, world: Outside) -> Move:
    facts: tuple[_Meaning, ...] = (
        lambda s: (submit_event(s, effect, answer, latency_ms=1),),
        lambda s: observe(s, told, "submit"),
    )
    return Move(what, facts if told != Block() else facts[:1], world, effect)


def _ends(node: Node, effects: tuple[ef.Effect, ...]) -> Iterator[Move]:
    """The process dies, or is stopped; an open attempt may have arrived."""
    world = node.world._replace(crashes=node.world.crashes - 1)
    sent = [effect.post_id for effect in effects if isinstance(effect, ef.SubmitPost)]
    for loses in ("", *(post_id for post_id in sent if post_id not in world.taken)):
        what = ", an attempt arrived" if loses else ""
        yield Move(f"a crash{what}", (_restarted,), world, None, loses)
        yield Move(f"a stop{what}", (_stopped, _restarted), world, None, loses)


# What happens rarely: each costs one of the troubles


def _troubles(node: Node, bounds: Bounds, effects: tuple[ef.Effect, ...]) -> Iterator[Move]:
    state, world, ledger = node
    world = world._replace(troubles=world.troubles - 1)
    for effect in effects:
        digest = _digest(state, effect.post_id) if isinstance(effect, ef.AnalyzePost) else ""
        bug = crash_event(state, effect, "a bug", content_sha256=digest)
        yield Move(f"a bug in {ef.effect_key(effect)}", _one(bug), world, effect)
    if not state.api_down:
        yield Move("the status is not told", _one(ev.ApiUnreachable(reason="no answer")), world)
    if any(not pending.deferred or pending.analyzed for pending in state.posts):
        yield Move("the host sleeps for three days", (), world._replace(now_ms=world.now_ms + _SLEEP_MS))
    lie = _block(world.chain + 1)
    yield Move("the status tells of the next window too early", (lambda s: observe(s, lie, "status"),), world)
    quota = 1 if state.max_submissions > 1 else 2
    fewer = changed(_block(world.chain), max_submissions=quota)
    yield Move(f"the API tells of {quota} posts a window", (lambda s: observe(s, fewer, "status"),), world)
    yield from _changes(node, bounds, effects, world)
    yield from _starts(node, bounds, world)
    full = ev.DiskFilled(free_bytes=1 << 20, needed_bytes=4 << 20)
    yield Move(
        "the chain tells how the hotkey stands, and then does not", (*_one(_UNREGISTERED), *_one(_SILENT)), world
    )
    disk = full if state.disk_full_ms is None else ev.DiskFreed(free_bytes=1 << 30)
    yield Move("the disk fills or is freed", _one(disk), world)
    if ledger.chosen:
        yield Move("a validator reports", (_score, _validation), world)


def _changes(node: Node, bounds: Bounds, effects: tuple[ef.Effect, ...], world: Outside) -> Iterator[Move]:
    """Other settings, at run time; a search under way ends first."""
    if any(isinstance(effect, ef.ScrapeWindow | ef.LookUpAuthors) for effect in effects):
        return
    for name, policy in policies(bounds).items():
        if policy != node.state.policy:
            change = ev.SettingsChanged(policy=policy, names=("ON_ANALYSIS_ERROR",))
            yield Move(f"the settings become those of {name}", _one(change), world)


def _starts(node: Node, bounds: Bounds, world: Outside) -> Iterator[Move]:
    """The process dies, and something else than a plain start follows."""
    for name, policy in policies(bounds).items():
        if policy != node.state.policy:
            yield Move(
                f"a crash, and a start with {name}",
                (lambda s, policy=policy: (started(policy, s.epoch + 1),),),  # type: ignore[misc]
                world,
            )
    yield Move("a crash tears the tail", (_torn, _restarted), world)
    yield Move("a gap is accepted", (lambda _s: (_GAP,), _restarted), world)
    moved = ev.ApiMoved(api_url=f"http://127.0.0.1:{8_002 + node.state.epoch}")
    another = world._replace(taken=frozenset())
    yield Move("the journal moves to another API", (lambda _s: (moved,), _restarted), another)


_UNREGISTERED: Final = ev.ChainPolled(block=1, miners=1)
_SILENT: Final = ev.ChainPollFailed(kind="timeout", reason="no answer")
_GAP: Final = ev.GapDeclared(
    reason="explored",
    segment="00000000000000000001.jsonl",
    offset=1,
    lost_bytes=1,
    witnessed_seq=None,
    salvage=ev.Salvage(
        records=0,
        seen={},
        settled=(),
        accepted=0,
        counted={},
        window=None,
        start_block=None,
        blocks_per_window=None,
        epoch=0,
    ),
)


# Events, made up where no edge is needed


def _one(event: ev.Event) -> tuple[_Meaning, ...]:
    return (lambda _s: (event,),)


def _withheld(s: State) -> tuple[ev.Event, ...]:
    return () if s.unaffordable is None else (s.unaffordable,)


def _signed(s: State) -> tuple[ev.Event, ...]:
    return (
        ev.CheckpointSigned(
            journal=_ID,
            since=s.checkpoint_seq,
            seq=s.checkpoint_seq + 1,
            head=_ID,
            hashes_sha256=_ID,
            reducer=REDUCER,
            state_sha256=_ID,
            signature=_ID * 2,
        ),
    )


def started(policy: ev.Policy, epoch: int) -> ev.ActorStarted:
    """What a start records."""
    return ev.ActorStarted(build="explored", epoch=epoch, pid=epoch, policy=policy)


def _restarted(s: State) -> tuple[ev.Event, ...]:
    return (started(s.policy, s.epoch + 1),)


def _stopped(s: State) -> tuple[ev.Event, ...]:
    return (ev.ActorStopped(reason="asked to stop", posts_processed=s.totals.accepted),)


def _torn(s: State) -> tuple[ev.Event, ...]:
    name = f"{len(s.quarantined) + 1}.bad"
    return (ev.TailRepaired(segment="00000000000000000001.jsonl", offset=1, length=1, quarantine=name, sha256=_ID),)


def _score(_s: State) -> tuple[ev.Event, ...]:
    return (ev.ScoreObserved(validator=HOTKEY, start_block=1, end_block=2, score=0.5),)


def _validation(_s: State) -> tuple[ev.Event, ...]:
    return (ev.ValidationObserved(validator=HOTKEY, validation_id="1", post_id="1", passed=True),)


def _accepted(status: str, block: Block) -> Accepted:
    return Accepted(
        status=status,
        http_status=200,
        answer="{}",
        block=block,
        selected_for_validation=None,
        validation_id=None,
    )


def _post(number: int, now_ms: int) -> ev.Post:
    posted = now_ms // 1000 - _HOUR_S
    return ev.Post(
        id=str(number),
        content=f"SN45, post {number}",
        author=f"user{number}",
        author_id=str(number),
        timestamp=posted,
        account_created=posted - 365 * 24 * _HOUR_S,
        account_age=365,
        retweets=10,
        likes=50,
        responses=5,
        quotes=1,
        followers=1_000,
    )


def _digest(state: State, post_id: str) -> str:
    pending = state.pending(post_id)
    return _ID if pending is None else content_sha256(norm_text(pending.post.content))


def start_block(chain: int) -> int:
    """First block of the window that the chain is in."""
    return (_FIRST + chain) * _BLOCKS


def _block(chain: int) -> Block:
    return Block(current_block=start_block(chain) + 1)
