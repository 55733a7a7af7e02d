"""X on the wire: a search's query, JSON into posts and users, a refusal into a ScrapeError. Pure.

A post that lacks what a submission needs is counted, never guessed, and so is one whose date was not asked for: what
is remembered and for how long rests on dates being near our own clock's. Texts stay as served: the coordination API
compares them with X, so nothing is unescaped, trimmed or cut here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from actor.edges.reply import Reply
from actor.edges.text import as_float, as_int, valid_unicode
from actor.ports import FoundAuthors, ScrapeError
from events.catalogue import Author, Post
from events.codec import Value, changed

__all__ = [
    "LOOKBACK_S",
    "SETTLED_S",
    "Page",
    "build_query",
    "is_recent",
    "newest_versions",
    "parse_page",
    "parse_users",
    "refusal",
]

LOOKBACK_S: Final = 72 * 3600  # ruling 9: an older post would be abandoned; X itself searches 7 days
# X's search knows a post half a minute after it was posted, says X; this is four times as long.
SETTLED_S: Final = 120

# An id of X holds the moment of its post: milliseconds since this one, and 22 bits behind them.
_FIRST_ID_MS: Final = 1_288_834_974_657
_ID_BITS: Final = 22
_LONGEST_QUERY: Final = 512
_LONGEST_CONTENT: Final = 100_000
_LONGEST_TOKEN: Final = 1_000
_LONGEST_WAIT_S: Final = 30 * 86_400.0
# What a post's date may lie outside of what was asked for: a search takes a moment, and clocks differ (ruling 17).
_TOO_OLD_S: Final = 60
_AHEAD_S: Final = 300
_MOST_VERSIONS: Final = 20  # X allows for five edits
_SYNTAX: Final = re.compile(r"[\s()]|^-|^(?:OR|AND)$")
# As X writes it: with zeros before it, one post would have many ids, and be sent under each.
_ID: Final = re.compile(r"[1-9][0-9]{0,18}")
_USERNAME: Final = re.compile(r"[A-Za-z0-9_]{1,50}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|\+00:00)")

# The last part of a problem's type, whose host varies, and the codes of the older format.
_PROBLEMS: Final[Mapping[str, str]] = {
    "invalid-request": "invalid_request",
    "client-forbidden": "forbidden",
    "unsupported-authentication": "forbidden",
    "usage-capped": "usage_capped",
    "rate-limit-exceeded": "rate_limited",
    "credits": "credits",
}
_CODES: Final[Mapping[int, str]] = {
    32: "auth",
    88: "rate_limited",
    89: "auth",
    130: "server",
    131: "server",
    453: "forbidden",
}
_STATUSES: Final[Mapping[int, str]] = {
    401: "auth",
    402: "credits",
    403: "forbidden",
    408: "timeout",
    429: "rate_limited",
}
_ADVICE: Final[Mapping[str, str]] = {
    "auth": "check X_BEARER_TOKEN",
    "forbidden": "check what this X app may access",
    "credits": "top up the X account",
    "usage_capped": "the X account has reached its cap",
}


class Page(Value, frozen=True, kw_only=True):
    """One page of a search.

    Attributes:
        posts: Usable posts in X's order, each id once.
        posts_read: Posts that X returned.
        users_read: Users that X returned.
        unusable: Posts without an author, a text or a date that was asked for, or with a field missing or wrong.
        since: The oldest date of a usable post, unix seconds.
        next_token: Asks for the next page; None when this is the last.
    """

    posts: tuple[Post, ...]
    posts_read: int
    users_read: int
    unusable: int
    since: int
    next_token: str | None


def build_query(keywords: Sequence[str]) -> str:
    """Any of the keywords, in English, without reposts (ruling 8). Phrases are quoted, X's operators left alone.

    Raises:
        ValueError: No keyword, an empty one, one that holds a quotation mark, or more than X takes.
    """
    if not keywords:
        raise ValueError("SEARCH_KEYWORDS names no keyword: give at least one, such as bittensor")
    query = f"({' OR '.join(map(_term, keywords))}) -is:retweet lang:en"
    if len(query) > _LONGEST_QUERY:
        raise ValueError(
            f"SEARCH_KEYWORDS make a query of {len(query)} characters, X takes {_LONGEST_QUERY}: "
            "use fewer or shorter ones"
        )
    return query


def is_recent(post_id: str, now_s: int) -> bool:
    """Whether a search from this post on reaches no further back than one by time would."""
    return (int(post_id) >> _ID_BITS) + _FIRST_ID_MS >= (now_s - LOOKBACK_S) * 1000


def _term(keyword: str) -> str:
    word = " ".join(keyword.split())
    if not word or '"' in word or not word.isprintable():
        raise ValueError(f"SEARCH_KEYWORDS holds {keyword!r}: a keyword is plain text without quotation marks")
    return f'"{word}"' if _SYNTAX.search(word) else word


def parse_page(reply: Reply, *, now_s: int, redact: Callable[[str], str], with_authors: bool = True) -> Page:
    """Read the page that a 2xx brought. ``now_s`` is when it came, unix seconds: dates and ages are held against it.

    Without ``with_authors`` nobody asked for users, and posts have no author.

    Raises:
        ScrapeError: "malformed" for anything but a search answer; as the problem says for errors without data.
    """
    body, data = _body(reply, redact)
    if not data and body.get("errors"):
        raise _problem(reply, body, now_s, redact)
    return _page(body, data, now_s, with_authors=with_authors)


def parse_users(reply: Reply, asked: Sequence[str], *, now_s: int, redact: Callable[[str], str]) -> FoundAuthors:
    """Read the users that a 2xx brought. Whom X does not know, since the account is gone, it names under ``errors``.

    Raises:
        ScrapeError: "malformed" for anything but such an answer; as the problem says for errors that name no user.
    """
    body, data = _body(reply, redact)
    errors = [_object(error) for error in _list(body.get("errors"))]
    if not data and errors and not all(_about(error, asked) for error in errors):
        raise _problem(reply, body, now_s, redact)
    found = {author.id: author for author in map(_author, data) if author is not None and author.id in asked}
    return FoundAuthors(authors=tuple(found.values()), users_read=len(data))


def _about(error: Mapping[str, object], asked: Sequence[str]) -> bool:
    """Whether an error says of one user that was asked for that there is none."""
    return error.get("resource_type") == "user" and (error.get("resource_id") or error.get("value")) in asked


def _body(reply: Reply, redact: Callable[[str], str]) -> tuple[Mapping[str, object], list[object]]:
    """The answer, and the list in it."""
    try:
        body = reply.json()
    except ValueError:
        raise _malformed(reply, redact) from None
    if not isinstance(body, dict) or not ("data" in body or "meta" in body or "errors" in body):
        raise _malformed(reply, redact)
    data = body.get("data")
    if not data and body.get("errors"):
        return body, []
    if not isinstance(data, list | None):
        raise _malformed(reply, redact)
    return body, data or []


def refusal(reply: Reply, *, now_s: int, redact: Callable[[str], str]) -> ScrapeError:
    """What an answer other than 2xx means."""
    return _problem(reply, reply.json_object(), now_s, redact)


def _page(body: Mapping[str, object], data: list[object], now_s: int, *, with_authors: bool) -> Page:
    includes = _object(body.get("includes"))
    users = [user for user in _list(includes.get("users")) if isinstance(user, dict)]
    authors = {author.id: author for author in map(_author, users) if author is not None}
    found = [_post(item, authors if with_authors else None, now_s) for item in data]
    distinct: dict[str, Post] = {}
    for post in filter(None, found):
        distinct.setdefault(post.id, post)
    token = _object(body.get("meta")).get("next_token")
    return Page(
        posts=tuple(distinct.values()),
        posts_read=len(data),
        users_read=len(users),
        unusable=found.count(None),
        since=_since(now_s),
        next_token=token if isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN else None,
    )


def _author(item: object) -> Author | None:
    user = _object(item)
    user_id, username, created = user.get("id"), _username(user.get("username")), _unix(user.get("created_at"))
    followers = _counts(user.get("public_metrics"), "followers_count")
    if not (isinstance(user_id, str) and _ID.fullmatch(user_id)):
        return None
    if username is None or created is None or followers is None:
        return None
    return Author(id=user_id, username=username, created=created, followers=followers[0])


def _post(item: object, authors: Mapping[str, Author] | None, now_s: int) -> Post | None:
    """A post that can be used, by its author; by none where no authors were asked for."""
    fields = _object(item)
    post_id, text, author_id = fields.get("id"), fields.get("text"), fields.get("author_id")
    if not (isinstance(post_id, str) and isinstance(author_id, str) and isinstance(text, str)):
        return None
    if not (_ID.fullmatch(post_id) and _ID.fullmatch(author_id) and len(text) <= _LONGEST_CONTENT and text.split()):
        return None
    author = None if authors is None else authors.get(author_id)
    posted = _unix(fields.get("created_at"))
    counts = _counts(fields.get("public_metrics"), "retweet_count", "like_count", "reply_count", "quote_count")
    if posted is None or counts is None or (authors is not None and author is None):
        return None
    if not _since(now_s) <= posted <= now_s + _AHEAD_S:
        return None
    post = Post(
        id=post_id,
        content=valid_unicode(text),
        author="",
        author_id=author_id,
        timestamp=posted,
        account_created=0,
        account_age=0,
        retweets=counts[0],
        likes=counts[1],
        responses=counts[2],
        quotes=counts[3],
        followers=0,
        edits=_edits(fields.get("edit_history_tweet_ids"), post_id),
    )
    return post if author is None else post.by(author, now_s)


def _since(now_s: int) -> int:
    return now_s - LOOKBACK_S - _TOO_OLD_S


def _edits(history: object, post_id: str) -> tuple[str, ...]:
    """The other versions of a post, as far as they can be read."""
    versions = {version for version in _list(history) if isinstance(version, str) and _ID.fullmatch(version)}
    return _oldest_first(versions - {post_id})


def newest_versions(posts: Iterable[Post]) -> tuple[Post, ...]:
    """Of each post, its newest version, which knows of all the others; as X ordered them."""
    newest: dict[str, Post] = {}
    known_as: dict[str, str] = {}  # of each version, the one that stands for it
    for post in posts:
        same = [newest[known] for known in dict.fromkeys(map(known_as.get, post.versions)) if known is not None]
        best = max([*same, post], key=lambda version: int(version.id))
        versions = {version for known in (*same, post) for version in known.versions}
        known_as.update(dict.fromkeys(versions, best.id))
        for older in same:
            if older.id != best.id:
                del newest[older.id]
        newest[best.id] = changed(best, edits=tuple(versions - {best.id})) if same else best
    return tuple(changed(post, edits=_oldest_first(post.edits)) if post.edits else post for post in newest.values())


def _oldest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """In their order; the newest ones of too many."""
    return tuple(sorted(versions, key=lambda version: (int(version), version))[-_MOST_VERSIONS:])


def _counts(metrics: object, *names: str) -> list[int] | None:
    known = _object(metrics)
    counts = [count for name in names if (count := as_int(known.get(name))) is not None and count >= 0]
    return counts if len(counts) == len(names) else None


def _username(value: object) -> str | None:
    name = value.removeprefix("@") if isinstance(value, str) else ""
    return name if _USERNAME.fullmatch(name) else None


def _unix(value: object) -> int | None:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        seconds = datetime.fromisoformat(value).timestamp()
    except ValueError:
        return None
    return int(seconds) if seconds >= 0 else None


def _problem(reply: Reply, body: Mapping[str, object], now_s: int, redact: Callable[[str], str]) -> ScrapeError:
    kind = _problem_kind(reply, body)
    said = reply.summary(redact)
    advice = _ADVICE.get(kind) or ("check X_API_BASE" if reply.status in range(300, 400) or reply.status == 404 else "")  # noqa: PLR2004
    return ScrapeError(
        f"{reply.status}: {said}{f' ({advice})' if advice else ''}",
        kind=kind,
        http_status=reply.status,
        retry_after_s=_retry_after_s(reply, kind, now_s),
    )


def _problem_kind(reply: Reply, body: Mapping[str, object]) -> str:
    errors = [_object(error) for error in _list(body.get("errors"))[:10]]
    for problem in (body, *errors):
        named = problem.get("type")
        kind = _PROBLEMS.get(named.rstrip("/").rpartition("/")[2]) if isinstance(named, str) else None
        kind = kind or _CODES.get(as_int(problem.get("code")) or 0)
        if kind:
            return kind
    return _status_kind(reply)


def _status_kind(reply: Reply) -> str:
    if reply.ok:
        return "malformed"
    if reply.status == 429 and (as_int(reply.headers.get("x-rate-limit-remaining")) or 0) > 0:  # noqa: PLR2004
        return "usage_capped"  # the rate limit has requests left, so it is not what refused
    return _STATUSES.get(reply.status) or ("server" if reply.status >= 500 else "invalid_request")  # noqa: PLR2004


def _retry_after_s(reply: Reply, kind: str, now_s: int) -> float | None:
    reset = as_int(reply.headers.get("x-rate-limit-reset"))
    if kind == "rate_limited" and reset is not None:
        wait: float | None = max(0.0, float(reset - now_s))
    else:
        wait = as_float(reply.headers.get("retry-after"))
    return wait if wait is not None and 0 <= wait <= _LONGEST_WAIT_S else None


def _malformed(reply: Reply, redact: Callable[[str], str]) -> ScrapeError:
    found = reply.summary(redact) if reply.complete else f"{len(reply.body)} bytes and more"
    return ScrapeError(
        f"{reply.status}: expected a page of posts as JSON, found {found} (check X_API_BASE)",
        kind="malformed",
        http_status=reply.status,
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
