"""``user-miner run``: settings, hotkey, signals, and the actor in the foreground."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from actor.compose import (
    RunOptions,
    build_actor,
    check_environment,
    journal_path,
    log_record,
    messenger,
    redactor,
    warn_of_environment,
)
from actor.edges.hotkey import HotkeyError, is_signed_by
from actor.edges.threads import run_loop
from actor.machine import State, at_rest
from actor.metrics.serving import MetricsError, serving_metrics
from actor.metrics.telling import telling_alarms
from actor.my_miner import warn_of_remarks
from actor.ports import Signer
from actor.runtime import Actor, IdentityError, UnreadableJournalError
from actor.settings.model import Settings, SettingsError, check_settings, read_sources
from actor.settings.reload import Reloader
from actor.settings.sources import Sources
from audit.vouch import KeptError, is_signed, read_kept
from events.journal import JournalReader
from events.journal.owner import other_journal
from events.journal.record import Head, Record
from events.journal.store import JournalError, JournalLockedError
from user_miner.commands.notify import Notifier, keep_alive
from user_miner.commands.signals import Signals
from user_miner.log_file import check_log_file
from user_miner.logs import configure_logging, finish_log, set_log_level
from user_miner.options import (
    DebugOption,
    EnvFileOption,
    HotkeyOption,
    JournalsOption,
    NetuidOption,
    WalletOption,
    WalletsOption,
)
from user_miner.place import check_begun, check_place, warn_of_place
from user_miner.preflight import begin_preflight
from user_miner.terminal import fail
from user_miner.unlocking import unlocked

__all__ = ["WindowLimit", "check_log", "refuse", "run", "run_miner", "serve"]


def run(
    *,
    env_file: EnvFileOption = None,
    journal: JournalsOption = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: NetuidOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but submit, with a separate journal.")
    ] = False,
    windows: Annotated[int | None, typer.Option(min=1, help="Stop after this many windows.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint saved elsewhere; refuse a journal that was rolled back since.")
    ] = None,
    require_journal: Annotated[
        bool, typer.Option("--require-journal", help="Refuse to start without an existing journal.")
    ] = False,
    move_api: Annotated[
        bool, typer.Option("--move-api", help="Move a journal to a new API URL, and record that.")
    ] = False,
    preflight: Annotated[
        bool, typer.Option("--preflight/--no-preflight", help="Say once, beside the first work, what will fail.")
    ] = True,
    debug: DebugOption = False,
    as_json: Annotated[bool, typer.Option("--logging.json", help="Log JSON lines.")] = False,
) -> None:
    """Run the miner in the foreground until Ctrl-C or SIGTERM."""
    file = env_file or _DEFAULT_ENV_FILE
    read = partial(
        read_sources,
        file,
        required=env_file is not None,
        journal_dir=journal,
        wallet_name=wallet_name,
        wallet_hotkey=wallet_hotkey,
        wallet_path=wallet_path,
        netuid=netuid,
        log_level="debug" if debug else None,
    )
    options = RunOptions(dry_run=dry_run, move_api=move_api, windows=windows)
    raise typer.Exit(
        run_miner(
            file,
            read,
            options,
            checkpoint=checkpoint,
            require_journal=require_journal,
            preflight=preflight,
            log_json=as_json,
        )
    )


_DEFAULT_ENV_FILE: Final = Path(".miner_env")

# Where nobody reads standard error, the end comes without its last words.
_PATIENCE_S: Final = 0.5

_log = logging.getLogger("actor")


def run_miner(
    env_file: Path,
    read: Callable[..., Sources],
    options: RunOptions,
    *,
    checkpoint: Path | None,
    require_journal: bool,
    preflight: bool,
    log_json: bool,
) -> int:
    """Run until a signal, or the given number of windows; return the exit code. ``read`` reads the settings."""
    signals = Signals()
    try:
        sources = read()
        settings = check_settings(sources)
        check_environment(settings)
        signer, password = unlocked(settings)
        settings = settings if password is None else settings.model_copy(update={"hotkey_password": password})
        journal = _place(settings, signer.ss58_address, options, checkpoint, require_journal=require_journal)
        check_log(settings.log_file)
    except SettingsError as error:
        return refuse([*error.lines, *error.remarks])
    except HotkeyError as error:
        return refuse([str(error)])
    redact = redactor(settings)
    if settings.log_file is not None:
        print(f"the log goes to {settings.log_file.absolute()}", file=sys.stderr)  # noqa: T201
    configure_logging(settings.log_level, as_json=log_json, redact=redact, file=settings.log_file)
    warn_of_remarks(sources)
    warn_of_environment(settings)
    if checkpoint is not None and (code := _check_kept(checkpoint, journal, signer.ss58_address)):
        return code
    if settings.journal_url is None:
        _log.info("journal %s", journal.absolute())  # a relative JOURNAL_DIR depends on where the command was started
        warn_of_place(journal)
    ended = threading.Event()
    try:
        read_again = partial(_read_again, env_file, read, password)
        reloader = Reloader(settings, read_again, set_log_level=set_log_level)
        looking = partial(begin_preflight, settings, sources, signer.ss58_address, redact, ended=ended)

        def on_start(actor: Actor, stop: Callable[[str], None]) -> None:
            signals.attach(stop, partial(reloader.reload, actor))

        run_loop(serve(settings, signer, options, on_start=on_start, on_polled=looking if preflight else None))
    except (IdentityError, JournalLockedError, MetricsError, UnreadableJournalError) as error:
        return refuse([str(error)])
    except JournalError as error:
        return refuse([str(error)], code=1)
    finally:
        signals.ignore()  # nothing is left to stop, and the exit code is settled
        ended.set()
        finish_log()
    return 0


def _check_kept(file: Path, journal: Path, hotkey: str) -> int:
    """Refuse a journal without the record that this hotkey once signed for; 0 when it is there."""
    try:
        kept = read_kept(file)
        if not is_signed(kept, hotkey, is_signed_by):
            return refuse([f"--checkpoint: {file} is not signed by {hotkey}, so it proves nothing"])
        first = next(iter(JournalReader(journal)), None)
        if first is not None and kept.journal not in {None, first.hash}:
            return refuse([f"--checkpoint: {file} is of another journal of {hotkey}: keep one of {journal}"], code=1)
        next(iter(JournalReader(journal, after=Head(seq=kept.seq, hash=kept.head))), None)
    except KeptError as error:
        return refuse([f"--checkpoint: {error}"])
    except (JournalError, FileNotFoundError) as error:
        why = "rolled back or rewritten"
        if kept.journal is None:
            why += ", or the checkpoint, which names no journal, is of another one"
        line = f"{journal} does not hold record {kept.seq}, for which {hotkey} signed: {why}: {error}"
        return refuse([line], code=1)
    return 0


def _place(
    settings: Settings, hotkey: str, options: RunOptions, checkpoint: Path | None, *, require_journal: bool
) -> Path:
    """Where the journal is; of one in a database a copy, where somebody wants to look at it.

    Raises:
        SettingsError: It cannot be there, or is required and is not.
    """
    journal = journal_path(settings.journal_dir, hotkey, dry_run=options.dry_run)
    if settings.journal_url is None:
        check_place(journal)
        if require_journal:
            check_begun(journal, other_journal(hotkey, settings.miner_api_url, journal))
        return journal
    if not require_journal and checkpoint is None:
        return journal
    from events.journal.postgres.address import Address  # noqa: PLC0415  (hardly anybody has one)
    from events.journal.postgres.mirror import Mirror  # noqa: PLC0415  (as above)

    mirror = Mirror(Address.parse(settings.journal_url.get_secret_value()).named(journal.name))
    try:
        mirror.refresh()
    except JournalError as error:
        if require_journal:
            line = f"--require-journal: there is no journal of {journal.name}: {error}"
            raise SettingsError([f"{line}; start once without --require-journal to begin one"]) from error
        return journal
    return mirror.directory


def _read_again(env_file: Path, read: Callable[..., Sources], password: SecretStr | None) -> Sources:
    """The settings later, when waiting for a pipe's writer would hold up the miner, and nobody is asked again."""
    if env_file.is_fifo():
        raise SettingsError([f"{env_file} is a pipe and can be read only once"])
    return read(hotkey_password=password)


def check_log(file: Path | None) -> None:
    """A log that cannot be written is a mistake at the start; later it is the disk's, and stops nothing.

    Raises:
        SettingsError: It cannot be.
    """
    if file is not None and (why := check_log_file(file)) is not None:
        raise SettingsError([f"LOG_FILE: {file}: {why}: name a file in a folder where this user can write"])


def refuse(lines: Iterable[str], *, code: int = 2) -> int:
    """Say why it does not run, behind all that the log still has to say; returns the exit code."""
    finish_log()  # of which this is the end
    for line in lines:
        fail(line, code=code, within_s=_PATIENCE_S)
    return code


async def serve(
    settings: Settings,
    signer: Signer,
    options: RunOptions,
    *,
    on_start: Callable[[Actor, Callable[[str], None]], None] = lambda _actor, _stop: None,
    on_polled: Callable[[], None] | None = None,
) -> None:
    """Work until stopped or for the given number of windows, saying what each record tells.

    ``on_start`` gets the actor, and the function that stops it; ``on_polled`` is called behind the first poll.
    """
    watch = WindowLimit(options.windows)
    notifier = Notifier()

    def on_record(record: Record, state: State) -> None:
        log_record(record, state)
        notifier.follow(state)
        if watch.is_reached(state):
            stop(f"{options.windows} window(s) worked, as asked")

    def stop(reason: str) -> None:
        notifier.stopping(reason)
        actor.stop(reason)

    with serving_metrics(settings) as monitor:
        actor = build_actor(settings, signer, options, on_record=on_record, monitor=monitor, on_polled=on_polled)
        on_start(actor, stop)
        pings = asyncio.create_task(keep_alive(notifier, actor.tell))
        try:
            with telling_alarms(actor, signer.ss58_address, messenger(settings)):
                await actor.run(on_ready=notifier.ready, on_wait=notifier.waiting)
        finally:
            pings.cancel()


class WindowLimit:
    """Tells when so many windows were worked since the start."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._base: int | None = None

    def is_reached(self, state: State) -> bool:
        if self._limit is None or not state.running:
            return False
        if self._base is None:
            # A window that was under way at the start counts as one of those asked for.
            self._base = state.totals.windows - (0 if at_rest(state) else 1)
        return at_rest(state) and state.totals.windows - self._base >= self._limit
