"""Ports for servers that are told one, where no other socket gets it meanwhile."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

# Below what Linux gives to sockets that ask for any port: a port of those may be another socket's a moment later.
_PORTS = range(12_000, 32_000)
_next = random.SystemRandom().choice(_PORTS)


def free_port() -> int:
    """A port of this machine that nobody uses, and that no call in this process gave out lately."""
    global _next  # noqa: PLW0603
    while True:
        _next = _next + 1 if _next + 1 in _PORTS else _PORTS.start
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next))
            except OSError:
                continue
            return _next
