"""No secret in journal, log or error: planted ones are searched for after everybody repeated them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import bittensor
import pytest
from bittensor_core import Keypair

from tests.cli.echo import Echo, echo
from tests.cli.kit import only_journal, running
from tests.patience import GIVE_UP_S
from tests.world import World

X_TOKEN = "planted%2Bx-token-5512"  # noqa: S105
API_KEY = "planted-llm-key-9034"
PASSWORD = 'planted "hotkey" password-7741'  # noqa: S105


@pytest.fixture
def leaky(make_world: Callable[..., World]) -> tuple[World, list[str]]:
    """A world whose secrets are distinctive, and all of them."""
    world = make_world(x_token=X_TOKEN)
    mnemonic = Keypair.generate_mnemonic()
    wallet = bittensor.Wallet("default", "leaky", str(world.folder / "wallets"))
    wallet.hotkey_file.set_keypair(Keypair.create_from_mnemonic(mnemonic), encrypt=False)
    content = json.loads((world.folder / "wallets" / "default" / "hotkeys" / "leaky").read_bytes())
    public = {"accountId", "publicKey", "ss58Address", "cryptoType"}
    inner = [str(value).removeprefix("0x") for name, value in content.items() if name not in public and value]
    assert mnemonic in inner
    return world, [X_TOKEN, "planted+x-token-5512", API_KEY, PASSWORD, *inner]


def miner_env(world: World, server: Echo) -> dict[str, str]:
    """A miner that talks to the echo alone."""
    return world.env(
        X_BEARER_TOKEN=X_TOKEN,
        API_KEY=API_KEY,
        HOTKEY_PASSWORD=PASSWORD,
        WALLET_HOTKEY="leaky",
        X_API_BASE=f"{server.url}/2",
        LLM_BASE=f"{server.url}/v1",
        MINER_API_URL=server.url,
    )


def leaks(world: World, output: str, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Where which secret stands, in clear or as JSON writes it."""
    places = {str(path): path.read_bytes() for path in world.journal.rglob("*") if path.is_file()}
    places["output"] = output.encode()
    forms = [(secret, form) for secret in secrets for form in {secret, json.dumps(secret)[1:-1]}]
    return [(place, secret) for place, data in places.items() for secret, form in forms if form.encode() in data]


@pytest.mark.parametrize("flags", [("--logging.debug",), ("--logging.debug", "--logging.json")], ids=["text", "json"])
def test_no_secret_reaches_journal_or_log(leaky: tuple[World, list[str]], flags: tuple[str, ...]) -> None:
    """Token, key, password, seed, mnemonic and signatures, though every answer repeats what the request said."""
    world, secrets = leaky
    with (
        echo(world.sandbox.x_base) as server,
        running(world, *flags, "--windows", "2", env=miner_env(world, server)) as process,
    ):
        out, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    signatures = {heard for heard in server.heard if not heard.startswith("Bearer ")}
    assert {f"Bearer {X_TOKEN}", f"Bearer {API_KEY}"} < server.heard, "the server heard nothing to repeat"
    assert len(signatures) == server.asked["/v2/submit"] > 5
    names = world.names()
    for kind in ("ScrapeFailed", "AnalysisFailed", "SubmissionFailed", "SubmissionAccepted", "SubmissionRejected"):
        assert kind in names, f"{kind} was not provoked"
    assert leaks(world, out + errors, [*secrets, *signatures]) == []
    assert "[redacted]" in (only_journal(world) / "00000000000000000001.jsonl").read_text()
    if "--logging.json" in flags:
        rows = [json.loads(line) for line in errors.split("\n")[:-1]]
        assert all({"level", "event"} <= row.keys() for row in rows)
        told = [row for row in rows if "kind" in row]
        assert [(row["kind"], row["seq"], row["state"]) for row in told] == [
            (record.name, record.seq, state.state) for record, state in world.history()
        ]
        assert {row["level"] for row in told} == {"info", "warning"}
