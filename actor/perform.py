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
from actor.chain_end import ChainEnd
from actor.machine.facts import (
    FAR_BLOCKS,
    is_behind,
    is_far_ahead,
    observe,
    scrape_failed,
    scraped_event,
    submit_event,
    told_start,
)
from actor.machine.norm import content_sha256, norm_text
from actor.machine.state import REDUCER, Answer, State, state_sha256
from actor.machine.wanted import submission_started
from actor.ports import AnalyzerPort, ApiPort, Block, Clock, Limited, ScrapeError, ScraperPort, Signer, StatusError
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from events.journal.record import checkpoint_message

__all__ = ["Facts", "Performer", "Ports"]

_log = logging.getLogger("actor")
_REMINDER_S: Final = 600.0

# What an answer means: applied one after the other, each to the state that the one before left.
Facts: TypeAlias = tuple[Callable[[State], tuple[ev.Event, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside worlds of one actor."""

    scraper: ScraperPort
    analyzer: AnalyzerPort
    api: ApiPort
    signer: Signer
    clock: Clock

    async def aclose(self) -> None:
        """Close every connection, whichever of them fails."""
        await asyncio.gather(self.scraper.aclose(), self.analyzer.aclose(), self.api.aclose(), return_exceptions=True)


class Performer:
    """Performs effects. Holds no state but the pace of polls and the free LLM slots."""

    def __init__(self, ports: Ports, *, llm_concurrency: int, new_seed: Callable[[], int], chain_end: ChainEnd) -> None:
        self._ports = ports
        self._chain_end = chain_end
        self._clock = ports.clock
        self._llm_concurrency = llm_concurrency
        self._llm_slots = asyncio.Semaphore(llm_concurrency)
        self._new_seed = new_seed
        self._last_poll_s = -math.inf
        self._next_reminder_s = 0.0
        self._said_behind = False
        self._methods: Mapping[type, Callable[[Any, State], Coroutine[Any, Any, Facts]]] = {
            ef.PollStatus: self._poll,
            ef.ScrapeWindow: self._scrape,
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
        if llm_concurrency != self._llm_concurrency:
            self._llm_concurrency = llm_concurrency
            self._llm_slots = asyncio.Semaphore(llm_concurrency)

    def perform(self, effect: ef.Effect, state: State) -> Coroutine[Any, Any, Facts]:
        """Do it, and return what it means. ``state`` is the one that asked for it."""
        return self._methods[type(effect)](effect, state)

    async def _poll(self, effect: ef.PollStatus, state: State) -> Facts:
        # The pace survives a crash of the effect, so that a bug in it cannot spin.
        wait_s = self._last_poll_s + effect.interval_s - self._clock.elapsed_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        self._last_poll_s = self._clock.elapsed_s()
        try:
            block = await self._ports.api.status()
        except StatusError as error:
            reason = str(error)
            self._remind(state, reason)
            return (lambda s: () if s.api_down else (ev.ApiUnreachable(reason=reason),),)
        self._next_reminder_s = 0.0
        start = told_start(state, block)
        if is_far_ahead(start, state):
            block = await self._asked_again(state, start)
        self._warn_if_behind(state, block)
        return (lambda s: observe(s, block, "status"),)

    async def _asked_again(self, state: State, start: int) -> Block:
        """What the API tells now that an answer spoke of a window far ahead, which takes two answers; else nothing."""
        try:
            block = await self._ports.api.status()
        except StatusError:
            block = Block()
        again = told_start(state, block)
        if is_far_ahead(again, state):
            return block if abs(again - start) <= FAR_BLOCKS else Block()
        _log.warning("the API told of block %d once, far ahead of all others, which is not believed", start)
        return block

    def _remind(self, state: State, reason: str) -> None:
        """An outage is recorded once; the log says it again after a restart and from time to time."""
        if state.api_down and self._clock.elapsed_s() >= self._next_reminder_s:
            _log.warning("coordination API still unreachable: %s", reason)
        if self._clock.elapsed_s() >= self._next_reminder_s:
            self._next_reminder_s = self._clock.elapsed_s() + _REMINDER_S

    def _warn_if_behind(self, state: State, block: Block) -> None:
        behind = is_behind(state, block)
        if behind and not self._said_behind and state.newest is not None:
            _log.warning(
                "the API is at block %s, before window %d that it told earlier: waiting until it passes that one; "
                "if its chain began anew, use another --journal",
                block.current_block,
                state.newest.number,
            )
        self._said_behind = behind

    async def _scrape(self, effect: ef.ScrapeWindow, state: State) -> Facts:
        began_s, policy = self._clock.elapsed_s(), state.policy
        try:
            scraped = await self._ports.scraper.scrape_posts(
                effect.count, keywords=policy.search_keywords, max_pages=policy.max_search_pages, is_seen=state.is_seen
            )
        except ScrapeError as error:
            return _one(scrape_failed(effect, error, latency_ms=self._since_ms(began_s)))
        seed = self._new_seed() if policy.sampling == "random" else None
        return _one(scraped_event(effect, scraped, seed=seed, latency_ms=self._since_ms(began_s)))

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
        async with self._llm_slots:
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

    async def _start_submission(self, effect: ef.StartSubmission, _state: State) -> Facts:
        return (lambda s: (submission_started(s, effect),),)

    async def _submit(self, effect: ef.SubmitPost, state: State) -> Facts:
        if state.open is None:
            raise ValueError(f"no attempt of post {effect.post_id} is open")
        began_s = self._clock.elapsed_s()
        answer = await self._ports.api.submit(state.open.body)
        if isinstance(answer, Limited) and answer.block == Block() and answer.reset_block is None:
            # A 429 without numbers: which window is full decides how long nothing is sent (invariant I6).
            with suppress(StatusError):
                answer = changed(answer, block=await self._ports.api.status())
        start = told_start(state, answer.block, answer.reset_block if isinstance(answer, Limited) else None)
        if is_far_ahead(start, state):
            answer = changed(answer, block=await self._asked_again(state, start))
            answer = changed(answer, reset_block=None) if isinstance(answer, Limited) else answer
        latency_ms = self._since_ms(began_s)
        return (
            lambda s: (submit_event(s, effect, answer, latency_ms=latency_ms),),
            lambda s: observe(s, answer.block, "submit"),
        )

    async def _end_backoff(self, effect: ef.EndBackoff, _state: State) -> Facts:
        await self._clock.sleep(min(effect.wait_s, self._until_s(effect.due_ms)))
        return _one(ev.BackoffElapsed())

    async def _abandon(self, effect: ef.AbandonPost, _state: State) -> Facts:
        await self._clock.sleep(self._until_s(effect.due_ms))
        return _one(ev.PostAbandoned(post_id=effect.post_id, reason=effect.reason))

    async def _sign_checkpoint(self, _effect: ef.SignCheckpoint, state: State) -> Facts:
        await self._chain_end.reach_back(state.checkpoint_seq)
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


def _analyzed_before(post_id: str, digest: str, known: Answer) -> ev.PostAnalyzed:
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
