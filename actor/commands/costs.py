"""``user-miner costs``: its options, and the price table from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from actor.commands.journals import named_or_own
from actor.commands.options import JournalArgument, JsonOption

__all__ = ["costs"]


def costs(
    journal: JournalArgument = None,
    *,
    by: Annotated[Literal["window", "day", "total"], typer.Option(help="A row for each of these.")] = "day",
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only from this UTC day on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Only up to this UTC day.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="Settings file with the prices [default: .miner_env]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what X and the LLM cost. It also tells what the journal saved and what the budgets have left."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415
    from actor.settings import SettingsError, load_prices  # noqa: PLC0415
    from audit.costs import CostsOptions, run_costs  # noqa: PLC0415
    from audit.terminal import fail  # noqa: PLC0415

    try:
        prices = load_prices(env_file or Path(".miner_env"), required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    options = CostsOptions(by=by, since=since, until=until, as_json=as_json)
    raise typer.Exit(run_costs(named_or_own(journal, env_file), options, prices=prices, now_ms=SystemClock().now_ms()))
