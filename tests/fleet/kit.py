"""A fleet on real parts: the stand-ins over HTTP, real wallets, and ``user-miner fleet`` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from actor.edges.hotkey import hotkey_address
from actor.machine import State
from actor.machine.history import folded
from events.journal import JournalError, JournalReader, Record
from tests.patience import GIVE_UP_S
from tests.world import World, bare_env, make_wallet

__all__ = ["Hotkeys", "toml", "write_fleet"]


def toml(values: Mapping[str, object]) -> str:
    """The lines of one table."""
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int | float) else f'"{value}"'


def write_fleet(world: World, *miners: Mapping[str, object], **common: object) -> Path:
    """FLEET.toml of the world: its settings for all, and a table for each of these."""
    file = world.folder / "fleet.toml"
    text = f"[common]\n{toml({**world.settings(), **common})}" + "".join(f"[[miner]]\n{toml(one)}" for one in miners)
    file.write_text(text)
    file.chmod(0o600)
    return file


def _wallet(world: World, name: str) -> str:
    """The address of a hotkey of this name, whose file is made where there is none."""
    if (world.folder / "wallets" / "default" / "hotkeys" / name).exists():
        return hotkey_address(name="default", hotkey=name, path=world.folder / "wallets")
    return make_wallet(world.folder / "wallets", f"//{name}", hotkey=name)


class Hotkeys:
    """Some hotkeys in a world, and the fleet that mines with them.

    Attributes:
        world: The stand-ins, and the folder.
        addresses: By the hotkey's name.
        file: FLEET.toml.
    """

    def __init__(self, world: World, *names: str, **common: object) -> None:
        self.world = world
        self.addresses = {name: _wallet(world, name) for name in names}
        self.file = write_fleet(world, *({"WALLET_HOTKEY": name} for name in names), **common)

    def journal(self, name: str) -> Path:
        """The folder of one's journal."""
        return self.world.journal / self.addresses[name]

    def history(self, name: str) -> list[tuple[Record, State]]:
        """Every record of one with the state after it; empty while there is no journal."""
        try:
            return list(folded(JournalReader(self.journal(name))))
        except (JournalError, FileNotFoundError):
            return []

    def names(self, name: str) -> list[str]:
        """The names of all records of one."""
        return [record.name for record, _ in self.history(name)]

    def have(self, event: str, times: int = 1) -> bool:
        """Whether each journal holds so many of these records."""
        return all(self.names(name).count(event) >= times for name in self.addresses)

    @contextmanager
    def running(self, *flags: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """``user-miner fleet`` in a process of its own, which does not outlive the test."""
        command = [sys.executable, "-m", "user_miner.cli", "fleet", str(self.file), *flags]
        with subprocess.Popen(
            command,
            env=bare_env(**env),
            cwd=self.world.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *flags: str, **env: str) -> tuple[int, str]:
        """Run to its end; the exit code and all that was printed."""
        with self.running(*flags, **env) as process:
            out, errors = process.communicate(timeout=GIVE_UP_S)
        return process.returncode, out + errors
