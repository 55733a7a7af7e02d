"""The real tweepy against the stand-in of X: what is found, paged and counted, and every fault that it can show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actor.edges.x import PostScraper
from actor.ports import Scraped, ScrapeError
from events.codec import changed
from sandbox import Sandbox, SandboxConfig
from tests.edges.conftest import IMPATIENT

NOW_S = 1_795_000_000


def _scrape(
    scraper: PostScraper, count: int = 5, *, max_pages: int = 1, seen: Callable[[str], bool] = lambda _: False
) -> Scraped:
    return asyncio.run(scraper.scrape_posts(count, keywords=("bittensor",), max_pages=max_pages, is_seen=seen))


def _failed(scraper: PostScraper) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        _scrape(scraper)
    return caught.value


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """The stand-ins, with a corpus that is the same in every run."""
    with Sandbox(SandboxConfig(seconds_per_block=None, epoch=float(NOW_S))) as running:
        yield running


@pytest.fixture
def against_box(box: Sandbox, scraper: Callable[..., PostScraper]) -> Iterator[Callable[..., PostScraper]]:
    """Scrapers of the stand-in."""

    def make(**changes: Any) -> PostScraper:
        return scraper(box.x_base.removesuffix("/2"), **({"bearer_token": box.x_token} | changes))

    yield make
    box.clear_faults()


def test_the_stand_in_tells_who_posted(against_box: Callable[..., PostScraper]) -> None:
    """What a search leaves out, and a question for the authors brings, is what a search with authors tells."""
    scraper = against_box()
    named = _scrape(scraper, 10)
    asked = scraper.scrape_posts(10, keywords=("bittensor",), max_pages=1, is_seen=lambda _: False, with_authors=False)
    nameless = asyncio.run(asked)
    assert (nameless.posts_read, nameless.users_read) == (named.posts_read, 0)
    ids = tuple(dict.fromkeys(post.author_id for post in nameless.posts))
    found = asyncio.run(scraper.look_up_authors(ids))
    assert (found.users_read, {author.id for author in found.authors}) == (len(ids), set(ids))
    known = {author.id: author for author in found.authors}
    assert tuple(post.by(known[post.author_id], NOW_S) for post in nameless.posts) == tuple(
        changed(post, account_age=post.by(known[post.author_id], NOW_S).account_age) for post in named.posts
    )


def test_the_stand_in_names_suspended_users_as_errors(box: Sandbox, against_box: Callable[..., PostScraper]) -> None:
    """The others are told; a hundred and one are refused."""
    first, second = box.corpus.users[:2]
    box.corpus.suspended.add(first.id)
    try:
        found = asyncio.run(against_box().look_up_authors((first.id, second.id, "77")))
        assert ([author.id for author in found.authors], found.users_read) == ([second.id], 1)
        nobody = asyncio.run(against_box().look_up_authors((first.id, "77")))
        assert (nobody.authors, nobody.users_read) == ((), 0)
    finally:
        box.corpus.suspended.clear()
    with pytest.raises(ScrapeError) as caught:
        asyncio.run(against_box().look_up_authors(tuple(str(n) for n in range(1, 102))))
    assert caught.value.kind == "invalid_request"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", "auth"),
        ("402", "credits"),
        ("403", "forbidden"),
        ("429", "rate_limited"),
        ("429_usage_capped", "usage_capped"),
        ("429_code_88", "rate_limited"),
        ("400", "invalid_request"),
        ("500", "server"),
        ("list_body", "malformed"),
        ("html", "malformed"),
        ("drop", "broken"),
    ],
)
def test_each_fault_of_the_question_for_authors_has_its_kind(
    box: Sandbox, against_box: Callable[..., PostScraper], fault: str, kind: str
) -> None:
    """As for searches."""
    box.script("x.users", fault)
    with pytest.raises(ScrapeError) as caught:
        asyncio.run(against_box().look_up_authors((box.corpus.users[0].id,)))
    assert caught.value.kind == kind


@pytest.mark.parametrize("fault", ["partial", "missing_author"])
def test_users_that_are_missing_are_not_told(box: Sandbox, against_box: Callable[..., PostScraper], fault: str) -> None:
    """Whether or not X says a word of them."""
    box.script("x.users", fault)
    ids = tuple(user.id for user in box.corpus.users[:4])
    found = asyncio.run(against_box().look_up_authors(ids))
    assert {author.id for author in found.authors} == {ids[1], ids[3]}
    assert found.users_read == 2


def test_the_stand_in_is_searched(box: Sandbox, against_box: Callable[..., PostScraper]) -> None:
    """Posts agree with the corpus to the letter and the second, and lie within 72 hours."""
    found = _scrape(against_box(), 10)
    assert len(found.posts) == 10
    for post in found.posts:
        original = box.corpus.find(post.id)
        assert original is not None
        assert (post.content, post.author, post.timestamp) == (
            original.text,
            original.username,
            int(original.created_at),
        )
        assert post.followers == original.author.followers
        assert post.timestamp >= NOW_S - 72 * 3600


def test_the_stand_in_is_paged(against_box: Callable[..., PostScraper]) -> None:
    """Seen posts make room for a second page."""
    first = {post.id for post in _scrape(against_box(), 10).posts}
    found = _scrape(against_box(), 10, max_pages=2, seen=first.__contains__)
    assert found.requests == 2
    assert len(found.posts) == 10
    assert not first & {post.id for post in found.posts}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "broken"),
        ("cut", "broken"),
        ("lost_answer", "broken"),
        ("hang", "timeout"),
        ("html", "malformed"),
        ("html_503", "server"),
        ("blank", "malformed"),
        ("not_json", "malformed"),
        ("list_body", "malformed"),
        ("400", "invalid_request"),
        ("401", "auth"),
        ("402", "credits"),
        ("403", "forbidden"),
        ("429", "rate_limited"),
        ("429_code_88", "rate_limited"),
        ("429_usage_capped", "usage_capped"),
        ("500", "server"),
        ("503", "server"),
    ],
)
def test_each_fault_of_the_stand_in(
    box: Sandbox, against_box: Callable[..., PostScraper], fault: str, kind: str
) -> None:
    """Every way in which X fails has its kind."""
    box.script("x.search", fault)
    error = _failed(against_box(**(IMPATIENT if fault == "hang" else {})))
    assert error.kind == kind
    assert (error.retry_after_s is not None) == (kind == "rate_limited")


def test_the_stand_in_drips(box: Sandbox, against_box: Callable[..., PostScraper]) -> None:
    """The deadline of the whole search ends it."""
    box.script("x.search", "drip", seconds=0.02)
    assert _failed(against_box(total_timeout_s=0.3)).kind == "timeout"


@pytest.mark.parametrize(("fault", "unusable"), [("odd_date", 1), ("ignores_time", 10)])
def test_posts_of_dates_that_were_not_asked_for_are_counted(
    box: Sandbox, against_box: Callable[..., PostScraper], fault: str, unusable: int
) -> None:
    """Ruling 17: the others are used."""
    box.script("x.search", fault)
    found = _scrape(against_box(), 10)
    assert (found.unusable, len(found.posts), found.posts_read) == (unusable, 10 - unusable, 10)


def test_edited_posts_are_not_new(box: Sandbox, against_box: Callable[..., PostScraper]) -> None:
    """Ruling 19: what was seen under another id is seen."""
    scraper = against_box()
    seen = {post.id for post in _scrape(scraper, 10).posts}
    box.script("x.search", "edited")
    again = _scrape(scraper, 10, seen=seen.__contains__)
    assert (again.posts, again.posts_read) == ((), 10)
    assert {edit for post in _scrape(scraper, 10).posts for edit in post.edits} == seen


@pytest.mark.parametrize("fault", ["missing_author", "partial"])
def test_posts_without_author_are_counted(box: Sandbox, against_box: Callable[..., PostScraper], fault: str) -> None:
    """The others are used."""
    box.script("x.search", fault)
    found = _scrape(against_box(), 10)
    assert found.unusable > 0
    assert len(found.posts) + found.unusable == found.posts_read == 10


def test_nothing_found(box: Sandbox, against_box: Callable[..., PostScraper]) -> None:
    """No posts is no failure."""
    box.script("x.search", "empty")
    assert changed(_scrape(against_box()), since=None) == Scraped(
        posts=(), posts_read=0, users_read=0, requests=1, unusable=0
    )
