"""Serves the page on loopback until Ctrl-C or SIGTERM, and follows the journals meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import uvicorn

from audit.inspect.source import Source
from user_miner.inspect.app import application

__all__ = ["serve"]

_HOST: Final = "127.0.0.1"
_PACE_S: Final = 0.5
_BREATH_S: Final = 0.005  # for whoever waits for an answer


class _Server(uvicorn.Server):
    """uvicorn, whose streams are told to end by the signal that ends it."""

    stopped: asyncio.Event

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends it with exit code 0, for nothing is left undone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True
        self.stopped.set()


def serve(sources: Sequence[Source], *, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve the journals; ``ready`` is told the address.

    Raises:
        OSError: The port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        ended = threading.Event()
        follower = threading.Thread(target=_follow, args=(sources, ended), name="follow", daemon=True)
        follower.start()
        try:
            asyncio.run(_serve(sources, listener, token, ready))
        finally:
            ended.set()
            follower.join()


async def _serve(sources: Sequence[Source], listener: socket.socket, token: str, ready: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    config = uvicorn.Config(
        application(sources, token, stopped),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    server.stopped = stopped
    listener.listen()
    ready(f"http://{_HOST}:{listener.getsockname()[1]}/{token}/")
    await server.serve(sockets=[listener])


def _follow(sources: Sequence[Source], ended: threading.Event) -> None:
    """Each journal in turn; with hardly a rest while one of them still has records to be read."""
    while not ended.is_set():
        more = [source.follow() for source in sources]
        ended.wait(_BREATH_S if any(more) else _PACE_S)
