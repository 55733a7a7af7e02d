"""One `run` for each hotkey and API on a machine (ruling 22), and none on a journal that is not its own any more."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Mapping

import pytest

from audit.status.holder import find_holder, find_process
from events.catalogue import ActorStarted
from events.journal import verify_journal
from sandbox import Sandbox, SandboxConfig
from tests.cli.kit import Command, is_one_line, only_journal, running
from tests.kit import HOTKEY
from tests.users import unshared
from tests.world import PLACES, World, make_wallet, wait_for


def own_places(world: World, name: str) -> dict[str, str]:
    """Places that a container, a service or another user has to itself."""
    folders = {variable: world.folder / f"{name}-{variable.lower()}" for variable in PLACES}
    for folder in folders.values():
        folder.mkdir()
    return {variable: str(folder) for variable, folder in folders.items()}


def at_rest(world: World) -> None:
    """Wait until the window's five posts are on record, and nothing is left to be written."""
    wait_for(lambda: world.names()[-1:] == ["CheckpointSigned"], "the window to be worked")


def another_window(world: World) -> None:
    """Five more posts in a new window."""
    world.sandbox.advance_posts(1800)
    for number in range(5):
        world.sandbox.add_post(f"Bittensor SN45 goes on, part {number}")
    world.sandbox.next_window()


def refused(world: World, env: Mapping[str, str], *words: str) -> bool:
    """Whether a run ends with code 2 and one line of these words."""
    code, output = world.run(env=env)
    assert code == 2, output
    return is_one_line(output.splitlines()[-1], *words) and "Traceback" not in output


@pytest.mark.parametrize("address", ["{}/", "{}", "http://LOCALHOST:{port}", "http://[::1]:{port}/"])
def test_a_second_run_in_another_folder_is_refused(here: World, address: str) -> None:
    """It names the first one's process and journal, makes no folder and asks nobody, however the API is written."""
    base = here.sandbox.api_base
    url = address.format(base, port=base.rpartition(":")[2])
    with running(here) as first:
        at_rest(here)
        asked = len(here.sandbox.ledger.api.exchanges())
        other = here.folder / "other"
        env = here.env(JOURNAL_DIR=str(other), MINER_API_URL=url)
        assert refused(
            here, env, f"hotkey {HOTKEY}", f"process {first.pid} on host", f"journal {here.journal / HOTKEY};"
        )
        assert not other.exists()
        assert len(here.sandbox.ledger.x.exchanges("x.search")) == 1
        code, output = here.stop(first)
    assert code == 0, output
    assert len(here.sandbox.ledger.api.exchanges()) >= asked
    assert find_process(None, hotkey=HOTKEY, api_url=base).elsewhere is None


def test_a_killed_owner_owns_nothing(here: World, command: Command) -> None:
    """The next run starts at once, in whatever folder."""
    with running(here) as first:
        at_rest(here)
        first.kill()
        first.wait()
    another_window(here)
    code, _, errors = command("run", "--windows", "1", "--journal", str(here.folder / "other"))
    assert code == 0, errors


def test_two_hotkeys_and_two_apis_run_beside_each_other(here: World) -> None:
    """Neither is the other's matter."""
    make_wallet(here.folder / "wallets", "//Bob", hotkey="bob")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=5)) as box:
        elsewhere = World(folder=here.folder, sandbox=box)
        environments = [
            here.env(),
            here.env(WALLET_HOTKEY="bob"),
            elsewhere.env(JOURNAL_DIR=str(here.folder / "other")),
        ]
        with (
            running(here, env=environments[0]) as one,
            running(here, env=environments[1]) as two,
            running(here, env=environments[2]) as three,
        ):
            wait_for(here.sandbox.ledger.api.accepted, "the first two at work")
            wait_for(lambda: len(list(here.journal.glob("*/HEAD"))) == 2, "both journals")
            wait_for(box.ledger.api.accepted, "the third one at work")
            for process in (one, two, three):
                code, output = here.stop(process)
                assert code == 0, output


def test_a_dry_run_neither_owns_nor_is_refused(here: World, command: Command) -> None:
    """It sends nothing."""
    with running(here, "--dry-run") as dry:
        wait_for(lambda: "ActorStarted" in here.names(), "the dry run at work")
        code, _, errors = command("run", "--windows", "1", "--journal", str(here.folder / "other"))
        assert code == 0, errors
        code, output = here.stop(dry)
    assert code == 0, output


def test_a_run_whose_folder_is_replaced_stops_before_it_spends_anything(here: World) -> None:
    """One line and code 1; the folder that took its place and holds another miner's journal gets nothing of it."""
    journal = here.journal / HOTKEY
    away = here.folder / "elsewhere"
    with running(here) as first:
        at_rest(here)
        first.send_signal(signal.SIGSTOP)  # which would notice at its next poll
        journal.rename(away)
        journal.mkdir()
        kept = {path: path.read_bytes() for path in away.rglob("*") if path.is_file()}
        assert refused(here, here.env(), f"process {first.pid} on host")
        assert not list(journal.iterdir())
        with running(here, env=here.env(**own_places(here, "other"))) as second:  # as in a container of its own
            wait_for(lambda: "ActorStarted" in here.names(), "the second one at work")
            another_window(here)
            first.send_signal(signal.SIGCONT)
            _, errors = first.communicate(timeout=60)
            assert first.returncode == 1
            assert is_one_line(errors.splitlines()[-1], str(journal), "was moved, replaced or removed", "start again")
            assert "Traceback" not in errors
            at_rest(here)
            code, output = here.stop(second)
    assert code == 0, output
    assert {path: path.read_bytes() for path in kept} == kept
    assert only_journal(here) == journal
    events = [record.event() for record, _ in here.history()]
    assert [event.pid for event in events if isinstance(event, ActorStarted)] == [second.pid]
    assert verify_journal(away).ok
    assert here.sandbox.ledger.x.searches <= 3


def test_a_run_whose_folder_is_removed_stops(here: World) -> None:
    """`rm -rf` by mistake: one line, and nothing is made anew in its place."""
    with running(here) as first:
        at_rest(here)
        shutil.rmtree(here.journal)
        another_window(here)
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert is_one_line(errors.splitlines()[-1], "was moved, replaced or removed", "nothing is there now")
    assert not here.journal.exists()
    assert here.sandbox.ledger.x.searches == 1


def test_an_idle_run_notices_without_a_window(here: World) -> None:
    """Between two windows, with its next poll, whether the folder went away or another one took its place."""
    with running(here) as first:
        at_rest(here)
        (here.journal / HOTKEY).rename(here.folder / "elsewhere")
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert is_one_line(errors.splitlines()[-1], "was moved, replaced or removed", "nothing is there now")
    assert here.sandbox.ledger.x.searches == 1


def test_what_was_sent_before_the_move_stays_on_record(here: World, command: Command) -> None:
    """Put back, the journal goes on where it was: nothing is searched again, what is sent again is a duplicate."""
    here.sandbox.script("api.submit", "slow", times=5, seconds=1)
    journal = here.journal / HOTKEY
    with running(here) as first:
        wait_for(lambda: "SubmissionStarted" in here.names(), "a post on its way")
        journal.rename(here.folder / "elsewhere")
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 1, errors
    (here.folder / "elsewhere").rename(journal)
    assert here.names()[-1] == "SubmissionStarted"
    here.sandbox.clear_faults()
    code, _, errors = command("run", "--windows", "1")
    assert code == 0, errors
    assert here.sandbox.ledger.x.searches == 1
    assert len(here.sandbox.ledger.api.accepted()) == 5


def test_status_and_doctor_tell_who_mines_elsewhere(here: World, command: Command) -> None:
    """Of a copy in another folder they say which process mines with its hotkey, and on which journal."""
    here.mine()
    shutil.copytree(here.journal, here.folder / "copy")
    with running(here) as first:
        wait_for(lambda: find_holder(here.journal / HOTKEY).holds == "yes", "the journal to be held")
        said = f"process {first.pid} mines with this hotkey on {here.journal / HOTKEY}"
        _, out, _ = command("status", "--journal", str(here.folder / "copy"))
        assert said in out
        _, out, _ = command("status")
        assert "mines with this hotkey" not in out
        first.send_signal(signal.SIGSTOP)  # which would stop for that at its next poll
        here.journal.rename(here.folder / "moved")
        _, out, _ = command("status", "--journal", str(here.folder / "moved"))
        assert f"process      {first.pid} holds the journal" in out
        assert "mines with this hotkey" not in out
        (here.folder / "moved").rename(here.journal)
        first.send_signal(signal.SIGCONT)
        _, out, _ = command("doctor", "--journal", str(here.folder / "copy"))
        (line,) = (line for line in out.splitlines() if line.split()[:2] == ["warning", "lock"])
        assert said in line
        here.stop(first)
    _, out, _ = command("status", "--journal", str(here.folder / "copy"))
    assert "mines with this hotkey" not in out


def test_a_full_disk_costs_the_lock_and_nothing_else(here: World) -> None:
    """Where no folder for it can be made, one line says so, and the miner mines."""
    places = own_places(here, "full")
    script = (
        'for at in "$XDG_RUNTIME_DIR" "$TMPDIR"; do mount -t tmpfs -o nr_inodes=1 none "$at" || exit; done; exec "$@"'
    )
    words = ("env", "-i", *(f"{name}={value}" for name, value in here.env(**places).items()), "bash", "-c", script, "-")
    said = unshared("--mount", *words, sys.executable, "-m", "user_miner.cli", "run", "--windows", "1")
    assert said.count("could be taken") == 1
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert here.names().count("SubmissionAccepted") == 5
