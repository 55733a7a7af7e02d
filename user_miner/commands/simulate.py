"""``user-miner simulate``: its options, and what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from user_miner.options import JsonOption, finite

if TYPE_CHECKING:
    from user_miner.simulation.campaign import Campaign
    from user_miner.simulation.oracles import Judge
    from user_miner.simulation.plan import Plan
    from user_miner.simulation.shrink import Shrunk

__all__ = ["run", "simulate"]

_SEEDS: Final = 100
_SEED_BITS: Final = 32
_TOLD_WHOLE: Final = 3  # failing seeds that are shrunk and told; the others get a line
_INTERRUPTED: Final = 130
_MOST_JOBS: Final = 64  # each takes some 50 MB


def simulate(
    *,
    seeds: Annotated[int | None, typer.Option(min=1, help="Worlds to simulate, one per seed [default: 100]")] = None,
    windows: Annotated[int, typer.Option(min=1, help="Windows in each.")] = 50,
    seed: Annotated[int | None, typer.Option(min=0, help="The first seed [default: a fresh one]")] = None,
    faults: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Which faults may happen: PLACE or PLACE:KIND,…, all, none [default: all]"),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0, callback=finite, help="How often faults happen, as a multiple of the usual rate [default: 1]"
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="LIST", help="Exactly these disturbances, as a report lists them.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=_MOST_JOBS, help="Processes, at most.")] = 1,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Fail if a state, table row or fault was not reached.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Test the miner's promises in simulated worlds. In these, everything goes wrong."""
    from audit.errors import UsageError  # noqa: PLC0415
    from user_miner.simulation.oracles import judged  # noqa: PLC0415
    from user_miner.simulation.plan import Plan  # noqa: PLC0415
    from user_miner.terminal import fail  # noqa: PLC0415

    try:
        first = Plan(seed=_fresh() if seed is None else seed, windows=windows)
        plans = _story(first, seeds, faults, rate, only) if only else _plans(first, seeds, faults, rate)
    except (UsageError, ValueError) as error:
        raise typer.Exit(fail(str(error), code=2)) from None
    raise typer.Exit(run(plans, judge=judged, jobs=jobs, require_coverage=require_coverage, as_json=as_json))


def run(plans: list[Plan], *, judge: Judge, jobs: int, require_coverage: bool, as_json: bool) -> int:
    """Run the plans, print what came of them, and return the exit code."""
    from user_miner.simulation.campaign import run_campaign  # noqa: PLC0415
    from user_miner.terminal import progress  # noqa: PLC0415

    if not as_json:
        typer.echo(f"seeds {plans[0].seed} to {plans[-1].seed}, {plans[0].windows} windows each")
    with progress("simulating") as on_progress:
        campaign = run_campaign(plans, jobs=jobs, judge=judge, on_progress=on_progress)
    missing = campaign.coverage.missing() if require_coverage else []
    stories = _stories(campaign, judge)
    if as_json:
        _print_json(campaign, stories)
    else:
        for line in _lines(campaign, stories, missing):
            typer.echo(line)
    return 1 if campaign.failures or missing else _INTERRUPTED if campaign.interrupted else 0


def _fresh() -> int:
    import secrets  # noqa: PLC0415

    return secrets.randbits(_SEED_BITS)


def _plans(first: Plan, seeds: int | None, faults: str | None, rate: float | None) -> list[Plan]:
    from user_miner.simulation.plan import parse_faults  # noqa: PLC0415

    chosen = parse_faults("all" if faults is None else faults)
    return [
        replace(first, seed=first.seed + at, faults=chosen, rate=1.0 if rate is None else rate)
        for at in range(_SEEDS if seeds is None else seeds)
    ]


def _story(first: Plan, seeds: int | None, faults: str | None, rate: float | None, only: str) -> list[Plan]:
    from audit.errors import UsageError  # noqa: PLC0415
    from user_miner.simulation.shrink import parse_disturbances  # noqa: PLC0415

    if seeds not in {None, 1} or faults is not None or rate is not None:
        raise UsageError("--only tells one seed's story: leave out --seeds, --faults and --rate")
    return [replace(first, disturbances=parse_disturbances(only))]


def _stories(campaign: Campaign, judge: Judge) -> dict[int, Shrunk]:
    from user_miner.simulation.shrink import shrink  # noqa: PLC0415

    told = [failure for failure in campaign.failures if failure.violations[0].rule != "simulation"][:_TOLD_WHOLE]
    return {failure.plan.seed: shrink(failure.plan, failure.violations[0], judge=judge) for failure in told}


def _lines(campaign: Campaign, stories: dict[int, Shrunk], missing: list[str]) -> Iterator[str]:
    from events.describe import printable  # noqa: PLC0415
    from user_miner.simulation.report import failure_lines, summary_lines  # noqa: PLC0415

    for failure in campaign.failures:
        story = stories.get(failure.plan.seed)
        if story is None:
            yield printable(f"seed {failure.plan.seed}: {failure.violations[0]}", 2_000)
        else:
            yield from failure_lines(story)
    yield from summary_lines(campaign)
    yield from (f"not reached: {what}" for what in missing)


def _print_json(campaign: Campaign, stories: dict[int, Shrunk]) -> None:
    import orjson  # noqa: PLC0415

    from events.describe import inert_json  # noqa: PLC0415
    from user_miner.simulation.report import report_fields  # noqa: PLC0415

    typer.echo(inert_json(orjson.dumps(report_fields(campaign, stories), option=orjson.OPT_INDENT_2).decode()))
