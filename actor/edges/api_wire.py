"""The coordination API v2 on the wire: auth headers, and every answer of the contract into what it means. Pure.

Numbers are believed only when they are sane and agree with each other; a body is never trusted to be JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actor.edges.reply import Reply, Unanswered
from actor.edges.text import ambiguous_key, as_float, as_int, bounded, safe_line
from actor.ports import Accepted, Block, Failed, Limited, Rejected, Signer, StatusError, SubmitAnswer
from events.catalogue import SubmissionBody

__all__ = ["auth_headers", "classify", "status_block", "unanswered"]

_SUCCESSES: Final = frozenset({"new", "duplicate", "ok"})  # ruling 10
_FINAL: Final = frozenset({409, 422})
_ADDRESS: Final = "check MINER_API_URL: no path such as /v2 belongs to it"
_KEY: Final = "check WALLET_NAME and WALLET_HOTKEY, and this machine's clock: `user-miner doctor`"
_ADVICE: Final[Mapping[int, str]] = {404: _ADDRESS, 405: _ADDRESS}
_SIGNED_ADVICE: Final[Mapping[int, str]] = {401: _KEY, 403: _KEY, **_ADVICE}
_TOO_MANY: Final = 429
_REDIRECTS: Final = range(300, 400)

_BLOCKS: Final = range(2**53)  # what every JSON reader holds exactly
_WINDOW_LENGTHS: Final = range(1, 10_000_001)
_SUBMISSIONS: Final = range(1, 101)  # as many as the setting takes: each costs a post, a user and an analysis
_LONGEST_RESET_S: Final = 365 * 86_400.0
_SANE: Final[Mapping[str, range]] = {
    "current_block": _BLOCKS,
    "window_start_block": _BLOCKS,
    "window_end_block": _BLOCKS,
    "next_window_start_block": _BLOCKS,
    "blocks_per_window": _WINDOW_LENGTHS,
    "current_window": _BLOCKS,
    "max_submissions": _SUBMISSIONS,
}


def auth_headers(signer: Signer, now_ms: int) -> dict[str, str]:
    """A fresh set for one attempt (contract, "Auth headers"). They are a credential for some minutes."""
    now_s = now_ms / 1000
    message = f"talisman-ai-auth:{int(now_s)}"
    return {
        "X-Auth-SS58Address": signer.ss58_address,
        "X-Auth-Message": message,
        "X-Auth-Signature": signer.sign(message.encode()).hex(),
        "X-Auth-Timestamp": str(now_s),
    }


def classify(reply: Reply, *, sent: SubmissionBody, redact: Callable[[str], str]) -> SubmitAnswer:
    """What an answer to POST /v2/submit of ``sent`` means."""
    body = reply.json_object()
    block = _believed(reply)
    answer = bounded(redact(reply.text()))
    if reply.ok:
        unexpected = _unexpected(reply, body, sent, redact)
        if unexpected is None:
            return _accepted(reply, body, answer, block, redact)
        reason = f"{reply.status}: {unexpected}"
        return Failed(kind="unexpected", reason=reason, http_status=reply.status, answer=answer, block=block)
    reason = _reason(reply, redact, _SIGNED_ADVICE)
    if reply.status in _FINAL:
        return Rejected(http_status=reply.status, reason=reason, answer=answer, block=block)
    if reply.status == _TOO_MANY:
        reset_block, reset_s = _reset(reply, body, block)
        return Limited(reason=reason, answer=answer, block=block, reset_block=reset_block, reset_s=reset_s)
    return Failed(kind="http", reason=reason, http_status=reply.status, answer=answer, block=block)


def unanswered(error: Unanswered) -> Failed:
    """What it means that no answer came."""
    return Failed(kind=error.kind, reason=error.reason, http_status=None, answer="", block=Block())


def status_block(reply: Reply, *, redact: Callable[[str], str]) -> Block:
    """The block of an answer to GET /v2/status.

    Raises:
        StatusError: It has no usable block number.
    """
    if not reply.ok:
        raise StatusError(_reason(reply, redact))
    block = _believed(reply)
    if block.current_block is None:
        found = safe_line(reply.text(), redact, 120) or "an empty body"
        raise StatusError(f"{reply.status}: expected a current_block, found {found} (check MINER_API_URL)")
    return block


def _unexpected(
    reply: Reply, body: Mapping[str, object], sent: SubmissionBody, redact: Callable[[str], str]
) -> str | None:
    """Why a 2xx is no success of what was sent; None when it is one."""
    if (key := ambiguous_key(reply.body)) is not None:
        return f"expected one value for each key, found two for {safe_line(key, redact, 100)}"
    status = body.get("status")
    if not isinstance(status, str) or status not in _SUCCESSES:
        found = _found("status", status, redact) if "status" in body else reply.summary(redact)
        return f"expected status new, duplicate or ok, found {found}"
    for name, ours in (("post_id", sent.post_id), ("miner_hotkey", sent.miner_hotkey)):
        named = body.get(name)
        if named is not None and named != ours:  # it says nothing of ours
            return f"expected a verdict on {name} {ours}, found {_found(name, named, redact)}"
    return None


def _accepted(
    reply: Reply, body: Mapping[str, object], answer: str, block: Block, redact: Callable[[str], str]
) -> Accepted:
    selected, validation = body.get("selected_for_validation"), body.get("validation_id")
    return Accepted(
        status=str(body["status"]),
        http_status=reply.status,
        answer=answer,
        block=block,
        selected_for_validation=selected if isinstance(selected, bool) else None,
        validation_id=safe_line(validation, redact, 200) if isinstance(validation, str) else None,
    )


def _reason(reply: Reply, redact: Callable[[str], str], known: Mapping[int, str] = _ADVICE) -> str:
    if reply.status in _REDIRECTS:
        return f"{reply.status}: the API redirects, which a signed request does not follow (check MINER_API_URL)"
    advice = known.get(reply.status)
    return f"{reply.status}: {reply.summary(redact)}{f' ({advice})' if advice else ''}"


def _found(name: str, value: object, redact: Callable[[str], str]) -> str:
    # Anything but a text is not shown: it may be nested more deeply than a text can be made of.
    return f"{name} {safe_line(value, redact, 100)}" if isinstance(value, str) else f"a {name} that is no text"


def _believed(reply: Reply) -> Block:
    """A success that gives a key two values says nothing at all; what a refusal means, its HTTP status says."""
    return Block() if reply.ok and ambiguous_key(reply.body) is not None else _block(reply.json_object())


def _block(body: Mapping[str, object]) -> Block:
    """BLOCK wherever it stands: at top level, else in ``detail.rate_limit``, else in ``detail``."""
    detail = _object(body.get("detail"))
    numbers: dict[str, int] = {}
    for place in (detail, _object(detail.get("rate_limit")), body):  # each overrules those before it
        for name in place.keys() & _SANE:
            number = as_int(place[name])
            if number is not None and number in _SANE[name]:
                numbers[name] = number
    return _consistent(numbers)


def _consistent(numbers: dict[str, int]) -> Block:
    """Leaves out what contradicts the current block: a window begins at or before it and ends at or after it."""
    now = numbers.get("current_block")
    if now is not None:
        if numbers.get("window_start_block", now) > now:
            del numbers["window_start_block"]
        if numbers.get("window_end_block", now) < now:
            del numbers["window_end_block"]
        if numbers.get("next_window_start_block", now + 1) <= now:
            del numbers["next_window_start_block"]
    return Block(**numbers)


def _reset(reply: Reply, body: Mapping[str, object], block: Block) -> tuple[int | None, float | None]:
    """Where and when the next window begins: the headers, else the body."""
    reset_block = as_int(reply.headers.get("x-ratelimit-reset-block"))
    if reset_block is None or reset_block not in _BLOCKS:
        reset_block = block.next_window_start_block
    detail = _object(body.get("detail"))
    estimates = (
        reply.headers.get("x-ratelimit-reset-seconds"),
        _object(detail.get("rate_limit")).get("estimated_seconds_until_reset"),
        detail.get("estimated_seconds_until_reset"),
    )
    seconds = (as_float(estimate) for estimate in estimates)
    return reset_block, next((s for s in seconds if s is not None and 0 <= s <= _LONGEST_RESET_S), None)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
