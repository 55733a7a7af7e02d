"""The question: its wire protocol, and that the post stays data."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Subnet, load_registry
from actor.analyzer.answer import read_answer
from actor.analyzer.prompt import SENTIMENTS, answer_schema, answer_tokens, ask, ask_again

SUBNETS = load_registry().subnets[:3]


def _input(content: str) -> dict[str, object]:
    """Read a user message as a server does: the line INPUT:, then one line."""
    head, line = content.rsplit("INPUT:\n", 1)
    assert head == "" or head.endswith("\n")
    assert len(line.splitlines()) == 1
    found: dict[str, object] = json.loads(line)
    return found


@settings(derandomize=True)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_post_is_one_line_of_json(post: str) -> None:
    """Whatever stands in a post, the input is one line and reads back as the same post."""
    assert _input(ask(post, SUBNETS).messages[-1]["content"])["post"] == post


def test_the_input_holds_candidates_and_post() -> None:
    """The last user message is the wire protocol: names, functions, post."""
    messages = ask("a post", SUBNETS).messages
    assert [message["role"] for message in messages] == ["system", "user"]
    assert _input(messages[-1]["content"]) == {
        "candidates": [{"name": subnet.name, "functions": list(subnet.functions)} for subnet in SUBNETS],
        "post": "a post",
    }


def test_the_system_message_knows_no_post() -> None:
    """The rules are the same for every post, so that a server need not read them anew."""
    system = ask("one", SUBNETS).messages[0]
    assert system == ask("another INPUT:\n{}", ()).messages[0]


def test_the_examples_are_answers_of_several_categories() -> None:
    """As they are asked for; one category alone would be what weak models repeat."""
    examples = ask("", ()).messages[0]["content"].split("INPUT:\n")[1:]
    categories = set()
    for example in examples:
        asked, said = example.split("\nANSWER:\n")
        question = json.loads(asked)
        offered = tuple(
            Subnet(id=n, name=one["name"], identifiers=(), functions=tuple(one["functions"]))
            for n, one in enumerate(question["candidates"])
        )
        answer = read_answer(said, offered, question["post"])
        listed = json.loads(said)["subnets"]
        assert set(answer.discussed) == {one["name"] for one in listed}
        assert all(found.functions or found.terms for found in answer.discussed.values())
        assert listed or (answer.about_bittensor, answer.sentiment) == (False, 0)  # an echo passes for no verdict
        categories.add(answer.sentiment)
    assert len(categories) >= 3


def test_an_answer_can_say_only_what_is_offered() -> None:
    """Each post has its own schema: everything in it has bounds, and without candidates nothing is listed."""
    schema = answer_schema(SUBNETS)["properties"]
    assert schema["sentiment"]["enum"] == list(SENTIMENTS)
    listed = schema["subnets"]
    assert listed["maxItems"] == len(SUBNETS)
    entry = listed["items"]["properties"]
    assert entry["name"]["enum"] == [subnet.name for subnet in SUBNETS]
    most = max(len(subnet.functions) for subnet in SUBNETS)
    assert (entry["functions"]["items"]["enum"], entry["functions"]["maxItems"]) == (list(range(most)), most)
    assert (entry["bittensor_terms"]["maxItems"], entry["bittensor_terms"]["items"]["maxLength"]) == (3, 30)
    assert list(answer_schema(())["properties"]) == ["about_bittensor", "sentiment"]


def test_the_longest_answer_fits_under_its_cap() -> None:
    """At three characters a token, with every list full and in the widest layout."""
    candidates = load_registry().subnets[1:9]
    entries = [
        {"name": subnet.name, "functions": [0, 1, 2, 3], "bittensor_terms": ["x" * 30] * 3} for subnet in candidates
    ]
    answer = {"about_bittensor": False, "sentiment": "very_bearish", "subnets": entries}
    assert len(json.dumps(answer, indent=1)) / 3 < answer_tokens(candidates) == 1_024


def test_invisible_text_is_shown_as_escapes() -> None:
    """Characters that no reader sees reach the model as escapes only."""
    unseen = "\u200b\u202e\u2028\x85\U000e0041\ud800"
    content = ask(f"gm{unseen}τ🔥", ()).messages[-1]["content"]
    assert not set(unseen) & set(content)
    assert "τ🔥" in content


def test_a_long_post_is_cut() -> None:
    """What a question costs is bounded."""
    assert len(ask("x" * 100_000, ()).messages[-1]["content"]) < 9_000


def test_a_repair_repeats_the_input_last() -> None:
    """The last user message of a repair holds the input again, and the bad answer only as the model's own."""
    messages = ask_again(ask("a post", SUBNETS).messages, "y" * 9_000, "it holds no JSON object")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert _input(messages[-1]["content"])["post"] == "a post"
    assert "it holds no JSON object" in messages[-1]["content"]
    assert len(messages[2]["content"]) == 2_000
    silent = ask_again(ask("a post", ()).messages, " ", "no text came")
    assert [message["role"] for message in silent] == ["system", "user"]
    assert "no text came" in silent[-1]["content"]


def test_a_repair_can_be_sent() -> None:
    """A lone surrogate of an answer would break the request: it is shown as an escape."""
    messages = ask_again(ask("a post", ()).messages, "bad \ud800 text", "it holds no JSON object")
    assert messages[2]["content"] == "bad \\ud800 text"
