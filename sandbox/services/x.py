"""X API v2, recent search, users and usage: token, quota, parameters, page. It never says what there is to be found."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from sandbox.services.message import Answer, Request
from sandbox.services.x_answers import invalid_request, page_body, problem, too_many, users_body
from sandbox.services.x_search import ParameterError, parse_search, parse_users

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.faults import Fault
    from sandbox.services.x_answers import FoundPage
    from sandbox.services.x_corpus import User
    from sandbox.services.x_search import RecentSearch

__all__ = ["RequestQuota", "Shelf", "X"]

_REFUSALS: Final = frozenset({"400", "402", "403", "404", "429", "429_usage_capped", "500", "503"})
_PROJECT_CAP: Final = 2_000_000


class Shelf(Protocol):
    """Where posts are found."""

    def page(self, search: RecentSearch, fault: Fault, wall_s: float) -> FoundPage:
        """What a search finds at unix seconds, as the fault has it."""

    def user(self, user_id: str) -> User | None:
        """Who that is; None for nobody."""


class RequestQuota:
    """Requests per window of time; a window begins with its first request."""

    def __init__(self, limit: int = 450, seconds: float = 900.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._resets = 0.0
        self._left = limit

    def take(self, wall_s: float, *, exhausted: bool) -> tuple[dict[str, str], bool]:
        """Use one request; the headers to answer with, and whether there was one. `exhausted` says none remains."""
        if wall_s >= self._resets:
            self._resets, self._left = wall_s + self._seconds, self._limit
        allowed = exhausted or self._left > 0
        self._left = max(0, self._left - 1)
        headers = {
            "x-rate-limit-limit": str(self._limit),
            "x-rate-limit-remaining": "0" if exhausted else str(self._left),
            "x-rate-limit-reset": str(int(self._resets)),
        }
        return headers, allowed


class X:
    """Answers searches, and what they used up.

    A fault's params may hold `headers` of its answer, and `retry_after`.

    Args:
        shelf: Where posts are found.
        token: The bearer token; None takes anybody.
        quota: Of searches.
        users_quota: Of questions for users; None for that of X's own.
        usage_quota: Of questions for the usage.
        parse: Checks the parameters of a search made at unix seconds.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        token: str | None,
        quota: RequestQuota,
        usage_quota: RequestQuota,
        users_quota: RequestQuota | None = None,
        parse: Callable[[Mapping[str, str], float], RecentSearch] = parse_search,
    ) -> None:
        self._shelf = shelf
        self._token = token
        self._quota = quota
        self._usage_quota = usage_quota
        self._users_quota = users_quota or RequestQuota(300)
        self._parse = parse
        self._posts_read = 0

    def search(self, request: Request, fault: Fault, *, wall_s: float) -> Answer:
        """GET /2/tweets/search/recent, at unix seconds."""
        headers, refused = self._admit(request, fault, self._quota, wall_s)
        if refused is not None:
            return refused
        try:
            search = self._parse(request.params, wall_s)
        except ParameterError as error:
            return invalid_request(error.parameter, error.value, str(error), headers).decided("invalid")
        page = self._shelf.page(search, fault, wall_s)
        body, users = page_body(page, fault)
        self._posts_read += len(page.ids)
        answer = Answer.json([body] if fault.name == "list_body" else body, headers=headers)
        return answer.decided("searched", ids=page.ids, users=users, day=_day(wall_s))

    def users(self, request: Request, fault: Fault, *, wall_s: float) -> Answer:
        """GET /2/users, at unix seconds: at most 100 of them. Who is unknown or suspended is named as an error."""
        headers, refused = self._admit(request, fault, self._users_quota, wall_s)
        if refused is not None:
            return refused
        try:
            ids, fields = parse_users(request.params)
        except ParameterError as error:
            return invalid_request(error.parameter, error.value, str(error), headers).decided("invalid")
        body, users = users_body(ids, {i: user for i in ids if (user := self._shelf.user(i))}, fields, fault)
        answer = Answer.json([body] if fault.name == "list_body" else body, headers=headers)
        return answer.decided("told", ids=[], users=users, day=_day(wall_s))

    def usage(self, request: Request, fault: Fault, *, wall_s: float) -> Answer:
        """GET /2/usage/tweets: how many posts were read, as texts, as X has them. It costs nothing."""
        headers, refused = self._admit(request, fault, self._usage_quota, wall_s)
        if refused is not None:
            return refused
        numbers = {
            "cap_reset_day": 10,
            "project_cap": str(_PROJECT_CAP),
            "project_id": "45",
            "project_usage": str(_PROJECT_CAP if fault.name == "capped" else self._posts_read),
        }
        return Answer.json({"data": {} if fault.name == "no_numbers" else numbers}, headers=headers).decided("told")

    def _admit(
        self, request: Request, fault: Fault, quota: RequestQuota, wall_s: float
    ) -> tuple[dict[str, str], Answer | None]:
        """The headers of an answer, and the refusal by the token, the fault or the quota."""
        if fault.name == "401" or not self._authorized(request):
            return {}, problem("401").decided("unauthorized")
        headers, allowed = quota.take(wall_s, exhausted=fault.name in {"429", "429_code_88"})
        headers |= fault.params.get("headers", {})
        if "retry_after" in fault.params:
            headers["retry-after"] = str(fault.params["retry_after"])
        if fault.name == "429_code_88":
            return headers, too_many(headers).decided("refused")
        if fault.name in _REFUSALS:
            return headers, problem(fault.name, headers).decided("refused")
        return headers, None if allowed else problem("429", headers).decided("rate_limited")

    def _authorized(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        return self._token is None or hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())


def _day(wall_s: float) -> str:
    """The UTC day, by which X bills."""
    return datetime.fromtimestamp(wall_s, UTC).date().isoformat()
