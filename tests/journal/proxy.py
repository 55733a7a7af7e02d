"""A line to a PostgreSQL server that is cut where a test wants it: between any two messages, before or after one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal, Self

__all__ = ["Proxy"]

_SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Forwards between a socket in ``folder`` and the server's.

    Args:
        folder: Where clients find it: the host of their URL.
        server: The server's folder.
        cut_at: The client's write, counted from 1 over all lines, at which its line is cut; 0 for never.
        when: "before" it is passed on; or "after" that, when the server has answered it and its answer is lost.

    Attributes:
        writes: How many there were.
        is_cut: Whether it came to that.
        sounds: While not set, nothing is passed on either way, and the lines stay open: a network that loses packets.
    """

    def __init__(
        self, folder: Path, server: Path, *, cut_at: int = 0, when: Literal["before", "after"] = "before"
    ) -> None:
        self.writes = 0
        self.is_cut = False
        self.sounds = asyncio.Event()
        self.sounds.set()
        self._folder = folder
        self._server = server
        self.cut_at = cut_at
        self.when: Literal["before", "after"] = when
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_unix_server(self._accept, self._folder / _SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        (self._folder / _SOCKET).unlink(missing_ok=True)
        await asyncio.sleep(0)

    def cut(self) -> None:
        """End all lines now."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_unix_connection(self._server / _SOCKET)
        self._writers += [writer, to_writer]
        lost = asyncio.Event()
        for pump in (self._there(reader, to_writer, writer, lost), self._back(to_reader, writer, to_writer, lost)):
            task = asyncio.ensure_future(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _there(
        self,
        client: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        answers: asyncio.StreamWriter,
        lost: asyncio.Event,
    ) -> None:
        while data := await self._read(client):
            self.writes += 1
            if self.writes == self.cut_at and self.when == "before":
                self.is_cut = True
                answers.transport.abort()
                server.transport.abort()
                return
            if self.writes == self.cut_at:
                self.is_cut = True
                lost.set()
            server.write(data)
        server.transport.abort()

    async def _back(
        self,
        server: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        questions: asyncio.StreamWriter,
        lost: asyncio.Event,
    ) -> None:
        while data := await self._read(server):
            if lost.is_set():  # the server did what it was asked for, and nobody hears of it
                client.transport.abort()
                questions.transport.abort()
                return
            client.write(data)
        client.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            data = await reader.read(65_536)
        except OSError:
            return b""
        await self.sounds.wait()
        return data
