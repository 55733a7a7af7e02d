"""``user-miner inspect``: a page on this machine that shows journals and follows them. Reads only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from audit.errors import UsageError
from audit.inspect.journal import JournalSource
from events.journal import locate
from events.money import Money
from user_miner.indexed import NoIndexOption
from user_miner.inspect.aside import Aside
from user_miner.journals import WhoseOption, chosen
from user_miner.options import EnvFileOption, own_money
from user_miner.terminal import fail, in_one_line, note

__all__ = ["inspect", "run_inspect"]

_TOKEN_BYTES: Final = 18
_SHORTEST: Final = 16


def inspect(
    journals: Annotated[
        list[Path] | None,
        typer.Argument(help="Journals, or folders that hold exactly one [default: JOURNAL_DIR]"),
    ] = None,
    *,
    hotkey: WhoseOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any free one.")] = 0,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the address's secret part here, so that a restart keeps it."),
    ] = None,
    no_index: NoIndexOption = False,
    env_file: EnvFileOption = None,
) -> None:
    """Show what the miner did on a page. It follows the journal while the miner runs."""
    named = journals or [chosen(None, env_file, hotkey)]
    money = own_money(env_file)
    raise typer.Exit(run_inspect(named, port=port, token_file=token_file, money=money, no_index=no_index))


@in_one_line
def run_inspect(
    journals: Sequence[Path], *, port: int, token_file: Path | None, money: Money, no_index: bool = False
) -> int:
    """Serve until Ctrl-C or SIGTERM; 2 on wrong use.

    Args:
        journals: Their directories, or folders that hold exactly one.
        port: On 127.0.0.1; 0 for any free one.
        token_file: Where the token is kept; None for a new one.
        money: What units cost.
        no_index: Read the whole journals, and neither use nor make their indexes.
    """
    try:
        from user_miner.inspect.server import serve  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        from actor.settings.extras import install_hint  # noqa: PLC0415  (only for a refusal)

        return fail(f"inspect needs {error.name}, which is not installed: {install_hint('inspect')}", code=2)
    found = [locate(journal) for journal in journals]
    judge = Aside(note)
    sources = [JournalSource(journal, money, judge=judge, use_index=not no_index, on_note=note) for journal in found]
    token = secrets.token_urlsafe(_TOKEN_BYTES) if token_file is None else _kept(token_file)
    try:
        serve(sources, port=port, token=token, ready=lambda url: print(url, flush=True))  # noqa: T201
    except OSError as error:
        return fail(f"--port {port}: {error.strerror or error}; choose another, or 0 for any free one", code=2)
    finally:
        judge.close()
    return 0


def _kept(path: Path) -> str:
    """The token in a file that only its owner reads, made when there is none."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n")
    except FileExistsError:
        pass
    token = path.read_text("utf-8").strip()
    if len(token) < _SHORTEST or not token.replace("-", "").replace("_", "").isalnum() or not token.isascii():
        raise UsageError(
            f"--token-file {path}: expected at least {_SHORTEST} letters and digits, found something else; "
            "name a file that does not exist, and it is made"
        )
    return token
