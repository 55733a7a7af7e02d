"""What the HTTP client does by itself, and what it makes of the environment, against raw answers on loopback."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from actor.edges.api_http import Exchanger, _certificates, environment_faults
from actor.edges.reply import Unanswered
from tests.patience import GIVE_UP_S

PASSWORD_PART = "s3cr"  # noqa: S105  (planted to be found)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of this machine's proxies and certificates, and none that another test has loaded."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_"):
            monkeypatch.delenv(name)
    _certificates.cache_clear()


def test_an_environment_without_anything_odd_has_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set, and what is usual."""
    assert environment_faults() == []
    for name, value in {
        "HTTP_PROXY": "http://user:pass%2Fword@proxy.corp:3128",
        "https_proxy": "proxy.corp:3128",
        "NO_PROXY": "localhost,127.0.0.1,::1,.corp,10.0.0.0/8,*.example.com",
        "FTP_PROXY": "nonsense://",
    }.items():
        monkeypatch.setenv(name, value)
    assert environment_faults() == []


@pytest.mark.parametrize(
    "value",
    [
        "socks5://127.0.0.1:9",
        "socks4://127.0.0.1:9",
        "ftp://127.0.0.1:9",
        "proxy.corp:3128x",
        "http://",
        "http://proxy.corp:99999999",
        f"http://user:{PASSWORD_PART}/etPW77@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """By its variable as it was spelled, in one line with the way out, and without anything that it holds."""
    monkeypatch.setenv(name, value)
    (line,) = environment_faults()
    assert line.startswith(f"{name}: is no proxy that can be used: expected one such as http://")
    assert line.endswith("correct it in the environment, or unset it")
    assert PASSWORD_PART not in line


def test_each_wrong_proxy_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spelling that does not count is not blamed; two that say the same are both."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "socks4://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert [line.partition(":")[0] for line in environment_faults()] == ["HTTPS_PROXY and https_proxy", "all_proxy"]


def test_hosts_without_a_proxy_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is read, too."""
    monkeypatch.setenv("NO_PROXY", "proxy.corp:99x")
    (line,) = environment_faults()
    assert line.startswith("NO_PROXY: holds what is no host")


@pytest.mark.parametrize("kind", ["missing", "folder", "no certificate"])
def test_certificates_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    """By the variable and the file, which Python's own words leave out."""
    file = tmp_path / "corp.pem"
    if kind == "folder":
        file.mkdir()
    if kind == "no certificate":
        file.write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    (line,) = environment_faults()
    assert line.startswith(f"SSL_CERT_FILE: no certificates can be read from {file} (")


def test_an_unusable_environment_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of a library leaves the edge, and none hangs on it as its cause."""
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{PASSWORD_PART}/etPW77@127.0.0.1:1")
    with pytest.raises(Unanswered, match="HTTP_PROXY: is no proxy") as caught:
        Exchanger(operation_timeout_s=1, total_timeout_s=1, trust_env=True)
    assert (caught.value.kind, caught.value.never_sent) == ("connection", True)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_cookies_are_not_kept(wire: Any) -> None:
    """A server that sets a new one with each answer would have them all returned with each request."""
    wire.plays(*(wire.answer(200, {}, Set_Cookie=f"name{number}={'x' * 500}; Path=/") for number in range(3)))

    async def ask_thrice() -> None:
        exchanger = Exchanger(operation_timeout_s=GIVE_UP_S, total_timeout_s=GIVE_UP_S, trust_env=False)
        for _ in range(3):
            await exchanger.exchange("GET", wire.url, headers={}, content=None)
        await exchanger.aclose()

    asyncio.run(ask_thrice())
    assert len(wire.requests) == 3
    assert not [request for request in wire.requests if b"cookie" in request.lower()]
