"""No answer keeps the loop busy: what comes of a server is read little by little, and no further than a bound.

Libraries bound the time of each read, and read 64 KiB at a time. Cut into chunks of one byte, or filled with
100 Continue, these are ten thousand events that are handled at one go, from each connection. So less is read at a time,
others have their turn before each read, and an answer is bounded in pieces and on the line as it is in bytes.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from actor.edges.permit import check_permit

__all__ = ["Body", "pace"]

_READ: Final = 4096
# More than an answer has whose server sends each word of a model's by itself.
_MOST_PIECES: Final = 16_384
# Headers, and what a piece takes on the line beside its bytes.
_MOST_BESIDE: Final = 16 * _MOST_PIECES


class Body:
    """What is read of an answer's body.

    Args:
        largest: So many bytes of it are of interest.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._body = bytearray()
        self._pieces = 0

    def take(self, piece: bytes) -> bool:
        """Add a piece; False once no further one is wanted."""
        self._body += piece
        self._pieces += 1
        return self.complete

    @property
    def complete(self) -> bool:
        """Whether it is all of the body, once there is no further piece."""
        return len(self._body) <= self._largest and self._pieces < _MOST_PIECES

    def __bytes__(self) -> bytes:
        """As many bytes as are of interest."""
        return bytes(self._body[: self._largest])


def pace(transport: Any, largest: int) -> Any:
    """The same transport of httpx or httpx2, which reads at this pace.

    Neither takes another network by its constructor, only their pools do; both have the same ones.

    Args:
        transport: An AsyncHTTPTransport.
        largest: Bytes that are read of a body; an answer that takes far more on the line is broken off with OSError.
    """
    pool = transport._pool  # noqa: SLF001
    pool._network_backend = _Network(pool._network_backend, largest + _MOST_BESIDE)  # noqa: SLF001
    return transport


class _Network:
    """Opens connections that are read at this pace."""

    def __init__(self, inner: Any, most_bytes: int) -> None:
        self._inner = inner
        self._most_bytes = most_bytes
        self.sleep = inner.sleep

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> _Line:
        line = await self._inner.connect_tcp(*args, **kwargs)
        line._stream._transport = _Permitted(line._stream._transport)  # noqa: SLF001  (its writes first have others in turn)
        return _Line(line, self._most_bytes)


class _Permitted:
    """The same transport of asyncio, which looks right before bytes leave whether this process may still send."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes) -> None:
        check_permit()
        self._inner.write(data)


class _Line:
    """One connection, over which one answer comes after each request."""

    def __init__(self, inner: Any, most_bytes: int) -> None:
        self._inner = inner
        self._most_bytes = self._left_bytes = most_bytes
        self.aclose = inner.aclose
        self.get_extra_info = inner.get_extra_info

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  (httpcore's own)
        await asyncio.sleep(0)
        piece: bytes = await self._inner.read(min(max_bytes, _READ), timeout)
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise OSError(f"the answer takes more than {self._most_bytes} bytes on the line")
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._left_bytes = self._most_bytes
        await self._inner.write(buffer, timeout)

    async def start_tls(self, *args: Any, **kwargs: Any) -> _Line:
        return _Line(await self._inner.start_tls(*args, **kwargs), self._most_bytes)
