"""The three edges over real HTTP(S): the same certificates, the same proxy, the same exceptions from it."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actor.edges.no_proxy import NoProxy
from tests.edges.conftest import CERTIFICATES, RawServer
from tests.edges.proxy import LittleProxy
from tests.edges.three import ANSWER, EDGES, TOKEN, told_by
from user_miner.doctor.report import Check
from user_miner.doctor.servers import network_checks, x_checks

PASSWORD = "pläin+/%word"  # noqa: S105  (planted to be found)
ESCAPED = "pl%C3%A4in+%2F%25word"
AUTHORIZATION = b"proxy-authorization: basic " + base64.b64encode(f"operator:{PASSWORD}".encode()).lower()
URL = "https://server.test:8443"
EVERY_EDGE = pytest.mark.parametrize("edge", EDGES)


@pytest.fixture
def trusted(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private authority is named."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))


@pytest.fixture
def tunnel(secure_wire: RawServer) -> Iterator[LittleProxy]:
    """A proxy before the server that speaks TLS."""
    secure_wire.answers(200, ANSWER)
    with LittleProxy(secure_wire.port) as proxy:
        yield proxy


@pytest.mark.parametrize("variable", sorted(CERTIFICATES))
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])  # noqa: S104  (the last is no loopback)
def test_a_private_authority_counts_for_every_edge(
    secure_wire: Any, ca_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    """Whichever variable names it; on loopback, too, where a proxy does not count."""
    secure_wire.answers(200, ANSWER)
    base = f"https://{host}:{secure_wire.port}"
    for refused in (told_by(edge, base) for edge in EDGES):
        assert "no connection" in refused
        assert "CERTIFICATE_VERIFY_FAILED" in refused
    assert secure_wire.requests == []
    monkeypatch.setenv(variable, str(_folder_of(ca_file) if variable == "SSL_CERT_DIR" else ca_file))
    assert [told_by(edge, base) for edge in EDGES] == ["", "", ""]
    assert len(secure_wire.requests) == 3


@EVERY_EDGE
def test_the_variables_count_together(
    secure_wire: Any, ca_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edge: str
) -> None:
    """None hides what another one names."""
    secure_wire.answers(200, ANSWER)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    assert "CERTIFICATE_VERIFY_FAILED" in told_by(edge, secure_wire.url)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(ca_file))
    assert told_by(edge, secure_wire.url) == ""


@EVERY_EDGE
def test_a_certificate_of_another_host_is_none(
    secure_wire: Any, authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    """A private authority makes names no less important."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    secure_wire.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.test").configure_cert(secure_wire.tls)
    assert "CERTIFICATE_VERIFY_FAILED" in told_by(edge, secure_wire.url)
    assert secure_wire.requests == []


@EVERY_EDGE
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.usefixtures("trusted")
def test_a_proxy_opens_a_tunnel(
    tunnel: LittleProxy, secure_wire: Any, monkeypatch: pytest.MonkeyPatch, edge: str, variable: str
) -> None:
    """Only the proxy sees its password, only the server sees the request and the key in it."""
    monkeypatch.setenv(variable, f"http://operator:{ESCAPED}@127.0.0.1:{tunnel.port}")
    assert told_by(edge, URL) == ""
    (head,) = tunnel.heads
    assert head.startswith(b"CONNECT server.test:8443 HTTP/1.")
    assert AUTHORIZATION in head.lower()
    assert b"planted" not in head
    (request,) = secure_wire.requests
    assert b"proxy" not in request.lower()


@EVERY_EDGE
def test_a_proxy_is_spoken_to_in_tls(
    secure_wire: Any, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    """Its certificate is checked by the same authority as the server's."""
    secure_wire.answers(200, ANSWER)
    with LittleProxy(secure_wire.port, tls=server_tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        assert "CERTIFICATE_VERIFY_FAILED" in told_by(edge, "https://server.test")
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        assert told_by(edge, "https://server.test") == ""
        assert len(proxy.heads) == len(secure_wire.requests) == 1


@EVERY_EDGE
def test_a_proxy_forwards_plain_requests(wire: Any, monkeypatch: pytest.MonkeyPatch, edge: str) -> None:
    """With the whole address, and with its password."""
    wire.answers(200, ANSWER)
    with LittleProxy(wire.port) as proxy:
        monkeypatch.setenv("http_proxy", f"operator:{ESCAPED}@127.0.0.1:{proxy.port}")
        assert told_by(edge, "http://server.test") == ""
        (head,) = proxy.heads
    assert b" http://server.test/" in head
    assert AUTHORIZATION in head.lower()


@EVERY_EDGE
def test_a_proxy_that_refuses_is_no_connection(secure_wire: Any, monkeypatch: pytest.MonkeyPatch, edge: str) -> None:
    """The request itself never left; nothing of the password is told."""
    refusal = RawServer.answer(407, "who are you", Proxy_Authenticate="Basic")
    with LittleProxy(secure_wire.port, refuses=refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://operator:{ESCAPED}@127.0.0.1:{proxy.port}")
        told = told_by(edge, "https://server.test")
    assert "no connection" in told
    assert "407" in told
    assert not [part for part in (PASSWORD, ESCAPED, "operator", "b3Blc") if part in told]


@EVERY_EDGE
def test_loopback_is_reached_without_a_proxy(
    secure_wire: Any, ca_file: Path, closed_url: str, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    """A proxy knows other machines."""
    secure_wire.answers(200, ANSWER)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("ALL_PROXY", closed_url)
    monkeypatch.setenv("NO_PROXY", "somewhere.else")
    assert told_by(edge, secure_wire.url) == ""


@pytest.mark.usefixtures("trusted")
def test_a_redirect_takes_the_key_nowhere(
    wire: Any, secure_wire: Any, tunnel: LittleProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the question, to whatever place the model's server names."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
    wire.plays(RawServer.answer(308, Location=f"{URL}/v1/chat/completions"))
    assert f"set LLM_BASE to {URL}/v1" in told_by("llm", wire.url)
    assert (len(wire.requests), tunnel.heads, secure_wire.requests) == (1, [], [])


@pytest.mark.parametrize("variable", sorted(CERTIFICATES - {"SSL_CERT_DIR"}))
def test_the_doctor_asks_x_as_the_search_does(
    tunnel: LittleProxy, ca_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Through the same proxy and by the same certificates: what it finds is what a search would."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
    check = _doctor_on_x()
    assert (check.level, "CERTIFICATE_VERIFY_FAILED" in check.found) == ("failure", True)
    assert "CERTIFICATE_VERIFY_FAILED" in told_by("x", URL)
    monkeypatch.setenv(variable, str(ca_file))
    assert _doctor_on_x().level != "skipped"
    assert "CERTIFICATE_VERIFY_FAILED" not in _doctor_on_x().found
    assert told_by("x", URL) == ""
    assert len(tunnel.heads) == 5


def test_the_doctor_tells_the_way_to_each_server(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    """Which proxy, if any, whose certificates, and what of NO_PROXY means nothing; nothing of a password."""
    urls = {
        "X_API_BASE": "https://x.example/2",
        "LLM_BASE": "https://llm.inner/v1",
        "MINER_API_URL": "http://localhost:1",
    }
    (plain,) = network_checks(urls)
    assert (plain.level, plain.found) == (
        "ok", "LLM_BASE, MINER_API_URL, X_API_BASE directly; certificates of this system and certifi"
    )  # fmt: skip
    monkeypatch.setenv("HTTPS_PROXY", f"http://operator:{ESCAPED}@proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", ".inner, 10.*")
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    remark, way = network_checks(urls)
    assert (remark.level, "'10.*'" in remark.found, remark.fix) == ("warning", True, "correct it")
    assert way.found == (
        "LLM_BASE, MINER_API_URL directly; X_API_BASE through proxy.corp:3128; certificates of SSL_CERT_FILE"
    )
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    wrong, remark = network_checks(urls)
    assert (remark.level, "'10.*'" in remark.found) == ("warning", True)
    assert (wrong.level, wrong.found.startswith("SSL_CERT_FILE: no certificates")) == ("failure", True)
    assert "unset it" in wrong.fix


ENTRIES = st.sampled_from(
    [
        "0.0.0.0",  # noqa: S104
        "0.0.0.0/8",
        "0.0.0.0/31",
        "[0.0.0.0]",
        "0.0.0.1",
        "0.0.0.0:{port}",
        "0.0.0.0:1",
        "10.0.0.0/8",
        "::1",
        "fd00::/8",
        "::ffff:0.0.0.0",
        "[::1]:{port}",
        "0",
        ".0",
        "0.0.0.*",
        "a b",
        "proxy.corp:99x",
        "example.com",
        "https://0.0.0.0",
        "",
    ]
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=3), separator=st.sampled_from([",", ", ", " "]))
def test_no_proxy_means_the_same_to_every_edge(wire: Any, entries: list[str], separator: str) -> None:
    """Each goes the way that the entries say, which is the way that the other two go."""
    wire.answers(200, ANSWER)
    value = separator.join(entries).format(port=wire.port)
    url = f"http://0.0.0.0:{wire.port}"
    with LittleProxy(wire.port) as proxy, pytest.MonkeyPatch.context() as environment:
        environment.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        environment.setenv("NO_PROXY", value)
        assert [told_by(edge, url) for edge in EDGES] == ["", "", ""]
        seen = len(proxy.heads)
    assert seen == (0 if NoProxy.read(value).covers(url) else 3)


def _doctor_on_x() -> Check:
    (check,) = asyncio.run(x_checks(f"{URL}/2", TOKEN, timeout_s=60.0, redact=str))
    return check


def _folder_of(file: Path) -> Path:
    """A folder as `openssl rehash` leaves it, beside the file."""
    folder = file.parent / "certificates"
    folder.mkdir()
    digest = subprocess.run(
        ["openssl", "x509", "-subject_hash", "-noout", "-in", str(file)], capture_output=True, text=True, check=True
    )
    (folder / f"{digest.stdout.strip()}.0").write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "refusal",
    [
        RawServer.answer(407, "who are you", Proxy_Authenticate="Basic"),
        RawServer.answer(
            403, b"<html><title>ERROR: The requested URL could not be retrieved</title>(squid/5.7)</html>"
        ),
        RawServer.answer(503, b"denied", X_Squid_Error="ERR_DNS_FAIL 0"),
    ],
)
def test_a_proxy_that_answers_for_the_model_is_named(
    wire: Any, monkeypatch: pytest.MonkeyPatch, name: str, refusal: bytes
) -> None:
    """By its variable; neither key nor model is blamed."""
    with LittleProxy(wire.port, refuses=refusal) as proxy:
        monkeypatch.setenv(name, f"http://operator:{ESCAPED}@127.0.0.1:{proxy.port}")
        told = told_by("llm", "http://server.test")
    assert f"of the proxy that {name} names" in told
    assert not [part for part in (PASSWORD, ESCAPED, "operator", "API_KEY", "MODEL") if part in told]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_gone_is_named(closed_url: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The model's server is not blamed for it."""
    monkeypatch.setenv(name, closed_url)
    assert f"no connection through the proxy that {name} names: " in told_by("llm", "https://server.test")
