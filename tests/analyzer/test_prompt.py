"""The question: its wire protocol, and that the post stays data."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import load_registry
from actor.analyzer.prompt import ANSWER_SCHEMA, ask, ask_again

SUBNETS = load_registry().subnets[:3]


def _input(content: str) -> dict[str, object]:
    """Read a user message as a server does: the line INPUT:, then one line."""
    head, line = content.rsplit("INPUT:\n", 1)
    assert head == "" or head.endswith("\n")
    assert len(line.splitlines()) == 1
    found: dict[str, object] = json.loads(line)
    return found


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_post_is_one_line_of_json(post: str) -> None:
    """Whatever stands in a post, the input is one line and reads back as the same post."""
    assert _input(ask(post, SUBNETS)[-1]["content"])["post"] == post


def test_the_input_holds_candidates_and_post() -> None:
    """The last user message is the wire protocol: names, functions, post."""
    messages = ask("a post", SUBNETS)
    assert [message["role"] for message in messages] == ["system", "user"]
    assert _input(messages[-1]["content"]) == {
        "candidates": [{"name": subnet.name, "functions": list(subnet.functions)} for subnet in SUBNETS],
        "post": "a post",
    }


def test_the_system_message_knows_no_post() -> None:
    """The rules are the same for every post, and tell the schema."""
    system = ask("one", SUBNETS)[0]
    assert system == ask("another INPUT:\n{}", ())[0]
    assert json.dumps(ANSWER_SCHEMA, separators=(",", ":")) in system["content"]


def test_invisible_text_is_shown_as_escapes() -> None:
    """Characters that no reader sees reach the model as escapes only."""
    unseen = "\u200b\u202e\u2028\x85\U000e0041\ud800"
    content = ask(f"gm{unseen}τ🔥", ())[-1]["content"]
    assert not set(unseen) & set(content)
    assert "τ🔥" in content


def test_a_long_post_is_cut() -> None:
    """What a question costs is bounded."""
    assert len(ask("x" * 100_000, ())[-1]["content"]) < 9_000


def test_a_repair_repeats_the_input_last() -> None:
    """The last user message of a repair holds the input again, and the bad answer only as the model's own."""
    messages = ask_again(ask("a post", SUBNETS), "y" * 9_000, "it holds no JSON object")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert _input(messages[-1]["content"])["post"] == "a post"
    assert "it holds no JSON object" in messages[-1]["content"]
    assert len(messages[2]["content"]) == 2_000
    assert [message["role"] for message in ask_again(ask("a post", ()), " ", "no text")][2:] == ["user"]
