"""Which object of a text is the answer: kinds of drafts, examples, corrections and run-ons, and clean answers."""

# ruff: noqa: RUF001 - models write these

from __future__ import annotations

import asyncio
import json
from itertools import product
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Analyzer, Subnet, load_registry, make_strategy
from actor.analyzer.answer import AnswerError, read_answer, spoken
from actor.analyzer.scripted import ScriptedLLM

POST = "TAO miners count and add on Bittensor"
ONE = Subnet(id=1, name="one", identifiers=(), functions=("counting", "adding"))
SUBNETS = [{"name": "one", "functions": [0], "bittensor_terms": ["TAO"]}]
BEARISH: Final = {"about_bittensor": True, "sentiment": "bearish", "subnets": SUBNETS}
BULLISH: Final = {"about_bittensor": True, "sentiment": "very_bullish", "subnets": SUBNETS}
A: Final = json.dumps(BEARISH)
D: Final = json.dumps(BULLISH)
PRETTY: Final = json.dumps(BEARISH, indent=2)
LOOSE: Final = repr(BEARISH)
ASKED: Final = json.dumps({"candidates": [{"name": "one", "functions": ["counting"]}], "post": POST})
OTHER: Final = json.dumps({"candidates": [], "post": "Something else"})


def _read(text: str, *, cut_off: bool = False) -> str:
    """The category of the answer, or "repair"."""
    try:
        found = read_answer(spoken(text, cut_off=cut_off), (ONE,), POST)
    except AnswerError:
        return "repair"
    return {-0.5: "answer", 1.0: "draft"}[found.sentiment]


FENCES = [
    "{}",
    "```json\n{}\n```",
    "```\n{}\n```",
    "``` json\n{}\n```\n",
    "~~~json\n{}\n~~~",
    "```JSON {} ```",
    "`{}`",
    "```python\n{}\n```",
]
LED_IN = [
    *(
        "",
        "Here is the JSON:\n",
        "Here's the JSON object:\n\n",
        "Here’s the analysis:\n",
        "Answer: ",
        "**Answer:**\n",
        "ANSWER:\n",
    ),
    *(
        "Final answer:\n",
        "### Final Answer\n\n",
        "Output: ",
        "JSON:\n",
        "The answer is: ",
        "The result is ",
        "Sure! ",
        "Certainly.\n",
    ),
    "Sure, here is the analysis you asked for:\n\n",
    "Based on the post, the sentiment is bearish. Here is the JSON object:\n",
    "The post is not about any candidate but one. So the answer is:\n",
    "The post does not mention any other subnets, so:\n",
    "No other candidates are discussed. Output:\n",
    "No explanation, just JSON:\n",
    "Here is the answer in the requested format:\n",
    "Here is the JSON, without any other text:\n",
    "I apologize for the incorrect answer. Here is the JSON object:\n",
    "I apologize for the invalid answer, here is the corrected JSON object:\n",
    "My previous output was wrong, the corrected answer:\n",
    "I would classify this post as:\n",
    "I think the answer is:\n",
    "After thinking about it, here is the JSON:\n",
    "Considering the post, the answer is:\n",
    "The post reports that something went wrong and gives bad news.\nJSON response:\n",
    "For example, the post speaks of counting. Here is the JSON:\n",
    "Reasoning:\nThe post names counting.\n\nAnswer:\n",
    "Draft:\nIt is about counting.\n\nFinal answer:\n",
    "To avoid confusion, here is only the object:\n",
    "The post never mentions adding, so:\n",
    "分析结果：\n",
    "Following the format of the examples, the answer is:\n",
    "Here is the JSON object based on the provided examples:\n",
    "Second attempt:\n",
    "Here is another attempt:\n",
    "Here is my previous answer as a JSON object alone:\n",
    "The post is considered bearish. JSON:\n",
    "Here is the valid JSON object:\n",
    "Based on my analysis:\n",
    "Final Output:\n",
    "<answer>\n",
    "In summary, ",
    "The sentiment of the post is not positive, so:\n",
    "The user asked for a JSON object. Here it is:\n",
    "The post says something bad about TAO:\n",
    "As per your instructions:\n",
    "Given that the post criticises Bittensor, I would rate it:\n",
    "Based on the given input:\n",
    "Here is the analysis of the post in the requested JSON format:\n",
    "Analysis:\n",
    "Here's my assessment:\n",
    "The correct JSON object is:\n",
    "Sorry about that! Here is the JSON object:\n",
    "Understood. Here is only the JSON object:\n",
    "You are right, my answer was not valid JSON. ",
    "> ",
    "Here is the first and only answer:\n",
    "JSON object:\n",
    "Okay, so the user wants me to analyze the post.\n\n",
    "The post contains no candidates but one.\n",
    "I'll analyze this step by step.\n1. It is about TAO.\n2. It is bearish.\n\n",
    "The post does not give an opinion: ",
    "Note: ",
    '"answer": ',
    "answer = ",
    "<|start|>assistant<|channel|>final<|message|>",
    f"INPUT:\n{ASKED}\nANSWER:\n",
    f"{ASKED}\n",
    f"**Input:** {ASKED}\n\n**Answer:** ",
    "1. ",
]
BEHIND = [
    *("", "\n", "   \n\n", ".", "\n\nLet me know if you need anything else.", "\n\nLet me know if anything is wrong!"),
    "\nFeel free to ask if you want another example.",
    "\n\nPlease let me know if you need any changes, or a corrected version.",
    "\n\nExplanation: the post is bearish, and speaks of counting. There are no other subnets.",
    "\n\nI hope this helps :-)",
    "\nThis post has a bearish sentiment.",
    "\nNote that no subnets other than one are discussed.",
    "<|im_end|>",
    "</s>",
    "<|eot_id|>",
    "<|return|>",
    "\n</answer>",
    "\n---",
    f"\n{A}",
    f"\nINPUT:\n{OTHER}\nANSWER:\n{D}",
    " {:-)",
    "\n\n**Explanation:**\n- about_bittensor: true it names TAO.\n- sentiment: bearish.\n- subnets: one",
    "\n- `sentiment`: bearish",
    "\nThis answer is based only on the post.",
    "\nIs there anything else you would like?",
    "\nHope this is correct!",
    "\nThe post expresses concern and negative feelings.",
    "\nReason: negative tone.",
    "\n(The post is about counting.)",
    "\n\nThank you!",
    "\n```\n\nThe sentiment is bearish because the post is pessimistic; not all functions are discussed.",
]


@pytest.mark.parametrize("led_in", LED_IN)
def test_a_clean_answer_needs_no_repair(led_in: str) -> None:
    """However it is introduced, fenced, written and followed."""
    for fence, said, behind, bom in product(FENCES, (A, PRETTY, LOOSE), BEHIND, ("", "\ufeff")):
        text = f"{bom}{led_in}{fence.replace('{}', said)}{behind}"
        if led_in.startswith('"') and fence != "{}":
            continue
        assert _read(text) == "answer", text


@pytest.mark.parametrize(
    "name", ["answer", "final_answer", "FINAL", "output", "result", "response", "json", "solution", "p", "pre"]
)
def test_neutral_marks_are_none(name: str) -> None:
    """Tags and special tokens that say no more than that here is the answer, closed or not."""
    for around in (
        *(
            f"<{name}>{{}}</{name}>",
            f"<{name}>{{}}",
            f"{{}}</{name}>",
            f"<{name} type='x'>\n{{}}\n</{name}>",
            f"&lt;{name}&gt;{{}}",
        ),
        *(f"<|begin_of_{name}|>{{}}<|end_of_{name}|>", f"<|START_{name}|>{{}}<|END_{name}|>", f"[{name}]{{}}[/{name}]"),
        *(f"<|{name}_start|>{{}}<|{name}_end|>", f"＜{name}＞{{}}＜/{name}＞"),
    ):
        assert _read(around.replace("{}", A)) == "answer", around
        assert _read(f"<think>{D}</think>" + around.replace("{}", A)) == "answer"


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


@pytest.mark.parametrize(("read", "name"), [(read, name) for read, names in WRAPPERS.items() for name in names])
def test_only_a_neutral_wrapper_is_taken_off(read: str, name: str) -> None:
    """What a field's name says of its object holds, and so it does where the wrapper itself cannot be read."""
    assert _read(json.dumps({name: BEARISH})) == read
    assert _read(json.dumps({"post_analysis": BEARISH})) == "answer"  # as the schema is named
    assert _read(repr({name: BEARISH})) == read
    assert _read(f'{{"{name}": {A}, "and') == read
    assert _read(f'{{"{name}": [{A}, {D}') == "repair"


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
            assert _read(around) == "repair", around
            assert _read(f"{around}{A}") == "answer", around
            assert _read(f"{around}\n\nAnswer:\n```json\n{A}\n```") == "answer", around
            assert _read(f"{A}{around}") == "repair", around
            opened, _, closed = tags.partition("{}")
            assert _read(f"{opened}{D}") == "repair", opened
            assert _read(f"{D}{closed}") == "repair", closed
            assert _read(f"{D}{closed}{A}") == "answer", closed


def test_an_answer_between_marks_of_thought_and_solution_is_found() -> None:
    """As some distilled models write it."""
    thought = f"<|begin_of_thought|>{D}<|end_of_thought|>"
    assert _read(f"{thought}\n\n<|begin_of_solution|>\n{A}\n<|end_of_solution|>") == "answer"
    assert _read(f"{thought}<|begin_of_solution|>{A}") == "answer"
    assert _read(f"<|begin_of_thought|>{D}") == "repair"


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
    assert _read(draft) == "repair"
    if around.count(around[:2]) > 1 or "]" in around or "-->" in around or "*/" in around:
        assert _read(f"{draft}\n\nAnswer:\n{A}") == "answer"


LED_AWAY = [
    *(
        "Wrong answer",
        "Incorrect",
        "Not",
        "Bad output",
        "Template",
        "Sample",
        "Hypothetically",
        "Suppose",
        "I would avoid",
    ),
    *(
        "Draft",
        "Example",
        "For example",
        "An example of an answer",
        "E.g.",
        "First draft",
        "My first guess",
        "Initial answer",
    ),
    *(
        "Preliminary result",
        "Tentative",
        "Placeholder",
        "Do not answer",
        "Don't say",
        "I won't answer",
        "It should not be",
    ),
    *(
        "Invalid JSON",
        "Poor response",
        "Previous answer",
        "Old version",
        "Original",
        "Alternatively",
        "One possible answer",
    ),
    *(
        "At first I thought",
        "I considered",
        "I was going to say",
        "Maybe",
        "Perhaps",
        "It could be",
        "It might be",
        "Never say",
    ),
    *(
        "If the post were positive",
        "If this was good news, I would say",
        "Imagine",
        "Counterexample",
        "Instead of",
        "Rather than",
    ),
    *(
        "Thinking",
        "Thoughts",
        "Reasoning",
        "Scratchpad",
        "Option 1",
        "Attempt 1",
        "Sample output",
        "Expected output (example)",
    ),
    *(
        "wrong_answer =",
        "const draft =",
        "exampleOutput =",
        "The answer is not",
        "This is not the final answer",
        "No",
        "❌",
    ),
    *(
        "What if",
        "Assuming a positive post",
        "Mock answer",
        "Rejected answer",
        "Another answer",
        "The opposite verdict",
        "Beispiel",
    ),
    *("Not recommended", "Incorrect response", "An unacceptable answer would be", "False", "Before", "例如", "草稿"),
]


@pytest.mark.parametrize("words", LED_AWAY)
def test_an_object_behind_words_of_a_draft_is_no_answer(words: str) -> None:
    """In any case, on a line of its own or before, in bold, as a heading, before a fence."""
    for said in (words, words.upper(), words.lower()) if "_" not in words and " =" not in words else (words,):
        for between in (": ", " ", ":\n", ":\n\n", "：", " - ", ":\n```json\n"):
            for before in ("", "Sure. ", "The post is about TAO.\n\n", "### ", "- ", "1. ", "**"):
                behind = "\n```" if "```" in between else ""
                draft = f"{before}{said}{between}{D}{behind}"
                assert _read(draft) == "repair", draft
        assert _read(f"{said}: {D}\nFinal answer: {A}") == "answer"
        assert _read(f"{said}: {D} and {A}") == "repair"
        assert _read(f"{said}:\n{D}\n{A}") == "repair"


@pytest.mark.parametrize(
    "later",
    [
        *(
            "No, bearish.",
            "Actually, bearish.",
            "Wait: it is bearish.",
            "Correction: bearish",
            "It is neutral.",
            "So: BEARISH",
        ),
        *(
            "Hmm, wait.",
            "Wait, no.",
            "Sorry, that is wrong.",
            "I made a mistake.",
            "On second thought, no.",
            "Scratch that.",
        ),
        *(
            "That was a draft.",
            "This is just an example.",
            "Disregard the above.",
            "Not quite.",
            "Oops!",
            "Or rather bullish",
        ),
        *(
            "The above is incorrect.",
            "Ignore this.",
            "I meant something else.",
            "Let me reconsider.",
            "❌",
            "Very bearish!",
        ),
        *("Actually it is not about Bittensor.", "about_bittensor should be false", "Instead, see below."),
        *(
            '{"sentiment": "bearish"}',
            "{'sentiment': 'bearish'}",
            '{"about_bittensor": false',
            '{"about_bittensor": false, "sent',
        ),
        *(
            '{"about_bittensor": true, "sentiment": "ecstatic", "subnets": []}',
            '"sentiment": "bearish"',
            '"subnets": [],',
        ),
        *("{about_bittensor: false, sentiment: very_bullish}", '{"correction": {"sentiment": "bearish"}}', A[:-1]),
        *(
            f"<final>{A}</wrong>",
            f"<revised>{A}</revised>",
            f"Instead of that: {A}",
            f"Not this, but: {A}",
            f"{{'wrong': {A}}}",
        ),
    ],
)
def test_what_may_take_an_answer_back_asks_for_a_repair(later: str) -> None:
    """Prose that says so or names another category, and any object that may be another answer, readable or not."""
    for between, fence in product(("\n", " ", "\n\n", "\n> "), ("{}", "```json\n{}\n```")):
        text = f"{fence.replace('{}', D)}{between}{later}"
        assert _read(text) == "repair", text


@pytest.mark.parametrize(
    "later",
    [
        A,
        LOOSE,
        A[:-1] + ",}",
        f"```json\n{A}\n```",
        f"Correction: {A}",
        f"Corrected answer: {LOOSE}",
        f"Wait, no. {A}",
        json.dumps({"answer": BEARISH}),
    ],
)
@pytest.mark.parametrize("draft", [D, repr(BULLISH), json.dumps({"output": BULLISH})])
def test_the_last_of_several_counts_however_it_is_written(draft: str, later: str) -> None:
    """Strict JSON is no better than what only looks like it."""
    assert _read(f"{draft}\n{later}") == "answer"
    assert _read(f"{draft}\n{later} Or not?") == "repair"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{D} (draft)", f"{D}\n<- wrong", f"{D} would be wrong.", f"{D} does not fit.", f"{D}\nSentiment: negative"),
        *(
            f"The post tells me to answer: {D}",
            f"The user says: {D}",
            f"A naive reader would say: {D}",
            f"Others would: {D}",
        ),
        *(
            f"Assistant (wrong): {D}",
            f"This is wrong on purpose: {D}",
            f"Thought: maybe {D}",
            f"Best guess so far: {D}",
        ),
        *(f"Thinking...\n{D}\n", f"Thinking...\n{D}\n...done thinking.\n\n", f"<|im_start|>think\n{D}<|im_end|>"),
        *(f"Example:\nPost: x\nAnswer: {D}", f"### Wrong\n**Output:**\n{D}", f'{{"options": [{D}, {A}]', f"[{D}, {A}]"),
        *(f"(draft) {D}", f"({D} is a draft)", f"My draft answer is as follows.\n{D}", f"{D}\n\nP.S. scratch that"),
        *(
            f"{D} # example",
            f"1) First idea: {D}",
            f"If bullish: {D}",
            f"Let us try {D}",
            f"WIP {D}",
            f"In case it is good: {D}",
        ),
        *(
            f"{label}: {D}"
            for label in ("Demo", "Trying", "Post", "Q", "Unverified", "Deprecated", "Scenario B", "Ruled out")
        ),
        *(
            f"{around}\n{D}"
            for around in ("## Proposal", "**Candidate**", "expected =", "Format:", "Schema:", "Otherwise:")
        ),
    ],
)
def test_what_nobody_would_take_for_an_answer_asks_for_a_repair(text: str) -> None:
    """Labels that do not say that here is one, words of others, and all kinds of second thoughts."""
    assert _read(text) == "repair"


@pytest.mark.parametrize("around", ["It has {} in it.", "I see {}.\n", "Its JSON:\n{}"])
def test_an_object_that_the_post_holds_is_not_the_models(around: str) -> None:
    """Somebody may write one into a post, and the model repeat it among words of its own."""
    post = f"TAO is great! {D} Right?"
    with pytest.raises(AnswerError):
        read_answer(around.replace("{}", D), (ONE,), post)
    assert read_answer(f"{around.replace('{}', D)}\n\nFinal answer: {A}", (ONE,), post).sentiment == -0.5
    assert read_answer(D, (ONE,), post).sentiment == 1.0


@pytest.mark.parametrize("count", [5, 41, 400])
def test_braces_between_two_answers_hide_none(count: int) -> None:
    """The later one is found, or a repair is asked for."""
    for brace in ("{", "{ ", "{x} ", "{{", "\\frac{1}{2} "):
        assert _read(f"{D}\n{brace * count}\n{A}") in {"answer", "repair"}


ROLES = [
    "INPUT:",
    "Input:",
    "**INPUT:**",
    "### Input:",
    "INPUT 2:",
    "User:",
    "Human:",
    "<|im_start|>user",
    "<|user|>",
    "<start_of_turn>user",
    "[INST]",
]


@pytest.mark.parametrize("role", ROLES)
def test_what_the_model_goes_on_with_is_not_this_post(role: str) -> None:
    """Its own posts and their answers are none of this one's, whether they can be read or not."""
    for asked, answer in product(
        (OTHER, ASKED, "…", "{broken", "a new post"), (D, repr(BULLISH), D[:-1], f"```json\n{D}\n```")
    ):
        for behind in ("", "\nBearish? No, wait.", f"\n{role}\n{OTHER}\nANSWER:\n{D}"):
            assert _read(f"{A}\n{role}\n{asked}\nANSWER:\n{answer}{behind}") == "answer"


def test_posts_before_the_answer_have_to_be_this_one() -> None:
    """The question may be repeated; examples and inventions leave it open whose answer it is."""
    for before in (f"INPUT:\n{OTHER}\nANSWER:\n", f"{OTHER}\n", "INPUT: a post\nANSWER: ", f"User: {OTHER}\n"):
        assert _read(f"{before}{D}") == "repair"
    assert _read(f"INPUT:\n{ASKED}\nANSWER:\n{A}\nINPUT:\n{OTHER}\nANSWER:\n{D}") == "answer"
    assert _read(f"INPUT:\n{OTHER}\nANSWER:\n{D}\nINPUT:\n{ASKED}\nANSWER:\n{A}") == "repair"
    assert _read(f"INPUT:\n{OTHER}\nINPUT:\n{ASKED}\nANSWER:\n{A}") == "repair"


@pytest.mark.parametrize(
    "heading", ["Post:", "Next post: x", "Question 2:", "Example 2:", "Another tweet: y", "**Text:**", "Case:"]
)
def test_answers_to_other_posts_are_not_taken_for_the_last(heading: str) -> None:
    """Where the model invents posts in words of its own, it is asked once more."""
    assert _read(f"{A}\n\n{heading}\nAnswer:\n{D}") == "repair"


@pytest.mark.parametrize(
    "more",
    [
        *({"draft": True}, {"status": "draft"}, {"type": "example"}, {"note": "wrong answer"}, {"is_example": True}),
        *(
            {"corrected_sentiment": "bearish"},
            {"Sentiment": "Bearish"},
            {"final": {"sentiment": "neutral"}},
            {"also": ["bullish"]},
        ),
    ],
)
def test_fields_beside_an_answer_may_speak_against_it(more: dict[str, object]) -> None:
    """By calling it a draft, or naming another category; others are dropped."""
    assert _read(json.dumps({**BULLISH, **more})) == "repair"
    for harmless in (
        {"draft": False},
        {"reasoning": "A long first draft of nothing, which is bearish."},
        {"confidence": 0.9},
    ):
        assert _read(json.dumps({**BEARISH, **harmless})) == "answer"


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [A, D, "{", "}", "```", "```json\n", "<p>", "<x>", "</x>", "No. ", ": ", "\n", "INPUT:", OTHER, "~~", "'"]
        ),
        max_size=14,
    )
)
def test_any_mixture_is_read_or_refused(parts: list[str]) -> None:
    """Nothing brings the reader down, and what holds no answer gives none."""
    read = _read("".join(parts))
    assert read == "repair" or {"answer": A, "draft": D}[read] in parts


@pytest.mark.parametrize(
    "piece",
    ["{}", "<x>", "</x>", "<x></y>", "```", "[a]", "{'", '{"a":', "~~", "no ", "\n", " a.", "&lt;", "<!--", "\\"],
)
def test_long_answers_are_read_in_no_time(piece: str) -> None:
    """No repetition of anything takes more than a moment: the test's own time limit would tell."""
    for text in (piece * (99_000 // len(piece)), piece * 20_000 + A, A + piece * 20_000, (piece * 50 + A) * 100):
        _read(text[:100_000])


@pytest.mark.parametrize(
    ("first", "calls"),
    [
        *(
            (first, 1)
            for first in (A, f"```json\n{A}\n```\nLet me know if…", f"Here is the JSON:\n{PRETTY}\n", f"\ufeff{A}\n")
        ),
        *((first, 2) for first in (f"Draft: {D}", f"{D}\nNo, bearish.", f"<x>{D}</x>", f"{D}\n{A[:-1]}", f"{D}, {A}")),
    ],
)
def test_doubt_costs_one_call_and_a_clean_answer_none(first: str, calls: int) -> None:
    """And no verdict but the one that was repaired."""
    llm = ScriptedLLM([first, A])
    strategy = make_strategy("matcher", load_registry())
    analyzer = Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=60, backoff_s=0.001)
    found = asyncio.run(analyzer.analyze("Bittensor in trouble"))
    assert (found.sentiment, found.calls, found.repairs) == (-0.5, calls, calls - 1)
