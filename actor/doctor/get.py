"""One unpaid GET, bounded in time and size, and what to do where no answer comes. It follows nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actor.edges.reply import Reply, Unanswered
from actor.edges.threads import in_daemon_thread
from actor.edges.urls import is_loopback, place

if TYPE_CHECKING:
    from actor.edges.api_http import Exchanger

__all__ = ["Answered", "get", "unanswered_fix"]

# Lists of models grow long: one of hundreds, with prices and descriptions, takes half a mebibyte.
_LARGEST_BODY: Final = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer, and when it was waited for: unix seconds of this machine's clock."""

    reply: Reply
    asked_at: float
    answered_at: float


async def get(base: str, path: str, *, timeout_s: float, token: str = "") -> Answered:
    """Ask once.

    Args:
        base: The API's URL, to which the path is appended.
        path: Begins with a slash.
        timeout_s: For the whole exchange.
        token: Sent as bearer token; none when empty.

    Raises:
        Unanswered: There was none; the reason names the host.
    """
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # In a thread: to import it takes a part of a second, in which the other checks go on.
        exchanger = await in_daemon_thread(lambda: _exchanger(base, timeout_s), name="httpx")
        asked_at = time.time()
        async with aclosing(exchanger):
            reply = await exchanger.exchange("GET", base + path, headers=headers, content=None)
    except Unanswered as error:
        raise Unanswered(f"{place(base)}: {error.reason}", kind=error.kind, never_sent=error.never_sent) from error
    return Answered(reply=reply, asked_at=asked_at, answered_at=time.time())


def unanswered_fix(setting: str, base: str) -> str:
    """What an operator can look at when a server does not answer."""
    if is_loopback(base):
        return f"start what serves {base} on this machine, or correct {setting}"
    return f"look at the network, its firewall and proxy, and at {setting}, or try again later"


def _exchanger(base: str, timeout_s: float) -> Exchanger:
    from actor.edges.api_http import Exchanger  # noqa: PLC0415  (see above)

    return Exchanger(base, operation_timeout_s=timeout_s, total_timeout_s=timeout_s, largest_body=_LARGEST_BODY)
