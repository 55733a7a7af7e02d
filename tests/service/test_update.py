"""An update as operating.md has it, from one version to the next: the journal goes on, whatever runs the miner."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.catalogue import ActorStarted
from events.journal import read_journal
from tests.cli.kit import only_journal
from tests.patience import GIVE_UP_S
from tests.service.pm2 import Pm2
from tests.service.systemd import Systemd
from tests.service.versions import Versions, documented
from tests.world import World, make_wallet, wait_for

NEW = "7.6.5"


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """The first one is in the repository."""
    found = Versions(tmp_path / "versions")
    found.create()
    return found


def builds(world: World) -> list[str]:
    """The versions that started, in order."""
    events = [record.event() for record, _ in world.history()]
    return [event.build for event in events if isinstance(event, ActorStarted)]


def another_window(world: World) -> None:
    """Five more posts, once this window is worked."""
    world.sandbox.advance_posts(1800)
    world.sandbox.next_window()


def went_on(world: World) -> bool:
    """Whether both versions worked a window each, in one journal, without doing anything twice."""
    only_journal(world)
    names = world.names()
    assert (names.count("JournalCreated"), names.count("CheckpointSigned")) == (1, 2)
    assert world.sandbox.ledger.x.searches == 2
    return builds(world)[-1] == NEW and NEW not in builds(world)[:-1]


def settings(world: World, **more: str) -> str:
    """A settings file."""
    return "".join(f"{name}={value}\n" for name, value in world.settings(**more).items())


def test_an_update_under_pm2(world: World, versions: Versions) -> None:
    """Installed, updated and rolled on by the documents' own lines; the old folder may go, for nothing is in it."""
    opt, home = world.folder / "opt", world.folder / ".user-miner"
    opt.mkdir()
    home.mkdir(mode=0o700)
    (home / ".miner_env").write_text(settings(world, JOURNAL_DIR=""), "utf-8")

    def run(script: str) -> None:
        lines = script.replace("/opt/", f"{opt}/").replace(" && pm2 startup", "")
        lines = lines.replace("REPOSITORY", str(versions.repository)).replace("/var/lib/user-miner", f"{home}/journal")
        path = os.pathsep.join([str(versions.programs), str(Path(pm2.program).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-ec", lines],
            cwd=world.folder,
            env=pm2.env() | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=GIVE_UP_S,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"

    with Pm2(world.folder) as pm2:
        run(documented("git clone REPOSITORY /opt/user-miner-1"))
        run(documented("mkdir -p -m 0700 ~/.user-miner && cd"))
        mined = World(folder=home, sandbox=world.sandbox)
        wait_for(lambda: "CheckpointSigned" in mined.names(), "the first version's window")
        versions.release(NEW)
        run(documented("git clone REPOSITORY /opt/user-miner-2"))
        another_window(world)
        run(documented("pm2 delete user-miner"))
        shutil.rmtree(opt / "user-miner-1")
        wait_for(lambda: mined.names().count("CheckpointSigned") == 2, "the next version's window")
        wait_for(lambda: builds(mined)[-1] == NEW, "the next version")
    assert went_on(mined)


@pytest.fixture
def systemd(world: World) -> Iterator[Systemd]:
    """A machine with a wallet and settings for two hotkeys, and nothing installed."""
    with Systemd(world.folder) as found:
        make_wallet(found.etc / "wallets")
        make_wallet(found.etc / "wallets", "//Bob", hotkey="second")
        yield found


def unit_settings(world: World, systemd: Systemd, **more: str) -> None:
    """Those of the world, with the unit's own places."""
    own = {"WALLET_PATH": "/etc/user-miner/wallets", "JOURNAL_DIR": ""}
    systemd.settings(world.settings(**own, **more), "miner_env.second" if more else "miner_env")


def test_an_update_under_systemd(world: World, versions: Versions, systemd: Systemd) -> None:
    """Likewise by a real systemd, where the program's folder and the journal's are those of the unit."""
    unit_settings(world, systemd)

    def run(script: str) -> None:
        lines = script.replace("REPOSITORY", str(versions.repository))
        lines = lines.replace("/etc/systemd/system/", f"{world.folder}/units/")
        systemd.sh(lines, PATH=os.pathsep.join([str(versions.programs), os.environ["PATH"]]))

    run(documented("git clone REPOSITORY /opt/user-miner-1"))
    systemd.ctl("start", "user-miner")
    wait_for(lambda: "CheckpointSigned" in world.names(), "the first version's window")
    versions.release(NEW)
    run(documented("git clone REPOSITORY /opt/user-miner-2"))
    another_window(world)
    run(documented("systemctl stop user-miner"))
    run("rm -r /opt/user-miner-1")
    wait_for(lambda: world.names().count("CheckpointSigned") == 2, "the next version's window")
    systemd.ctl("stop", "user-miner")
    assert went_on(world)


def test_two_hotkeys_are_two_units(world: World, systemd: Systemd) -> None:
    """The second one is made of the template as documented, and both mine below one folder, each for itself."""
    unit_settings(world, systemd)
    unit_settings(world, systemd, WALLET_HOTKEY="second")
    systemd.ctl("start", "user-miner")
    script = documented("install -m 0644 /opt/user-miner/docs/operators/service/user-miner@.service")
    # Enabled would mean started with this machine.
    systemd.sh(script.replace("/etc/systemd/system/", f"{world.folder}/units/").replace("enable --now", "start"))
    wait_for(lambda: mined(world.journal) == 2, "both windows")
    for name in ("user-miner", "user-miner@second"):
        assert systemd.show("StatusText", of=name).startswith("WaitingForWindow, window 60000;")
    assert world.sandbox.ledger.x.searches == 2


def mined(journals: Path) -> int:
    """How many journals in there have worked a window."""
    found = [read_journal(path.parent) for path in journals.glob("*/HEAD")]
    return sum("CheckpointSigned" in [record.name for record in records] for records in found)
