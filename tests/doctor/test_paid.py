"""--paid: one real search, one real question, the rung that works, and the cost said before."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from actor.edges.text import Redactor
from actor.edges.threads import run_loop
from actor.machine.alarms import LLM_FIXES, alarms
from actor.settings.model import Settings
from tests.cli.kit import Command
from tests.doctor.kit import exactly, look
from tests.patience import GIVE_UP_S
from tests.world import World
from user_miner.doctor.paid import llm_answer_checks, x_search_checks
from user_miner.doctor.report import Check
from user_miner.doctor.servers import llm_checks

Make = Callable[..., World]
NOTHING = Redactor(())


def settings(world: World, **more: str) -> Settings:
    """The settings of a miner in this world."""
    return Settings.model_validate({name.lower(): value for name, value in world.settings(**more).items()})


def search(world: World) -> Check:
    """Search X once."""
    (check,) = run_loop(x_search_checks(settings(world), timeout_s=GIVE_UP_S, redact=str))
    return check


def answers(world: World, **more: str) -> list[Check]:
    """Ask the model once."""
    return run_loop(llm_answer_checks(settings(world, **more), redact=NOTHING))


def answer(world: World) -> Check:
    """How it was asked and what it took, or why there is no answer."""
    return answers(world)[0]


def test_nothing_is_paid_without_the_flag(here: World, command: Command) -> None:
    """No search, no completion, no submission, and no word about them."""
    found = look(command)
    assert found.code == 0
    assert not {"x-search", "llm-answer"} & found.levels().keys()
    ledger = here.sandbox.ledger
    assert ledger.x.posts_read == ledger.x.searches == ledger.llm.calls == len(ledger.api.submits()) == 0
    assert found.errors == ""


def test_one_search_and_one_question(here: World, command: Command) -> None:
    """The cost is said first, on standard error; then the smallest search there is, and one request."""
    found = look(command, "--paid")
    assert found.code == 0
    (line,) = found.errors.splitlines()
    assert all(words in line for words in ("up to 10 posts", "up to $0.15", "keyword-stand-in", "tokens"))
    ledger = here.sandbox.ledger
    assert (ledger.x.searches, ledger.x.posts_read, ledger.llm.calls) == (1, 5, 1)
    assert ledger.x.exchanges("x.search")[0].facts["params"]["max_results"] == "10"
    assert found.says("x-search", "ok", "read 5 posts", f"${ledger.x.summary()['usd']:.2f}")
    assert found.says("llm-answer", "ok", "rung json_schema", "one call")
    assert found.says("llm-known", "ok", "the known answer")
    assert ledger.api.submits() == []


def test_the_llm_alone(here: World, command: Command) -> None:
    """`--llm` makes one request and no search, and says so before."""
    found = look(command, "--llm")
    assert found.code == 0
    (line,) = found.errors.splitlines()
    assert "--llm asks keyword-stand-in about one post" in line
    assert "X once" not in line
    ledger = here.sandbox.ledger
    assert (ledger.x.searches, ledger.llm.calls) == (0, 1)
    assert "x-search" not in found.levels()
    tokens = f"{ledger.llm.prompt_tokens} + {ledger.llm.completion_tokens} tokens"
    assert found.says("llm-answer", "ok", "one call", " s, ", tokens, "no prices of tokens are set")


@pytest.mark.parametrize(("votes", "fault"), [("1", "ok"), ("3", "ok"), ("1", "garbled")])
def test_what_a_post_would_cost(world: World, votes: str, fault: str) -> None:
    """By the prices, for as many votes as are set; a repair beside it is not what each post costs."""
    prices = {"LLM_USD_PER_MILLION_PROMPT_TOKENS": "2", "LLM_USD_PER_MILLION_COMPLETION_TOKENS": "10"}
    world.sandbox.script("llm.chat", fault)
    found, _ = answers(world, **prices, ANALYSIS_VOTES=votes)
    ledger = world.sandbox.ledger.llm
    prompt, completion = (n * int(votes) / ledger.calls for n in (ledger.prompt_tokens, ledger.completion_tokens))
    assert exactly(found, "ok", f"${(round(prompt) * 2 + round(completion) * 10) / 1e6:.6f} a post")


def test_a_server_that_tells_no_tokens(world: World) -> None:
    """No price is made up for it."""
    world.sandbox.script("llm.chat", "null_usage")
    assert exactly(answer(world), "ok", "no token counts, so costs and budgets cannot be computed")


@pytest.mark.parametrize("analyzer", ["hybrid", "matcher"])
def test_the_known_answer(world: World, analyzer: str) -> None:
    """Is known for either strategy; the one that asks for no topics is held to none."""
    assert exactly(answers(world, ANALYZER=analyzer)[1], "ok", "the known answer")


def test_an_answer_that_is_not_the_known_one(world: World) -> None:
    """It is a warning: the miner works, and will often be wrong."""
    world.sandbox.script("llm.chat", "bad_indexes")
    found = answers(world)[1]
    assert exactly(found, "warning", "relevance is vidaio 0.2, expected vidaio 0.7", "evaluate FILE --live")


def test_of_another_list_of_subnets_no_topics_are_known(world: World) -> None:
    """Whatever is discussed there is no difference."""
    other = {"id": 4, "name": "other", "identifiers": {}, "functions": ["video upscaling and compression"]}
    file = world.folder / "mine.json"
    file.write_text(json.dumps({"as_of": "2026-01-01", "subnets": [other]}), "utf-8")
    assert exactly(answers(world, SUBNETS_FILE=str(file))[1], "ok", "the known answer")


@pytest.mark.parametrize(
    ("formats", "rung", "requests"),
    [
        ({"json_schema", "json_object", "text"}, "json_schema", "one call"),
        ({"json_object", "text"}, "json_object", "one call and 1 unpaid request(s)"),
        ({"text"}, "plain", "one call and 2 unpaid request(s)"),
    ],
)
def test_the_rung_that_works(make_world: Make, formats: set[str], rung: str, requests: str) -> None:
    """The ladder is climbed down as in a window."""
    assert exactly(answer(make_world(response_formats=frozenset(formats))), "ok", f"rung {rung}", requests)


@pytest.mark.parametrize("name", ["", "vllm", "gemini", "mistral", "litellm"])
def test_a_model_that_the_server_does_not_have(make_world: Make, name: str) -> None:
    """Whatever its server answers, the doctor's list, its question and a run name the setting; nothing is billed."""
    world = make_world(llm_like=name)
    unknown = settings(world, MODEL="acme/other")
    (listed,) = run_loop(
        llm_checks(unknown.llm_base, world.sandbox.llm_key, unknown.model, timeout_s=GIVE_UP_S, redact=str)
    )
    assert exactly(listed, "failure", "does not list acme/other; among its 1 are keyword-stand-in", "set MODEL")
    assert exactly(answers(world, MODEL="acme/other")[0], "failure", "check MODEL", "set MODEL")
    world.mine(MODEL="acme/other")
    (alarm,) = alarms(world.state())
    assert (alarm.name, "(model: " in alarm.words, alarm.fix) == ("analysis_refused", True, LLM_FIXES["model"])
    assert world.sandbox.ledger.llm.calls == 0


def test_what_the_server_does_not_take(make_world: Make) -> None:
    """Is told with the rung: so will each window ask."""
    found = answer(make_world(llm_like="openai-o"))
    assert exactly(found, "ok", "rung simple_schema without max_tokens", "one call and 2 unpaid request(s)")


@pytest.mark.parametrize(
    ("fault", "times", "words"),
    [
        ("401", 1, ("API_KEY",)),
        ("402", 1, ("top up",)),
        ("404", 1, ("MODEL",)),
        ("garbled", 2, ("JSON", "MODEL")),
        ("html", 2, ("HTML", "LLM_BASE")),
    ],
)
def test_a_model_that_cannot_be_used(world: World, fault: str, times: int, words: tuple[str, ...]) -> None:
    """What it said, and what to do."""
    world.sandbox.script("llm.chat", fault, times=times)
    assert exactly(answer(world), "failure", *words)


@pytest.mark.parametrize(
    ("fault", "level", "words"),
    [
        ("401", "failure", ("X_BEARER_TOKEN",)),
        ("402", "failure", ("top up",)),
        ("403", "failure", ("X app",)),
        ("429", "failure", ("wait",)),
        ("html", "failure", ("X_API_BASE",)),
        ("drop", "failure", ("network", "X_API_BASE")),
        ("empty", "warning", ("read 0 posts", "SEARCH_KEYWORDS")),
    ],
)
def test_a_search_that_brings_nothing(world: World, fault: str, level: str, words: tuple[str, ...]) -> None:
    """Each refusal with its own way out; nothing found may be the keywords."""
    world.sandbox.script("x.search", fault)
    assert exactly(search(world), level, *words)


def test_settings_that_are_wrong_are_not_paid_for(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither question is asked with a value that `run` would refuse."""
    monkeypatch.setenv("SEARCH_KEYWORDS", '"')
    monkeypatch.setenv("API_KEY", "two words")
    found = look(command, "--paid")
    assert found.says("x-search", "skipped", "SEARCH_KEYWORDS")
    assert found.says("llm-answer", "skipped", "API_KEY")
    assert here.sandbox.ledger.x.searches == here.sandbox.ledger.llm.calls == 0
