"""The plan of faults: scripts, rates, seeds, and the faults that are said rather than done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox import FAULTS, FaultPlan, Sandbox, SandboxConfig

Submit = Callable[..., httpx.Response]
Search = Callable[..., httpx.Response]


def _sequence(plan: FaultPlan, route: str, count: int = 50) -> list[str]:
    return [plan.decide(route).name for _ in range(count)]


def test_scripts_come_first_and_in_order() -> None:
    """A route's script goes before its service's, each in order, and then the rates hold."""
    plan = FaultPlan(seed=1, rates={"api.status": {"503": 1.0}})
    plan.script("api", "500", times=2)
    plan.script("api.status", "401")
    plan.script("api.status", "ok")
    assert _sequence(plan, "api.status", 6) == ["401", "", "500", "500", "503", "503"]


def test_a_service_script_waits_for_a_route_that_can_show_it() -> None:
    """A fault scripted for a service skips the routes that do not know it."""
    plan = FaultPlan(seed=1)
    plan.script("api", "422_nested")
    assert plan.decide("api.status").name == ""
    assert plan.decide("api.submit").name == "422_nested"


def test_a_script_can_wait_for_a_certain_request(box: Sandbox, submit: Submit) -> None:
    """A fault meant for one post passes over the others, whatever the order they come in."""
    box.script("api.submit", "422", only="22")
    box.script("api.submit", "503", only="11")
    assert [submit(post).status_code for post in ("33", "11", "22", "11", "22")] == [200, 503, 422, 200, 200]


def test_rates_hold_over_http(http: httpx.Client) -> None:
    """A sandbox of the same seed fails the same requests again, and the ledger names the faults."""
    runs = []
    for _ in range(2):
        with Sandbox(SandboxConfig(seconds_per_block=None, rates={"api.status": {"500": 0.3, "403": 0.2}})) as box:
            runs.append([http.get(f"{box.api_base}/v2/status").status_code for _ in range(30)])
            assert set(box.ledger.api.summary()["by_fault"]) == {"500", "403"}
    assert runs[0] == runs[1]


def test_rates_repeat_with_their_seed_and_are_kept_apart_by_route() -> None:
    """The draws of a route depend on seed and order alone, whatever happens on other routes."""
    rates = {"api": {"500": 0.3}, "x.search": {"429": 0.2}}
    plain, mixed, other = (FaultPlan(seed=seed, rates=rates) for seed in (1, 1, 2))
    expected = _sequence(plain, "api.submit")
    got = []
    for _ in range(50):
        mixed.decide("x.search")
        got.append(mixed.decide("api.submit").name)
    assert got == expected
    assert _sequence(other, "api.submit") != expected
    assert 5 <= expected.count("500") <= 25


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"api.sumbit": {"500": 0.1}}, "unknown route"),
        ({"api.submit": {"teapot": 0.1}}, "unknown fault"),
        ({"api.submit": {"500": 1.5}}, "expected 0..1"),
        ({"api": {"500": 0.6}, "api.submit": {"503": 0.6}}, "add up"),
    ],
)
def test_wrong_rates_are_refused(rates: dict[str, dict[str, float]], message: str) -> None:
    """Unknown names and impossible probabilities are refused when a sandbox is configured."""
    with pytest.raises(ValueError, match=message):
        SandboxConfig(rates=rates)


def test_wrong_scripts_are_refused(box: Sandbox) -> None:
    """A script for an unknown route or fault, or for no request, raises."""
    for target, fault, times in (("api.sumbit", "500", 1), ("api.status", "409", 1), ("x", "nope", 1), ("x", "401", 0)):
        with pytest.raises(ValueError, match=r"unknown|at least 1"):
            box.script(target, fault, times=times)


def test_clear_faults(box: Sandbox, http: httpx.Client) -> None:
    """After clear_faults everything is answered properly."""
    box.script("api", "500", times=9)
    assert http.get(f"{box.api_base}/v2/status").status_code == 500
    box.clear_faults()
    assert http.get(f"{box.api_base}/v2/status").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("400", 400, "invalid-request"),
        ("401", 401, "about:blank"),
        ("402", 402, "credits"),
        ("403", 403, "client-forbidden"),
        ("429", 429, "rate-limit-exceeded"),
        ("429_usage_capped", 429, "usage-capped"),
        ("500", 500, "about:blank"),
        ("503", 503, "about:blank"),
    ],
)
def test_x_problems(box: Sandbox, search: Search, fault: str, status: int, kind: str) -> None:
    """X's faults are problem documents of their type, shown once and billed never."""
    box.script("x.search", fault)
    answer = search()
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, kind)
    assert ("x-rate-limit-remaining" in answer.headers) is (fault != "401")
    assert box.ledger.x.posts_read == 0
    assert search().status_code == 200


def test_x_rate_limits_tell_apart(box: Sandbox, search: Search) -> None:
    """A rate limit has nothing remaining, a usage cap has, and the old form is a list of codes."""
    for fault in ("429", "429_usage_capped", "429_code_88"):
        box.script("x.search", fault)
    limited, capped, old = search(), search(), search()
    assert limited.headers["x-rate-limit-remaining"] == "0"
    assert int(capped.headers["x-rate-limit-remaining"]) > 0
    assert old.json()["errors"][0]["code"] == 88


def test_x_odd_answers(box: Sandbox, search: Search) -> None:
    """Partial answers, missing authors, a list for an object, and no posts at all."""
    for fault in ("partial", "missing_author", "list_body", "empty"):
        box.script("x.search", fault)
    partial, missing, listed, empty = (search(expansions="author_id").json() for _ in range(4))
    assert {error["parameter"] for error in partial["errors"]} == {"author_id"}
    for body in (partial, missing):
        known = {user["id"] for user in body["includes"]["users"]}
        assert any(post["author_id"] not in known for post in body["data"])
    assert "errors" not in missing
    assert isinstance(listed, list)
    assert empty == {"meta": {"result_count": 0}}


def test_x_odd_dates_and_versions(box: Sandbox, search: Search) -> None:
    """One post of another age, old posts that were not asked for, and posts that stay edited."""
    for fault in ("odd_date", "ignores_time", "edited"):
        box.script("x.search", fault)
    odd, old, edited, after = (search(**{"tweet.fields": "created_at"}).json()["data"] for _ in range(4))
    assert odd[0]["created_at"] == "9999-12-31T23:59:59.000Z"
    assert max(post["created_at"] for post in old) < min(post["created_at"] for post in odd)
    assert [post["id"] for post in after] == [post["id"] for post in edited]
    for before, now in zip(sorted(odd, key=_id), sorted(edited, key=_id), strict=True):
        assert now["edit_history_tweet_ids"] == [before["id"], now["id"]]
        assert int(now["id"]) > int(before["id"])


def _id(post: dict[str, Any]) -> int:
    return int(post["id"]) >> 22


def _ask(box: Sandbox, http: httpx.Client) -> httpx.Response:
    line = '{"candidates": [{"name": "chutes", "functions": ["inference hosting"]}], "post": "Bittensor chutes"}'
    body = {
        "model": box.config.model,
        "messages": [{"role": "user", "content": f"JSON please\nINPUT:\n{line}"}],
        "response_format": {"type": "json_object"},
    }
    url, headers = f"{box.llm_base}/chat/completions", {"Authorization": f"Bearer {box.llm_key}"}
    return http.post(url, json=body, headers=headers)


@pytest.mark.parametrize("fault", ["400", "401", "402", "404", "429", "429_long", "500", "503"])
def test_llm_errors(box: Sandbox, http: httpx.Client, fault: str) -> None:
    """The chat's error faults have OpenAI's shape, and 429 tells how long to wait."""
    params: dict[str, Any] = {"retry_after": 7} if fault == "429" else {}
    box.script("llm.chat", fault, **params)
    answer = _ask(box, http)
    assert answer.status_code == int(fault[:3])
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers.get("retry-after") == {"429": "7", "429_long": "600"}.get(fault)
    assert box.ledger.llm.calls == 0


@pytest.mark.parametrize(
    ("fault", "looks"),
    [
        ("fenced", lambda body: body["choices"][0]["message"]["content"].startswith("```json")),
        ("prose", lambda body: body["choices"][0]["message"]["content"].startswith("Sure")),
        ("garbled", lambda body: "{" not in body["choices"][0]["message"]["content"]),
        ("truncated", lambda body: body["choices"][0]["finish_reason"] == "length"),
        ("empty_choices", lambda body: body["choices"] == []),
        ("null_usage", lambda body: body["usage"] is None),
        ("null_content", lambda body: body["choices"][0]["message"]["content"] is None),
        ("refusal", lambda body: body["choices"][0]["message"]["refusal"]),
        ("unknown_names", lambda body: "no_such_subnet" in body["choices"][0]["message"]["content"]),
        ("bad_category", lambda body: "extremely_bullish" in body["choices"][0]["message"]["content"]),
        ("bad_indexes", lambda body: "99" in body["choices"][0]["message"]["content"]),
        ("wrong_shape", lambda body: "about_bittensor" not in body["choices"][0]["message"]["content"]),
    ],
)
def test_llm_odd_answers(
    box: Sandbox, http: httpx.Client, fault: str, looks: Callable[[dict[str, Any]], object]
) -> None:
    """Each oddity seen in the wild is shown in a 200 that was billed."""
    box.script("llm.chat", fault)
    answer = _ask(box, http)
    assert answer.status_code == 200
    assert looks(answer.json())
    assert box.ledger.llm.calls == 1


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("422", list),
        ("422_nested", dict),
        ("422_message", dict),
        ("422_text", str),
        ("409", dict),
        ("409_text", str),
        ("401", str),
        ("403", str),
        ("500", str),
        ("503", str),
    ],
)
def test_api_refusals(box: Sandbox, submit: Submit, fault: str, shape: type) -> None:
    """Each form of a refusal has its detail in its shape, and accepts nothing."""
    box.script("api.submit", fault)
    answer = submit()
    assert answer.status_code == int(fault[:3])
    assert isinstance(answer.json()["detail"], shape)
    assert box.ledger.api.accepted() == []
    again = submit()
    assert again.status_code == (409 if fault.startswith("409") else 200)


@pytest.mark.parametrize(
    ("fault", "body", "headers"),
    [
        ("429", True, True),
        ("429_text", True, True),
        ("429_body", True, False),
        ("429_headers", False, True),
        ("429_bare", False, False),
    ],
)
def test_api_rate_limits(box: Sandbox, submit: Submit, fault: str, *, body: bool, headers: bool) -> None:
    """A rate limit comes with and without body and headers, and the post is not counted."""
    box.script("api.submit", fault)
    answer = submit()
    assert answer.status_code == 429
    assert bool(answer.content) is body
    assert ("X-RateLimit-Reset-Block" in answer.headers) is headers
    assert box.ledger.api.verdicts() == {"1": "quota"}


def test_api_odd_successes(box: Sandbox, submit: Submit) -> None:
    """An unknown status accepts nothing; the other oddities accept and answer strangely."""
    for fault in (
        "weird_status",
        "created",
        "selected",
        "x_failed",
        "no_block",
        "plain_ok",
        "other_post",
        "other_hotkey",
    ):
        box.script("api.submit", fault)
    answers = [submit(str(number)) for number in range(8)]
    weird, created, selected, failed, blind, plain, post, hotkey = answers
    assert (post.json()["status"], post.json()["post_id"]) == ("new", "1")
    assert (hotkey.json()["status"], hotkey.json()["miner_hotkey"][:3]) == ("new", "5FH")
    assert weird.json()["status"] == "queued_for_review"
    assert created.status_code == 201
    assert selected.json()["validation_id"]
    assert failed.json()["x_validation_error"]["code"] == "text_mismatch"
    assert "current_block" not in blind.json()
    assert plain.json()["status"] == "ok"
    assert box.ledger.api.accepted() == list("12345")


def test_api_refusals_say_what_they_are_told(box: Sandbox, submit: Submit) -> None:
    """A test may choose the words of a refusal, such as ones that would do harm in a terminal."""
    box.script("api.submit", "403", detail="\x1b[31mno")
    answer = submit()
    assert (answer.status_code, answer.json()) == (403, {"detail": "\x1b[31mno"})


def test_api_status_oddities(box: Sandbox, http: httpx.Client) -> None:
    """Block numbers stall, run back, are missing, are words, or disagree with the configuration."""
    url = f"{box.api_base}/v2/status"
    http.get(url)
    for fault in ("stall", "rollback", "no_block", "bad_block", "mismatch"):
        box.script("api.status", fault)
    box.advance(150)
    stalled, back, missing, words, mismatch = (http.get(url).json() for _ in range(5))
    assert stalled["current_block"] == 1_000
    assert back["current_window"] == 10
    assert "current_block" not in missing
    assert words["current_block"] == "soon"
    assert mismatch["blocks_per_window"] == 200


def test_every_fault_of_the_catalogue_is_served(
    box: Sandbox, http: httpx.Client, submit: Submit, search: Search
) -> None:
    """Each named fault shows itself as a strange answer or a broken connection, and never as a bug of the sandbox."""
    calls: dict[str, Callable[[], httpx.Response]] = {
        "x.search": search,
        "llm.chat": lambda: _ask(box, http),
        "x.users": lambda: http.get(
            f"{box.x_base}/users", params={"ids": "1"}, headers={"Authorization": f"Bearer {box.x_token}"}
        ),
        "x.usage": lambda: http.get(f"{box.x_base}/usage/tweets", headers={"Authorization": f"Bearer {box.x_token}"}),
        "llm.models": lambda: http.get(f"{box.llm_base}/models", headers={"Authorization": f"Bearer {box.llm_key}"}),
        "api.status": lambda: http.get(f"{box.api_base}/v2/status"),
        "api.submit": submit,
    }
    for route, faults in FAULTS.items():
        for fault in faults:
            box.script(route, fault, seconds=0.01, bytes=500)
            try:
                answer = calls[route]()
            except httpx.TransportError:
                assert fault in {"hang", "drop", "cut", "lost_answer", "flood_1xx"}
            else:
                assert answer.status_code != 500 or fault == "500"
