"""``user-miner costs``: what X and the LLM were asked for, and what that costs, by window, by UTC day and in all.

Reads only. Rows of windows are printed as they end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
import typer

from actor.machine.budget import DAY_MS
from actor.machine.history import folded
from audit.costs.books import DayBooks, WindowBill
from audit.costs.entries import Expenses
from audit.costs.fields import day_fields, total_fields, window_fields
from audit.costs.lines import day_line, heading, total_lines, window_line
from audit.errors import UsageError
from events.describe import inert_json
from events.journal import JournalReader, locate
from events.money import Money
from events.prices import Prices
from user_miner.options import JournalArgument, JsonOption, named_or_own
from user_miner.terminal import in_one_line, watched

__all__ = ["CostsOptions", "costs", "run_costs"]


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
    from actor.settings.model import SettingsError, load_prices  # noqa: PLC0415
    from user_miner.terminal import fail  # noqa: PLC0415

    try:
        prices = load_prices(env_file or Path(".miner_env"), required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    options = CostsOptions(by=by, since=since, until=until, as_json=as_json)
    raise typer.Exit(run_costs(named_or_own(journal, env_file), options, prices=prices, now_ms=SystemClock().now_ms()))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsOptions:
    """What an operator asked for, as it was written.

    Attributes:
        by: A row for each of these.
        since: First UTC day that counts, such as 2026-11-22.
        until: Last UTC day that counts.
        as_json: For machines, a line for each row.
    """

    by: Literal["window", "day", "total"] = "day"
    since: str | None = None
    until: str | None = None
    as_json: bool = False


@in_one_line
def run_costs(directory: Path, options: CostsOptions, *, prices: Prices, now_ms: int) -> int:
    """Print the costs; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        options: What to print.
        prices: The price table.
        now_ms: The present moment, unix milliseconds: the budgets are shown as of its UTC day.
    """
    money, today = Money(prices), now_ms // DAY_MS
    since, until = _unix_day(options.since, "--since"), _unix_day(options.until, "--until")
    if since is not None and until is not None and since > until:
        raise UsageError(f"--since {options.since} is after --until {options.until}: expected the earlier day first")
    books = DayBooks(since=since, until=until)
    rows = _rows(JournalReader(locate(directory)), books, money, options)
    if options.as_json:
        sys.stdout.writelines(rows)
        sys.stdout.write(_json(total_fields(money, books, today=today)))
        return 0
    for number, row in enumerate(rows):
        if number == 0:
            sys.stdout.write(f"{heading(options.by)}\n")
        sys.stdout.write(row)
    gap = "\n" if books.days and options.by != "total" else ""
    sys.stdout.write(gap + "".join(f"{line}\n" for line in total_lines(money, books, today=today)))
    return 0


def _rows(reader: JournalReader, books: DayBooks, money: Money, options: CostsOptions) -> Iterator[str]:
    """The rows that were asked for; ``books`` are complete after the last one."""
    for window in _ended(reader, books):
        if options.by == "window" and window.bill != Expenses():
            yield _json(window_fields(money, window)) if options.as_json else f"{window_line(money, window)}\n"
    if options.by == "day":
        for day, bill in sorted(books.days.items()):
            yield _json(day_fields(money, day, bill)) if options.as_json else f"{day_line(money, day, bill)}\n"


def _ended(reader: JournalReader, books: DayBooks) -> Iterator[WindowBill]:
    """Each window once its work has ended, the last one as far as it goes."""
    for record, state in folded(watched(reader, "reading")):
        if (window := books.enter(record, state)) is not None:
            yield window
    yield books.window


def _unix_day(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise UsageError(f"{option} {text!r}: expected a UTC day like 2026-11-22") from None


def _json(fields: dict[str, Any]) -> str:
    return inert_json(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE).decode())
