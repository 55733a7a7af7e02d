"""X behind ``actor.ports.ScraperPort``: recent search, and who its users are.

It asks, maps and counts; it never samples, waits or retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeAlias

from actor.edges.reply import Reply, Unanswered
from actor.edges.text import Redactor, checked_base, place, safe_line
from actor.edges.threads import in_daemon_thread
from actor.edges.x_wire import (
    LOOKBACK_S,
    SETTLED_S,
    Page,
    build_query,
    is_recent,
    newest_versions,
    parse_page,
    parse_users,
    refusal,
)
from actor.ports import Clock, FoundAuthors, Scraped, ScrapeError
from events.catalogue import Post
from events.prices import PERHAPS_BILLED, page_size

__all__ = ["FetchPage", "PostScraper"]

_USER_FIELDS: Final = ("created_at", "public_metrics", "username")
# (parameters of the request, seconds left) -> the answer, and what the client library raised over it if it did.
FetchPage: TypeAlias = Callable[[Mapping[str, Any], float], Awaitable[tuple[Reply, Exception | None]]]


@dataclass(slots=True)
class _Search:
    """What one search has brought so far."""

    wanted: int
    spare: int
    since_id: str | None
    is_seen: Callable[[str], bool]
    query: str
    max_pages: int
    with_authors: bool
    posts: list[Post] = field(default_factory=list)
    pages: int = 0
    requests: int = 0
    posts_read: int = 0
    users_read: int = 0
    unusable: int = 0
    lost_pages: int = 0
    since: int | None = None
    next_token: str | None = None
    cut_short: bool = False  # a page had fewer posts than it could, and there are more

    @property
    def page_size(self) -> int:
        return page_size(self.wanted + self.spare)

    def add(self, page: Page) -> None:
        self.pages += 1
        self.posts_read += page.posts_read
        self.users_read += page.users_read
        self.unusable += page.unusable
        self.since = page.since if self.since is None else min(self.since, page.since)
        self.next_token = page.next_token
        # A page behind another one that holds nothing was promised more.
        fewest = self.page_size if page.next_token is not None else min(1, self.pages - 1)
        self.cut_short |= page.posts_read < fewest
        self.posts += page.posts

    def new_posts(self) -> tuple[Post, ...]:
        """Those of which no version was seen."""
        return tuple(post for post in newest_versions(self.posts) if not any(map(self.is_seen, post.versions)))

    def wants_more(self) -> bool:
        if self.pages == 0:
            return True
        if self.pages >= self.max_pages or self.next_token is None:
            return False
        return len(self.new_posts()) < self.wanted

    def newest_id(self, now_s: int) -> str | None:
        """The newest post, where nothing before it that this search could reach was left unread or could not be used.

        X may tell a little later of posts of the last moments, so that those do not count yet.
        """
        deep = self.next_token is None or self.pages >= self.max_pages
        if self.unusable or self.lost_pages or self.cut_short or not deep:
            return None
        ids = [post.id for post in self.posts if post.timestamp < now_s - SETTLED_S]
        return max(ids, key=int, default=None)

    def result(self, now_s: int) -> Scraped:
        return Scraped(
            posts=self.new_posts(),
            posts_read=self.posts_read,
            users_read=self.users_read,
            requests=self.requests,
            unusable=self.unusable,
            lost_pages=self.lost_pages,
            since=self.since,
            since_id=self.since_id,
            newest_id=self.newest_id(now_s),
        )


class PostScraper:
    """Searches X for new posts.

    Each page runs in a daemon thread of its own, so neither a slow host name nor a hanging socket can hold up the
    loop or its end.

    Args:
        bearer_token: X_BEARER_TOKEN.
        api_base: X_API_BASE, including the version, such as https://api.twitter.com/2.
        clock: For the start of the search, the dates of posts and the age of accounts.
        timeout_s: For connecting and for each read.
        total_timeout_s: For a whole search, all pages together.
        redact: Takes the secrets of this process out of a text.
        fetch_page: Asks for one page or raises Unanswered; None for HTTP.
        fetch_users: Asks for users or raises Unanswered; None for HTTP.

    Raises:
        ValueError: A setting that no search can be made with; the message names it, never the token.
    """

    def __init__(
        self,
        *,
        bearer_token: str,
        api_base: str,
        clock: Clock,
        timeout_s: float = 10.0,
        total_timeout_s: float = 30.0,
        redact: Callable[[str], str],
        fetch_page: FetchPage | None = None,
        fetch_users: FetchPage | None = None,
    ) -> None:
        if not bearer_token or not all("!" <= char <= "~" for char in bearer_token):
            raise ValueError("X_BEARER_TOKEN is empty or holds characters that no token has: copy it again")
        if min(timeout_s, total_timeout_s) <= 0:
            raise ValueError("the timeouts of X must be positive")
        self._base = checked_base(api_base, setting="X_API_BASE")
        self._bearer_token = bearer_token
        self._clock = clock
        self._timeout_s = timeout_s
        self._total_timeout_s = total_timeout_s
        self._fetch_page = fetch_page or partial(self._fetch_in_thread, "fetch_page")
        self._fetch_users = fetch_users or partial(self._fetch_in_thread, "fetch_users")
        own = Redactor((bearer_token,))
        self._redact: Callable[[str], str] = lambda text: redact(own(text))

    def __repr__(self) -> str:
        return f"PostScraper({place(self._base)})"

    async def scrape_posts(
        self,
        count: int,
        *,
        spare: int = 0,
        since_id: str | None = None,
        keywords: tuple[str, ...],
        max_pages: int,
        is_seen: Callable[[str], bool],
        with_authors: bool = True,
    ) -> Scraped:
        """Search once for at least ``count`` unseen posts that hold one of the keywords (ruling 8).

        A failure after the first page keeps what the pages before it brought. X is asked by time where ``since_id`` is
        older than a search reaches, or where X refuses it.

        Raises:
            ScrapeError: X or the network refused.
            ValueError: X would refuse these keywords.
        """
        since_id = since_id if since_id is not None and is_recent(since_id, self._now_s()) else None
        query = build_query(keywords)
        search = _Search(count, spare, since_id, is_seen, query=query, max_pages=max_pages, with_authors=with_authors)
        try:
            async with asyncio.timeout(self._total_timeout_s):
                await self._run(search)
        except TimeoutError as error:
            if not search.pages:
                raise self._late() from error
            search.lost_pages = 1
        except ScrapeError as error:
            if not search.pages:
                raise
            search.lost_pages = int(error.kind in PERHAPS_BILLED)
        return search.result(self._now_s())

    async def look_up_authors(self, author_ids: Sequence[str]) -> FoundAuthors:
        """Ask once who these users are.

        Raises:
            ScrapeError: X or the network refused.
        """
        params = {"ids": list(author_ids), "user_fields": list(_USER_FIELDS)}
        try:
            async with asyncio.timeout(self._total_timeout_s):
                reply = await self._fetch(self._fetch_users, params, self._total_timeout_s)
        except TimeoutError as error:
            raise self._late() from error
        return parse_users(reply, author_ids, now_s=self._now_s(), redact=self._redact)

    def _late(self) -> ScrapeError:
        reason = f"no answer from {place(self._base)} within {self._total_timeout_s:g} s"
        return ScrapeError(reason, kind="timeout")

    async def aclose(self) -> None:
        """Nothing stays open between two requests."""

    async def _run(self, search: _Search) -> None:
        deadline_s = asyncio.get_running_loop().time() + self._total_timeout_s
        params = self._params(search, self._now_s())
        while search.wants_more():
            search.requests += 1
            left_s = deadline_s - asyncio.get_running_loop().time()
            try:
                reply = await self._fetch(self._fetch_page, params | {"next_token": search.next_token}, left_s)
            except ScrapeError as error:
                if search.since_id is None or search.pages or error.kind != "invalid_request":
                    raise
                search.since_id = None
                params = self._params(search, self._now_s())
                continue
            page = parse_page(reply, now_s=self._now_s(), redact=self._redact, with_authors=search.with_authors)
            search.add(page)

    @staticmethod
    def _params(search: _Search, now_s: int) -> dict[str, Any]:
        start: dict[str, Any] = {"start_time": datetime.fromtimestamp(now_s - LOOKBACK_S, UTC)}
        return {
            "query": search.query,
            "max_results": search.page_size,
            **(start if search.since_id is None else {"since_id": search.since_id}),  # X refuses both together
            **({"expansions": ["author_id"]} if search.with_authors else {}),
            "tweet_fields": ["created_at", "public_metrics", "author_id"],
            **({"user_fields": list(_USER_FIELDS)} if search.with_authors else {}),
        }

    async def _fetch(self, fetch: FetchPage, params: dict[str, Any], left_s: float) -> Reply:
        try:
            reply, cause = await fetch(params, left_s)
        except Unanswered as error:
            reason = safe_line(f"{place(self._base)}: {error.reason}", self._redact)
            broke = error.kind == "connection" and not error.never_sent
            raise ScrapeError(reason, kind="broken" if broke else error.kind) from self._shown(error)
        if not reply.ok:
            raise refusal(reply, now_s=self._now_s(), redact=self._redact) from self._shown(cause)
        return reply

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000

    async def _fetch_in_thread(
        self, fetch: str, params: Mapping[str, Any], left_s: float
    ) -> tuple[Reply, Exception | None]:
        return await in_daemon_thread(partial(self._blocking_fetch, fetch, params, left_s), name="x-search")

    def _blocking_fetch(self, fetch: str, params: Mapping[str, Any], left_s: float) -> tuple[Reply, Exception | None]:
        from actor.edges import x_http  # noqa: PLC0415  (0.2 s to import; here it holds up no loop)

        ask = x_http.fetch_users if fetch == "fetch_users" else x_http.fetch_page
        return ask(
            bearer_token=self._bearer_token,
            base=self._base,
            timeout_s=self._timeout_s,
            total_timeout_s=left_s,
            params=params,
        )

    def _shown(self, cause: BaseException | None) -> BaseException | None:
        """The cause, unless it or what caused it says a secret: causes are printed with the error."""
        link = cause
        while link is not None:
            if self._redact(text := f"{link} {link!r}") != text:
                return None
            link = link.__cause__ or link.__context__
        return cause
