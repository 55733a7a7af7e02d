"""How each event changes the data. One small pure function for each event; none of them chooses the next state.

A function raises IllegalEventError when the event does not fit the data: a verdict for an unknown post, a second scrape
of a window. Nothing has changed then, and nothing is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from actor.machine.budget import reckon
from actor.machine.posts import (
    POST_REDUCERS,
    ask_again,
    back_off,
    begin_analyses,
    carry,
    defer_exhausted,
    newest_of,
    put_off,
    require,
)
from actor.machine.state import IllegalEventError, PendingPost, ReadTo, State, Window, observation_key
from actor.machine.troubles import note_trouble
from events import catalogue as ev
from events.codec import changed
from events.prices import page_size

__all__ = ["apply"]

_COUNTED_WINDOWS: Final = 4
_WORKED_WINDOWS: Final = 72  # a day of windows as they are by default
_OBSERVATIONS_KEPT: Final = 512
_CHAIN_FIRST_MS: Final = 60_000  # a start has other things to do
_AT_RUN_TIME: Final = sorted(
    field.name
    for field in msgspec.structs.fields(ev.Policy)
    if ev.AT_RUN_TIME in getattr(field.type, "__metadata__", ())
)
_BETWEEN_RUNS: Final = frozenset({ev.JournalCreated, ev.ApiMoved, ev.ActorStarted, ev.TailRepaired, ev.GapDeclared})


def apply(state: State, event: ev.Event, at_ms: int) -> State:
    """The data after ``event``, still under the old state name; opens the next window when a batch ended."""
    if not state.running and type(event) not in _BETWEEN_RUNS:
        raise IllegalEventError(f"{type(event).__name__} needs a running actor")
    after = _settle(_REDUCERS[type(event)](state, event, at_ms), at_ms)
    return note_trouble(state, reckon(state, after, event, at_ms), event, at_ms)


# Lifecycle


def _journal_created(s: State, e: ev.JournalCreated, _at: int) -> State:
    require(s.identity is None, "a journal is created once")
    return changed(s, identity=e, api_url=e.api_url)


def _api_moved(s: State, e: ev.ApiMoved, _at: int) -> State:
    require(s.identity is not None, "a journal is moved after JournalCreated")
    backoff = s.backoff if s.backoff is None or s.backoff.until_block is None else changed(s.backoff, until_block=0)
    # Windows and quotas belong to the API that counted them; the new one may be at another block.
    s = changed(
        s,
        api_url=e.api_url,
        served_blocks_per_window=None,
        served_max_submissions=None,
        window=None,
        newest=None,
        worked=(),
        to_scrape=0,
        spare=0,
        limited_to=None,
        counted={},
        checkpointed=None,
        backoff=backoff,
        posts=tuple(changed(p, deferred_in=None) for p in s.posts),
    )
    return _put_all_off(s) if s.state == "Scraping" else s  # what was carried for the search's window waits as well


def _actor_started(s: State, e: ev.ActorStarted, at_ms: int) -> State:
    require(s.identity is not None, "an actor starts after JournalCreated")
    require(e.epoch > s.epoch, f"epoch {e.epoch} does not follow {s.epoch}")
    s = changed(
        s,
        running=True,
        epoch=e.epoch,
        policy=e.policy,
        read_to=_still_read_to(s, e.policy),
        subnets_sha256=e.subnets_sha256,
        answers=s.answers if e.subnets_sha256 == s.subnets_sha256 else {},  # other subnets, other answers
        build=e.build,
        taken=s.taken if e.build == s.build else None,  # another build may ask in another way
        open=None,
        crashes={},
        disk_full_ms=None,  # which is looked at anew
        chain_due_ms=_chain_due_ms(s, e.policy, at_ms + _CHAIN_FIRST_MS, at_ms),
    )
    # An open attempt counted when it started. Without one left, the post waits for the next window (invariant I7).
    return ask_again(defer_exhausted(begin_analyses(_with_spare(_close_longer(s)))), at_ms)


def _actor_stopped(s: State, _e: ev.ActorStopped, _at: int) -> State:
    return changed(s, running=False)


def _settings_changed(s: State, e: ev.SettingsChanged, at_ms: int) -> State:
    taken = changed(s.policy, **{name: getattr(e.policy, name) for name in _AT_RUN_TIME})
    require(taken == e.policy, f"a running miner takes over nothing but {', '.join(_AT_RUN_TIME)}")
    s = changed(
        s,
        policy=e.policy,
        read_to=_still_read_to(s, e.policy),
        chain_due_ms=_chain_due_ms(s, e.policy, at_ms, at_ms),
    )
    return ask_again(_with_spare(s), at_ms)


def _chain_due_ms(s: State, policy: ev.Policy, soonest_ms: int, at_ms: int) -> int | None:
    """When the chain is asked next under these settings: as was due, no sooner than this, within a whole interval."""
    if policy.chain_poll_s is msgspec.UNSET:
        return None
    due_ms = soonest_ms if s.chain_due_ms is None else max(s.chain_due_ms, soonest_ms)
    return min(due_ms, max(soonest_ms, _after_a_poll_ms(policy, at_ms) or 0))


def _after_a_poll_ms(policy: ev.Policy, at_ms: int) -> int | None:
    return None if policy.chain_poll_s is msgspec.UNSET else at_ms + round(policy.chain_poll_s * 1000)


def _still_read_to(s: State, policy: ev.Policy) -> ReadTo | None:
    """What other keywords find was not read."""
    return s.read_to if policy.search_keywords == s.policy.search_keywords else None


def _tail_repaired(s: State, e: ev.TailRepaired, _at: int) -> State:
    require(e.quarantine not in s.quarantined, f"{e.quarantine} was declared before")
    return changed(s, quarantined=(*s.quarantined, e.quarantine))


def _gap_declared(s: State, e: ev.GapDeclared, at_ms: int) -> State:
    """Take over what is known from behind the gap, and be sure of nothing else.

    The windows known on either side count as spent, for their searches may have been paid for. What was analyzed and
    has no verdict waits for the next window, for its attempts and a 429 may lie in the gap; what was not analyzed is
    left out, for its analysis may.
    """
    known = e.salvage
    seen = dict(s.seen)
    for day, ids in known.seen.items():
        seen[day] = seen.get(day, frozenset()) | frozenset(ids)
    counted = dict(s.counted)
    for start, number in known.counted.items():
        counted[start] = counted.get(start, 0) + number
    unsettled = [p for p in s.posts if p.post.id not in known.settled]
    newest = _newest_behind(s, known, at_ms)
    s = changed(s, newest=newest, window=newest, worked=s.worked if newest is None else _worked(s, newest))
    return changed(
        s,
        to_scrape=0,
        spare=0,
        open=None,
        backoff=None,
        epoch=max(s.epoch, known.epoch),
        posts=tuple(p if p.deferred else put_off(s, p) for p in unsettled if p.analyzed),
        seen=seen,
        counted=counted,
        totals=changed(
            s.totals,
            accepted=s.totals.accepted + known.accepted,
            left_out=s.totals.left_out + sum(not p.analyzed for p in unsettled),
        ),
    )


def _newest_behind(s: State, known: ev.Salvage, at_ms: int) -> Window | None:
    if known.window is None or known.start_block is None or known.blocks_per_window is None:
        return s.newest
    window = Window(number=known.window, start_block=known.start_block, blocks=known.blocks_per_window, opened_ms=at_ms)
    return window if _is_after(window, s.newest) else s.newest


def _checkpoint_signed(s: State, e: ev.CheckpointSigned, _at: int) -> State:
    seq = s.checkpoint_seq if e.since is None else e.seq
    return changed(s, checkpointed=None if s.window is None else s.window.start_block, checkpoint_seq=seq)


# Windows


def _window_opened(s: State, e: ev.WindowOpened, at_ms: int) -> State:
    require(s.newest is None or e.start_block > s.newest.start_block, "a window opens after the newest known one")
    newest = Window(number=e.window, start_block=e.start_block, blocks=e.blocks_per_window, opened_ms=at_ms)
    backoff = s.backoff
    if backoff is not None and backoff.until_block is not None and e.start_block >= backoff.until_block:
        backoff = None
    return changed(s, newest=newest, backoff=backoff)


def _windows_revised(s: State, e: ev.WindowsRevised, at_ms: int) -> State:
    """Take back the newest window, which the chain never came to, and go on in the window that the chain is in.

    A 429 now binds until that window ends; a batch of an earlier window goes on. No post is carried into a window that
    was worked on before, for its attempts may have been made there (invariant I7). What was counted elsewhere may have
    counted in that window (invariant I1).
    """
    believed = newest_of(s)
    require(believed.start_block == e.believed_start_block, "only the newest window is taken back")
    require(not s.is_under_way(), "windows are revised between answers")
    told = Window(number=e.window, start_block=e.start_block, blocks=e.blocks_per_window, opened_ms=at_ms)
    window = None if s.window is None or _is_after(s.window, told) else s.window
    require(e.taken in {None, s.taken_of(e.start_block)}, f"{s.taken_of(e.start_block)} places may be taken there")
    counted, backoff = s.counted, s.backoff
    if e.taken:
        counted = {**counted, told.start_block: counted.get(told.start_block, 0) + e.taken}
    if backoff is not None and backoff.until_block is not None:
        if e.taken is None:
            # Should the chain come to the window of the 429 after all, that one is still full (invariant I6).
            counted = {**counted, backoff.until_block - believed.blocks: s.max_submissions}
        backoff = changed(backoff, until_block=told.end_block)
        s = changed(s, limited_to=None if s.limited_to is None else told.end_block)
    worked = s.worked
    if e.taken is not None and s.searched_in != believed.start_block:
        # Posts that were carried filled it. When the chain comes to it, it is searched like any other.
        worked = tuple([start for start in worked if start != believed.start_block])
    since = told.start_block if told.start_block in s.worked else None
    posts = s.posts if window is not None else tuple([p if p.deferred else put_off(s, p) for p in s.posts])
    return changed(
        s,
        newest=told if window is None or _is_after(told, window) else window,
        window=window,
        worked=worked,
        backoff=backoff,
        counted=counted,
        checkpointed=None,
        posts=tuple([changed(p, deferred_in=since) if (p.deferred_in or 0) > told.start_block else p for p in posts]),
    )


def _settle(s: State, at_ms: int) -> State:
    """Open the newest window once the batch has ended: carried posts go first, the rest is scraped (ruling 9)."""
    if s.to_scrape or s.analysis_due():
        return s
    if s.posts:
        s = _keep_to_quota(s if s.window is not None else _put_all_off(s))
    if s.newest is None or not _is_after(s.newest, s.window) or s.backoff is not None or not s.all_deferred():
        return s
    return _open_newest(s, at_ms)


def _open_newest(s: State, at_ms: int) -> State:
    newest, room = newest_of(s), s.room()
    is_new = newest.start_block not in s.worked
    eligible = sorted([p for p in s.posts if _may_be_carried(s, p, at_ms)], key=lambda p: -p.score)
    carried, left = eligible[:room], eligible[room:]
    worked = _worked(s, newest)
    recent = {*sorted(s.counted)[-_COUNTED_WINDOWS:], *worked}
    opened = changed(
        begin_analyses(s),
        window=newest,
        worked=worked,
        to_scrape=room - len(carried) if is_new else 0,
        posts=tuple([carry(p) if p in carried else put_off(s, p) if p in left else p for p in s.posts]),
        counted={start: number for start, number in s.counted.items() if start in recent},
        crashes={},
        totals=changed(s.totals, windows=s.totals.windows + is_new),
    )
    return _with_spare(opened)


def _with_spare(s: State) -> State:
    """Have the due search take posts for later windows: up to POSTS_PER_SEARCH in all, if those can send them.

    A page that is larger than the one that is read anyway is asked for only when the last search found as many new
    posts as it could take: else it would read what is known.
    """
    most = s.policy.posts_per_search
    if not s.to_scrape or most is None:
        return changed(s, spare=0) if s.spare else s
    if not s.finds_plenty:
        most = min(most, page_size(s.to_scrape))
    later = s.policy.max_carried_windows * s.max_submissions - sum(post.deferred for post in s.posts)
    return changed(s, spare=max(0, min(most - s.to_scrape, later)))


def _worked(s: State, window: Window) -> tuple[int, ...]:
    """With this one; of those behind the newest and of those ahead, which were none, the ones next to it."""
    starts = sorted({*s.worked, window.start_block})
    place = bisect_right(starts, window.start_block)
    return tuple(starts[max(0, place - _WORKED_WINDOWS) : place + _WORKED_WINDOWS])


def _is_after(newest: Window, window: Window | None) -> bool:
    return window is None or newest.start_block > window.start_block


def _may_be_carried(s: State, post: PendingPost, at_ms: int) -> bool:
    too_old = post.dated and s.is_too_old(post.post, at_ms)  # older builds carried posts of any age
    if not post.deferred or post.deferrals > s.policy.max_carried_windows or too_old:
        return False  # carried too often or too old: about to be abandoned
    # Its attempts count in the window that was the newest when it was put off; only a later one takes it (I7).
    return post.deferred_in is None or s.newest is None or s.newest.start_block > post.deferred_in


def _keep_to_quota(s: State) -> State:
    """Put off what the newest window cannot take, should the quota have shrunk since the scrape (invariant I1)."""
    if len(s.posts) <= s.room():
        return s
    sending = None if s.open is None else s.open.post_id
    left = [p for p in s.queue() if p.post.id != sending][max(0, s.room() - (sending is not None)) :]
    return changed(s, posts=tuple(put_off(s, p) if p in left else p for p in s.posts)) if left else s


def _put_all_off(s: State) -> State:
    """After a move to another API no window is known; the first one of the new API takes the posts that are left."""
    return changed(s, posts=tuple(p if p.deferred else changed(put_off(s, p), deferred_in=None) for p in s.posts))


# Backoff, crashes and the API's word


def _backoff_elapsed(s: State, _e: ev.BackoffElapsed, _at: int) -> State:
    require(s.backoff is not None and s.backoff.due_ms is not None, "no timed backoff is under way")
    return changed(s, backoff=None)


def _effect_crashed(s: State, e: ev.EffectCrashed, at_ms: int) -> State:
    s = changed(s, crashes={**s.crashes, e.effect: s.crashes.get(e.effect, 0) + 1})
    if e.effect == "PollChain":
        s = changed(s, chain_due_ms=_after_a_poll_ms(s.policy, at_ms))
    if s.open is not None and e.effect == f"SubmitPost:{s.open.post_id}":
        s = defer_exhausted(changed(s, open=None))
    if s.backoff is not None and s.backoff.kind != "crash":
        return s  # in other backoffs only polls run, and those keep a pace of their own
    return back_off(s, "crash", at_ms, s.policy.crash_backoff_s, e.effect)


def _config_mismatched(s: State, e: ev.ConfigMismatched, _at: int) -> State:
    if e.setting == "BLOCKS_PER_WINDOW":
        return _close_longer(changed(s, served_blocks_per_window=e.served))
    return changed(s, served_max_submissions=e.served)


def _close_longer(s: State) -> State:
    """Fill the newest window if, by the length in use now, it began within the window of a 429 (invariant I6)."""
    if s.newest is None or not s.is_in_limited(s.newest):
        return s
    start = s.newest.start_block
    return changed(s, counted={**s.counted, start: max(s.max_submissions, s.counted.get(start, 0))})


def _chain_polled(s: State, e: ev.ChainPolled, at_ms: int) -> State:
    return changed(s, chain=e, chain_ms=at_ms, chain_due_ms=_after_a_poll_ms(s.policy, at_ms))


def _chain_poll_failed(s: State, _e: ev.ChainPollFailed, at_ms: int) -> State:
    return changed(s, chain_due_ms=_after_a_poll_ms(s.policy, at_ms))


def _observed(s: State, e: ev.ScoreObserved | ev.ValidationObserved, _at: int) -> State:
    return changed(s, observed=(*s.observed, observation_key(e))[-_OBSERVATIONS_KEPT:])


def _api_unreachable(s: State, _e: ev.ApiUnreachable, _at: int) -> State:
    require(not s.api_down, "the API is known to be unreachable")
    return changed(s, api_down=True)


def _api_recovered(s: State, _e: ev.ApiRecovered, _at: int) -> State:
    require(s.api_down, "the API was not known to be unreachable")
    return changed(s, api_down=False)


def _disk_filled(s: State, _e: ev.DiskFilled, at_ms: int) -> State:
    require(s.disk_full_ms is None, "the disk is known to be full")
    return changed(s, disk_full_ms=at_ms)


def _disk_freed(s: State, _e: ev.DiskFreed, _at: int) -> State:
    require(s.disk_full_ms is not None, "the disk was not known to be full")
    return changed(s, disk_full_ms=None)


_REDUCERS: Final[Mapping[type, Callable[[State, Any, int], State]]] = {
    ev.JournalCreated: _journal_created,
    ev.ApiMoved: _api_moved,
    ev.ActorStarted: _actor_started,
    ev.ActorStopped: _actor_stopped,
    ev.SettingsChanged: _settings_changed,
    ev.WindowOpened: _window_opened,
    ev.WindowsRevised: _windows_revised,
    ev.BackoffElapsed: _backoff_elapsed,
    ev.EffectCrashed: _effect_crashed,
    ev.ApiUnreachable: _api_unreachable,
    ev.ApiRecovered: _api_recovered,
    ev.DiskFilled: _disk_filled,
    ev.DiskFreed: _disk_freed,
    ev.ConfigMismatched: _config_mismatched,
    ev.ChainPolled: _chain_polled,
    ev.ChainPollFailed: _chain_poll_failed,
    ev.ScoreObserved: _observed,
    ev.ValidationObserved: _observed,
    ev.CheckpointSigned: _checkpoint_signed,
    ev.TailRepaired: _tail_repaired,
    ev.GapDeclared: _gap_declared,
    **POST_REDUCERS,
}
