"""The X stand-in over HTTP: what it serves, refuses and bills."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from sandbox import Sandbox, SandboxConfig

Search = Callable[..., httpx.Response]


def test_wrong_token_is_a_401_problem(box: Sandbox, http: httpx.Client) -> None:
    """A missing or wrong bearer token is answered with a problem document and bills nothing."""
    url = f"{box.x_base}/tweets/search/recent?query=bittensor"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = http.get(url, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {
            "type": "about:blank",
            "title": "Unauthorized",
            "detail": "Unauthorized",
            "status": 401,
        }
    assert box.ledger.x.posts_read == 0


def test_only_requested_fields_are_served(search: Search) -> None:
    """Without fields a post has id, text and edit history; with them exactly those more, and authors on request."""
    plain = search().json()
    assert {frozenset(post) for post in plain["data"]} == {frozenset({"id", "text", "edit_history_tweet_ids"})}
    assert "includes" not in plain
    asked = {"tweet__fields": "created_at,public_metrics", "expansions": "author_id", "user__fields": "created_at"}
    full = search(**asked).json()
    post, user = full["data"][0], full["includes"]["users"][0]
    assert set(post) == {"id", "text", "edit_history_tweet_ids", "author_id", "created_at", "public_metrics"}
    assert set(user) == {"id", "name", "username", "created_at"}
    assert post["created_at"].endswith(".000Z")
    assert {one["author_id"] for one in full["data"]} == {one["id"] for one in full["includes"]["users"]}


def test_pages_cover_everything_once_newest_first(search: Search) -> None:
    """Following next_token visits each matching post once, newest first, until no token comes."""
    ids: list[int] = []
    token: dict[str, str] = {}
    while True:
        body = search(max_results=100, **token).json()
        page = [int(post["id"]) for post in body["data"]]
        assert body["meta"]["result_count"] == len(page)
        assert (body["meta"]["newest_id"], body["meta"]["oldest_id"]) == (str(page[0]), str(page[-1]))
        ids += page
        if "next_token" not in body["meta"]:
            break
        token = {"next_token": body["meta"]["next_token"]}
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) > 250


def test_default_query_leaves_out_retweets_and_other_languages(box: Sandbox, search: Search) -> None:
    """The corpus holds retweets, foreign and unrelated posts, and the miner's query finds none of them."""
    posts = box.corpus.posts()
    assert any(post.is_retweet for post in posts)
    assert {post.lang for post in posts} >= {"en", "es", "ja"}
    found = {post["id"] for post in search(max_results=100, tweet__fields="lang").json()["data"]}
    for post in posts:
        if post.id in found:
            assert post.lang == "en"
            assert not post.is_retweet
            assert "bittensor" in post.full_text.lower()


def test_start_time_and_since_id_bound_the_search(box: Sandbox, search: Search) -> None:
    """start_time bounds by time, since_id by id: what was posted behind it, and not the post itself."""
    oldest = search(max_results=100, start_time="2026-11-18T09:00:00Z", tweet__fields="created_at").json()["data"]
    assert min(post["created_at"] for post in oldest) >= "2026-11-18T09:00:00"
    newest = search().json()["data"]
    pivot = newest[3]["id"]
    assert [post["id"] for post in search(since_id=pivot).json()["data"]] == [post["id"] for post in newest[:3]]
    assert search(since_id=newest[0]["id"]).json() == {"meta": {"result_count": 0}}
    assert box.ledger.x.searches == 4


def test_start_time_and_since_id_together_are_refused(search: Search) -> None:
    """In X's own words, though its documentation says that since_id would be used."""
    newest = search().json()["data"][0]["id"]
    answer = search(since_id=newest, start_time="2026-11-18T11:00:00Z")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["message"]) == (
        400,
        "Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or 'end_time'.",
    )


def test_a_since_id_of_more_than_seven_days_is_refused_and_the_oldest_one_is_named(search: Search) -> None:
    """In X's own words: with the moment, and an id that is taken."""
    answer = search(since_id="1519056945277198339")
    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/invalid-request")
    assert error["parameters"] == {"since_id": ["1519056945277198339"]}
    told = re.fullmatch(
        r"'since_id' must be a tweet id created after (\S+)\. Please use a 'since_id' that is larger than (\d+)",
        error["message"],
    )
    assert told is not None
    assert told[1].startswith("2026-11-")
    assert search(since_id=str(int(told[2]) + (1 << 36))).status_code == 200


@pytest.mark.parametrize(
    ("params", "culprit"),
    [
        ({"max_results": 9}, "max_results"),
        ({"max_results": 101}, "max_results"),
        ({"max_results": "ten"}, "max_results"),
        ({"query": ""}, "query"),
        ({"query": "x" * 513}, "query"),
        ({"query": "-is:retweet lang:en"}, "query"),
        ({"query": "(bittensor OR tao"}, "query"),
        ({"query": "bittensor has:magic"}, "query"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": "2026-01-01T00:00:00Z"}, "start_time"),
        ({"since_id": "abc"}, "since_id"),
        ({"since_id": "5"}, "since_id"),
        ({"next_token": "nonsense"}, "next_token"),
        ({"tweet__fields": "likes"}, "tweet.fields"),
        ({"count": "5"}, "count"),
    ],
)
def test_bad_parameters_are_invalid_requests(search: Search, params: dict[str, str], culprit: str) -> None:
    """What X refuses is refused with a problem document that names the parameter."""
    answer = search(**params)
    body = answer.json()
    assert answer.status_code == 400
    assert body["type"].endswith("/invalid-request")
    assert {"type", "title", "detail", "status"} <= set(body)
    assert list(body["errors"][0]["parameters"]) == [culprit]


def test_nothing_found_has_no_data(search: Search) -> None:
    """A search without results has a count of 0 and no `data`."""
    assert search("unobtainium").json() == {"meta": {"result_count": 0}}


def test_quota_runs_out_and_comes_back(http: httpx.Client) -> None:
    """The quota is counted in the headers, ends in rate-limit-exceeded, and begins anew after its period."""
    with Sandbox(SandboxConfig(seconds_per_block=None, x_quota=2)) as box:
        url = f"{box.x_base}/tweets/search/recent?query=bittensor"
        headers = {"Authorization": f"Bearer {box.x_token}"}
        answers = [http.get(url, headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == ["1", "0", "0"]
        assert answers[2].headers["x-rate-limit-limit"] == "2"
        assert answers[2].json()["type"].endswith("/rate-limit-exceeded")
        box.advance_posts(901)
        assert http.get(url, headers=headers).status_code == 200


def test_a_post_is_billed_once_per_day(box: Sandbox, search: Search) -> None:
    """Reading a post again on the same UTC day counts as read but not as billed; on the next day it is billed again."""
    for _ in range(2):
        search(expansions="author_id")
    ledger = box.ledger.x
    assert (ledger.posts_read, ledger.posts_billed) == (20, 10)
    assert ledger.users_read == 2 * ledger.users_billed
    box.advance_posts(86_400)
    search("from:ada_stakes", max_results=10)
    assert ledger.posts_read - 20 == ledger.posts_billed - 10


def test_corpus_grows_with_time(box: Sandbox, search: Search) -> None:
    """Six posts a minute appear as time goes by, newer and with greater ids than all before."""
    before = box.corpus.posts()
    box.advance_posts(120)
    after = box.corpus.posts()
    assert len(after) == len(before) + 12
    assert after[12:] == before
    assert int(after[11].id) > int(before[0].id)
    assert search().status_code == 200


def test_same_seed_same_corpus(box: Sandbox) -> None:
    """Two sandboxes of one seed and epoch hold the same posts to the letter, and another seed holds others."""
    twin, other = Sandbox(box.config), Sandbox(SandboxConfig(seed=7, seconds_per_block=None, epoch=box.config.epoch))
    try:
        assert twin.corpus.posts() == box.corpus.posts()
        assert other.corpus.posts() != box.corpus.posts()
    finally:
        twin.stop()
        other.stop()


def test_corpus_is_varied(box: Sandbox) -> None:
    """The corpus holds what makes a miner stumble: entities, zero-width marks, emoji, cut posts, old posts, spam."""
    posts = box.corpus.posts()
    text = "\n".join(post.text for post in posts)
    for part in ("&amp;", "&gt;", "\u200b", "🚀", "IGNORE ALL PREVIOUS", "SN45", "subnet 4 ", "…", "\n\n"):
        assert part in text
    assert any(post.note and len(post.text) < len(post.note) for post in posts)
    assert sum(post.created_at < box.post_clock.now() - 72 * 3600 for post in posts) > 30
    assert len({post.author.id for post in posts}) == len(box.corpus.users)
    ages = [box.post_clock.now() - user.created_at for user in box.corpus.users]
    assert min(ages) < 3 * 86_400
    assert max(ages) > 2_555 * 86_400


def test_added_post_is_served_as_given(box: Sandbox, search: Search) -> None:
    """A post that a test adds is the newest and is served with exactly its text and counts."""
    post = box.add_post("  Bittensor  caf\u0065\u0301 &amp; SN45 ", metrics={"like_count": 9})
    newest = search(tweet__fields="public_metrics").json()["data"][0]
    assert (newest["id"], newest["text"]) == (post.id, "  Bittensor  caf\u0065\u0301 &amp; SN45 ")
    assert newest["public_metrics"]["like_count"] == 9


def test_unknown_path_is_a_problem(box: Sandbox, http: httpx.Client) -> None:
    """Any other path is a 404 problem document."""
    answer = http.get(f"{box.x_base}/tweets/1")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/resource-not-found")
