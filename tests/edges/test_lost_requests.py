"""Of a request that never left, and of no other, it is said that there was no connection: in clear and in TLS."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.kit import black_hole
from tests.edges.proxy import LittleProxy
from tests.edges.three import EDGES, told_by

EVERY_EDGE = pytest.mark.parametrize("edge", EDGES)
BROKE = "the connection broke"


@pytest.fixture(autouse=True)
def trusted(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private authority is named."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))


def _garble(line: socket.socket, _released: threading.Event) -> None:
    """Bytes that are neither HTTP nor TLS."""
    with socket.socket(fileno=os.dup(line.fileno())) as plain:
        plain.sendall(b"\x00 this is no record \xff" * 10)


def _reset(line: socket.socket, _released: threading.Event) -> None:
    """Hang up in the hard way."""
    with socket.socket(fileno=os.dup(line.fileno())) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


PLAYS: dict[str, Any] = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "garbage": _garble,
    "a reset": _reset,
}


@EVERY_EDGE
@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize("server", ["wire", "secure_wire"])
def test_a_request_that_left_was_connected(request: pytest.FixtureRequest, edge: str, play: str, server: str) -> None:
    """It may have been read and billed, so it is not said that there was no connection."""
    wire = request.getfixturevalue(server)
    wire.plays(PLAYS[play])
    told = told_by(edge, wire.url)
    assert "no connection" not in told
    assert BROKE in told or (edge, play) == ("x", "half a head")  # which http.client takes for a whole one
    assert len(wire.requests) == 1


@EVERY_EDGE
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_did_not_leave(closed_url: str, edge: str, scheme: str) -> None:
    """Nobody listens there."""
    assert "no connection" in told_by(edge, closed_url.replace("http", scheme, 1))


@EVERY_EDGE
def test_a_server_that_speaks_no_tls(wire: Any, edge: str) -> None:
    """The handshake fails before the request is sent."""
    wire.plays(wire.hang)
    told = told_by(edge, wire.url.replace("http", "https", 1), timeout_s=1.0)
    assert "no connection" in told or "in time" in told or "within" in told
    assert not [request for request in wire.requests if b"planted" in request]


@EVERY_EDGE
def test_a_host_that_does_not_answer_at_all(edge: str) -> None:
    """A connection that does not come about in time is none."""
    with black_hole() as address:
        told = told_by(edge, f"http://{address}", timeout_s=0.4)
    assert "no connection" in told


@EVERY_EDGE
def test_a_server_that_is_silent(wire: Any, edge: str) -> None:
    """The request left, and what became of it is not known."""
    wire.plays(wire.hang)
    told = told_by(edge, wire.url, timeout_s=0.5)
    assert "no connection" not in told
    assert "in time" in told or "within" in told


@EVERY_EDGE
def test_a_proxy_that_hangs_up(secure_wire: Any, monkeypatch: pytest.MonkeyPatch, edge: str) -> None:
    """The server never saw the request; where the edge cannot know that, it does not claim it."""
    with LittleProxy(secure_wire.port, refuses=b"HTTP/1.1 2") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        told = told_by(edge, "https://server.test")
    assert "no connection" in told or BROKE in told
    assert secure_wire.requests == []
