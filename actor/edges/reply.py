"""One HTTP answer as the edges hand it to their pure parts, and a line for people from whatever its body holds.

It knows no library, does no IO and never raises for a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

from actor.edges.text import one_line, parse_json, safe_line
from events.value import Value

__all__ = ["Reply", "Unanswered", "root_cause", "summarize"]

_SUCCESS: Final = range(200, 300)
_TITLE: Final = re.compile(r"<title[^>]*>(.{1,300}?)</title", re.IGNORECASE | re.DOTALL)
_HTML: Final = re.compile(r"\s*(<!doctype|<html|<head|<body)", re.IGNORECASE)
_WORDS: Final = ("message", "msg", "detail", "error", "errors", "reason", "title")
_SHOWN_ITEMS: Final = 3
_DEEPEST: Final = 4


class Unanswered(Exception):  # noqa: N818  (what happened, as the other answers are named)
    """There was no HTTP answer.

    Attributes:
        kind: "timeout" (not in time) or "connection" (none at all).
        reason: One line for people, without secrets.
        never_sent: The request certainly did not reach the server, so nothing was done and nothing is billed.
    """

    def __init__(self, reason: str, *, kind: Literal["timeout", "connection"], never_sent: bool = False) -> None:
        super().__init__(reason)
        self.kind: Literal["timeout", "connection"] = kind
        self.reason = reason
        self.never_sent = never_sent


def root_cause(error: BaseException) -> str:
    """What the deepest cause says, unbounded: libraries wrap "connection refused" thrice and add the whole URL."""
    seen: list[BaseException] = [error]
    while (deeper := seen[-1].__cause__ or seen[-1].__context__) is not None and deeper not in seen:
        seen.append(deeper)
    return f"{type(seen[-1]).__name__}: {seen[-1]}"


class Reply(Value, frozen=True, kw_only=True):
    """An HTTP answer.

    Attributes:
        status: The status code.
        headers: Header values under lower-case names.
        body: The bytes that came, at most as many as the edge reads.
        complete: False when the body was longer than that, or broke off.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    complete: bool = True

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in _SUCCESS

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> object:
        """The body as JSON.

        Raises:
            ValueError: It is not whole, not UTF-8 or not JSON.
        """
        if not self.complete:
            raise ValueError("the body is not whole")
        return parse_json(self.body)

    def json_object(self) -> Mapping[str, object]:
        """The body as a JSON object; empty when it is anything else."""
        try:
            parsed = self.json()
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def summary(self, redact: Callable[[str], str]) -> str:
        """One line for people without secrets: what the body says in any of the shapes that servers use."""
        try:
            said = summarize(self.json())
        except ValueError:
            said = ""
        return safe_line(said, redact) or _describe_text(safe_line(self.text(), redact, 1_200))


def summarize(value: object, depth: int = 0) -> str:
    """The words for people in a JSON value of unknown shape; empty when there are none."""
    if isinstance(value, str):
        return value
    if depth >= _DEEPEST:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (summarize(item, depth + 1) for item in value[:_SHOWN_ITEMS])))
    return _summarize_object(value, depth) if isinstance(value, dict) else ""


def _summarize_object(value: dict[str, object], depth: int) -> str:
    said = next(filter(None, (summarize(value.get(word), depth + 1) for word in _WORDS)), "")
    where = value.get("field") or _location(value.get("loc"))
    return f"{where}: {said}" if isinstance(where, str) and where and said else said


def _location(value: object) -> str:
    return ".".join(map(str, value[:_SHOWN_ITEMS])) if isinstance(value, list) else ""


def _describe_text(text: str) -> str:
    if not text:
        return "empty body"
    if _HTML.match(text):
        title = _TITLE.search(text)
        return f"an HTML page: {one_line(title[1], 120)}" if title else "an HTML page"
    return one_line(text, 200)
