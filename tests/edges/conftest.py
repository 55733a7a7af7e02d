"""A server that answers with exactly the bytes it is told, a clock that stands still, and a real key to sign with."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import trustme

from actor.edges.x import PostScraper
from events.catalogue import SubmissionBody
from tests.patience import GIVE_UP_S

CERTIFICATES = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
NOW_S = 1_795_000_000
X_TOKEN = "planted%2Bx-token-0123456789"  # noqa: S105  (planted to be found)
# Limits of a scraper that is to run out of time.
IMPATIENT: Final = {"timeout_s": 0.3, "total_timeout_s": 0.6}
Play: TypeAlias = bytes | Callable[[socket.socket, threading.Event], None]


@dataclass
class RawServer:
    """Plays one entry of ``script`` for each connection, the last one over and over.

    Attributes:
        requests: What came.
        asked: Set once something did.
        released: Set when the test is over.
    """

    script: list[Play] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def plays(self, *script: Play) -> RawServer:
        """Set the script."""
        self.script = list(script)
        return self

    def answers(self, status: int, body: bytes | str | dict[str, Any] | list[Any] = b"", **headers: str) -> RawServer:
        """Answer every request with this."""
        return self.plays(self.answer(status, body, **headers))

    @staticmethod
    def answer(status: int, body: bytes | str | dict[str, Any] | list[Any] = b"", **headers: str) -> bytes:
        """A whole HTTP answer; underscores in header names stand for hyphens."""
        raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(raw)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + raw

    @staticmethod
    def hang(connection: socket.socket, released: threading.Event) -> None:  # noqa: ARG004  (the shape of a play)
        """No answer until the test is over."""
        released.wait(GIVE_UP_S)

    @staticmethod
    def hang_after(start: bytes) -> Play:
        """So much of an answer, then nothing until the test is over."""

        def play(connection: socket.socket, released: threading.Event) -> None:
            connection.sendall(start)
            released.wait(GIVE_UP_S)

        return play

    @staticmethod
    def drip(start: bytes, every_s: float = 0.02) -> Play:
        """So much of an answer, then a space every so often until the client leaves."""

        def play(connection: socket.socket, released: threading.Event) -> None:
            connection.sendall(start)
            while not released.wait(every_s):
                connection.sendall(b" ")

        return play

    def close(self) -> None:
        """Let everything that hangs end, and wait for it."""
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(GIVE_UP_S)
        self._listener.close()
        for thread in self._threads:
            thread.join(GIVE_UP_S)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(GIVE_UP_S)
            try:
                if self.tls is None:
                    self._play(connection)
                else:
                    with self.tls.wrap_socket(connection, server_side=True) as secured:
                        self._play(secured)
            except OSError:
                return  # the client left

    def _play(self, connection: socket.socket) -> None:
        request = _read_request(connection)
        if not request:
            return
        self.requests.append(request)
        self.asked.set()
        play = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(play):
            play(connection, self.released)
        else:
            connection.sendall(play)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        piece = connection.recv(missing)
        data, missing = data + piece, missing - len(piece)
    return data


class StandingClock:
    """``actor.ports.Clock`` at one moment."""

    def __init__(self, now_ms: int = NOW_S * 1000 + 250) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        """Always the same, until a test moves it."""
        return self.ms

    def elapsed_s(self) -> float:
        """Seconds that do pass."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's proxies and certificates."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in CERTIFICATES:
            monkeypatch.delenv(name)


@pytest.fixture
def wire() -> Iterator[RawServer]:
    """A raw server on loopback."""
    server = RawServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A private certificate authority, which no system knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate."""
    file = tmp_path / "private-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """For a server that this authority vouches for, by each name and address that tests give it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("server.test", "localhost", "127.0.0.1", "0.0.0.0").configure_cert(context)  # noqa: S104
    return context


@pytest.fixture
def secure_wire(server_tls: ssl.SSLContext) -> Iterator[RawServer]:
    """A raw server on loopback that speaks TLS."""
    server = RawServer(tls=server_tls)
    yield server
    server.close()


@pytest.fixture
def closed_url() -> str:
    """An address of this machine that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def clock() -> StandingClock:
    """A clock that stands still."""
    return StandingClock()


@pytest.fixture
def scraper(clock: Any) -> Callable[..., PostScraper]:
    """Makes scrapers that wait as long as a test does."""

    def make(base: str, **changes: Any) -> PostScraper:
        settings: dict[str, Any] = {
            "bearer_token": X_TOKEN,
            "api_base": f"{base}/2",
            "clock": clock,
            "timeout_s": GIVE_UP_S,
            "total_timeout_s": GIVE_UP_S,
            "redact": str,
        }
        return PostScraper(**(settings | changes))

    return make


@pytest.fixture(scope="session")
def alice() -> Any:
    """A signer on a well-known test key."""
    from bittensor_core import Keypair  # noqa: PLC0415  (only tests that sign pay for it)

    from actor.edges.hotkey import signer_from_keypair  # noqa: PLC0415  (as above)

    return signer_from_keypair(Keypair.create_from_uri("//Alice"))


@pytest.fixture
def submission(alice: Any) -> SubmissionBody:
    """A body that the coordination API takes."""
    return SubmissionBody(
        miner_hotkey=alice.ss58_address,
        post_id="1812",
        content="SN45 ships, naïvely 🚀",
        date=NOW_S - 600,
        author="ada",
        account_age=365,
        retweets=1,
        likes=2,
        responses=3,
        followers=4,
        tokens={"talisman_ai": 1.0},
        sentiment=0.5,
        score=0.75,
    )


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All records of all loggers down to DEBUG, those of the HTTP libraries by name as well."""
    caplog.set_level(logging.DEBUG)
    for name in ("tweepy.client", "requests", "urllib3", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog
