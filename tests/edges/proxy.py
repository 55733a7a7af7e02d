"""A little proxy: it opens tunnels and forwards requests, all to one server, whatever name was asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

__all__ = ["LittleProxy"]


class LittleProxy:
    """Keeps the head of each request to it in ``heads``; ``refuses`` is what it answers in place of a tunnel."""

    def __init__(self, upstream_port: int, *, tls: ssl.SSLContext | None = None, refuses: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self._upstream_port = upstream_port
        self._tls = tls
        self._refuses = refuses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                line.settimeout(60)
                self._threads.append(threading.Thread(target=self._serve, args=(line,), daemon=True))
                self._threads[-1].start()

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError), line:
            if self._tls is None:
                self._answer(line)
            else:
                with self._tls.wrap_socket(line, server_side=True) as secured:
                    self._answer(secured)

    def _answer(self, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = line.recv(65_536)
            if not piece:
                return
            head += piece
        self.heads.append(head)
        if self._refuses:
            line.sendall(self._refuses)
            return
        with socket.create_connection(("127.0.0.1", self._upstream_port), 60) as upstream:
            if head.startswith(b"CONNECT "):
                line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(head)
            back = threading.Thread(target=_pump, args=(upstream, line), daemon=True)
            back.start()
            _pump(line, upstream)
            back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
