"""A miner on real parts: stand-ins over HTTP, a real wallet, real signatures, the real command in a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import bittensor
from bittensor_core import Keypair

from actor.compose import RunOptions
from actor.edges.threads import run_loop
from actor.machine import State
from actor.machine.history import folded
from actor.my_miner import load_signer
from actor.settings.model import load_settings
from events.journal import JournalError, JournalReader, Record, locate
from sandbox import Sandbox
from tests.patience import GIVE_UP_S, wait_for
from user_miner.commands.run import serve

__all__ = ["FAST", "PLACES", "World", "bare_env", "hours_ago", "make_wallet", "wait_for"]

# Where miners of one user find each other; tests/conftest.py gives each test places of its own.
PLACES = ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "TMPDIR")

# Waits short enough for tests; the rulings' own figures are tested in the machine.
FAST = {"POLL_INTERVAL_SECONDS": "0.05", "SUBMIT_BACKOFF_SECONDS": "0.1", "BLOCK_SECONDS": "0.001"}


def make_wallet(path: Path, uri: str = "//Alice", *, hotkey: str = "default", password: str | None = None) -> str:
    """Write a hotkey as bittensor does; returns its address."""
    keypair = Keypair.create_from_uri(uri)
    file = bittensor.Wallet("default", hotkey, str(path)).hotkey_file
    if password is None:
        file.set_keypair(keypair, encrypt=False)
    else:
        place = Path(file.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_encrypted(uri, password))
        place.chmod(0o600)
    return str(keypair.ss58_address)


@cache
def _encrypted(uri: str, password: str) -> bytes:
    """The file of an encrypted hotkey, which takes a second to make."""
    with TemporaryDirectory() as folder:
        file = bittensor.Wallet("default", "default", folder).hotkey_file
        file.set_keypair(Keypair.create_from_uri(uri), encrypt=True, password=password)
        return Path(file.path).read_bytes()


def bare_env(**more: str) -> dict[str, str]:
    """Where programs, home and other miners are, the clock of ``make test-hard``, and what is added."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_PRELOAD", *PLACES) if name in os.environ}
    return {**kept, **more}


def hours_ago(hours: float = 3.0) -> float:
    """Where X's time may begin if it is to be moved: what lies ahead of the miner's clock is not taken."""
    return time.time() - hours * 3600


class _Process(subprocess.Popen[str]):
    """A miner that does not outlive a test that failed."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a wallet and a journal, and the sandbox beside it."""

    folder: Path
    sandbox: Sandbox

    @property
    def journal(self) -> Path:
        """The journal's root."""
        return self.folder / "journal"

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a miner in this world, without anything of ours but what it needs to run."""
        return bare_env(**self.settings(**more))

    def settings(self, **more: str) -> dict[str, str]:
        """The settings of a miner in this world."""
        paths = {"WALLET_PATH": str(self.folder / "wallets"), "JOURNAL_DIR": str(self.journal)}
        return {**self.sandbox.env(), **FAST, **paths, **more}

    def mine(self, *, windows: int = 1, **env: str) -> None:
        """Work so many windows in this process, with everything else as real as in ``run``."""
        flags: dict[str, Any] = {name.lower(): value for name, value in self.settings(**env).items()}
        settings = load_settings(self.folder / "no-file", **flags)
        run_loop(serve(settings, load_signer(settings), RunOptions(windows=windows)))

    def mine_good_and_bad(self) -> None:
        """A good window, and one with a failed attempt, a rejection and a 429; the chain stands still in each."""
        self.mine()
        self.sandbox.next_window()
        self.sandbox.advance_posts(1800)
        for fault, times in (("500", 1), ("ok", 2), ("409", 1), ("429", 1)):
            self.sandbox.script("api.submit", fault, times=times)
        self.mine()

    def start(self, *flags: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """``user-miner run`` in a process of its own."""
        command = [sys.executable, "-m", "user_miner.cli", "run", *flags]
        return _Process(
            command,
            env=dict(env or self.env()),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *flags: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run to its end; returns the exit code and all that was printed."""
        with self.start(*flags, env=env) as process:
            try:
                out, errors = process.communicate(timeout=GIVE_UP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, out + errors

    def stop(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """SIGTERM, and what came of it."""
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=GIVE_UP_S)
        return process.returncode, out + errors

    def history(self) -> list[tuple[Record, State]]:
        """Every record with the state after it; empty while there is no journal."""
        try:
            return list(folded(JournalReader(locate(self.journal))))
        except JournalError:
            return []

    def names(self) -> list[str]:
        """The names of all records."""
        return [record.name for record, _ in self.history()]

    def state(self) -> State:
        """The folded state."""
        return self.history()[-1][1]
