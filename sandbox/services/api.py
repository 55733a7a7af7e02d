"""The coordination API v2: who, what, whether it counts. It never judges an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sandbox.services.api_answers import STRANGE, conflict, invalid, rate_limit, refusal, unauthorized
from sandbox.services.api_form import Authenticator, AuthError, Verify, field_errors
from sandbox.services.chain import LIES, TRUE_QUOTA, Windows, lied, spoiled
from sandbox.services.message import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.services.chain import BlockWindow
    from sandbox.services.faults import Fault
    from sandbox.services.ledger import Accepted

__all__ = ["Api", "parsed", "told_block"]

_MISMATCH: Final = {"code": "text_mismatch", "message": "content differs from the post's text"}


class Api:
    """Answers status questions and submissions.

    A fault's params may say which form a refusal has, by its status: {"429": "429_text"}; and `validation_id`, the id
    of a post's validation, None for no validation.

    Args:
        windows: How blocks make windows.
        accepted: The posts that count.
        verify: Checks a signature; None accepts any well-formed one, for clients without a key.
        enforces_quota: Answers 429 once a window is full; otherwise it counts on.
        checks_replays: Refuses a signature that it saw before.
        tells_quota: Names its quota in a success, too.
        accept_status: Of an accepted or duplicate post.
        selects: (hotkey, post id) -> whether the post is selected for validation.
        differs: What differs between a submission and the post as X has it; None for nothing.
    """

    def __init__(
        self,
        windows: Windows,
        accepted: Accepted,
        *,
        verify: Verify | None,
        enforces_quota: bool = True,
        checks_replays: bool = True,
        tells_quota: bool = False,
        accept_status: int = 200,
        selects: Callable[[str, str], bool] = lambda _hotkey, _post_id: False,
        differs: Callable[[dict[str, Any]], dict[str, str] | None] = lambda _body: None,
    ) -> None:
        self._windows = windows
        self._accepted = accepted
        self._auth = Authenticator(verify, checks_replays=checks_replays)
        self._enforces_quota = enforces_quota
        self._tells_quota = tells_quota
        self._accept_status = accept_status
        self._selects = selects
        self._differs = differs
        self._owned: set[str] = set()
        self._last_block: int | None = None
        self._validations = 0

    def own(self, post_id: str) -> None:
        """Let another miner own a post: submitting it is a conflict from now on."""
        self._owned.add(post_id)

    def status(self, fault: Fault, *, block: int, wall_s: float) -> Answer:
        """GET /v2/status, at a block and at unix seconds."""
        if fault.name == "stall" and self._last_block is not None:
            block = self._last_block
        if fault.name == "rollback":
            block = max(0, block - self._windows.blocks_per_window)
        self._last_block = block
        if (refused := refusal(fault)) is not None:
            return refused
        fields, facts = self._told(fault, block, wall_s)
        if fault.name == "429":
            return rate_limit(self._windows, block, fields, _form(fault, "429")).decided("failed", **facts)
        left = fields["next_window_start_block"] - block
        body = {"status": "ok", **fields, "blocks_until_next_window": left}
        return Answer.json(self._spoiled(body, fault)).decided("told", **facts, block=block)

    def submit(self, request: Request, fault: Fault, *, block: int, wall_s: float) -> Answer:
        """POST /v2/submit, likewise."""
        acted = fault.name == "500_acted"
        if not acted and (refused := refusal(fault)) is not None:
            return refused
        try:
            hotkey = self._auth.hotkey(request.headers, wall_s)
        except AuthError as error:
            return unauthorized(str(error))
        answer = self._judge(hotkey, parsed(request.content), fault, block, wall_s)
        if acted and (lost := refusal(fault)) is not None:
            return lost.decided(answer.outcome, **answer.facts)
        return answer

    def _judge(self, hotkey: str, body: object, fault: Fault, block: int, wall_s: float) -> Answer:
        errors = field_errors(body)
        if errors or not isinstance(body, dict) or fault.name.startswith("422"):
            return invalid(errors, _form(fault, "422"))
        if body["miner_hotkey"] != hotkey:
            return unauthorized("X-Auth-SS58Address and miner_hotkey differ")
        return self._decide(body, fault, block, wall_s)

    def _decide(self, body: dict[str, Any], fault: Fault, block: int, wall_s: float) -> Answer:
        hotkey = body["miner_hotkey"]
        post_id, window = body["post_id"], self._windows.at(block)
        fields, facts = self._told(fault, block, wall_s)
        if fault.name in STRANGE:
            return self._success(dict(STRANGE[fault.name]), fields, fault).decided("weird", **facts)
        if fault.name.startswith("409"):
            self._owned.add(post_id)
        elif self._accepted.owner(post_id) == hotkey:
            told = {"status": "duplicate", "message": "Post was submitted before"}
            return self._success(told, fields, fault).decided("duplicate", **facts, window=window.number)
        if post_id in self._owned or self._accepted.owner(post_id) not in (None, hotkey):
            return conflict(fields, _form(fault, "409")).decided("conflict", **facts)
        full = self._enforces_quota and self._accepted.used(hotkey, window) >= window.quota
        if full or fault.name.startswith("429"):
            limited = rate_limit(self._windows, block, fields, _form(fault, "429"))
            return limited.decided("quota", **facts, window=window.number)
        return self._accept(body, window, fields, fault, facts)

    def _accept(
        self, body: dict[str, Any], window: BlockWindow, fields: dict[str, int], fault: Fault, facts: dict[str, Any]
    ) -> Answer:
        self._accepted.accept(body, window)
        mismatch = _MISMATCH if fault.name == "x_failed" else self._differs(body)
        validation_id = self._validation_id(body, fault)
        selected = validation_id is not None
        told = {
            "status": "ok" if fault.name == "plain_ok" else "new",
            "message": "Post accepted",
            **({name: body[name] for name in ("post_id", "miner_hotkey")} if fault.name == "created" else {}),
            "selected_for_validation": selected,
            "x_validation_passed": mismatch is None if selected else None,
            **({"x_validation_error": mismatch} if selected and mismatch else {}),
            "validation_id": validation_id,
        }
        more = {"window": window.number, "selected": selected, "x_mismatch": mismatch}
        return self._success(told, fields, fault).decided("new", **facts, **more)

    def _validation_id(self, body: dict[str, Any], fault: Fault) -> str | None:
        if "validation_id" in fault.params:
            found: str | None = fault.params["validation_id"]
            return found
        if fault.name not in {"selected", "x_failed"} and not self._selects(body["miner_hotkey"], body["post_id"]):
            return None
        self._validations += 1
        return f"val-{self._validations:06}"

    def _success(self, body: dict[str, Any], fields: dict[str, int], fault: Fault) -> Answer:
        status = 201 if fault.name == "created" else self._accept_status
        if self._tells_quota:
            body["max_submissions"] = self._windows.quota
        return Answer.json(self._spoiled({**body, **fields}, fault), status)

    def _told(self, fault: Fault, block: int, wall_s: float) -> tuple[dict[str, int], dict[str, Any]]:
        """The numbers of an answer, true or not, and what the ledger is to know of them."""
        lie = fault.name if fault.name in LIES else self._windows.lie()
        fields = lied(self._windows, block, lie, wall_s)
        return fields, {"lie": "" if lie == TRUE_QUOTA else lie}

    def _spoiled(self, body: dict[str, Any], fault: Fault) -> dict[str, Any]:
        behind = int(fault.number("behind", self._windows.blocks_per_window))
        return spoiled(self._windows, body, fault.name, behind)


def parsed(content: bytes) -> object:
    """The value of a JSON body; None when it is none."""
    try:
        return orjson.loads(content)
    except ValueError:
        return None


def told_block(answer: Answer) -> int | None:
    """The block that an answer tells as it leaves, or the last one before the next window that it names; else None."""
    body = _object(parsed(answer.body))
    numbers = body if "current_block" in body else _object(_object(body.get("detail")).get("rate_limit"))
    block = numbers.get("current_block")
    reset_block = answer.headers.get("x-ratelimit-reset-block")
    if block is None and reset_block is not None:
        return int(reset_block) - 1
    return block if isinstance(block, int) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _form(fault: Fault, status: str) -> str:
    """Which form a refusal of this status has: as the fault says, as it is called, else the plainest."""
    return str(fault.params.get(status) or (fault.name if fault.name.startswith(status) else status))
