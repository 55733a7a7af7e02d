"""The books beside the machine: what was chosen, analyzed, sent and counted, and which promises that keeps or breaks.

They are kept from events alone, in their own way, so that they cannot repeat a mistake of the machine. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from actor.machine import State, wanted
from actor.machine.state import StateName, Window
from events import catalogue as ev
from events import effects as ef

__all__ = [
    "EMPTY",
    "Broken",
    "GhostLedger",
    "GhostPost",
    "Happening",
    "counted_by_api",
    "entered",
    "judge_end",
    "judge_state",
]


class Broken(Exception):  # noqa: N818  (a promise is)
    """A promise does not hold; ``rule`` names it."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule, self.text = rule, text


class GhostPost(NamedTuple):
    """A post that was chosen and has no verdict.

    Attributes:
        author: Its author's id while nobody knows who that is; empty once it is known.
        analyzed: Its analysis is on record.
        attempts: How many in each window, by the window's number.
        not_before_ms: No further attempt in its window is due before, unix milliseconds.
        counted: The API took it in a window that the miner knew of, whether or not the answer came.
    """

    author: str = ""
    analyzed: bool = False
    attempts: tuple[tuple[int, int], ...] = ()
    not_before_ms: int = 0
    counted: bool = False


class Happening(NamedTuple):
    """A record: what, when in unix milliseconds, and the states around it."""

    event: ev.Event
    at_ms: int
    source: StateName
    dest: StateName


class GhostLedger(NamedTuple):
    """All books.

    Attributes:
        posts: Those without a verdict, by id.
        chosen: How many were chosen in all; their ids are the numbers up to it.
        searched: Numbers of the windows whose search is answered.
        used: Numbers of the windows that were searched, sent in, or missed for a reason on record.
        chain: First block of the window that the chain is in.
        counted: Posts that the API counted, as far as the miner could know, by a window's first block.
        limited: First blocks of the windows in which nothing is sent after a 429.
        limited_to: The quota at the last one: a larger one that is told later leaves room.
    """

    posts: Mapping[str, GhostPost] = {}
    chosen: int = 0
    searched: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    chain: int = 0
    counted: Mapping[int, int] = {}
    limited: frozenset[int] = frozenset()
    limited_to: int = 0


EMPTY: Final = GhostLedger()


def entered(ledger: GhostLedger, happening: Happening, before: State, after: State, chain_block: int) -> GhostLedger:
    """The books after a record; ``chain_block`` is the first block of the window that the chain is in.

    Raises:
        Broken: The event is against a promise, or the machine's posts are not those of the books.
    """
    event = happening.event
    if ledger.chain != chain_block:
        ledger = ledger._replace(chain=chain_block)
    if isinstance(event, ev.SubmissionStarted):
        _judge_room(ledger, before, event)
    enter = _ENTRIES.get(type(event))
    if enter is not None:
        ledger = enter(ledger, before, event, happening.at_ms)
    if ledger.posts.keys() != {pending.post.id for pending in after.posts}:
        held = sorted(pending.post.id for pending in after.posts)
        raise Broken("I4", f"without a verdict are posts {sorted(ledger.posts)}, and the machine has {held}")
    newest = after.newest
    if newest is not None and newest.number not in ledger.used and not after.room():  # a quota may grow later
        ledger = ledger._replace(used=ledger.used | {newest.number})
    return ledger


def _judge_room(ledger: GhostLedger, s: State, e: ev.SubmissionStarted) -> None:
    """Whether the window takes one more post; only where the miner knows of the window that the chain is in."""
    newest, entry = s.newest, ledger.posts.get(e.post_id)
    if newest is None or newest.start_block != ledger.chain or entry is None or entry.counted:
        return
    if ledger.counted.get(ledger.chain, 0) >= s.max_submissions:
        raise Broken("I1", f"post {e.post_id} is sent in window {newest.number}, which is full")


def judge_state(ledger: GhostLedger, state: State) -> None:
    """What holds in every state; Broken where it does not."""
    forgotten = [number for number in range(1, ledger.chosen + 1) if not state.is_seen(str(number))]
    if forgotten:
        raise Broken("I2", f"post {forgotten[0]} was chosen and is not remembered: X would serve it as a new one")
    effects = wanted(state)
    for effect in effects:
        if isinstance(effect, ef.ScrapeWindow) and effect.window in ledger.searched:
            raise Broken("I3", f"a second search of window {effect.window} is wanted")
        if isinstance(effect, ef.LookUpAuthors) and not {p.author for p in ledger.posts.values()}.issuperset(
            effect.authors
        ):
            raise Broken("I3", f"authors {', '.join(effect.authors)} are wanted, who are known or of no post")
        if isinstance(effect, ef.AnalyzePost) and ledger.posts[effect.post_id].analyzed:
            raise Broken("I3", f"a second analysis of post {effect.post_id} is wanted")
    if state.running and all(isinstance(effect, ef.PollStatus | ef.PollChain | ef.AbandonPost) for effect in effects):
        _judge_rest(ledger, state)


def _judge_rest(ledger: GhostLedger, state: State) -> None:
    """The machine waits for the next window, or for carried posts to grow too old: nothing else may be left to do."""
    waiting = {pending.post.id for pending in state.posts if pending.deferred}
    if stuck := sorted(ledger.posts.keys() - waiting):
        raise Broken("I4", f"nothing is wanted for post {stuck[0]}, which has no verdict")
    given_up = {effect.post_id for effect in wanted(state) if isinstance(effect, ef.AbandonPost)}
    if stuck := sorted(waiting - given_up):
        raise Broken("I4", f"post {stuck[0]} is carried, and nothing ever gives it up")
    newest = state.newest
    if newest is None or newest.number in ledger.used or newest.start_block in ledger.limited:
        return
    if state.room() and state.backoff is None:
        raise Broken("I9", f"window {newest.number} has room, and nothing was searched or sent in it")


def judge_end(ledger: GhostLedger, state: State) -> None:
    """Nothing can happen any more, but that carried posts grow too old: each other one has its verdict."""
    carried = {effect.post_id for effect in wanted(state) if isinstance(effect, ef.AbandonPost)}
    if stuck := sorted(ledger.posts.keys() - carried):
        raise Broken("I4", f"nothing happens any more, and post {stuck[0]} has no verdict")


def counted_by_api(ledger: GhostLedger, post_id: str, start_block: int) -> GhostLedger:
    """The API took a post, in a window that the miner knows of or could know of once another one is taken back."""
    entry = ledger.posts[post_id]
    if entry.counted:
        return ledger
    counted = {**ledger.counted, start_block: ledger.counted.get(start_block, 0) + 1}
    return ledger._replace(counted=counted, posts={**ledger.posts, post_id: entry._replace(counted=True)})


# One small function for each event


def _scraped(ledger: GhostLedger, s: State, e: ev.PostsScraped, at_ms: int) -> GhostLedger:
    ledger = _searched(ledger, s, e, at_ms)
    new = {post.id: GhostPost(author="" if post.author else post.author_id) for post in e.posts}
    posts = {**ledger.posts, **new}
    return ledger._replace(posts=posts, chosen=ledger.chosen + len(e.posts))


def _searched(ledger: GhostLedger, _s: State, e: ev.PostsScraped | ev.ScrapeFailed, _at: int) -> GhostLedger:
    if e.window in ledger.searched:
        raise Broken("I3", f"window {e.window} was searched twice")
    return ledger._replace(searched=ledger.searched | {e.window}, used=ledger.used | {e.window})


def _looked_up(ledger: GhostLedger, s: State, e: ev.AuthorsLookedUp, _at: int) -> GhostLedger:
    """Whose author X does not know is left out."""
    known = {author.id for author in e.authors}
    posts = {
        post_id: entry._replace(author="") if entry.author in known else entry
        for post_id, entry in ledger.posts.items()
        if entry.author not in e.asked or entry.author in known
    }
    return _used(ledger, s)._replace(posts=posts)


def _lookup_failed(ledger: GhostLedger, s: State, _e: ev.AuthorLookupFailed, _at: int) -> GhostLedger:
    return _used(ledger, s)


def _withheld(ledger: GhostLedger, _s: State, e: ev.BudgetSpent, _at: int) -> GhostLedger:
    return ledger._replace(used=ledger.used | {e.window})


def _analyzed(ledger: GhostLedger, s: State, e: ev.PostAnalyzed, _at: int) -> GhostLedger:
    entry = _unanalyzed(ledger, e.post_id)
    ledger = _used(ledger, s)  # what was held may be left out once it is analyzed
    if not e.tokens and not s.policy.submit_irrelevant:
        return _settled(ledger, e.post_id)
    return _put(ledger, e.post_id, entry._replace(analyzed=True))


def _analysis_failed(ledger: GhostLedger, s: State, e: ev.AnalysisFailed, _at: int) -> GhostLedger:
    entry = _unanalyzed(ledger, e.post_id)
    ledger = _used(ledger, s)
    if s.policy.on_analysis_error == "hold" and e.kind in ev.CONFIGURATION:
        return ledger
    if s.policy.on_analysis_error == "skip" or not s.policy.submit_irrelevant:
        return _settled(ledger, e.post_id)
    return _put(ledger, e.post_id, entry._replace(analyzed=True))


def _used(ledger: GhostLedger, s: State) -> GhostLedger:
    """The window worked on was used."""
    return ledger if s.window is None else ledger._replace(used=ledger.used | {s.window.number})


def _unanalyzed(ledger: GhostLedger, post_id: str) -> GhostPost:
    entry = ledger.posts.get(post_id)
    if entry is None:
        raise Broken("I4", f"post {post_id} is analyzed, and has its verdict")
    if entry.analyzed:
        raise Broken("I3", f"post {post_id} was analyzed twice")
    if entry.author:
        raise Broken("authors", f"post {post_id} is analyzed, and nobody knows who posted it")
    return entry


def _started(ledger: GhostLedger, s: State, e: ev.SubmissionStarted, at_ms: int) -> GhostLedger:
    entry, newest = ledger.posts.get(e.post_id), s.newest
    if entry is None or newest is None:
        raise Broken("I2", f"post {e.post_id} is sent after its verdict")
    if not entry.analyzed:
        raise Broken("hold", f"post {e.post_id} is sent without its analysis")
    attempts = dict(entry.attempts)
    attempts[e.window] = attempts.get(e.window, 0) + 1
    if attempts[e.window] > s.policy.submit_attempts:
        raise Broken("I7", f"attempt {attempts[e.window]} at post {e.post_id} in window {e.window}")
    if attempts[e.window] == 1:
        entry = entry._replace(not_before_ms=0)
    if at_ms < entry.not_before_ms:
        early_s = (entry.not_before_ms - at_ms) / 1000
        raise Broken("I7", f"attempt {attempts[e.window]} at post {e.post_id} comes {early_s:g} s too early")
    if newest.start_block in ledger.limited and s.max_submissions <= ledger.limited_to:
        raise Broken("I6", f"post {e.post_id} is sent in window {newest.number} after its 429")
    if s.is_too_old(_post(s, e.post_id), at_ms):
        raise Broken("R9", f"post {e.post_id} is sent although it is too old")
    entry = entry._replace(attempts=tuple(sorted(attempts.items())))
    return _put(ledger._replace(used=ledger.used | {e.window}), e.post_id, entry)


def _accepted(ledger: GhostLedger, s: State, e: ev.SubmissionAccepted, _at: int) -> GhostLedger:
    _sent(ledger, e.post_id)
    newest = _newest(s).start_block
    start = newest if e.start_block is None and newest < ledger.chain else ledger.chain
    return _settled(counted_by_api(ledger, e.post_id, start), e.post_id)


def _rejected(ledger: GhostLedger, _s: State, e: ev.SubmissionRejected, _at: int) -> GhostLedger:
    _sent(ledger, e.post_id)
    return _settled(ledger, e.post_id)


def _failed(ledger: GhostLedger, s: State, e: ev.SubmissionFailed, at_ms: int) -> GhostLedger:
    entry = _sent(ledger, e.post_id)
    wait_ms = round(s.policy.submit_backoff_s * 1000) << (e.attempt - 1)
    return _put(ledger, e.post_id, entry._replace(not_before_ms=at_ms + wait_ms))


def _limited(ledger: GhostLedger, s: State, e: ev.RateLimited, _at: int) -> GhostLedger:
    _sent(ledger, e.post_id)
    newest = _newest(s)
    named = newest.start_block if e.start_block is None else e.start_block
    true = min(
        newest.start_block, ledger.chain
    )  # what is told too early is no window, and nobody can know of a later one
    first, last = min(named, true), max(named, newest.start_block)
    full = ledger.limited | {*range(first, last + newest.blocks, newest.blocks)}
    return ledger._replace(limited=full, limited_to=s.max_submissions)


def _sent(ledger: GhostLedger, post_id: str) -> GhostPost:
    entry = ledger.posts.get(post_id)
    if entry is None:
        raise Broken("I4", f"post {post_id} gets a second verdict")
    return entry


def _abandoned(ledger: GhostLedger, s: State, e: ev.PostAbandoned, at_ms: int) -> GhostLedger:
    if e.post_id not in ledger.posts:
        raise Broken("I4", f"post {e.post_id} gets a second verdict")
    if e.reason == "too old" and not s.is_too_old(_post(s, e.post_id), at_ms):
        raise Broken("R9", f"post {e.post_id} is given up as too old, and is not")
    return _settled(_used(ledger, s), e.post_id)  # it may have filled the window


def _gap(ledger: GhostLedger, s: State, _e: ev.GapDeclared, _at: int) -> GhostLedger:
    """What is not analyzed is left out. Attempts may lie in the gap, so the windows known are over."""
    posts = {post_id: entry._replace(not_before_ms=0) for post_id, entry in ledger.posts.items() if entry.analyzed}
    known = frozenset(window.number for window in (s.window, s.newest) if window is not None)
    return ledger._replace(posts=posts, used=ledger.used | known)


def _moved(ledger: GhostLedger, _s: State, _e: ev.ApiMoved, _at: int) -> GhostLedger:
    """Another API counts anew."""
    posts = {post_id: entry._replace(attempts=(), counted=False) for post_id, entry in ledger.posts.items()}
    return GhostLedger(posts=posts, chosen=ledger.chosen)


def _opened(ledger: GhostLedger, _s: State, e: ev.WindowOpened, _at: int) -> GhostLedger:
    """Attempts in a window of this number, which was taken back, were made in another one."""
    posts = {
        post_id: entry._replace(attempts=tuple(made for made in entry.attempts if made[0] != e.window))
        for post_id, entry in ledger.posts.items()
    }
    return ledger._replace(posts=posts)


def _revised(ledger: GhostLedger, s: State, _e: ev.WindowsRevised, _at: int) -> GhostLedger:
    """What was worked on is spent."""
    return _used(ledger, s)


def _newest(s: State) -> Window:
    if s.newest is None:
        raise Broken("I4", "an answer to a submission, and no window is known")
    return s.newest


def _post(s: State, post_id: str) -> ev.Post:
    pending = s.pending(post_id)
    if pending is None:
        raise Broken("I4", f"post {post_id} is not among the machine's")
    return pending.post


def _put(ledger: GhostLedger, post_id: str, entry: GhostPost) -> GhostLedger:
    return ledger._replace(posts={**ledger.posts, post_id: entry})


def _settled(ledger: GhostLedger, post_id: str) -> GhostLedger:
    return ledger._replace(posts={other: entry for other, entry in ledger.posts.items() if other != post_id})


_ENTRIES: Final[Mapping[type, Callable[[GhostLedger, State, Any, int], GhostLedger]]] = {
    ev.PostsScraped: _scraped,
    ev.ScrapeFailed: _searched,
    ev.AuthorsLookedUp: _looked_up,
    ev.AuthorLookupFailed: _lookup_failed,
    ev.BudgetSpent: _withheld,
    ev.PostAnalyzed: _analyzed,
    ev.AnalysisFailed: _analysis_failed,
    ev.SubmissionStarted: _started,
    ev.SubmissionAccepted: _accepted,
    ev.SubmissionRejected: _rejected,
    ev.SubmissionFailed: _failed,
    ev.RateLimited: _limited,
    ev.PostAbandoned: _abandoned,
    ev.GapDeclared: _gap,
    ev.ApiMoved: _moved,
    ev.WindowsRevised: _revised,
    ev.WindowOpened: _opened,
}
