"""A server that says everything it was told: every header of a request comes back in what it answers.

It stands for all three outside worlds at their worst. What it answers hangs on how often it was asked, never on when:
the chain's second window opens once the first one's search is answered, and it is the last one. Searches after the
first one are passed on to the stand-in for X.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.patience import GIVE_UP_S

__all__ = ["Echo", "echo"]

_ANALYSIS = {"subnets": [], "sentiment": "neutral"}


@dataclass(slots=True)
class Echo:
    """The server, and the credentials that it heard.

    Attributes:
        url: Where all three worlds are.
        heard: Every value of an Authorization or X-Auth-Signature header.
        asked: How often each path was asked for.
    """

    x_base: str
    url: str = ""
    heard: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, query: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body."""
        with self._lock:  # analyses are asked for at the same time
            self.asked[path] += 1
            turn = self.asked[path]
            self.heard |= {headers[name] for name in ("authorization", "x-auth-signature") if name in headers}
        said = " ".join(f"{name}: {value}" for name, value in headers.items())
        if path == "/v2/status":
            block = 6_000_000 + (100 if self.asked["/2/tweets/search/recent"] else 0)
            return 200, _json({"current_block": block, "blocks_per_window": 100, "message": said})
        if path == "/v2/submit":
            return _SUBMIT[turn % len(_SUBMIT)](said)
        if path == "/v1/chat/completions":
            return _CHAT[turn % len(_CHAT)](said)
        if turn == 1:
            return 401, _json({"title": "Unauthorized", "detail": said, "type": "about:blank", "status": 401})
        with httpx.Client(verify=False) as x:  # noqa: S501  (plain HTTP on loopback: no certificates to load)
            asked = {"authorization": headers["authorization"]}
            found = x.get(f"{self.x_base}/tweets/search/recent?{query}", headers=asked, timeout=GIVE_UP_S)
        return found.status_code, found.content


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _completion(text: str) -> tuple[int, bytes]:
    message = {"role": "assistant", "content": text}
    return 200, _json({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": None})


_SUBMIT: list[Callable[[str], tuple[int, bytes]]] = [
    lambda said: (200, _json({"status": "new", "message": said})),
    lambda said: (500, f"<html><title>{said}</title></html>".encode()),
    lambda said: (409, _json({"detail": {"message": said}})),
    lambda said: (422, _json({"detail": [{"field": "x", "message": said}]})),
    lambda said: (200, _json({"status": said})),
    lambda said: (401, said.encode()),
]
_CHAT: list[Callable[[str], tuple[int, bytes]]] = [
    lambda said: (401, _json({"error": {"message": f"Incorrect API key provided: {said}", "code": "invalid_api_key"}})),
    lambda said: _completion(f"I was asked with {said}: " + json.dumps(_ANALYSIS)),
    lambda said: (400, said.encode()),
    _completion,
]


@contextmanager
def echo(x_base: str) -> Iterator[Echo]:
    """Serve on a free port of loopback."""
    server = Echo(x_base)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            self.rfile.read(int(self.headers.get("content-length", "0")))
            status, body = server.answer(path, query, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  (the name that http.server looks for)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
