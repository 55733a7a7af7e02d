"""The chat stand-in over HTTP: formats, errors, usage, and the keyword model's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox import PERSONALITIES, Sandbox, SandboxConfig
from sandbox.services.llm_personalities import PLAIN

Chat = Callable[..., httpx.Response]
CANDIDATES = [
    {"name": "talisman_ai", "functions": ["social sentiment analysis", "scoring posts"]},
    {"name": "chutes", "functions": ["serverless inference hosting"]},
]
OBJECT = {"type": "json_object"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "analysis",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"about_bittensor": {"type": "boolean"}},
            "required": ["about_bittensor"],
            "additionalProperties": False,
        },
    },
}


def _prompt(post: str) -> str:
    question = json.dumps({"candidates": CANDIDATES, "post": post}, ensure_ascii=False)
    return f"Answer in JSON.\nINPUT:\n{question}\nThat was data."


def _chat(box: Sandbox, http: httpx.Client, post: str = "Bittensor is great", **more: Any) -> httpx.Response:
    messages = [{"role": "system", "content": "You analyze posts."}, {"role": "user", "content": _prompt(post)}]
    body = {"model": box.config.served_models[0], "messages": messages, **more}
    headers = {"Authorization": f"Bearer {box.llm_key}"}
    return http.post(f"{box.llm_base}/chat/completions", json=body, headers=headers)


@pytest.fixture
def chat(box: Sandbox, http: httpx.Client) -> Chat:
    """Ask for the analysis of a post."""
    return lambda post="Bittensor is great", **more: _chat(box, http, post, **more)


def _analysis(answer: httpx.Response) -> dict[str, Any]:
    content = json.loads(answer.json()["choices"][0]["message"]["content"])
    assert isinstance(content, dict)
    return content


def test_answer_has_exactly_the_agreed_shape(chat: Chat) -> None:
    """The analysis names the candidates discussed, their functions by index, terms and one of five categories."""
    answer = chat("Social sentiment analysis on Bittensor grows, excellent miners 🚀", response_format=SCHEMA)
    assert _analysis(answer) == {
        "about_bittensor": True,
        "sentiment": "very_bullish",
        "subnets": [{"name": "talisman_ai", "functions": [0], "bittensor_terms": ["bittensor", "miners"]}],
    }
    body = answer.json()
    assert body["system_fingerprint"] == "deterministic-keyword-model"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    ("post", "sentiment"),
    [
        ("Terrible, broken, overvalued Bittensor subnet", "very_bearish"),
        ("Bittensor miners are worried", "bearish"),
        ("Bittensor exists", "neutral"),
        ("Bittensor shipped", "bullish"),
        ("Bittensor shipped a great thing", "very_bullish"),
    ],
)
def test_five_categories(chat: Chat, post: str, sentiment: str) -> None:
    """Good and bad words are counted against each other."""
    assert _analysis(chat(post, response_format=OBJECT))["sentiment"] == sentiment


def test_unrelated_post_names_no_subnet(chat: Chat) -> None:
    """A post that is not about Bittensor gets no subnets even where functions overlap."""
    assert _analysis(chat("serverless inference hosting is cheap", response_format=OBJECT)) == {
        "about_bittensor": False,
        "sentiment": "neutral",
        "subnets": [],
    }


def test_separator_characters_in_a_post_do_not_end_the_line(chat: Chat) -> None:
    """A line separator (U+2028) inside a post leaves the question whole."""
    assert _analysis(chat("Bittensor\u2028chutes", response_format=OBJECT))["subnets"][0]["name"] == "chutes"


def test_plain_mode_wraps_the_json(chat: Chat) -> None:
    """Without a format the JSON comes in a fence or in prose, in turn."""
    texts = [chat().json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert texts[0].startswith("```json\n")
    assert texts[1].startswith("Sure, ")
    for text in texts:
        assert json.loads(text[text.index("{") : text.rindex("}") + 1])["about_bittensor"] is True


def test_another_protocol_is_answered_politely(box: Sandbox, http: httpx.Client) -> None:
    """A request that does not follow the protocol gets plain text that says who is speaking."""
    body = {"model": box.config.model, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}
    headers = {"Authorization": f"Bearer {box.llm_key}"}
    answer = http.post(f"{box.llm_base}/chat/completions", json=body, headers=headers)
    assert "deterministic keyword model" in answer.json()["choices"][0]["message"]["content"]


def test_unsupported_formats_are_refused(http: httpx.Client) -> None:
    """A model without json_schema or json_object refuses them with 400, and still answers in plain mode."""
    with Sandbox(SandboxConfig(seconds_per_block=None, response_formats=frozenset({"text"}))) as box:
        for wanted in (SCHEMA, OBJECT):
            answer = _chat(box, http, response_format=wanted)
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == "response_format.type"
        assert _chat(box, http).status_code == 200
        assert box.ledger.llm.calls == 1


def test_loose_strict_schema_is_refused(chat: Chat) -> None:
    """A strict schema must close its objects and require all their properties, as OpenAI demands."""
    loose = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}}}
    answer = chat(response_format=loose)
    assert answer.status_code == 400
    assert "additionalProperties" in answer.json()["error"]["message"]


def test_key_model_and_body_are_checked(http: httpx.Client) -> None:
    """A wrong key is 401, a model that is not on the list 404, a broken body 400, all in OpenAI's error shape."""
    with Sandbox(SandboxConfig(seconds_per_block=None, models=("only-this",))) as box:
        url, headers = f"{box.llm_base}/chat/completions", {"Authorization": f"Bearer {box.llm_key}"}
        assert (
            http.post(url, json={}, headers={"Authorization": "Bearer no"}).json()["error"]["code"] == "invalid_api_key"
        )
        missing = _chat(box, http, model="another")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
        assert http.post(url, content=b"{", headers=headers).status_code == 400
        assert http.post(url, json={"model": "only-this"}, headers=headers).status_code == 400
        assert _chat(box, http, model="only-this").status_code == 200
        listed = http.get(f"{box.llm_base}/models", headers=headers).json()
        assert [model["id"] for model in listed["data"]] == ["only-this"]
        assert http.get(f"{box.llm_base}/models").status_code == 401


def test_max_tokens_truncates(chat: Chat) -> None:
    """An answer longer than max_tokens is cut, with finish_reason length."""
    choice = chat(max_tokens=5, response_format=OBJECT).json()["choices"][0]
    assert (choice["finish_reason"], len(choice["message"]["content"])) == ("length", 20)


def test_ledger_counts_calls_tokens_and_posts(box: Sandbox, chat: Chat) -> None:
    """Each completion is counted with its tokens and the post it analyzed; refusals are not."""
    usage = chat("Bittensor one").json()["usage"]
    box.script("llm.chat", "503")
    chat("Bittensor two")
    ledger = box.ledger.llm
    assert (ledger.calls, ledger.posts()) == (1, ["Bittensor one"])
    assert (ledger.prompt_tokens, ledger.completion_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])


def _content(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def _like(name: str, http: httpx.Client, fault: str = "", **more: Any) -> httpx.Response:
    with Sandbox(SandboxConfig(llm_like=name, corpus_size=1)) as box:
        if fault:
            box.script("llm.chat", fault)
        return _chat(box, http, **more)


def test_a_kind_of_server_refuses_what_it_does_not_take(http: httpx.Client) -> None:
    """In its own words and shape, and takes everything else."""
    refused = _like("openai-o", http, max_tokens=9)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unsupported_parameter")
    assert _like("openai-o", http, max_completion_tokens=999).status_code == 200
    assert _like("gemini", http, seed=1).json()[0]["error"]["status"] == "INVALID_ARGUMENT"
    assert _like("mistral", http, seed=1).status_code == 422
    assert _like("deepseek", http, response_format=SCHEMA).status_code == 400
    assert _like("lm-studio", http, response_format=OBJECT).json()["error"].startswith("'response_format.type'")
    assert _like("tgi", http, "429").json()["error_type"] == "overloaded"
    inside = _like("openrouter", http, "error_in_200")
    assert (inside.status_code, inside.json()["error"]["code"], inside.json()["choices"]) == (200, 429, None)


@pytest.mark.parametrize("name", ["", *PERSONALITIES])
def test_a_kind_of_server_knows_the_models_that_it_lists(name: str, http: httpx.Client) -> None:
    """Another one is refused in its own words, as the fault 404 is, unless such a server serves any name."""
    with Sandbox(SandboxConfig(llm_like=name, corpus_size=1)) as box:
        headers = {"Authorization": f"Bearer {box.llm_key}"}
        (listed,) = http.get(f"{box.llm_base}/models", headers=headers).json()["data"]
        assert listed["id"] == box.env()["MODEL"]
        assert _chat(box, http, model=listed["id"]).status_code == 200
        for model in ("acme/other", f"{listed['id']} ", listed["id"].upper(), ""):
            answer = _chat(box, http, model=model)
            refusal = PERSONALITIES.get(name, PLAIN).refusals.get("404")
            assert answer.status_code == (200 if refusal is None else refusal.status)
            assert refusal is None or json.dumps(refusal.message.format(model=model))[1:-1] in json.dumps(answer.json())
        assert box.ledger.llm.calls == (1 if refusal is not None else 5)


def test_a_kind_of_server_ignores_what_it_takes(http: httpx.Client) -> None:
    """A schema that nobody enforces changes nothing."""
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(_content(_like("anthropic", http, response_format=SCHEMA)))


def test_thoughts_stand_where_each_kind_puts_them(http: httpx.Client) -> None:
    """They are billed, hold another answer than the one that is given, and may take all the room."""
    plain = json.loads(_content(_like("vllm", http, response_format=OBJECT)))["sentiment"]
    for name, field in (("deepseek", "reasoning_content"), ("ollama", "reasoning")):
        message = _like(name, http, "thinking", response_format=OBJECT).json()["choices"][0]["message"]
        assert json.loads(message["content"])["sentiment"] == plain
        assert f'"{plain}"' not in message[field]
    assert _content(_like("lm-studio", http, "thinking", response_format=SCHEMA)).startswith("<think>")
    assert _like("mistral", http, "thinking").json()["choices"][0]["message"]["content"][0]["type"] == "thinking"
    long = _like("openai-o", http, "long_thinking", max_completion_tokens=300).json()
    assert (long["choices"][0]["finish_reason"], long["choices"][0]["message"]["content"]) == ("length", "")
    assert long["usage"]["completion_tokens"] == long["usage"]["completion_tokens_details"]["reasoning_tokens"] == 300


def test_an_unknown_kind_of_server_is_refused() -> None:
    """The known ones are listed."""
    with pytest.raises(ValueError, match="llm_like is 'nobody'; known: openai-o, "):
        SandboxConfig(llm_like="nobody")
