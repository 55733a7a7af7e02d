"""Whose journal it is: one process at a time, one hotkey, one subnet, one API."""

from __future__ import annotations

import shutil

import pytest

from events.catalogue import ActorStarted, ApiMoved
from tests.cli.kit import Command, only_journal, running
from tests.world import World, make_wallet, wait_for


def other_url(world: World) -> str:
    """The same API under another address."""
    return world.sandbox.api_base.replace("127.0.0.1", "localhost")


def test_a_second_process_is_refused_naming_the_first(here: World, command: Command) -> None:
    """Exit code 2 and the holder's pid; the first one is not disturbed, and its end frees the journal."""
    with running(here) as first:
        wait_for(here.sandbox.ledger.api.accepted, "the first one at work")
        code, output = here.run()
        assert code == 2
        assert f"is held by process {first.pid} " in output.splitlines()[-1]
        assert "stop it first" in output.splitlines()[-1]
        assert "Traceback" not in output
        wait_for(lambda: len(here.sandbox.ledger.api.accepted()) == 5, "the whole window")
        code, output = here.stop(first)
    assert code == 0, output
    assert here.names().count("ActorStarted") == 1
    here.sandbox.next_window()
    code, _, errors = command("run", "--windows", "1")
    assert code == 0, errors
    assert here.names().count("ActorStarted") == 2


def test_a_dry_run_beside_a_real_one_is_fine(here: World, command: Command) -> None:
    """It has a journal of its own, so neither waits for the other."""
    with running(here) as first:
        wait_for(lambda: "ActorStarted" in here.names(), "the first one at work")
        code, _, errors = command("run", "--dry-run", "--windows", "1")
        assert code == 0, errors
        here.stop(first)
    assert sorted(path.name.partition(".")[2] for path in here.journal.iterdir()) == ["", "dry-run"]


@pytest.fixture
def mined(here: World) -> World:
    """A world whose first window is mined, in the next one."""
    here.mine()
    here.sandbox.next_window()
    return here


def refuses(world: World, command: Command, *arguments: str, words: tuple[str, ...]) -> bool:
    """Whether a run is refused with one line of these words, adding no record and sending nothing."""
    journal = next(path for path in sorted(world.journal.iterdir()))
    segment = journal / "00000000000000000001.jsonl"
    before = segment.read_bytes(), len(world.sandbox.ledger.api.exchanges())
    code, _, errors = command("run", *arguments)
    assert code == 2, errors
    assert "Traceback" not in errors
    assert all(word in errors.splitlines()[-1] for word in ("user-miner: ", *words))
    return (segment.read_bytes(), len(world.sandbox.ledger.api.exchanges())) == before


def test_a_journal_of_another_hotkey_is_refused(mined: World, command: Command) -> None:
    """A renamed or copied directory gives no hotkey another one's history."""
    other = make_wallet(mined.folder / "wallets", "//Bob", hotkey="bob")
    journal = only_journal(mined)
    shutil.move(journal, journal.with_name(other))
    words = ("belongs to hotkey", journal.name, other, "--journal")
    assert refuses(mined, command, "--wallet.hotkey", "bob", words=words)
    shutil.copytree(journal.with_name(other), journal)
    assert refuses(mined, command, "--wallet.hotkey", "bob", words=words)
    code, _, errors = command("run", "--windows", "1")
    assert code == 0, errors


def test_a_journal_of_another_subnet_is_refused(mined: World, command: Command) -> None:
    """Both numbers are named."""
    words = ("belongs to netuid 45", "this run has netuid 46", "--journal")
    assert refuses(mined, command, "--netuid", "46", words=words)


def test_a_journal_of_another_api_is_refused_until_it_is_moved(
    mined: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--move-api records the move and goes on; from then on the old URL is the wrong one."""
    old, new = mined.sandbox.api_base, other_url(mined)
    monkeypatch.setenv("MINER_API_URL", new)
    assert refuses(mined, command, words=(f"the API {old}", f"this run has {new}", "--move-api"))
    code, _, errors = command("run", "--windows", "1", "--move-api")
    assert code == 0, errors
    events = [record.event() for record, _ in mined.history()]
    assert [e.api_url for e in events if isinstance(e, ApiMoved)] == [new]
    assert sum(isinstance(e, ActorStarted) for e in events) == 2
    assert mined.state().api_url == new
    only_journal(mined)
    monkeypatch.setenv("MINER_API_URL", old)
    assert refuses(mined, command, words=(f"the API {new}", f"this run has {old}", "--move-api"))


def test_a_move_that_is_none_is_not_recorded(mined: World, command: Command) -> None:
    """--move-api with the journal's own URL changes nothing."""
    code, _, errors = command("run", "--windows", "1", "--move-api")
    assert code == 0, errors
    assert "ApiMoved" not in mined.names()


def test_a_move_of_the_api_does_not_open_another_hotkey_s_journal(mined: World, command: Command) -> None:
    """The flag forgives the URL and nothing else."""
    words = ("belongs to netuid 45",)
    assert refuses(mined, command, "--netuid", "46", "--move-api", words=words)
