"""One HTTP answer as the edges hand it to their pure parts, or why there is none.

It knows no library, does no IO and never raises for a body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from actor.edges.text import parse_json, safe_line
from actor.edges.told import plain_words, told
from events.codec import Value

__all__ = ["Reply", "Unanswered", "is_before_sending", "root_cause"]

_SUCCESS: Final = range(200, 300)
_LONGEST_READ: Final = 65_536
# What httpx, httpx2 and a permit raise before a request leaves; whatever else they raise may come after it was read.
_BEFORE_SENDING: Final = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "LocalProtocolError",
        "NotOursError",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
    }
)


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


def is_before_sending(error: BaseException) -> bool:
    """Whether this error of httpx or httpx2 says that the request did not leave; each has classes of its own."""
    return type(error).__name__ in _BEFORE_SENDING


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
            found = told(self.json()).words
        except ValueError:
            found = ""
        return safe_line(found, redact) or safe_line(self._plain(redact), redact, 200) or "empty body"

    def _plain(self, redact: Callable[[str], str]) -> str:
        # Once more before: of a page only the beginning is read, which may end within a secret.
        return plain_words(redact(self.text()[:_LONGEST_READ]))
