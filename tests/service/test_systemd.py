"""The systemd unit: checked by systemd's own tools, then run by a real systemd, hardened as it stands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from events.journal import read_journal
from events.journal.lock import is_locked
from sandbox import Sandbox, SandboxConfig
from tests.fleet.kit import toml
from tests.service.systemd import ROOT, UNIT, Systemd, program
from tests.world import World, make_wallet, wait_for

EXPOSURE: Final = 1.5  # of 10; systemd calls anything below 2 "OK"
# Waits short enough for a test; everything else is the unit's own.
SOONER: Final = "[Service]\nRestartSec=100ms\nWatchdogSec=5\n"


@pytest.fixture
def own_systemd(tmp_path: Path) -> Iterator[tuple[World, Systemd]]:
    """A systemd that knows the unit, the settings of a world, and nothing started yet."""
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=60)) as box, Systemd(tmp_path) as systemd:
        make_wallet(systemd.etc / "wallets")
        world = World(folder=tmp_path, sandbox=box)
        systemd.settings(settings(world))
        systemd.drop_in(SOONER)
        yield world, systemd


def settings(world: World, **more: str) -> dict[str, str]:
    """Those of the world, with the unit's own places."""
    return world.settings(WALLET_PATH="/etc/user-miner/wallets", JOURNAL_DIR="", **more)


TEMPLATE: Final = UNIT.with_name("user-miner@.service")


@pytest.mark.parametrize("file", [UNIT, TEMPLATE], ids=["one", "several"])
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, file: Path) -> None:
    """``systemd-analyze verify`` says nothing about it, where the program is installed."""
    unit = tmp_path / file.name.replace("@.", "@second.")
    checkout = tmp_path / "checkout"  # the checkout's own path may hold what a unit has to quote
    checkout.symlink_to(ROOT)
    unit.write_text(file.read_text("utf-8").replace("/opt/user-miner", str(checkout)), "utf-8")
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_template_is_the_unit_but_for_a_name() -> None:
    """`user-miner@NAME` reads settings of its own; nothing else may drift apart."""
    one, several = (
        [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")] for file in (UNIT, TEMPLATE)
    )
    assert [line.replace(" %i:", ":").replace("miner_env.%i", "miner_env") for line in several] == one
    assert sum("%i" in line for line in several) == 2


def test_the_unit_is_hardened() -> None:
    """Systemd's own figure for what a broken-into miner could reach; an unhardened service has 9.6."""
    command = [program("systemd-analyze"), "security", "--offline=yes", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE


def kill(systemd: Systemd, number: signal.Signals) -> None:
    """Send a signal to the miner, and wait until the next one is ready."""
    before = systemd.show("NRestarts")
    os.kill(systemd.pid(), number)
    wait_for(restarted(systemd, before), "the restart")


def restarted(systemd: Systemd, before: str) -> Callable[[], bool]:
    """Whether systemd started the miner again since, and it is ready."""
    return lambda: systemd.show("NRestarts") != before and systemd.show("SubState") == "running"


def test_it_is_ready_restarts_reloads_and_stops_under_a_real_systemd(own_systemd: tuple[World, Systemd]) -> None:
    """I3, I4, I8: ready means that the journal is taken; killed or hanging, it restarts and repeats nothing."""
    world, systemd = own_systemd
    world.sandbox.script("llm.chat", "slow", times=5, seconds=2)
    systemd.ctl("start", "user-miner")
    assert "ActorStarted" in world.names(), "``systemctl start`` returned before the journal was taken"
    wait_for(lambda: "PostsScraped" in world.names(), "the search")
    places = Path("/proc", str(systemd.pid()), "root", "run", "user-miner")  # the unit sees another /run than we
    assert [is_locked(path) for path in places.glob("*.lock")] == [True], "a shell of its user finds it there (R22)"
    kill(systemd, signal.SIGKILL)
    wait_for(lambda: "CheckpointSigned" in world.names(), "the window's end")
    wait_for(lambda: "posts_processed 5" in systemd.show("StatusText"), "the status")
    assert systemd.show("StatusText").startswith("WaitingForWindow, window 60000;")

    kill(systemd, signal.SIGSTOP)  # it hangs: no ping comes, and the watchdog ends it
    assert "Fatal Python error: Aborted" in systemd.said(), "the watchdog shows where it hung"
    assert [state.epoch for record, state in world.history() if record.name == "ActorStarted"] == [1, 2, 3]
    assert world.sandbox.ledger.x.searches == 1
    assert len(world.sandbox.ledger.api.accepted()) == 5

    systemd.settings(settings(world, SEARCH_KEYWORDS="bittensor,tao"))
    systemd.ctl("reload", "user-miner")
    wait_for(lambda: "SettingsChanged" in world.names(), "the new settings")

    systemd.ctl("stop", "user-miner")
    assert (systemd.show("ActiveState"), systemd.show("Result")) == ("inactive", "success")
    assert world.names()[-1] == "ActorStopped"


def test_a_fleet_runs_under_a_real_systemd(own_systemd: tuple[World, Systemd]) -> None:
    """With the drop-in of fleet.md the unit mines with two hotkeys: ready, counted in its status, reloaded, stopped."""
    world, systemd = own_systemd
    document = (ROOT / "docs" / "operators" / "fleet.md").read_text("utf-8")
    (drop_in,) = re.findall(r"\.conf <<'END'\n(.*?)END\n", document, re.DOTALL)
    make_wallet(systemd.etc / "wallets", "//Bob", hotkey="second")
    common = settings(world) | {"JOURNAL_DIR": "/var/lib/user-miner"}
    file = systemd.etc / "fleet.toml"
    file.write_text(f'[common]\n{toml(common)}[[miner]]\n[[miner]]\nWALLET_HOTKEY = "second"\n')
    file.chmod(0o644)
    systemd.drop_in(SOONER + drop_in.partition("[Service]\n")[2])
    systemd.ctl("daemon-reload")
    systemd.ctl("start", "user-miner", fails=True)
    assert systemd.show("ExecMainStatus") == "2"
    file.chmod(0o400)
    systemd.ctl("start", "user-miner")
    assert systemd.show("StatusText") == "2 hotkeys at work"
    journals = list(systemd.state.glob("5*"))
    assert len(journals) == 2

    def names(journal: Path) -> list[str]:
        return [record.name for record in read_journal(journal)]

    wait_for(lambda: all("CheckpointSigned" in names(journal) for journal in journals), "both windows")
    systemd.ctl("reload", "user-miner")
    wait_for(lambda: "settings reloaded: 0 hotkeys with changes" in systemd.said(), "the reload")
    systemd.ctl("stop", "user-miner")
    assert (systemd.show("ActiveState"), systemd.show("Result")) == ("inactive", "success")
    assert all(names(journal)[-1] == "ActorStopped" for journal in journals)


def test_wrong_configuration_is_not_tried_again(own_systemd: tuple[World, Systemd]) -> None:
    """Exit code 2 leaves the unit failed, with the mistake in its log and without a restart."""
    world, systemd = own_systemd
    systemd.settings(settings(world, POLL_INTERVAL_SECONDS="0"))
    systemd.ctl("start", "user-miner", fails=True)
    assert (systemd.show("ActiveState"), systemd.show("ExecMainStatus")) == ("failed", "2")
    assert systemd.show("NRestarts") == "0"
    assert "POLL_INTERVAL_SECONDS" in systemd.said()
    assert not world.names()
