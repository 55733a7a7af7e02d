"""``user-miner evaluate``: its options, and the model that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from actor.commands.options import JsonOption

if TYPE_CHECKING:
    from actor.evaluation import Asked

__all__ = ["evaluate"]

_ENV_FILE: Final = Path(".miner_env")


def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled posts, one JSON object a line; docs/analyzer.md.")],
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
    """Hold the analyzer against labelled posts. Mentions, candidates and, with a model, relevance and sentiment."""
    from actor.analyzer import RegistryError, make_strategy  # noqa: PLC0415
    from actor.analyzer.labelled import LabelError  # noqa: PLC0415
    from actor.analyzer.quality import matching, modelled  # noqa: PLC0415
    from actor.evaluation import HopelessError, evaluate_posts  # noqa: PLC0415
    from actor.evaluation_report import Report  # noqa: PLC0415
    from actor.settings import SettingsError, load_analyzer_settings  # noqa: PLC0415
    from audit.terminal import UsageError, fail  # noqa: PLC0415

    if live and stand_in:
        raise typer.BadParameter("a live model or the stand-in, not both", param_hint="--live, --stand-in")
    try:
        settings = load_analyzer_settings(env_file or _ENV_FILE, required=env_file is not None, analyzer=strategy)
        registry = settings.registry()
        rules = make_strategy(settings.analyzer, registry)
        with _stand_in() if stand_in else _live(env_file) if live else _nobody() as (name, asked):
            outcomes = evaluate_posts(file, registry, rules, asked)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    except (RegistryError, LabelError, HopelessError, UsageError) as error:
        raise typer.Exit(fail(str(error), code=2)) from None
    report = Report(
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
def _nobody() -> Iterator[tuple[str, Asked | None]]:
    yield "", None


@contextmanager
def _live(env_file: Path | None) -> Iterator[tuple[str, Asked | None]]:
    from actor.compose import Model  # noqa: PLC0415
    from actor.edges.network import environment_faults, environment_remarks  # noqa: PLC0415
    from actor.evaluation import Asked  # noqa: PLC0415
    from actor.settings import SettingsError, load_settings  # noqa: PLC0415
    from audit.terminal import note  # noqa: PLC0415

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
    yield f"{model.name} at {model.base_url}", Asked(model=model, concurrency=settings.llm_concurrency)


@contextmanager
def _stand_in() -> Iterator[tuple[str, Asked | None]]:
    from actor.compose import Model  # noqa: PLC0415
    from actor.evaluation import Asked  # noqa: PLC0415
    from audit.extras import install_hint  # noqa: PLC0415
    from audit.terminal import UsageError  # noqa: PLC0415

    try:
        from sandbox import Sandbox, SandboxConfig  # noqa: PLC0415
    except ModuleNotFoundError as error:
        line = f"--stand-in: the sandbox needs {error.name}, which is not installed: {install_hint('sandbox')}"
        raise UsageError(line) from error
    with Sandbox(SandboxConfig(corpus_size=1)) as box:
        model = Model(base_url=box.llm_base, api_key=box.llm_key, name=box.config.model, timeout_s=30)
        name = "the sandbox's stand-in, which counts words: its agreement says nothing about a real model"
        yield name, Asked(model=model, concurrency=5)
