"""What goes to a server of the simulated world and what comes back, as bytes. Data only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson

__all__ = ["Answer", "Request", "page"]

_PAGE = b"<!doctype html><html><head><title>Just a moment...</title></head><body><h1>%s</h1></body></html>"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it arrives.

    Attributes:
        place: Which server and what it is asked: "api.status", "api.submit", "x.search", "llm.chat".
        headers: Under lower-case names.
        params: Of the query.
        content: The body.
        life: Which process sent it, from 1; for the ledger alone.
    """

    place: str
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    content: bytes = b""
    life: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as it leaves, header names in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @classmethod
    def json(cls, body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer whose body is this value as JSON."""
        return cls(status=status, headers=headers or {}, body=orjson.dumps(body))


def page(said: str, status: int = 200) -> Answer:
    """An HTML page, as a proxy or a wall before the server sends it."""
    return Answer(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=_PAGE % said.encode())
