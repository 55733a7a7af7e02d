"""``user-miner costs``: what X and the LLM were asked for, and what that costs, by window, by UTC day and in all.

Reads only. Rows of windows are printed as they end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

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

__all__ = ["costs", "run_costs"]

By: TypeAlias = Literal["window", "day", "total"]


def costs(
    journal: JournalArgument = None,
    *,
    by: Annotated[By, typer.Option(help="One row per day, window or post.")] = "day",
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Start at this UTC day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="End at this UTC day.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="Settings file with the prices [default: .miner_env]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what X and the LLM cost. It also tells what the journal saved and what the budgets have left."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415
    from actor.settings.model import SettingsError, load_prices  # noqa: PLC0415
    from user_miner.terminal import fail  # noqa: PLC0415

    try:
        prices = load_prices(env_file or Path(".miner_env"), required=env_file is not None)
    except SettingsError as error:
        raise typer.Exit(max(fail(line, code=2) for line in error.lines)) from None
    days = (since, until)
    now_ms = SystemClock().now_ms()
    raise typer.Exit(
        run_costs(named_or_own(journal, env_file), by, days, as_json=as_json, prices=prices, now_ms=now_ms)
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()


@in_one_line
def run_costs(
    directory: Path, by: By, days: tuple[str | None, str | None], *, as_json: bool, prices: Prices, now_ms: int
) -> int:
    """Print the costs; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        by: A row for each of these.
        days: The first and the last UTC day that count, such as 2026-11-22.
        as_json: For machines, a line for each row.
        prices: The price table.
        now_ms: The present moment, unix milliseconds: the budgets are shown as of its UTC day.
    """
    money, today = Money(prices), now_ms // DAY_MS
    since, until = _unix_day(days[0], "--since"), _unix_day(days[1], "--until")
    if since is not None and until is not None and since > until:
        raise UsageError(f"--since {days[0]} is after --until {days[1]}: expected the earlier day first")
    books = DayBooks(since=since, until=until)
    rows = _rows(JournalReader(locate(directory)), books, money, by, as_json=as_json)
    if as_json:
        sys.stdout.writelines(rows)
        sys.stdout.write(_json(total_fields(money, books, today=today)))
        return 0
    for number, row in enumerate(rows):
        if number == 0:
            sys.stdout.write(f"{heading(by)}\n")
        sys.stdout.write(row)
    gap = "\n" if books.days and by != "total" else ""
    sys.stdout.write(gap + "".join(f"{line}\n" for line in total_lines(money, books, today=today)))
    return 0


def _rows(reader: JournalReader, books: DayBooks, money: Money, by: By, *, as_json: bool) -> Iterator[str]:
    """The rows that were asked for; ``books`` are complete after the last one."""
    for window in _ended(reader, books):
        if by == "window" and window.bill != Expenses():
            yield _json(window_fields(money, window)) if as_json else f"{window_line(money, window)}\n"
    if by == "day":
        for day, bill in sorted(books.days.items()):
            yield _json(day_fields(money, day, bill)) if as_json else f"{day_line(money, day, bill)}\n"


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
