"""``user-miner run``: settings, hotkey, signals, and the actor in the foreground."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actor.compose import RunOptions, build_actor
from actor.edges.hotkey import HotkeyError
from actor.edges.text import Redactor
from actor.logs import configure_logging, log_record
from actor.loops import run_loop
from actor.machine.state import State
from actor.my_miner import load_signer, warn_of_legacy
from actor.ports import Signer
from actor.runtime import IdentityError
from actor.settings import Settings, SettingsError, load_settings
from events.journal.record import Record
from events.journal.store import JournalError, JournalLockedError

__all__ = ["RunFlags", "run_miner", "serve"]

_DEFAULT_ENV_FILE: Final = Path(".miner_env")

_log = logging.getLogger("actor")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags:
    """The command line; None where a flag was not given and the settings decide."""

    env_file: Path | None
    journal_dir: Path | None
    wallet_name: str | None
    wallet_hotkey: str | None
    wallet_path: Path | None
    netuid: int | None
    dry_run: bool
    windows: int | None
    move_api: bool
    log_level: str | None
    log_json: bool


def run_miner(flags: RunFlags) -> int:
    """Run until a signal, or the given number of windows; return the exit code."""
    env_file = flags.env_file or _DEFAULT_ENV_FILE
    try:
        settings = _load(flags, env_file)
        signer = load_signer(settings)
    except SettingsError as error:
        return _refuse(error.lines)
    except HotkeyError as error:
        return _refuse([str(error)])
    configure_logging(settings.log_level, as_json=flags.log_json, redact=Redactor(settings.secrets()))
    warn_of_legacy(env_file)
    options = RunOptions(dry_run=flags.dry_run, move_api=flags.move_api, windows=flags.windows)
    try:
        run_loop(serve(settings, signer, options))
    except (IdentityError, JournalLockedError) as error:
        return _refuse([str(error)])
    except JournalError as error:
        return _refuse([str(error)], code=1)
    return 0


def _load(flags: RunFlags, env_file: Path) -> Settings:
    return load_settings(
        env_file,
        required=flags.env_file is not None,
        journal_dir=flags.journal_dir,
        wallet_name=flags.wallet_name,
        wallet_hotkey=flags.wallet_hotkey,
        wallet_path=flags.wallet_path,
        netuid=flags.netuid,
        log_level=flags.log_level,
    )


def _refuse(lines: Iterable[str], *, code: int = 2) -> int:
    for line in lines:
        print(f"user-miner: {line}", file=sys.stderr)  # noqa: T201  (the command line's own voice)
    return code


async def serve(settings: Settings, signer: Signer, options: RunOptions) -> None:
    """Work until a signal or the given number of windows, saying what each record tells."""
    watch = _WindowLimit(options.windows)

    def on_record(record: Record, state: State) -> None:
        log_record(record, state)
        if watch.is_reached(state):
            actor.stop(f"{options.windows} window(s) worked, as asked")

    actor = build_actor(settings, signer, options, on_record=on_record)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, actor.stop, signal.Signals(number).name)
    await actor.run()
    _log.info("stopped; posts_processed %d", actor.state.totals.accepted)


class _WindowLimit:
    """Tells when so many windows were worked since the start."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._base: int | None = None

    def is_reached(self, state: State) -> bool:
        if self._limit is None or not state.running:
            return False
        if self._base is None:
            # A window that was under way at the start counts as one of those asked for.
            self._base = state.totals.windows - (0 if _at_rest(state) else 1)
        return _at_rest(state) and state.totals.windows - self._base >= self._limit


def _at_rest(state: State) -> bool:
    waits_for_window = state.backoff is not None and state.backoff.kind == "window"
    return state.state == "WaitingForWindow" or waits_for_window
