"""What may be asked for nothing: X's usage, the LLM's models, and the date of any answer."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx
import pytest

from sandbox import Sandbox, SandboxConfig


def usage(box: Sandbox, http: httpx.Client, token: str | None = None) -> httpx.Response:
    """Ask X how much was read."""
    headers = {"Authorization": f"Bearer {token or box.x_token}"}
    return http.get(f"{box.x_base}/usage/tweets", headers=headers)


def test_usage_counts_posts_and_bills_nothing(
    box: Sandbox, http: httpx.Client, search: Callable[..., httpx.Response]
) -> None:
    """Numbers are texts; a search moves them, a question for them does not."""
    first = usage(box, http).json()["data"]
    assert (first["project_usage"], first["project_cap"], first["cap_reset_day"]) == ("0", "2000000", 10)
    search(max_results=10)
    assert usage(box, http).json()["data"]["project_usage"] == "10"
    assert usage(box, http).json()["data"]["project_usage"] == "10"
    assert usage(box, http, "wrong").status_code == 401
    assert box.ledger.x.posts_read == 10


def test_usage_has_a_rate_limit_of_its_own(box: Sandbox, http: httpx.Client) -> None:
    """The 51st question within 15 minutes is refused, and says when the next may come."""
    answers = [usage(box, http) for _ in range(51)]
    assert {answer.status_code for answer in answers[:50]} == {200}
    assert answers[50].status_code == 429
    assert answers[50].headers["x-rate-limit-remaining"] == "0"


@pytest.mark.parametrize(("fault", "status"), [("402", 402), ("403", 403), ("404", 404), ("429_usage_capped", 429)])
def test_usage_refuses_with_a_problem(box: Sandbox, http: httpx.Client, fault: str, status: int) -> None:
    """A problem document, as from the search."""
    box.script("x.usage", fault)
    answer = usage(box, http)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_models_in_the_shapes_that_servers_use(box: Sandbox, http: httpx.Client) -> None:
    """An object with data, a bare list, another server's models, and no list at all."""

    def ask() -> httpx.Response:
        return http.get(f"{box.llm_base}/models", headers={"Authorization": f"Bearer {box.llm_key}"})

    for fault in ("bare_list", "other_models", "404", "403"):
        box.script("llm.models", fault)
    bare, other, none, refused = (ask() for _ in range(4))
    assert [model["id"] for model in bare.json()] == [box.config.model]
    assert [model["id"] for model in other.json()["data"]] == ["some-other-model"]
    assert (none.status_code, none.text, refused.status_code) == (404, "Not Found", 403)


def test_answers_are_dated_by_the_sandbox_s_clock(http: httpx.Client) -> None:
    """One Date header, by the clock that also judges signatures; none where a fault says so."""
    with Sandbox(SandboxConfig(seconds_per_block=None, wall=lambda: 1_795_000_000.9)) as box:
        dated = http.get(f"{box.api_base}/v2/status")
        assert dated.headers.get_list("date") == [dated.headers["date"]]
        assert parsedate_to_datetime(dated.headers["date"]).timestamp() == 1_795_000_000
        box.script("api.status", "undated")
        assert "date" not in http.get(f"{box.api_base}/v2/status").headers
