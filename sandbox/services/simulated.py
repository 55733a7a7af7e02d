"""The services as the simulation asks them: what a draw of the weather does to a request, and the books of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sandbox.services.api import parsed
from sandbox.services.api_answers import STRANGE
from sandbox.services.disturbance import Draw
from sandbox.services.faults import Fault
from sandbox.services.ledger import Chat, Ledger, Search, Status, Submission
from sandbox.services.llm import asked_in
from sandbox.services.message import PAGES, Answer, Request

if TYPE_CHECKING:
    from sandbox.services.api import Api
    from sandbox.services.chain import SimulatedChain
    from sandbox.services.disturbance import Weather
    from sandbox.services.llm import Llm
    from sandbox.services.x import X

__all__ = ["SimulatedApi", "SimulatedLlm", "SimulatedX"]

_SELECTED: Final = 0.1  # of the posts
_CONFLICT_FORMS: Final = ((0.5, "409"), (math.inf, "409_text"))
_INVALID_FORMS: Final = ((0.25, "422"), (0.5, "422_nested"), (0.75, "422_message"), (math.inf, "422_text"))
_LIMIT_FORMS: Final = ((0.3, "429_text"), (0.8, "429"), (math.inf, "429_body"))
_QUARTER_H_S: Final = 900
_AHEAD: Final = 0.5
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# Why a model refuses everything for a while, and for how many windows' time at most.
_REFUSES: Final = ("401", "402", "404")
_LONGEST_REFUSAL: Final = 6.0


class SimulatedApi:
    """The coordination API. A post that counts goes on to count, and one that was invalid once stays so."""

    def __init__(self, api: Api, chain: SimulatedChain, ledger: Ledger, *, epoch_s: float) -> None:
        self._api = api
        self._chain = chain
        self._ledger = ledger
        self._epoch_s = epoch_s
        self._invalid: set[str] = set()

    def status(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Status]:
        """GET /v2/status."""
        block = self._chain.block(now_s)
        entry = Status(at_s=now_s, number=draw.number, life=request.life, fault=draw.kind, outcome="failed", block=None)
        self._ledger.enter(entry)
        fault = Fault(draw.kind, self._forms(draw))
        answer = PAGES.get(draw.kind) or self._api.status(fault, block=block, wall_s=self._epoch_s + now_s)
        if answer.outcome == "told":
            entry.outcome, entry.block = "told", block
        entry.told, entry.lie = answer.facts.get("told"), answer.facts.get("lie", "")
        return answer, entry

    def submit(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Submission]:
        """POST /v2/submit."""
        block = self._chain.block(now_s)
        found = parsed(request.content)
        body: dict[str, Any] = found if isinstance(found, dict) else {}
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
        fault = self._fault(draw, entry.post_id)
        answer = PAGES.get(draw.kind) or self._api.submit(request, fault, block=block, wall_s=self._epoch_s + now_s)
        entry.outcome, entry.why = answer.outcome or "failed", answer.facts.get("reason", "")
        entry.told, entry.lie = answer.facts.get("told"), answer.facts.get("lie", "")
        if entry.outcome == "invalid":
            self._invalid.add(entry.post_id)
        return answer, entry

    def _fault(self, draw: Draw, post_id: str) -> Fault:
        kind, counted = draw.kind, self._ledger.acceptances
        if post_id in counted:
            kind = "" if kind in {"409", "422"} else kind
        elif post_id in self._invalid and kind not in STRANGE:
            kind = "422"
        validation_id = f"val-{len(counted) + 1:06}" if draw.share < _SELECTED else None
        return Fault(kind, {**self._forms(draw), "validation_id": validation_id})

    def _forms(self, draw: Draw) -> dict[str, Any]:
        amount = draw.amount
        return {
            "409": _form(_CONFLICT_FORMS, amount),
            "422": _form(_INVALID_FORMS, amount),
            "429": draw.kind if draw.kind.startswith("429_") else _form(_LIMIT_FORMS, amount),
            "behind": int(amount * 2 * self._chain.blocks_per_window),
        }


class SimulatedX:
    """X recent search, without its usage."""

    def __init__(self, x: X, ledger: Ledger, *, epoch_s: float) -> None:
        self._x = x
        self._ledger = ledger
        self._epoch_s = epoch_s

    def search(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Search]:
        """GET /2/tweets/search/recent."""
        entry = Search(at_s=now_s, number=draw.number, life=request.life, fault=draw.kind, outcome="refused")
        self._ledger.enter(entry)
        wall_s = self._epoch_s + now_s
        params: dict[str, Any] = {"amount": draw.amount, "share": draw.share, "place": draw.amount}
        if draw.kind == "odd_date":
            params["at"] = _odd_date(draw.share, wall_s)
        if draw.kind.startswith("429"):
            resets_s = int(wall_s) + int(draw.amount * _QUARTER_H_S)
            params["headers"] = {"x-rate-limit-reset": str(resets_s)}
        answer = PAGES.get(draw.kind) or self._x.search(request, Fault(draw.kind, params), wall_s=wall_s)
        if answer.outcome == "searched":
            entry.outcome, entry.posts, entry.users = "searched", tuple(answer.facts["ids"]), len(answer.facts["users"])
        return answer, entry


class SimulatedLlm:
    """A chat endpoint. Now and then it refuses whatever it is asked, for some windows' time.

    Args:
        llm: The service.
        ledger: The books.
        weather: Disturbances of place "llm", one occasion for each window's time.
        period_s: A window's time.
    """

    def __init__(self, llm: Llm, ledger: Ledger, *, weather: Weather, period_s: float) -> None:
        self._llm = llm
        self._ledger = ledger
        self._weather = weather
        self._period_s = period_s
        self._drawn = 0
        self._refuses = ""
        self._refuses_until_s = 0.0

    def chat(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Chat]:
        """POST /v1/chat/completions."""
        draw = self._as_refused(draw, now_s)
        question = asked_in(parsed(request.content))
        entry = Chat(
            at_s=now_s,
            number=draw.number,
            life=request.life,
            fault=draw.kind,
            outcome="refused",
            text="" if question is None else question.post,
        )
        self._ledger.enter(entry)
        kind = "refused_format" if draw.kind == "no_format" else draw.kind
        fault = Fault(kind, {"retry_after": 1 + int(draw.amount * 5)} if kind == "429" else {})
        answer = PAGES.get(kind) or self._llm.chat(request, fault, number=draw.number)
        if answer.outcome == "analyzed":
            entry.outcome = "answered"
            entry.prompt_tokens = answer.facts["prompt_tokens"]
            entry.completion_tokens = answer.facts["completion_tokens"]
        return answer, entry

    def _as_refused(self, draw: Draw, now_s: float) -> Draw:
        """What an occasion gets while everything is refused, unless something else happens to it."""
        while self._drawn * self._period_s <= now_s:
            found = self._weather.draw("llm")
            if found.kind:
                self._refuses = _REFUSES[int(found.share * len(_REFUSES))]
                self._refuses_until_s = self._period_s * (self._drawn + found.amount * _LONGEST_REFUSAL)
            self._drawn += 1
        if draw.kind or self._weather.calm or now_s >= self._refuses_until_s:
            return draw
        return Draw(draw.number, self._refuses, draw.amount, draw.share)


def _form(forms: tuple[tuple[float, str], ...], amount: float) -> str:
    return next(form for most, form in forms if amount < most)


def _odd_date(share: float, wall_s: float) -> str:
    """From a few minutes away to the beginning or the end of all dates."""
    now = datetime.fromtimestamp(int(wall_s), UTC)
    most = _END - now if share < _AHEAD else now - _BEGINNING
    away = timedelta(seconds=int(min(most.total_seconds(), 10 ** (2 + 18 * (share % _AHEAD)))))
    return (now + away if share < _AHEAD else now - away).isoformat().replace("+00:00", "Z")
