"""The HTTP server by itself: what it answers, and that nobody who asks holds up anybody."""

from __future__ import annotations

import socket
import threading

import pytest

from actor.metrics.serving import MetricsError, serving_metrics
from tests.metrics.kit import ask, monitor, probe, samples, serving, settings
from tests.patience import GIVE_UP_S, Stopwatch
from tests.ports import free_port


def connected(address: tuple[str, int], sent: bytes = b"") -> socket.socket:
    """A client that has said so much."""
    client = socket.create_connection(address, timeout=GIVE_UP_S)
    client.sendall(sent)
    return client


def test_the_three_paths_are_served() -> None:
    """In the formats that are asked for; anything else is not there, and nothing can be changed."""
    with serving(monitor()) as address:
        status, headers, body = ask(address, "/metrics")
        assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
        assert samples(body)
        status, headers, body = ask(address, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith("# EOF\n")
        assert probe(address, "/healthz?from=somebody")[0] == 200
        assert probe(address, "/readyz")[0] == 503
        assert ask(address, "/")[0] == 404
        assert ask(address, "/metrics/../../etc/passwd")[0] == 404
        assert ask(address, "/metrics", method="HEAD")[2] == ""
        assert ask(address, "/metrics", method="POST")[0] == 501


@pytest.mark.parametrize("version", ["abc", "1.abc", "", "9.9"])
def test_a_format_of_a_version_that_is_none(version: str) -> None:
    """Whoever asks for it gets figures all the same."""
    with serving(monitor()) as address:
        accept = f"application/openmetrics-text;version={version};escaping=x"
        status, _, body = ask(address, "/metrics", Accept=accept)
    assert (status, "user_miner" in body) == (200, True)


def test_a_port_in_use_is_one_line() -> None:
    """It names the setting, the place, the reason and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            MetricsError, match=rf"^METRICS_PORT: 127\.0\.0\.1:{port} cannot be served: Address already"
        ):
            serving_metrics(settings(metrics_port=port)).__enter__()


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host", "a" * 300])
def test_a_host_that_is_not_here_is_one_line(host: str) -> None:
    """An address of another machine, and what is no name at all."""
    with pytest.raises(MetricsError, match=r"^METRICS_PORT: .* or set another METRICS_PORT or METRICS_HOST$"):
        serving_metrics(settings(metrics_port=free_port(), metrics_host=host)).__enter__()


def test_without_a_port_nothing_is_served() -> None:
    """The default."""
    with serving_metrics(settings()) as watched:
        assert watched is None


def test_ipv6_is_served() -> None:
    """Loopback has two addresses."""
    port = free_port()
    with serving_metrics(settings(metrics_port=port, metrics_host="::1")):
        assert probe(("::1", port), "/healthz")[0] == 200


def test_the_port_is_free_again_at_once() -> None:
    """A restart finds it, even while a client still hangs on the one before."""
    port = free_port()
    for _ in range(3):
        with serving_metrics(settings(metrics_port=port)):
            client = connected(("127.0.0.1", port), b"GET /metrics HTTP/1.0\r\n")
            assert ask(("127.0.0.1", port), "/metrics")[0] == 200
        client.close()


def test_clients_that_say_nothing_keep_nobody_out() -> None:
    """There are at most 16 connections: further ones end the oldest, and threads do not pile up."""
    with serving(monitor()) as address:
        before = threading.active_count()
        silent = [connected(address, b"GET /met") for _ in range(30)]
        try:
            for _ in range(3):
                assert ask(address, "/metrics")[0] == 200
            assert threading.active_count() <= before + 17
        finally:
            for client in silent:
                client.close()


def test_a_client_that_reads_nothing_or_leaves_is_no_trouble() -> None:
    """Its thread ends by itself; what it asked in part, twice or as nonsense harms nothing."""
    with serving(monitor()) as address:
        for sent in (
            b"GET /metrics HTTP/1.0\r\n\r\n",
            b"\x00\xff\r\n\r\n",
            b"GET " + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n",
        ):
            connected(address, sent).close()
        reader = connected(address, b"GET /metrics HTTP/1.0\r\n\r\n")
        watch = Stopwatch()
        assert ask(address, "/metrics")[0] == 200
        assert watch.seconds() < 2
        reader.close()


def test_many_who_ask_at_once_are_all_answered() -> None:
    """Each collects for itself; the figures are consistent."""
    answers: list[int] = []
    with serving(monitor()) as address:
        threads = [threading.Thread(target=lambda: answers.append(ask(address, "/metrics")[0])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * 8
