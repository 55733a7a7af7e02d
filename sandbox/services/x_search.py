"""The parameters of a recent search, checked as X checks them, and ids that hold a time. It never searches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.services.x_query import QueryError, Searchable, parse_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.x_corpus import CorpusPost

__all__ = [
    "ParameterError", "RecentSearch", "page_token", "parse_search", "parse_users", "since_id_of", "snowflake",
]  # fmt: skip

_EPOCH_MS = 1_288_834_974_657
_WEEK_S = 7 * 86_400
_SLACK_S = 60
_MAX_QUERY = 512
_TOKEN_PREFIX = "b26v89c19zqg8"  # noqa: S105 - marks a page, guards nothing
_TWEET_FIELDS = frozenset(
    {
        "attachments", "author_id", "context_annotations", "conversation_id", "created_at", "edit_controls",
        "edit_history_tweet_ids", "entities", "geo", "id", "in_reply_to_user_id", "lang", "note_tweet",
        "possibly_sensitive", "public_metrics", "referenced_tweets", "reply_settings", "source", "text", "withheld",
    }
)  # fmt: skip
_USER_FIELDS = frozenset(
    {
        "created_at", "description", "entities", "id", "location", "most_recent_tweet_id", "name", "pinned_tweet_id",
        "profile_image_url", "protected", "public_metrics", "url", "username", "verified", "verified_type", "withheld",
    }
)  # fmt: skip
_EXPANSIONS = frozenset(
    {"author_id", "referenced_tweets.id", "referenced_tweets.id.author_id", "in_reply_to_user_id"}
)  # fmt: skip
_KNOWN = (
    "query", "start_time", "end_time", "since_id", "until_id", "max_results", "next_token", "pagination_token",
    "sort_order", "expansions", "tweet.fields", "media.fields", "poll.fields", "user.fields", "place.fields",
)  # fmt: skip
_KNOWN_OF_USERS = ("ids", "expansions", "tweet.fields", "user.fields")
_MAX_USERS = 100


class ParameterError(ValueError):
    """A parameter that X refuses."""

    def __init__(self, parameter: str, value: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSearch:
    """A search to be done; times are unix seconds, before_id is exclusive like after_id, skip is of pages by number."""

    matches: Callable[[Searchable], bool]
    max_results: int
    after: float
    before: float
    after_id: int
    before_id: int
    tweet_fields: frozenset[str]
    user_fields: frozenset[str]
    with_authors: bool
    skip: int = 0

    def finds(self, post: CorpusPost) -> bool:
        """Whether it lies within the bounds, and matches."""
        return (
            self.after_id < int(post.id) < self.before_id
            and self.after <= post.created_at < self.before
            and self.matches(post)
        )


def snowflake(at: float, number: int) -> int:
    """A post id that grows with time; number tells posts of one millisecond apart."""
    return (max(0, int(at * 1000) - _EPOCH_MS) << 22) | (number & ((1 << 22) - 1))


def _snowflake_time(post_id: int) -> float:
    return ((post_id >> 22) + _EPOCH_MS) / 1000


def parse_search(params: Mapping[str, str], now: float) -> RecentSearch:
    """Check the parameters of a request made at `now`.

    Raises:
        ParameterError: X would answer 400; it names the parameter.
    """
    for name in params:
        if name not in _KNOWN:
            raise ParameterError(name, params[name], f"The query parameter [{name}] is not one of [{','.join(_KNOWN)}]")
    since_id = since_id_of(params, now)
    token = params.get("next_token") or params.get("pagination_token")
    until_id = _id(params, "until_id") or (1 << 63)
    return RecentSearch(
        matches=_query(params),
        max_results=_max_results(params),
        after=_time(params, "start_time", now, now - _WEEK_S),
        before=_time(params, "end_time", now, float("inf")),
        after_id=since_id,
        before_id=min(until_id, _page(token)) if token else until_id,
        tweet_fields=_fields(params, "tweet.fields", _TWEET_FIELDS) | {"id", "text", "edit_history_tweet_ids"},
        user_fields=_fields(params, "user.fields", _USER_FIELDS) | {"id", "name", "username"},
        with_authors="author_id" in _fields(params, "expansions", _EXPANSIONS),
    )


def parse_users(params: Mapping[str, str]) -> tuple[list[str], frozenset[str]]:
    """The ids and the fields of a question for users.

    Raises:
        ParameterError: X would answer 400; it names the parameter.
    """
    for name in params:
        if name not in _KNOWN_OF_USERS:
            message = f"The query parameter [{name}] is not one of [{','.join(_KNOWN_OF_USERS)}]"
            raise ParameterError(name, params[name], message)
    ids = [part for part in params.get("ids", "").split(",") if part]
    if not 1 <= len(ids) <= _MAX_USERS:
        message = (
            f"The number of values in the `ids` query parameter list [{len(ids)}] is not between 1 and {_MAX_USERS}"
        )
        raise ParameterError("ids", params.get("ids", ""), message)
    for user_id in ids:
        if not (user_id.isascii() and user_id.isdigit() and len(user_id) <= 19):  # noqa: PLR2004 - digits of a 64-bit id
            message = f"The `ids` query parameter value [{user_id}] is not valid"
            raise ParameterError("ids", user_id, message)
    return list(dict.fromkeys(ids)), _fields(params, "user.fields", _USER_FIELDS) | {"id", "name", "username"}


def since_id_of(params: Mapping[str, str], now: float) -> int:
    """The post behind which a search asks for newer ones; 0 for none.

    X documents that it overrules a start_time; what it answers to both together is a refusal.

    Raises:
        ParameterError: X refuses it, in these words.
    """
    since_id = _id(params, "since_id")
    if since_id and "start_time" in params:
        message = "Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or 'end_time'."
        raise ParameterError("since_id", str(since_id), message)
    oldest_s = now - _WEEK_S
    if since_id and _snowflake_time(since_id) < oldest_s:
        at = datetime.fromtimestamp(oldest_s, UTC).strftime("%Y-%m-%dT%H:%MZ")
        message = f"'since_id' must be a tweet id created after {at}. "
        message += f"Please use a 'since_id' that is larger than {snowflake(oldest_s, 0)}"
        raise ParameterError("since_id", str(since_id), message)
    return since_id


def page_token(last_id: str) -> str:
    """The token of the page after a post."""
    return f"{_TOKEN_PREFIX}{int(last_id):x}"


def _page(token: str) -> int:
    try:
        if token.startswith(_TOKEN_PREFIX):
            return int(token.removeprefix(_TOKEN_PREFIX), 16)
    except ValueError:
        pass
    raise ParameterError("next_token", token, f"Invalid 'next_token': '{token}'")


def _query(params: Mapping[str, str]) -> Callable[[Searchable], bool]:
    query = params.get("query", "")
    if not query.strip():
        raise ParameterError("query", query, "The `query` query parameter can not be empty")
    if len(query) > _MAX_QUERY:
        raise ParameterError(
            "query", query, f"The query is {len(query)} characters long; at most {_MAX_QUERY} are allowed"
        )
    try:
        return parse_query(query)
    except QueryError as error:
        raise ParameterError("query", query, str(error)) from error


def _max_results(params: Mapping[str, str]) -> int:
    value = params.get("max_results", "10")
    if not (value.isascii() and value.isdigit() and 10 <= int(value) <= 100):  # noqa: PLR2004 - the API's bounds
        message = f"The `max_results` query parameter value [{value}] is not between 10 and 100"
        raise ParameterError("max_results", value, message)
    return int(value)


def _id(params: Mapping[str, str], name: str) -> int:
    value = params.get(name, "0")
    if not (value.isascii() and value.isdigit() and len(value) <= 19):  # noqa: PLR2004 - digits of a 64-bit id
        raise ParameterError(name, value, f"The `{name}` query parameter value [{value}] is not valid")
    return int(value)


def _time(params: Mapping[str, str], name: str, now: float, default: float) -> float:
    value = params.get(name)
    if value is None:
        return default
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            at = datetime.strptime(value, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
        if at < now - _WEEK_S - _SLACK_S or at > now + _SLACK_S:
            raise ParameterError(name, value, f"Invalid '{name}':'{value}'. It must lie within the last seven days.")
        return at
    raise ParameterError(name, value, f"Invalid '{name}':'{value}'. Expected YYYY-MM-DDTHH:mm:ssZ.")


def _fields(params: Mapping[str, str], name: str, known: frozenset[str]) -> frozenset[str]:
    asked = frozenset(part for part in params.get(name, "").split(",") if part)
    for field in sorted(asked - known):
        raise ParameterError(
            name, field, f"The `{name}` query parameter value [{field}] is not one of [{','.join(sorted(known))}]"
        )
    return asked
