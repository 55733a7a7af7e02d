"""Real servers for campaign_servers.py: llama.cpp's with a small model, and LiteLLM's proxy in front of it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

from tests.world import bare_env

__all__ = ["BIN", "Llama", "Served", "litellm", "llama"]

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = ROOT / ".venv" / "servers" / "bin"
_MODEL: Final = "smollm2"
_START_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where a miner asks, and how."""

    name: str
    base_url: str
    key: str
    model: str = _MODEL

    def env(self) -> dict[str, str]:
        """The settings of a miner that asks here."""
        return {"LLM_BASE": self.base_url, "API_KEY": self.key, "MODEL": self.model}


@dataclass(frozen=True, slots=True)
class Llama(Served):
    """The server that does the work, which counts it, too."""

    def tokens(self) -> tuple[int, int]:
        """All tokens since its start: of questions, the cached ones among them, and of answers."""
        found = self._metrics()
        return (found["prompt_tokens_total"] + found["prompt_tokens_cached_total"], found["tokens_predicted_total"])

    def at_work(self) -> bool:
        """Whether a generation is under way, or waits."""
        found = self._metrics()
        return bool(found["requests_processing"] or found["requests_deferred"])

    def _metrics(self) -> dict[str, int]:
        url = self.base_url.removesuffix("/v1") + "/metrics"
        text = _get(url, self.key).decode()
        lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith("llamacpp:"))
        return {name.removeprefix("llamacpp:"): int(float(value)) for name, _, value in lines}


@contextmanager
def llama(folder: Path, *, threads: int) -> Iterator[Llama]:
    """llama.cpp's server."""
    port, key = _free_port(), "llama-key"
    script = str(Path(__file__).with_name("llama_server.py"))
    command = [str(BIN / "python"), script, str(port), key, _MODEL, str(threads)]
    with _running(command, folder / "llama.log", f"http://127.0.0.1:{port}/health"):
        yield Llama("llama.cpp", f"http://127.0.0.1:{port}/v1", key)


@contextmanager
def litellm(folder: Path, behind: Served) -> Iterator[Served]:
    """LiteLLM's proxy as its documentation starts it: a list of models, a key, nothing else."""
    port, key = _free_port(), "sk-litellm-key"
    upstream = {"model": f"openai/{behind.model}", "api_base": behind.base_url, "api_key": behind.key}
    config = {
        "model_list": [{"model_name": behind.model, "litellm_params": upstream}],
        "general_settings": {"master_key": key},
    }
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config), "utf-8")  # which is YAML, too
    command = [str(BIN / "litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
    with _running(
        [*command, "--telemetry", "False"], folder / "litellm.log", f"http://127.0.0.1:{port}/health/liveliness"
    ):
        yield Served("LiteLLM", f"http://127.0.0.1:{port}/v1", key)


@contextmanager
def _running(command: list[str], log: Path, ready_url: str) -> Iterator[None]:
    """A server of its own process, from its first answer to the end of the block."""
    env = bare_env(LITELLM_LOCAL_MODEL_COST_MAP="True", PYTHONUNBUFFERED="1")
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=env) as process,  # noqa: S603  (ours)
    ):
        try:
            _wait_until_ready(process, ready_url, log)
            yield
        finally:
            process.terminate()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _get(url)
        except (URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"{url} did not come up: {log.read_text(errors='replace')[-2000:]}")


def _get(url: str, key: str = "") -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310  (our own, on loopback)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (likewise)
        body: bytes = answer.read()
    return body


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
    return port
