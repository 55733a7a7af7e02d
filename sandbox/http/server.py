"""Serves applications on loopback from one background thread; each can go down and come back on its port.

It never lets a slow request delay a stop: open connections are cut.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import ASGIApp

__all__ = ["LoopThread", "Service"]

_T = TypeVar("_T")
_CALL_S = 60.0
_GRACE_S = 0.5


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)

    @property
    def closed(self) -> bool:
        """Whether it was stopped."""
        return self._loop.is_closed()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)

    def stop(self) -> None:
        """End the thread and close the loop."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CALL_S)
        self._loop.close()


class Service:
    """One application on one port, which stays reserved while the service is down."""

    def __init__(self, app: ASGIApp, *, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._holder = _bound(host, port)
        self.port: int = self._holder.getsockname()[1]
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:8001, without a slash at the end."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{name}:{self.port}"

    async def start(self) -> None:
        """Listen; nothing happens when it listens already."""
        if self._server is not None:
            return
        listener = _bound(self._host, self.port)
        server = _Server(self._app)
        self._task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if self._task.done():
                await self._task
                raise RuntimeError(f"the server on port {self.port} ended before it listened")
            await asyncio.sleep(0.001)
        self._server = server

    async def stop(self) -> None:
        """Stop listening and cut open connections; connecting is refused from then on."""
        server, task = self._server, self._task
        self._server = self._task = None
        if server is not None and task is not None:
            server.halt.set()
            await task

    def release(self) -> None:
        """Give the port back."""
        self._holder.close()


class _Server(uvicorn.Server):
    """uvicorn without its waits: it stops when told and cuts what is open."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # the gate's, by the sandbox's clock
                timeout_keep_alive=75,
            )
        )
        self.halt = asyncio.Event()

    async def main_loop(self) -> None:
        """Wait until halted."""
        await self.halt.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, cut the connections, and wait for what ran on them."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.sleep(0)
        for sock in sockets or []:
            sock.close()


class _Protocol(H11Protocol):
    """Hands the application its connection.

    There are two ways to end it, abort (at once) and close (after what was sent); write sends bytes as they are, and
    buffered tells how many of them wait.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {
            **self.app_state,
            "abort": transport.abort,
            "close": transport.close,
            "write": transport.write,
            "buffered": transport.get_write_buffer_size,
        }


def _bound(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen; several may share a port as long as one at most listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then, and without it every answer takes 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"port {port} on {host} is taken; choose another, or 0 for any free one") from error
    return sock
