"""The bodies of the coordination API, in all the forms that have been seen. It never decides which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.services.message import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.services.chain import Windows
    from sandbox.services.faults import Fault

__all__ = ["STRANGE", "conflict", "invalid", "rate_limit", "refusal", "unauthorized"]

# By fault: answers to a submission of which nothing was done, that are no success or not of what was sent.
STRANGE: Final[Mapping[str, Mapping[str, str]]] = {
    "weird_status": {"status": "queued_for_review"},
    "other_post": {"status": "new", "post_id": "1"},
    "other_hotkey": {"status": "new", "miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"},
}
_REFUSED: Final = {
    "401": (401, "unauthorized", "Unauthorized"),
    "403": (403, "unauthorized", "Hotkey is not registered on this subnet"),
    "500": (500, "failed", "Internal server error"),
    "500_acted": (500, "", "Internal server error"),
    "503": (503, "failed", "Service unavailable"),
}
_BY_CHANCE: Final = {"field": "content", "message": "Refused by chance"}


def refusal(fault: Fault) -> Answer | None:
    """{"detail": text} of a fault that says so; its params may hold the text as `detail`, and `retry_after`."""
    if fault.name not in _REFUSED:
        return None
    status, outcome, text = _REFUSED[fault.name]
    headers = {"retry-after": str(fault.params["retry_after"])} if "retry_after" in fault.params else None
    return Answer.json({"detail": fault.params.get("detail", text)}, status, headers).decided(outcome)


def unauthorized(reason: str) -> Answer:
    """A 401 that says why."""
    return Answer.json({"detail": reason}, 401).decided("unauthorized", reason=reason)


def conflict(fields: Mapping[str, int], form: str) -> Answer:
    """A 409; form is the name of the fault that shows it."""
    message = "Post was already submitted by another miner"
    body = {"detail": message} if form == "409_text" else {"detail": {"message": message}, **fields}
    return Answer.json(body, 409).decided("conflict")


def invalid(errors: list[dict[str, str]], form: str) -> Answer:
    """A 422; form is the name of the fault that shows it."""
    shown = errors or [_BY_CHANCE]
    first = shown[0]
    forms: dict[str, object] = {
        "422": shown,
        "422_nested": {"detail": shown},
        "422_message": {"message": first["message"]},
        "422_text": f"{first['field']}: {first['message']}",
    }
    return Answer.json({"detail": forms[form]}, 422).decided("invalid", errors=errors)


def rate_limit(windows: Windows, block: int, fields: Mapping[str, int], form: str) -> Answer:
    """A 429; form is the name of the fault that shows it, and fields are the numbers that it tells."""
    limit, reset_block = windows.quota, fields["next_window_start_block"]
    seconds = windows.seconds(reset_block - block)
    headers = {"x-ratelimit-reset-block": str(reset_block), "x-ratelimit-reset-seconds": str(seconds)}
    if form in {"429_headers", "429_bare"}:
        return Answer(status=429, headers=headers if form == "429_headers" else {})
    numbers = {"current_count": limit, "max_submissions": limit, "estimated_seconds_until_reset": seconds, **fields}
    message = f"Rate limit exceeded: {limit} submissions are allowed in a window"
    detail: object = message if form == "429_text" else {"message": message, "rate_limit": numbers}
    return Answer.json({"detail": detail}, 429, None if form == "429_body" else headers)
