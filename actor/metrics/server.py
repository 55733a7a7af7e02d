"""/metrics, /healthz and /readyz over HTTP/1.0. Reads a monitor; never touches the miner.

Each connection has a thread that ends with it. There are never more than 16: a further one ends the oldest, so that
somebody who connects and says nothing keeps nobody else out.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Final, Self

from prometheus_client.exposition import choose_encoder

from actor.metrics.families import make_registry
from actor.metrics.fleet import FleetMonitor
from actor.metrics.monitor import Health, Monitor
from actor.metrics.serving import SERVER, family

__all__ = ["MetricsServer"]

_MOST_CONNECTIONS: Final = 16
_PATIENCE_S: Final = 5.0
_STOP_S: Final = 1.0

_log = logging.getLogger("actor")


class MetricsServer:
    """Serves from the moment it is made until it is closed; it is its own context manager.

    Args:
        monitor: What is told of.
        host: An address or name of this machine.
        port: The port; 0 takes a free one.

    Raises:
        OSError: The port cannot be had.
    """

    def __init__(self, monitor: Monitor | FleetMonitor, *, host: str, port: int) -> None:
        self._server = _Server(host, port, monitor)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="user-miner-metrics", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Stop serving; requests under way are cut off."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(HTTPServer):
    allow_reuse_address = True
    request_queue_size = _MOST_CONNECTIONS

    def __init__(self, host: str, port: int, monitor: Monitor | FleetMonitor) -> None:
        self.address_family = family(host, port)
        self.registry = make_registry(monitor)
        self.monitor = monitor
        self._open: OrderedDict[int, socket.socket] = OrderedDict()
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without the look-up of this host's name, which may take long and serves nobody."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own."""
        with self._lock:
            self._open[id(request)] = request
            oldest = self._open.popitem(last=False)[1] if len(self._open) > _MOST_CONNECTIONS else None
        if oldest is not None:
            _cut(oldest)
        threading.Thread(
            target=self._serve, args=(request, client_address), name="user-miner-metrics", daemon=True
        ).start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception as error:  # noqa: BLE001  (whoever asks may leave at any moment)
            _log.debug("a request for metrics ended early: %s", error)
        finally:
            with self._lock:
                self._open.pop(id(request), None)
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A connection that broke before it had a thread is no news."""
        _log.debug("a connection for metrics broke", exc_info=True)

    def server_close(self) -> None:
        """Cut off what is still asked."""
        super().server_close()
        with self._lock:
            for request in self._open.values():
                _cut(request)


def _cut(request: socket.socket) -> None:
    """End a connection from another thread than the one that serves it, which then closes it."""
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection for metrics had ended already")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_S
    server_version = SERVER
    sys_version = ""

    def do_GET(self) -> None:
        answer = _ROUTES.get(self.path.partition("?")[0])
        if answer is None:
            self._send(404, "text/plain; charset=utf-8", b"there are /metrics, /healthz and /readyz\n")
        else:
            answer(self)

    do_HEAD = do_GET  # noqa: N815  (the library's name)

    def metrics(self) -> None:
        """All families, in the format that is asked for."""
        try:
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        except (TypeError, ValueError):  # a version that is none, which the library does not expect
            encode, content_type = choose_encoder("")
        self._send(200, content_type, encode(self.server.registry))

    def probe(self, health: Health) -> None:
        """One line of JSON, with 503 for no."""
        line = json.dumps({"ok": health.ok, "reason": health.reason}) + "\n"
        self._send(200 if health.ok else 503, "application/json", line.encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        """Scrapes are no news."""
        _log.debug("metrics: " + format, *args)


_ROUTES: Final[dict[str, Callable[[_Handler], None]]] = {
    "/metrics": _Handler.metrics,
    "/healthz": lambda handler: handler.probe(handler.server.monitor.alive()),
    "/readyz": lambda handler: handler.probe(handler.server.monitor.ready()),
}
