"""What the environment says of proxies and certificates: what is refused, what is skipped, and what is never told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from actor.edges.certificates import nobody, trusted
from actor.edges.network import environment_faults, environment_remarks, proxy_secrets, way_to
from actor.edges.reply import Unanswered

PASSWORD_PART = "s3cr"  # noqa: S105  (planted to be found)
ELSEWHERE = "https://server.example/2"
NEAR = "http://127.0.0.1:8001"


def _faults(*urls: str) -> list[str]:
    return environment_faults(urls or (ELSEWHERE,))


def _proxy_to(url: str) -> str | None:
    proxy = way_to(url).proxy
    return None if proxy is None else proxy.url


def test_an_environment_without_anything_odd_has_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set, and what is usual."""
    assert _faults() == []
    for name, value in {
        "HTTP_PROXY": "http://user:pass%2Fword@proxy.corp:3128/",
        "https_proxy": "proxy.corp:3128",
        "ALL_PROXY": "https://[fd00::1]:8080",
        "NO_PROXY": "localhost,127.0.0.1,::1,.corp,10.0.0.0/8,*.example.com fd00::/8",
        "FTP_PROXY": "nonsense://",
    }.items():
        monkeypatch.setenv(name, value)
    assert _faults() == environment_remarks([ELSEWHERE]) == []


@pytest.mark.parametrize(
    "value",
    [
        "socks5://127.0.0.1:9",
        "socks4://127.0.0.1:9",
        "ftp://127.0.0.1:9",
        "proxy.corp:3128x",
        "http://",
        "http://proxy.corp:99999999",
        "http://proxy.corp:0",
        "http://[::1",
        f"http://user:{PASSWORD_PART}/etPW77@127.0.0.1:1",
        f"http://user:77/{PASSWORD_PART}@127.0.0.1:1",
        f"http://user:77?{PASSWORD_PART}@127.0.0.1:1",
        f"http://user:77#{PASSWORD_PART}@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """By its variable as it was spelled, in one line with the way out, and without anything that it holds."""
    monkeypatch.setenv(name, value)
    (line,) = _faults()
    assert line.startswith(f"{name}: is no proxy that can be used: expected one such as http://")
    assert line.endswith("correct it in the environment, or unset it")
    assert PASSWORD_PART not in line
    assert (_faults(NEAR), environment_remarks([NEAR]), environment_remarks([ELSEWHERE])) == ([], [line], [])


def test_all_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates hide no proxy; what keeps nothing from its server is a remark."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "10.*")
    names = ["SSL_CERT_FILE", "ALL_PROXY", "NO_PROXY"]
    for url, needed in ((ELSEWHERE, 2), ("https://localhost:1", 1), (NEAR, 0)):
        assert [line.partition(":")[0] for line in _faults(url)] == names[:needed]
        assert [line.partition(":")[0] for line in environment_remarks([url])] == names[needed:]


def test_each_wrong_proxy_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spelling that does not count is not blamed; two that say the same are both."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "socks4://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert [line.partition(":")[0] for line in _faults()] == ["HTTPS_PROXY and https_proxy", "all_proxy"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://server.example", "http://secure.corp:80"),
        ("http://server.example", "http://plain.corp:3128"),
        ("https://localhost:1", None),
        ("http://[::1]:1", None),
        ("https://a.inner.example:8443", None),
        ("https://a.inner.example", "http://secure.corp:80"),
    ],
)
def test_the_proxy_of_each_server(monkeypatch: pytest.MonkeyPatch, url: str, expected: str | None) -> None:
    """By the scheme, the lower-case spelling before the other, none for loopback and for what NO_PROXY names."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw@another.corp:1")
    monkeypatch.setenv("https_proxy", "http://user:pw@Secure.corp")
    monkeypatch.setenv("ALL_PROXY", "plain.corp:3128")
    monkeypatch.setenv("NO_PROXY", "inner.example:8443")
    assert _proxy_to(url) == expected


def test_a_proxy_with_letters_of_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is asked for as host names are written; no user is sent where none is named."""
    monkeypatch.setenv("ALL_PROXY", "https://[fd00::1]")
    assert _proxy_to(ELSEWHERE) == "https://[fd00::1]:443"
    monkeypatch.setenv("ALL_PROXY", "müller.example:3128")
    proxy = way_to(ELSEWHERE).proxy
    assert proxy is not None
    assert (proxy.url, proxy.headers, proxy.certificates) == ("http://xn--mller-kva.example:3128", {}, None)


def test_what_means_nothing_in_no_proxy_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line for all of it, proxy or not; a password that stands there by mistake is not shown."""
    monkeypatch.setenv("no_proxy", f"::1,a:99x,10.*,http://u:{PASSWORD_PART}@h,server.example")
    (line,) = environment_remarks([ELSEWHERE])
    assert line.startswith("no_proxy: what is no host")
    assert "'a:99x', '10.*', one with an @" in line
    assert PASSWORD_PART not in line
    monkeypatch.setenv("HTTPS_PROXY", "proxy.corp:3128")
    assert environment_remarks([NEAR, ELSEWHERE]) == environment_remarks([NEAR]) == [line]
    assert _faults() == []
    assert _proxy_to(ELSEWHERE) is None


@pytest.mark.parametrize("kind", ["missing", "folder", "no certificate"])
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_none_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, kind: str
) -> None:
    """By the variable and the place, which Python's own words leave out; where no server speaks TLS none are needed."""
    place = tmp_path / "corp"
    if kind == "folder":
        place.mkdir()
        (place / "README").touch()
    if kind == "no certificate":
        place.write_text("none")
    monkeypatch.setenv(name, str(place))
    (line,) = _faults()
    assert line.startswith(f"{name}: no certificates can be read from {place} (")
    assert line.endswith("correct it in the environment, or unset it")
    assert _faults("https://127.0.0.1:1") == [line]
    assert (_faults(NEAR), environment_remarks([NEAR]), environment_remarks([ELSEWHERE])) == ([], [line], [])
    plain = "http://server.example"
    assert _faults(plain) == []
    monkeypatch.setenv("HTTP_PROXY", "https://proxy.corp")
    assert _faults(plain) == [line]


def test_an_unusable_environment_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of a library leaves the edge, and none hangs on it as its cause."""
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{PASSWORD_PART}/etPW77@127.0.0.1:1")
    with pytest.raises(Unanswered, match="HTTP_PROXY: is no proxy") as caught:
        way_to(ELSEWHERE)
    assert (caught.value.kind, caught.value.never_sent) == ("connection", True)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_proxys_password_is_a_secret_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there and as it is meant; what names the proxy to people and libraries holds neither."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:p%2Fw%C3%A4@proxy.corp:3128")
    monkeypatch.setenv("all_proxy", "other.corp")
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:pw@wrong")
    assert proxy_secrets() == {"p%2Fw%C3%A4", "p/wä"}
    monkeypatch.delenv("HTTP_PROXY")
    proxy = way_to(ELSEWHERE).proxy
    assert repr(proxy) == "Proxy(url='http://proxy.corp:3128')"


def test_the_certificates_are_loaded_once() -> None:
    """Loading them takes longer than a request, so all edges and threads share one context, which nobody changes."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(trusted())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = trusted()
    assert trusted() is first
    assert way_to(ELSEWHERE).certificates is first
    assert way_to(NEAR).certificates is nobody()
    assert nobody().cert_store_stats()["x509_ca"] == 0
    before = first.cert_store_stats()
    first.set_alpn_protocols(["h2"])
    assert first.cert_store_stats() == before
