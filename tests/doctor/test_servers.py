"""The questions to the three servers, over HTTP: what each answer means, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from actor.edges.reply import Reply
from actor.edges.threads import run_loop
from actor.ports import Block
from actor.settings.model import Settings
from tests.cli.kit import Command
from tests.doctor.kit import exactly, look
from tests.patience import GIVE_UP_S
from tests.world import World
from user_miner.doctor.report import Check
from user_miner.doctor.servers import api_checks, clock_check, llm_checks, usage_check, window_check, x_checks

Make = Callable[..., World]


def settings(world: World, **more: Any) -> Settings:
    """The settings of a miner in this world."""
    given = {name.lower(): value for name, value in world.settings().items()}
    return Settings.model_validate({**given, **more})


def ask_api(world: World, **more: Any) -> list[Check]:
    """Ask the coordination API."""
    return run_loop(api_checks(settings(world, **more), timeout_s=GIVE_UP_S, redact=str))


def ask_x(world: World, token: str | None = None, path: str = "") -> Check:
    """Ask X."""
    box = world.sandbox
    (check,) = run_loop(x_checks(box.x_base + path, token or box.x_token, timeout_s=GIVE_UP_S, redact=str))
    return check


def ask_llm(world: World, key: str | None = None, model: str | None = None, path: str = "") -> Check:
    """Ask the LLM's server."""
    box = world.sandbox
    model = model or box.config.model
    (check,) = run_loop(llm_checks(box.llm_base + path, key or box.llm_key, model, timeout_s=GIVE_UP_S, redact=str))
    return check


def test_an_api_that_answers(world: World) -> None:
    """Its block, its clock and its window."""
    api, clock, window = ask_api(world)
    assert exactly(api, "ok", "6000000")
    assert exactly(clock, "ok", "within 5 s")
    assert exactly(window, "ok", "BLOCKS_PER_WINDOW=100")
    assert [exchange.route for exchange in world.sandbox.ledger.api.exchanges()] == ["api.status"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", ("401", "MINER_API_URL")),
        ("429", ("429", "wait")),
        ("503", ("503", "wait")),
        ("html", ("HTML", "MINER_API_URL")),
        ("html_503", ("503", "HTML", "wait")),
        ("blank", ("empty body", "MINER_API_URL")),
        ("not_json", ("expected a current_block", "MINER_API_URL")),
        ("no_block", ("expected a current_block", "MINER_API_URL")),
        ("drop", ("the connection broke", "start what serves")),
        ("cut", ("the connection broke", "start what serves")),
    ],
)
def test_an_api_that_does_not_say_its_block(world: World, fault: str, words: tuple[str, ...]) -> None:
    """A failure with the way out; the clock is told as long as an answer came, the window is not."""
    world.sandbox.script("api.status", fault)
    api, clock, window = ask_api(world)
    assert exactly(api, "failure", *words)
    assert clock.level == ("skipped" if fault in {"drop", "cut"} else "ok")
    assert window.level == "skipped"


def test_an_api_that_is_not_there(make_world: Make) -> None:
    """A refused connection, and a path that does not belong to it."""
    api, *others = ask_api(make_world(down=frozenset({"api"})))
    assert exactly(api, "failure", "Connect", "start what serves http://127.0.0.1:", "MINER_API_URL")
    assert {check.level for check in others} == {"skipped"}


def test_a_url_with_a_path_too_many(world: World) -> None:
    """404 names the setting."""
    api, _, _ = ask_api(world, miner_api_url=f"{world.sandbox.api_base}/v2")
    assert exactly(api, "failure", "404", "without a path such as /v2")


@pytest.mark.parametrize(
    ("theirs_s", "level", "words"),
    [
        (0, "ok", ("within 5 s",)),
        (30, "warning", ("behind the API's", "timedatectl")),
        (-30, "warning", ("ahead of the API's", "timedatectl")),
        (400, "failure", ("behind the API's", "refuses", "timedatectl")),
        (-90, "failure", ("ahead of the API's", "refuses", "timedatectl")),
    ],
)
def test_a_clock_that_differs(make_world: Make, theirs_s: int, level: str, words: tuple[str, ...]) -> None:
    """Signatures 300 s old or 60 s ahead are refused; from a few seconds on it is a warning."""
    _, clock, _ = ask_api(make_world(wall=lambda: time.time() + theirs_s))
    assert exactly(clock, level, *words)


@pytest.mark.parametrize(
    ("asked_at", "answered_at", "level"),
    [
        (1_000.0, 1_000.9, "ok"),
        (1_005.9, 1_006.0, "ok"),  # 4.9 s ahead of the last moment of that second
        (1_006.0, 1_006.1, "warning"),
        (1_060.9, 1_061.0, "warning"),
        (1_061.0, 1_061.1, "failure"),
        (990.0, 1_000.0, "ok"),  # a slow answer is no wrong clock
        (994.0, 995.0, "warning"),
        (699.0, 700.1, "warning"),
        (699.0, 700.0, "failure"),
    ],
)
def test_the_least_difference_counts(asked_at: float, answered_at: float, level: str) -> None:
    """Date is a whole second, and the answer was made at some moment between question and answer."""
    assert clock_check("Thu, 01 Jan 1970 00:16:40 GMT", asked_at, answered_at).level == level


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "Thu, 99 Jan 1970 00:16:40 GMT", "Mon, 99999999999 Jan 2020 0:0:0 GMT"]
)
def test_an_answer_without_a_date(date: str | None) -> None:
    """It cannot be compared, which is a warning."""
    assert exactly(clock_check(date, 1.0, 2.0), "warning", "no Date header", "timedatectl")


def test_the_stand_in_without_a_date(world: World) -> None:
    """The same over HTTP."""
    world.sandbox.script("api.status", "undated")
    _, clock, _ = ask_api(world)
    assert exactly(clock, "warning", "no Date header")


def test_windows_that_differ(world: World) -> None:
    """The API's number, ours, and the line for the settings."""
    world.sandbox.script("api.status", "mismatch")
    _, _, window = ask_api(world)
    assert exactly(window, "warning", "BLOCKS_PER_WINDOW is 100, the API's is 200", "set BLOCKS_PER_WINDOW=200")
    both = window_check(Block(blocks_per_window=50, max_submissions=3), 100, 5)
    assert exactly(both, "warning", "set BLOCKS_PER_WINDOW=50 and set MAX_SUBMISSIONS_PER_WINDOW=3")
    assert exactly(window_check(Block(blocks_per_window=100, max_submissions=5), 100, 5), "ok", "=100", "=5")
    assert exactly(window_check(Block(), 100, 5), "ok", "no window numbers")


def test_x_that_accepts_the_token(world: World) -> None:
    """How much is read; nothing is billed."""
    assert exactly(ask_x(world), "ok", "accepts the token", "0 of 2,000,000 posts")
    assert world.sandbox.ledger.x.posts_read == 0


@pytest.mark.parametrize(
    ("fault", "level", "words"),
    [
        ("401", "failure", ("401", "X_BEARER_TOKEN")),
        ("402", "failure", ("402", "top up")),
        ("403", "failure", ("403", "X app", "project")),
        ("404", "warning", ("404", "X_API_BASE", "--paid")),
        ("429", "warning", ("429", "wait")),
        ("429_usage_capped", "failure", ("429", "billing cycle")),
        ("capped", "failure", ("2,000,000 of 2,000,000", "billing cycle")),
        ("no_numbers", "ok", ("accepts the token", "no usage numbers")),
        ("500", "failure", ("500", "wait")),
        ("503", "failure", ("503", "wait")),
        ("html", "failure", ("HTML", "X_API_BASE")),
        ("html_503", "failure", ("503", "wait")),
        ("blank", "failure", ("empty body", "X_API_BASE")),
        ("not_json", "failure", ("expected", "X_API_BASE")),
        ("drop", "failure", ("the connection broke", "X_API_BASE")),
    ],
)
def test_x_that_does_not_tell(world: World, fault: str, level: str, words: tuple[str, ...]) -> None:
    """Each refusal with its own way out."""
    world.sandbox.script("x.usage", fault)
    assert exactly(ask_x(world), level, *words)


def test_x_with_a_wrong_token_or_address(world: World) -> None:
    """What a mistake in the settings looks like."""
    assert exactly(ask_x(world, token="wrong-token"), "failure", "401", "X_BEARER_TOKEN")  # noqa: S106
    assert exactly(ask_x(world, path="/2"), "warning", "404", "X_API_BASE")


def test_little_left_to_read() -> None:
    """Less than a day's posts is a warning, before X refuses."""
    told = Reply(status=200, body=b'{"data": {"project_usage": "1500", "project_cap": "2000"}}')
    assert exactly(usage_check(told, host="x", redact=str), "warning", "1,500 of 2,000", "cap")


def test_an_llm_that_lists_the_model(world: World) -> None:
    """In the shape of OpenAI and as a bare list; no completion is asked for."""
    assert exactly(ask_llm(world), "ok", "lists keyword-stand-in")
    world.sandbox.script("llm.models", "bare_list")
    assert exactly(ask_llm(world), "ok", "lists keyword-stand-in")
    assert world.sandbox.ledger.llm.calls == 0


@pytest.mark.parametrize(
    ("fault", "level", "words"),
    [
        ("other_models", "failure", ("does not list keyword-stand-in", "some-other-model", "set MODEL")),
        ("401", "failure", ("401", "API_KEY")),
        ("402", "failure", ("402", "top up")),
        ("403", "failure", ("403", "API_KEY")),
        ("404", "warning", ("no list", "LLM_BASE", "doctor --llm` asks the model")),
        ("429", "warning", ("429", "wait")),
        ("500", "failure", ("500", "wait")),
        ("html", "warning", ("HTML", "LLM_BASE")),
        ("html_503", "failure", ("503", "wait")),
        ("blank", "warning", ("empty body", "LLM_BASE")),
        ("not_json", "warning", ("expected a list", "LLM_BASE")),
        ("wrong_shape", "warning", ("expected a list", "LLM_BASE")),
        ("drop", "failure", ("the connection broke", "LLM_BASE")),
    ],
)
def test_an_llm_that_does_not_list_it(world: World, fault: str, level: str, words: tuple[str, ...]) -> None:
    """Each answer with its own way out; a server without a list is no failure."""
    world.sandbox.script("llm.models", fault)
    assert exactly(ask_llm(world), level, *words)


def test_a_list_that_is_missing_while_the_model_is_asked(world: World) -> None:
    """The advice is not what is being done."""
    world.sandbox.script("llm.models", "404")
    base, key = world.sandbox.llm_base, world.sandbox.llm_key
    (check,) = run_loop(llm_checks(base, key, "m", timeout_s=GIVE_UP_S, redact=str, asked=True))
    assert exactly(check, "warning", "no list", "LLM_BASE", "the line llm-answer says")
    assert "doctor --" not in str(check)


def test_an_llm_with_a_wrong_key_model_or_address(make_world: Make) -> None:
    """The nearest names are told."""
    world = make_world(models=("acme/Model-V3-0324", "acme/Model-V2", "other"))
    assert exactly(ask_llm(world, key="wrong-key"), "failure", "401", "API_KEY")
    found = ask_llm(world, model="acme/Model-V3")
    assert exactly(found, "failure", "does not list acme/Model-V3", "among its 3 are acme/Model-V2, acme/Model-V3-0324")
    assert exactly(ask_llm(world, path="/v1"), "warning", "404", "/v1")


def test_a_long_list_of_models(make_world: Make) -> None:
    """Longer than any answer of the coordination API, and still read whole."""
    names = tuple(f"acme/a-model-with-a-rather-long-name-{number}" for number in range(3_000))
    found = ask_llm(make_world(models=names), model=names[-1])
    assert exactly(found, "ok", "one of 3000 model(s)")


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nowhere.pem"), ("CURL_CA_BUNDLE", "/"), ("ALL_PROXY", "socks5://127.0.0.1:9")],
)
def test_an_environment_without_a_way_to_a_server(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A warning while nothing needs it; else a failure, and whoever needs it waits for that variable alone."""
    monkeypatch.setenv(name, value)
    found = look(command)
    assert (found.code, found.says("network", "warning", f"{name}: ", "unset it")) == (0, True)
    (way,) = [check["found"] for check in found.of("network") if check["level"] == "ok"]
    assert ("certificates" in way) == (name == "ALL_PROXY")
    monkeypatch.setenv("LLM_BASE", "https://llm.invalid/v1")
    found = look(command, "--llm")
    assert found.code == 1
    assert [check["level"] for check in found.of("network")] == ["failure"]
    assert found.says("network", "failure", f"{name}: ", "unset it")
    assert [found.of(line)[0]["found"] for line in ("llm", "llm-answer")] == [f"waits for {name}"] * 2
    assert {found.levels()[line] for line in ("api", "x")} == {"ok"}
    assert not any("LLM_BASE" in check["fix"] for check in found.report["checks"])
    assert here.sandbox.ledger.llm.calls == 0


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "socks5://127.0.0.1:9", "http://u:s3cr/et@127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Towards other machines the environment's proxy is used; a wrong one is told by its name, not by what it holds."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    (check,) = run_loop(x_checks("https://x.example/2", "token", timeout_s=GIVE_UP_S, redact=str))
    assert exactly(check, "failure", "x.example: the environment's proxy", "https_proxy")
    assert "s3cr" not in repr(check)
