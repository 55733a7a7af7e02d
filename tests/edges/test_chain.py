"""The chain's edge: bittensor's own client over a stand-in of the chain, and networks that do not answer."""

import gc
import json
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from threading import Thread

import pytest
from bittensor import ChainError as BittensorChainError
from websockets.exceptions import ConnectionClosedError
from websockets.sync.server import ServerConnection, serve

from actor.analyzer.refresh import ChainError, ChainSubnet
from actor.edges.chain import BittensorChain, NetworkError
from actor.edges.threads import run_loop
from tests.patience import GIVE_UP_S, Stopwatch
from tests.stand_in_chain import A_DAY, HEAD, StandInChain, chain_over

LIMIT_S = 0.5


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bittensor keeps token symbols in a file; here it is not this machine's."""
    monkeypatch.setenv("BTCLI_TOKEN_SYMBOLS_CACHE", str(tmp_path / "symbols.json"))


def _identity(name: object) -> dict[str, object]:
    return {"subnet_name": name, "github_repo": b"", "subnet_url": b"https://example.com", "description": b"x"}


def test_names_and_days_are_read_at_one_block() -> None:
    """Existing subnets only, by number; names in the chain's encodings; days from blocks; the connection is closed."""
    stand_in = StandInChain(
        {
            "NetworksAdded": [(3, True), (0, True), (45, True), (7, False)],
            "SubnetIdentitiesV3": [
                (3, _identity("0x" + "τemplar".encode().hex())),
                (7, _identity(b"gone")),
                (45, _identity(list(b"Talisman AI"))),
            ],
            "NetworkRegisteredAt": [(0, 0), (3, HEAD - 10 * A_DAY), (45, HEAD)],
        }
    )
    assert run_loop(chain_over(stand_in).subnets()) == [
        ChainSubnet(id=0, name="", registered=date(2024, 2, 13)),
        ChainSubnet(id=3, name="τemplar", registered=date(2026, 11, 12)),
        ChainSubnet(id=45, name="Talisman AI", registered=date(2026, 11, 22)),
    ]
    assert stand_in.closed
    assert len(stand_in.blocks - {None}) == 1


def test_what_the_chain_does_not_say_is_left_open() -> None:
    """No name and no day are no errors."""
    stand_in = StandInChain({"NetworksAdded": [(9, True)], "SubnetIdentitiesV3": [], "NetworkRegisteredAt": []})
    assert run_loop(chain_over(stand_in).subnets()) == [ChainSubnet(id=9, name="", registered=None)]


@pytest.mark.parametrize(
    "error",
    [BittensorChainError("state\n discarded"), KeyError("NetworksAdded"), ValueError("x" * 999), OSError(104, "reset")],
)
def test_whatever_goes_wrong_is_one_line(error: Exception) -> None:
    """Errors of the client and of its libraries become one kind of ours, with the cause kept."""
    stand_in = StandInChain(error=error)
    with pytest.raises(ChainError) as caught:
        run_loop(chain_over(stand_in).subnets())
    assert str(caught.value).startswith("finney: ")
    assert len(str(caught.value)) <= 220
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__cause__ is error
    assert stand_in.closed


def test_a_network_without_a_name_is_refused_at_once() -> None:
    """Nothing is tried for a network that does not exist."""
    with pytest.raises(NetworkError, match="nowhere"):
        BittensorChain(network="nowhere", timeout_s=1)


def _ends_in_time(address: str) -> str:
    """The error of a real client, which came within the limit."""
    said = _error(address)
    # The client leaves a connection open when its beginning is cancelled; the command's process ends then anyway.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return said


def _error(address: str) -> str:
    chain = BittensorChain(network=address, timeout_s=LIMIT_S)
    watch = Stopwatch()
    with pytest.raises(ChainError) as caught:
        run_loop(chain.subnets())
    assert watch.seconds() < LIMIT_S + 2
    return str(caught.value)


def test_a_port_where_nobody_listens_is_one_line() -> None:
    """A refused connection is told as it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"ws://127.0.0.1:{free.getsockname()[1]}"
    assert "could not connect" in _ends_in_time(address)


def test_a_server_that_never_speaks_ends_with_the_limit() -> None:
    """A connection that is taken and then forgotten does not hold anybody up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = _ends_in_time(f"ws://127.0.0.1:{silent.getsockname()[1]}")
    assert said.endswith(f"no answer within {LIMIT_S:g} s")


@contextmanager
def _node(answer: str | None) -> Iterator[str]:
    """A WebSocket server that answers every request with the same text, or never."""

    def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosedError):
            for asked in connection:
                if answer is not None:
                    connection.send(answer.replace("ID", str(json.loads(asked)["id"])))

    with serve(handle, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(GIVE_UP_S)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "<html>busy</html>",
        "{}",
        "[]",
        '{"jsonrpc": "2.0", "id": ID, "result": null}',
        '{"jsonrpc": "2.0", "id": ID, "result": "0x00"}',
        '{"jsonrpc": "2.0", "id": ID, "error": {"code": -32000, "message": "no\\u001b[31m"}}',
    ],
)
def test_a_node_that_talks_nonsense_ends_in_time(answer: str | None) -> None:
    """Silence, HTML, and JSON of another shape all end in one line within the limit."""
    with _node(answer) as address:
        said = _ends_in_time(address)
    assert said.startswith(address)
    assert len(said.splitlines()) == 1
