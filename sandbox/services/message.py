"""What goes to a service and what comes back, as bytes, and what stands before any server. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

__all__ = ["PAGES", "Answer", "Request"]

_PAGE: Final = b"<!doctype html><html><head><title>Just a moment...</title></head><body><h1>%s</h1></body></html>"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it arrives.

    Attributes:
        place: Which server and what it is asked: "api.status", "api.submit", "x.search", "x.users",
            "llm.chat".
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
    """One answer as it leaves, header names in lower case; JSON unless its headers say otherwise.

    Attributes:
        status: Of HTTP.
        headers: Those that matter.
        body: As bytes.
        outcome: What the service decided, one word; for the ledger alone.
        facts: More about that; likewise.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    outcome: str = ""
    facts: Mapping[str, Any] = {}

    @classmethod
    def json(cls, body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer whose body is this value as JSON."""
        return cls(status=status, headers=headers or {}, body=orjson.dumps(body))

    def with_header(self, name: str, value: str) -> Answer:
        """The same with one more header."""
        return msgspec.structs.replace(self, headers={**self.headers, name: value})

    def decided(self, outcome: str, **facts: Any) -> Answer:
        """The same with what the ledger is to know."""
        return msgspec.structs.replace(self, outcome=outcome, facts=facts)


def _page(said: bytes, status: int = 200) -> Answer:
    return Answer(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=_PAGE % said)


# What a proxy or a wall in front of any server says, by the name of the fault; nothing is done then.
PAGES: Final[Mapping[str, Answer]] = {
    "html": _page(b"Checking your browser"),
    "html_503": _page(b"503 Service Temporarily Unavailable", 503),
    "blank": Answer(status=200),
    "not_json": Answer(status=200, body=b'{"data": [{"id": "19'),
}
