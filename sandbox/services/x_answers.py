"""The bodies of X: pages of posts and users with the requested fields alone, and problems. They never name a token."""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sandbox.services.message import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.services.faults import Fault
    from sandbox.services.x_corpus import CorpusPost, User
    from sandbox.services.x_search import RecentSearch

__all__ = [
    "FoundPage", "found_page", "invalid_request", "page_body", "post_json", "problem", "timestamp", "too_many",
    "user_json", "users_body",
]  # fmt: skip

_BASE: Final = "https://api.twitter.com/2/problems/"
_PROBLEMS: Final[Mapping[str, tuple[int, str, str, str, Mapping[str, Any]]]] = {
    "400": (400, "invalid-request", "Invalid Request", "One or more parameters to your request was invalid.", {}),
    "401": (401, "", "Unauthorized", "Unauthorized", {}),
    "402": (
        402,
        "credits",
        "CreditsDepleted",
        "Your enrolled account does not have any credits.",
        {"account_id": 1},
    ),
    "403": (
        403,
        "client-forbidden",
        "Client Forbidden",
        "This client is not enrolled for the search endpoints.",
        {"reason": "client-not-enrolled"},
    ),
    "404": (404, "resource-not-found", "Not Found Error", "There is nothing at this address.", {}),
    "429": (429, "rate-limit-exceeded", "Too Many Requests", "Too Many Requests", {}),
    "429_usage_capped": (
        429,
        "usage-capped",
        "UsageCapExceeded",
        "Usage cap exceeded: Monthly product cap",
        {"account_id": 1, "period": "Monthly", "scope": "Product"},
    ),
    "500": (500, "", "Internal Server Error", "Something is broken.", {}),
    "503": (503, "", "Service Unavailable", "Service Unavailable", {}),
}
_PROBLEM_TYPE: Final = "application/problem+json"
_END_OF_TIME: Final = "9999-12-31T23:59:59.000Z"


class FoundPage(NamedTuple):
    """What a search found, in JSON values.

    Attributes:
        ids: Of the posts, newest first.
        data: The posts.
        authors: Ids, each once.
        users: The authors by their ids; None where nobody asked for them.
        next_token: Of the page behind; empty for none.
    """

    ids: list[str]
    data: list[dict[str, Any]]
    authors: list[str]
    users: dict[str, dict[str, Any]] | None
    next_token: str


def found_page(posts: Sequence[CorpusPost], search: RecentSearch, next_token: str) -> FoundPage:
    """These posts with the fields that the search asked for."""
    fields = search.tweet_fields | ({"author_id"} if search.with_authors else frozenset())
    authors = {post.author.id: post.author for post in posts}
    return FoundPage(
        ids=[post.id for post in posts],
        data=[post_json(post, fields) for post in posts],
        authors=list(authors),
        users={key: user_json(user, search.user_fields) for key, user in authors.items()}
        if search.with_authors
        else None,
        next_token=next_token,
    )


def page_body(page: FoundPage, fault: Fault) -> tuple[dict[str, Any], list[str]]:
    """The body of a page with what a fault makes of it, and the ids of the users in it."""
    if not page.ids:
        return {"meta": {"result_count": 0}}, []
    data, users = page.data, list(page.users or ())
    lost = users[::2] if fault.name in {"missing_author", "partial"} else []
    shown = [user for user in users if user not in lost]
    if fault.name == "odd_date":
        place = int(fault.number("place", 0) * len(data))
        odd = {**data[place], "created_at": fault.params.get("at", _END_OF_TIME)}
        data = [*data[:place], odd, *data[place + 1 :]]
    body: dict[str, Any] = {"data": data}
    if page.users is not None:
        body["includes"] = {"users": [page.users[user] for user in shown]}
    body["meta"] = {"newest_id": page.ids[0], "oldest_id": page.ids[-1], "result_count": len(page.ids)}
    if page.next_token:
        body["meta"]["next_token"] = page.next_token
    if fault.name == "partial":
        body["errors"] = [_missing(user) for user in lost or page.authors[:1]]
    return body, shown


def users_body(
    asked: Sequence[str], known: Mapping[str, User], fields: Iterable[str], fault: Fault
) -> tuple[dict[str, Any], list[str]]:
    """The body of an answer to a question for users with what a fault makes of it, and the ids of the users in it."""
    lost = set(asked[::2]) if fault.name in {"missing_author", "partial"} else set()
    shown = [user_id for user_id in asked if user_id in known and user_id not in lost]
    body: dict[str, Any] = {"data": [user_json(known[user_id], fields) for user_id in shown]} if shown else {}
    gone = [user_id for user_id in asked if user_id not in shown]
    if gone and fault.name != "missing_author":
        body["errors"] = [_no_user(user_id, suspended=user_id in known) for user_id in gone]
    return (body or {"errors": [_no_user(user_id, suspended=True) for user_id in gone]}), shown


def _no_user(user_id: str, *, suspended: bool) -> dict[str, str]:
    what = (
        ("Forbidden", "User has been suspended") if suspended else ("Not Found Error", "Could not find user with ids")
    )
    return {
        "value": user_id,
        "detail": f"{what[1]}: [{user_id}].",
        "title": what[0],
        "resource_type": "user",
        "parameter": "ids",
        "resource_id": user_id,
        "type": f"{_BASE}resource-not-found",
    }


def problem(name: str, headers: Mapping[str, str] | None = None) -> Answer:
    """One of the problems by the name of its fault."""
    status, kind, title, detail, more = _PROBLEMS[name]
    named = f"{_BASE}{kind}" if kind else "about:blank"
    body = {"title": title, "detail": detail, "type": named, "status": status, **more}
    return Answer.json(body, status, {**(headers or {}), "content-type": _PROBLEM_TYPE})


def invalid_request(parameter: str, value: str, message: str, headers: Mapping[str, str]) -> Answer:
    """A 400 that names the parameter and what is wrong with it."""
    status, kind, title, detail, _ = _PROBLEMS["400"]
    errors = [{"parameters": {parameter: [value]}, "message": message}]
    body = {"errors": errors, "title": title, "detail": detail, "type": f"{_BASE}{kind}", "status": status}
    return Answer.json(body, status, {**headers, "content-type": _PROBLEM_TYPE})


def too_many(headers: Mapping[str, str]) -> Answer:
    """The 429 of an exhausted quota in the old form that is still seen."""
    return Answer.json({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, 429, headers)


def timestamp(at: float) -> str:
    """Unix seconds in X's format, such as 2026-11-22T14:32:05.000Z."""
    return strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(at))


def post_json(post: CorpusPost, fields: Iterable[str]) -> dict[str, Any]:
    """One entry of `data`; a field without a value is left out, as X does."""
    everything: dict[str, Any] = {
        "id": post.id,
        "text": post.text,
        "author_id": post.author.id,
        "edit_history_tweet_ids": [*post.edits, post.id],
        "conversation_id": post.id,
        "created_at": timestamp(post.created_at),
        "lang": post.lang,
        "public_metrics": dict(post.metrics),
        "possibly_sensitive": False,
        "reply_settings": "everyone",
        "note_tweet": {"text": post.note} if post.note else None,
        "referenced_tweets": [{"type": "retweeted", "id": post.retweet_of}] if post.retweet_of else None,
    }
    return _only(everything, fields)


def user_json(user: User, fields: Iterable[str]) -> dict[str, Any]:
    """One entry of `includes.users`."""
    everything: dict[str, Any] = {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "created_at": timestamp(user.created_at),
        "description": user.description,
        "protected": False,
        "verified": user.verified,
        "verified_type": "blue" if user.verified else "none",
        "public_metrics": {
            "followers_count": user.followers,
            "following_count": user.following,
            "tweet_count": user.posts,
            "listed_count": user.listed,
        },
    }
    return _only(everything, fields)


def _only(everything: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    wanted = frozenset(fields)
    return {name: value for name, value in everything.items() if name in wanted and value is not None}


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
