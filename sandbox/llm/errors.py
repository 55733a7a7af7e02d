"""Error bodies as OpenAI-compatible servers send them. They never repeat a key."""

from __future__ import annotations

from starlette.responses import JSONResponse

__all__ = ["error", "fault_error"]

_LONG_S = 600
_FAULTS: dict[str, tuple[int, str, str, str]] = {
    "400": (400, "The request was refused because a fault asked for it.", "invalid_request_error", "invalid_value"),
    "401": (401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    "402": (402, "Quota exceeded: the balance is 0.", "insufficient_quota", "insufficient_quota"),
    "403": (403, "Your account has no access to this.", "permission_error", "forbidden"),
    "404": (
        404,
        "The model does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "429": (429, "Rate limit reached for requests.", "rate_limit_error", "rate_limit_exceeded"),
    "429_long": (429, "Daily limit reached.", "rate_limit_error", "rate_limit_exceeded"),
    "500": (500, "The server had an error while processing your request.", "server_error", "internal_error"),
    "503": (503, "No instances are available for this model.", "server_error", "overloaded"),
}


def error(
    status: int, message: str, *, kind: str, code: str, param: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """{"error": {message, type, param, code}}."""
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status, headers)


def fault_error(name: str, retry_after: object = None) -> JSONResponse | None:
    """The error that a fault stands for; None when it stands for none."""
    if name not in _FAULTS:
        return None
    status, message, kind, code = _FAULTS[name]
    if retry_after is None:
        retry_after = {"429": 1, "429_long": _LONG_S}.get(name)
    headers = None if retry_after is None else {"retry-after": str(retry_after)}
    return error(status, message, kind=kind, code=code, headers=headers)
