"""The command line: which commands there are, and exit codes. A command is a file of ``user_miner.commands``.

Exit codes: 0 fine, 1 a finding (an invalid journal, a failed write), 2 wrong use or configuration. Everything heavy is
imported by the command that needs it.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from itertools import pairwise
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["COMMANDS", "app", "main"]

# In the order of the help, each with its first sentence there, so that the help imports no command.
COMMANDS: Final = {
    "run": "Run the miner in the foreground until Ctrl-C or SIGTERM.",
    "demo": "Run the miner against stand-ins on this machine.",
    "fleet": "Run many hotkeys in one process until Ctrl-C or SIGTERM.",
    "sandbox": "Serve stand-ins for X, the LLM and the coordination API.",
    "status": "Show what the miner is doing now.",
    "doctor": "Check everything that a miner needs, and say how to fix it.",
    "init": "Write a settings file that only you can read.",
    "config": "Print each setting as `run` would take it.",
    "inspect": "Show what the miner did on a page.",
    "report": "Write the page about a journal into one file.",
    "replay": "Read a journal: what happened, window by window, and why.",
    "verify": "Check every byte of a journal by hashes and signatures.",
    "evaluate": "Test the analyzer on labelled posts.",
    "subnets": "Show or refresh the list of subnets that posts are matched against.",
    "export": "Export a journal as rows for other programs.",
    "check": "Check that this build decides as a journal records.",
    "audit": "Check a journal against named rules.",
    "costs": "Show what X and the LLM cost.",
    "earnings": "Show what the hotkey earns, by the chain.",
    "fixture": "Make a test file from a part of a journal.",
    "simulate": "Test the miner's promises in simulated worlds.",
    "explore": "Try every order of events in a small world, up to its end.",
    "repair": "Show what a damaged journal still holds.",
    "copy": "Copy a journal from a folder into a database, or back.",
    "diagram": "Print the state machine as a mermaid diagram.",
}


class _Commands(TyperGroup):
    """Imports a command's file when it is called for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(COMMANDS, self)  # their names are what a mistyped one is compared with

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command of this name; None when there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in {"run", "fleet"}:
            # Its settings are not read yet, so there is nothing to read again; a reload would end the process.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        found = getattr(import_module(f"user_miner.commands.{cmd_name}"), cmd_name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, context_settings=_HELP, rich_markup_mode=None)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_HELP: Final = {"help_option_names": ["-h", "--help"]}

app: Final = typer.Typer(
    cls=_Commands,
    name="user-miner",
    help="A Bittensor user miner as an event-sourced actor: scrape, analyze, submit - and prove it.",
    no_args_is_help=True,
    context_settings=_HELP,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# What typer makes of a Ctrl-C; a command that has more to say of it ends by itself.
_INTERRUPTED: Final = 130
# A file system says so of what an operator named, and hardly ever for a bug of ours.
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


# They take the URL of a database where they take a journal's folder.
_READERS: Final = frozenset(
    {"audit", "check", "costs", "export", "fixture", "inspect", "replay", "report", "status", "verify"}
)


def _version(asked: bool) -> None:  # noqa: FBT001  (typer's callback)
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"user-miner {version('user-miner')}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that stand before the command."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: an operator's mistake ends with one line and exit code 2, never with a traceback."""
    _open_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no arrows still shows the rest
    try:
        sys.exit(_call(argv))
    except SystemExit as end:
        # The reader of our output left (`user-miner replay … | head`): typer calls that exit code 1, a finding.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(0)
        _flush()
        raise
    except OSError as error:
        # What takes our output refused in the midst of it; an error that names a file is of another kind.
        if error.filename is None:
            _give_up(error)
        if error.errno not in _REFUSED:
            raise  # a bug
        sys.exit(_refuse(f"cannot use {error.filename}: {error.strerror}", code=2))


def _call(argv: Sequence[str] | None) -> int | None:
    """The exit code of a command, or of a command line that is none."""
    words = sys.argv[1:] if argv is None else list(argv)
    named = " ".join(["user-miner", *(word for word in words[:1] if word in COMMANDS)])
    if (empty := _empty(words)) is not None:
        line = f"{empty} is empty: expected a value; was a variable of the shell not set? (see `{named} --help`)"
        return _refuse(line, code=2)
    if words[:1] and words[0] in _READERS and any("://" in word for word in words):
        from user_miner.databases import as_folders  # noqa: PLC0415  (hardly anybody has one)

        try:
            words = as_folders(words)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
    try:
        code: int | None = app(args=words, prog_name="user-miner", standalone_mode=False)
    except typer.Abort:
        return _refuse("aborted", code=1)
    except typer.TyperException as error:
        from user_miner.terminal import refuse_usage  # noqa: PLC0415  (hardly ever needed)

        return refuse_usage(error, named)
    return _refuse("interrupted", code=code) if code == _INTERRUPTED else code


def _empty(words: Sequence[str]) -> str | None:
    """What has an empty value, which no option and no argument takes: as a path it would mean the current folder."""
    for before, word in pairwise(["", *words]):
        if not word:
            return before if before.startswith("-") else "an argument"
        name, equals, value = word.partition("=")
        if name.startswith("-") and equals and not value:
            return name
    return None


def _refuse(line: str, *, code: int) -> int:
    from user_miner.terminal import fail  # noqa: PLC0415  (hardly ever needed)

    return fail(line, code=code)


def _open_streams() -> None:
    """Where a stream was closed (``>&-``) its number must not go to the next file, nor its absence be our mistake."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (lives as long as we do)
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _flush() -> None:
    """Send what is left, here where it is known what to do when nobody reads it, or a full disk takes no more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _give_up(error)


def _give_up(error: OSError) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's own end would try once more
    if not isinstance(error, BrokenPipeError):
        with suppress(OSError):  # standard error may lie on the same disk
            print(f"user-miner: writing failed: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


if __name__ == "__main__":
    main()
