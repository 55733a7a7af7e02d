"""The error bodies of X: problem documents. They never name a token."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

__all__ = ["invalid_request", "problem", "rate_limited"]

_BASE = "https://api.twitter.com/2/problems/"
_PROBLEMS: dict[str, tuple[int, str, str, str, dict[str, Any]]] = {
    "401": (401, "about:blank", "Unauthorized", "Unauthorized", {}),
    "402": (
        402,
        f"{_BASE}credits",
        "CreditsDepleted",
        "Your enrolled account does not have any credits to fulfill this request.",
        {"account_id": 1},
    ),
    "403": (
        403,
        f"{_BASE}client-forbidden",
        "Client Forbidden",
        "This client is not enrolled for the search endpoints.",
        {"reason": "client-not-enrolled"},
    ),
    "404": (404, f"{_BASE}resource-not-found", "Not Found Error", "There is nothing at this address.", {}),
    "429": (429, f"{_BASE}rate-limit-exceeded", "Too Many Requests", "Too Many Requests", {}),
    "429_usage_capped": (
        429,
        f"{_BASE}usage-capped",
        "UsageCapExceeded",
        "Usage cap exceeded: Monthly product cap",
        {"account_id": 1, "period": "Monthly", "scope": "Product"},
    ),
    "500": (500, "about:blank", "Internal Server Error", "Something is broken.", {}),
    "503": (503, "about:blank", "Service Unavailable", "Service Unavailable", {}),
}


def problem(name: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """One of the problems by the name of its fault."""
    status, kind, title, detail, more = _PROBLEMS[name]
    body = {"title": title, "detail": detail, "type": kind, "status": status, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def invalid_request(parameter: str, value: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A 400 that names the parameter and what is wrong with it."""
    body = {
        "errors": [{"parameters": {parameter: [value]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{_BASE}invalid-request",
        "status": 400,
    }
    return JSONResponse(body, 400, headers, media_type="application/problem+json")


def rate_limited(headers: dict[str, str]) -> JSONResponse:
    """The 429 of an exhausted quota in the old form that is still seen."""
    return JSONResponse({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, 429, headers)
