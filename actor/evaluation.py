"""Runs a strategy, and a model where there is one, over labelled posts. What is paid for is the model's requests.

It writes nothing but its report; quality.py judges, evaluation_report.py words it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actor.analyzer import Analysis, AnalysisError, Analyzer, Registry, Strategy
from actor.analyzer.labelled import load_labelled
from actor.analyzer.quality import Outcome
from actor.compose import Model, build_analyzer
from actor.edges.llm import import_client
from actor.edges.network import proxy_secrets
from actor.edges.text import Redactor
from actor.edges.urls import place
from actor.llm_fixes import LLM_FIXES
from actor.loops import run_loop
from actor.machine.norm import norm_text
from audit.terminal import interruptible, progress
from events.catalogue import CONFIGURATION

__all__ = ["Asked", "HopelessError", "evaluate_posts"]

# A person has to mend these; asking about further posts would only repeat them.
_HOPELESS: Final = CONFIGURATION | {"connection"}


class HopelessError(Exception):
    """The model cannot be asked at all; one line, with what to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The model to ask, and of how many posts at the same time."""

    model: Model
    concurrency: int


def evaluate_posts(file: Path, registry: Registry, strategy: Strategy, asked: Asked | None) -> list[Outcome]:
    """Study every post of the file, and ask the model about each when there is one.

    Raises:
        LabelError: The file cannot be used.
        HopelessError: The first post shows that the model cannot be asked.
    """
    posts = load_labelled(file, registry)
    texts = [norm_text(post.text) for post in posts]
    studies = [strategy.study(text) for text in texts]
    answers = _Answers(len(posts))
    if asked is not None:
        with interruptible(answers.so_far), progress("asking the model") as on_progress:
            run_loop(_ask(texts, strategy, asked, answers, on_progress))
    return [
        Outcome(post=post, study=study, analysis=answer.analysis, latency_s=answer.latency_s)
        for post, study, answer in zip(posts, studies, answers.found, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    """As in `Outcome`."""

    analysis: Analysis | AnalysisError | None = None
    latency_s: float | None = None

    @property
    def hopeless(self) -> bool:
        return isinstance(self.analysis, AnalysisError) and self.analysis.kind in _HOPELESS


class _Answers:
    """What came of each text so far.

    Attributes:
        found: By the text's place; an empty answer where none came.
        begun: Posts whose question was put.
        total: Posts in all.
    """

    def __init__(self, total: int) -> None:
        self.found = [_Answer()] * total
        self.begun = 0
        self.total = total

    def so_far(self) -> str:
        """How far it came, and what was paid, in one line."""
        results = [answer.analysis for answer in self.found if answer.analysis is not None]
        calls, prompt, completion = (
            sum(getattr(found, name) for found in results) for name in ("calls", "prompt_tokens", "completion_tokens")
        )
        under_way = self.begun - len(results)
        more = f"; {under_way} more under way, which may be billed" if under_way else ""
        return (
            f"{len(results)} of {self.total} posts were asked about, in {calls} calls with {prompt:,} prompt and "
            f"{completion:,} completion tokens{more}"
        )


async def _ask(
    texts: Sequence[str],
    strategy: Strategy,
    asked: Asked,
    answers: _Answers,
    on_progress: Callable[[int, int], None],
) -> None:
    analyzer = build_analyzer(strategy, asked.model, Redactor((asked.model.api_key, *proxy_secrets())))
    slots = asyncio.Semaphore(asked.concurrency)
    import_client()  # whose time is not the model's
    done, gave_up = 0, False

    async def one(at: int) -> None:
        nonlocal done, gave_up
        async with slots:
            if gave_up:
                return
            answers.begun += 1
            found = answers.found[at] = await _outcome(analyzer, texts[at])
        if found.hopeless:
            gave_up = True
        done += 1
        on_progress(done, len(texts))

    try:
        await one(0)
        first = answers.found[0]
        if isinstance(first.analysis, AnalysisError) and first.hopeless:
            failure, model = first.analysis, asked.model
            reason = f"{model.name} at {place(model.base_url)} cannot be asked: {failure.reason}"
            raise HopelessError(f"{reason}; fix: {LLM_FIXES[failure.kind]}")
        await asyncio.gather(*map(one, range(1, len(texts))))
    finally:
        await analyzer.aclose()


async def _outcome(analyzer: Analyzer, text: str) -> _Answer:
    began_s = time.monotonic()
    try:
        found: Analysis | AnalysisError = await analyzer.analyze(text)
    except AnalysisError as error:
        found = error
    return _Answer(found, time.monotonic() - began_s)
