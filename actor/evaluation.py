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
from actor.edges.text import Redactor
from actor.llm_fixes import LLM_FIXES
from actor.loops import run_loop
from actor.machine.norm import norm_text
from audit.terminal import progress
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
    answers: Sequence[_Answer] = [_Answer()] * len(posts)
    if asked is not None:
        with progress("asking the model") as on_progress:
            answers = run_loop(_ask(texts, strategy, asked, on_progress))
    return [
        Outcome(post=post, study=study, analysis=answer.analysis, latency_s=answer.latency_s)
        for post, study, answer in zip(posts, studies, answers, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    """As in `Outcome`."""

    analysis: Analysis | AnalysisError | None = None
    latency_s: float | None = None

    @property
    def hopeless(self) -> bool:
        return isinstance(self.analysis, AnalysisError) and self.analysis.kind in _HOPELESS


async def _ask(
    texts: Sequence[str], strategy: Strategy, asked: Asked, on_progress: Callable[[int, int], None]
) -> list[_Answer]:
    analyzer = build_analyzer(strategy, asked.model, Redactor((asked.model.api_key,)))
    slots = asyncio.Semaphore(asked.concurrency)
    import_client()  # whose time is not the model's
    done, gave_up = 0, False

    async def one(text: str) -> _Answer:
        nonlocal done, gave_up
        async with slots:
            if gave_up:
                return _Answer()
            found = await _outcome(analyzer, text)
        if found.hopeless:
            gave_up = True
        done += 1
        on_progress(done, len(texts))
        return found

    try:
        first = await one(texts[0])
        if isinstance(first.analysis, AnalysisError) and first.hopeless:
            failure = first.analysis
            reason = f"{asked.model.name} cannot be asked: {failure.reason}"
            raise HopelessError(f"{reason}; fix: {LLM_FIXES[failure.kind]}")
        return [first, *await asyncio.gather(*(one(text) for text in texts[1:]))]
    finally:
        await analyzer.aclose()


async def _outcome(analyzer: Analyzer, text: str) -> _Answer:
    began_s = time.monotonic()
    try:
        found: Analysis | AnalysisError = await analyzer.analyze(text)
    except AnalysisError as error:
        found = error
    return _Answer(found, time.monotonic() - began_s)
