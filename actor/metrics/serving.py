"""The HTTP server of metrics and probes: in threads of its own, bounded in number and time, so it holds up nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actor.settings.model import Settings

if TYPE_CHECKING:
    from actor.metrics.monitor import Monitor

__all__ = ["MetricsError", "serving_metrics"]

_log = logging.getLogger("actor")


class MetricsError(Exception):
    """The port cannot be served; one line that says why and what to do."""


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
    from actor.metrics.server import MetricsServer  # noqa: PLC0415

    monitor = Monitor(settings)
    try:
        server = MetricsServer(monitor, host=settings.metrics_host, port=settings.metrics_port)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MetricsError(
            f"METRICS_PORT: {settings.metrics_host}:{settings.metrics_port} cannot be served: {reason}: "
            "stop what uses it, or set another METRICS_PORT or METRICS_HOST"
        ) from error
    _log.info("metrics at http://%s:%d/metrics", *server.address)
    with server:
        yield monitor
