"""How a hotkey stands on its subnet: bittensor's own client over a stand-in, and nodes that hold nobody up."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from pathlib import Path

import pytest

from actor.analyzer.refresh import ChainError
from actor.edges.chain import NoSubnetError, ThreadedChain
from actor.edges.threads import run_loop
from events.catalogue import ChainPolled
from tests.patience import GIVE_UP_S, Stopwatch
from tests.stand_in_chain import HEAD, StandInChain, chain_over, subnet

RAO = 1_000_000_000
OLD = HEAD - 100_000
LIMIT_S = 0.3
# Incentive of 65535, emission of an epoch in rao, a validator's permit, block of the registration.
HOTKEYS = {
    "validator": (0, 9 * RAO, True, OLD),
    "best": (30_000, 5 * RAO, False, OLD),
    "ours": (13_107, 2 * RAO, False, OLD + 2),
    "equal": (13_107, 2 * RAO, False, OLD + 1),
    "least": (1, RAO, False, OLD),
    "new": (0, 0, False, HEAD - 4_999),
    "owner": (0, 0, False, OLD),
}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bittensor keeps token symbols in a file; here it is not this machine's."""
    monkeypatch.setenv("BTCLI_TOKEN_SYMBOLS_CACHE", str(tmp_path / "symbols.json"))


def standing(hotkey: str, *, netuid: int = 45, places: int = 7, price: int = 4_000_000) -> ChainPolled:
    """What is told of a hotkey of these."""
    items = subnet(45, HOTKEYS, places=places, owner="owner")
    stand_in = StandInChain(items=items, prices={45: price})
    told = run_loop(chain_over(stand_in).standing(netuid=netuid, hotkey=hotkey))
    assert stand_in.closed
    assert len(stand_in.blocks) == 1, "all of it is of one block"
    return told


def test_a_hotkey_that_earns() -> None:
    """Incentive as a share, emission of an epoch for all epochs of a day, the rank among those without a permit."""
    assert standing("ours") == ChainPolled(
        block=HEAD,
        uid=2,
        incentive=0.2,
        alpha_per_day=2.0 * 20,  # 7200 blocks of 12 s a day, 360 an epoch
        rank=2,
        miners=6,
        places_before=2,  # "least", which earns less, and "equal", which was there before; the new one is immune
        immune_blocks=0,
        tao_per_alpha=0.004,
    )
    assert standing("ours").tao_per_day == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("hotkey", "rank", "before"),
    [("best", 1, 3), ("ours", 2, 2), ("equal", 2, 1), ("least", 4, 0), ("validator", 5, 4)],
)
def test_places_are_given_away_from_the_least_on(hotkey: str, rank: int, before: int) -> None:
    """By emission, then by the time of registration; equal incentives share a rank; free places come first."""
    told = standing(hotkey)
    assert told.places_before == before
    assert standing(hotkey, places=256).places_before == before + 249
    assert told.is_at_risk
    assert not standing(hotkey, places=256).is_at_risk
    assert told.rank == rank


def test_new_hotkeys_and_the_owner_s_keep_their_places() -> None:
    """A new one for so many blocks more, the owner's for good."""
    new, owner = standing("new"), standing("owner")
    assert (new.immune_blocks, new.places_before, new.is_at_risk) == (1, None, False)
    assert (owner.immune_blocks, owner.places_before, owner.is_at_risk) == (0, None, False)


def test_a_hotkey_without_a_place() -> None:
    """It has no number and no rank, and earns nothing; a pool without a price tells none."""
    assert standing("nobody") == ChainPolled(block=HEAD, miners=6, tao_per_alpha=0.004)
    assert standing("ours", price=0).tao_per_alpha is None


def test_a_subnet_that_is_not_there() -> None:
    """One line that names it."""
    with pytest.raises(NoSubnetError, match="finney: there is no subnet 46") as caught:
        standing("ours", netuid=46)
    assert caught.value.kind == "no_subnet"


def test_vectors_that_lag_behind_count_as_zero() -> None:
    """Right after a registration the chain's vectors may be shorter than the subnet."""
    items = subnet(45, HOTKEYS, places=7) | {
        ("Incentive", 45): [0, 9],
        ("Emission", 45): [],
        ("ValidatorPermit", 45): [],
    }
    told = run_loop(chain_over(StandInChain(items=items)).standing(netuid=45, hotkey="ours"))
    assert (told.incentive, told.alpha_per_day, told.rank) == (0.0, 0.0, 2)


@pytest.mark.parametrize("error", [KeyError("Emission"), ValueError("x\ny" * 999), OSError(104, "reset")])
def test_whatever_goes_wrong_is_one_line(error: Exception) -> None:
    """Errors of the client and of its libraries become one kind of ours."""
    stand_in = StandInChain(items=subnet(45, HOTKEYS), error=error)
    with pytest.raises(ChainError) as caught:
        run_loop(chain_over(stand_in).standing(netuid=45, hotkey="ours"))
    assert (caught.value.kind, len(str(caught.value).splitlines())) == ("unreachable", 1)


def _asked(network: str, redact: object = str) -> ChainError:
    chain = ThreadedChain(network=network, timeout_s=LIMIT_S, redact=redact)  # type: ignore[arg-type]
    with pytest.raises(ChainError) as caught:
        run_loop(chain.standing(netuid=45, hotkey="ours"))
    with warnings.catch_warnings():  # the client leaves a connection open when its beginning is cancelled
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return caught.value


def test_a_running_miner_is_told_in_words_without_keys() -> None:
    """No such network, nobody there, silence: a kind and a line; what the redactor knows is taken out."""
    assert _asked("nowhere").kind == "network"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ws://127.0.0.1:{silent.getsockname()[1]}/key-4711"
        found = _asked(address, lambda text: text.replace("key-4711", "[redacted]"))
    assert found.kind == "timeout"
    assert "key-4711" not in str(found)
    assert f"no answer within {LIMIT_S:g} s" in str(found)
    assert _asked("ws://127.0.0.1:1").kind == "unreachable"


def test_a_node_that_never_answers_holds_no_loop_up() -> None:
    """The question waits in a thread: who asked may stop at once, and a second question does not wait behind it."""

    async def ask(address: str) -> None:
        chain = ThreadedChain(network=address, timeout_s=LIMIT_S * 10, redact=str)
        first = asyncio.create_task(chain.standing(netuid=45, hotkey="ours"))
        await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(ChainError, match="has not let go of the question before"):
            await chain.standing(netuid=45, hotkey="ours")

    watch = Stopwatch()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run_loop(ask(f"ws://127.0.0.1:{silent.getsockname()[1]}"))
    assert watch.seconds() < min(2.0, GIVE_UP_S)
