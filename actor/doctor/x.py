"""X, by its usage endpoint, which costs nothing: is the token good, and how much may still be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from actor.doctor.check import Check, failure, ok, warning
from actor.doctor.get import unanswered_fix
from actor.edges.reply import Reply, Unanswered
from actor.edges.text import as_int
from actor.edges.threads import in_daemon_thread
from actor.edges.urls import place
from actor.edges.x_wire import refusal
from actor.x_fixes import X_FIXES

__all__ = ["usage_check", "x_checks"]

_NOT_FOUND: Final = 404
# A day of windows of ten posts each.
_A_DAY_OF_POSTS: Final = 720


async def x_checks(base: str, token: str, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """Ask X how much this project has read, by the client that searches it."""
    try:
        reply = await in_daemon_thread(lambda: _usage(base, token, timeout_s), name="x-usage")
    except Unanswered as error:
        return [failure("x", f"{place(base)}: {error.reason}", unanswered_fix("X_API_BASE", base))]
    return [usage_check(reply, host=place(base), redact=redact)]


def _usage(base: str, token: str, timeout_s: float) -> Reply:
    from actor.edges.x_http import fetch_usage  # noqa: PLC0415  (0.2 s to import, in which the other checks go on)

    return fetch_usage(bearer_token=token, base=base, timeout_s=timeout_s)


def usage_check(reply: Reply, *, host: str, redact: Callable[[str], str]) -> Check:
    """What an answer of the usage endpoint means."""
    if not reply.ok:
        return _refused(reply, host, redact)
    data = reply.json_object().get("data")
    if not isinstance(data, dict):
        return failure("x", f"{host}: expected X's usage as JSON, found {reply.summary(redact)}", X_FIXES["malformed"])
    used, cap = as_int(data.get("project_usage")), as_int(data.get("project_cap"))
    if used is None or cap is None:
        return ok("x", f"{host} accepts the token, and tells no numbers of usage")
    read = f"{host} accepts the token; {used:,} of {cap:,} posts of this billing cycle are read"
    if used >= cap:
        return failure("x", read, X_FIXES["usage_capped"])
    if cap - used < _A_DAY_OF_POSTS:
        return warning("x", f"{read}, less than a day's are left", X_FIXES["usage_capped"])
    return ok("x", read)


def _refused(reply: Reply, host: str, redact: Callable[[str], str]) -> Check:
    error = refusal(reply, now_s=int(time.time()), redact=redact)
    said = f"{host}: {reply.status}: {reply.summary(redact)}"
    if reply.status == _NOT_FOUND:
        fix = "correct X_API_BASE; where that is right, `user-miner doctor --paid` tries a search"
        return warning("x", f"{said}: no usage is told here", fix)
    if error.kind == "rate_limited":
        return warning("x", f"{said}: the token is good, but was asked about too often", X_FIXES["rate_limited"])
    return failure("x", said, X_FIXES.get(error.kind, X_FIXES["invalid_request"]))
