"""What stands between tags, tokens, fences and remarks of any name but a neutral one is no answer."""

# ruff: noqa: RUF001 - models write these

from __future__ import annotations

import json

import pytest

from tests.analyzer.said import BEARISH, A, D, read

WRAPPERS = {
    "answer": [
        "answer",
        "final_answer",
        "finalAnswer",
        "FINAL",
        "result",
        "response",
        "output",
        "data",
        "json",
    ],
    "repair": [
        *(
            "thinking",
            "thoughts",
            "reasoning",
            "wrong_answer",
            "draft_answer",
            "draft",
            "example",
            "not_the_answer",
            "Thinking",
        ),
        *("alternative", "previous", "candidate", "initial_response", "wrongAnswer", "草稿", "schema", "input"),
    ],
}


@pytest.mark.parametrize(
    ("expected", "name"), [(expected, name) for expected, names in WRAPPERS.items() for name in names]
)
def test_only_a_neutral_wrapper_is_taken_off(expected: str, name: str) -> None:
    """What a field's name says of its object holds, and so it does where the wrapper itself cannot be read."""
    assert read(json.dumps({name: BEARISH})) == expected
    assert read(json.dumps({"post_analysis": BEARISH})) == "answer"  # as the schema is named
    assert read(repr({name: BEARISH})) == expected
    assert read(f'{{"{name}": {A}, "and') == expected
    assert read(f'{{"{name}": [{A}, {D}') == "repair"


THOUGHT_NAMES = [
    *(
        "think",
        "thinking",
        "thought",
        "thoughts",
        "reasoning",
        "reflection",
        "scratchpad",
        "brainstorm",
        "brainstorming",
    ),
    *("seed:think", "deep_thinking", "thought_process", "inner_monologue", "planning", "draft", "internal_reasoning"),
]
FOREIGN_NAMES = [
    "wrong",
    "notes",
    "example",
    "attempt1",
    "old-answer",
    "rejected",
    "wrong_answer",
    "details",
    "del",
    "my.guess",
]


def _spelled(name: str) -> list[str]:
    return [name, name.upper(), name.title()]


@pytest.mark.parametrize("name", [*THOUGHT_NAMES, *FOREIGN_NAMES])
def test_what_stands_in_a_tag_of_any_other_name_is_no_answer(name: str) -> None:
    """In every spelling of brackets; whether it is known or not, closed or not."""
    for shown in _spelled(name):
        for tags in (
            *(f"<{shown}>{{}}</{shown}>", f"< {shown} >\n{{}}\n</{shown}>", f"<{shown} level='2'>{{}}</{shown}>"),
            *(
                f"&lt;{shown}&gt;{{}}&lt;/{shown}&gt;",
                f"＜{shown}＞{{}}＜/{shown}＞",
                f"\\<{shown}\\>{{}}\\</{shown}\\>",
            ),
            *(f"<|begin_of_{shown}|>{{}}<|end_of_{shown}|>", f"<|{shown}_start|>{{}}<|{shown}_end|>"),
            *(f"<|begin▁of▁{shown}|>{{}}<|end▁of▁{shown}|>", f"\\u003c{shown}\\u003e{{}}\\u003c/{shown}\\u003e"),
        ):
            around = tags.replace("{}", f"Well, {D} ")
            assert read(around) == "repair", around
            assert read(f"{around}{A}") == "answer", around
            assert read(f"{around}\n\nAnswer:\n```json\n{A}\n```") == "answer", around
            assert read(f"{A}{around}") == "repair", around
            opened, _, closed = tags.partition("{}")
            assert read(f"{opened}{D}") == "repair", opened
            assert read(f"{D}{closed}") == "repair", closed
            assert read(f"{D}{closed}{A}") == "answer", closed


def test_an_answer_between_marks_of_thought_and_solution_is_found() -> None:
    """As some distilled models write it."""
    thought = f"<|begin_of_thought|>{D}<|end_of_thought|>"
    assert read(f"{thought}\n\n<|begin_of_solution|>\n{A}\n<|end_of_solution|>") == "answer"
    assert read(f"{thought}<|begin_of_solution|>{A}") == "answer"
    assert read(f"<|begin_of_thought|>{D}") == "repair"


@pytest.mark.parametrize(
    "around",
    [
        *(
            f"```{name}\n{{}}\n```"
            for name in ("thinking", "thought", "draft", "Example", "diff", "wrong", "reasoning")
        ),
        *(
            "<details><summary>Thinking</summary>{}</details>",
            "<!-- {} -->",
            "/* {} */",
            "~~{}~~",
            "// {}",
            "[draft]{}[/draft]",
        ),
        *("```thinking\nIt is good.\n{}", "~~~draft\n{}\n~~~", "<!-- {}", "[quote]\n{}\n[/quote]", "<del>{}</del>"),
    ],
)
def test_what_stands_in_a_fence_or_a_remark_is_no_answer(around: str) -> None:
    """Of thoughts and drafts, or struck out."""
    draft = around.replace("{}", D)
    assert read(draft) == "repair"
    if around.count(around[:2]) > 1 or "]" in around or "-->" in around or "*/" in around:
        assert read(f"{draft}\n\nAnswer:\n{A}") == "answer"
