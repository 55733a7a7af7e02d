"""Runs a strategy, and a model where there is one, over labelled posts. What is paid for is the model's requests.

It writes nothing but its report; quality.py judges, evaluation_report.py words it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actor.analyzer import Analysis, AnalysisError, Analyzer, Registry, Strategy
from actor.analyzer.labelled import load_labelled
from actor.analyzer.quality import Outcome
from actor.compose import Model, build_analyzer
from actor.edges.text import Redactor
from actor.loops import run_loop
from actor.machine.norm import norm_text
from audit.terminal import progress

__all__ = ["Asked", "HopelessError", "evaluate_posts"]

# A person has to mend these; asking about further posts would only repeat them.
_HOPELESS: Final = frozenset({"auth", "quota", "model", "connection"})


class HopelessError(Exception):
    """The model cannot be asked at all; one line."""


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
    analyses: Sequence[Analysis | AnalysisError | None] = [None] * len(posts)
    if asked is not None:
        with progress("asking the model") as on_progress:
            analyses = run_loop(_ask(texts, strategy, asked, on_progress))
    return [
        Outcome(post=post, study=study, analysis=analysis)
        for post, study, analysis in zip(posts, studies, analyses, strict=True)
    ]


async def _ask(
    texts: Sequence[str], strategy: Strategy, asked: Asked, on_progress: Callable[[int, int], None]
) -> list[Analysis | AnalysisError]:
    analyzer = build_analyzer(strategy, asked.model, Redactor((asked.model.api_key,)))
    slots = asyncio.Semaphore(asked.concurrency)
    done = 0

    async def one(text: str) -> Analysis | AnalysisError:
        nonlocal done
        async with slots:
            found = await _outcome(analyzer, text)
        done += 1
        on_progress(done, len(texts))
        return found

    try:
        first = await one(texts[0])
        if isinstance(first, AnalysisError) and first.kind in _HOPELESS:
            raise HopelessError(f"{asked.model.name} cannot be asked: {first.reason}")
        return [first, *await asyncio.gather(*(one(text) for text in texts[1:]))]
    finally:
        await analyzer.aclose()


async def _outcome(analyzer: Analyzer, text: str) -> Analysis | AnalysisError:
    try:
        return await analyzer.analyze(text)
    except AnalysisError as error:
        return error
