"""``user-miner fleet``: many hotkeys in one process, each with its own settings and its own journal."""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from actor.compose import RunOptions, check_environment, warn_of_environment
from actor.edges.hotkey import HotkeyError
from actor.edges.threads import run_loop
from actor.metrics.serving import MetricsError, serving_fleet
from actor.my_miner import load_signer
from actor.settings.fleet_file import Member, read_fleet
from actor.settings.model import SettingsError
from user_miner.commands.run import check_log, refuse
from user_miner.commands.signals import Signals
from user_miner.fleet.fleet import Fleet, Redaction
from user_miner.logs import configure_logging, finish_log
from user_miner.options import DebugOption
from user_miner.place import check_place, warn_of_place
from user_miner.terminal import fail

__all__ = ["check_fleet", "fleet", "run_fleet"]


def fleet(
    file: Annotated[Path, typer.Argument(metavar="FLEET.toml", help="The hotkeys and their settings.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the file, and open each hotkey; nothing is started.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but submit, with separate journals.")
    ] = False,
    windows: Annotated[int | None, typer.Option(min=1, help="Stop each hotkey after this many windows.")] = None,
    debug: DebugOption = False,
    as_json: Annotated[bool, typer.Option("--logging.json", help="Log JSON lines.")] = False,
) -> None:
    """Run many hotkeys in one process until Ctrl-C or SIGTERM."""
    read = partial(_read, file, log_level="debug" if debug else None)
    if check:
        raise typer.Exit(check_fleet(read))
    options = RunOptions(dry_run=dry_run, windows=windows)
    raise typer.Exit(run_fleet(read, partial(_read_again, file, read), options, log_json=as_json))


# A journal holds six files and folders open; the rest is for connections, of which each search has one.
_FILES_EACH: Final = 6
_FILES_BESIDE: Final = 512

_log = logging.getLogger("actor")


def check_fleet(read: Callable[[], Sequence[Member]]) -> int:
    """Print whose journals they are; 2 where the file or a hotkey cannot be used."""
    try:
        members = read()
    except SettingsError as error:
        return max(fail(line, code=2) for line in error.lines)
    code = 0
    for member in members:
        settings = member.settings
        name = f"{settings.wallet_name}/{settings.wallet_hotkey}"
        try:
            print(f"{member.table}  {load_signer(settings).ss58_address}  {name}  in {settings.journal_dir}")  # noqa: T201
        except HotkeyError as error:
            code = fail(f"{member.table} ({name}): {error}", code=2)
    for remark in dict.fromkeys(remark for member in members for remark in member.remarks):
        fail(f"warning: {remark}", code=0)
    return code


def run_fleet(
    read: Callable[[], Sequence[Member]],
    read_again: Callable[[], Sequence[Member]],
    options: RunOptions,
    *,
    log_json: bool,
) -> int:
    """Run until a signal, or until all hotkeys have stopped; return the exit code."""
    signals = Signals(bounded=True)
    try:
        members = read()
        common = members[0].settings
        check_log(common.log_file)
    except SettingsError as error:
        return refuse(error.lines)
    redaction = Redaction(members)
    if common.log_file is not None:
        print(f"the log goes to {common.log_file.absolute()}", file=sys.stderr)  # noqa: T201
    configure_logging(common.log_level, as_json=log_json, redact=redaction, file=common.log_file)
    for remark in dict.fromkeys(remark for member in members for remark in member.remarks):
        _log.warning("%s", remark)
    warn_of_environment(common)
    for root in dict.fromkeys(member.settings.journal_dir for member in members):
        warn_of_place(root)
    _allow_files(_FILES_EACH * len(members) + _FILES_BESIDE)
    try:
        with serving_fleet(common) as monitor:
            hotkeys = Fleet(members, options, read=read_again, monitor=monitor, redaction=redaction)
            return run_loop(_serve(hotkeys, signals))
    except MetricsError as error:
        return refuse([str(error)])
    finally:
        signals.ignore()  # nothing is left to stop, and the exit code is settled
        finish_log()


async def _serve(hotkeys: Fleet, signals: Signals) -> int:
    signals.attach(hotkeys.stop, hotkeys.reload)
    return await hotkeys.run()


def _read(file: Path, *, log_level: str | None) -> tuple[Member, ...]:
    """The members, where what they name in this machine can be used, too.

    Raises:
        SettingsError: Something is wrong; a line for each mistake.
    """
    members = read_fleet(file, log_level=log_level)
    lines: dict[str, None] = {}
    checked: set[object] = set()
    for member in members:
        settings = member.settings
        checks: dict[object, Callable[[], None]] = {
            (settings.notify_url, settings.x_api_base, settings.llm_base, settings.miner_api_url): partial(
                check_environment, settings
            )
        }
        if settings.journal_url is None:
            checks[settings.journal_dir] = partial(check_place, settings.journal_dir)
        for key in checks.keys() - checked:
            checked.add(key)
            try:
                checks[key]()
            except SettingsError as error:
                lines |= dict.fromkeys(error.lines)
    if lines:
        raise SettingsError(list(lines))
    return members


def _read_again(file: Path, read: Callable[[], Sequence[Member]]) -> Sequence[Member]:
    """The members later, when waiting for a pipe's writer would hold up the miners."""
    if file.is_fifo():
        raise SettingsError([f"{file} is a pipe and can be read only once"])
    return read()


def _allow_files(needed: int) -> None:
    """As many open files as the system lets this user have; too few are said, for then journals cannot be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft != resource.RLIM_INFINITY and soft < needed:
        _log.warning("%d open files are allowed, so many hotkeys need about %d: raise it (ulimit -n)", soft, needed)
