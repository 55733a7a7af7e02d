"""GET /2/tweets/search/recent and /2/usage/tweets: token, quota, parameters, answer, bill; never the transport."""

from __future__ import annotations

import hmac
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.x.params import ParameterError, Search, page_token, parse_search
from sandbox.x.problems import invalid_request, problem, rate_limited
from sandbox.x.render import post_json, user_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.clock import PostClock
    from sandbox.config import SandboxConfig
    from sandbox.faults import Fault
    from sandbox.ledger import XLedger
    from sandbox.x.corpus import Corpus, Post

__all__ = ["XService"]

_PATH = "/2/tweets/search/recent"
_USAGE = "/2/usage/tweets"
_USAGE_REQUESTS, _USAGE_S = 50, 900.0
_PROJECT_CAP = 2_000_000
_END_OF_TIME = "9999-12-31T23:59:59.000Z"


class XService:
    """The X stand-in; `app` is its ASGI application."""

    routes = {_PATH: "x.search", _USAGE: "x.usage"}  # noqa: RUF012 - never changed

    def __init__(self, config: SandboxConfig, *, corpus: Corpus, clock: PostClock, ledger: XLedger) -> None:
        self._token = config.x_token
        self._corpus = corpus
        self._clock = clock
        self._ledger = ledger
        self._quota = _Quota(config.x_quota, config.x_quota_s)
        self._usage_quota = _Quota(_USAGE_REQUESTS, _USAGE_S)
        routes = [Route(_PATH, self.search), Route(_USAGE, self.usage)]
        self.app = Starlette(routes=routes, exception_handlers={404: _not_found})

    async def search(self, request: Request) -> Response:
        """Answer one search."""
        fault, seq = request.state.fault, request.state.seq
        if fault.name == "401" or not self._authorized(request):
            self._ledger.decided(seq, "unauthorized")
            return problem("401")
        now = self._clock.now()
        headers = self._quota.take(now, exhausted=fault.name in {"429", "429_code_88"})
        if refusal := _refusal(fault.name, fault.params, headers):
            self._ledger.decided(seq, "refused")
            return refusal
        if headers is None:
            self._ledger.decided(seq, "rate_limited")
            return problem("429", self._quota.headers(now))
        try:
            search = parse_search(dict(request.query_params), now)
        except ParameterError as error:
            self._ledger.decided(seq, "invalid")
            return invalid_request(error.parameter, error.value, str(error), headers)
        return self._answer(search, fault, seq, headers)

    async def usage(self, request: Request) -> Response:
        """Tell how many posts were read; numbers are texts, as X has them. It costs nothing."""
        fault, seq = request.state.fault, request.state.seq
        if fault.name == "401" or not self._authorized(request):
            self._ledger.decided(seq, "unauthorized")
            return problem("401")
        now = self._clock.now()
        headers = self._usage_quota.take(now, exhausted=fault.name == "429")
        if refusal := _refusal(fault.name, fault.params, headers):
            self._ledger.decided(seq, "refused")
            return refusal
        if headers is None:
            self._ledger.decided(seq, "rate_limited")
            return problem("429", self._usage_quota.headers(now))
        self._ledger.decided(seq, "told")
        used = _PROJECT_CAP if fault.name == "capped" else self._ledger.posts_read
        numbers = {
            "cap_reset_day": 10,
            "project_cap": str(_PROJECT_CAP),
            "project_id": "45",
            "project_usage": str(used),
        }
        return JSONResponse({"data": {} if fault.name == "no_numbers" else numbers}, headers=headers)

    def _authorized(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())

    def _answer(self, search: Search, fault: Fault, seq: int, headers: dict[str, str]) -> Response:
        found = self._find(search, fault.name)
        page, more = found[: search.max_results], len(found) > search.max_results
        if fault.name == "edited":
            page = sorted(map(self._corpus.edit, page), key=lambda post: int(post.id), reverse=True)
        body = _body(page, search, more=more)
        if fault.name in {"missing_author", "partial"}:
            _lose_authors(body, page, fault.name)
        if fault.name == "odd_date" and page:
            body["data"][0]["created_at"] = fault.params.get("at", _END_OF_TIME)
        users = [user["id"] for user in body.get("includes", {}).get("users", [])]
        ids = [post.id for post in page]
        day = datetime.fromtimestamp(self._clock.now(), UTC).date().isoformat()
        self._ledger.read(day=day, posts=ids, users=users)
        self._ledger.decided(seq, "searched", ids=ids)
        return JSONResponse([body] if fault.name == "list_body" else body, headers=headers)

    def _find(self, search: Search, fault: str) -> list[Post]:
        if fault == "empty":
            return []
        if fault == "ignores_time":
            return [post for post in reversed(self._corpus.posts()) if search.matches(post)]
        return [post for post in self._corpus.posts() if _found(post, search)]


class _Quota:
    """Requests per window of time; a window begins with its first request."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._lock = threading.Lock()
        self._resets = 0.0
        self._left = limit

    def take(self, now: float, *, exhausted: bool = False) -> dict[str, str] | None:
        """Use one request; the headers to answer with, or None when none was left."""
        with self._lock:
            if now >= self._resets:
                self._resets, self._left = now + self._seconds, self._limit
            if exhausted:
                self._left = max(0, self._left - 1)
                return {**self._headers(), "x-rate-limit-remaining": "0"}
            if self._left <= 0:
                return None
            self._left -= 1
            return self._headers()

    def headers(self, now: float) -> dict[str, str]:
        """The headers without using a request; now is unix seconds."""
        with self._lock:
            self._resets = self._resets or now + self._seconds
            return self._headers()

    def _headers(self) -> dict[str, str]:
        return {
            "x-rate-limit-limit": str(self._limit),
            "x-rate-limit-remaining": str(self._left),
            "x-rate-limit-reset": str(int(self._resets)),
        }


def _refusal(fault: str, params: dict[str, Any], headers: dict[str, str] | None) -> Response | None:
    headers = dict(headers or {})
    if "retry_after" in params:
        headers["retry-after"] = str(params["retry_after"])
    if fault == "400":
        return invalid_request("query", "", "The request was refused because a fault asked for it.", headers)
    if fault == "429_code_88":
        return rate_limited(headers)
    if fault in {"402", "403", "404", "429", "429_usage_capped", "500", "503"}:
        return problem(fault, headers)
    return None


def _found(post: Post, search: Search) -> bool:
    return (
        search.after_id < int(post.id) < search.before_id
        and search.after <= post.created_at < search.before
        and search.matches(post)
    )


def _body(page: list[Post], search: Search, *, more: bool) -> dict[str, Any]:
    if not page:
        return {"meta": {"result_count": 0}}
    fields = search.tweet_fields | ({"author_id"} if search.with_authors else frozenset())
    body: dict[str, Any] = {"data": [post_json(post, fields) for post in page]}
    if search.with_authors:
        authors = {post.author.id: post.author for post in page}
        body["includes"] = {"users": [user_json(user, search.user_fields) for user in authors.values()]}
    body["meta"] = {"newest_id": page[0].id, "oldest_id": page[-1].id, "result_count": len(page)}
    if more:
        body["meta"]["next_token"] = page_token(page[-1].id)
    return body


def _lose_authors(body: dict[str, Any], page: list[Post], fault: str) -> None:
    """Take every other author out of `includes`; a partial answer says so of each."""
    users = body.get("includes", {}).get("users", [])
    lost = users[::2]
    if users:
        body["includes"]["users"] = users[1::2]
    if fault == "partial" and page:
        ids = [user["id"] for user in lost] or [page[0].author.id]
        body["errors"] = [_missing(user_id) for user_id in ids]


def _missing(user_id: str) -> dict[str, str]:
    return {
        "value": user_id,
        "detail": f"Could not find user with author_id: [{user_id}].",
        "title": "Not Found Error",
        "resource_type": "user",
        "parameter": "author_id",
        "resource_id": user_id,
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
    return problem("404")
