"""The coordination API, by one unsigned question: is it there, do its clock and its window agree with ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actor.doctor.check import Check, failure, ok, skipped, warning
from actor.doctor.get import Answered, get, unanswered_fix
from actor.edges.api_wire import status_block
from actor.edges.http_date import http_date
from actor.edges.reply import Unanswered
from actor.edges.urls import place
from actor.ports import Block, StatusError
from actor.settings import Settings

__all__ = ["api_checks", "clock_check", "window_check"]

# The contract: a signature may be so old at most, and so far ahead.
_OLDEST_S: Final = 300
_FARTHEST_AHEAD_S: Final = 60
_WARN_S: Final = 5
_SYNCHRONIZE: Final = "let this machine keep time (`timedatectl set-ntp true`, or chrony)"
_SERVER_ERRORS: Final = 500
_TOO_MANY: Final = 429


async def api_checks(settings: Settings, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """Three lines: api, clock and window."""
    base = settings.miner_api_url
    try:
        answered = await get(base, "/v2/status", timeout_s=timeout_s)
    except Unanswered as error:
        waits = "waits for an answer of the API"
        return [
            failure("api", error.reason, unanswered_fix("MINER_API_URL", base)),
            skipped("clock", waits),
            skipped("window", waits),
        ]
    clock = clock_check(answered.reply.headers.get("date"), answered.asked_at, answered.answered_at)
    try:
        block = status_block(answered.reply, redact=redact)
    except StatusError as error:
        told = f"{answered.reply.status}: expected a current_block, found {answered.reply.summary(redact)}"
        said = told if answered.reply.ok else str(error)
        refused = failure("api", f"{place(base)}: {said}", _refusal_fix(answered))
        return [refused, clock, skipped("window", "waits for block numbers of the API")]
    return [
        ok("api", f"{place(base)} is at block {block.current_block}"),
        clock,
        window_check(block, settings.blocks_per_window, settings.max_submissions_per_window),
    ]


def _refusal_fix(answered: Answered) -> str:
    status = answered.reply.status
    if status >= _SERVER_ERRORS or status == _TOO_MANY:
        return "the API has a problem of its own: wait, and tell the subnet's owners if it lasts"
    return "correct MINER_API_URL: the address of the coordination API, without a path such as /v2"


def clock_check(date: str | None, asked_at: float, answered_at: float) -> Check:
    """This machine's clock against the Date of an answer, which is whole seconds of some moment in between.

    The difference is the least that the two can have, so a slow answer is not taken for a wrong clock.
    """
    theirs = http_date(date or "")
    if theirs is None:
        return warning("clock", "the API's answer bears no date to compare with", _SYNCHRONIZE)
    begins = theirs.timestamp()
    ahead_s, behind_s = asked_at - (begins + 1), begins - answered_at
    if ahead_s >= _FARTHEST_AHEAD_S or behind_s >= _OLDEST_S:
        return failure("clock", f"{_apart(ahead_s, behind_s)}: the API refuses what is signed now", _SYNCHRONIZE)
    if max(ahead_s, behind_s) >= _WARN_S:
        limits = f"the API refuses signatures {_OLDEST_S} s old or {_FARTHEST_AHEAD_S} s ahead"
        return warning("clock", f"{_apart(ahead_s, behind_s)}; {limits}", _SYNCHRONIZE)
    return ok("clock", f"within {_WARN_S} s of the API's")


def _apart(ahead_s: float, behind_s: float) -> str:
    return f"{max(ahead_s, behind_s):.0f} s {'ahead of' if ahead_s > behind_s else 'behind'} the API's"


def window_check(block: Block, blocks_per_window: int, max_submissions: int) -> Check:
    """The settings of a window against what the API tells of its own."""
    told = {
        "BLOCKS_PER_WINDOW": (blocks_per_window, block.blocks_per_window),
        "MAX_SUBMISSIONS_PER_WINDOW": (max_submissions, block.max_submissions),
    }
    differ = {name: (ours, theirs) for name, (ours, theirs) in told.items() if theirs not in (None, ours)}
    if differ:
        found = ", ".join(f"{name} is {ours}, the API's is {theirs}" for name, (ours, theirs) in differ.items())
        fix = " and ".join(f"set {name}={theirs}" for name, (_, theirs) in differ.items())
        return warning("window", f"{found}; the API's counts", fix)
    agreed = [f"{name}={ours}" for name, (ours, theirs) in told.items() if theirs is not None]
    if not agreed:
        return ok("window", "the API tells nothing of its windows that could be compared")
    return ok("window", f"the API has {' and '.join(agreed)}, too")
