"""The real tweepy against raw answers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from actor.edges.x import PostScraper
from actor.ports import Scraped, ScrapeError
from tests.edges.conftest import IMPATIENT
from tests.patience import GIVE_UP_S, LIMITS_S, Stopwatch, patiently

NOW_S = 1_795_000_000
TOKEN = "planted%2Bx-token-0123456789"  # noqa: S105  (planted to be found)


def _scrape(
    scraper: PostScraper,
    count: int = 5,
    *,
    keywords: tuple[str, ...] = ("bittensor",),
    max_pages: int = 1,
    seen: Callable[[str], bool] = lambda _: False,
) -> Scraped:
    return asyncio.run(scraper.scrape_posts(count, keywords=keywords, max_pages=max_pages, is_seen=seen))


def _failed(scraper: PostScraper) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        _scrape(scraper)
    return caught.value


def _page(*ids: str, following: str | None = None) -> dict[str, Any]:
    metrics = {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 4}
    at = "2026-11-18T07:33:20.000Z"
    posts = [{"id": i, "text": "t", "author_id": "9", "created_at": at, "public_metrics": metrics} for i in ids]
    users = [{"id": "9", "username": "ada", "created_at": at, "public_metrics": {"followers_count": 6}}]
    meta = {"result_count": len(ids)} | ({"next_token": following} if following else {})
    return {"data": posts, "includes": {"users": users}, "meta": meta}


def _asked(request: bytes) -> dict[str, str]:
    target = request.split(b" ")[1].decode()
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()} | {
        "path": urlsplit(target).path
    }


def test_the_request(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """R8 and the contract: one search of the last 72 hours with the author and the counts, at X_API_BASE."""
    wire.answers(200, _page("1"))
    _scrape(scraper(wire.url + "/prefix"), count=5, keywords=("bittensor", "two words"))
    assert _asked(wire.requests[0]) == {
        "path": "/prefix/2/tweets/search/recent",
        "query": '(bittensor OR "two words") -is:retweet lang:en',
        "max_results": "10",
        "start_time": "2026-11-15T11:06:40Z",
        "expansions": "author_id",
        "tweet.fields": "created_at,public_metrics,author_id",
        "user.fields": "created_at,public_metrics,username",
    }
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in wire.requests[0]


def test_a_search_without_authors_asks_for_none(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """Neither the expansion nor a field of users; the posts name nobody."""
    wire.answers(200, {name: part for name, part in _page("1").items() if name != "includes"})
    asked = scraper(wire.url).scrape_posts(
        5, keywords=("bittensor",), max_pages=1, is_seen=lambda _: False, with_authors=False
    )
    found = asyncio.run(asked)
    assert [(post.id, post.author, post.author_id) for post in found.posts] == [("1", "", "9")]
    assert found.users_read == 0
    sent = _asked(wire.requests[0])
    assert sent["tweet.fields"] == "created_at,public_metrics,author_id"
    assert not {"expansions", "user.fields"} & sent.keys()


def test_the_question_for_authors(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """One request, with the token, for what a submission needs of them."""
    wire.answers(200, {"data": _page("1")["includes"]["users"]})
    found = asyncio.run(scraper(wire.url + "/prefix").look_up_authors(("9", "10")))
    assert [(author.id, author.username, author.followers) for author in found.authors] == [("9", "ada", 6)]
    assert _asked(wire.requests[0]) == {
        "path": "/prefix/2/users",
        "ids": "9,10",
        "user.fields": "created_at,public_metrics,username",
    }
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in wire.requests[0]


@pytest.mark.parametrize(
    ("name", "kind"), [("busy", "server"), ("no credits", "credits"), ("html", "malformed"), ("hang", "timeout")]
)
def test_a_question_for_authors_that_fails_has_its_kind(
    wire: Any, scraper: Callable[..., PostScraper], name: str, kind: str
) -> None:
    """As for searches."""
    plays = {
        "busy": wire.answer(503, "busy"),
        "no credits": wire.answer(402, {"type": "https://api.twitter.com/2/problems/credits", "title": "no"}),
        "html": wire.answer(200, "<html>"),
        "hang": wire.hang,
    }
    wire.plays(plays[name])
    limit_s = 0.3 if name == "hang" else 5.0
    asking = scraper(wire.url, timeout_s=limit_s, total_timeout_s=2 * limit_s).look_up_authors(("9",))
    with pytest.raises(ScrapeError) as caught:
        asyncio.run(asking)
    assert caught.value.kind == kind
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("count", "size"), [(1, "10"), (10, "10"), (37, "37"), (500, "100")])
def test_the_size_of_a_page(wire: Any, scraper: Callable[..., PostScraper], count: int, size: str) -> None:
    """R8: max(10, wanted), at most what X takes."""
    wire.answers(200, _page("1"))
    _scrape(scraper(wire.url), count)
    assert _asked(wire.requests[0])["max_results"] == size


def test_seen_posts_are_left_out_but_counted(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """R8: what was seen is filtered here, and paid for all the same."""
    wire.answers(200, _page("1", "2", "3"))
    found = _scrape(scraper(wire.url), seen={"2"}.__contains__)
    assert [post.id for post in found.posts] == ["1", "3"]
    assert (found.posts_read, found.users_read, found.requests, found.unusable) == (3, 1, 1, 0)


def test_a_further_page_only_as_allowed_and_needed(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """R8: MAX_SEARCH_PAGES bounds the requests, and enough new posts or the last page end them."""
    answers = [wire.answer(200, _page("1", "2", following="a")), wire.answer(200, _page("2", "3", following="b"))]
    wire.plays(*answers)
    found = _scrape(scraper(wire.url), count=5, max_pages=2)
    assert ([post.id for post in found.posts], found.requests, found.posts_read) == (["1", "2", "3"], 2, 4)
    assert _asked(wire.requests[1]).items() >= {"next_token": "a"}.items()
    wire.plays(*answers)
    assert _scrape(scraper(wire.url), count=2, max_pages=2).requests == 1
    wire.answers(200, _page("1"))
    assert _scrape(scraper(wire.url), count=5, max_pages=9).requests == 1


DEFAULT_TARGET = (
    "/2/tweets/search/recent?max_results=10&start_time=2026-11-15T11%3A06%3A40Z&expansions=author_id"
    "&tweet.fields=created_at%2Cpublic_metrics%2Cauthor_id&user.fields=created_at%2Cpublic_metrics%2Cusername"
    "&query=%28bittensor%29+-is%3Aretweet+lang%3Aen"
)


def test_r23_without_settings_that_save_the_request_is_byte_for_byte_as_ever(
    wire: Any, scraper: Callable[..., PostScraper]
) -> None:
    """What earlier builds sent, with posts to spare on a page of the usual size, too."""
    wire.answers(200, _page("1"))
    for spare in (0, 5):
        asyncio.run(
            scraper(wire.url).scrape_posts(
                5, spare=spare, keywords=("bittensor",), max_pages=1, is_seen=lambda _: False
            )
        )
    lines = [request.split(b"\r\n") for request in wire.requests]
    assert [line[0] for line in lines] == [f"GET {DEFAULT_TARGET} HTTP/1.1".encode()] * 2
    assert lines[0][1:] == lines[1][1:]


def _saved(scraper: PostScraper, since_id: str | None = None, *, spare: int = 0, max_pages: int = 1) -> Scraped:
    return asyncio.run(
        scraper.scrape_posts(
            2, spare=spare, since_id=since_id, keywords=("bittensor",), max_pages=max_pages, is_seen=lambda _: False
        )
    )


def test_r23_a_search_from_a_post_on_names_no_time(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """X refuses both together."""
    wire.answers(200, _page("1"))
    found = _saved(scraper(wire.url), _id_of(NOW_S - 43_200), spare=15)
    asked = _asked(wire.requests[0])
    assert (asked["since_id"], asked["max_results"], "start_time" in asked) == (_id_of(NOW_S - 43_200), "17", False)
    assert found.since_id == _id_of(NOW_S - 43_200)


@pytest.mark.parametrize("since_id", ["20", None])
def test_r23_a_post_that_is_too_old_is_not_asked_from(
    wire: Any, scraper: Callable[..., PostScraper], since_id: str | None
) -> None:
    """The search is bounded by 72 hours, as without it."""
    wire.answers(200, _page("1"))
    found = _saved(scraper(wire.url), since_id or _id_of(NOW_S - 72 * 3600 - 1))
    asked = _asked(wire.requests[0])
    assert (asked["start_time"], "since_id" in asked, found.since_id) == ("2026-11-15T11:06:40Z", False, None)


def test_r23_a_post_that_x_refuses_is_left_out_and_x_is_asked_by_time(
    wire: Any, scraper: Callable[..., PostScraper]
) -> None:
    """Once, and a refusal of that ends the search as any other does."""
    refused = wire.answer(400, {"type": "https://x/2/problems/invalid-request", "title": "Invalid Request"})
    wire.plays(refused, wire.answer(200, _page("1")))
    found = _saved(scraper(wire.url), _id_of(NOW_S - 60))
    assert [sorted({"since_id", "start_time"} & set(_asked(r))) for r in wire.requests] == [
        ["since_id"],
        ["start_time"],
    ]
    assert (found.requests, found.since_id, [post.id for post in found.posts]) == (2, None, ["1"])
    wire.plays(refused)
    with pytest.raises(ScrapeError) as caught:
        _saved(scraper(wire.url), _id_of(NOW_S - 60))
    assert (caught.value.kind, len(wire.requests)) == ("invalid_request", 4)


@pytest.mark.parametrize("status", [401, 429, 503])
def test_r23_any_other_refusal_is_not_asked_about_again(
    wire: Any, scraper: Callable[..., PostScraper], status: int
) -> None:
    """It has nothing to do with the post."""
    wire.answers(status, "no")
    with pytest.raises(ScrapeError):
        _saved(scraper(wire.url), _id_of(NOW_S - 60))
    assert len(wire.requests) == 1


FULL = [str(1_000 - number) for number in range(10)]


@pytest.mark.parametrize(
    ("pages", "max_pages", "newest"),
    [
        ([(FULL, "more")], 1, "1000"),  # as deep as it may
        ([(FULL[:3], None)], 1, "1000"),  # all there is
        ([(FULL[:3], "more")], 1, None),  # a page that was cut short
        ([(FULL, "more")], 2, None),  # two pages were allowed, and one was enough
        ([([], "more"), (FULL, None)], 2, None),  # cut short, though the next one was not
        ([([], None)], 1, None),
        ([(FULL[:1], None)], 3, "1000"),
    ],
)
def test_r23_the_newest_post_is_told_where_nothing_was_left_unread(
    wire: Any,
    scraper: Callable[..., PostScraper],
    pages: list[tuple[list[str], str | None]],
    max_pages: int,
    newest: str | None,
) -> None:
    """Seen posts count as well, for they were read."""
    wire.plays(*(wire.answer(200, _page(*ids, following=following)) for ids, following in pages))
    assert _saved(scraper(wire.url), max_pages=max_pages).newest_id == newest


def test_r23_no_newest_post_is_told_where_one_could_not_be_used(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """It may be usable the next time; and of the last two minutes X may not have told everything yet."""
    page = _page("1", "2")
    page["data"][1]["public_metrics"] = {}
    wire.answers(200, page)
    assert _saved(scraper(wire.url)).newest_id is None
    page = _page("1", "2", "3")
    for post, at in zip(page["data"], ("11:06:40", "11:04:41", "11:04:39"), strict=True):
        post["created_at"] = f"2026-11-18T{at}.000Z"
    wire.answers(200, page)
    assert _saved(scraper(wire.url)).newest_id == "3"


def _id_of(at_s: int) -> str:
    """The least id of a post of that second, as X makes them."""
    return str(at_s * 1000 - 1_288_834_974_657 << 22)


@pytest.mark.parametrize(("second", "lost"), [("refused", 0), ("hang", 1), ("html", 1)])
def test_a_failure_on_a_later_page_keeps_the_pages_before(
    wire: Any, scraper: Callable[..., PostScraper], second: str, lost: int
) -> None:
    """What was paid for is used; the failed request is counted, and its page too where X may have billed it."""
    plays = {"refused": wire.answer(503, "busy"), "hang": wire.hang, "html": wire.answer(200, "<html>")}

    def scraped(limit_s: float) -> Scraped | None:
        wire.plays(wire.answer(200, _page("1", following="a")), plays[second])
        try:
            return _scrape(scraper(wire.url, timeout_s=limit_s, total_timeout_s=2 * limit_s), max_pages=3)
        except ScrapeError:  # the first page was late, too
            return None

    limits_s = LIMITS_S if second == "hang" else (GIVE_UP_S,)
    found = patiently(scraped, is_late=lambda found: found is None, limits_s=limits_s)
    assert found is not None
    assert ([post.id for post in found.posts], found.requests, found.lost_pages) == (["1"], 2, lost)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((400, {"type": "https://x/2/problems/invalid-request", "title": "Invalid Request"}, {}), "invalid_request"),
        ((401, {"title": "Unauthorized", "detail": "Unauthorized"}, {}), "auth"),
        ((402, {"type": "https://x/2/problems/credits", "title": "CreditsDepleted"}, {}), "credits"),
        ((403, {"type": "https://x/2/problems/client-forbidden", "title": "Client Forbidden"}, {}), "forbidden"),
        ((429, {"type": "https://x/2/problems/usage-capped", "title": "Usage capped"}, {}), "usage_capped"),
        ((429, {"title": "Too Many Requests"}, {"x_rate_limit_remaining": "0"}), "rate_limited"),
        ((429, {"title": "Too Many Requests"}, {"x_rate_limit_remaining": "3"}), "usage_capped"),
        ((429, "<html>", {"x_rate_limit_reset": "soon"}), "rate_limited"),
        ((500, [], {}), "server"),
        ((503, "<html><title>Over capacity</title>", {}), "server"),
        ((503, {"errors": 7}, {}), "server"),
        ((503, {"errors": [None], "detail": 3}, {}), "server"),
        ((302, "", {"Location": "http://127.0.0.1:9/elsewhere"}), "invalid_request"),
        ((200, [_page("1")], {}), "malformed"),
        ((200, "<html>", {}), "malformed"),
        ((200, "", {}), "malformed"),
        ((204, "", {}), "malformed"),
        ((200, '{"data": [', {}), "malformed"),
        ((200, b"\x1f\x8bnot gzip", {"Content_Encoding": "gzip"}), "broken"),
    ],
)
def test_every_answer_has_its_kind(
    wire: Any, scraper: Callable[..., PostScraper], answer: tuple[int, Any, dict[str, str]], kind: str
) -> None:
    """Bodies that tweepy itself trips over are no exception; the cause is kept where there was one."""
    status, body, headers = answer
    wire.answers(status, body, **headers)
    error = _failed(scraper(wire.url))
    assert error.kind == kind
    assert kind == "malformed" or error.__cause__ is not None
    assert len(wire.requests) == 1


@pytest.mark.parametrize("place", ["http://[::1", "http://host:port/", "nonsense://", "/elsewhere"])
def test_an_answer_that_leads_elsewhere_is_an_answer(
    wire: Any, scraper: Callable[..., PostScraper], place: str
) -> None:
    """Where to is read by nobody, so an address that is none breaks nothing; the body is bounded as any other."""
    wire.answers(302, b"x" * (5 * 1024 * 1024), Location=place)
    error = _failed(scraper(wire.url))
    assert (error.kind, error.reason.startswith("302")) == ("invalid_request", True)


@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://127.0.0.1:1",
        "socks5://127.0.0.1:1",
        "http://",
        "proxy.corp:3128x",
        "http://user:s3cr/etPW77@127.0.0.1:1",
        "http://127.0.0.1:1",
    ],
)
def test_a_proxy_that_cannot_be_used_costs_nothing(
    scraper: Callable[..., PostScraper], monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """No request left, so none is perhaps billed; and no part of the proxy's password is told or logged."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    error = _failed(scraper("http://x.invalid"))
    assert error.kind == "connection"
    assert "s3cr" not in "".join(traceback.format_exception(error))


def test_certificates_that_are_not_there_cost_nothing(
    scraper: Callable[..., PostScraper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that only requests knew counts like the others."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent.pem")
    error = _failed(scraper("https://x.invalid"))
    assert (error.kind, "/nonexistent.pem" in error.reason) == ("connection", True)


def test_a_refused_connection(closed_url: str, scraper: Callable[..., PostScraper]) -> None:
    """The line names the place and the system's own words, not the whole URL."""
    error = _failed(scraper(closed_url))
    assert error.kind == "connection"
    assert "Connection refused" in error.reason
    assert "search/recent" not in error.reason


def test_a_name_that_does_not_resolve(scraper: Callable[..., PostScraper]) -> None:
    """It is a connection that failed."""
    assert _failed(scraper("http://nowhere.invalid")).kind == "connection"


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (b"", "broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broken"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "broken"),
        (b"HTTP/1.1 429 No\r\nContent-Length: 100\r\n\r\n{}", "rate_limited"),
    ],
)
def test_a_broken_answer(wire: Any, scraper: Callable[..., PostScraper], play: bytes, kind: str) -> None:
    """A body that breaks off is no page, though it may be billed; a refusal is one by its status alone."""
    assert _failed(scraper(wire.plays(play).url)).kind == kind


def test_no_answer_in_time(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """Silence before the headers, and in the middle of the body, is a timeout."""
    assert _failed(scraper(wire.plays(wire.hang).url, **IMPATIENT)).kind == "timeout"
    wire.plays(wire.hang_after(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data"'))
    assert _failed(scraper(wire.url, **IMPATIENT)).kind == "timeout"


def _threads_of_searches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "x-search"]


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX:"])
def test_a_dripping_answer_does_not_last_for_ever(wire: Any, scraper: Callable[..., PostScraper], start: bytes) -> None:
    """Each read is in time, the whole is not; the thread ends too, whether the body drips or the headers."""
    watch = Stopwatch()
    error = _failed(scraper(wire.plays(wire.drip(start)).url, total_timeout_s=0.4))
    assert error.kind == "timeout"
    assert watch.seconds() < 1
    for thread in _threads_of_searches():
        thread.join(GIVE_UP_S)
    assert not _threads_of_searches()


def test_an_endless_answer_is_cut(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """More than 4 MiB is no page of posts."""
    wire.answers(200, b'"' + b"x" * (5 * 1024 * 1024))
    error = _failed(scraper(wire.url))
    assert (error.kind, "4194304 bytes and more" in error.reason) == ("malformed", True)


def test_a_cancelled_search_ends_at_once_and_asks_for_no_further_page(
    wire: Any, scraper: Callable[..., PostScraper]
) -> None:
    """R14: stop() cannot wait for a socket that hangs."""
    wire.plays(wire.hang)

    async def cancelled() -> Stopwatch:
        task = asyncio.create_task(
            scraper(wire.url).scrape_posts(5, keywords=("bittensor",), max_pages=3, is_seen=lambda _: False)
        )
        await asyncio.to_thread(wire.asked.wait, GIVE_UP_S)
        watch = Stopwatch()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return watch

    watch = asyncio.run(cancelled())
    assert watch.seconds() < 0.3  # asyncio.run waits for executors; this thread is none of theirs
    assert len(wire.requests) == 1


def test_the_token_is_nowhere(
    wire: Any, scraper: Callable[..., PostScraper], everything_logged: pytest.LogCaptureFixture
) -> None:
    """Not in logs at DEBUG, errors, causes or reprs, even when the server sends it back."""
    texts: list[str] = []
    for body in ({"detail": f"bad token {TOKEN}"}, f"<html><title>Bearer {TOKEN}</title>", {"title": "No"}):
        for status in (200, 401, 503):
            wire.answers(status, body)
            error = _failed(scraper(wire.url))
            texts += ["".join(traceback.format_exception(error)), repr(error), error.reason]
    wire.plays(f"Bearer {TOKEN}\r\n\r\n".encode())
    texts += ["".join(traceback.format_exception(_failed(scraper(wire.url)))), repr(scraper(wire.url))]
    texts += [record.getMessage() for record in everything_logged.records]
    assert everything_logged.records  # the libraries did log
    assert not [text for text in texts if "0123456789" in text or "planted" in text]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"bearer_token": ""}, "X_BEARER_TOKEN"),
        ({"bearer_token": f"{TOKEN}\r\nX-Evil: 1"}, "X_BEARER_TOKEN"),
        ({"bearer_token": f"{TOKEN}…"}, "X_BEARER_TOKEN"),
        ({"api_base": "api.twitter.com/2"}, "X_API_BASE"),
        ({"api_base": "ftp://api.twitter.com/2"}, "X_API_BASE"),
        ({"api_base": "https://user:pw@api.twitter.com/2"}, "X_API_BASE"),
        ({"timeout_s": 0}, "timeouts"),
    ],
)
def test_wrong_settings_are_refused_at_construction(
    scraper: Callable[..., PostScraper], changes: dict[str, Any], named: str
) -> None:
    """The message names the variable and never the token."""
    with pytest.raises(ValueError, match=named) as caught:
        scraper("http://127.0.0.1:9", **changes)
    assert "planted" not in str(caught.value)


def test_an_entry_in_netrc_does_not_replace_the_token(
    wire: Any, scraper: Callable[..., PostScraper], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests would send it instead of the bearer token; proxies of the environment do not stand before loopback."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    wire.answers(200, _page("1"))
    _scrape(scraper(wire.url))
    # A name that is not loopback goes through the proxy, with the token all the same.
    monkeypatch.setenv("http_proxy", wire.url)
    _scrape(scraper("http://x.invalid"))
    assert len(wire.requests) == 2
    assert all(f"Authorization: Bearer {TOKEN}".encode() in request for request in wire.requests)


def test_importing_the_edge_does_not_import_the_libraries() -> None:
    """Start-up does not pay for tweepy, requests and httpx."""
    code = (
        "import sys, actor.edges.x, actor.edges.api, actor.edges.hotkey\n"
        "print(sorted({'tweepy', 'requests', 'httpx', 'bittensor', 'bittensor_core'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"


def test_the_body_of_a_page_is_json_once(wire: Any, scraper: Callable[..., PostScraper]) -> None:
    """A page that came compressed and in chunks is the same page."""
    raw = gzip.compress(json.dumps(_page("1")).encode())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (raw[:7], raw[7:])) + b"0\r\n\r\n"
    wire.plays(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert [post.id for post in _scrape(scraper(wire.url)).posts] == ["1"]
