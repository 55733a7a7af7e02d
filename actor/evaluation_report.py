"""What an evaluation found, as lines for people and as JSON for machines. Posts in it cannot steer a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from actor.analyzer.prompt import SENTIMENTS
from actor.analyzer.quality import Disagreement, MatchingQuality, ModelQuality
from actor.llm_fixes import LLM_FIXES
from audit.terminal import inert_json
from events.describe import printable

__all__ = ["Report"]

_TEXT_CHARS: Final = 90
_WIDTH: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An evaluation.

    Attributes:
        file: The labelled posts.
        rules: The strategy's version.
        as_of: The day of the list of subnets.
        matching: The part without a model.
        model: Which model was asked, in words; empty when none was.
        modelled: What its answers made; None when none was asked.
    """

    file: str
    rules: str
    as_of: str
    matching: MatchingQuality
    model: str
    modelled: ModelQuality | None

    def lines(self) -> Iterator[str]:
        """The report for people."""
        m = self.matching
        yield f"{m.posts} posts of {printable(self.file)}, rules {self.rules}, subnets as of {self.as_of}"
        yield (
            f"direct mentions  {m.found} of {m.labelled} found, {m.wrong} wrong: precision "
            f"{_percent(m.found, m.found + m.wrong)}, recall {_percent(m.found, m.labelled)}"
        )
        yield (
            f"candidates       {m.candidates / m.posts:.2f} for each post, at most {m.most_candidates}; "
            f"{m.discussed - m.not_offered} of {m.discussed} discussed subnets offered"
        )
        if self.modelled is None:
            yield "model            not asked, so sentiment and topics are not evaluated: --live or --stand-in asks one"
        else:
            yield from self._model_lines(self.modelled)
        if found := self._disagreements():
            yield ""
            yield "disagreements, by line of the file"
            yield from map(_disagreement_line, found)

    def json(self) -> str:
        """The report for machines."""
        m, d = self.matching, self.modelled
        found: dict[str, Any] = {
            "file": self.file,
            "rules": self.rules,
            "subnets_as_of": self.as_of,
            "posts": m.posts,
            "direct": {
                "labelled": m.labelled,
                "found": m.found,
                "wrong": m.wrong,
                "precision": _share(m.found, m.found + m.wrong),
                "recall": _share(m.found, m.labelled),
            },
            "candidates": {
                "per_post": m.candidates / m.posts,
                "most": m.most_candidates,
                "discussed": m.discussed,
                "not_offered": m.not_offered,
            },
            "model": None if d is None else _model_json(self.model, d),
            "disagreements": [
                {
                    "line": one.post.line,
                    "kind": one.post.kind,
                    "what": one.what,
                    "expected": one.expected,
                    "found": one.found,
                    "text": one.post.text,
                }
                for one in self._disagreements()
            ],
        }
        return inert_json(json.dumps(found, ensure_ascii=False, indent=2))

    def _disagreements(self) -> list[Disagreement]:
        found = [*self.matching.disagreements, *(() if self.modelled is None else self.modelled.disagreements)]
        return sorted(found, key=lambda one: one.post.line)

    def _model_lines(self, d: ModelQuality) -> Iterator[str]:
        base = d.baseline
        yield f"model            {printable(self.model)}"
        yield from _effort_lines(d)
        yield f"relevance        {_of(d.relevance, d.posts)} posts agree on every subnet within ±0.05"
        yield f"sentiment        {_of(d.sentiment, d.posts)} posts are in the labelled category"
        yield f"both             {_of(d.both, d.posts)} posts would pass a validator who agrees with the labels"
        topics = f"; its topics gain {d.gained} and lose {d.lost}" if d.gained or d.lost else ""
        yield (
            f"without a model  {base.relevance} relevance by names alone, {base.sentiment} sentiment as always "
            f"{base.category}, {base.both} both{topics}"
        )
        yield from (f"advice           {line}" for line in _advice(d))
        yield ""
        yield "labelled \\ found " + " ".join(f"{name:>{_WIDTH}}" for name in SENTIMENTS)
        for labelled in SENTIMENTS:
            counts = (d.confusion.get((labelled, found), 0) for found in SENTIMENTS)
            yield f"{labelled:<16} " + " ".join(f"{count:>{_WIDTH}}" for count in counts)


def _effort_lines(d: ModelQuality) -> Iterator[str]:
    aside = {"without a count of tokens": d.unmeasured_calls, "for a better answer": d.repairs}
    odd = "".join(f", {number} {what}" for what, number in aside.items() if number)
    yield (
        f"calls            {d.calls} for {d.posts} posts, {d.calls / d.posts:.2f} each{odd}; "
        f"{d.prompt_tokens:,} prompt and {d.completion_tokens:,} completion tokens"
    )
    ways = ", ".join(f"{number} on the rung {way}" for way, number in sorted(d.ways.items()))
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(d.failures.items()))
    left = f"; {d.not_asked} not asked after that" if d.not_asked else ""
    yield f"answers          {ways or 'none'}; {d.failed} posts failed{f': {kinds}' if kinds else ''}{left}"
    if d.median_s is not None and d.largest_s is not None:
        yield f"latency          {d.median_s:.2f} s in the median, {d.largest_s:.2f} s at most"


def _advice(d: ModelQuality) -> Iterator[str]:
    """What the failures and, where there are answers, the figures speak for."""
    for kind, number in sorted(d.failures.items()):
        yield f"{number} posts failed ({kind}): {LLM_FIXES[kind]}"
    if d.lost > d.gained:
        yield "set ANALYZER=matcher: names alone are nearer to the labels than this model's topics, and cost less"
    labels = Counter[str]()
    for (labelled, _), number in d.confusion.items():
        labels[labelled] += number
    for category, number in labels.most_common(1):
        if d.sentiment <= number:
            yield f"set MODEL to a better one: always {category} is no farther from the labels than its answers"


def _model_json(model: str, d: ModelQuality) -> dict[str, Any]:
    base = d.baseline
    return {
        "name": model,
        "posts": d.posts,
        "not_asked": d.not_asked,
        "failed": d.failed,
        "failures": dict(d.failures),
        "ways": dict(d.ways),
        "latency_s": {"median": d.median_s, "largest": d.largest_s},
        "calls": d.calls,
        "calls_per_post": d.calls / d.posts,
        "unmeasured_calls": d.unmeasured_calls,
        "repairs": d.repairs,
        "prompt_tokens": d.prompt_tokens,
        "completion_tokens": d.completion_tokens,
        "relevance_agreement": _share(d.relevance, d.posts),
        "sentiment_agreement": _share(d.sentiment, d.posts),
        "both": _share(d.both, d.posts),
        "topics": {"gained": d.gained, "lost": d.lost},
        "baseline": {
            "category": base.category,
            "sentiment_agreement": _share(base.sentiment, d.posts),
            "relevance_agreement": _share(base.relevance, d.posts),
            "both": _share(base.both, d.posts),
        },
        "advice": list(_advice(d)),
        "confusion": {
            labelled: {found: d.confusion.get((labelled, found), 0) for found in SENTIMENTS} for labelled in SENTIMENTS
        },
    }


def _disagreement_line(one: Disagreement) -> str:
    text = printable(one.post.text, _TEXT_CHARS)
    found, expected = printable(one.found), printable(one.expected)
    return f"{one.post.line:>6} {one.what:<9} expected {expected}, found {found}: {text}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "n/a"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole} ({_percent(part, whole)})"
