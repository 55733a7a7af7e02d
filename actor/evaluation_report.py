"""What an evaluation found, as lines for people and as JSON for machines. Posts in it cannot steer a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from actor.analyzer.prompt import SENTIMENTS
from actor.analyzer.quality import Disagreement, MatchingQuality, ModelQuality
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
        answered = d.posts - d.failed
        yield f"model            {printable(self.model)}"
        yield (
            f"requests         {d.calls} for {d.posts} posts, {d.calls / d.posts:.2f} each; {d.failed} posts failed; "
            f"{d.prompt_tokens:,} prompt and {d.completion_tokens:,} completion tokens"
        )
        yield f"relevance        {_of(d.relevance, answered)} posts agree on every subnet within ±0.05"
        yield f"sentiment        {_of(d.sentiment, answered)} posts are in the labelled category"
        yield f"both             {_of(d.both, answered)} posts would pass a validator who agrees with the labels"
        yield ""
        yield "labelled \\ found " + " ".join(f"{name:>{_WIDTH}}" for name in SENTIMENTS)
        for labelled in SENTIMENTS:
            counts = (d.confusion.get((labelled, found), 0) for found in SENTIMENTS)
            yield f"{labelled:<16} " + " ".join(f"{count:>{_WIDTH}}" for count in counts)


def _model_json(model: str, d: ModelQuality) -> dict[str, Any]:
    answered = d.posts - d.failed
    return {
        "name": model,
        "posts": d.posts,
        "failed": d.failed,
        "calls": d.calls,
        "calls_per_post": d.calls / d.posts,
        "prompt_tokens": d.prompt_tokens,
        "completion_tokens": d.completion_tokens,
        "relevance_agreement": _share(d.relevance, answered),
        "sentiment_agreement": _share(d.sentiment, answered),
        "both": _share(d.both, answered),
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
