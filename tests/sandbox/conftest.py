"""A sandbox whose time stands still, and a miner's way of signing. Shared by the sandbox's tests only."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox import Sandbox, SandboxConfig
from tests.patience import GIVE_UP_S

EPOCH = 1_795_000_000.0


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in manual time, with a corpus that is the same in every run."""
    with Sandbox(SandboxConfig(seconds_per_block=None, epoch=EPOCH, start_block=1_000)) as running:
        yield running


@pytest.fixture(scope="session")
def certificates() -> ssl.SSLContext:
    """Loaded once: it takes longer than a whole test over plain HTTP."""
    return ssl.create_default_context()


@pytest.fixture
def http(certificates: ssl.SSLContext) -> Iterator[httpx.Client]:
    """A client with a timeout that no healthy answer needs."""
    with httpx.Client(timeout=GIVE_UP_S, verify=certificates) as client:
        yield client


@pytest.fixture
def search(box: Sandbox, http: httpx.Client) -> Callable[..., httpx.Response]:
    """Search recent posts; dots in parameter names are written as double underscores."""

    def call(query: str = "bittensor -is:retweet lang:en", **params: Any) -> httpx.Response:
        named = {name.replace("__", "."): value for name, value in params.items()}
        headers = {"Authorization": f"Bearer {box.x_token}"}
        return http.get(f"{box.x_base}/tweets/search/recent", params={"query": query, **named}, headers=headers)

    return call


@pytest.fixture
def sign() -> Callable[..., dict[str, str]]:
    """Auth headers of a well-known test key, at a time or now."""
    from bittensor_core import Keypair  # noqa: PLC0415 - only tests that sign pay for it

    def headers(uri: str = "//Alice", at: float | None = None, **changes: str) -> dict[str, str]:
        key = Keypair.create_from_uri(uri)
        at = time.time() if at is None else at
        message = f"talisman-ai-auth:{int(at)}"
        signed = {
            "X-Auth-SS58Address": key.ss58_address,
            "X-Auth-Message": message,
            "X-Auth-Signature": key.sign(message.encode()).hex(),
            "X-Auth-Timestamp": str(at),
        }
        return {**signed, **changes}

    return headers


@pytest.fixture
def submission(sign: Callable[..., dict[str, str]]) -> Callable[..., dict[str, Any]]:
    """A valid submission body, with changes."""

    def body(post_id: str = "1", uri: str = "//Alice", **changes: Any) -> dict[str, Any]:
        return {
            "miner_hotkey": sign(uri)["X-Auth-SS58Address"],
            "post_id": post_id,
            "content": "SN45 ships",
            "date": int(EPOCH),
            "author": "ada",
            "account_age": 365,
            "retweets": 1,
            "likes": 2,
            "responses": 3,
            "followers": 4,
            "tokens": {"talisman_ai": 1.0},
            "sentiment": 0.5,
            "score": 0.75,
            **changes,
        }

    return body


@pytest.fixture
def submit(
    box: Sandbox,
    http: httpx.Client,
    sign: Callable[..., dict[str, str]],
    submission: Callable[..., dict[str, Any]],
) -> Callable[..., httpx.Response]:
    """Sign and submit a valid body with changes."""

    def call(post_id: str = "1", uri: str = "//Alice", **changes: Any) -> httpx.Response:
        return http.post(f"{box.api_base}/v2/submit", json=submission(post_id, uri, **changes), headers=sign(uri))

    return call
