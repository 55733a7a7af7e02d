"""The world of a simulation: services, chain, books and weather. Whoever carries requests brings the time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sandbox.services.api import Api, parsed, told_block
from sandbox.services.api_answers import STRANGE
from sandbox.services.chain import SimulatedChain
from sandbox.services.disturbance import Draw
from sandbox.services.faults import Fault
from sandbox.services.ledger import Arrival, Chat, Ledger, Lookup, Search, Status, Submission
from sandbox.services.llm import Llm, asked_in
from sandbox.services.llm_model import guess
from sandbox.services.llm_personalities import TERSE
from sandbox.services.message import PAGES, Answer, Request
from sandbox.services.x import RequestQuota, X
from sandbox.services.x_posts import Posts, plain_search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.api_form import Verify
    from sandbox.services.disturbance import Weather

__all__ = ["EPOCH_S", "Habits", "World"]

_T = TypeVar("_T", bound=Arrival)

EPOCH_S: Final = 1_795_357_925.0  # 2026-11-22T14:32:05Z
_POSTS_PER_WINDOW: Final = 6.0
_WINDOW_BLOCKS: Final = (100, 100, 50, 20, 10, 5)
_QUOTAS: Final = (5, 5, 3, 2, 1)
_FORMATS: Final = (
    frozenset({"json_schema", "json_object"}),
    frozenset({"json_schema", "json_object"}),
    frozenset({"json_object"}),
    frozenset[str](),
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What this world is like, for as long as it lasts.

    Attributes:
        blocks_per_window: At the beginning.
        quota: Posts for each window at the beginning.
        enforces_quota: The API answers 429 once a window is full; otherwise nothing but the miner keeps to it.
        checks_replays: The API refuses a signature that it saw before.
        formats: Response formats that the model takes.
        posts_per_window: New posts at X.
        slowness: How many times the usual latency every way takes.
        tells_quota: The API names its quota in a success, too.
    """

    blocks_per_window: int
    quota: int
    enforces_quota: bool
    checks_replays: bool
    formats: frozenset[str]
    posts_per_window: float
    slowness: float
    tells_quota: bool

    @classmethod
    def drawn(cls, seed: int) -> Habits:
        """Those of a seed."""
        rng = random.Random(f"{seed}:habits")  # noqa: S311  (repeatable by intent)
        return cls(
            blocks_per_window=rng.choice(_WINDOW_BLOCKS),
            quota=rng.choice(_QUOTAS),
            enforces_quota=rng.random() < 0.5,  # noqa: PLR2004
            checks_replays=rng.random() < 0.5,  # noqa: PLR2004
            formats=rng.choice(_FORMATS),
            posts_per_window=_POSTS_PER_WINDOW * rng.choice((0.3, 1.0, 1.0, 1.5)),
            slowness=rng.choice((1.0, 1.0, 1.0, 1.0, 1.0, 7.0)),
            tells_quota=rng.random() < 0.5,  # noqa: PLR2004
        )


class World:
    """Everything outside the miner.

    Args:
        seed: Of texts and habits.
        weather: What goes wrong.
        verify: Checks the miner's signatures.
        habits: None for those of the seed.

    Attributes:
        ledger: The books.
        chain: The blocks.
        posts: What is at X.
        weather: What goes wrong.
        habits: What it is like.
        epoch_s: Unix seconds at which it begins.
    """

    def __init__(self, seed: int, weather: Weather, *, verify: Verify, habits: Habits | None = None) -> None:
        self.habits = habits = habits or Habits.drawn(seed)
        self.weather = weather
        self.ledger = Ledger()
        self.epoch_s = EPOCH_S
        self.chain = SimulatedChain(
            weather,
            blocks_per_window=habits.blocks_per_window,
            quota=habits.quota,
            steady_quota=not habits.enforces_quota,
        )
        self._api = Api(
            self.chain,
            self.ledger,
            verify=verify,
            enforces_quota=habits.enforces_quota,
            checks_replays=habits.checks_replays,
            tells_quota=habits.tells_quota,
        )
        spacing_s = self.chain.period_s / habits.posts_per_window
        self.posts = posts = Posts(seed, epoch_s=self.epoch_s, spacing_s=spacing_s, before=12)
        self.ledger.versions = posts.versions
        self._x = X(posts, token=None, parse=plain_search, quota=RequestQuota(), usage_quota=RequestQuota())
        self._llm = Llm(formats=habits.formats, models=None, key=None, like=TERSE, think=guess, wraps=False)
        self._invalid: set[str] = set()  # posts that were invalid once, and so stay
        self._refusals_drawn = 0
        self._refuses = ""
        self._refuses_until_s = 0.0
        self._servers: Mapping[str, Callable[[Draw, Request, float], tuple[Answer, Arrival]]] = {
            "api.status": self._status,
            "api.submit": self._submit,
            "x.search": self._search,
            "x.users": self._users,
            "llm.chat": self._chat,
        }

    def arrive(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Arrival]:
        """A request reaches its server: what it answers, and the entry in the books."""
        return self._servers[request.place](draw, request, now_s)

    def _entered(self, kind: type[_T], draw: Draw, request: Request, now_s: float, **more: Any) -> _T:
        entry = kind(at_s=now_s, number=draw.number, life=request.life, fault=draw.kind, **more)
        self.ledger.enter(entry)
        return entry

    def _status(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Status]:
        block = self.chain.block(now_s)
        entry = self._entered(Status, draw, request, now_s, outcome="failed")
        fault = Fault(draw.kind, self._forms(draw))
        answer = PAGES.get(draw.kind) or self._api.status(fault, block=block, wall_s=self.epoch_s + now_s)
        if answer.outcome == "told":
            entry.outcome, entry.block = "told", block
        entry.told, entry.lie = told_block(answer), answer.facts.get("lie", "")
        return answer, entry

    def _submit(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Submission]:
        block = self.chain.block(now_s)
        found = parsed(request.content)
        body: dict[str, Any] = found if isinstance(found, dict) else {}
        entry = self._entered(
            Submission,
            draw,
            request,
            now_s,
            post_id=str(body.get("post_id", "")),
            start_block=self.chain.start(block),
            signature=request.headers.get("x-auth-signature", ""),
            body=body,
        )
        fault = self._fault(draw, entry.post_id)
        if draw.kind not in PAGES:
            entry.fault = fault.name or draw.kind  # a post that stays invalid got that in place of what was drawn
        answer = PAGES.get(draw.kind) or self._api.submit(request, fault, block=block, wall_s=self.epoch_s + now_s)
        entry.outcome, entry.why = answer.outcome or "failed", answer.facts.get("reason", "")
        entry.told, entry.lie = told_block(answer), answer.facts.get("lie", "")
        if entry.outcome == "invalid":
            self._invalid.add(entry.post_id)
        return answer, entry

    def _search(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Search]:
        since_id = "" if "next_token" in request.params else request.params.get("since_id", "")
        entry = self._entered(Search, draw, request, now_s, outcome="refused", since_id=since_id)
        wall_s = self.epoch_s + now_s
        params: dict[str, Any] = {"amount": draw.amount, "share": draw.share, "place": draw.amount}
        if draw.kind == "odd_date":
            params["at"] = _odd_date(draw.share, wall_s)
        params |= _reset(draw, wall_s)
        answer = PAGES.get(draw.kind) or self._x.search(request, Fault(draw.kind, params), wall_s=wall_s)
        if answer.outcome == "searched":
            entry.outcome, entry.posts, entry.user_ids = (
                "searched",
                tuple(answer.facts["ids"]),
                tuple(answer.facts["users"]),
            )
            entry.users = len(entry.user_ids)
        return answer, entry

    def _users(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Lookup]:
        entry = self._entered(Lookup, draw, request, now_s, outcome="refused")
        wall_s = self.epoch_s + now_s
        fault = Fault(draw.kind, _reset(draw, wall_s))
        answer = PAGES.get(draw.kind) or self._x.users(request, fault, wall_s=wall_s)
        if answer.outcome == "told":
            entry.outcome, entry.users = "told", tuple(answer.facts["users"])
        return answer, entry

    def _chat(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Chat]:
        draw = self._as_refused(draw, now_s)
        question = asked_in(parsed(request.content))
        text = "" if question is None else question.post
        entry = self._entered(Chat, draw, request, now_s, outcome="refused", text=text)
        kind = "refused_format" if draw.kind == "no_format" else draw.kind
        fault = Fault(kind, {"retry_after": 1 + int(draw.amount * 5)} if kind == "429" else {})
        answer = PAGES.get(kind) or self._llm.chat(request, fault, number=draw.number)
        if answer.outcome == "analyzed":
            entry.outcome = "answered"
            entry.prompt_tokens = answer.facts["prompt_tokens"]
            entry.completion_tokens = answer.facts["completion_tokens"]
        return answer, entry

    def _fault(self, draw: Draw, post_id: str) -> Fault:
        """A post that counts goes on to count, and one that was invalid once stays so."""
        kind, counted = draw.kind, self.ledger.acceptances
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
            "behind": int(amount * 2 * self.chain.blocks_per_window),
        }

    def _as_refused(self, draw: Draw, now_s: float) -> Draw:
        """Now and then the model refuses all questions for some windows' time, where nothing else happens to them."""
        while self._refusals_drawn * self.chain.period_s <= now_s:
            found = self.weather.draw("llm")
            if found.kind:
                self._refuses = _REFUSES[int(found.share * len(_REFUSES))]
                self._refuses_until_s = self.chain.period_s * (self._refusals_drawn + found.amount * _LONGEST_REFUSAL)
            self._refusals_drawn += 1
        if draw.kind or self.weather.calm or now_s >= self._refuses_until_s:
            return draw
        return Draw(draw.number, self._refuses, draw.amount, draw.share)


def _reset(draw: Draw, wall_s: float) -> dict[str, Any]:
    """When X takes requests again, where it refuses them for now."""
    if not draw.kind.startswith("429"):
        return {}
    return {"headers": {"x-rate-limit-reset": str(int(wall_s) + int(draw.amount * _QUARTER_H_S))}}


def _form(forms: tuple[tuple[float, str], ...], amount: float) -> str:
    return next(form for most, form in forms if amount < most)


def _odd_date(share: float, wall_s: float) -> str:
    """From a few minutes away to the beginning or the end of all dates."""
    now = datetime.fromtimestamp(int(wall_s), UTC)
    most = _END - now if share < _AHEAD else now - _BEGINNING
    away = timedelta(seconds=int(min(most.total_seconds(), 10 ** (2 + 18 * (share % _AHEAD)))))
    return (now + away if share < _AHEAD else now - away).isoformat().replace("+00:00", "Z")
