"""What is said of a command line that is none: one line with what was found, and where the options stand."""

from __future__ import annotations

from typing import Any

import typer

from user_miner.terminal import fail

__all__ = ["refuse_usage"]

_LONGEST = 60


def refuse_usage(error: typer.TyperException) -> int:
    """Say it, and return the exit code; where only a command is missing, the help tells which there are."""
    told = getattr(error, "format_message", error.__str__)()
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is not None and told == context.get_help():
        typer.echo(told, err=True)
        return 2
    path = "user-miner" if context is None else context.command_path
    told = told.replace("Value error, ", "").rstrip(".") + _found(error)
    return fail(f"{told[:1].lower()}{told[1:]} (see `{path} --help`)", code=2)


def _found(error: typer.TyperException) -> str:
    """What stood there, as far as a message of pydantic is behind the error, which does not quote it."""
    problems: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not problems or problems[0]["type"] == "value_error":
        return ""
    return f", found {str(problems[0]['input'])[:_LONGEST]!r}"
