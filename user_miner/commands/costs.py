"""``user-miner costs``: what X and the LLM were asked for, and what that costs, by window, by UTC day and in all.

Reads only. Rows of windows are printed as they end.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import orjson
import typer

from actor.machine import INITIAL, State
from actor.machine.budget import DAY_MS
from actor.machine.history import steps
from audit.costs.books import Costs, DayBooks, WindowBill, is_within
from audit.costs.entries import Expenses
from audit.costs.fields import day_fields, total_fields, window_fields
from audit.costs.lines import day_line, heading, total_lines, window_line
from audit.costs.searches import DueSearch, due_search
from audit.costs.what_if import KNOBS, check_asked, what_if_fields, what_if_lines
from audit.errors import UsageError
from audit.index import Index
from events.describe import inert_json, path_text
from events.journal import JournalReader, locate
from events.money import Money
from user_miner.indexed import NoIndexOption, Source, answered
from user_miner.journals import AllOption, JournalRow, WhoseOption, chosen, over_all
from user_miner.options import JournalArgument, JsonOption, own_money
from user_miner.terminal import fail, in_one_line, watched

__all__ = ["costs", "costs_all", "read_asked", "run_costs"]

By: TypeAlias = Literal["window", "day", "total"]


def costs(
    journal: JournalArgument = None,
    *,
    hotkey: WhoseOption = None,
    all_journals: AllOption = False,
    by: Annotated[By, typer.Option(help="One row per day, window or post.")] = "day",
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Start at this UTC day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="End at this UTC day.")] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Replay the searches on record with this setting; may be repeated."),
    ] = None,
    env_file: Annotated[Path | None, typer.Option(help="Settings file with the prices [default: .miner_env]")] = None,
    no_index: NoIndexOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what X and the LLM cost. It also tells what the journal saved and what the budgets have left."""
    from actor.edges.clock import SystemClock  # noqa: PLC0415

    days = (since, until)
    money = own_money(env_file)
    if all_journals:
        if what_if:
            raise typer.Exit(fail("--what-if is of one journal: leave out --all, or name one with --hotkey", code=2))
        code = costs_all(
            journal,
            env_file,
            hotkey,
            days,
            as_json=as_json,
            money=money,
            now_ms=SystemClock().now_ms(),
            no_index=no_index,
        )
        raise typer.Exit(code)
    raise typer.Exit(
        run_costs(
            chosen(journal, env_file, hotkey),
            by,
            days,
            as_json=as_json,
            money=money,
            now_ms=SystemClock().now_ms(),
            no_index=no_index,
            what_if=what_if or (),
        )
    )


_HEADS: Final = ("windows", "X $", "LLM $", "accepted")


@in_one_line
def costs_all(
    directory: Path | None,
    env_file: Path | None,
    hotkey: str | None,
    days: tuple[str | None, str | None],
    *,
    as_json: bool,
    money: Money,
    now_ms: int,
    no_index: bool,
) -> int:
    """Print the sum of each journal, and of all; the rest as of `run_costs`."""
    limits = _limits(days)

    def look(journal: Path) -> JournalRow:
        found, source = _found(journal, "total", no_index=no_index)
        for _ in found.windows:
            pass  # the books are complete after the last one
        fields = total_fields(money, found.costs(*limits), today=now_ms // DAY_MS)
        told = {"journal": path_text(journal), **fields, "source": source}
        return JournalRow(cells=_sums([fields]), fields=told)

    def total(rows: Sequence[JournalRow]) -> tuple[str, ...]:
        return _sums([row.fields for row in rows if "finding" not in row.fields])

    return over_all(directory, env_file, hotkey, _HEADS, look, as_json=as_json, total=total)


def _sums(bills: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    x, llm = (sum(bill[name]["usd"] or 0 for bill in bills) for name in ("x", "llm"))
    llm_text = f"{llm:.4f}" if any(bill["llm"]["usd"] is not None for bill in bills) else "-"
    return (
        str(sum(bill["windows"] for bill in bills)),
        f"{x:.4f}",
        llm_text,
        str(sum(bill["accepted"] for bill in bills)),
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()


@in_one_line
def run_costs(
    directory: Path,
    by: By,
    days: tuple[str | None, str | None],
    *,
    as_json: bool,
    money: Money,
    now_ms: int,
    no_index: bool = False,
    what_if: Sequence[str] = (),
) -> int:
    """Print the costs; 1 when the journal is damaged or this build disagrees with it, 2 on wrong use.

    Args:
        directory: The journal, or a folder that holds exactly one.
        by: A row for each of these.
        days: The first and the last UTC day that count, such as 2026-11-22.
        as_json: For machines, a line for each row.
        money: What units cost, and what earned tokens are worth.
        now_ms: The present moment, unix milliseconds: the budgets are shown as of its UTC day.
        no_index: Answer from the journal alone.
        what_if: Settings to replay the searches with, as KEY=VALUE; without any the costs are shown as they were.
    """
    asked = read_asked(what_if)
    if asked and by != "day":
        raise UsageError(f"--by {by}: --what-if replays all searches of the days as one: leave --by out")
    today = now_ms // DAY_MS
    since, until = _limits(days)
    found, source = _found(locate(directory), by, no_index=no_index, searches=bool(asked))
    if asked:
        _print_what_if(found, money, asked, (since, until), source=source if as_json else None)
        return 0
    rows = _rows(found, money, by, (since, until), as_json=as_json)
    if as_json:
        sys.stdout.writelines(rows)
        fields = total_fields(money, found.costs(since, until), today=today)
        sys.stdout.write(_json(fields | {"source": source}))
        return 0
    for number, row in enumerate(rows):
        if number == 0:
            earned = by == "day" and _is_told(found.costs(since, until))
            sys.stdout.write(f"{heading(by, earned=earned)}\n")
        sys.stdout.write(row)
    costs = found.costs(since, until)
    gap = "\n" if costs.days and by != "total" else ""
    sys.stdout.write(gap + "".join(f"{line}\n" for line in total_lines(money, costs, today=today)))
    return 0


def _limits(days: tuple[str | None, str | None]) -> tuple[int | None, int | None]:
    """The first and the last unix day that count."""
    since, until = _unix_day(days[0], "--since"), _unix_day(days[1], "--until")
    if since is not None and until is not None and since > until:
        raise UsageError(f"--since {days[0]} is after --until {days[1]}: expected the earlier day first")
    return since, until


def _found(journal: Path, by: By, *, no_index: bool, searches: bool = False) -> tuple[_Found, Source]:
    return answered(
        journal,
        lambda index: _Found.of_index(index, windows=by == "window", searches=searches),
        lambda: _Found.of_journal(journal, searches=searches),
        use=not no_index,
    )


def _print_what_if(
    found: _Found, money: Money, asked: Mapping[str, Any], days: tuple[int | None, int | None], *, source: str | None
) -> None:
    """As JSON where the ``source`` is named, else for people."""
    deque(found.windows, maxlen=0)  # the searches are complete behind the last window
    searches = [due for due in found.searches if is_within(due.at_ms // DAY_MS, *days)]
    check_asked(searches, asked, money)
    fields = what_if_fields(money, searches, asked, found.costs(*days).total())
    if source is not None:
        sys.stdout.write(_json(fields | {"source": source}))
        return
    sys.stdout.writelines(f"{line}\n" for line in what_if_lines(fields))


class _Found:
    """The windows as they end, and books and searches, which are complete behind the last one."""

    def __init__(self, books: DayBooks, state: State, windows: Iterator[WindowBill], searches: list[DueSearch]) -> None:
        self.books = books
        self.state = state
        self.windows = windows
        self.searches = searches

    @classmethod
    def of_index(cls, index: Index, *, windows: bool, searches: bool) -> _Found:
        """As the index has them."""
        bills = list(index.windows()) if windows else []
        return cls(index.books(), index.state, iter(bills), list(index.searches()) if searches else [])

    @classmethod
    def of_journal(cls, journal: Path, *, searches: bool) -> _Found:
        """Read from the first record on, as somebody asks for the windows."""
        found = cls(DayBooks(), INITIAL, iter(()), [])
        found.windows = found._read(journal, searches=searches)
        return found

    def _read(self, journal: Path, *, searches: bool) -> Iterator[WindowBill]:
        for step in steps(watched(JournalReader(journal), "reading")):
            self.state = step.after
            if searches and (due := due_search(step)) is not None:
                self.searches.append(due)
            if (window := self.books.enter(step)) is not None:
                yield window
        yield self.books.window

    def costs(self, since: int | None, until: int | None) -> Costs:
        """The costs of some days."""
        return self.books.costs(self.state, since=since, until=until)


def _rows(found: _Found, money: Money, by: By, days: tuple[int | None, int | None], *, as_json: bool) -> Iterator[str]:
    """The rows that were asked for; the books are complete after the last one."""
    for window in found.windows:
        if by == "window" and (bill := window.bill(*days)) != Expenses():
            yield (_json(window_fields(money, window, bill)) if as_json else f"{window_line(money, window, bill)}\n")
    if by == "day":
        costs = found.costs(*days)
        earned = _is_told(costs)
        for day, bill in sorted(costs.days.items()):
            yield _json(day_fields(money, day, bill)) if as_json else f"{day_line(money, day, bill, earned=earned)}\n"


def _is_told(costs: Costs) -> bool:
    """Whether the chain told of any of the days what they brought."""
    return any(bill.chain_answers for bill in costs.days.values())


def read_asked(what_if: Sequence[str]) -> dict[str, Any]:
    """The settings of ``--what-if`` with their values, as ``run`` would take them.

    Raises:
        UsageError: One of them is none, has another form, or cannot be replayed.
    """
    asked: dict[str, Any] = {}
    for given in what_if:
        name, is_set, text = given.partition("=")
        if not is_set or name in asked:
            raise UsageError(f"--what-if {given!r}: expected KEY=VALUE, each key once, such as {KNOBS[0]}=10")
        if name not in KNOBS:
            raise UsageError(f"--what-if {name}: {_why_not(name)}: expected {', '.join(KNOBS[:-1])} or {KNOBS[-1]}")
        asked[name] = _read_value(name, text)
    return asked


def _why_not(name: str) -> str:
    from actor.settings.model import KNOWN  # noqa: PLC0415  (hardly anybody needs it)

    untold = "the searches on record do not tell what it would have changed"
    return _WHY_NOT.get(name, untold) if name in KNOWN else "it is no setting"


_WHY_NOT: Final = {
    "MAX_SUBMISSIONS_PER_WINDOW": "the coordination API says how many posts a window takes",
    "MAX_SEARCH_PAGES": "no record says what a page held that was not read, or on which page a post was",
}


def _read_value(name: str, text: str) -> Any:
    from actor.settings.model import SettingsError, read_setting  # noqa: PLC0415  (hardly anybody needs it)

    try:
        return read_setting(name, text)
    except SettingsError as error:
        raise UsageError(f"--what-if {error.lines[0]}") from None


def _unix_day(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise UsageError(f"{option} {text!r}: expected a UTC day like 2026-11-22") from None


def _json(fields: dict[str, Any]) -> str:
    return inert_json(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE).decode())
