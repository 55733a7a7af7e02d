"""Bugs that miners of this kind have had or could have, each as a small change of our own source.

Each must be found by the simulation. Which seed finds it first stands in ``planted_found.json`` (`planted_hunt`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.simulation.planted_build import Change

__all__ = ["PLANTED", "Planted"]

REDUCE: Final = "actor.machine.reduce"
POSTS: Final = "actor.machine.posts"
STATE: Final = "actor.machine.state"
TABLE: Final = "actor.machine.table"
WANTED: Final = "actor.machine.wanted"
FACTS: Final = "actor.machine.facts"
BUDGET: Final = "actor.machine.budget"
CHAIN_END: Final = "actor.chain_end"
RUNTIME: Final = "actor.runtime"
PERFORM: Final = "actor.perform"
BLOCK_WATCH: Final = "actor.block_watch"
API: Final = "actor.edges.api"
X: Final = "actor.edges.x"
X_WIRE: Final = "actor.edges.x_wire"
API_WIRE: Final = "actor.edges.api_wire"
WRITER: Final = "events.journal.writer"
FILE: Final = "events.journal.file"
RECOVER: Final = "events.journal.recover"


@dataclass(frozen=True, slots=True)
class Planted:
    """One bug: what a miner with it does, and how it is made."""

    name: str
    changes: tuple[Change, ...]


def _start(does: str) -> Change:
    """A start does something more with what was folded."""
    return Change(REDUCE, "        crashes={},\n        disk", f"        crashes={{}},\n{does}        disk")


def _start_leads_on(state: str) -> tuple[Change, ...]:
    """A start may leave this state."""
    staying = 'rows += [Row("ActorStarted", state, None) for state in (SCRAPING, ANALYZING, BACKOFF)]'
    leaving = (
        f"rows += [Row('ActorStarted', state, None) for state in {{SCRAPING, ANALYZING, BACKOFF}} - {{{state}}}]\n"
        f"    rows += [Row('ActorStarted', {state}, None, ('backing_off',))]\n"
        f"    rows += _goes_on('ActorStarted', {state})"
    )
    return (Change(TABLE, staying, leaving),)


# Either of two things keeps what follows a 429 from being sent: the wait, and that its window counts as full.
_FILLS_NOTHING: Final = Change(POSTS, "for full in e.full}})", "for full in ()}})")
_HANDLED: Final = "        if task.cancelled():"


def _dropped_in_backoff(effect: str) -> Change:
    return Change(
        RUNTIME,
        _HANDLED,
        f'        if isinstance(effect, {effect}) and self.state.state == "Backoff":\n            return\n{_HANDLED}',
    )


_START_SUBMISSION: Final = """\
    async def _start_submission(self, effect: ef.StartSubmission, state: State) -> Facts:
        await self._watch.news(state.window)
        return (
            lambda s: (
                (submission_decided(s, effect, self._clock.now_ms()),) if self._watch.is_confirmed(s.window) else ()
            ),
        )
"""
_SENT_AT_ONCE: Final = """\
    async def _start_submission(self, effect, state):
        started = submission_decided(state, effect, self._clock.now_ms())
        if isinstance(started, ev.PostAbandoned):
            return (lambda s: (started,),)
        answer = await self._ports.api.submit(started.body)
        sent = ef.SubmitPost(post_id=effect.post_id, attempt=effect.attempt)
        return (
            lambda s: (started,),
            lambda s: (submit_event(s, sent, answer, latency_ms=0),),
            lambda s: observe(s, answer.block, "submit"),
        )
"""
_SIGNED: Final = "        headers = auth_headers(self._signer, self._clock.now_ms())\n"
_SIGNED_ONCE: Final = """\
        kept = self.__dict__.setdefault("_kept", {})
        if body.post_id not in kept:
            kept[body.post_id] = auth_headers(self._signer, self._clock.now_ms())
        headers = kept[body.post_id]
"""
_FAILED: Final = "    s = changed(s, open=None)\n    if attempt.attempt >="
_FAILED_COUNTS: Final = """\
    post = s.pending(e.post_id)
    s = changed(s, open=None, posts=_with(s, post, changed(post, attempts=attempt.attempt)))
    if attempt.attempt >="""
_ADOPTED: Final = "        self.state = after\n        self._chain_end.follow(record, after.checkpoint_seq)\n"
_SNAPSHOT_AFTER: Final = """\
        if self._since_snapshot >= self._config.snapshot_every or at_stop:
            await self._save_snapshot(record)
"""
_SNAPSHOT_FIRST: Final = """\
        if self._since_snapshot + 1 >= self._config.snapshot_every or isinstance(event, ActorStopped):
            await self._save_snapshot(record)
"""

PLANTED: Final = (
    # The runtime and what it performs
    Planted("a post is sent before its intent is recorded", (Change(PERFORM, _START_SUBMISSION, _SENT_AT_ONCE),)),
    Planted("a verdict that comes in a backoff is dropped", (_dropped_in_backoff("SubmitPost"),)),
    Planted("an analysis that comes in a backoff is dropped", (_dropped_in_backoff("AnalyzePost"),)),
    Planted(
        "a verdict that comes while it stops is dropped",
        (
            Change(
                RUNTIME,
                "if outcome is not None and isinstance(outcome.effect, _WORTH_WAITING):",
                "if outcome is not None and isinstance(outcome.effect, (ScrapeWindow, AnalyzePost)):",
            ),
        ),
    ),
    Planted(
        "a crash elsewhere cancels what is in flight",
        (Change(WANTED, "if effect_key(e) not in held)", "if not held)"),),
    ),
    Planted(
        "a snapshot holds the state before its record",
        (
            Change(RUNTIME, _ADOPTED, _SNAPSHOT_FIRST + _ADOPTED),
            Change(RUNTIME, _SNAPSHOT_AFTER, ""),
        ),
    ),
    Planted(
        "HEAD is not written before a submission",
        (Change(RUNTIME, "witness=isinstance(event, SubmissionStarted)", "witness=False"),),
    ),
    Planted(
        "a checkpoint speaks of the head of the one before",
        (
            Change(
                PERFORM,
                "        head = self._chain_end.head\n",
                '        head = self.__dict__.get("_head") or self._chain_end.head\n'
                '        self.__dict__["_head"] = self._chain_end.head\n',
            ),
        ),
    ),
    Planted(
        "a checkpoint leaves out the hashes before a start",
        (
            Change(
                CHAIN_END,
                "        if checkpoint_seq >= self._before:\n",
                "        if self._before:\n            self._before = checkpoint_seq\n            return\n"
                "        if checkpoint_seq >= self._before:\n",
            ),
        ),
    ),
    # What a start forgets
    Planted("the quota is counted by each process for itself", (_start("        counted={},\n"),)),
    Planted(
        "a start resets the attempts",
        (_start("        posts=tuple(changed(p, attempts=0) for p in s.posts),\n"),),
    ),
    Planted(
        "a start forgets the wait after a failure",
        (
            _start(
                "        backoff=None if s.backoff is not None and s.backoff.kind == 'retry' else s.backoff,\n",
            ),
            *_start_leads_on("BACKOFF"),
        ),
    ),
    Planted(
        "a search that a crash cut off is not made again",
        (_start("        to_scrape=0,\n"), *_start_leads_on("SCRAPING")),
    ),
    Planted(
        "a start in mid-window searches again",
        (
            _start(
                "        to_scrape=s.room() if s.state == 'WaitingForWindow' and s.window else s.to_scrape,\n",
            ),
            *_start_leads_on("WAITING"),
        ),
    ),
    Planted(
        "a start forgets analyses, and their answers",
        (
            Change(REDUCE, "answers=s.answers if e.subnets_sha256 == s.subnets_sha256 else {},", "answers={},"),
            _start(
                "        posts=tuple(\n"
                "            changed(p, analyzed=False) if s.state == 'Analyzing' and not p.deferred else p\n"
                "            for p in s.posts\n"
                "        ),\n",
            ),
        ),
    ),
    Planted(
        "an attempt counts only once it is answered",
        (
            Change(
                POSTS,
                "return changed(s, posts=_with(s, post, changed(post, attempts=e.attempt)), open=attempt)",
                "return changed(s, open=attempt)",
            ),
            Change(POSTS, _FAILED, _FAILED_COUNTS),
        ),
    ),
    # What is folded, and what is wanted
    Planted(
        "chosen posts are not remembered",
        (Change(POSTS, "seen=_see(s.seen, e, distinct, at_ms) if e.posts else s.seen,", "seen=s.seen,"),),
    ),
    Planted(
        "posts put off are lost when the next window opens",
        (
            Change(
                REDUCE,
                "posts=tuple([carry(p) if p in carried else put_off(s, p) if p in left else p for p in s.posts]),",
                "posts=tuple(put_off(s, p) if p in left else p for p in s.posts if p not in carried),",
            ),
        ),
    ),
    Planted(
        "a rejected post is sent again",
        (Change(POSTS, "posts=_without(s, e.post_id), open=None, totals=totals)", "open=None, totals=totals)"),),
    ),
    Planted(
        "a post counts in the newest window, whatever the API says",
        (
            Change(
                POSTS,
                "start = e.start_block if e.start_block is not None else newest_of(s).start_block",
                "start = newest_of(s).start_block",
            ),
        ),
    ),
    Planted(
        "a 429 puts off its post alone",
        (
            _FILLS_NOTHING,
            Change(
                POSTS,
                "posts = tuple(p if p.deferred or not p.analyzed else put_off(s, p) for p in s.posts)\n"
                "    return changed(s, open=None, posts=posts, backoff=Backoff("
                'kind="window", until_block=start + newest.blocks))',
                "posts = tuple(put_off(s, p) if p.post.id == e.post_id else p for p in s.posts)\n"
                "    return changed(s, open=None, posts=posts)",
            ),
            Change(
                TABLE,
                '    rows += _goes_on("SubmissionFailed", SUBMITTING)\n',
                '    rows += _goes_on("SubmissionFailed", SUBMITTING)\n'
                '    rows += _goes_on("RateLimited", SUBMITTING)\n',
            ),
        ),
    ),
    Planted(
        "a 429 is forgotten once its wait has ended",
        (_FILLS_NOTHING,),
    ),
    Planted(
        "a 429 ends sooner than its window, which turns out to be longer",
        (Change(REDUCE, "    if s.newest is None or not s.is_in_limited(s.newest):\n", "    if True:\n"),),
    ),
    Planted(
        "a place that was counted in a window that was none is free again",
        (Change(REDUCE, "    if e.taken:\n", "    if False:\n"),),
    ),
    Planted(
        "a post without an answer takes no place when its window is taken back",
        (
            Change(
                STATE,
                " + sum(p.attempts > 0 and not p.deferred for p in self.posts if is_ahead)",
                "",
            ),
        ),
    ),
    Planted(
        "accepted posts are not counted",
        (
            Change(
                POSTS,
                "open=None, counted=counted, totals=totals)",
                "open=None, totals=totals)",
            ),
        ),
    ),
    Planted(
        "a 429 is taken for one of the newest known window",
        (
            _FILLS_NOTHING,
            Change(
                POSTS,
                "start = newest.start_block if e.start_block is None else max(e.start_block, newest.start_block)",
                "start = newest.start_block",
            ),
        ),
    ),
    Planted(
        "a lower window is opened",
        (
            Change(FACTS, "start <= state.newest.start_block", "start == state.newest.start_block"),
            Change(
                REDUCE,
                "require(s.newest is None or e.start_block > s.newest.start_block,",
                "require(s.newest is None or e.start_block != s.newest.start_block,",
            ),
            Change(REDUCE, "newest.start_block > window.start_block", "newest.start_block != window.start_block"),
        ),
    ),
    Planted(
        "a window that opens in a batch is forgotten when the batch ends",
        (
            Change(
                REDUCE,
                "    if s.to_scrape or s.analysis_due():\n",
                '    if s.to_scrape or s.analysis_due() or s.state in ("Analyzing", "Submitting"):\n',
            ),
        ),
    ),
    Planted("the second wait is as short as the first", (Change(POSTS, "2 ** (attempt.attempt - 1)", "1"),)),
    Planted(
        "an effect that crashed is tried again at once",
        (Change(REDUCE, "at_ms, s.policy.crash_backoff_s, e.effect)", "at_ms, 0.0, e.effect)"),),
    ),
    Planted("searches cost no budget", (Change(BUDGET, "    ev.PostsScraped: _told,\n", ""),)),
    Planted(
        "posts are never abandoned",
        (
            Change(
                WANTED,
                "    return tuple([_abandonment(state, p) for p in state.posts if p.deferred])\n",
                "    return ()\n",
            ),
        ),
    ),
    # Ages and dates
    Planted(
        "posts are sent at any age",
        (
            Change(
                WANTED,
                "if pending is not None and state.is_too_old(pending.post, at_ms):",
                "if False:",
            ),
        ),
    ),
    Planted(
        "posts are carried at any age",
        (Change(REDUCE, "too_old = post.dated and s.is_too_old(post.post, at_ms)", "too_old = False"),),
    ),
    Planted(
        "a sleep towards a moment is one long sleep",
        (Change(PERFORM, "await self._clock.sleep(min(left_s, _PIECE_S))", "await self._clock.sleep(left_s)"),),
    ),
    Planted(
        "any date is taken",
        (Change(X_WIRE, "    if not _since(now_s) <= posted <= now_s + _AHEAD_S:\n", "    if False:\n"),),
    ),
    Planted(
        "an edited post is another post",
        (Change(X_WIRE, 'edits=_edits(fields.get("edit_history_tweet_ids"), post_id),', "edits=(),"),),
    ),
    Planted(
        "only the version that was chosen is remembered",
        (
            Change(
                POSTS,
                "versions = [version for p in e.posts for version in p.versions]",
                "versions = [p.id for p in e.posts]",
            ),
        ),
    ),
    # What waits for its analysis
    Planted(
        "a post whose analysis is refused is sent all the same",
        (Change(POSTS, '"hold" and e.kind in ev.CONFIGURATION', '"hold" and not e.kind'),),
    ),
    Planted(
        "a refusal does not keep the others from being asked about",
        (
            Change(
                POSTS, "held = s.to_analyze() if s.one_first and not s.outcomes else (pending,)", "held = (pending,)"
            ),
        ),
    ),
    Planted(
        "what waits for its analysis is not taken up again",
        (Change(REDUCE, "    if not post.deferred or post", "    if not post.deferred or not post.analyzed or post"),),
    ),
    # Authors that are looked up
    Planted(
        "whoever was looked up is asked for again",
        (
            Change(
                PERFORM,
                "posts=with_known_authors(state, scraped.posts, self._clock.now_ms())",
                "posts=scraped.posts",
            ),
        ),
    ),
    Planted("who was looked up is not remembered", (Change(POSTS, "authors={**kept, **told},", "authors=s.authors,"),)),
    Planted(
        "authors are known for a day longer than the setting says",
        (
            Change(
                STATE,
                "known.is_within(self.policy.author_cache_hours, at_ms)",
                "known.is_within(self.policy.author_cache_hours + 24, at_ms)",
            ),
        ),
    ),
    Planted(
        "posts whose author could not be looked up are forgotten",
        (
            Change(
                POSTS,
                "    return changed(s, posts=tuple([_hold_back(s, p) if p in unknown else p for p in s.posts]))\n",
                "    return changed(s, posts=tuple([p for p in s.posts if p not in unknown]))\n",
            ),
        ),
    ),
    Planted(
        "posts whose author X does not know go on without one",
        (
            Change(
                POSTS,
                "posts = [p for p in s.posts if p.post.has_author or p.post.author_id not in nobody]",
                "posts = [\n"
                '        changed(p, post=changed(p.post, author="unknown")) if p.post.author_id in nobody else p\n'
                "        for p in s.posts\n    ]",
            ),
        ),
    ),
    Planted(
        "a failed look-up is made again at once",
        (
            Change(
                POSTS,
                "    _require_lookup(s, e.window, e.asked)\n    return _hold_authorless(s)\n",
                "    _require_lookup(s, e.window, e.asked)\n    return s\n",
            ),
        ),
    ),
    # What is believed of blocks
    Planted(
        "a block far ahead is believed on one answer",
        (
            Change(BLOCK_WATCH, "if ahead.holds(_ANSWERS, max(", "if ahead.answers or ahead.holds(_ANSWERS, max("),
            Change(BLOCK_WATCH, "_BLOCKS * policy.block_s)) and ahead.goes_on:", "_BLOCKS * policy.block_s)):"),
        ),
    ),
    Planted(
        "a window that was none is never taken back",
        (Change(BLOCK_WATCH, "if newest is None or state.is_under_way():", "if newest is None or newest:"),),
    ),
    Planted(
        "a window is taken back at the first lower answer",
        (
            Change(
                BLOCK_WATCH,
                "return heard.goes_on and heard.holds(_LOWER_ANSWERS, _minutes_s(state))",
                "return heard.answers > 0",
            ),
        ),
    ),
    Planted(
        "a window that was taken back is searched again",
        (Change(REDUCE, "to_scrape=room - len(carried) if is_new else 0,", "to_scrape=room - len(carried),"),),
    ),
    Planted(
        "what a window took is forgotten when another is taken back",
        (
            Change(
                REDUCE,
                "        counted=counted,\n        checkpointed=None,",
                "        counted={},\n        checkpointed=None,",
            ),
        ),
    ),
    Planted(
        "a post is sent in a window that one answer told of",
        (Change(BLOCK_WATCH, "return window is None or self._highest[1] >= window.start_block", "return True"),),
    ),
    Planted(
        "another length of windows is believed on one answer",
        (
            Change(
                BLOCK_WATCH,
                "if length is not None and not self._is_settled(",
                "if length is not None and False and not self._is_settled(",
            ),
        ),
    ),
    Planted(
        "a higher quota is believed on one answer",
        (
            Change(
                BLOCK_WATCH,
                "if quota is not None and not self._is_settled(",
                "if quota is not None and False and not self._is_settled(",
            ),
        ),
    ),
    Planted(
        "a window of another length begins within the newest",
        (
            Change(
                BLOCK_WATCH,
                "return start == newest.start_block",
                "return True",
            ),
        ),
    ),
    Planted(
        "searches follow each other as fast as windows do",
        (Change(PERFORM, "        if state.searched_ms is not None:\n", "        if False:\n"),),
    ),
    # What saves reads of X
    Planted(
        "a window that carried posts fill is searched all the same",
        (
            Change(
                REDUCE,
                "        to_scrape=room - len(carried) if is_new else 0,\n",
                "        to_scrape=room if is_new else 0,\n",
            ),
        ),
    ),
    Planted(
        "what is taken for later windows is forgotten",
        (
            Change(
                REDUCE,
                "posts=tuple(put_off(s, p) if p in left else p for p in s.posts)) if left else s",
                "posts=tuple(p for p in s.posts if p not in left)) if left else s",
            ),
        ),
    ),
    Planted(
        "more is taken than later windows can send",
        (
            Change(
                REDUCE,
                "    return changed(s, spare=max(0, min(most - s.to_scrape, later)))\n",
                "    return changed(s, spare=max(0, most - s.to_scrape))\n",
            ),
        ),
    ),
    Planted(
        "what a search leaves over is behind the post from which the next one asks",
        (Change(POSTS, "post_id <= newest and post_id < first_left)", "post_id <= newest)"),),
    ),
    Planted(
        "posts that could not be used are passed over",
        (Change(X, "if self.unusable or self.lost_pages", "if self.lost_pages"),),
    ),
    Planted("a page that was cut short is taken for a whole one", (Change(X, " or self.cut_short or", " or"),)),
    Planted(
        "a search that reaches further back asks only for newer posts",
        (Change(STATE, " or self.read_to.reach < self.reach:", ":"),),
    ),
    Planted(
        "what other keywords find is taken for read",
        (Change(REDUCE, " if policy.search_keywords == s.policy.search_keywords else None", ""),),
    ),
    # The edges
    Planted(
        "a success of another post or hotkey counts",
        (Change(API_WIRE, "if named is not None and named != ours:", "if False:"),),
    ),
    Planted("one signature serves all attempts of a post", (Change(API, _SIGNED, _SIGNED_ONCE),)),
    Planted("a 429 is a failure like others", (Change(API_WIRE, "_TOO_MANY: Final = 429", "_TOO_MANY: Final = 430"),)),
    Planted(
        "a 409 is a failure like others",
        (Change(API_WIRE, "_FINAL: Final = frozenset({409, 422})", "_FINAL: Final = frozenset({422})"),),
    ),
    Planted(
        "a duplicate is no success",
        (Change(API_WIRE, 'frozenset({"new", "duplicate", "ok"})', 'frozenset({"new", "ok"})'),),
    ),
    # The journal
    Planted(
        "a record is acknowledged before it is synced",
        (
            Change(
                WRITER,
                "            write_all(self._disk, self._fd, line)\n            self._disk.fdatasync(self._fd)\n",
                "            self._disk.fdatasync(self._fd)\n            write_all(self._disk, self._fd, line)\n",
            ),
        ),
    ),
    Planted("the name of a new segment is not synced", (Change(WRITER, "        disk.fsync_dir(directory)\n", ""),)),
    Planted(
        "a torn tail stays where it is",
        (Change(RECOVER, "        if found.torn is not None:\n", "        if False:\n"),),
    ),
    Planted(
        "what only the kernel's cache holds is built upon",
        (Change(RECOVER, "        if place.head.seq > witness.place.head.seq:\n", "        if False:\n"),),
    ),
    Planted(
        "the epochs before a snapshot are forgotten",
        (
            Change(
                RECOVER,
                "tally = Tally() if stored is None else Tally(stored.epoch, stored.declared)",
                "tally = Tally()",
            ),
        ),
    ),
    Planted("a second process may take the journal", (Change(FILE, "            self._lock.acquire()\n", ""),)),
)
