"""The posts of the simulated X: one after the other at an even pace, rendered once. It never matches a query."""

from __future__ import annotations

import random
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
import orjson

from sandbox.services.phrases import PLAIN, SUBNETS, TEMPLATES, TWO_SUBNETS
from sandbox.services.x_answers import FoundPage, timestamp
from sandbox.services.x_search import ParameterError, RecentSearch, snowflake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.services.faults import Fault

__all__ = ["PagePost", "Posts", "plain_search"]

_TEXTS: Final = TEMPLATES + TWO_SUBNETS + PLAIN
_NUMBER: Final = 0xFFFFF
_AUTHORS: Final = 40
_VARIETY: Final = 2_000
# The number in the text makes each one different, so that the books can tell them apart.
_POST: Final = (
    '{"id":"%s","text":"%s [%d]","author_id":"%s","edit_history_tweet_ids":["%s"],"created_at":"%s","public_metrics":'
    '{"retweet_count":%d,"reply_count":%d,"like_count":%d,"quote_count":%d,"bookmark_count":0,"impression_count":%d}}'
)
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


class PagePost(msgspec.Struct, frozen=True, gc=False):
    """A post as X serves it.

    Attributes:
        id: Its id.
        author_id: Its author's.
        at_s: Unix seconds at which it was posted.
        json: The entry in a page's data.
    """

    id: str
    author_id: str
    at_s: float
    json: bytes


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
        self._made: list[PagePost] = []
        self._before: dict[str, PagePost] = {}
        self.users: dict[str, bytes] = dict(_user(self._rng, number, epoch_s) for number in range(_AUTHORS))
        self._authors = list(self.users)

    def page(self, search: RecentSearch, fault: Fault, wall_s: float) -> FoundPage:
        """The newest posts, some of which may not be as they should be."""
        count = search.max_results
        found = [] if fault.name == "empty" else self.newest(wall_s, count, search.skip)
        found = self._changed(fault, [post for post in found if post.at_s >= search.after], count)
        authors = list(dict.fromkeys(post.author_id for post in found))
        return FoundPage(
            ids=[post.id for post in found],
            data=[orjson.Fragment(post.json) for post in found],
            authors=authors,
            users={author: orjson.Fragment(self.users[author]) for author in authors},
            next_token=f"{_TOKEN}{search.skip + len(found)}",
        )

    def _changed(self, fault: Fault, found: list[PagePost], count: int) -> list[PagePost]:
        amount, share = fault.number("amount", 0), fault.number("share", 0)
        if fault.name == "few":
            return found[: int(amount * len(found))]
        if fault.name == "ignores_time":
            ancient = self.ancient()
            return found[: max(0, count - len(ancient))] + ancient
        if fault.name == "unedited":  # an index that is behind
            return [self.before_edit(post) for post in found]
        if fault.name == "edited" and found:
            place = int(amount * len(found))
            edited = self.edit(found[place])
            if edited is not None:
                both = share < _BOTH_VERSIONS and len(found) < count
                return [*found[:place], edited, *found[place + (not both) :]]
        return found

    def newest(self, wall_s: float, count: int, skip: int) -> list[PagePost]:
        """At most ``count`` posts that exist at ``wall_s``, newest first, without the first ``skip``."""
        exist = int((wall_s - self._first_s) / self._spacing_s)
        while len(self._made) < exist:
            self._made.append(self._make(len(self._made)))
        end = max(0, exist - skip)
        return self._made[max(0, end - count) : end][::-1]

    def edit(self, post: PagePost) -> PagePost | None:
        """The post is served as a new version from now on; None when it was edited too often."""
        if int(post.id) & _LAST_EDIT == _LAST_EDIT:
            return None
        fields = orjson.loads(post.json)
        fields["id"] = edited_id = str(int(post.id) + _EDIT)
        fields["text"] += " (edited)"
        fields["edit_history_tweet_ids"].append(edited_id)
        edited = PagePost(edited_id, post.author_id, post.at_s, orjson.dumps(fields))
        self._made[int(post.id) & _NUMBER] = edited
        self._before[edited_id] = post
        self.versions[edited_id] = self.versions.get(post.id, post.id)
        return edited

    def before_edit(self, post: PagePost) -> PagePost:
        """The post as it was before its last edit; itself when it has none."""
        return self._before.get(post.id, post)

    def ancient(self) -> list[PagePost]:
        """Always the same few posts of a month before the world began."""
        first = len(_texts()) * 1_000
        return [self._rendered(first + n, self._epoch_s - _ANCIENT_S - n, _texts()[n], 0) for n in range(_ANCIENT)]

    def _make(self, number: int) -> PagePost:
        rng = self._rng.random
        at_s = self._first_s + (number + 1) * self._spacing_s
        author = int(rng() * _AUTHORS)
        likes = int(5_500 * rng() ** 4)
        return self._rendered(number, at_s, _texts()[int(rng() * _VARIETY)], likes, author)

    def _rendered(self, number: int, at_s: float, said: str, likes: int, author: int = 0) -> PagePost:
        post_id = str(snowflake(at_s, number & _NUMBER))
        author_id = self._authors[author]
        json = _POST % (
            *(post_id, said, number, author_id, post_id, timestamp(at_s)),
            *(likes // 7, likes // 9, likes, likes // 30, likes * 40),
        )
        return PagePost(post_id, author_id, at_s, json.encode())


def plain_search(params: Mapping[str, str], wall_s: float) -> RecentSearch:
    """A search for the newest posts since a time, whatever else it asks for.

    Raises:
        ParameterError: The client's clock is that wrong.
    """
    since = params["start_time"]
    since_s = datetime.fromisoformat(since).timestamp()
    if not wall_s - _WEEK_S <= since_s <= wall_s - _JUST_NOW_S:
        raise ParameterError("start_time", since, "One or more parameters to your request was invalid.")
    return RecentSearch(
        matches=lambda _post: True,
        max_results=int(params["max_results"]),
        after=since_s,
        before=float("inf"),
        after_id=0,
        before_id=1 << 63,
        tweet_fields=frozenset(),
        user_fields=frozenset(),
        with_authors=True,
        skip=int(params.get("next_token", "").removeprefix(_TOKEN) or 0),
    )


@cache
def _texts() -> tuple[str, ...]:
    """What posts say, as JSON without its quotes; made once for all worlds, as the rest is what differs."""
    rng = random.Random(0).random  # noqa: S311  (repeatable by intent)
    return tuple(orjson.dumps(_text(rng)).decode()[1:-1] for _ in range(_VARIETY))


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


def _user(rng: random.Random, number: int, epoch_s: float) -> tuple[str, bytes]:
    user_id = str(1_300_000_000 + number * 7_919)
    fields = {
        "id": user_id,
        "name": f"Author {number}",
        "username": f"author_{number}",
        "created_at": timestamp(epoch_s - rng.randrange(20, 4_000) * _DAY_S),
        "public_metrics": {
            "followers_count": int(10 ** rng.uniform(0.5, 5.4)),
            "following_count": 10,
            "tweet_count": 100,
            "listed_count": 0,
        },
    }
    return user_id, orjson.dumps(fields)
