"""user-miner evaluate: the report with and without a model, and how it refuses."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from actor.machine.alarms import LLM_FIXES
from actor.settings.model import Settings
from sandbox import SandboxConfig
from tests.cli.kit import Command, is_one_line
from tests.world import World

STEERING = "\x1b[31m\x9b32m\u202e\x07"
POSTS: list[dict[str, Any]] = [
    {"text": "SN4 and hippius", "direct": ["targon", "hippius"], "sentiment": "neutral"},
    {
        "text": "Video upscaling with compression on Bittensor, good work",
        "direct": [],
        "discussed": {"vidaio": 0.7},
        "sentiment": "bullish",
    },
    {"text": "gm", "direct": [], "sentiment": "neutral", "kind": "noise"},
]
WRONG = {"text": f"SN45 {STEERING} is here", "direct": ["targon"], "sentiment": "neutral"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and none of this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def _file(folder: Path, *posts: object) -> Path:
    path = folder / "posts.jsonl"
    path.write_text("".join(f"{json.dumps(post)}\n" for post in posts), "utf-8")
    return path


def test_without_a_model_names_and_candidates_are_evaluated(folder: Path, command: Command) -> None:
    """No setting is needed, and the report says what it leaves out."""
    code, out, errors = command("evaluate", _file(folder, *POSTS))
    assert (code, errors) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("3 posts of ")
    assert lines[0].endswith("rules hybrid-3, subnets as of 2025-12-01")
    assert lines[1] == "direct mentions  2 of 2 found, 0 wrong: precision 100.0 %, recall 100.0 %"
    assert lines[2].endswith("1 of 1 discussed subnets offered")
    assert "not asked" in lines[3]
    assert len(lines) == 4


def test_a_mention_that_differs_is_a_finding(folder: Path, command: Command) -> None:
    """Exit code 1, the line, both sides and the post, which cannot steer the terminal."""
    code, out, errors = command("evaluate", _file(folder, *POSTS, WRONG))
    assert (code, errors) == (1, "")
    assert out.splitlines()[-1].split() == [
        "4", "direct", "expected", "targon,", "found", "talisman_ai:", "SN45", "[31m", "32m", "is", "here",
    ]  # fmt: skip
    assert out.replace("\n", "").isprintable()


def test_json_holds_the_whole_report(folder: Path, command: Command) -> None:
    """The same figures for machines, inert as well."""
    code, out, _ = command("evaluate", _file(folder, *POSTS, WRONG), "--json")
    assert code == 1
    assert out.replace("\n", "").isprintable()
    found = json.loads(out)
    assert found["direct"] == {"labelled": 3, "found": 2, "wrong": 1, "precision": 2 / 3, "recall": 2 / 3}
    assert (found["posts"], found["model"], found["candidates"]["not_offered"]) == (4, None, 0)
    (only,) = found["disagreements"]
    assert (only["line"], only["what"], only["text"]) == (4, "direct", WRONG["text"])


def test_the_stand_in_is_named_as_such(folder: Path, command: Command) -> None:
    """With the sandbox's model the rest is evaluated too: one request a post."""
    code, out, errors = command("evaluate", _file(folder, *POSTS), "--stand-in")
    assert (code, errors) == (0, "")
    assert "counts words: its agreement says nothing about a real model" in out
    assert "calls            3 for 3 posts, 1.00 each; " in out
    assert "answers          3 on the rung json_schema; 0 posts failed" in out
    assert re.search(r"^latency          \d+\.\d\d s in the median, \d+\.\d\d s at most$", out, re.MULTILINE)
    assert "without a model  2 relevance by names alone, 2 sentiment as always neutral, 2 both" in out
    assert "its topics gain 1 and lose 0" in out
    assert "advice" not in out
    assert "sentiment        3 of 3 (100.0 %) posts are in the labelled category" in out
    assert "both             3 of 3 (100.0 %)" in out
    found = json.loads(command("evaluate", _file(folder, *POSTS), "--stand-in", "--json")[1])["model"]
    assert (found["calls_per_post"], found["failed"], found["both"]) == (1.0, 0, 1.0)
    assert found["ways"] == {"json_schema": 3}
    assert 0 < found["latency_s"]["median"] <= found["latency_s"]["largest"]
    assert (found["baseline"]["category"], found["topics"], found["advice"]) == (
        "neutral",
        {"gained": 1, "lost": 0},
        [],
    )
    assert found["confusion"]["bullish"]["bullish"] == 1


def test_the_matcher_is_held_against_the_same_labels(folder: Path, command: Command) -> None:
    """Its names agree, and the topics that it leaves aside are seen, by the flag as by the setting."""
    (folder / "settings").write_text("ANALYZER=Matcher\n")
    for how in (["--strategy", "matcher"], ["--env-file", "settings"]):
        code, out, _ = command("evaluate", _file(folder, *POSTS), "--stand-in", *how)
        assert code == 0
        assert "rules matcher-3" in out
        assert "relevance        2 of 3 (66.7 %)" in out
        assert "relevance expected vidaio 0.7, found vidaio 0" in out


def test_live_asks_the_model_of_the_settings(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each post is asked about once; a token for X need not be set, and the key is never printed."""
    monkeypatch.delenv("X_BEARER_TOKEN")
    asked = here.sandbox.ledger.llm
    code, out, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert (code, errors) == (0, "")
    assert asked.calls == 3
    assert f"{SandboxConfig().model} at {here.sandbox.llm_base}" in out
    assert here.sandbox.llm_key not in out


def test_live_votes_as_a_run_does(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANALYSIS_VOTES asks as often here as in production, and the report counts it."""
    monkeypatch.setenv("ANALYSIS_VOTES", "2")
    out = command("evaluate", _file(here.folder, *POSTS), "--live")[1]
    assert "calls            6 for 3 posts, 2.00 each" in out


@pytest.mark.parametrize(
    ("fault", "said"), [("401", "check API_KEY"), ("402", "top up the account"), ("404", "check MODEL")]
)
def test_a_model_that_cannot_be_asked_is_asked_once(here: World, command: Command, fault: str, said: str) -> None:
    """What only a person can mend ends the evaluation at the first post, with one line."""
    here.sandbox.script("llm", fault, times=99)
    code, out, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "cannot be asked", said)
    assert len(here.sandbox.ledger.llm.exchanges()) == 1


def test_a_credit_that_ends_on_the_way_ends_the_questions(here: World, command: Command) -> None:
    """What was answered until then is evaluated, and the report tells how many posts were not asked about."""
    here.sandbox.script("llm.chat", "ok", times=2)
    here.sandbox.script("llm.chat", "402", times=99)
    file = _file(here.folder, *POSTS, *({**POSTS[2], "text": f"gm {number}"} for number in range(20)))
    (here.folder / "settings").write_text("LLM_CONCURRENCY=1\n")
    out = command("evaluate", file, "--live", "--env-file", "settings")[1]
    assert "2 on the rung json_schema; 1 posts failed: quota 1; 20 not asked after that" in out
    assert "calls            2 for 3 posts" in out
    assert len(here.sandbox.ledger.llm.exchanges()) == 3


def test_a_model_that_is_worse_than_none_is_told(here: World, command: Command) -> None:
    """Topics that names alone do better than, and a sentiment that is no better than always the same."""
    labels = [{"text": POSTS[1]["text"], "direct": [], "sentiment": "bearish"}, {**POSTS[2], "sentiment": "bearish"}]
    out = command("evaluate", _file(here.folder, *labels), "--live")[1]
    assert "relevance        1 of 2 (50.0 %)" in out
    assert "2 relevance by names alone, 2 sentiment as always bearish, 2 both; its topics gain 0 and lose 1" in out
    assert "advice           set ANALYZER=matcher: " in out
    assert "advice           set MODEL to a better one: " in out


@pytest.mark.parametrize(
    ("fault", "kind"), [("hang", "timeout"), ("429", "rate_limit"), ("503", "rate_limit"), ("500", "server")]
)
def test_posts_that_failed_say_nothing_of_the_model(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, fault: str, kind: str
) -> None:
    """The advice is that of the failures' kind; figures that no answer stands behind give none."""
    monkeypatch.setenv("LLM_TIMEOUT_SECONDS", "0.2" if fault == "hang" else "60")
    here.sandbox.script("llm.chat", fault, times=99, retry_after=0)
    found = json.loads(command("evaluate", _file(here.folder, *POSTS[1:]), "--live", "--json")[1])["model"]
    assert found["failures"] == {kind: 2}
    assert found["advice"] == [f"2 posts failed ({kind}): {LLM_FIXES[kind]}"]


def test_a_model_is_judged_by_its_answers(here: World, command: Command) -> None:
    """Posts that failed are no reason for another model where the answers are good."""
    here.sandbox.script("llm.chat", "ok", times=2)
    here.sandbox.script("llm.chat", "garbled", times=99)
    (here.folder / "settings").write_text("LLM_CONCURRENCY=1\n")
    more = [{**POSTS[1], "text": f"{POSTS[1]['text']} again, {number}"} for number in range(2)]
    file = _file(here.folder, POSTS[1], POSTS[2], *more)
    out = command("evaluate", file, "--live", "--env-file", "settings")[1]
    assert "sentiment        2 of 4 (50.0 %)" in out
    (advice,) = [line for line in out.splitlines() if line.startswith("advice")]
    assert advice == f"advice           2 posts failed (malformed): {LLM_FIXES['malformed']}"


def test_a_server_that_is_not_there_is_named(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the address that was tried."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("LLM_BASE", f"http://{place}/v1")
        code, out, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert (code, out) == (2, "")
    assert is_one_line(errors, f"keyword-stand-in at {place} cannot be asked: no connection", "LLM_BASE")


@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:9"), ("SSL_CERT_FILE", "/nowhere.pem")])
def test_an_environment_that_no_question_can_be_asked_with_is_refused(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """As by `run`: the variable is named, and no setting beside it; where it keeps nothing away it is a warning."""
    monkeypatch.setenv(name, value)
    code, _, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert code == 0
    assert is_one_line(errors, f"user-miner: {name}: ", "unset it")
    monkeypatch.setenv("LLM_BASE", "https://llm.invalid/v1")
    code, out, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert (code, out) == (2, "")
    assert is_one_line(errors, f"user-miner: {name}: ", "unset it")
    assert "LLM_BASE" not in errors


def test_an_entry_of_no_proxy_that_means_nothing_is_told(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, and the evaluation goes on."""
    monkeypatch.setenv("NO_PROXY", "10.*")
    code, out, errors = command("evaluate", _file(here.folder, *POSTS), "--live")
    assert (code, "3 for 3 posts" in out) == (0, True)
    assert is_one_line(errors, "NO_PROXY: ", "'10.*'")


def test_a_post_that_fails_is_reported(here: World, command: Command) -> None:
    """Other failures belong to their post, which agrees with nothing; the rest is evaluated."""
    here.sandbox.script("llm", "empty_choices", times=2)
    found = json.loads(command("evaluate", _file(here.folder, *POSTS), "--live", "--json")[1])
    assert (found["model"]["failed"], found["model"]["failures"]) == (1, {"malformed": 1})
    assert found["model"]["both"] == 2 / 3
    assert [one["what"] for one in found["disagreements"]] == ["failed"]


def test_live_without_a_key_is_refused(folder: Path, command: Command) -> None:
    """The missing setting is named; without --live the same evaluation works."""
    code, out, errors = command("evaluate", _file(folder, *POSTS), "--live")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "API_KEY", "is not set")
    assert command("evaluate", _file(folder, *POSTS))[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["cannot be read"]),
        ("", ["holds no post"]),
        ('{"text": "x"}', ["posts.jsonl:1:", "expected an object"]),
        ('{"text": "\x1b[31m', ["posts.jsonl:1:", "is no JSON"]),
        ('{"text": "x", "direct": ["\\u001b[31m"], "sentiment": "neutral"}', ["there is no subnet"]),
    ],
)
def test_a_wrong_file_is_refused(folder: Path, command: Command, content: str | None, words: list[str]) -> None:
    """One line, exit code 2, nothing raw."""
    path = folder / "posts.jsonl"
    if content is not None:
        path.write_text(content)
    code, out, errors = command("evaluate", path)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert errors.replace("\n", "").isprintable()


def test_a_wrong_list_of_subnets_is_refused(folder: Path, command: Command) -> None:
    """SUBNETS_FILE is the one that counts, when it is there."""
    (folder / "subnets.json").write_text("[]")
    code, _, errors = command("evaluate", _file(folder, *POSTS))
    assert code == 2
    assert is_one_line(errors, "subnets.json", 'expected {"as_of"')


def test_two_models_are_one_too_many(folder: Path, command: Command) -> None:
    """--live and --stand-in exclude each other."""
    code, _, errors = command("evaluate", _file(folder, *POSTS), "--live", "--stand-in")
    assert code == 2
    assert "not both" in errors
