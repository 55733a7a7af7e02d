"""The services of a sandbox as its configuration has them, and what is asked of each at which path."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from sandbox.http.control import control
from sandbox.http.gate import Gate, Route, always
from sandbox.services.api import Api, parsed
from sandbox.services.api_form import x_mismatch
from sandbox.services.llm import Llm
from sandbox.services.llm_personalities import PERSONALITIES, PLAIN
from sandbox.services.message import Answer, Request
from sandbox.services.x import RequestQuota, X
from sandbox.services.x_answers import problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.http.clock import BlockClock, PostClock
    from sandbox.http.config import SandboxConfig
    from sandbox.services.faults import Fault, FaultPlan
    from sandbox.services.ledger import ExchangeLedger, Ledgers
    from sandbox.services.x_corpus import Corpus

__all__ = ["Routes"]

_GET: Final = frozenset({"GET", "HEAD"})
_POST: Final = frozenset({"POST"})
_NOT_FOUND: Final = Answer(status=404, headers={"content-type": "text/plain; charset=utf-8"}, body=b"Not Found")


class Routes:
    """The three services.

    Attributes:
        api: The coordination API.
    """

    def __init__(
        self, config: SandboxConfig, *, blocks: BlockClock, posts: PostClock, corpus: Corpus, ledgers: Ledgers
    ) -> None:
        self._config = config
        self._blocks = blocks
        self._posts = posts
        self._ledgers = ledgers
        self.api = Api(
            blocks,
            ledgers.api,
            verify=_verify if config.verify_signatures else None,
            accept_status=config.accept_status,
            selects=self._selects,
            differs=lambda body: x_mismatch(body, corpus),
        )
        quota = RequestQuota(config.x_quota, config.x_quota_s)
        self._x = X(corpus, token=config.x_token, quota=quota, usage_quota=RequestQuota(50))
        like = PERSONALITIES.get(config.llm_like, PLAIN)
        formats, models = config.response_formats, config.served_models
        self._llm = Llm(formats=formats, models=models, key=config.llm_key, like=like)

    def gates(self, plan: FaultPlan) -> dict[str, Gate]:
        """An application for each service."""
        ledgers = self._ledgers

        def gate(ledger: ExchangeLedger, routes: Mapping[str, Route], otherwise: Any) -> Gate:
            return Gate(routes, plan=plan, ledger=ledger, wall=self._config.wall, otherwise=otherwise)

        beside = control(plan=plan, blocks=self._blocks, posts=self._posts, ledgers=ledgers)
        return {
            "x": gate(ledgers.x, self._of_x(), always(problem("404"))),
            "llm": gate(ledgers.llm, self._of_llm(), always(_NOT_FOUND)),
            "api": gate(ledgers.api, self._of_api(), beside),
        }

    def _of_x(self) -> dict[str, Route]:
        def search(request: Request, fault: Fault, _seq: int) -> Answer:
            return self._x.search(request, fault, wall_s=self._posts.now())

        def users(request: Request, fault: Fault, _seq: int) -> Answer:
            return self._x.users(request, fault, wall_s=self._posts.now())

        def usage(request: Request, fault: Fault, _seq: int) -> Answer:
            return self._x.usage(request, fault, wall_s=self._posts.now())

        def asked(request: Request) -> dict[str, Any]:
            return {"params": dict(request.params)}

        return {
            "/2/tweets/search/recent": Route(place="x.search", methods=_GET, answer=search, describe=asked),
            "/2/users": Route(place="x.users", methods=_GET, answer=users, describe=asked),
            "/2/usage/tweets": Route(place="x.usage", methods=_GET, answer=usage, describe=asked),
        }

    def _of_llm(self) -> dict[str, Route]:
        def chat(request: Request, fault: Fault, seq: int) -> Answer:
            return self._llm.chat(request, fault, number=seq)

        def models(request: Request, fault: Fault, _seq: int) -> Answer:
            return self._llm.models(request, fault)

        asked = _picked("model", "temperature", "seed", "max_tokens")
        return {
            "/v1/chat/completions": Route(place="llm.chat", methods=_POST, answer=chat, describe=asked),
            "/v1/models": Route(place="llm.models", methods=_GET, answer=models, describe=asked),
        }

    def _of_api(self) -> dict[str, Route]:
        def status(_request: Request, fault: Fault, _seq: int) -> Answer:
            return self.api.status(fault, block=self._blocks.block, wall_s=self._config.wall())

        def submit(request: Request, fault: Fault, _seq: int) -> Answer:
            return self.api.submit(request, fault, block=self._blocks.block, wall_s=self._config.wall())

        sent = _picked("miner_hotkey", "post_id")
        return {
            "/v2/status": Route(place="api.status", methods=_GET, answer=status, describe=sent),
            "/v2/submit": Route(place="api.submit", methods=_POST, answer=submit, describe=sent),
        }

    def _selects(self, hotkey: str, post_id: str) -> bool:
        draw = random.Random(f"{self._config.seed}:{hotkey}:{post_id}").random()  # noqa: S311 - repeatable by intent
        return draw < self._config.selection_probability


def _picked(*names: str) -> Callable[[Request], dict[str, Any]]:
    def describe(request: Request) -> dict[str, Any]:
        data = parsed(request.content)
        return {name: data[name] for name in names if name in data} if isinstance(data, dict) else {}

    return describe


def _verify(address: str, message: bytes, signature: bytes) -> bool:
    from bittensor_core import verify  # noqa: PLC0415 - needed only where signatures are checked

    return bool(verify(message, signature, address))
