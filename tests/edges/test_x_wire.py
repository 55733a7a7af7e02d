"""X's JSON into posts and X's refusals into kinds, without a socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.reply import Reply
from actor.edges.x_wire import Page, build_query, newest_versions, parse_page, parse_users, refusal
from actor.machine import norm_text
from actor.ports import FoundAuthors, ScrapeError
from events.catalogue import Author, Post
from events.codec import canonical_json

NOW_S = 1_795_000_000
KINDS: Final = {
    "auth", "forbidden", "credits", "usage_capped", "rate_limited", "invalid_request", "server", "timeout",
    "connection", "malformed",
}  # fmt: skip
CREATED = "2026-11-18T07:33:20.000Z"  # one day before NOW_S less 12800 s


def _instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tweet(**changes: Any) -> dict[str, Any]:
    metrics = {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 4, "impression_count": 5}
    return {
        "id": "1812",
        "text": "SN45 &amp; more ",
        "author_id": "9",
        "created_at": CREATED,
        "public_metrics": metrics,
        **changes,
    }


def _user(**changes: Any) -> dict[str, Any]:
    metrics = {"followers_count": 6, "following_count": 0}
    return {
        "id": "9",
        "username": "ada",
        "created_at": "2026-11-01T00:00:00.999Z",
        "public_metrics": metrics,
        **changes,
    }


def _reply(body: object, status: int = 200, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=raw)


def _page(*tweets: object, users: list[Any] | None = None, **more: Any) -> Page:
    body = {"data": list(tweets), "includes": {"users": [_user()] if users is None else users}, "meta": {}, **more}
    return parse_page(_reply(body), now_s=NOW_S, redact=str)


def _failure(answer: Reply) -> ScrapeError:
    return refusal(answer, now_s=NOW_S, redact=str)


def test_a_post_is_mapped_field_by_field() -> None:
    """Text as served, entities and blanks included; times in whole unix seconds; age in whole days."""
    (post,) = _page(_tweet()).posts
    assert post == Post(
        id="1812",
        content="SN45 &amp; more ",
        author="ada",
        author_id="9",
        timestamp=1_794_987_200,
        account_created=1_793_491_200,
        account_age=17,
        retweets=1,
        likes=3,
        responses=2,
        quotes=4,
        followers=6,
    )


def test_the_page_counts_what_is_paid_for() -> None:
    """Posts and users read are counted as X returned them, usable or not; the next page's token is kept."""
    found = _page(
        _tweet(), _tweet(id="7", author_id="1"), "x", users=[_user(), _user(id="4")], meta={"next_token": "n"}
    )
    assert (found.posts_read, found.users_read, found.unusable, found.next_token) == (3, 2, 2, "n")


def test_a_repeated_post_is_one_post() -> None:
    """An id that stands twice on a page comes once, in its first place."""
    found = _page(_tweet(), _tweet(id="7"), _tweet())
    assert [post.id for post in found.posts] == ["1812", "7"]


@pytest.mark.parametrize(
    "wrong",
    [
        _tweet(id=None),
        _tweet(id=1812),
        _tweet(id="18a"),
        _tweet(id="١٢"),
        _tweet(id="1" * 20),
        _tweet(id="0"),
        _tweet(id="01812"),
        _tweet(id="0" * 15 + "1812"),
        _tweet(text=None),
        _tweet(text=""),
        _tweet(text=" \n\u2003\u00a0\u3000"),
        _tweet(text="a" * 100_001),
        _tweet(author_id="8"),
        _tweet(author_id=None),
        _tweet(author_id=["9"]),
        _tweet(created_at=None),
        _tweet(created_at="2026-13-18T07:33:20Z"),
        _tweet(created_at="2026-11-18"),
        _tweet(created_at="1969-12-31T23:59:59Z"),
        _tweet(created_at="0001-01-01T00:00:00Z"),
        _tweet(created_at="9999-12-31T23:59:59Z"),
        _tweet(created_at=_instant(NOW_S + 301)),
        _tweet(created_at=_instant(NOW_S - 72 * 3600 - 61)),
        _tweet(created_at=_instant(NOW_S - 30 * 86_400)),
        _tweet(public_metrics=None),
        _tweet(public_metrics={"like_count": 1}),
        _tweet(public_metrics={**_tweet()["public_metrics"], "like_count": -1}),
        _tweet(public_metrics={**_tweet()["public_metrics"], "like_count": 2**63}),
        None,
        [],
    ],
)
def test_a_post_without_a_required_field_is_unusable(wrong: object) -> None:
    """It is counted and left aside; the others stay."""
    found = _page(wrong, _tweet(id="7"))
    assert [post.id for post in found.posts] == ["7"]
    assert found.unusable == 1


@pytest.mark.parametrize("zeros", [1, 3, 15])
def test_one_post_has_one_id(zeros: int) -> None:
    """However many zeros a server writes before it, or before another version's: it would be sent under each."""
    found = _page(_tweet(id="7", edit_history_tweet_ids=["0" * zeros + "7", "0" * zeros + "6", "6"]))
    assert [(post.id, post.edits) for post in found.posts] == [("7", ("6",))]
    assert not _page(*(_tweet(id="0" * number + "7") for number in range(1, zeros + 1))).posts


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_date_is_near_our_own_clock(at_s: int) -> None:
    """Ruling 17: 72 hours and a minute back, five minutes ahead; what the server was asked for proves nothing."""
    found = _page(_tweet(created_at=_instant(at_s)))
    is_near = NOW_S - 72 * 3600 - 60 <= at_s <= NOW_S + 300
    assert (len(found.posts), found.unusable) == ((1, 0) if is_near else (0, 1))
    assert found.since == NOW_S - 72 * 3600 - 60


@pytest.mark.parametrize("at_s", [NOW_S - 72 * 3600 - 60, NOW_S, NOW_S + 300])
def test_the_bounds_themselves_are_taken(at_s: int) -> None:
    """To the second."""
    assert [post.timestamp for post in _page(_tweet(created_at=_instant(at_s))).posts] == [at_s]


def test_an_empty_text_is_one_that_is_empty_when_normalized() -> None:
    """R3: no character and no pair of a space and one makes the edge and the machine disagree."""
    for code in range(0x110000):
        text = chr(code)
        assert bool(text.split()) == bool(norm_text(text)), hex(code)
    assert _page(_tweet(text="\u200b")).unusable == 0


@pytest.mark.parametrize(
    ("history", "edits"),
    [
        (["1812"], ()),
        (None, ()),
        ("1811", ()),
        ({"1811": 1}, ()),
        (["1811", "1812"], ("1811",)),
        (["1812", "1813"], ("1813",)),
        (["9", "1811", "1812", "1811", 7, "x", "", None, "1" * 20], ("9", "1811")),
        ([str(n) for n in range(1_000)], tuple(str(n) for n in range(980, 1_000))),
    ],
)
def test_an_edited_post_tells_its_other_versions(history: object, edits: tuple[str, ...]) -> None:
    """X lists them with each post; what is no list of ids tells of none, and of very many the newest are kept."""
    (post,) = _page(_tweet(edit_history_tweet_ids=history)).posts
    assert post.edits == edits


def _version(post_id: str, *edits: str) -> Post:
    (post,) = _page(_tweet(id=post_id, edit_history_tweet_ids=[*edits, post_id])).posts
    return post


def test_of_each_post_the_newest_version_is_kept() -> None:
    """In whichever order they come, and however little each of them tells of the others."""
    versions = [_version("10"), _version("11", "10"), _version("9"), _version("12", "9", "10"), _version("7")]
    for order in permutations(versions):
        kept = newest_versions(order)
        assert {post.id: set(post.edits) for post in kept} == {"12": {"9", "10", "11"}, "7": set()}


_IDS: Final = st.integers(1, 20).map(str)  # no more than are kept


@given(st.lists(st.tuples(_IDS, st.lists(_IDS, max_size=20)), max_size=40))
def test_versions_of_any_histories_are_told_apart(told: list[tuple[str, list[str]]]) -> None:
    """Whatever a server tells: each kept post is its newest version, and no two of them are known to be the same."""
    posts = [_version(post_id, *edits) for post_id, edits in told]
    kept = newest_versions(posts)
    ids = [int(post.id) for post in kept]
    assert len(set(ids)) == len(ids)
    for post in posts:
        assert any(set(post.versions) & set(found.versions) and int(found.id) >= int(post.id) for found in kept)
    for post in kept:
        assert len(post.edits) <= 20
        assert not any(post.id in other.edits for other in kept)


def test_a_history_longer_than_any_is_cut_at_the_end_alone() -> None:
    """What is cut from the record is still known while pages are read."""
    chain = [
        _version("100", *map(str, range(1, 21))),
        _version("101", "100"),
        _version("102", "101"),
        _version("5", "1"),
    ]
    (kept,) = newest_versions(chain)
    assert (kept.id, kept.edits[-1], len(kept.edits)) == ("102", "101", 20)


def test_a_post_that_stands_on_two_pages_keeps_its_first_place() -> None:
    """It is no other version of itself."""
    posts = [_version("10"), _version("11"), _version("10")]
    assert newest_versions(posts) == tuple(posts[:2])


@pytest.mark.parametrize(
    "wrong",
    [
        _user(username=None),
        _user(username=""),
        _user(username="a b"),
        _user(created_at=None),
        _user(public_metrics={}),
        _user(public_metrics={"followers_count": "many"}),
        _user(id=9),
        {},
    ],
)
def test_a_post_whose_author_lacks_a_field_is_unusable(wrong: object) -> None:
    """Without user name, age or followers there is nothing to submit."""
    assert _page(_tweet(), users=[wrong]).unusable == 1


def test_a_page_without_authors_has_posts_of_nobody_known() -> None:
    """All of the post but the author's name, age and followers; users that came all the same are counted, not used."""
    body = {"data": [_tweet()], "meta": {}}
    page = parse_page(_reply(body), now_s=NOW_S, redact=str, with_authors=False)
    (post,) = page.posts
    assert (post.author, post.author_id, post.followers, post.account_age) == ("", "9", 0, 0)
    assert (page.users_read, page.unusable, post.likes) == (0, 0, 3)
    (named,) = _page(_tweet()).posts
    assert post.by(Author(id="9", username="ada", created=1_793_491_200, followers=6), NOW_S) == named
    beside = {**body, "includes": {"users": [_user()]}}
    page = parse_page(_reply(beside), now_s=NOW_S, redact=str, with_authors=False)
    assert (page.users_read, page.posts[0].has_author) == (1, False)


def _users(body: object, *asked: str) -> FoundAuthors:
    return parse_users(_reply(body), asked, now_s=NOW_S, redact=str)


def _gone(user_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "value": user_id,
        "detail": f"User has been suspended: [{user_id}].",
        "title": "Forbidden",
        "resource_type": "user",
        "parameter": "ids",
        "resource_id": user_id,
        "type": "https://api.twitter.com/2/problems/resource-not-found",
        **changes,
    }


def test_users_that_were_asked_for_are_told() -> None:
    """In X's order, each once; a stranger, or one without a field, is counted and not told."""
    ada = Author(id="9", username="ada", created=1_793_491_200, followers=6)
    strangers = [_user(id="8"), _user(), _user(id="7", username=None), "no user"]
    assert _users({"data": [_user(), *strangers]}, "9", "7") == FoundAuthors(authors=(ada,), users_read=5)


def test_users_that_are_gone_are_no_failure() -> None:
    """Suspended or deleted accounts stand in `errors`, beside the others or alone."""
    found = _users({"data": [_user()], "errors": [_gone("7")]}, "9", "7")
    assert ([author.id for author in found.authors], found.users_read) == (["9"], 1)
    lost = {"title": "Not Found Error", "detail": "Could not find user with ids: [8]."}
    assert _users({"errors": [_gone("7"), _gone("8", **lost)]}, "7", "8") == FoundAuthors(authors=(), users_read=0)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, "rate_limited"),
        ({"errors": [{"title": "Unauthorized", "type": "about:blank"}]}, "malformed"),
        ({"errors": [_gone("6")]}, "malformed"),
        ([], "malformed"),
        ({"data": {"id": "9"}}, "malformed"),
        ({"users": []}, "malformed"),
        (b"<html>", "malformed"),
    ],
)
def test_an_answer_that_tells_of_no_user_is_a_failure(body: object, kind: str) -> None:
    """An error that names none of the users is one of the whole question."""
    with pytest.raises(ScrapeError) as caught:
        _users(body, "9")
    assert caught.value.kind == kind


def test_ids_are_decimal_digits() -> None:
    """An author's id too: nothing else goes into the journal."""
    for odd in ("9\ud800", "x", "", "9" * 99):
        assert _page(_tweet(author_id=odd), users=[_user(id=odd)]).unusable == 1


def test_an_author_comes_without_at_and_an_account_is_never_younger_than_zero() -> None:
    """R3: the author has no @; a clock that runs behind makes age 0."""
    (post,) = _page(_tweet(), users=[_user(username="@ada", created_at="2027-01-01T00:00:00Z")]).posts
    assert (post.author, post.account_age) == ("ada", 0)


def test_a_lone_surrogate_costs_one_character_not_the_page() -> None:
    """The post can be journaled."""
    (post,) = _page(_tweet(text="a\ud800b")).posts
    assert post.content == "a�b"
    canonical_json(post)


def test_a_partial_answer_is_used() -> None:
    """200 with errors beside data is fine; errors without data are a refusal."""
    errors = [{"title": "Not Found Error", "detail": "no user", "type": "https://x/problems/resource-not-found"}]
    assert len(_page(_tweet(), errors=errors).posts) == 1
    with pytest.raises(ScrapeError, match="no user") as caught:
        parse_page(_reply({"errors": errors}), now_s=NOW_S, redact=str)
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("body", [{"meta": {"result_count": 0}}, {"data": [], "meta": {}}, {"data": None}])
def test_no_posts_is_an_answer(body: object) -> None:
    """`data` is absent when nothing was found."""
    assert parse_page(_reply(body), now_s=NOW_S, redact=str).posts == ()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b"3", b'{"data":{}}', b'{"data":"x"}', b"\xff", b"[" * 9999]
)
def test_anything_else_is_malformed(body: bytes) -> None:
    """The reason says what was expected and what to check."""
    with pytest.raises(ScrapeError, match="expected a page of posts") as caught:
        parse_page(_reply(body), now_s=NOW_S, redact=str)
    assert (caught.value.kind, caught.value.http_status) == ("malformed", 200)


def _problem(last: str, **more: Any) -> dict[str, Any]:
    return {"type": f"https://anywhere.example/2/problems/{last}", "title": "Title", "detail": "detail here", **more}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_reply(_problem("invalid-request"), 400), "invalid_request"),
        (_reply({"title": "Unauthorized", "type": "about:blank"}, 401), "auth"),
        (_reply({"errors": [{"code": 89, "message": "expired"}]}, 403), "auth"),
        (_reply(_problem("credits", title="CreditsDepleted"), 402), "credits"),
        (_reply(b"", 402), "credits"),
        (_reply(_problem("client-forbidden"), 403), "forbidden"),
        (_reply(b"<html>", 403), "forbidden"),
        (_reply(b"", 404), "invalid_request"),
        (_reply(b"", 302), "invalid_request"),
        (_reply(b"", 408), "timeout"),
        (_reply(_problem("rate-limit-exceeded"), 429), "rate_limited"),
        (_reply(_problem("usage-capped"), 429), "usage_capped"),
        (_reply(_problem("usage-capped"), 429, x_rate_limit_remaining="0"), "usage_capped"),
        (_reply({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, 429), "rate_limited"),
        (_reply({"errors": [_problem("usage-capped")]}, 429), "usage_capped"),
        (_reply(b"", 429), "rate_limited"),
        (_reply(b"", 429, x_rate_limit_remaining="0"), "rate_limited"),
        (_reply(b"", 429, x_rate_limit_remaining="449"), "usage_capped"),
        (_reply(b"<html>", 500), "server"),
        (_reply(b"[]", 503), "server"),
        (_reply({"errors": "x", "type": 3, "title": []}, 503), "server"),
    ],
)
def test_every_refusal_has_its_kind(answer: Reply, kind: str) -> None:
    """By the last part of the problem's type, by the older code, else by status and headers."""
    error = _failure(answer)
    assert (error.kind, error.http_status) == (kind, answer.status)
    assert error.reason.startswith(f"{answer.status}: ")


def test_the_reason_is_one_readable_line() -> None:
    """Title, detail and what to do."""
    assert _failure(_reply(_problem("credits", title="CreditsDepleted"), 402)).reason == (
        "402: CreditsDepleted: detail here (top up the X account)"
    )
    assert _failure(_reply({"errors": [{"code": 88, "message": "Rate limit\nexceeded"}]}, 429)).reason == (
        "429: Rate limit exceeded"
    )
    assert _failure(_reply(b"<html><title>Bad\ngateway</title>", 502)).reason == "502: an HTML page: Bad gateway"


def test_a_secret_at_the_cut_leaves_no_half_behind() -> None:
    """Secrets go before the line is cut."""
    for before in range(80, 310):
        for status, body in ((403, {"detail": "x" * before + "SECRET"}), (502, b"y" * before + b"SECRET")):
            error = refusal(_reply(body, status), now_s=NOW_S, redact=lambda text: text.replace("SECRET", "[redacted]"))
            assert "SE" not in error.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x_rate_limit_reset": str(NOW_S + 90)}, 90.0),
        ({"x_rate_limit_reset": str(NOW_S - 90)}, 0.0),
        ({"x_rate_limit_reset": "soon", "retry_after": "7"}, 7.0),
        ({"x_rate_limit_reset": str(10**15)}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_when_x_takes_requests_again(headers: dict[str, str], seconds: float | None) -> None:
    """From x-rate-limit-reset, else Retry-After, when sane."""
    assert _failure(_reply(b"", 429, **headers)).retry_after_s == seconds


def test_a_cap_is_not_a_wait_of_minutes() -> None:
    """The reset of the rate limit says nothing about the cap of the account."""
    assert _failure(_reply(_problem("usage-capped"), 429, x_rate_limit_reset=str(NOW_S + 90))).retry_after_s is None


def test_the_query() -> None:
    """R8: keywords in parentheses, since AND binds before OR."""
    assert build_query(("bittensor",)) == "(bittensor) -is:retweet lang:en"
    assert build_query(("bittensor", "$TAO", " decentralized  AI", "OR", "-x", "from:opentensor")) == (
        '(bittensor OR $TAO OR "decentralized AI" OR "OR" OR "-x" OR from:opentensor) -is:retweet lang:en'
    )


@pytest.mark.parametrize("keywords", [(), ("",), ("  ",), ('say "hi"',), ("a\x00b",), ("x" * 491,), ("word",) * 100])
def test_a_query_that_x_would_refuse_is_refused_at_once(keywords: tuple[str, ...]) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match="SEARCH_KEYWORDS"):
        build_query(keywords)


def test_the_longest_query_that_x_takes() -> None:
    """512 characters are allowed."""
    assert len(build_query(("x" * (512 - 22),))) == 512


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\ud800\udfff\x00\n")), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def nearly_pages(draw: st.DrawFn) -> bytes:
    """A page with any of its values replaced by anything."""

    def spoil(value: dict[str, Any]) -> dict[str, Any]:
        keys = draw(st.lists(st.sampled_from(sorted(value)), max_size=2))
        return value | {key: draw(json_values) for key in keys}

    one = spoil(_tweet(public_metrics=spoil(_tweet()["public_metrics"])))
    whole = {"data": [one, draw(json_values)], "includes": {"users": [spoil(_user())]}, "meta": {"next_token": "n"}}
    return json.dumps(spoil(whole)).encode()


@given(st.one_of(st.binary(max_size=60), json_values.map(lambda value: json.dumps(value).encode()), nearly_pages()))
def test_no_body_breaks_the_page(body: bytes) -> None:
    """Any body is a page of sound posts or a ScrapeError, and every post can be journaled."""
    outcome: Page | ScrapeError
    try:
        outcome = parse_page(Reply(status=200, body=body), now_s=NOW_S, redact=str)
    except ScrapeError as error:
        outcome = error
    if isinstance(outcome, ScrapeError):
        assert outcome.kind in KINDS
        assert len(outcome.reason.splitlines()) == 1
    else:
        assert len(outcome.posts) + outcome.unusable <= outcome.posts_read
        for post in outcome.posts:
            canonical_json(post)


@given(
    st.integers(min_value=300, max_value=599),
    st.one_of(st.binary(max_size=60), json_values.map(lambda value: json.dumps(value).encode())),
    st.dictionaries(
        st.sampled_from(["x-rate-limit-reset", "x-rate-limit-remaining", "retry-after"]), st.text(max_size=20)
    ),
)
def test_no_refusal_breaks_the_classification(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Any refusal has one of the kinds, a bounded line and a sane wait."""
    error = refusal(Reply(status=status, headers=headers, body=body), now_s=NOW_S, redact=str)
    assert error.kind in KINDS
    assert len(error.reason) < 400
    assert len(error.reason.splitlines()) == 1
    assert error.retry_after_s is None or 0 <= error.retry_after_s <= 30 * 86_400
