"""Carry out one effect against the edges, and say what its answer means as functions from state to events.

Nothing here decides, retries or writes. An exception that leaves ``Performer.perform`` is a bug of ours and becomes
EffectCrashed; the outside world's failures are answers.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from actor.analyzer import AnalysisError
from actor.analyzer.refresh import ChainError
from actor.block_watch import BlockWatch
from actor.chain_end import ChainEnd
from actor.edges.text import one_line
from actor.edges.turns import Turns
from actor.machine.encoding import state_sha256
from actor.machine.facts import (
    author_lookup_failed,
    authors_event,
    observe,
    scrape_failed,
    scraped_event,
    submit_event,
    with_known_authors,
)
from actor.machine.scoring import content_sha256, norm_text
from actor.machine.state import REDUCER, State, TextAnswer
from actor.machine.wanted import submission_decided
from actor.ports import (
    AnalyzerPort,
    ApiPort,
    Block,
    ChainPort,
    Clock,
    Limited,
    ScrapeError,
    ScraperPort,
    Signer,
    StatusError,
    SubmitAnswer,
)
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from events.journal.record import checkpoint_message

__all__ = ["Facts", "Meaning", "Performer", "Ports"]

_log = logging.getLogger("actor")
_REMINDER_S: Final = 600.0
_OWN_SEARCHES: Final = 2  # a look-up of authors may still be under way when the next window is searched
# A long wait looks at the wall clock so often: a host may sleep meanwhile, or its clock be set.
_PIECE_S: Final = 30.0

Meaning: TypeAlias = Callable[[State], tuple[ev.Event, ...]]
# What an answer means: applied one after the other, each to the state that the one before left.
Facts: TypeAlias = tuple[Meaning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside worlds of one actor.

    Attributes:
        chain: Without it nobody is told how the hotkey stands.
        llm_turns: Turns at the LLM that other actors take, too; None where there is no other.
        search_turns: The same at X.
    """

    scraper: ScraperPort
    analyzer: AnalyzerPort
    api: ApiPort
    signer: Signer
    clock: Clock
    chain: ChainPort | None = None
    llm_turns: Turns | None = None
    search_turns: Turns | None = None

    async def aclose(self) -> None:
        await asyncio.gather(self.scraper.aclose(), self.analyzer.aclose(), self.api.aclose(), return_exceptions=True)


class Performer:
    """Performs effects. Holds no state but the pace of polls, the free LLM slots and what was told of blocks."""

    def __init__(
        self,
        ports: Ports,
        *,
        llm_concurrency: int,
        new_seed: Callable[[], int],
        chain_end: ChainEnd,
        hold: Callable[[], Coroutine[Any, Any, None]],
        watch: BlockWatch | None = None,
    ) -> None:
        self._ports = ports
        self._watch = watch or BlockWatch(ports.clock)
        self._chain_end = chain_end
        self._hold = hold
        self._clock = ports.clock
        self._owner = ports.signer.ss58_address
        self._llm_turns = ports.llm_turns or Turns(llm_concurrency)
        self._search_turns = ports.search_turns or Turns(_OWN_SEARCHES)
        self._new_seed = new_seed
        self._last_poll_s = -math.inf
        self._next_reminder_s = 0.0
        self._methods: Mapping[type, Callable[[Any, State], Coroutine[Any, Any, Facts]]] = {
            ef.PollStatus: self._poll,
            ef.PollChain: self._poll_chain,
            ef.ScrapeWindow: self._scrape,
            ef.LookUpAuthors: self._look_up,
            ef.HoldWindow: self._hold_window,
            ef.AnalyzePost: self._analyze,
            ef.StartSubmission: self._start_submission,
            ef.SubmitPost: self._submit,
            ef.EndBackoff: self._end_backoff,
            ef.AbandonPost: self._abandon,
            ef.SignCheckpoint: self._sign_checkpoint,
        }

    def change_llm_concurrency(self, llm_concurrency: int) -> None:
        """So many analyses at once, from the next one on; those that wait already keep their place."""
        self._llm_turns.change(llm_concurrency)

    def perform(self, effect: ef.Effect, state: State) -> Coroutine[Any, Any, Facts]:
        """Do it, and return what it means. ``state`` is the one that asked for it."""
        return self._methods[type(effect)](effect, state)

    async def _poll(self, effect: ef.PollStatus, state: State) -> Facts:
        # The pace survives a crash of the effect, so that a bug in it cannot spin.
        wait_s = self._last_poll_s + effect.interval_s - self._clock.elapsed_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        await self._hold()
        self._last_poll_s = self._clock.elapsed_s()
        try:
            block = await self._ports.api.status()
        except StatusError as error:
            reason = str(error)
            self._remind(state, reason)
            self._watch.miss()
            return (lambda s: () if s.api_down else (ev.ApiUnreachable(reason=reason),),)
        self._next_reminder_s = 0.0
        return (lambda s: observe(s, self._watch.hear(s, block), "status"), self._watch.revision)

    async def _poll_chain(self, effect: ef.PollChain, state: State) -> Facts:
        await self._sleep_until(effect.due_ms, at_most_s=effect.wait_s)
        identity, chain = state.identity, self._ports.chain
        if identity is None or chain is None:
            return _one(ev.ChainPollFailed(kind="unreachable", reason="this process reads no chain"))
        try:
            return _one(await chain.standing(netuid=identity.netuid, hotkey=identity.hotkey))
        except ChainError as error:
            return _one(ev.ChainPollFailed(kind=error.kind, reason=str(error)))
        except Exception as error:  # noqa: BLE001  (a bug on this way costs no window, as a crash of an effect would)
            _log.exception("the chain could not be read: a bug in user-miner")
            return _one(ev.ChainPollFailed(kind="bug", reason=one_line(f"{type(error).__name__}: {error}")))

    def _remind(self, state: State, reason: str) -> None:
        """An outage is recorded once; the log says it again after a restart and from time to time."""
        if state.api_down and self._clock.elapsed_s() >= self._next_reminder_s:
            _log.warning("coordination API still unreachable: %s", reason)
        if self._clock.elapsed_s() >= self._next_reminder_s:
            self._next_reminder_s = self._clock.elapsed_s() + _REMINDER_S

    async def _scrape(self, effect: ef.ScrapeWindow, state: State) -> Facts:
        if state.searched_ms is not None:
            floor_s = state.search_floor_s
            await self._sleep_until(state.searched_ms + round(floor_s * 1000), at_most_s=floor_s)
        async with self._search_turns.of(self._owner):
            await self._hold()
            return await self._search(effect, state)

    async def _search(self, effect: ef.ScrapeWindow, state: State) -> Facts:
        began_s, policy = self._clock.elapsed_s(), state.policy
        try:
            scraped = await self._ports.scraper.scrape_posts(
                effect.count,
                spare=effect.spare,
                since_id=state.since_id,
                keywords=policy.search_keywords,
                max_pages=policy.max_search_pages,
                is_seen=state.is_seen,
                with_authors=not policy.author_cache_hours,
            )
        except ScrapeError as error:
            return _one(scrape_failed(effect, error, latency_ms=self._since_ms(began_s)))
        scraped = changed(scraped, posts=with_known_authors(state, scraped.posts, self._clock.now_ms()))
        seed = self._new_seed() if policy.sampling == "random" else None
        return _one(scraped_event(effect, scraped, seed=seed, latency_ms=self._since_ms(began_s)))

    async def _look_up(self, effect: ef.LookUpAuthors, _state: State) -> Facts:
        async with self._search_turns.of(self._owner):
            await self._hold()
            return await self._ask_authors(effect)

    async def _ask_authors(self, effect: ef.LookUpAuthors) -> Facts:
        began_s = self._clock.elapsed_s()
        try:
            found = await self._ports.scraper.look_up_authors(effect.authors)
        except ScrapeError as error:
            return _one(author_lookup_failed(effect, error, latency_ms=self._since_ms(began_s)))
        return _one(authors_event(effect, found, latency_ms=self._since_ms(began_s)))

    async def _hold_window(self, _effect: ef.HoldWindow, _state: State) -> Facts:
        return (lambda s: () if s.unaffordable is None else (s.unaffordable,),)

    async def _analyze(self, effect: ef.AnalyzePost, state: State) -> Facts:
        pending = state.pending(effect.post_id)
        if pending is None:
            raise ValueError(f"post {effect.post_id} is not pending")
        text = norm_text(pending.post.content)
        digest = content_sha256(text)
        analyzer = self._ports.analyzer
        known = state.answer(digest)
        if known is not None and (known.model, known.prompt_version) == (analyzer.model, analyzer.prompt_version):
            return _one(_analyzed_before(effect.post_id, digest, known))
        async with self._llm_turns.of(self._owner):
            await self._hold()
            began_s = self._clock.elapsed_s()
            try:
                found = await analyzer.analyze(text)
            except AnalysisError as error:
                return _one(_analysis_failed(effect.post_id, digest, error, self._since_ms(began_s)))
        return _one(
            ev.PostAnalyzed(
                post_id=effect.post_id,
                content_sha256=digest,
                tokens={name: float(share) for name, share in found.tokens.items()},
                sentiment=found.sentiment,
                model=found.model,
                prompt_version=found.prompt_version,
                rung=found.rung,
                raw_answer=found.raw_answer,
                calls=found.calls,
                prompt_tokens=found.prompt_tokens,
                completion_tokens=found.completion_tokens,
                latency_ms=self._since_ms(began_s),
                failed_calls=found.failed_calls,
                unmeasured_calls=found.unmeasured_calls,
                repairs=found.repairs,
                server=found.server,
                dropped=found.dropped,
                shown_chars=found.shown_chars,
            )
        )

    async def _start_submission(self, effect: ef.StartSubmission, state: State) -> Facts:
        await self._watch.news(state.window)
        return (
            lambda s: (
                (submission_decided(s, effect, self._clock.now_ms()),) if self._watch.is_confirmed(s.window) else ()
            ),
        )

    async def _submit(self, effect: ef.SubmitPost, state: State) -> Facts:
        if state.open is None:
            raise ValueError(f"no attempt of post {effect.post_id} is open")
        await self._hold()
        began_s = self._clock.elapsed_s()
        answer = await self._ports.api.submit(state.open.body)
        if isinstance(answer, Limited) and answer.block == Block() and answer.reset_block is None:
            # A 429 without numbers: which window is full decides how long nothing is sent (invariant I6).
            with suppress(StatusError):
                answer = changed(answer, block=await self._ports.api.status())
        latency_ms = self._since_ms(began_s)

        def outcome(s: State) -> tuple[ev.Event, ...]:
            nonlocal answer
            answer = self._believed(s, answer)
            return (submit_event(s, effect, answer, latency_ms=latency_ms),)

        return outcome, lambda s: observe(s, answer.block, "submit")

    def _believed(self, state: State, answer: SubmitAnswer) -> SubmitAnswer:
        """The answer with those of its block numbers that are to be believed."""
        if not isinstance(answer, Limited):
            return changed(answer, block=self._watch.hear_submission(state, answer.block))
        answer = changed(answer, block=self._watch.hear_limit(state, answer.block))
        if not answer.reset_block:
            return answer
        possible = self._watch.can_be_at(state, answer.reset_block - 1)
        return answer if possible else changed(answer, reset_block=None)

    async def _end_backoff(self, effect: ef.EndBackoff, _state: State) -> Facts:
        # In one piece: a wait is a least one, and a clock that is set ahead meanwhile does not shorten it.
        await self._clock.sleep(min(effect.wait_s, self._until_s(effect.due_ms)))
        return _one(ev.BackoffElapsed())

    async def _abandon(self, effect: ef.AbandonPost, _state: State) -> Facts:
        await self._sleep_until(effect.due_ms)
        return _one(ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason))

    async def _sign_checkpoint(self, _effect: ef.SignCheckpoint, _state: State) -> Facts:
        return (lambda s: (self._checkpoint(s),),)

    def _checkpoint(self, state: State) -> ev.CheckpointSigned:
        head = self._chain_end.head
        unsigned = ev.CheckpointSigned(
            journal=self._chain_end.journal,
            since=state.checkpoint_seq,
            seq=head.seq,
            head=head.hash,
            hashes_sha256=self._chain_end.hashes_sha256(state.checkpoint_seq),
            reducer=REDUCER,
            state_sha256=state_sha256(state),
            signature="",
        )
        return changed(unsigned, signature=self._ports.signer.sign(checkpoint_message(unsigned)).hex())

    async def _sleep_until(self, due_ms: int, *, at_most_s: float = math.inf) -> None:
        """By the wall clock, but never longer than ``at_most_s`` should that go back."""
        slept_s = 0.0
        while (left_s := min(self._until_s(due_ms), at_most_s - slept_s)) > 0:
            await self._clock.sleep(min(left_s, _PIECE_S))
            slept_s += min(left_s, _PIECE_S)

    def _until_s(self, due_ms: int) -> float:
        return max(0.0, (due_ms - self._clock.now_ms()) / 1000)

    def _since_ms(self, began_s: float) -> int:
        return round((self._clock.elapsed_s() - began_s) * 1000)


def _one(event: ev.Event) -> Facts:
    return (lambda _s: (event,),)


def _analysis_failed(post_id: str, digest: str, error: AnalysisError, latency_ms: int) -> ev.AnalysisFailed:
    return ev.AnalysisFailed(
        post_id=post_id,
        content_sha256=digest,
        kind=error.kind,
        reason=error.reason,
        model=error.model,
        prompt_version=error.prompt_version,
        raw_answer=error.raw_answer,
        calls=error.calls,
        prompt_tokens=error.prompt_tokens,
        completion_tokens=error.completion_tokens,
        latency_ms=latency_ms,
        failed_calls=error.failed_calls,
        unmeasured_calls=error.unmeasured_calls,
        repairs=error.repairs,
        server=error.server,
        dropped=error.dropped,
        shown_chars=error.shown_chars,
    )


def _analyzed_before(post_id: str, digest: str, known: TextAnswer) -> ev.PostAnalyzed:
    return ev.PostAnalyzed(
        post_id=post_id,
        content_sha256=digest,
        tokens=known.tokens,
        sentiment=known.sentiment,
        model=known.model,
        prompt_version=known.prompt_version,
        rung="recorded",
        raw_answer="",
        calls=0,
        prompt_tokens=0,
        completion_tokens=0,
        latency_ms=0,
        reused_from=known.post_id,
    )
