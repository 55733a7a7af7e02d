"""``user-miner explore``: its options, and what it prints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from user_miner.options import JsonOption

if TYPE_CHECKING:
    from user_miner.explore.moves import Bounds
    from user_miner.explore.search import Exploration

__all__ = ["explore", "report"]

_MOST_JOBS: Final = 4  # one for each of the settings
_OUT: Final = Path("test_explored.py")


def explore(
    *,
    windows: Annotated[int, typer.Option(min=1, help="Windows that the chain comes to.")] = 2,
    posts: Annotated[int, typer.Option(min=1, help="Posts that a window takes, and new ones for each search.")] = 2,
    attempts: Annotated[int, typer.Option(min=1, help="Attempts at a post in a window.")] = 2,
    crashes: Annotated[int, typer.Option(min=0, help="Crashes or stops, each with a start behind it.")] = 1,
    troubles: Annotated[
        int, typer.Option(min=0, help="Rare events: a bug raises, settings change, a gap, an API that lies, and so on.")
    ] = 0,
    settings: Annotated[
        str, typer.Option(metavar="LIST", help="Which settings: default, skip, hold, budget, authors, saving.")
    ] = "default,skip,hold,budget",
    most_states: Annotated[
        int | None, typer.Option("--states", min=1, help="Go no deeper after so many states [default: to the end]")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=_MOST_JOBS, help="Processes, at most one for each settings.")] = 1,
    require_rows: Annotated[
        bool, typer.Option("--require-rows", help="Fail if a row of the table was not taken.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where a test of a broken promise goes.")] = _OUT,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try every order of events in a small world, up to its end."""
    from audit.errors import UsageError  # noqa: PLC0415
    from user_miner.explore.moves import BEGINNINGS, Bounds  # noqa: PLC0415
    from user_miner.explore.search import explore_all  # noqa: PLC0415
    from user_miner.output import check_target, opened  # noqa: PLC0415
    from user_miner.terminal import fail, interruptible  # noqa: PLC0415

    names = settings.split(",")
    if unknown := [name for name in names if name not in BEGINNINGS]:
        text = f"--settings: expected some of {', '.join(BEGINNINGS)}, found '{unknown[0]}'"
        raise typer.Exit(fail(text, code=2))
    bounds = Bounds(windows=windows, posts=posts, attempts=attempts, crashes=crashes, troubles=troubles)
    began_s = time.monotonic()
    with interruptible(lambda: "an exploration that does not come to its end proves nothing"):
        found = explore_all(bounds, names, jobs=jobs, most_states=most_states)
    code = report(bounds, found, time.monotonic() - began_s, require_rows=require_rows, as_json=as_json)
    broken = next((each.trace for each in found if each.trace is not None), None)
    if broken is not None:
        from user_miner.explore.report import fixture_text  # noqa: PLC0415

        try:
            with opened(check_target(out, Path("/nonexistent"), force=force), force=force) as stream:
                stream.write(fixture_text(broken).encode())
        except UsageError as error:
            raise typer.Exit(fail(str(error), code=code)) from None
        if not as_json:
            typer.echo(f"{out} written; run it with: pytest {out}")
    raise typer.Exit(code)


def report(
    bounds: Bounds, found: list[Exploration], seconds: float, *, require_rows: bool = False, as_json: bool = False
) -> int:
    """Print what was found; 1 for a broken promise, or a row that was to be taken and was not."""
    import orjson  # noqa: PLC0415

    from user_miner.explore.report import fields, missing_rows, summary_lines, trace_lines  # noqa: PLC0415

    missing = missing_rows(found) if require_rows else []
    if as_json:
        typer.echo(orjson.dumps(fields(bounds, found, seconds), option=orjson.OPT_INDENT_2).decode())
    else:
        traces = [line for each in found if each.trace is not None for line in trace_lines(each.trace)]
        for line in [*traces, *summary_lines(bounds, found, seconds), *(f"not taken: {row}" for row in missing)]:
            typer.echo(line)
    return 1 if missing or any(each.trace is not None for each in found) else 0
