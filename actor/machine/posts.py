"""How the events of posts change the data: search, analysis, submission, and what is put off to a later window.

As in ``actor.machine.reduce``, one small pure function for each event; an event that does not fit raises.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, Final

from actor.machine.budget import DAY_MS
from actor.machine.scoring import score_post_entry
from actor.machine.state import (
    ANSWERED,
    Backoff,
    IllegalEventError,
    KnownAuthor,
    OpenAttempt,
    PendingPost,
    ReadTo,
    State,
    Taken,
    TextAnswer,
    Window,
)
from actor.machine.troubles import begin_trouble, end_troubles
from events import catalogue as ev
from events.codec import changed

__all__ = [
    "POST_REDUCERS",
    "ask_again",
    "back_off",
    "begin_analyses",
    "carry",
    "defer_exhausted",
    "newest_of",
    "put_off",
    "require",
]

# A search may find a post again for 72 hours and some minutes. So many days with chosen posts are remembered before the
# day of the search, and as many after it, for this host's clock may have been wrong.
SEEN_DAYS: Final = 10
# The same for posts whose dates were not checked, back from the newest of them; X's search reaches back 7 days.
_UNCHECKED_DAYS: Final = 8
ANSWER_HOURS: Final = 48
_DAY_S: Final = 86_400
_HOUR_MS: Final = 3_600_000


def require(ok: bool, message: str) -> None:  # noqa: FBT001  (reads as an assertion)
    """An assertion that survives -O: refuse the event unless ``ok``."""
    if not ok:
        raise IllegalEventError(message)


# Scrape and analysis


def _posts_scraped(s: State, e: ev.PostsScraped, at_ms: int) -> State:
    _require_scrape(s, e.window)
    versions = [version for p in e.posts for version in p.versions]
    distinct = set(versions)
    require(len(distinct) == len(versions) and s.are_new(distinct), "a chosen post is new")
    require(e.since_id in {None, s.since_id}, f"no search behind post {e.since_id} is due")
    is_dated = e.since is not None
    pending = tuple([PendingPost(post=p, window=e.window, dated=is_dated) for p in e.posts])
    return changed(
        _spent(s),
        finds_plenty=len(e.candidates) >= e.most,
        read_to=_read_to(s, e),
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


def _read_to(s: State, e: ev.PostsScraped) -> ReadTo | None:
    """As far as nothing is left that was not chosen: what one search leaves over, the next one is to find again."""
    if e.newest_id is None:
        return s.read_to
    newest, before = int(e.newest_id), s.read_to
    chosen = {int(post.id) for post in e.posts}
    first_left = min({int(post_id) for post_id in e.candidates} - chosen, default=newest + 1)
    known = chosen | {newest} | ({int(before.post_id)} if before is not None else set())
    upto = max((post_id for post_id in known if post_id <= newest and post_id < first_left), default=None)
    if upto is None:
        return None
    return ReadTo(
        post_id=str(upto), reach=s.reach if before is None or e.since_id is None else min(s.reach, before.reach)
    )


def _scrape_failed(s: State, e: ev.ScrapeFailed, at_ms: int) -> State:
    _require_scrape(s, e.window)
    return changed(_spent(s), searched_ms=at_ms)


def _authors_looked_up(s: State, e: ev.AuthorsLookedUp, at_ms: int) -> State:
    """Who is unknown to X is nobody whose post could be sent: it is left out."""
    _require_lookup(s, e.window, e.asked)
    told = {author.id: KnownAuthor(author=author, at_ms=at_ms) for author in e.authors}
    kept = {key: known for key, known in s.authors.items() if known.is_within(ev.MOST_CACHE_HOURS, at_ms)}
    nobody = set(e.asked) - told.keys()
    posts = [p for p in s.posts if p.post.has_author or p.post.author_id not in nobody]
    return changed(
        s,
        posts=tuple([_by_author(p, told.get(p.post.author_id), at_ms) for p in posts]),
        authors={**kept, **told},
        totals=changed(s.totals, left_out=s.totals.left_out + len(s.posts) - len(posts)),
    )


def _by_author(pending: PendingPost, known: KnownAuthor | None, at_ms: int) -> PendingPost:
    if known is None or pending.post.has_author:
        return pending
    return changed(pending, post=pending.post.by(known.author, at_ms // 1000))


def _author_lookup_failed(s: State, e: ev.AuthorLookupFailed, _at: int) -> State:
    _require_lookup(s, e.window, e.asked)
    return _hold_authorless(s)


def _hold_authorless(s: State) -> State:
    """Put off what nobody knows the author of; the other posts are worked on."""
    if not s.is_author_due():
        return s
    unknown = [p for p in s.posts if not (p.post.has_author or p.analyzed or p.deferred)]
    return changed(s, posts=tuple([_hold_back(s, p) if p in unknown else p for p in s.posts]))


def _require_lookup(s: State, window: int, asked: tuple[str, ...]) -> None:
    require(s.to_scrape == 0, "the search comes first")
    require(s.unaffordable is None, "a budget withholds the question")
    require(s.window is not None and s.window.number == window, f"no author of window {window} is due")
    require(bool(asked) and s.authors_due() == asked, f"authors {', '.join(asked)} are not those that are due")


def _budget_spent(s: State, e: ev.BudgetSpent, _at: int) -> State:
    require(s.unaffordable == e, f"no budget withholds the search of window {e.window} for what it says")
    return _hold_authorless(_spent(s))


def _require_scrape(s: State, window: int) -> None:
    require(s.to_scrape > 0, "no scrape is due")
    require(s.unaffordable is None, "a budget withholds the search")
    require(s.window is not None and s.window.number == window, f"the scrape of window {window} is not due")


def _spent(s: State) -> State:
    """The due search has ended, or is withheld: none is made for its window again."""
    return changed(s, to_scrape=0, spare=0, searched_in=None if s.window is None else s.window.start_block)


def begin_analyses(s: State) -> State:
    """Forget how analyses ended: the server may be mended. Under "hold" one post is asked about first (ruling 21)."""
    return changed(s, outcomes={}, one_first=s.policy.on_analysis_error == "hold")


def ask_again(s: State, at_ms: int) -> State:
    """Take held posts up again in the window worked on: a start or new settings may have mended what was refused."""
    if s.state != "WaitingForWindow" or s.window is None:
        return s  # else they wait for the next window
    held = [p for p in s.posts if _may_be_asked_again(s, p, at_ms)][: s.room()]
    if not held:
        return s
    posts = [changed(carry(p), deferrals=p.deferrals - 1) if p in held else p for p in s.posts]
    return begin_analyses(changed(s, posts=tuple(posts), checkpointed=None))  # there will be more to vouch for


def _may_be_asked_again(s: State, post: PendingPost, at_ms: int) -> bool:
    given_up = post.deferrals > s.policy.max_carried_windows or s.is_too_old(post.post, at_ms)
    return not (post.analyzed or given_up) and post.post.has_author  # X is not asked twice in a window


def _post_analyzed(s: State, e: ev.PostAnalyzed, at_ms: int) -> State:
    pending = _unanalyzed(s, e.post_id)
    if e.reused_from is None:
        answers = _remember(s.answers, e, at_ms // _HOUR_MS)
        taken = _taken(s.taken, e, at_ms)
        s = end_troubles(changed(s, answers=answers, taken=taken, outcomes={**s.outcomes, ANSWERED: ""}), "llm")
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
    return changed(put_off(s, post), deferred_in=None if s.window is None else s.window.start_block)


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
    return begin_trouble(s, "llm", kind, reason, at_ms)


def _unanalyzed(s: State, post_id: str) -> PendingPost:
    pending = s.pending(post_id)
    if pending is None or pending.analyzed or pending.deferred or not pending.post.has_author:
        raise IllegalEventError(f"no analysis of post {post_id} is due")
    return pending


def _leave_out(s: State, post_id: str) -> State:
    return changed(s, posts=_without(s, post_id), totals=changed(s.totals, left_out=s.totals.left_out + 1))


# Submission


def _submission_started(s: State, e: ev.SubmissionStarted, _at: int) -> State:
    require(s.open is None, "one attempt is open at a time")
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
    start = e.start_block if e.start_block is not None else newest_of(s).start_block
    counted = {**s.counted, start: s.counted.get(start, 0) + 1}
    totals = changed(s.totals, accepted=s.totals.accepted + 1)
    return changed(s, posts=_without(s, e.post_id), open=None, counted=counted, totals=totals)


def _submission_rejected(s: State, e: ev.SubmissionRejected, _at: int) -> State:
    _require_open(s, e.post_id)
    totals = changed(s.totals, rejected=s.totals.rejected + 1)
    return changed(s, posts=_without(s, e.post_id), open=None, totals=totals)


def _submission_failed(s: State, e: ev.SubmissionFailed, at_ms: int) -> State:
    attempt = _require_open(s, e.post_id)
    require(e.attempt == attempt.attempt, f"attempt {e.attempt} is not open")
    s = changed(s, open=None)
    if attempt.attempt >= s.policy.submit_attempts:
        return defer_exhausted(s)
    wait_s = s.policy.submit_backoff_s * 2 ** (attempt.attempt - 1)  # ruling 1: 3 s, then 6 s
    return back_off(s, "retry", at_ms, wait_s)


def _rate_limited(s: State, e: ev.RateLimited, _at: int) -> State:
    _require_open(s, e.post_id)
    newest = newest_of(s)
    start = newest.start_block if e.start_block is None else max(e.start_block, newest.start_block)
    require(e.full in {(), s.filled_by(e.start_block)}, f"a 429 fills windows {s.filled_by(e.start_block)}")
    # The wait ends with the window; should that have been none, the one of the 429 is still full (invariant I6).
    s = changed(s, counted={**s.counted, **{full: max(s.max_submissions, s.counted.get(full, 0)) for full in e.full}})
    # Older records say nothing of what is closed once the wait is over.
    s = changed(s, limited_to=start + newest.blocks if e.full else None)
    posts = tuple(p if p.deferred or not p.analyzed else put_off(s, p) for p in s.posts)
    return changed(s, open=None, posts=posts, backoff=Backoff(kind="window", until_block=start + newest.blocks))


def _post_abandoned(s: State, e: ev.PostAbandoned, _at: int) -> State:
    pending = s.pending(e.post_id)
    if pending is None or not (pending.deferred or (pending.analyzed and e.reason == "too old")):
        raise IllegalEventError(f"post {e.post_id} waits for nothing")
    require(s.open is None or s.open.post_id != e.post_id, f"an attempt of post {e.post_id} is open")
    if pending.attempts and not pending.deferred:
        s = _count(s, 1)  # the API may have taken it
    return changed(s, posts=_without(s, e.post_id), totals=changed(s.totals, abandoned=s.totals.abandoned + 1))


def _require_open(s: State, post_id: str) -> OpenAttempt:
    if s.open is None or s.open.post_id != post_id:
        raise IllegalEventError(f"no attempt of post {post_id} is open")
    return s.open


def newest_of(s: State) -> Window:
    """The newest known window; an event that needs one is refused without."""
    if s.newest is None:
        raise IllegalEventError("no window is known")
    return s.newest


def defer_exhausted(s: State) -> State:
    """Put off what has no attempt left. The API may have taken it, so it fills a place of its window (invariant I1)."""
    limit = s.policy.submit_attempts
    exhausted = [p for p in s.posts if p.attempts >= limit and not p.deferred]
    if not exhausted or s.newest is None:
        return s
    posts = tuple([put_off(s, p) if p in exhausted else p for p in s.posts])
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


def carry(post: PendingPost) -> PendingPost:
    """The post in the window that takes it, with all attempts before it."""
    return changed(post, deferred=False, deferred_in=None, attempts=0)


def put_off(s: State, post: PendingPost) -> PendingPost:
    """The post as it waits for a window after the newest one."""
    newest = None if s.newest is None else s.newest.start_block
    return changed(post, deferred=True, deferred_in=newest, deferrals=post.deferrals + 1)


def back_off(s: State, kind: Any, at_ms: int, wait_s: float, *held: str) -> State:
    """Send nothing for ``wait_s`` seconds; a wait under way is never shortened. ``held`` names effects that crashed."""
    due_ms = at_ms + round(wait_s * 1000)
    before = s.backoff
    if before is not None and before.due_ms is not None:
        wait_s, held = max(wait_s, before.wait_s), (*before.held, *held)
        # A moment farther away than the longest wait was set before the clock went back: the wait begins anew.
        due_ms = min(max(due_ms, before.due_ms), at_ms + round(wait_s * 1000))
    return changed(s, backoff=Backoff(kind=kind, due_ms=due_ms, wait_s=wait_s, held=held))


POST_REDUCERS: Final[Mapping[type, Callable[[State, Any, int], State]]] = {
    ev.PostsScraped: _posts_scraped,
    ev.ScrapeFailed: _scrape_failed,
    ev.AuthorsLookedUp: _authors_looked_up,
    ev.AuthorLookupFailed: _author_lookup_failed,
    ev.BudgetSpent: _budget_spent,
    ev.PostAnalyzed: _post_analyzed,
    ev.AnalysisFailed: _analysis_failed,
    ev.SubmissionStarted: _submission_started,
    ev.SubmissionAccepted: _submission_accepted,
    ev.SubmissionRejected: _submission_rejected,
    ev.SubmissionFailed: _submission_failed,
    ev.RateLimited: _rate_limited,
    ev.PostAbandoned: _post_abandoned,
}
