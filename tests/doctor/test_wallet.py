"""The hotkey, and its place on the chain by bittensor's own client."""

from __future__ import annotations

from pathlib import Path

import pytest
from bittensor import ChainError as BittensorChainError

from actor.edges.threads import run_loop
from tests.cli.kit import Command
from tests.cli.test_configuration import LOCKED
from tests.doctor.kit import exactly, look, silent
from tests.kit import HOTKEY
from tests.stand_in_chain import StandInChain, chain_over, subnet
from tests.world import World
from user_miner.doctor.machine import chain_checks, registration_check
from user_miner.doctor.report import Check


def keyfile(world: World, name: str = "default") -> Path:
    """A hotkey's file."""
    return world.folder / "wallets" / "default" / "hotkeys" / name


def test_a_hotkey_that_opens(here: World, command: Command) -> None:
    """Its address and its file."""
    keyfile(here).chmod(0o600)
    assert look(command).says("wallet", "ok", HOTKEY, str(keyfile(here)))


def test_a_hotkey_that_others_can_use(here: World, command: Command) -> None:
    """It opens, and the warning says what to do."""
    keyfile(here).chmod(0o644)
    found = look(command)
    assert found.code == 0
    assert found.says("wallet", "ok", HOTKEY)
    assert found.says("wallet", "warning", "0644", "chmod 600", str(keyfile(here)))


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--wallet.name", "nobody", ("no wallet 'nobody'", "found default", "WALLET_NAME")),
        ("--wallet.hotkey", "nobody", ("no hotkey 'nobody'", "WALLET_HOTKEY")),
        ("--wallet.path", "nowhere", ("no wallet 'default' in nowhere", "WALLET_PATH")),
    ],
)
def test_a_hotkey_that_is_not_there(
    here: World, command: Command, *, flag: str, value: str, words: tuple[str, ...]
) -> None:
    """What there is instead, and the setting; the journal is looked for all the same."""
    (here.journal / HOTKEY).mkdir(parents=True)
    (here.journal / HOTKEY / f"{1:020d}.jsonl").touch()
    found = look(command, flag, value)
    assert found.code == 1
    assert found.says("wallet", "failure", *words)
    assert found.says("journal", "ok", HOTKEY)


def test_a_key_file_that_is_none(here: World, command: Command) -> None:
    """Nothing of what it holds is told."""
    keyfile(here).write_text("planted-key-material")
    found = look(command)
    assert found.says("wallet", "failure", "no key that bittensor can read", "backup")
    assert "planted-key-material" not in str(found.report)


def test_an_encrypted_hotkey_without_its_password(here: World, command: Command) -> None:
    """It names the variable. To open one takes seconds, and `run` does it by the same function."""
    keyfile(here, "locked").write_bytes(LOCKED)
    assert look(command, "--wallet.hotkey", "locked").says("wallet", "failure", "is encrypted", "set HOTKEY_PASSWORD")


@pytest.fixture
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bittensor keeps token symbols in a file; here it is not this machine's."""
    monkeypatch.setenv("BTCLI_TOKEN_SYMBOLS_CACHE", str(tmp_path / "symbols.json"))


def registration(stand_in: StandInChain, *, netuid: int = 45, hotkey: str = HOTKEY) -> Check:
    """What is said of a hotkey on this chain."""
    return run_loop(registration_check(chain_over(stand_in), netuid=netuid, hotkey=hotkey))


@pytest.mark.usefixtures("_own_cache")
def test_a_hotkey_on_the_chain() -> None:
    """Registered, on another subnet only, on a subnet that there is not, and a node that refuses."""
    nothing = (0, 0, False, 0)
    stand_in = StandInChain(items={**subnet(45, {HOTKEY: nothing}), **subnet(3, {"another": nothing})})
    assert exactly(registration(stand_in), "ok", f"hotkey {HOTKEY} has uid 0 on netuid 45")
    assert exactly(registration(stand_in, netuid=3), "failure", "not registered on netuid 3", "btcli subnet register")
    assert exactly(registration(stand_in, netuid=99), "failure", "no subnet 99", "NETUID")
    refusing = StandInChain(error=BittensorChainError("state\n discarded"))
    assert exactly(registration(refusing), "failure", "finney: ", "--subtensor.network")


@pytest.mark.usefixtures("_own_cache")
def test_a_network_that_is_none_or_silent() -> None:
    """The name, and the time that it was waited for."""
    (check,) = run_loop(chain_checks("nowhere", netuid=45, hotkey=HOTKEY, timeout_s=1.0))
    assert exactly(check, "failure", "nowhere", "--subtensor.network")


@pytest.mark.usefixtures("_own_cache")
def test_the_chain_is_asked_only_when_told_to(here: World, command: Command) -> None:
    """A port where nobody listens is a failure with --chain, and no line at all without; no hotkey, no question."""
    assert "chain" not in look(command).levels()
    with silent() as address:
        pass
    found = look(command, "--chain", "--subtensor.network", f"ws://{address}", "--timeout", "2")
    assert found.code == 1
    assert found.says("chain", "failure", address, "another node")
    found = look(command, "--chain", "--wallet.hotkey", "nobody")
    assert found.says("chain", "skipped", "waits for the hotkey")
    assert here.sandbox.ledger.api.exchanges("api.submit") == []
