"""The words that stand in labels. There is a fixed number of them, so that no server can make series without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audit.windows import EXPLAINED, UNEXPLAINED
from events.catalogue import EVENTS

__all__ = ["CAUSES", "EVENT_NAMES", "FAILURES", "OTHER", "SUBMISSION_OUTCOMES", "failure_key"]

OTHER: Final = "other"
CAUSES: Final = (*EXPLAINED, UNEXPLAINED)
EVENT_NAMES: Final = tuple(EVENTS)
SUBMISSION_OUTCOMES: Final = ("accepted", "rejected", "failed", "rate_limited")

# Why a step failed, as records name it; what is not here is counted as "other".
FAILURES: Final[Mapping[str, tuple[str, ...]]] = {
    "scrape": (
        *("auth", "forbidden", "credits", "usage_capped", "rate_limited", "invalid_request", "server"),
        *("timeout", "connection", "broken", "malformed", "crash", OTHER),
    ),
    "analysis": (
        *("auth", "quota", "model", "rate_limit", "refused_format", "refused_parameter", "context", "declined"),
        *("request", "server"),
        *("timeout", "connection", "broken", "malformed", "votes", "bug", "crash", OTHER),
    ),
    "submission": ("timeout", "connection", "http", "unexpected", OTHER),
    "effect": (
        *("PollStatus", "ScrapeWindow", "HoldWindow", "AnalyzePost", "StartSubmission", "SubmitPost"),
        *("EndBackoff", "AbandonPost", "SignCheckpoint", OTHER),
    ),
}


def failure_key(step: str, kind: str) -> tuple[str, str]:
    """The two labels of a failure."""
    return step, kind if kind in FAILURES[step] else OTHER
