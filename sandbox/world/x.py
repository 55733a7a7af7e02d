"""X recent search of the simulated world: pages of posts, problems, and the bill. It never matches a query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from sandbox.world.api import PAGES
from sandbox.world.ledger import Ledger, Search
from sandbox.world.message import Answer, Request

if TYPE_CHECKING:
    from sandbox.world.disturbance import Draw
    from sandbox.world.posts import PagePost, Posts

__all__ = ["X"]

_BASE: Final = "https://api.twitter.com/2/problems/"
_PROBLEMS: Final = {
    "400": (400, "invalid-request", "Invalid Request", "One or more parameters to your request was invalid."),
    "401": (401, "", "Unauthorized", "Unauthorized"),
    "402": (402, "credits", "CreditsDepleted", "Your enrolled account does not have any credits."),
    "403": (403, "client-forbidden", "Client Forbidden", "This client is not enrolled for the search endpoints."),
    "429": (429, "rate-limit-exceeded", "Too Many Requests", "Too Many Requests"),
    "429_usage_capped": (429, "usage-capped", "UsageCapExceeded", "Usage cap exceeded: Monthly product cap"),
    "500": (500, "", "Internal Server Error", "Something is broken."),
    "503": (503, "", "Service Unavailable", "Service Unavailable"),
}
_TOKEN: Final = "page-"  # noqa: S105  (marks a page, guards nothing)
_QUARTER_H_S: Final = 900
_WEEK_S: Final = 7 * 86_400
_JUST_NOW_S: Final = 10
_BOTH_VERSIONS: Final = 0.5
_AHEAD: Final = 0.5
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class X:
    """Answers searches with the newest posts.

    Args:
        posts: All there are.
        ledger: Where it enters what was billed.
        epoch_s: Unix seconds at which the world begins.
    """

    def __init__(self, posts: Posts, ledger: Ledger, *, epoch_s: float) -> None:
        self._posts = posts
        self._ledger = ledger
        self._epoch_s = epoch_s

    def search(self, draw: Draw, request: Request, now_s: float) -> tuple[Answer, Search]:
        """GET /2/tweets/search/recent."""
        entry = Search(at_s=now_s, number=draw.number, life=request.life, fault=draw.kind, outcome="refused")
        self._ledger.enter(entry)
        refused = _refusal(draw, int(self._epoch_s + now_s)) or PAGES.get(draw.kind)
        if refused is not None:
            return refused, entry
        skip = int(request.params.get("next_token", "").removeprefix(_TOKEN) or 0)
        count = int(request.params["max_results"])
        wall_s = self._epoch_s + now_s
        since_s = datetime.fromisoformat(request.params["start_time"]).timestamp()
        if not wall_s - _WEEK_S <= since_s <= wall_s - _JUST_NOW_S:  # the client's clock is that wrong
            return _problem("400"), entry
        found = [] if draw.kind == "empty" else self._posts.newest(wall_s, count, skip)
        found = [post for post in found if post.at_s >= since_s]
        found = self._changed(draw, found, count)
        users = list(dict.fromkeys(post.author_id for post in found))
        lost = users[::2] if draw.kind in {"partial", "missing_author"} else []
        shown = [user for user in users if user not in lost]
        entry.outcome, entry.posts, entry.users = "searched", tuple(post.id for post in found), len(shown)
        body = self._body(found, shown, skip + len(found))
        if draw.kind == "odd_date" and found:
            page = body["data"]
            place = int(draw.amount * len(page))
            page[place] = {**orjson.loads(found[place].json), "created_at": _odd_date(draw.share, wall_s)}
        if draw.kind == "partial":
            body["errors"] = [_missing(user) for user in lost]
        answer = Answer.json([body]) if draw.kind == "list_body" else _page(body)
        return answer, entry

    def _changed(self, draw: Draw, found: list[PagePost], count: int) -> list[PagePost]:
        """The posts of a page, changed as the disturbance says."""
        if draw.kind == "few":
            return found[: int(draw.amount * len(found))]
        if draw.kind == "ignores_time":
            ancient = self._posts.ancient()
            return found[: max(0, count - len(ancient))] + ancient
        if draw.kind == "unedited":  # an index that is behind
            return [self._posts.before_edit(post) for post in found]
        if draw.kind == "edited" and found:
            place = int(draw.amount * len(found))
            edited = self._posts.edit(found[place])
            if edited is not None:
                self._ledger.versions[edited.id] = self._ledger.original(found[place].id)
                both = draw.share < _BOTH_VERSIONS and len(found) < count
                return [*found[:place], edited, *found[place + (not both) :]]
        return found

    def _body(self, found: list[PagePost], users: list[str], skip: int) -> dict[str, Any]:
        if not found:
            return {"meta": {"result_count": 0}}
        return {
            "data": [orjson.Fragment(post.json) for post in found],
            "includes": {"users": [orjson.Fragment(self._posts.users[user]) for user in users]},
            "meta": {
                "newest_id": found[0].id,
                "oldest_id": found[-1].id,
                "result_count": len(found),
                "next_token": f"{_TOKEN}{skip}",
            },
        }


def _odd_date(share: float, wall_s: float) -> str:
    """A date that is wrong by minutes, or by as much as a date can be."""
    now = datetime.fromtimestamp(int(wall_s), UTC)
    most = _END - now if share < _AHEAD else now - _BEGINNING
    away = timedelta(seconds=int(min(most.total_seconds(), 10 ** (2 + 18 * (share % _AHEAD)))))
    return (now + away if share < _AHEAD else now - away).isoformat().replace("+00:00", "Z")


def _page(body: dict[str, Any]) -> Answer:
    headers = {"x-rate-limit-limit": "450", "x-rate-limit-remaining": "449"}
    return Answer.json(body, headers=headers)


def _refusal(draw: Draw, wall_s: int) -> Answer | None:
    if not draw.kind.startswith("429"):
        return _problem(draw.kind) if draw.kind in _PROBLEMS else None
    left = "449" if draw.kind == "429_usage_capped" else "0"
    headers = {"x-rate-limit-remaining": left, "x-rate-limit-reset": str(wall_s + int(draw.amount * _QUARTER_H_S))}
    if draw.kind == "429_code_88":
        return Answer.json({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, 429, headers)
    return _problem(draw.kind, headers)


def _problem(name: str, headers: dict[str, str] | None = None) -> Answer:
    status, kind, title, detail = _PROBLEMS[name]
    named = f"{_BASE}{kind}" if kind else "about:blank"
    return Answer.json({"title": title, "detail": detail, "type": named, "status": status}, status, headers)


def _missing(user_id: str) -> dict[str, str]:
    return {
        "value": user_id,
        "detail": f"Could not find user with author_id: [{user_id}].",
        "title": "Not Found Error",
        "resource_type": "user",
        "parameter": "author_id",
        "resource_id": user_id,
        "type": f"{_BASE}resource-not-found",
    }
