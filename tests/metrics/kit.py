"""What the tests of metrics share: asking over HTTP, reading what comes, a monitor of no miner."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from actor.metrics.monitor import Monitor
from actor.metrics.server import MetricsServer
from actor.settings.model import Settings, load_settings
from tests.kit import T0_MS
from tests.patience import GIVE_UP_S

__all__ = [
    "Samples",
    "ask",
    "monitor",
    "probe",
    "promtool",
    "read_metrics",
    "samples",
    "serving",
    "settings",
]

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
_NEEDED = {"x_bearer_token": "the-token", "api_key": "the-key"}


def promtool() -> str:
    """Where promtool is; a machine without it fails here, for a test that is passed over proves nothing."""
    program = shutil.which("promtool")
    if program is None:
        raise FileNotFoundError(
            "install promtool, which Debian's package prometheus holds (.ci/run takes it from there)"
        )
    return program


def settings(**more: Any) -> Settings:
    """Settings with nothing but what must be set."""
    return load_settings(Path("no-such-file"), **{**_NEEDED, **more})


def monitor(*, now_ms: int = T0_MS, **more: Any) -> Monitor:
    """Beside no miner, at a time near that of a drive's records."""
    return Monitor(settings(**more), now_ms=lambda: now_ms)


@contextmanager
def serving(watched: Monitor) -> Iterator[tuple[str, int]]:
    """A server on a free port of this machine."""
    with MetricsServer(watched, host="127.0.0.1", port=0) as server:
        yield server.address


def ask(address: tuple[str, int], path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body."""
    connection = http.client.HTTPConnection(*address, timeout=GIVE_UP_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def probe(address: tuple[str, int], path: str) -> tuple[int, str]:
    """Status and reason of a probe, whose body is one line of JSON."""
    status, _, body = ask(address, path)
    assert body.count("\n") == 1
    told = json.loads(body)
    assert told["ok"] is (status == 200)
    return status, str(told["reason"])


def samples(text: str) -> Samples:
    """Every sample by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def read_metrics(address: tuple[str, int]) -> Samples:
    """What /metrics says."""
    status, _, body = ask(address, "/metrics")
    assert status == 200, body
    return samples(body)
