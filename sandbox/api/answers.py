"""The bodies of the coordination API, in all the forms that have been seen. It never decides which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clock import BlockClock

__all__ = ["STRANGE", "conflict", "detail", "invalid", "rate_limit", "spoil_blocks"]

# By fault: answers that look like a success but are none, or name another post or hotkey. The post does not count.
STRANGE: Mapping[str, Mapping[str, str]] = {
    "weird_status": {"status": "queued_for_review"},
    "other_post": {"status": "new", "message": "Post accepted", "post_id": "1"},
    "other_hotkey": {
        "status": "new",
        "message": "Post accepted",
        "miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
    },
}
_DETAILS = {
    401: "Unauthorized",
    403: "Hotkey is not registered on this subnet",
    500: "Internal server error",
    503: "Service unavailable",
}
_INVALID = [{"field": "content", "message": "Refused because a fault asked for it"}]


_FAR_BLOCKS = 9_000
_LARGE_QUOTA = 100


def detail(status: int, text: str = "", params: Mapping[str, Any] | None = None) -> JSONResponse:
    """An error with ``text``, or that of ``params``, as its detail; ``retry_after`` in them adds the header."""
    params = params or {}
    headers = {"retry-after": str(params["retry_after"])} if "retry_after" in params else None
    return JSONResponse({"detail": text or params.get("detail", _DETAILS[status])}, status, headers)


def conflict(fields: Mapping[str, Any], *, form: str = "409") -> JSONResponse:
    """A 409, in the form of the fault that ``form`` names."""
    message = "Post was already submitted by another miner"
    body = {"detail": message} if form == "409_text" else {"detail": {"message": message}, **fields}
    return JSONResponse(body, 409)


def invalid(errors: list[dict[str, str]] | None = None, *, form: str = "422") -> JSONResponse:
    """A 422, in the form of the fault that ``form`` names."""
    errors = _INVALID if errors is None else errors
    forms: dict[str, object] = {
        "422": errors,
        "422_nested": {"detail": errors},
        "422_message": {"message": errors[0]["message"]},
        "422_text": f"{errors[0]['field']}: {errors[0]['message']}",
    }
    return JSONResponse({"detail": forms[form]}, 422)


def rate_limit(clock: BlockClock, block: int, *, used: int, limit: int, form: str = "429") -> Response:
    """A 429, in the form of the fault that ``form`` names."""
    fields = clock.fields(block)
    seconds = clock.seconds_until_next_window(block)
    headers = {
        "X-RateLimit-Reset-Block": str(fields["next_window_start_block"]),
        "X-RateLimit-Reset-Seconds": str(seconds),
    }
    numbers = {"current_count": used, "max_submissions": limit, "estimated_seconds_until_reset": seconds, **fields}
    message = f"Rate limit exceeded: {used} of {limit} submissions used in this window"
    if form in {"429_headers", "429_bare"}:
        return Response(status_code=429, headers=headers if form == "429_headers" else None)
    body = {"detail": message if form == "429_text" else {"message": message, "rate_limit": numbers}}
    return JSONResponse(body, 429, None if form == "429_body" else headers)


def spoil_blocks(body: dict[str, Any], fault: str, clock: BlockClock, wall_s: float) -> dict[str, Any]:
    """Faults in the block numbers of an answer."""
    block, size = body["current_block"], clock.blocks_per_window
    shifted = {"time_block": int(wall_s), "far_block": block + _FAR_BLOCKS, "window_ahead": block + size}
    if fault in shifted:
        return {**body, **clock.fields(shifted[fault])}
    if fault == "large_quota":
        return {**body, "max_submissions": _LARGE_QUOTA}
    numbers = [name for name in body if "block" in name or name == "current_window"]
    if fault == "no_block":
        return {name: value for name, value in body.items() if name not in numbers}
    if fault == "bad_block":
        return {name: "soon" if name in numbers else value for name, value in body.items()}
    if fault in {"mismatch", "short_windows"}:
        return {**body, "blocks_per_window": size * 2 if fault == "mismatch" else 1}
    return body
