"""``MyMiner``: the actor in a background thread of a host neuron (specification, "Integration").

The thread owns an event loop of its own, so the neuron's synapse processing is not touched. It never configures
logging: what the miner says goes to the standard library's logger "actor".
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from actor.compose import RunOptions, build_actor
from actor.edges.hotkey import HotkeyError, load_hotkey, signer_from_wallet
from actor.logs import log_record
from actor.loops import run_loop
from actor.machine.state import State
from actor.ports import Signer
from actor.runtime import Actor
from actor.settings import Settings, legacy_variables, load_settings
from events.journal.record import Record

__all__ = ["MyMiner", "load_signer", "warn_of_legacy"]

STOP_TIMEOUT_S: Final = 5.0
START_TIMEOUT_S: Final = 30.0

_STOP_REASON: Final = "stop() was called"

_log = logging.getLogger("actor")


class MyMiner:
    """Scrape, analyze and submit in the background.

    Args:
        hotkey: The miner's ss58 address; must be the wallet's. None takes the wallet's.
        wallet: A ``bittensor.Wallet`` whose hotkey is unlocked or unencrypted. None opens the wallet that the settings
            name (WALLET_NAME, WALLET_HOTKEY, WALLET_PATH, HOTKEY_PASSWORD).
        env_file: Where the settings are read, beside the environment.
        settings: Ready settings, instead of ``env_file``.
        on_record: Called in the miner's thread after every journal record.

    Raises:
        SettingsError: A setting is missing or wrong; one line for each.
        HotkeyError: The hotkey cannot be opened, or is another one than ``hotkey``.
    """

    def __init__(
        self,
        hotkey: str | None = None,
        wallet: Any = None,
        *,
        env_file: str | Path = ".miner_env",
        settings: Settings | None = None,
        on_record: Callable[[Record, State], None] = log_record,
    ) -> None:
        if settings is None:
            settings = load_settings(Path(env_file))
            warn_of_legacy(Path(env_file))
        self._settings = settings
        self._signer = load_signer(self._settings) if wallet is None else signer_from_wallet(wallet)
        if hotkey is not None and hotkey != self._signer.ss58_address:
            raise HotkeyError(
                f"the wallet's hotkey is {self._signer.ss58_address}, expected {hotkey}: "
                "correct WALLET_NAME and WALLET_HOTKEY, or pass wallet="
            )
        self._on_record = on_record
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._actor: Actor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop_asked = threading.Event()
        self._error: Exception | None = None

    @property
    def hotkey(self) -> str:
        """The ss58 address that signs."""
        return self._signer.ss58_address

    @property
    def is_running(self) -> bool:
        """Whether the background thread works."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def posts_processed(self) -> int:
        """Posts submitted successfully since the journal began; known once started (ruling 14)."""
        return 0 if self._actor is None else self._actor.state.totals.accepted

    @property
    def error(self) -> Exception | None:
        """What ended the thread, None while it works or after a clean stop."""
        return self._error

    def start(self) -> None:
        """Start the thread and wait until the journal is taken. Does nothing when it runs already.

        Raises:
            JournalError: The journal is held by another process, damaged, or of another identity.
            Exception: Whatever else ended the thread before it was ready.
        """
        with self._lock:
            if self.is_running:
                return
            self._ready.clear()
            self._stop_asked.clear()
            self._error = self._loop = None
            self._thread = threading.Thread(target=self._run, name="user-miner", daemon=True)
            self._thread.start()
        # Outside the lock: a listener may call stop() before the journal is taken.
        self._ready.wait(START_TIMEOUT_S)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop within 5 seconds; safe to call at any time, from any thread, and more than once."""
        with self._lock:
            thread, loop, actor = self._thread, self._loop, self._actor
            if thread is None or not thread.is_alive():
                return
            self._stop_asked.set()
            if loop is not None and actor is not None:
                with suppress(RuntimeError):  # the loop has just ended by itself
                    loop.call_soon_threadsafe(actor.stop, _STOP_REASON)
        if thread is threading.current_thread():  # called by on_record: the thread ends after it
            return
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            _log.error("still stopping after %.0f s: a listener or the disk holds the miner up", STOP_TIMEOUT_S)
        else:
            _log.info("stopped; posts_processed %d", self.posts_processed)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            run_loop(self._work())
        except Exception as error:  # noqa: BLE001  (the thread's end is reported, whatever it was)
            self._error = error
            _log.error("the miner stopped: %s", error)
        finally:
            self._ready.set()

    async def _work(self) -> None:
        self._actor = build_actor(self._settings, self._signer, RunOptions(), on_record=self._on_record)
        self._loop = asyncio.get_running_loop()
        if self._stop_asked.is_set():
            self._actor.stop(_STOP_REASON)
        await self._actor.run(on_ready=self._ready.set)


def load_signer(settings: Settings) -> Signer:
    """Open the hotkey that the settings name; HotkeyError says what to correct."""
    password = settings.hotkey_password
    return load_hotkey(
        name=settings.wallet_name,
        hotkey=settings.wallet_hotkey,
        path=settings.wallet_path,
        password=None if password is None else password.get_secret_value(),
    )


def warn_of_legacy(env_file: Path) -> None:
    """Legacy variables have no effect, and their owners should know (ruling 15)."""
    for name in legacy_variables(env_file):
        _log.warning(
            "%s has no effect: windows are counted in blocks (BLOCKS_PER_WINDOW, MAX_SUBMISSIONS_PER_WINDOW)", name
        )
