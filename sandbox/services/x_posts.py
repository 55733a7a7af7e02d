"""The posts of a simulation's X: one after the other at an even pace. It never matches a query."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from sandbox.services.phrases import PLAIN, SUBNETS, TEMPLATES, TWO_SUBNETS
from sandbox.services.x_answers import FoundPage, found_page
from sandbox.services.x_corpus import CorpusPost, User
from sandbox.services.x_search import ParameterError, RecentSearch, since_id_of, snowflake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.faults import Fault

__all__ = ["Posts", "plain_search"]

_TEXTS: Final = TEMPLATES + TWO_SUBNETS + PLAIN
_NUMBER: Final = 0xFFFFF
_AUTHORS: Final = 40
_VARIETY: Final = 2_000
# Bits of an id that are 0 in every first version: they count the edits, three at most.
_EDIT: Final = 1 << 20
_LAST_EDIT: Final = 3 * _EDIT
_ANCIENT: Final = 3
_ANCIENT_S: Final = 30 * 86_400
_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S
_JUST_NOW_S: Final = 10
_BOTH_VERSIONS: Final = 0.5
_TOKEN: Final = "page-"  # noqa: S105  (marks a page, guards nothing)
_TWEET_FIELDS: Final = frozenset({"id", "text", "edit_history_tweet_ids", "created_at", "public_metrics", "author_id"})
_USER_FIELDS: Final = frozenset({"id", "name", "username", "created_at", "public_metrics"})


class Posts:
    """All posts of a world.

    Args:
        seed: Of their texts.
        epoch_s: Unix seconds at which the world begins.
        spacing_s: Seconds from one post to the next.
        before: Posts that are there when the world begins.

    Attributes:
        versions: Of each later version of an edited post, the first one.
    """

    def __init__(self, seed: int, *, epoch_s: float, spacing_s: float, before: int) -> None:
        self.versions: dict[str, str] = {}
        self._rng = random.Random(f"{seed}:posts")  # noqa: S311  (repeatable by intent)
        self._epoch_s = epoch_s
        self._first_s = epoch_s - before * spacing_s
        self._spacing_s = spacing_s
        self._made: list[CorpusPost] = []
        self._before: dict[str, CorpusPost] = {}
        self._authors = [_author(self._rng, number, epoch_s) for number in range(_AUTHORS)]
        self._users = {user.id: user for user in self._authors}

    def page(self, search: RecentSearch, fault: Fault, wall_s: float) -> FoundPage:
        """The newest posts, some of which may not be as they should be."""
        count = search.max_results
        there = self._newest(wall_s, count + 1, search.skip)
        there = [post for post in there if post.created_at >= search.after and int(post.id) > search.after_id]
        found = self._changed(fault, [] if fault.name == "empty" else there[:count], count)
        return found_page(found, search, f"{_TOKEN}{search.skip + len(found)}" if len(there) > len(found) else "")

    def newest(self, wall_s: float, count: int, oldest_s: float) -> list[str]:
        """Ids of the newest posts at unix seconds, at most ``count`` and none from before ``oldest_s``."""
        return [post.id for post in self._newest(wall_s, count, 0) if post.created_at >= oldest_s]

    def user(self, user_id: str) -> User | None:
        """One of the authors; None for nobody."""
        return self._users.get(user_id)

    def _changed(self, fault: Fault, found: list[CorpusPost], count: int) -> list[CorpusPost]:
        amount, share = fault.number("amount", 0), fault.number("share", 0)
        if fault.name == "few":
            return found[: int(amount * len(found))]
        if fault.name == "ignores_time":
            ancient = self._ancient()
            return found[: max(0, count - len(ancient))] + ancient
        if fault.name == "unedited":  # an index that is behind
            return [self._before.get(post.id, post) for post in found]
        if fault.name == "edited" and found:
            place = int(amount * len(found))
            edited = self._edit(found[place])
            if edited is not None:
                both = share < _BOTH_VERSIONS and len(found) < count
                return [*found[:place], edited, *found[place + (not both) :]]
        return found

    def _newest(self, wall_s: float, count: int, skip: int) -> list[CorpusPost]:
        """At most ``count`` posts that exist at ``wall_s``, newest first, without the first ``skip``."""
        exist = int((wall_s - self._first_s) / self._spacing_s)
        while len(self._made) < exist:
            self._made.append(self._make(len(self._made)))
        end = max(0, exist - skip)
        return self._made[max(0, end - count) : end][::-1]

    def _edit(self, post: CorpusPost) -> CorpusPost | None:
        """The post is served as a new version from now on; None when it was edited too often."""
        if int(post.id) & _LAST_EDIT == _LAST_EDIT:
            return None
        new_id = str(int(post.id) + _EDIT)
        edited = replace(post, id=new_id, text=f"{post.text} (edited)", edits=(*post.edits, post.id))
        self._made[int(post.id) & _NUMBER] = edited
        self._before[new_id] = post
        self.versions[new_id] = self.versions.get(post.id, post.id)
        return edited

    def _ancient(self) -> list[CorpusPost]:
        """Always the same few posts of a month before the world began."""
        first = len(_texts()) * 1_000
        return [self._post(first + n, self._epoch_s - _ANCIENT_S - n, _texts()[n], 0) for n in range(_ANCIENT)]

    def _make(self, number: int) -> CorpusPost:
        rng = self._rng.random
        at_s = self._first_s + (number + 1) * self._spacing_s
        author = int(rng() * _AUTHORS)
        likes = int(5_500 * rng() ** 4)
        return self._post(number, at_s, _texts()[int(rng() * _VARIETY)], likes, author)

    def _post(self, number: int, at_s: float, said: str, likes: int, author: int = 0) -> CorpusPost:
        return CorpusPost(
            id=str(snowflake(at_s, number & _NUMBER)),
            author=self._authors[author],
            created_at=at_s,
            text=f"{said} [{number}]",  # the number makes each text different, so that the books can tell them apart
            metrics={
                "retweet_count": likes // 7,
                "reply_count": likes // 9,
                "like_count": likes,
                "quote_count": likes // 30,
                "bookmark_count": 0,
                "impression_count": likes * 40,
            },
        )


def plain_search(params: Mapping[str, str], wall_s: float) -> RecentSearch:
    """A search for the newest posts since a time or a post, whatever else it asks for.

    Raises:
        ParameterError: The client's clock is that wrong, or its post is that old.
    """
    after_id = since_id_of(params, wall_s)
    since_s = 0.0
    if not after_id:
        since = params["start_time"]
        since_s = datetime.fromisoformat(since).timestamp()
        if not wall_s - _WEEK_S <= since_s <= wall_s - _JUST_NOW_S:
            raise ParameterError("start_time", since, "One or more parameters to your request was invalid.")
    return RecentSearch(
        matches=lambda _post: True,
        max_results=int(params["max_results"]),
        after=since_s,
        before=float("inf"),
        after_id=after_id,
        before_id=1 << 63,
        tweet_fields=_TWEET_FIELDS,
        user_fields=_USER_FIELDS,
        with_authors="expansions" in params,
        skip=int(params.get("next_token", "").removeprefix(_TOKEN) or 0),
    )


@cache
def _texts() -> tuple[str, ...]:
    """What posts say; made once for all worlds, as the rest is what differs."""
    rng = random.Random(0).random  # noqa: S311  (repeatable by intent)
    return tuple(_text(rng) for _ in range(_VARIETY))


def _text(rng: Callable[[], float]) -> str:
    subnet, name, topics = SUBNETS[int(rng() * len(SUBNETS))]
    other_subnet, other, other_topics = SUBNETS[int(rng() * len(SUBNETS))]
    return _TEXTS[int(rng() * len(_TEXTS))].format(
        n=subnet,
        name=name,
        tag="".join(ch for ch in name if ch.isalnum()),
        topic=topics[int(rng() * len(topics))],
        m=other_subnet,
        other=other,
        other_topic=other_topics[int(rng() * len(other_topics))],
        k=2 + int(rng() * 22),
        pct=3 + int(rng() * 57),
        block=6_000_000 + int(rng() * 500_000),
    )


def _author(rng: random.Random, number: int, epoch_s: float) -> User:
    return User(
        id=str(1_300_000_000 + number * 7_919),
        name=f"Author {number}",
        username=f"author_{number}",
        created_at=epoch_s - rng.randrange(20, 4_000) * _DAY_S,
        description="",
        verified=False,
        followers=int(10 ** rng.uniform(0.5, 5.4)),
        following=10,
        posts=100,
        listed=0,
    )
