"""How each event changes the data. One small pure function for each event; none of them chooses the next state.

A function raises IllegalEventError when the event does not fit the data: a verdict for an unknown post, a second scrape
of a window. Nothing has changed then, and nothing is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from actor.machine.budget import DAY_MS, reckon
from actor.machine.scoring import score_post_entry
from actor.machine.state import (
    ANSWERED,
    Backoff,
    OpenAttempt,
    PendingPost,
    Refused,
    State,
    Taken,
    TextAnswer,
    Window,
    observation_key,
)
from actor.machine.troubles import note_trouble
from events import catalogue as ev
from events.codec import changed

__all__ = ["IllegalEventError", "apply"]

# A search may find a post again for 72 hours and some minutes. So many days with chosen posts are remembered before the
# day of the search, and as many after it, for this host's clock may have been wrong.
SEEN_DAYS: Final = 10
# The same for posts whose dates were not checked, back from the newest of them; X's search reaches back 7 days.
_UNCHECKED_DAYS: Final = 8
ANSWER_HOURS: Final = 48
_DAY_S: Final = 86_400
_HOUR_MS: Final = 3_600_000
_COUNTED_WINDOWS: Final = 4
_WORKED_WINDOWS: Final = 72  # a day of windows as they are by default
_OBSERVATIONS_KEPT: Final = 512
_AT_RUN_TIME: Final = sorted(
    field.name
    for field in msgspec.structs.fields(ev.Policy)
    if ev.AT_RUN_TIME in getattr(field.type, "__metadata__", ())
)
_BETWEEN_RUNS: Final = frozenset({ev.JournalCreated, ev.ApiMoved, ev.ActorStarted, ev.TailRepaired, ev.GapDeclared})


class IllegalEventError(ValueError):
    """The machine does not allow this event here. A bug of the caller; the state is unchanged."""


def apply(state: State, event: ev.Event, at_ms: int) -> State:
    """The data after ``event``, still under the old state name; opens the next window when a batch ended."""
    if not state.running and type(event) not in _BETWEEN_RUNS:
        raise IllegalEventError(f"{type(event).__name__} needs a running actor")
    after = _settle(_REDUCERS[type(event)](state, event, at_ms), at_ms)
    return note_trouble(state, reckon(state, after, event, at_ms), event, at_ms)


def _require(ok: bool, message: str) -> None:  # noqa: FBT001  (reads as an assertion that survives -O)
    if not ok:
        raise IllegalEventError(message)


# Lifecycle


def _journal_created(s: State, e: ev.JournalCreated, _at: int) -> State:
    _require(s.identity is None, "a journal is created once")
    return changed(s, identity=e, api_url=e.api_url)


def _api_moved(s: State, e: ev.ApiMoved, _at: int) -> State:
    _require(s.identity is not None, "a journal is moved after JournalCreated")
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
        counted={},
        checkpointed=None,
        backoff=backoff,
        posts=tuple(changed(p, deferred_in=None) for p in s.posts),
    )
    return _put_all_off(s) if s.state == "Scraping" else s  # what was carried for the search's window waits as well


def _actor_started(s: State, e: ev.ActorStarted, at_ms: int) -> State:
    _require(s.identity is not None, "an actor starts after JournalCreated")
    _require(e.epoch > s.epoch, f"epoch {e.epoch} does not follow {s.epoch}")
    s = changed(
        s,
        running=True,
        epoch=e.epoch,
        policy=e.policy,
        subnets_sha256=e.subnets_sha256,
        answers=s.answers if e.subnets_sha256 == s.subnets_sha256 else {},  # other subnets, other answers
        build=e.build,
        taken=s.taken if e.build == s.build else None,  # another build may ask in another way
        open=None,
        crashes={},
        disk_full_ms=None,  # which is looked at anew
    )
    # An open attempt counted when it started. Without one left, the post waits for the next window (invariant I7).
    return _ask_again(_defer_exhausted(_begin_analyses(s)), at_ms)


def _actor_stopped(s: State, _e: ev.ActorStopped, _at: int) -> State:
    return changed(s, running=False)


def _settings_changed(s: State, e: ev.SettingsChanged, at_ms: int) -> State:
    taken = changed(s.policy, **{name: getattr(e.policy, name) for name in _AT_RUN_TIME})
    _require(taken == e.policy, f"a running miner takes over nothing but {', '.join(_AT_RUN_TIME)}")
    return _ask_again(changed(s, policy=e.policy), at_ms)


def _tail_repaired(s: State, e: ev.TailRepaired, _at: int) -> State:
    _require(e.quarantine not in s.quarantined, f"{e.quarantine} was declared before")
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
        open=None,
        backoff=None,
        epoch=max(s.epoch, known.epoch),
        posts=tuple(p if p.deferred else _put_off(s, p) for p in unsettled if p.analyzed),
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
    _require(s.newest is None or e.start_block > s.newest.start_block, "a window opens after the newest known one")
    newest = Window(number=e.window, start_block=e.start_block, blocks=e.blocks_per_window, opened_ms=at_ms)
    backoff = s.backoff
    if backoff is not None and backoff.until_block is not None and e.start_block >= backoff.until_block:
        backoff = None
    return changed(s, newest=newest, backoff=backoff)


def _windows_revised(s: State, e: ev.WindowsRevised, at_ms: int) -> State:
    """Take back the newest window, which the chain never came to, and go on in the window that the chain is in.

    A 429 now binds until that window ends; a batch of an earlier window goes on. No post is carried into a window that
    was worked on before, for its attempts may have been made there (invariant I7).
    """
    believed = _newest(s)
    _require(believed.start_block == e.believed_start_block, "only the newest window is taken back")
    _require(not s.is_under_way(), "windows are revised between answers")
    told = Window(number=e.window, start_block=e.start_block, blocks=e.blocks_per_window, opened_ms=at_ms)
    window = None if s.window is None or _is_after(s.window, told) else s.window
    counted, backoff = s.counted, s.backoff
    if backoff is not None and backoff.until_block is not None:
        # Should the chain come to the window of the 429 after all, that one is still full (invariant I6).
        counted = {**counted, backoff.until_block - believed.blocks: s.max_submissions}
        backoff = changed(backoff, until_block=told.end_block)
    since = told.start_block if told.start_block in s.worked else None
    posts = s.posts if window is not None else tuple([p if p.deferred else _put_off(s, p) for p in s.posts])
    return changed(
        s,
        newest=told if window is None or _is_after(told, window) else window,
        window=window,
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
    newest, room = _newest(s), s.room()
    is_new = newest.start_block not in s.worked
    eligible = sorted([p for p in s.posts if _may_be_carried(s, p, at_ms)], key=lambda p: -p.score)
    carried, left = eligible[:room], eligible[room:]
    worked = _worked(s, newest)
    recent = {*sorted(s.counted)[-_COUNTED_WINDOWS:], *worked}
    return changed(
        _begin_analyses(s),
        window=newest,
        worked=worked,
        to_scrape=room - len(carried) if is_new else 0,
        posts=tuple([_carry(p) if p in carried else _put_off(s, p) if p in left else p for p in s.posts]),
        counted={start: number for start, number in s.counted.items() if start in recent},
        crashes={},
        totals=changed(s.totals, windows=s.totals.windows + is_new),
    )


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
    return changed(s, posts=tuple(_put_off(s, p) if p in left else p for p in s.posts)) if left else s


def _put_all_off(s: State) -> State:
    """After a move to another API no window is known; the first one of the new API takes the posts that are left."""
    return changed(s, posts=tuple(p if p.deferred else changed(_put_off(s, p), deferred_in=None) for p in s.posts))


def _carry(post: PendingPost) -> PendingPost:
    return changed(post, deferred=False, deferred_in=None, attempts=0)


def _put_off(s: State, post: PendingPost) -> PendingPost:
    newest = None if s.newest is None else s.newest.start_block
    return changed(post, deferred=True, deferred_in=newest, deferrals=post.deferrals + 1)


# Scrape and analysis


def _posts_scraped(s: State, e: ev.PostsScraped, at_ms: int) -> State:
    _require_scrape(s, e.window)
    versions = [version for p in e.posts for version in p.versions]
    distinct = set(versions)
    _require(len(distinct) == len(versions) and s.are_new(distinct), "a chosen post is new")
    is_dated = e.since is not None
    pending = tuple([PendingPost(post=p, window=e.window, dated=is_dated) for p in e.posts])
    return changed(
        s,
        to_scrape=0,
        searched_ms=at_ms,
        posts=s.posts + pending,
        seen=_see(s.seen, e, distinct, at_ms) if e.posts else s.seen,
        totals=changed(s.totals, scraped=s.totals.scraped + len(pending)),
    )


def _see(
    seen: Mapping[int, frozenset[str]], e: ev.PostsScraped, versions: set[str], at_ms: int
) -> dict[int, frozenset[str]]:
    """Remember the chosen posts, and forget the days that are farthest from today: by our records' time, not by X's."""
    if e.since is None:
        return _see_unchecked(seen, e.posts)
    today = at_ms // DAY_MS
    all_seen = {**seen, today: seen.get(today, frozenset()) | versions}
    days = sorted(all_seen)
    next_day = bisect_right(days, today)
    return {day: all_seen[day] for day in days[max(0, next_day - SEEN_DAYS) : next_day + SEEN_DAYS]}


def _see_unchecked(seen: Mapping[int, frozenset[str]], posts: tuple[ev.Post, ...]) -> dict[int, frozenset[str]]:
    """As builds before PostsScraped version 3 did: by the days of posting, counted back from the newest post."""
    by_day: dict[int, set[str]] = {}
    for post in posts:
        by_day.setdefault(post.timestamp // _DAY_S, set()).add(post.id)
    all_seen = {**seen, **{day: seen.get(day, frozenset()) | ids for day, ids in by_day.items()}}
    oldest = max(all_seen) - _UNCHECKED_DAYS
    return {day: ids for day, ids in all_seen.items() if day >= oldest}


def _scrape_failed(s: State, e: ev.ScrapeFailed, at_ms: int) -> State:
    _require_scrape(s, e.window)
    return changed(s, to_scrape=0, searched_ms=at_ms)


def _budget_spent(s: State, e: ev.BudgetSpent, _at: int) -> State:
    _require(s.unaffordable == e, f"no budget withholds the search of window {e.window} for what it says")
    return changed(s, to_scrape=0)


def _require_scrape(s: State, window: int) -> None:
    _require(s.to_scrape > 0, "no scrape is due")
    _require(s.unaffordable is None, "a budget withholds the search")
    _require(s.window is not None and s.window.number == window, f"the scrape of window {window} is not due")


def _begin_analyses(s: State) -> State:
    """Forget how analyses ended: the server may be mended. Under "hold" one post is asked about first (ruling 21)."""
    return changed(s, outcomes={}, one_first=s.policy.on_analysis_error == "hold")


def _ask_again(s: State, at_ms: int) -> State:
    """Take held posts up again in the window worked on: a start or new settings may have mended what was refused."""
    if s.state != "WaitingForWindow" or s.window is None:
        return s  # else they wait for the next window
    held = [p for p in s.posts if _may_be_asked_again(s, p, at_ms)][: s.room()]
    if not held:
        return s
    posts = [changed(_carry(p), deferrals=p.deferrals - 1) if p in held else p for p in s.posts]
    return _begin_analyses(changed(s, posts=tuple(posts), checkpointed=None))  # there will be more to vouch for


def _may_be_asked_again(s: State, post: PendingPost, at_ms: int) -> bool:
    given_up = post.deferrals > s.policy.max_carried_windows or s.is_too_old(post.post, at_ms)
    return not (post.analyzed or given_up)


def _post_analyzed(s: State, e: ev.PostAnalyzed, at_ms: int) -> State:
    pending = _unanalyzed(s, e.post_id)
    if e.reused_from is None:
        answers = _remember(s.answers, e, at_ms // _HOUR_MS)
        taken = _taken(s.taken, e, at_ms)
        s = changed(s, answers=answers, taken=taken, outcomes={**s.outcomes, ANSWERED: ""}, refused=None)
    if not e.tokens and not s.policy.submit_irrelevant:
        s = _leave_out(s, e.post_id)
    else:
        score = score_post_entry(pending.post, e.tokens, at_ms)
        analyzed = changed(pending, analyzed=True, tokens=e.tokens, sentiment=e.sentiment, score=score)
        s = changed(s, posts=_with(s, pending, analyzed))
    return _conclude(s, at_ms)


def _taken(before: Taken | None, e: ev.PostAnalyzed, at_ms: int) -> Taken | None:
    """What the server takes, by this answer. An unchanged finding keeps its age for a day: then all is tried anew.

    One odd answer, which was repaired on a lower rung, does not move a rung that works: answers without a repair do.
    """
    if not e.server:  # an old record, which does not tell
        return before
    known = before if before is not None and at_ms - before.since_ms < DAY_MS else None
    since_ms = at_ms if known is None else known.since_ms
    again = Taken(server=e.server, model=e.model, rung=e.rung, dropped=e.dropped, since_ms=since_ms)
    if known is not None and e.repairs and (known.server, known.model) == (again.server, again.model):
        again = changed(again, rung=known.rung)
    return again if again == before else changed(again, since_ms=at_ms)


def _remember(
    answers: Mapping[int, Mapping[str, TextAnswer]], e: ev.PostAnalyzed, hour: int
) -> Mapping[int, Mapping[str, TextAnswer]]:
    """Keep the answer for other posts of the same text, which come within hours; older ones are forgotten."""
    answer = TextAnswer(
        post_id=e.post_id, model=e.model, prompt_version=e.prompt_version, tokens=e.tokens, sentiment=e.sentiment
    )
    if hour in answers:
        return {**answers, hour: {**answers[hour], e.content_sha256: answer}}
    kept = sorted([*answers, hour])[-ANSWER_HOURS:]
    return {at: answers.get(at, {e.content_sha256: answer}) for at in kept}


def _analysis_failed(s: State, e: ev.AnalysisFailed, at_ms: int) -> State:
    pending = _unanalyzed(s, e.post_id)
    if s.policy.on_analysis_error == "hold" and e.kind in ev.CONFIGURATION:
        # A refusal of the first post holds all others too, which nobody asked about yet; a later one its own post only.
        held = s.to_analyze() if s.one_first and not s.outcomes else (pending,)
        others = [_hold_back(s, p) if p in held else p for p in s.posts if p is not pending]
        s = changed(s, posts=(*others, _hold_back(s, pending)))  # another one is asked about first next time
    elif s.policy.on_analysis_error == "skip" or not s.policy.submit_irrelevant:
        s = _leave_out(s, e.post_id)
    else:
        s = changed(s, posts=_with(s, pending, changed(pending, analyzed=True)))
    return _conclude(changed(s, outcomes={**s.outcomes, e.kind: e.reason}), at_ms)


def _hold_back(s: State, post: PendingPost) -> PendingPost:
    """Put the post off from the window worked on. A newer one that is open may take it, for it was never sent."""
    return changed(_put_off(s, post), deferred_in=None if s.window is None else s.window.start_block)


def _conclude(s: State, at_ms: int) -> State:
    """Once no analysis is due: note it if all were refused for one reason of configuration (ruling 21)."""
    if s.analysis_due():
        return s
    outcomes, s = s.outcomes, changed(s, outcomes={})
    if len(outcomes) != 1:
        return s
    ((kind, reason),) = outcomes.items()
    if kind not in ev.CONFIGURATION:
        return s
    if s.refused is not None and s.refused.kind == kind:
        again = s.refused if s.refused.epoch == s.epoch else changed(s.refused, reason=reason, epoch=s.epoch)
        return changed(s, refused=again)
    window = None if s.window is None else s.window.number
    return changed(s, refused=Refused(kind=kind, reason=reason, window=window, since_ms=at_ms, epoch=s.epoch))


def _unanalyzed(s: State, post_id: str) -> PendingPost:
    pending = s.pending(post_id)
    if pending is None or pending.analyzed or pending.deferred:
        raise IllegalEventError(f"no analysis of post {post_id} is due")
    return pending


def _leave_out(s: State, post_id: str) -> State:
    return changed(s, posts=_without(s, post_id), totals=changed(s.totals, left_out=s.totals.left_out + 1))


# Submission


def _submission_started(s: State, e: ev.SubmissionStarted, _at: int) -> State:
    _require(s.open is None, "one attempt is open at a time")
    queue = s.queue()
    if not queue or queue[0].post.id != e.post_id:
        raise IllegalEventError(f"post {e.post_id} is not the next to send")
    post = queue[0]
    if not e.attempt == post.attempts + 1 <= s.policy.submit_attempts:
        raise IllegalEventError(f"attempt {e.attempt} is not due")
    attempt = OpenAttempt(post_id=e.post_id, attempt=e.attempt, body=e.body)
    return changed(s, posts=_with(s, post, changed(post, attempts=e.attempt)), open=attempt)


def _submission_accepted(s: State, e: ev.SubmissionAccepted, _at: int) -> State:
    _require_open(s, e.post_id)
    start = e.start_block if e.start_block is not None else _newest(s).start_block
    counted = {**s.counted, start: s.counted.get(start, 0) + 1}
    totals = changed(s.totals, accepted=s.totals.accepted + 1)
    return changed(s, posts=_without(s, e.post_id), open=None, counted=counted, totals=totals)


def _submission_rejected(s: State, e: ev.SubmissionRejected, _at: int) -> State:
    _require_open(s, e.post_id)
    totals = changed(s.totals, rejected=s.totals.rejected + 1)
    return changed(s, posts=_without(s, e.post_id), open=None, totals=totals)


def _submission_failed(s: State, e: ev.SubmissionFailed, at_ms: int) -> State:
    attempt = _require_open(s, e.post_id)
    _require(e.attempt == attempt.attempt, f"attempt {e.attempt} is not open")
    s = changed(s, open=None)
    if attempt.attempt >= s.policy.submit_attempts:
        return _defer_exhausted(s)
    wait_s = s.policy.submit_backoff_s * 2 ** (attempt.attempt - 1)  # ruling 1: 3 s, then 6 s
    return _back_off(s, "retry", at_ms, wait_s)


def _rate_limited(s: State, e: ev.RateLimited, _at: int) -> State:
    _require_open(s, e.post_id)
    newest = _newest(s)
    start = newest.start_block if e.start_block is None else max(e.start_block, newest.start_block)
    posts = tuple(p if p.deferred or not p.analyzed else _put_off(s, p) for p in s.posts)
    return changed(s, open=None, posts=posts, backoff=Backoff(kind="window", until_block=start + newest.blocks))


def _post_abandoned(s: State, e: ev.PostAbandoned, _at: int) -> State:
    pending = s.pending(e.post_id)
    if pending is None or not (pending.deferred or (pending.analyzed and e.reason == "too old")):
        raise IllegalEventError(f"post {e.post_id} waits for nothing")
    _require(s.open is None or s.open.post_id != e.post_id, f"an attempt of post {e.post_id} is open")
    if pending.attempts and not pending.deferred:
        s = _count(s, 1)  # the API may have taken it
    return changed(s, posts=_without(s, e.post_id), totals=changed(s.totals, abandoned=s.totals.abandoned + 1))


def _require_open(s: State, post_id: str) -> OpenAttempt:
    if s.open is None or s.open.post_id != post_id:
        raise IllegalEventError(f"no attempt of post {post_id} is open")
    return s.open


def _newest(s: State) -> Window:
    if s.newest is None:
        raise IllegalEventError("no window is known")
    return s.newest


def _defer_exhausted(s: State) -> State:
    """Put off what has no attempt left. The API may have taken it, so it fills a place of its window (invariant I1)."""
    limit = s.policy.submit_attempts
    exhausted = [p for p in s.posts if p.attempts >= limit and not p.deferred]
    if not exhausted or s.newest is None:
        return s
    posts = tuple([_put_off(s, p) if p in exhausted else p for p in s.posts])
    return changed(_count(s, len(exhausted)), posts=posts)


def _count(s: State, number: int) -> State:
    """Count so many places of the newest window as taken: the API may have taken posts without an answer (I1)."""
    if s.newest is None:
        return s
    start = s.newest.start_block
    return changed(s, counted={**s.counted, start: s.counted.get(start, 0) + number})


def _with(s: State, before: PendingPost, after: PendingPost) -> tuple[PendingPost, ...]:
    at = s.posts.index(before)
    return (*s.posts[:at], after, *s.posts[at + 1 :])


def _without(s: State, post_id: str) -> tuple[PendingPost, ...]:
    return tuple([p for p in s.posts if p.post.id != post_id])


# Backoff, crashes and the API's word


def _back_off(s: State, kind: Any, at_ms: int, wait_s: float, *held: str) -> State:
    due_ms = at_ms + round(wait_s * 1000)
    before = s.backoff
    if before is not None and before.due_ms is not None:
        wait_s, held = max(wait_s, before.wait_s), (*before.held, *held)
        # A moment farther away than the longest wait was set before the clock went back: the wait begins anew.
        due_ms = min(max(due_ms, before.due_ms), at_ms + round(wait_s * 1000))
    return changed(s, backoff=Backoff(kind=kind, due_ms=due_ms, wait_s=wait_s, held=held))


def _backoff_elapsed(s: State, _e: ev.BackoffElapsed, _at: int) -> State:
    _require(s.backoff is not None and s.backoff.due_ms is not None, "no timed backoff is under way")
    return changed(s, backoff=None)


def _effect_crashed(s: State, e: ev.EffectCrashed, at_ms: int) -> State:
    s = changed(s, crashes={**s.crashes, e.effect: s.crashes.get(e.effect, 0) + 1})
    if s.open is not None and e.effect == f"SubmitPost:{s.open.post_id}":
        s = _defer_exhausted(changed(s, open=None))
    if s.backoff is not None and s.backoff.kind != "crash":
        return s  # in other backoffs only polls run, and those keep a pace of their own
    return _back_off(s, "crash", at_ms, s.policy.crash_backoff_s, e.effect)


def _config_mismatched(s: State, e: ev.ConfigMismatched, _at: int) -> State:
    if e.setting == "BLOCKS_PER_WINDOW":
        return changed(s, served_blocks_per_window=e.served)
    return changed(s, served_max_submissions=e.served)


def _observed(s: State, e: ev.ScoreObserved | ev.ValidationObserved, _at: int) -> State:
    return changed(s, observed=(*s.observed, observation_key(e))[-_OBSERVATIONS_KEPT:])


def _api_unreachable(s: State, _e: ev.ApiUnreachable, _at: int) -> State:
    _require(not s.api_down, "the API is known to be unreachable")
    return changed(s, api_down=True)


def _api_recovered(s: State, _e: ev.ApiRecovered, _at: int) -> State:
    _require(s.api_down, "the API was not known to be unreachable")
    return changed(s, api_down=False)


def _disk_filled(s: State, _e: ev.DiskFilled, at_ms: int) -> State:
    _require(s.disk_full_ms is None, "the disk is known to be full")
    return changed(s, disk_full_ms=at_ms)


def _disk_freed(s: State, _e: ev.DiskFreed, _at: int) -> State:
    _require(s.disk_full_ms is not None, "the disk was not known to be full")
    return changed(s, disk_full_ms=None)


_REDUCERS: Final[Mapping[type, Callable[[State, Any, int], State]]] = {
    ev.JournalCreated: _journal_created,
    ev.ApiMoved: _api_moved,
    ev.ActorStarted: _actor_started,
    ev.ActorStopped: _actor_stopped,
    ev.SettingsChanged: _settings_changed,
    ev.WindowOpened: _window_opened,
    ev.WindowsRevised: _windows_revised,
    ev.PostsScraped: _posts_scraped,
    ev.ScrapeFailed: _scrape_failed,
    ev.BudgetSpent: _budget_spent,
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
    ev.DiskFilled: _disk_filled,
    ev.DiskFreed: _disk_freed,
    ev.ConfigMismatched: _config_mismatched,
    ev.PostAbandoned: _post_abandoned,
    ev.ScoreObserved: _observed,
    ev.ValidationObserved: _observed,
    ev.CheckpointSigned: _checkpoint_signed,
    ev.TailRepaired: _tail_repaired,
    ev.GapDeclared: _gap_declared,
}
