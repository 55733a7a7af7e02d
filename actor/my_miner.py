"""``MyMiner``: the actor in a background thread of a host neuron (specification, "Integration").

The thread owns an event loop of its own, so the neuron's synapse processing is not touched. It never configures
logging: what the miner says goes to the standard library's logger "actor".
"""

from __future__ import annotations

import asyncio
import logging
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from actor.compose import (
    RunOptions,
    build_actor,
    check_environment,
    log_record,
    messenger,
    redactor,
    warn_of_environment,
)
from actor.edges.hotkey import HotkeyError, load_hotkey, signer_from_wallet
from actor.edges.threads import run_loop
from actor.feedback import FeedbackIntake, Redact, Word, score_word, validation_word
from actor.machine.state import State
from actor.metrics.serving import serving_metrics
from actor.metrics.telling import telling_alarms
from actor.ports import Signer
from actor.runtime import Actor
from actor.settings.env_file import exposed_to
from actor.settings.model import Settings, check_settings, read_sources
from actor.settings.reload import Reloader
from actor.settings.sources import Sources
from events.catalogue import SettingsChanged
from events.journal.record import Record

__all__ = ["MyMiner", "load_signer", "warn_of_remarks"]

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
        SettingsError: A setting, or a proxy of the environment, is missing or wrong; one line for each.
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
        self._env_file = Path(env_file) if settings is None else None
        if settings is None:
            sources = read_sources(Path(env_file))
            settings = check_settings(sources)
            warn_of_remarks(sources)
        check_environment(settings)
        warn_of_environment(settings)
        self._settings = settings
        self._signer = load_signer(self._settings) if wallet is None else signer_from_wallet(wallet)
        if hotkey is not None and hotkey != self._signer.ss58_address:
            raise HotkeyError(
                f"the wallet's hotkey is {self._signer.ss58_address}, expected {hotkey}: "
                "correct WALLET_NAME and WALLET_HOTKEY, or pass wallet="
            )
        self._on_record = on_record
        self._feedback = FeedbackIntake(redactor(settings))
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
            MetricsError: METRICS_PORT cannot be served.
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
            _log.error("still stopping after %.0f s: a listener or the disk blocks the miner", STOP_TIMEOUT_S)
        elif self._on_record is not log_record:  # which tells it with the last record
            _log.info("stopped; posts_processed %d", self.posts_processed)

    def reload_settings(self) -> bool:
        """Read the settings again and work by those that a running miner can take over, as SIGHUP does for ``run``.

        From any thread; the log says what came of it, and a wrong file changes nothing. LOG_LEVEL is the host's matter.

        Returns:
            Whether something changes. False too when it does not run, or was given ready settings.
        """
        with self._lock:
            loop, actor, env_file = self._loop, self._actor, self._env_file
            if loop is None or actor is None or env_file is None or not self.is_running:
                _log.warning("settings can be reloaded only while the miner runs, and only from a file")
                return False
            reloader = Reloader(self._settings, partial(read_sources, env_file))
            has_changed = reloader.reload(_InLoop(loop, actor))
            self._settings = reloader.settings
            return has_changed

    def observe_score(
        self,
        *,
        validator: str,
        start_block: int,
        end_block: int,
        score: float,
        rewards: int | None = None,
        penalties: int | None = None,
    ) -> bool:
        """Record what a validator scored this miner for a stretch of blocks. From any thread; never waits or raises.

        Args:
            validator: Its hotkey, as the host verified it.
            start_block: The first block.
            end_block: The last block, or the first one after, as the validator counts.
            score: The score.
            rewards: Rewards counted, None when it did not say.
            penalties: Penalties counted, None when it did not say.

        Returns:
            Whether it is, or will be, on record; where not, the log says why.
        """

        def word(_redact: Redact) -> Word:
            return score_word(
                validator=validator,
                start_block=start_block,
                end_block=end_block,
                score=score,
                rewards=rewards,
                penalties=penalties,
            )

        return self._observe(word)

    def observe_validation(
        self,
        *,
        validator: str,
        validation_id: str,
        post_id: str,
        passed: bool,
        code: str | None = None,
        reason: str | Mapping[str, Any] | None = None,
    ) -> bool:
        """Record how a validator judged a post. From any thread; never waits or raises.

        Args:
            validator: Its hotkey, as the host verified it.
            validation_id: Its id of the validation.
            post_id: The post.
            passed: Whether the post was confirmed.
            code: Stable word for why not.
            reason: One line for people, or the synapse's ``failure_reason``: a mapping with "code" and "message".

        Returns:
            As `observe_score` does.
        """

        def word(redact: Redact) -> Word:
            return validation_word(
                validator=validator,
                validation_id=validation_id,
                post_id=post_id,
                passed=passed,
                code=code,
                reason=reason,
                redact=redact,
            )

        return self._observe(word)

    def _observe(self, word: Callable[[Redact], Word]) -> bool:
        actor = self._actor if self.is_running else None
        return self._feedback.take(word, None if actor is None else actor.tell, None if actor is None else actor.state)

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
        with serving_metrics(self._settings) as monitor:
            self._actor = build_actor(
                self._settings, self._signer, RunOptions(), on_record=self._on_record, monitor=monitor
            )
            self._loop = asyncio.get_running_loop()
            if self._stop_asked.is_set():
                self._actor.stop(_STOP_REASON)
            with telling_alarms(self._actor, self.hotkey, messenger(self._settings)):
                await self._actor.run(on_ready=self._ready.set)


class _InLoop:
    """The actor's settings, changed from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, actor: Actor) -> None:
        self._loop = loop
        self._actor = actor

    def change_settings(self, change: SettingsChanged, *, llm_concurrency: int) -> None:
        with suppress(RuntimeError):  # the loop has just ended by itself
            self._loop.call_soon_threadsafe(
                partial(self._actor.change_settings, change, llm_concurrency=llm_concurrency)
            )


def load_signer(settings: Settings) -> Signer:
    """Open the hotkey that the settings name; HotkeyError says what to correct."""
    password = settings.hotkey_password
    return load_hotkey(
        name=settings.wallet_name,
        hotkey=settings.wallet_hotkey,
        path=settings.wallet_path,
        password=None if password is None else password.get_secret_value(),
    )


def warn_of_remarks(sources: Sources) -> None:
    """What has no effect, or another one than its writer may think, is said (ruling 15)."""
    for remark in sources.remarks:
        _log.warning("%s", remark)
    if sources.file_holds_secrets:
        _warn_of_readers(sources.env_file)


def _warn_of_readers(env_file: Path) -> None:
    with suppress(OSError):  # it was there when it was read
        found = env_file.stat()
        who = exposed_to(found.st_mode) if stat.S_ISREG(found.st_mode) else None
        if who is not None:
            _log.warning("%s can read the secrets in %s: chmod 600 %s", who, env_file, env_file)
