"""The sandbox as a whole: environment, control over HTTP, the blocking entry, and what it must not import."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import sandbox
from sandbox import Sandbox, SandboxConfig, environment_text, serve
from tests.patience import GIVE_UP_S

Submit = Callable[..., httpx.Response]


def test_never_imports_the_miner() -> None:
    """No module of the sandbox imports actor, events or audit, so it cannot share a misreading with them."""
    for path in Path(sandbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & {"actor", "events", "audit", "tests"}, path


def test_environment_points_a_miner_here(box: Sandbox) -> None:
    """The environment names every address, secret and limit, one NAME=value a line."""
    env = box.env()
    assert environment_text(env).splitlines() == [
        "X_BEARER_TOKEN=sandbox-x-token",
        f"X_API_BASE={box.x_base}",
        f"MINER_API_URL={box.api_base}",
        "MODEL=keyword-stand-in",
        "API_KEY=sandbox-llm-key",
        f"LLM_BASE={box.llm_base}",
        "BLOCKS_PER_WINDOW=100",
        "MAX_SUBMISSIONS_PER_WINDOW=5",
        "BLOCK_SECONDS=0.001",
    ]
    assert (box.x_base[-2:], box.llm_base[-3:]) == ("/2", "/v1")


def test_fast_blocks_ask_for_fast_polls() -> None:
    """Where blocks are faster than the usual poll, the environment says how often to poll."""
    box = Sandbox(SandboxConfig(seconds_per_block=0.05))
    box.stop()
    assert box.env()["POLL_INTERVAL_SECONDS"] == "0.05"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"host": "0.0.0.0"}, "loopback"),  # noqa: S104 - the address that must be refused
        ({"down": frozenset({"y"})}, "known services"),
        ({"response_formats": frozenset({"xml"})}, "response_formats"),
        ({"seconds_per_block": 0}, "seconds_per_block"),
        ({"blocks_per_window": 0}, "blocks_per_window"),
        ({"selection_probability": 2}, "selection_probability"),
    ],
)
def test_impossible_configurations_are_refused(setting: dict[str, object], message: str) -> None:
    """A setting that cannot be kept is refused with its name."""
    with pytest.raises(ValueError, match=message):
        SandboxConfig(**setting)  # type: ignore[arg-type]


def test_control_over_http(box: Sandbox, http: httpx.Client, submit: Submit) -> None:
    """Another process can read the ledgers, set faults and move the clock, without being entered or faulted itself."""
    base = f"{box.api_base}/sandbox"
    submit("1")
    ledger = http.get(f"{base}/ledger").json()
    assert ledger["api"]["accepted_by_window"] == {"10": ["1"]}
    assert ledger["api"]["exchanges"][0]["facts"]["post_id"] == "1"
    assert "exchanges" not in http.get(f"{base}/ledger?exchanges=false").json()["x"]
    script = {"route": "api.submit", "fault": "503", "times": 1, "params": {"retry_after": 3}}
    settings = http.post(f"{base}/faults", json={"rates": {"api.status": {"500": 1.0}}, "scripts": [script]}).json()
    assert settings["scripts"] == {"api.submit": ["503"]}
    assert http.get(f"{box.api_base}/v2/status").status_code == 500
    assert submit("2").headers["retry-after"] == "3"
    clock = http.post(f"{base}/clock", json={"block": 2_000, "advance": 5, "advance_seconds": 60}).json()
    assert (clock["current_block"], clock["posts_now"]) == (2_005, box.post_clock.epoch + 60)
    assert box.ledger.api.summary()["requests"] == 3


def test_wrong_control_changes_nothing(box: Sandbox, http: httpx.Client) -> None:
    """A control request with a mistake is a 400 that names it, and leaves the settings as they were."""
    base = f"{box.api_base}/sandbox"
    box.script("api.status", "503")
    wrong: list[object] = [
        {"rates": {"api": {"nope": 1}}},
        {"scripts": [{"route": "api", "fault": "?"}]},
        {"rate": {}},
        [],
    ]
    for body in wrong:
        assert http.post(f"{base}/faults", json=body).status_code == 400
    assert http.post(f"{base}/clock", json={"seconds_per_block": -1}).status_code == 400
    assert http.post(f"{base}/clock", content=b"{").status_code == 400
    assert http.get(f"{box.api_base}/v2/status").status_code == 503


def test_no_secret_in_the_ledger(box: Sandbox, http: httpx.Client, submit: Submit) -> None:
    """Neither token nor key nor signature is found in what the ledgers show."""
    submit("1")
    http.get(f"{box.x_base}/tweets/search/recent?query=a", headers={"Authorization": f"Bearer {box.x_token}"})
    text = http.get(f"{box.api_base}/sandbox/ledger").text
    assert box.x_token not in text
    assert box.llm_key not in text
    assert "Signature" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_on_signals(number: signal.Signals) -> None:
    """serve() prints through its callback, serves, and returns with exit code 0 on SIGINT and SIGTERM."""
    program = (
        "import sys; from sandbox import SandboxConfig, environment_text, serve;"
        "serve(SandboxConfig(seconds_per_block=1.0),"
        " ready=lambda box: print(environment_text(box.env()), end='', flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(9)]
        env = dict(line.split("=", 1) for line in lines)
        assert httpx.get(f"{env['MINER_API_URL']}/v2/status").json()["status"] == "ok"
        process.send_signal(number)
        assert process.wait(GIVE_UP_S) == 0


def test_serve_refuses_other_threads() -> None:
    """Outside the main thread, where no signal arrives, serve() says what to use instead."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for this case only

    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="use Sandbox"):
        pool.submit(serve).result(GIVE_UP_S)
