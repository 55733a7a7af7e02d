"""GET /v2/status and POST /v2/submit: who, what, whether it counts. It never touches the transport."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.api.answers import STRANGE, conflict, detail, invalid, rate_limit, spoil_blocks
from sandbox.api.auth import Authenticator, AuthError
from sandbox.api.validation import field_errors
from sandbox.api.xcheck import x_mismatch

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from sandbox.clock import BlockClock
    from sandbox.config import SandboxConfig
    from sandbox.faults import Fault
    from sandbox.ledger import ApiLedger
    from sandbox.x.corpus import Corpus

__all__ = ["ApiService"]

_STATUS = "/v2/status"
_SUBMIT = "/v2/submit"


class ApiService:
    """The coordination API; `app` is its ASGI application, `control` are further routes that it serves."""

    routes = {_STATUS: "api.status", _SUBMIT: "api.submit"}  # noqa: RUF012 - never changed

    def __init__(
        self,
        config: SandboxConfig,
        *,
        clock: BlockClock,
        corpus: Corpus,
        ledger: ApiLedger,
        control: list[BaseRoute],
    ) -> None:
        self._config = config
        self._clock = clock
        self._corpus = corpus
        self._ledger = ledger
        self._auth = Authenticator(config.wall, verify=config.verify_signatures)
        self._owned: set[str] = set()
        self._last_block: int | None = None
        self._validations = 0
        routes: list[BaseRoute] = [Route(_STATUS, self.status), Route(_SUBMIT, self.submit, methods=["POST"])]
        self.app = Starlette(routes=[*routes, *control])

    def own(self, post_id: str) -> None:
        """Let another miner own a post: submitting it is a conflict from now on."""
        self._owned.add(post_id)

    async def status(self, request: Request) -> Response:
        """Answer the block numbers."""
        fault = request.state.fault
        block = self._clock.block
        if fault.name == "stall" and self._last_block is not None:
            block = self._last_block
        if fault.name == "rollback":
            block = max(0, block - self._clock.blocks_per_window)
        self._last_block = block
        if fault.name in {"401", "403", "500", "503"}:
            return detail(int(fault.name), params=fault.params)
        if fault.name == "429":
            return rate_limit(self._clock, block, used=0, limit=self._config.max_submissions)
        fields = self._clock.fields(block)
        left = fields["next_window_start_block"] - block
        body = {"status": "ok", **fields, "blocks_until_next_window": left}
        return JSONResponse(spoil_blocks(body, fault.name, self._clock, self._config.wall()))

    async def submit(self, request: Request) -> Response:
        """Answer one submission."""
        fault, seq = request.state.fault, request.state.seq
        if fault.name in {"401", "403", "500", "503"}:
            self._ledger.decided(seq, "unauthorized" if fault.name in {"401", "403"} else "failed")
            return detail(int(fault.name), params=fault.params)
        try:
            hotkey = self._auth.hotkey(request.headers)
        except AuthError as error:
            self._ledger.decided(seq, "unauthorized", reason=str(error))
            return detail(401, str(error))
        body, errors = _parsed(await request.body())
        if errors or fault.name.startswith("422"):
            form = fault.name if fault.name.startswith("422") else "422"
            self._ledger.decided(seq, "invalid", errors=errors)
            return invalid(errors or None, form=form)
        if body["miner_hotkey"] != hotkey:
            self._ledger.decided(seq, "unauthorized", reason="address differs")
            return detail(401, "X-Auth-SS58Address and miner_hotkey differ")
        return self._decide(hotkey, body, fault, seq)

    def _decide(self, hotkey: str, body: dict[str, Any], fault: Fault, seq: int) -> Response:
        post_id, block = body["post_id"], self._clock.block
        window = self._clock.window(block)
        used, limit = self._ledger.used(hotkey, window), self._config.max_submissions
        if fault.name in STRANGE:
            self._ledger.decided(seq, "weird")
            return self._success(dict(STRANGE[fault.name]), block, fault)
        if fault.name.startswith("409"):
            self._owned.add(post_id)
        elif self._ledger.has(hotkey, post_id):
            self._ledger.decided(seq, "duplicate", window=window)
            return self._success({"status": "duplicate", "message": "Post was submitted before"}, block, fault)
        if post_id in self._owned or self._ledger.owner(post_id) not in (None, hotkey):
            self._ledger.decided(seq, "conflict")
            form = fault.name if fault.name.startswith("409") else "409"
            return conflict(self._clock.fields(block), form=form)
        if fault.name.startswith("429") or used >= limit:
            self._ledger.decided(seq, "quota", window=window)
            form = fault.name if fault.name.startswith("429") else "429"
            return rate_limit(self._clock, block, used=limit, limit=limit, form=form)
        return self._accept(hotkey, body, block, fault, seq)

    def _accept(self, hotkey: str, body: dict[str, Any], block: int, fault: Fault, seq: int) -> Response:
        window = self._clock.window(block)
        self._ledger.accept(hotkey=hotkey, post_id=body["post_id"], window=window, body=body)
        mismatch = x_mismatch(body, self._corpus)
        if fault.name == "x_failed":
            mismatch = {"code": "text_mismatch", "message": "content differs from the post's text"}
        selected = fault.name in {"selected", "x_failed"} or self._selected(hotkey, body["post_id"])
        self._ledger.decided(seq, "new", window=window, selected=selected, x_mismatch=mismatch)
        status = "ok" if fault.name == "plain_ok" else "new"
        return self._success({"status": status, **self._selection(selected=selected, mismatch=mismatch)}, block, fault)

    def _selected(self, hotkey: str, post_id: str) -> bool:
        draw = random.Random(f"{self._config.seed}:{hotkey}:{post_id}").random()  # noqa: S311 - repeatable by intent
        return draw < self._config.selection_probability

    def _selection(self, *, selected: bool, mismatch: dict[str, str] | None) -> dict[str, Any]:
        validation_id = None
        if selected:
            self._validations += 1
            validation_id = f"val-{self._validations:06}"
        return {
            "message": "Post accepted",
            "selected_for_validation": selected,
            "x_validation_passed": mismatch is None if selected else None,
            "x_validation_error": mismatch if selected else None,
            "validation_id": validation_id,
        }

    def _success(self, body: dict[str, Any], block: int, fault: Fault) -> Response:
        status = 201 if fault.name == "created" else self._config.accept_status
        told = {**body, **self._clock.fields(block)}
        spoiled = spoil_blocks(told, fault.name, self._clock, self._config.wall())
        return JSONResponse(spoiled, status)


def _parsed(raw: bytes) -> tuple[dict[str, Any], list[dict[str, str]]]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}, [{"field": "body", "message": "JSON decode error"}]
    errors = field_errors(body)
    return ({} if errors else body), errors
