"""``user-miner earnings``: what the chain tells, in lines and as JSON, and one line where it tells nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from actor.edges.chain import BittensorChain
from actor.settings.model import Settings
from events.prices import Worth
from tests.cli.kit import Command, is_one_line
from tests.kit import HOTKEY
from tests.patience import Stopwatch
from tests.stand_in_chain import HEAD, StandInChain, chain_over, subnet
from tests.world import make_wallet
from user_miner.commands.earnings import run_earnings

ROOT = Path(__file__).parents[2]
RAO = 1_000_000_000
OLD = HEAD - 100_000
PRICED = Worth(tao_usd=400.0)
HOTKEYS = {
    "validator": (0, 9 * RAO, True, OLD),
    HOTKEY: (6_554, RAO // 4, False, OLD),
    "better": (13_107, RAO, False, OLD),
    "worse": (0, 0, False, OLD),
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wallet, no setting of this machine, and a file of our own for bittensor's token symbols."""
    monkeypatch.setenv("BTCLI_TOKEN_SYMBOLS_CACHE", str(tmp_path / "symbols.json"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    make_wallet(tmp_path / "wallets")
    (tmp_path / ".miner_env").write_text("WALLET_PATH=wallets\n")


def node(*, places: int = 256, immune: int = 5_000, owner: str | None = None) -> BittensorChain:
    """Bittensor's own client over a stand-in with four hotkeys on subnet 45."""
    items = subnet(45, HOTKEYS, places=places, immune=immune, owner=owner)
    return chain_over(StandInChain(items=items, prices={45: 4_000_000}))


def shown(
    capsys: pytest.CaptureFixture[str],
    chain: BittensorChain,
    *,
    hotkey: str = HOTKEY,
    netuid: int = 45,
    worth: Worth = PRICED,
    as_json: bool = False,
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    code = run_earnings(
        lambda: chain.standing(netuid=netuid, hotkey=hotkey), hotkey=hotkey, netuid=netuid, worth=worth, as_json=as_json
    )
    out, errors = capsys.readouterr()
    return code, out, errors


def test_what_a_hotkey_earns(capsys: pytest.CaptureFixture[str]) -> None:
    """Number, rank, earnings in three currencies, and how safe its place is."""
    code, out, errors = shown(capsys, node())
    assert (code, errors) == (0, "")
    assert out in (ROOT / "docs" / "operators" / "costs.md").read_text("utf-8"), "what its page shows"
    assert out.splitlines() == [
        f"hotkey     {HOTKEY}, uid 1 on netuid 45, at block 7300000",
        "rank       2 of 3 miners, incentive 0.10001",
        "earns      5.000 alpha a day, by its last epoch; 0.0200 TAO at the pool's price of 0.004000; $8.0000",
        "place      253 hotkeys can register before it is the next one to be given away",
    ]


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        (Worth(), "; set TAO_USD or ALPHA_USD to see dollars"),
        (Worth(alpha_usd=2.0), "; $10.0000"),
        (Worth(tao_usd=400.0, alpha_usd=3.0), "; $15.0000"),
    ],
)
def test_dollars_need_a_price(capsys: pytest.CaptureFixture[str], worth: Worth, words: str) -> None:
    """ALPHA_USD goes before the pool's price; without either it says what to set."""
    assert words in shown(capsys, node(), worth=worth)[1]


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (node(places=4), "about to be deregistered: 1 hotkeys can register"),
        (node(places=4, immune=100_010), "safe for 10 blocks more, because it is new"),
        (node(owner=HOTKEY), "safe: it is the subnet owner's"),
    ],
)
def test_how_safe_its_place_is(capsys: pytest.CaptureFixture[str], chain: BittensorChain, words: str) -> None:
    """A full subnet, a new hotkey, the owner's."""
    code, out, _ = shown(capsys, chain)
    assert code == 0
    assert f"place      {words}" in out


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the record's fields, and what they are worth."""
    code, out, errors = shown(capsys, node(), as_json=True)
    assert (code, errors, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert {name: found[name] for name in ("hotkey", "netuid", "uid", "rank", "miners", "block", "at_risk")} == {
        "hotkey": HOTKEY,
        "netuid": 45,
        "uid": 1,
        "rank": 2,
        "miners": 3,
        "block": HEAD,
        "at_risk": False,
    }
    assert (found["alpha_per_day"], found["tao_per_alpha"]) == (5.0, 0.004)
    assert (found["tao_per_day"], found["usd_per_day"]) == (pytest.approx(0.02), pytest.approx(8.0))


def test_a_hotkey_without_a_place_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with what to do, and exit code 1; JSON says it by a number that is null."""
    code, out, errors = shown(capsys, node(), hotkey="nobody")
    assert (code, out) == (1, "")
    assert is_one_line(errors, "nobody is not registered on netuid 45", "btcli subnet register --netuid 45")
    code, out, errors = shown(capsys, node(), hotkey="nobody", as_json=True)
    assert (code, json.loads(out)["uid"], errors) == (1, None, "")


def test_a_subnet_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the number and the setting."""
    code, out, errors = shown(capsys, node(), netuid=46)
    assert (code, out) == (1, "")
    assert is_one_line(errors, "there is no subnet 46", "correct NETUID")


def test_a_node_out_of_reach_is_one_line(command: Command) -> None:
    """Refused at once, and a silent one within the limit."""
    code, out, errors = command("earnings", "--subtensor.network", "ws://127.0.0.1:1", "--timeout", "5")
    assert (code, out) == (1, "")
    assert is_one_line(errors, "ws://127.0.0.1:1", "could not connect", "--subtensor.network")
    watch = Stopwatch()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        code, out, errors = command("earnings", "--subtensor.network", address, "--timeout", "0.3")
    assert watch.seconds() < 10
    assert (code, out) == (1, "")
    assert is_one_line(errors, "no answer within 0.3 s", "try again")


@pytest.mark.parametrize("words", [["earnings"], ["subnets", "refresh"]])
def test_the_node_is_the_settings_and_its_key_is_not_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """SUBTENSOR_NETWORK names it; of an address with a key the host is told, and no more."""
    monkeypatch.setenv("SUBTENSOR_NETWORK", "ws://user:pass-4711@127.0.0.1:1/key-4711?k=key-4712")
    code, out, errors = command(*words, "--timeout", "5")
    assert (code, out) == (1, "")
    assert is_one_line(errors, "ws://127.0.0.1:1: ")
    assert "471" not in errors
    for name in ("config", "config --json"):
        _, out, errors = command(*name.split())
        assert "ws://" in out
        assert "471" not in out + errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--subtensor.network", "nowhere"], ["SUBTENSOR_NETWORK", "nowhere", "finney"]),
        (["--wallet.hotkey", "none"], ["no hotkey 'none'", "WALLET_HOTKEY"]),
        (["--env-file", "none.env"], ["none.env"]),
    ],
)
def test_wrong_use_is_one_line(command: Command, arguments: list[str], words: list[str]) -> None:
    """Exit code 2 before anything is asked."""
    code, out, errors = command("earnings", *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)


def test_settings_that_are_wrong_are_told(command: Command, tmp_path: Path) -> None:
    """Each with its name; the environment and flags win over the file."""
    (tmp_path / ".miner_env").write_text("WALLET_PATH=wallets\nTAO_USD=-1\nNETUID=many\n")
    code, _, errors = command("earnings")
    assert code == 2
    assert [line.split(":")[1].strip() for line in errors.splitlines()] == ["TAO_USD", "NETUID"]
