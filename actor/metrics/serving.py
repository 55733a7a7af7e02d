"""The HTTP server of metrics and probes: in threads of its own, bounded in number and time, so it holds up nothing."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

from actor.settings.model import Settings

if TYPE_CHECKING:
    from actor.metrics.fleet import FleetMonitor
    from actor.metrics.monitor import Monitor

__all__ = ["SERVER", "MetricsError", "family", "is_served", "port_refusal", "serving_fleet", "serving_metrics"]

SERVER: Final = "user-miner"

_log = logging.getLogger("actor")


class MetricsError(Exception):
    """The port cannot be served; one line that says why and what to do."""


# What the system says of an address that is not to be had.
_UNSERVED: Final = (OSError, OverflowError, UnicodeError)


def _refusal(host: str, port: int, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or error
    return (
        f"METRICS_PORT: {host}:{port} cannot be served: {reason}: stop what uses it, or set another METRICS_PORT or "
        "METRICS_HOST"
    )


def family(host: str, port: int) -> socket.AddressFamily:
    """IPv4 or IPv6, as the host is reached."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]


def port_refusal(host: str, port: int) -> str | None:
    """Why the port could not be served now, in the words of MetricsError; None when it could. It serves nothing."""
    try:
        with socket.socket(family(host, port)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))  # and no listen, so that a miner that starts meanwhile still has it
    except _UNSERVED as error:
        return _refusal(host, port, error)
    return None


def is_served(host: str, port: int, *, timeout_s: float) -> bool:
    """Whether what answers at the port is a miner of this software."""
    connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().headers.get("Server", "").startswith(SERVER)
    except (OSError, HTTPException, UnicodeError):
        return False
    finally:
        connection.close()


@contextmanager
def serving_metrics(settings: Settings) -> Iterator[Monitor | None]:
    """A monitor for the miner, served at METRICS_PORT for as long as this lasts; None where no port is set.

    Raises:
        MetricsError: The port cannot be had.
    """
    if settings.metrics_port is None:
        yield None
        return
    from actor.metrics.monitor import Monitor  # noqa: PLC0415  (only who serves pays for what serving imports)

    monitor = Monitor(settings)
    with _serving(settings, monitor):
        yield monitor


@contextmanager
def serving_fleet(settings: Settings) -> Iterator[FleetMonitor | None]:
    """The same for many hotkeys, whose settings agree in what is served.

    Raises:
        MetricsError: As above.
    """
    if settings.metrics_port is None:
        yield None
        return
    from actor.metrics.fleet import FleetMonitor  # noqa: PLC0415  (as above)

    monitor = FleetMonitor()
    with _serving(settings, monitor):
        yield monitor


@contextmanager
def _serving(settings: Settings, monitor: Monitor | FleetMonitor) -> Iterator[None]:
    from actor.metrics.server import MetricsServer  # noqa: PLC0415  (as above)

    if settings.metrics_port is None:
        raise ValueError("METRICS_PORT is not set")
    try:
        server = MetricsServer(monitor, host=settings.metrics_host, port=settings.metrics_port)
    except _UNSERVED as error:
        raise MetricsError(_refusal(settings.metrics_host, settings.metrics_port, error)) from error
    _log.info("metrics at http://%s:%d/metrics", *server.address)
    with server:
        yield
