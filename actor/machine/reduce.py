"""How each event changes the data. One small pure function for each event; none of them chooses the next state.

A function raises IllegalEventError when the event does not fit the data: a verdict for an unknown post, a second scrape
of a window. Nothing has changed then, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from actor.machine.scoring import score_post_entry
from actor.machine.state import Backoff, OpenAttempt, PendingPost, State, Window
from events import catalogue as ev

__all__ = ["IllegalEventError", "apply"]

# X search reaches back 7 days, so a post older than this can never come back.
SEEN_DAYS: Final = 8
_DAY_MS: Final = 86_400_000
_COUNTED_WINDOWS: Final = 4
_BETWEEN_RUNS: Final = frozenset({ev.JournalCreated, ev.ApiMoved, ev.ActorStarted, ev.TailRepaired, ev.GapDeclared})


class IllegalEventError(ValueError):
    """The machine does not allow this event here. A bug of the caller; the state is unchanged."""


def apply(state: State, event: ev.Event, at_ms: int) -> State:
    """The data after ``event``, still under the old state name; opens the next window when a batch ended."""
    _require(state.running or type(event) in _BETWEEN_RUNS, f"{type(event).__name__} needs a running actor")
    return _settle(_REDUCERS[type(event)](state, event, at_ms))


def _require(ok: bool, message: str) -> None:  # noqa: FBT001  (reads as an assertion that survives -O)
    if not ok:
        raise IllegalEventError(message)


# Lifecycle


def _journal_created(s: State, e: ev.JournalCreated, _at: int) -> State:
    _require(s.identity is None, "a journal is created once")
    return replace(s, identity=e, api_url=e.api_url)


def _api_moved(s: State, e: ev.ApiMoved, _at: int) -> State:
    _require(s.identity is not None, "a journal is moved after JournalCreated")
    return replace(s, api_url=e.api_url)


def _actor_started(s: State, e: ev.ActorStarted, _at: int) -> State:
    _require(s.identity is not None, "an actor starts after JournalCreated")
    _require(e.epoch > s.epoch, f"epoch {e.epoch} does not follow {s.epoch}")
    s = replace(
        s,
        running=True,
        epoch=e.epoch,
        policy=e.policy,
        blocks_per_window=e.policy.blocks_per_window,
        max_submissions=e.policy.max_submissions_per_window,
        open=None,
        crashes={},
    )
    # An open attempt counted when it started. Without one left, the post waits for the next window (invariant I7).
    return _defer_exhausted(s)


def _actor_stopped(s: State, _e: ev.ActorStopped, _at: int) -> State:
    return replace(s, running=False)


def _tail_repaired(s: State, e: ev.TailRepaired, _at: int) -> State:
    _require(e.quarantine not in s.quarantined, f"{e.quarantine} was declared before")
    return replace(s, quarantined=(*s.quarantined, e.quarantine))


def _gap_declared(s: State, e: ev.GapDeclared, _at: int) -> State:
    """Take over what is known from behind the gap: seen posts, verdicts, and windows that were worked on."""
    salvage = e.salvage
    seen = dict(s.seen)
    for day, ids in salvage.seen.items():
        seen[day] = seen.get(day, frozenset()) | frozenset(ids)
    counted = dict(s.counted)
    for start, number in salvage.counted.items():
        counted[start] = counted.get(start, 0) + number
    s = replace(
        s,
        open=None,
        epoch=max(s.epoch, salvage.epoch),
        posts=tuple(p for p in s.posts if p.post.id not in salvage.settled),
        seen=seen,
        counted=counted,
        totals=replace(s.totals, accepted=s.totals.accepted + salvage.accepted),
    )
    return _skip_to(s, salvage)


def _skip_to(s: State, salvage: ev.Salvage) -> State:
    """A newer window than the last good record knew counts as spent: its scrape may have been paid for."""
    if salvage.window is None or salvage.start_block is None or salvage.blocks_per_window is None:
        return s
    window = Window(number=salvage.window, start_block=salvage.start_block, blocks=salvage.blocks_per_window)
    if not _is_after(window, s.newest):
        return s
    return replace(s, window=window, newest=window, to_scrape=0, backoff=None)


def _checkpoint_signed(s: State, _e: ev.CheckpointSigned, _at: int) -> State:
    return replace(s, checkpointed=None if s.window is None else s.window.start_block)


# Windows


def _window_opened(s: State, e: ev.WindowOpened, _at: int) -> State:
    _require(s.newest is None or e.start_block > s.newest.start_block, "a window opens after the newest known one")
    newest = Window(number=e.window, start_block=e.start_block, blocks=e.blocks_per_window)
    backoff = s.backoff
    if backoff is not None and backoff.until_block is not None and e.start_block >= backoff.until_block:
        backoff = None
    return replace(s, newest=newest, backoff=backoff)


def _settle(s: State) -> State:
    """Open the newest window once the batch has ended: carried posts go first, the rest is scraped (ruling 9)."""
    ended = s.to_scrape == 0 and all(p.deferred for p in s.posts)
    if not ended or s.backoff is not None or s.newest is None or not _is_after(s.newest, s.window):
        return s
    room = max(0, s.max_submissions - s.counted.get(s.newest.start_block, 0))
    carried = sorted((p for p in s.posts if _may_be_carried(s, p)), key=lambda p: -p.score)[:room]
    recent = sorted(s.counted.items())[-_COUNTED_WINDOWS:]
    return replace(
        s,
        window=s.newest,
        to_scrape=room - len(carried),
        posts=tuple(_carry(p) if p in carried else _put_off(p) for p in s.posts),
        counted=dict(recent),
        crashes={},
        totals=replace(s.totals, windows=s.totals.windows + 1),
    )


def _is_after(newest: Window, window: Window | None) -> bool:
    return window is None or newest.start_block > window.start_block


def _may_be_carried(s: State, post: PendingPost) -> bool:
    return post.deferred and post.deferrals <= s.policy.max_carried_windows  # else it is about to be abandoned


def _carry(post: PendingPost) -> PendingPost:
    return replace(post, deferred=False, attempts=0)


def _put_off(post: PendingPost) -> PendingPost:
    return replace(post, deferred=True, deferrals=post.deferrals + 1)


# Scrape and analysis


def _posts_scraped(s: State, e: ev.PostsScraped, at_ms: int) -> State:
    _require_scrape(s, e.window)
    _require(not any(s.is_seen(p.id) for p in e.posts), "a chosen post is new")
    pending = tuple(PendingPost(post=p, window=e.window) for p in e.posts)
    return replace(
        s,
        to_scrape=0,
        posts=s.posts + pending,
        seen=_see(s.seen, e.posts, at_ms) if e.posts else s.seen,
        totals=replace(s.totals, scraped=s.totals.scraped + len(pending)),
    )


def _see(seen: Mapping[int, frozenset[str]], posts: tuple[ev.Post, ...], at_ms: int) -> dict[int, frozenset[str]]:
    oldest = at_ms // _DAY_MS - SEEN_DAYS
    kept = {day: ids for day, ids in seen.items() if day >= oldest}
    for post in posts:
        day = post.timestamp * 1000 // _DAY_MS
        kept[day] = kept.get(day, frozenset()) | {post.id}
    return kept


def _scrape_failed(s: State, e: ev.ScrapeFailed, _at: int) -> State:
    _require_scrape(s, e.window)
    return replace(s, to_scrape=0)


def _require_scrape(s: State, window: int) -> None:
    _require(s.to_scrape > 0, "no scrape is due")
    _require(s.window is not None and s.window.number == window, f"the scrape of window {window} is not due")


def _post_analyzed(s: State, e: ev.PostAnalyzed, at_ms: int) -> State:
    pending = _unanalyzed(s, e.post_id)
    if not e.tokens and not s.policy.submit_irrelevant:
        return _leave_out(s, e.post_id)
    score = score_post_entry(pending.post, e.tokens, at_ms)
    return _replace_post(s, replace(pending, analyzed=True, tokens=e.tokens, sentiment=e.sentiment, score=score))


def _analysis_failed(s: State, e: ev.AnalysisFailed, _at: int) -> State:
    pending = _unanalyzed(s, e.post_id)
    if s.policy.on_analysis_error == "skip" or not s.policy.submit_irrelevant:
        return _leave_out(s, e.post_id)
    return _replace_post(s, replace(pending, analyzed=True))


def _unanalyzed(s: State, post_id: str) -> PendingPost:
    pending = s.pending(post_id)
    if pending is None or pending.analyzed:
        raise IllegalEventError(f"no analysis of post {post_id} is due")
    return pending


def _leave_out(s: State, post_id: str) -> State:
    return replace(_drop_post(s, post_id), totals=replace(s.totals, left_out=s.totals.left_out + 1))


# Submission


def _submission_started(s: State, e: ev.SubmissionStarted, _at: int) -> State:
    _require(s.open is None, "one attempt is open at a time")
    queue = s.queue()
    _require(bool(queue) and queue[0].post.id == e.post_id, f"post {e.post_id} is not the next to send")
    post = queue[0]
    _require(e.attempt == post.attempts + 1 <= s.policy.submit_attempts, f"attempt {e.attempt} is not due")
    attempt = OpenAttempt(post_id=e.post_id, attempt=e.attempt, body=e.body)
    return replace(_replace_post(s, replace(post, attempts=e.attempt)), open=attempt)


def _submission_accepted(s: State, e: ev.SubmissionAccepted, _at: int) -> State:
    _require_open(s, e.post_id)
    start = e.start_block if e.start_block is not None else _newest(s).start_block
    counted = {**s.counted, start: s.counted.get(start, 0) + 1}
    totals = replace(s.totals, accepted=s.totals.accepted + 1)
    return replace(_drop_post(s, e.post_id), open=None, counted=counted, totals=totals)


def _submission_rejected(s: State, e: ev.SubmissionRejected, _at: int) -> State:
    _require_open(s, e.post_id)
    totals = replace(s.totals, rejected=s.totals.rejected + 1)
    return replace(_drop_post(s, e.post_id), open=None, totals=totals)


def _submission_failed(s: State, e: ev.SubmissionFailed, at_ms: int) -> State:
    attempt = _require_open(s, e.post_id)
    _require(e.attempt == attempt.attempt, f"attempt {e.attempt} is not open")
    s = replace(s, open=None)
    if attempt.attempt >= s.policy.submit_attempts:
        return _defer_exhausted(s)
    wait_s = s.policy.submit_backoff_s * 2 ** (attempt.attempt - 1)  # ruling 1: 3 s, then 6 s
    return _back_off(s, "retry", at_ms, wait_s)


def _rate_limited(s: State, e: ev.RateLimited, _at: int) -> State:
    _require_open(s, e.post_id)
    newest = _newest(s)
    start = newest.start_block if e.start_block is None else max(e.start_block, newest.start_block)
    posts = tuple(p if p.deferred or not p.analyzed else _put_off(p) for p in s.posts)
    return replace(s, open=None, posts=posts, backoff=Backoff(kind="window", until_block=start + newest.blocks))


def _post_abandoned(s: State, e: ev.PostAbandoned, _at: int) -> State:
    pending = s.pending(e.post_id)
    _require(pending is not None and pending.deferred, f"post {e.post_id} is not carried over")
    return replace(_drop_post(s, e.post_id), totals=replace(s.totals, abandoned=s.totals.abandoned + 1))


def _require_open(s: State, post_id: str) -> OpenAttempt:
    if s.open is None or s.open.post_id != post_id:
        raise IllegalEventError(f"no attempt of post {post_id} is open")
    return s.open


def _newest(s: State) -> Window:
    if s.newest is None:
        raise IllegalEventError("no window is known")
    return s.newest


def _defer_exhausted(s: State) -> State:
    limit = s.policy.submit_attempts
    return replace(s, posts=tuple(_put_off(p) if p.attempts >= limit and not p.deferred else p for p in s.posts))


def _replace_post(s: State, post: PendingPost) -> State:
    return replace(s, posts=tuple(post if p.post.id == post.post.id else p for p in s.posts))


def _drop_post(s: State, post_id: str) -> State:
    return replace(s, posts=tuple(p for p in s.posts if p.post.id != post_id))


# Backoff, crashes and the API's word


def _back_off(s: State, kind: Any, at_ms: int, wait_s: float, *held: str) -> State:
    due_ms = at_ms + round(wait_s * 1000)
    before = s.backoff
    if before is not None and before.due_ms is not None:
        due_ms, wait_s, held = max(due_ms, before.due_ms), max(wait_s, before.wait_s), (*before.held, *held)
    return replace(s, backoff=Backoff(kind=kind, due_ms=due_ms, wait_s=wait_s, held=held))


def _backoff_elapsed(s: State, _e: ev.BackoffElapsed, _at: int) -> State:
    _require(s.backoff is not None and s.backoff.due_ms is not None, "no timed backoff is under way")
    return replace(s, backoff=None)


def _effect_crashed(s: State, e: ev.EffectCrashed, at_ms: int) -> State:
    s = replace(s, crashes={**s.crashes, e.effect: s.crashes.get(e.effect, 0) + 1})
    if s.open is not None and e.effect == f"SubmitPost:{s.open.post_id}":
        s = _defer_exhausted(replace(s, open=None))
    if s.backoff is not None and s.backoff.kind != "crash":
        return s  # nothing but polls runs in these, and polls have a pace of their own
    return _back_off(s, "crash", at_ms, s.policy.crash_backoff_s, e.effect)


def _config_mismatched(s: State, e: ev.ConfigMismatched, _at: int) -> State:
    if e.setting == "BLOCKS_PER_WINDOW":
        return replace(s, blocks_per_window=e.served)
    return replace(s, max_submissions=e.served)


def _api_unreachable(s: State, _e: ev.ApiUnreachable, _at: int) -> State:
    _require(not s.api_down, "the API is known to be unreachable")
    return replace(s, api_down=True)


def _api_recovered(s: State, _e: ev.ApiRecovered, _at: int) -> State:
    _require(s.api_down, "the API was not known to be unreachable")
    return replace(s, api_down=False)


_REDUCERS: Final[Mapping[type, Callable[[State, Any, int], State]]] = {
    ev.JournalCreated: _journal_created,
    ev.ApiMoved: _api_moved,
    ev.ActorStarted: _actor_started,
    ev.ActorStopped: _actor_stopped,
    ev.WindowOpened: _window_opened,
    ev.PostsScraped: _posts_scraped,
    ev.ScrapeFailed: _scrape_failed,
    ev.PostAnalyzed: _post_analyzed,
    ev.AnalysisFailed: _analysis_failed,
    ev.SubmissionStarted: _submission_started,
    ev.SubmissionAccepted: _submission_accepted,
    ev.SubmissionRejected: _submission_rejected,
    ev.SubmissionFailed: _submission_failed,
    ev.RateLimited: _rate_limited,
    ev.BackoffElapsed: _backoff_elapsed,
    ev.EffectCrashed: _effect_crashed,
    ev.ApiUnreachable: _api_unreachable,
    ev.ApiRecovered: _api_recovered,
    ev.ConfigMismatched: _config_mismatched,
    ev.PostAbandoned: _post_abandoned,
    ev.CheckpointSigned: _checkpoint_signed,
    ev.TailRepaired: _tail_repaired,
    ev.GapDeclared: _gap_declared,
}
