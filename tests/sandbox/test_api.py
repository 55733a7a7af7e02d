"""The coordination API stand-in over HTTP: status, authentication, validation, quota, idempotency."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox import Sandbox, SandboxConfig

Submit = Callable[..., httpx.Response]
Sign = Callable[..., dict[str, str]]
Body = Callable[..., dict[str, Any]]
Post = Callable[[dict[str, str]], httpx.Response]


@pytest.fixture
def post(box: Sandbox, http: httpx.Client, submission: Body) -> Post:
    """Submit a valid body under any headers."""
    return lambda headers: http.post(f"{box.api_base}/v2/submit", json=submission(), headers=headers)


def test_status_tells_block_and_window(box: Sandbox, http: httpx.Client) -> None:
    """The status has every number of the contract, and they agree with each other."""
    box.block = 1_042
    assert http.get(f"{box.api_base}/v2/status").json() == {
        "status": "ok",
        "current_block": 1_042,
        "window_start_block": 1_000,
        "window_end_block": 1_099,
        "next_window_start_block": 1_100,
        "blocks_per_window": 100,
        "current_window": 10,
        "blocks_until_next_window": 58,
    }
    assert box.advance(58) == 1_100
    assert http.get(f"{box.api_base}/v2/status").json()["current_window"] == 11
    assert box.next_window() == 12


def test_accepted_post(box: Sandbox, submit: Submit) -> None:
    """A first submission is new, counts in the window, and carries the block numbers."""
    answer = submit("77")
    body = answer.json()
    assert answer.status_code == 200
    assert body["status"] == "new"
    assert body["current_window"] == 10
    assert isinstance(body["selected_for_validation"], bool)
    assert box.ledger.api.accepted_by_window() == {10: ["77"]}
    assert box.ledger.api.body("77")["content"] == "SN45 ships"
    assert box.ledger.api.verdicts() == {"77": "accepted"}


def test_duplicate_is_a_success_without_quota(box: Sandbox, submit: Submit) -> None:
    """Repeating a post answers duplicate and uses no quota, in this window and in the next."""
    for number in range(5):
        assert submit(str(number)).json()["status"] == "new"
    assert submit("0").json()["status"] == "duplicate"
    assert submit("5").status_code == 429
    box.next_window()
    assert submit("0").json()["status"] == "duplicate"
    assert submit("5").json()["status"] == "new"
    assert box.ledger.api.accepted_by_window() == {10: list("01234"), 11: ["5"]}


def test_quota_is_per_hotkey_and_tells_when_it_ends(submit: Submit) -> None:
    """The sixth post gets a 429 with limits in body and headers, while another hotkey still has room."""
    for number in range(5):
        submit(str(number))
    answer = submit("9")
    assert answer.status_code == 429
    limit = answer.json()["detail"]["rate_limit"]
    assert (limit["current_count"], limit["max_submissions"], limit["next_window_start_block"]) == (5, 5, 1_100)
    assert answer.headers["X-RateLimit-Reset-Block"] == "1100"
    assert answer.headers["X-RateLimit-Reset-Seconds"] == str(limit["estimated_seconds_until_reset"])
    assert submit("9", "//Bob").json()["status"] == "new"


def test_post_of_another_hotkey_is_a_conflict(box: Sandbox, submit: Submit) -> None:
    """A post that another hotkey has, or is said to have, is a 409 and uses no quota."""
    submit("1", "//Bob")
    box.own("2")
    for post_id in ("1", "2"):
        answer = submit(post_id)
        assert answer.status_code == 409
        assert answer.json()["detail"]["message"]
        assert answer.json()["current_window"] == 10
    assert box.ledger.api.verdicts() == {"1": "accepted", "2": "conflict"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"X-Auth-SS58Address": ""}, "Missing header X-Auth-SS58Address"),
        ({"X-Auth-SS58Address": "5bogus"}, "not an ss58 address"),
        ({"X-Auth-Message": "hello"}, "X-Auth-Message is not"),
        ({"X-Auth-Message": "talisman-ai-auth:1"}, "different seconds"),
        ({"X-Auth-Timestamp": "nan"}, "not a decimal number"),
        ({"X-Auth-Signature": "ab" * 64}, "does not match"),
        ({"X-Auth-Signature": "0x" + "ab" * 64}, "not 128 hex digits"),
    ],
)
def test_bad_headers_are_refused(box: Sandbox, post: Post, sign: Sign, changes: dict[str, str], detail: str) -> None:
    """Each header that is missing, malformed or forged is a 401 that says which."""
    answer = post(sign(**changes))
    assert answer.status_code == 401
    assert detail in answer.json()["detail"]
    assert box.ledger.api.accepted() == []


@pytest.mark.parametrize(("offset_s", "status"), [(-299, 200), (-302, 401), (58, 200), (63, 401)])
def test_age_of_a_signature(post: Post, sign: Sign, offset_s: int, status: int) -> None:
    """A signature may be at most 300 s old and 60 s ahead."""
    assert post(sign(at=time.time() + offset_s)).status_code == status


def test_replayed_signature_is_refused(post: Post, sign: Sign) -> None:
    """The same headers a second time are a 401."""
    headers = sign()
    answers = [post(headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert "used before" in answers[1].json()["detail"]


def test_address_must_be_the_body_s_hotkey(box: Sandbox, http: httpx.Client, sign: Sign, submission: Body) -> None:
    """A genuine signature of another hotkey is a 401."""
    answer = http.post(f"{box.api_base}/v2/submit", json=submission(uri="//Bob"), headers=sign("//Alice"))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("post_id", 12),
        ("post_id", "abc"),
        ("content", ""),
        ("date", 1.5),
        ("author", "@ada"),
        ("account_age", -1),
        ("likes", True),
        ("followers", "many"),
        ("tokens", {"a": 1.2}),
        ("tokens", [1]),
        ("sentiment", -1.1),
        ("score", None),
        ("surprise", 1),
    ],
)
def test_wrong_fields_are_named(submit: Submit, field: str, value: object) -> None:
    """Each field is checked for type and range, and a 422 names it."""
    answer = submit(**{"post_id": "1", field: value})
    assert answer.status_code == 422
    assert [entry["field"] for entry in answer.json()["detail"]] == [field]


def test_missing_fields_and_broken_json(box: Sandbox, http: httpx.Client, sign: Sign) -> None:
    """An empty object misses all thirteen fields, and broken JSON is a 422 too."""
    url = f"{box.api_base}/v2/submit"
    assert len(http.post(url, json={}, headers=sign()).json()["detail"]) == 13
    assert http.post(url, content=b"{", headers=sign()).json()["detail"][0]["field"] == "body"


def test_selection_and_check_against_x(http: httpx.Client, sign: Sign, submission: Body) -> None:
    """A selected post is compared with X: agreement passes, a difference is named, and both have an id."""
    config = SandboxConfig(seconds_per_block=None, selection_probability=1.0)
    with Sandbox(config) as box:
        seen = box.add_post("Bittensor  SN45\nnow", metrics={"like_count": 50})
        true = submission(
            seen.id, content="Bittensor SN45 now", date=int(seen.created_at), author=seen.username.upper(), likes=55,
            retweets=0, responses=0, followers=seen.author.followers,
        )  # fmt: skip
        answers = [
            http.post(f"{box.api_base}/v2/submit", json=body, headers=sign()).json()
            for body in (true, submission("404"))
        ]
        assert [answer["x_validation_passed"] for answer in answers] == [True, False]
        assert answers[1]["x_validation_error"]["code"] == "post_not_found"
        assert [answer["validation_id"] for answer in answers] == ["val-000001", "val-000002"]


def test_selection_follows_the_seed(submit: Submit, box: Sandbox) -> None:
    """The same posts are selected whenever the seed is the same, about one in five."""
    chosen = []
    for number in range(40):
        if number % 5 == 0:
            box.next_window()
        chosen.append(submit(str(number)).json()["selected_for_validation"])
    assert 2 <= sum(chosen) <= 16
    box.next_window()
    with Sandbox(box.config) as twin:
        facts = [item.facts["selected"] for item in box.ledger.api.submits()]
        assert facts == chosen
        assert twin.ledger.api.submits() == []


def test_accept_status_can_be_201(http: httpx.Client, sign: Sign, submission: Body) -> None:
    """Whether acceptance is 200 or 201 is a setting, since nobody knows."""
    with Sandbox(SandboxConfig(seconds_per_block=None, accept_status=201)) as box:
        assert http.post(f"{box.api_base}/v2/submit", json=submission(), headers=sign()).status_code == 201
