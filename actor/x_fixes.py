"""What an operator does about the failures of X, which setting to change first. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["X_FIXES"]

# By the kinds of ScrapeError.
X_FIXES: Final[Mapping[str, str]] = {
    "auth": "set X_BEARER_TOKEN to the bearer token of your X app, whole and without quotes",
    "forbidden": "let the X app that X_BEARER_TOKEN belongs to use API v2: in X's console, attach it to a project",
    "credits": "top up the X account's credits",
    "usage_capped": "wait for the next billing cycle, or raise the X account's cap",
    "rate_limited": "wait: another program may use this X app, too",
    "server": "X has a problem of its own: wait",
    "timeout": "X has a problem of its own: wait",
    "malformed": "correct X_API_BASE: expected the X API with its version, such as https://api.twitter.com/2",
    "invalid_request": "correct X_API_BASE: expected the X API with its version, such as https://api.twitter.com/2",
}
