"""The pm2 ecosystem file, run by a real pm2."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from events.journal import JournalError, locate, read_journal
from tests.cli.kit import only_journal
from tests.fleet.kit import write_fleet
from tests.ports import free_port
from tests.service.pm2 import Pm2, pm2_program
from tests.world import World, make_wallet, wait_for

LONGER_THAN_A_RESTART_S = 1.3


def test_it_runs_restarts_and_stops_under_a_real_pm2(world: World) -> None:
    """I3, I4, I8: exit code 2 is final; killed, it starts again and repeats nothing; stopped, it says goodbye."""
    world.sandbox.script("llm.chat", "slow", times=5, seconds=2)
    write_settings(world, POLL_INTERVAL_SECONDS="0")
    with Pm2(world.folder) as pm2:
        pm2.start()
        wait_for(lambda: "user-miner: POLL_INTERVAL_SECONDS" in pm2.collected(), "the refusal")
        refused = [2, 0, "waiting restart"]  # in its words, as documented
        wait_for(lambda: pm2.shows("exit_code", "restart_time", "status") == refused, "what it makes of that")
        time.sleep(LONGER_THAN_A_RESTART_S)
        assert pm2.shows("exit_code", "restart_time", "status") == refused
        assert not world.names()

        write_settings(world)
        pm2("restart", "user-miner")
        wait_for(lambda: "PostsScraped" in world.names(), "the search")
        os.kill(pm2.shows("pid")[0], signal.SIGKILL)
        wait_for(lambda: "CheckpointSigned" in world.names(), "the window's end")
        assert world.names().count("ActorStarted") == 2
        pm2("stop", "user-miner")
        assert pm2.shows("status") == ["stopped"]
        collected = [line for line in pm2.collected().splitlines() if not line.startswith("the log goes to ")]
        assert len(collected) == 1, "the log is in its own file, which is bounded"
    assert "stopped: SIGINT" in (world.folder / ".user-miner" / "user-miner.log").read_text("utf-8")
    assert world.names()[-1] == "ActorStopped"
    only_journal(world)
    assert world.sandbox.ledger.x.searches == 1
    assert len(world.sandbox.ledger.api.accepted()) == 5


def write_settings(world: World, home: str = ".user-miner", **more: str) -> None:
    """Into the file that the program reads in its working directory."""
    (world.folder / home).mkdir(exist_ok=True)
    lines = [f"{name}={value}\n" for name, value in world.settings(**more).items()]
    (world.folder / home / ".miner_env").write_text("".join(lines), "utf-8")


def test_two_hotkeys_are_two_processes_of_two_folders(world: World) -> None:
    """Each mines its window with a journal of its own in its folder, and can be watched at its port."""
    make_wallet(world.folder / "wallets", "//Bob", hotkey="second")
    ports = {".user-miner": str(free_port()), ".user-miner-second": str(free_port())}
    write_settings(world, ".user-miner", JOURNAL_DIR="", METRICS_PORT=ports[".user-miner"])
    own = {"WALLET_HOTKEY": "second", "METRICS_PORT": ports[".user-miner-second"]}
    write_settings(world, ".user-miner-second", JOURNAL_DIR="", **own)
    with Pm2(world.folder) as pm2:
        pm2.start()
        pm2.start(MINER_HOME=str(world.folder / ".user-miner-second"))
        for home, port in ports.items():
            wait_for(lambda home=home: mined(world.folder / home / "journal"), "the window's end")  # type: ignore[misc]
            assert pm2.shows("status", of=home.removeprefix(".")) == ["online"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                assert answer.status == 200
    assert world.sandbox.ledger.x.searches == 2


def test_a_fleet_is_one_process_of_one_folder(world: World) -> None:
    """A fleet.toml in there is what runs."""
    make_wallet(world.folder / "wallets", "//Bob", hotkey="second")
    file = write_fleet(world, {}, {"WALLET_HOTKEY": "second"})
    (world.folder / ".user-miner").mkdir()
    file.rename(world.folder / ".user-miner" / file.name)
    with Pm2(world.folder) as pm2:
        pm2.start()
        wait_for(lambda: len(list(world.journal.glob("5*/HEAD"))) == 2, "both journals")
        for journal in world.journal.iterdir():
            wait_for(lambda journal=journal: mined(journal), "its window's end")  # type: ignore[misc]
        assert pm2.shows("status") == ["online"]
        pm2("stop", "user-miner")
    assert [[record.name for record in read_journal(journal)][-1] for journal in world.journal.iterdir()] == [
        "ActorStopped",
        "ActorStopped",
    ]


def mined(journals: Path) -> bool:
    """Whether the one journal in there has worked a window."""
    try:
        return "CheckpointSigned" in [record.name for record in read_journal(locate(journals))]
    except JournalError:
        return False


def test_a_machine_without_pm2_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tests fail there and say how to go on; they are not passed over."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"npm install --prefix \.venv/pm2 pm2"):
        pm2_program(tmp_path / "none")
