"""A webhook on this machine: what apprise posts to an address of schema json, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["TOKEN", "Hook", "hook"]

TOKEN = "planted-hook-token-6683"  # noqa: S105  (a test's)


@dataclass(slots=True)
class Hook:
    """What was posted, and what is answered; ``hold`` has every answer wait until it is set.

    Attributes:
        address: For NOTIFY_URL, with ``TOKEN`` as a password and in the path.
        posted: The bodies, oldest first.
        status: Of the answers from here on.
        hold: None answers at once.
    """

    address: str
    posted: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    hold: threading.Event | None = None

    def titles(self) -> list[str]:
        """What the messages are about."""
        return [body["title"] for body in self.posted]


@contextmanager
def hook() -> Iterator[Hook]:
    """A webhook for as long as this lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if found.hold is not None:
                found.hold.wait()
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Hook(f"json://alice:{TOKEN}@127.0.0.1:{server.server_address[1]}/hooks/{TOKEN}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield found
        finally:
            if found.hold is not None:
                found.hold.set()
            server.shutdown()
