"""The coordination API v2 of the simulated world: who, what, whether it counts. It never judges an analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from sandbox.world.ledger import Acceptance, Ledger, Status, Submission
from sandbox.world.lies import LIES, TRUE_QUOTA, lied
from sandbox.world.message import Answer, Request, page

if TYPE_CHECKING:
    from sandbox.world.chain import Chain
    from sandbox.world.disturbance import Draw

__all__ = ["PAGES", "Api", "Verify"]

# (address, message, signature) -> whether that address signed that message.
Verify = Callable[[str, bytes, bytes], bool]

_MAX_AGE_S: Final = 300.0
_MAX_AHEAD_S: Final = 60.0
_MESSAGE: Final = "talisman-ai-auth:"
_REFUSED: Final = {
    "401": (401, "unauthorized", "Unauthorized"),
    "403": (403, "unauthorized", "Hotkey is not registered on this subnet"),
    "500": (500, "failed", "Internal server error"),
    "503": (503, "failed", "Service unavailable"),
}
# What a proxy in front of any server says, by the kind of disturbance.
PAGES: Final[Mapping[str, Answer]] = {
    "html": page("Checking your browser"),
    "html_503": page("503 Service Temporarily Unavailable", 503),
    "blank": Answer(status=200),
    "not_json": Answer(status=200, body=b'{"data": [{"id": "19'),
}
# Answers that look like a success but are none, or name another post or hotkey. The post does not count.
_STRANGE: Final[Mapping[str, Mapping[str, str]]] = {
    "weird_status": {"status": "queued_for_review"},
    "other_post": {"status": "new", "post_id": "1"},
    "other_hotkey": {"status": "new", "miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"},
}
_INVALID: Final = (
    [{"field": "content", "message": "Refused by chance"}],
    {"detail": [{"field": "content", "message": "Refused by chance"}]},
    {"message": "Refused by chance"},
    "content: Refused by chance",
)
_FIELDS: Final[dict[str, type | tuple[type, ...]]] = {
    "miner_hotkey": str,
    "post_id": str,
    "content": str,
    "date": int,
    "author": str,
    "account_age": int,
    "retweets": int,
    "likes": int,
    "responses": int,
    "followers": int,
    "tokens": dict,
    "sentiment": (int, float),
    "score": (int, float),
}


class _AuthError(Exception):
    """Headers that prove nothing; the text is the answer's detail."""


class Api:
    """Answers status questions and submissions.

    Args:
        chain: The blocks that it goes by.
        ledger: Where it enters what it did.
        epoch_s: Unix seconds at which the world begins.
        verify: Checks a signature.
        enforces_quota: Answers 429 once a window is full; otherwise it counts on.
        checks_replays: Refuses a signature that it saw before.
        tells_quota: Names its quota in a success, too.
    """

    def __init__(
        self,
        chain: Chain,
        ledger: Ledger,
        *,
        epoch_s: float,
        verify: Verify,
        enforces_quota: bool,
        checks_replays: bool,
        tells_quota: bool,
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._epoch_s = epoch_s
        self._verify = verify
        self._enforces_quota = enforces_quota
        self._checks_replays = checks_replays
        self._tells_quota = tells_quota
        self._signatures: dict[str, float] = {}
        self._conflicts: set[str] = set()
        self._invalid: set[str] = set()
        self._used: dict[int, int] = {}

    def status(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Status]:
        """GET /v2/status."""
        block = self._chain.block(now_s)
        entry = Status(at_s=now_s, number=draw.number, life=request.life, fault=draw.kind, outcome="failed", block=None)
        self._ledger.enter(entry)
        if (refused := _refusal(draw)) is not None:
            return refused[0], entry
        if draw.kind == "429":
            return self._limited(draw, block, self._told(entry, draw, block)), entry
        entry.outcome, entry.block = "told", block
        fields = self._told(entry, draw, block)
        left = fields["next_window_start_block"] - block
        body = {"status": "ok", **fields, "blocks_until_next_window": left}
        return Answer.json(self._spoiled(body, draw)), entry

    def submit(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Submission]:
        """POST /v2/submit."""
        block = self._chain.block(now_s)
        body = _parsed(request.content)
        entry = Submission(
            at_s=now_s,
            number=draw.number,
            life=request.life,
            fault=draw.kind,
            outcome="failed",
            post_id=str(body.get("post_id", "")),
            start_block=self._chain.start(block),
            signature=request.headers.get("x-auth-signature", ""),
            body=body,
        )
        self._ledger.enter(entry)
        if (refused := _refusal(draw)) is not None:
            entry.outcome = refused[1]
            return refused[0], entry
        try:
            self._authenticate(request, now_s, body)
        except _AuthError as error:
            entry.outcome, entry.why = "unauthorized", str(error)
            return Answer.json({"detail": str(error)}, 401), entry
        answer = self._decide(draw, entry, block)
        return (_refused("500"), entry) if draw.kind == "500_acted" else (answer, entry)

    def _authenticate(self, request: Request, now_s: float, body: dict[str, Any]) -> None:
        said = request.headers.get
        address, message = said("x-auth-ss58address", ""), said("x-auth-message", "")
        timestamp, signature = said("x-auth-timestamp", ""), said("x-auth-signature", "")
        wall_s = self._epoch_s + now_s
        try:
            at_s, raw = float(timestamp), bytes.fromhex(signature)
        except ValueError as error:
            raise _AuthError("Malformed headers") from error
        if message != f"{_MESSAGE}{int(at_s)}":
            raise _AuthError("X-Auth-Message and X-Auth-Timestamp differ")
        if wall_s - at_s > _MAX_AGE_S:
            raise _AuthError("Timestamp is too old")
        if at_s - wall_s > _MAX_AHEAD_S:
            raise _AuthError("Timestamp lies in the future")
        if address != body.get("miner_hotkey") or not self._verify(address, message.encode(), raw):
            raise _AuthError("Signature does not match")
        seen_s = self._signatures.get(signature)
        if self._checks_replays and seen_s is not None and now_s - seen_s <= _MAX_AGE_S:
            raise _AuthError("Signature was used before")
        self._signatures[signature] = now_s

    def _decide(self, draw: Draw, entry: Submission, block: int) -> Answer:
        post_id, kind = entry.post_id, draw.kind
        if kind in _STRANGE:
            entry.outcome = "weird"
            return self._success(dict(_STRANGE[kind]), entry, block, draw)
        if post_id in self._ledger.acceptances:
            entry.outcome = "duplicate"
            body = {"status": "duplicate", "message": "Post was submitted before"}
            return self._success(body, entry, block, draw)
        if kind == "422" or post_id in self._invalid or _flawed(entry.body):
            entry.outcome = "invalid"
            self._invalid.add(post_id)
            return Answer.json({"detail": _INVALID[int(draw.amount * len(_INVALID))]}, 422)
        if kind == "409" or post_id in self._conflicts:
            entry.outcome = "conflict"
            self._conflicts.add(post_id)
            message = "Post was already submitted by another miner"
            whole = {"detail": {"message": message}, **self._told(entry, draw, block)}
            return Answer.json(whole if draw.amount < 0.5 else {"detail": message}, 409)  # noqa: PLR2004
        full = self._enforces_quota and self._used.get(entry.start_block, 0) >= self._chain.quota
        if full or kind.startswith("429"):
            entry.outcome = "quota"
            return self._limited(draw, block, self._told(entry, draw, block))
        return self._accept(draw, entry, block)

    def _accept(self, draw: Draw, entry: Submission, block: int) -> Answer:
        start, size = entry.start_block, self._chain.blocks_per_window
        entry.outcome = "new"
        self._used[start] = self._used.get(start, 0) + 1
        self._ledger.acceptances[entry.post_id] = Acceptance(
            post_id=entry.post_id,
            at_s=entry.at_s,
            start_block=start,
            window=start // size,
            blocks=size,
            quota=self._chain.quota,
        )
        selected = draw.share < 0.1  # noqa: PLR2004
        body = {
            "status": "ok" if draw.kind == "plain_ok" else "new",
            "message": "Post accepted",
            **({name: entry.body[name] for name in ("post_id", "miner_hotkey")} if draw.kind == "created" else {}),
            "selected_for_validation": selected,
            "x_validation_passed": True if selected else None,
            "validation_id": f"val-{len(self._ledger.acceptances):06}" if selected else None,
        }
        return self._success(body, entry, block, draw)

    def _success(self, body: dict[str, Any], entry: Submission, block: int, draw: Draw) -> Answer:
        status = 201 if draw.kind == "created" else 200
        if self._tells_quota:
            body["max_submissions"] = self._chain.quota
        return Answer.json(self._spoiled({**body, **self._told(entry, draw, block)}, draw), status)

    def _told(self, entry: Status | Submission, draw: Draw, block: int) -> dict[str, int]:
        """The numbers of the answer, true or not."""
        lie = draw.kind if draw.kind in LIES else self._chain.lie(entry.at_s)
        fields = lied(self._chain, block, lie, self._epoch_s + entry.at_s)
        entry.lie, entry.told = "" if lie == TRUE_QUOTA else lie, fields["current_block"]
        return fields

    def _limited(self, draw: Draw, block: int, fields: dict[str, int]) -> Answer:
        seconds = (fields["next_window_start_block"] - block) * 12
        headers = {
            "x-ratelimit-reset-block": str(fields["next_window_start_block"]),
            "x-ratelimit-reset-seconds": str(seconds),
        }
        if draw.kind in {"429_headers", "429_bare"}:
            return Answer(status=429, headers=headers if draw.kind == "429_headers" else {})
        quota = self._chain.quota
        message = f"Rate limit exceeded: {quota} submissions are allowed in a window"
        numbers = {
            "current_count": quota,
            "max_submissions": quota,
            "estimated_seconds_until_reset": seconds,
            **fields,
        }
        detail: object = message if draw.amount < 0.3 else {"message": message, "rate_limit": numbers}  # noqa: PLR2004
        return Answer.json({"detail": detail}, 429, headers if draw.amount < 0.8 else None)  # noqa: PLR2004

    def _spoiled(self, body: dict[str, Any], draw: Draw) -> dict[str, Any]:
        if draw.kind == "no_block":
            return {name: value for name, value in body.items() if not _counts_blocks(name)}
        if draw.kind == "bad_block":
            return {name: "soon" if _counts_blocks(name) else value for name, value in body.items()}
        if draw.kind == "old_block":  # a backend that is behind
            behind = int(draw.amount * 2 * self._chain.blocks_per_window)
            return {**body, **self._chain.fields(max(0, body["current_block"] - behind))}
        return body


def _counts_blocks(name: str) -> bool:
    return "block" in name or name == "current_window"


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _flawed(body: dict[str, Any]) -> bool:
    if body.keys() != _FIELDS.keys() or not all(map(isinstance, map(body.get, _FIELDS), _FIELDS.values())):
        return True
    right = 0 <= body["score"] <= 1 and -1 <= body["sentiment"] <= 1 and body["post_id"].isdigit()
    return not (right and body["content"].strip() and all(0 < share <= 1 for share in body["tokens"].values()))


def _refused(name: str) -> Answer:
    status, _, detail = _REFUSED[name]
    return Answer.json({"detail": detail}, status)


def _refusal(draw: Draw) -> tuple[Answer, str] | None:
    """An answer without anything done, and its outcome."""
    if draw.kind in _REFUSED:
        return _refused(draw.kind), _REFUSED[draw.kind][1]
    return None if (canned := PAGES.get(draw.kind)) is None else (canned, "failed")
