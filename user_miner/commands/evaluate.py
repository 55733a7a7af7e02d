"""``user-miner evaluate``: its options, and the model that they name."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from actor.analyzer import Analysis, AnalysisError, Analyzer, Registry, Strategy
from actor.analyzer.labelled import load_labelled
from actor.analyzer.prompt import SENTIMENTS
from actor.analyzer.quality import Disagreement, MatchingQuality, ModelQuality, PostOutcome
from actor.compose import Model, build_analyzer
from actor.edges.llm import import_client
from actor.edges.network import proxy_secrets
from actor.edges.text import Redactor, place
from actor.edges.threads import run_loop
from actor.machine.alarms import LLM_FIXES
from actor.machine.scoring import norm_text
from events.catalogue import CONFIGURATION
from events.describe import inert_json, printable
from user_miner.options import JsonOption
from user_miner.terminal import interruptible, progress

__all__ = ["EvaluationReport", "HopelessError", "ModelChoice", "evaluate", "evaluate_posts"]

_ENV_FILE: Final = Path(".miner_env")


def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled posts, one JSON object a line; docs/developers/analyzer.md.")],
    *,
    strategy: Annotated[
        Literal["hybrid", "matcher"] | None, typer.Option(help="Rules to evaluate [default: ANALYZER]")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask MODEL at LLM_BASE about every post; each call is paid for.")
    ] = False,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Ask the sandbox's model, which counts words and understands nothing.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option(help="Settings file [default: .miner_env]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Test the analyzer on labelled posts. Mentions, candidates and, with a model, relevance and sentiment."""
    from actor.analyzer import RegistryError, make_strategy  # noqa: PLC0415
    from actor.analyzer.labelled import LabelError  # noqa: PLC0415
    from actor.analyzer.quality import matching, modelled  # noqa: PLC0415
    from actor.settings.model import AnalyzerSettings, SettingsError, load_part  # noqa: PLC0415
    from audit.errors import UsageError  # noqa: PLC0415
    from user_miner.terminal import fail  # noqa: PLC0415

    if live and stand_in:
        raise typer.BadParameter("a live model or the stand-in, not both", param_hint="--live, --stand-in")
    try:
        settings = load_part(AnalyzerSettings, env_file or _ENV_FILE, required=env_file is not None, analyzer=strategy)
        registry = settings.registry()
        rules = make_strategy(settings.analyzer, registry)
        with _stand_in() if stand_in else _live(env_file) if live else _nobody() as (name, asked):
            outcomes = evaluate_posts(file, registry, rules, asked)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    except (RegistryError, LabelError, HopelessError, UsageError) as error:
        raise typer.Exit(fail(str(error), code=2)) from None
    report = EvaluationReport(
        file=str(file),
        rules=rules.version,
        as_of=registry.as_of.isoformat(),
        matching=matching(outcomes),
        model=name,
        modelled=modelled(outcomes),
    )
    typer.echo(report.json() if as_json else "\n".join(report.lines()))
    raise typer.Exit(0 if report.matching.found == report.matching.labelled and not report.matching.wrong else 1)


@contextmanager
def _nobody() -> Iterator[tuple[str, ModelChoice | None]]:
    yield "", None


@contextmanager
def _live(env_file: Path | None) -> Iterator[tuple[str, ModelChoice | None]]:
    from actor.compose import Model  # noqa: PLC0415
    from actor.edges.network import environment_faults, environment_remarks  # noqa: PLC0415
    from actor.settings.model import SettingsError, load_settings  # noqa: PLC0415
    from user_miner.terminal import note  # noqa: PLC0415

    # X is not asked here, so its token need not be set.
    settings = load_settings(env_file or _ENV_FILE, required=env_file is not None, x_bearer_token="unused")  # noqa: S106
    if faults := environment_faults([settings.llm_base]):
        raise SettingsError(faults)
    for line in environment_remarks([settings.llm_base]):
        note(line)
    model = Model(
        base_url=settings.llm_base,
        api_key=settings.api_key.get_secret_value(),
        name=settings.model,
        timeout_s=settings.llm_timeout_seconds,
        votes=settings.analysis_votes,
    )
    yield f"{model.name} at {model.base_url}", ModelChoice(model=model, concurrency=settings.llm_concurrency)


@contextmanager
def _stand_in() -> Iterator[tuple[str, ModelChoice | None]]:
    from actor.compose import Model  # noqa: PLC0415
    from actor.settings.extras import install_hint  # noqa: PLC0415
    from audit.errors import UsageError  # noqa: PLC0415

    try:
        from sandbox import Sandbox, SandboxConfig  # noqa: PLC0415
    except ModuleNotFoundError as error:
        line = f"--stand-in: the sandbox needs {error.name}, which is not installed: {install_hint('sandbox')}"
        raise UsageError(line) from error
    with Sandbox(SandboxConfig(corpus_size=1)) as box:
        model = Model(base_url=box.llm_base, api_key=box.llm_key, name=box.config.model, timeout_s=30)
        name = "the sandbox's stand-in, which counts words: its agreement says nothing about a real model"
        yield name, ModelChoice(model=model, concurrency=5)


# A person has to mend these; asking about further posts would only repeat them.
_HOPELESS: Final = CONFIGURATION | {"connection"}


class HopelessError(Exception):
    """The model cannot be asked at all; one line, with what to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """The model to ask, and of how many posts at the same time."""

    model: Model
    concurrency: int


def evaluate_posts(file: Path, registry: Registry, strategy: Strategy, asked: ModelChoice | None) -> list[PostOutcome]:
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
        PostOutcome(post=post, study=study, analysis=answer.analysis, latency_s=answer.latency_s)
        for post, study, answer in zip(posts, studies, answers.found, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    """As in `PostOutcome`."""

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
    asked: ModelChoice,
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


_TEXT_CHARS: Final = 90
_WIDTH: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
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
