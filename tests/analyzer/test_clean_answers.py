"""Clean answers of all kinds cost one call, however they are introduced, fenced, written and followed."""

# ruff: noqa: RUF001 - models write these

from __future__ import annotations

import asyncio
import json
from itertools import product

import pytest

from actor.analyzer import Analyzer, load_registry, make_strategy
from actor.testing.edges import ScriptedLLM
from tests.analyzer.said import ASKED, BEARISH, BULLISH, LOOSE, OTHER, PRETTY, A, D, read

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
    f"INPUT:\n{ASKED}\n",
    f"**Input:** {ASKED}\n\n**Answer:** ",
    "1. ",
    *(
        f"{words}:\n"
        for words in ("Antwort", "Hier die Antwort", "Ergebnis", "Resultado", "Risultato", "La respuesta es")
    ),
    *(f"{words}:\n" for words in ("Ecco la risposta", "Resposta", "Réponse", "Antwoord", "Jawaban", "Voilà")),
    *(f"{words}:\n" for words in ("Of course", "Absolutely", "Alright", "Label", "Category", "Report", "Below")),
    *(f"{words}:\n" for words in ("Please find below", "No explanation", "No markdown", "No problem", "Improved")),
    "Here is the answer in the same format as the examples:\n",
    "The following JSON follows the examples:\n",
    "Assuming SN4 refers to Targon, the answer is:\n",
    "I considered the options and chose bearish.\n",
    "The JSON looks like this:\n",
    "The output is:\n",
    "No candidates were given.\n",
    "The post contains an injected instruction, which I ignored.\n\n",
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
    "\n\nThe sentiment is bearish rather than neutral because the author worries.",
    "\n\nThe author calls the launch a bad idea, and feels sorry for miners.",
    "\n\nHe calls the launch a mistake.",
    "\n\nThe post has no positive news; it isn't very_bearish, as it reports no exploit.",
    "\n\nThis is an example of concern.",
    "\n\nI did not find any candidates in the post.",
    "\n\nThe text mentions that miners provide content to users, and that the price is too high.",
    "\n\nIt reports that the check failed and that the old design is void.",
    "\n\nThe author said the team was wrong.",
    "\n\nNo candidates were provided, so subnets is empty.",
    "\n```\n\nThe sentiment is bearish because the post is pessimistic; not all functions are discussed.",
]


@pytest.mark.parametrize("led_in", LED_IN)
def test_a_clean_answer_needs_no_repair(led_in: str) -> None:
    """However it is introduced, fenced, written and followed."""
    every_way = (*product(FENCES, (A, PRETTY, LOOSE), BEHIND[:2]), *product(FENCES[:2], (A,), BEHIND))
    for bom, (fence, said, behind) in product(("", "\ufeff"), every_way):
        text = f"{bom}{led_in}{fence.replace('{}', said)}{behind}"
        if led_in.startswith('"') and fence != "{}":
            continue
        assert read(text) == "answer", text


@pytest.mark.parametrize(
    "name", ["answer", "final_answer", "FINAL", "output", "result", "response", "json", "solution", "box", "judgement"]
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
        assert read(around.replace("{}", A)) == "answer", around
        assert read(f"<think>{D}</think>" + around.replace("{}", A)) == "answer"


@pytest.mark.parametrize(
    "answer",
    [
        *({"analysis": BEARISH}, {"judgement": BEARISH}, {**BEARISH, "sentiment": "Bearish."}),
        *({**BEARISH, "about_bittensor": "yes"}, {name.title(): value for name, value in BEARISH.items()}),
        *(
            {name.upper().replace("_", " "): value for name, value in BEARISH.items()},
            {**BEARISH, "sentiment": "**bearish**"},
        ),
    ],
)
def test_small_liberties_are_none(answer: dict[str, object]) -> None:
    """Wrappers, names in another case, a full stop, yes for true."""
    for fence in (
        "{}",
        "```yaml\n{}\n```",
        "```xml\n{}\n```",
        "```bash\n{}\n```",
        "<analysis_result>{}</analysis_result>",
    ):
        assert read(fence.replace("{}", json.dumps(answer))) == "answer"


CALL = {"name": "post_analysis", "arguments": BEARISH}


@pytest.mark.parametrize(
    "text",
    [
        *(f"<{name}>{A}</{name}>" for name in ("tool_call", "function_call", "tool_use", "functioncall", "invoke")),
        *(f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>", f"<|tool_call_begin|>{A}<|tool_call_end|>"),
        *(f"<function=post_analysis>{A}</function>", f"[TOOL_CALLS]{A}", f"```tool_call\n{A}\n```"),
        *(json.dumps(CALL), json.dumps({**CALL, "arguments": A}), json.dumps({"type": "function", "function": CALL})),
        *(json.dumps({"tool_calls": [{"id": "x", "function": CALL}]}), json.dumps({"response": {"answer": BEARISH}})),
        *(A.replace("{", "{ // it names TAO\n", 1), A.replace(", ", ", /* so */ "), f"{A[:-1]} # none\n}}"),
        *(A.replace('"', mark) for mark in ("`", "＂", '\\"')),
        "{“about_bittensor”: true, “sentiment”: “bearish”, “subnets”: [{“name”: “one”, “functions”: [0]}]}",
        "{‘about_bittensor’: true, ‘sentiment’: ‘bearish’, ‘subnets’: []}",
        "{about_bittensor: true, sentiment: 'bearish', subnets: [{name: 'one', functions: [0,],},],}",
        "{about_bittensor: TRUE, sentiment: bearish, subnets: []}",
        A.replace(": ", "： ").replace(", ", "， "),
        A.replace(" ", "\u00a0"),
        f'{A[:-1]}, "reason": "two\nlines"}}',
        json.dumps(A),
    ],
)
def test_a_clean_answer_may_be_written_in_any_way(text: str) -> None:
    """As a call, with remarks, with quotes of other kinds or none."""
    assert read(text) == "answer"
    assert read(f"<think>{D}</think>\n{text}") == "answer"


def in_other_signs(text: str) -> list[str]:
    """An answer with other signs between its values, with some or all of them missing, or without its last brace."""
    lines = json.dumps(json.loads(text), indent=1)
    return [
        *(text.replace(": ", sign) for sign in ("= ", " = ", "=", " => ")),
        *(text.replace(", ", sign) for sign in ("; ", ";", " ", "\n")),
        *(lines.replace(",\n", sign) for sign in ("\n", ";\n")),
        text.replace(": ", " = ").replace(", ", "; "),
        text.replace(", ", " ", 1),
        "".join(text.rsplit(", ", 1)),
        *(text[:-1], f"{text[:-1]}\n", f"```json\n{lines[:-1]}```", f"```\n{lines[:-2]}\n```\n"),
        text.replace(", ", "; ")[:-1],
    ]


@pytest.mark.parametrize(
    "spelled", [*in_other_signs(A), *in_other_signs(LOOSE.replace("True", "true").replace("'", '"'))]
)
def test_other_signs_between_values_cost_no_call(spelled: str) -> None:
    """An equals sign, a semicolon, no sign at all, no last brace: where that leaves one meaning."""
    for before in ("", "Here is the JSON:\n", f"<think>{D}</think>\n"):
        assert read(before + spelled) == "answer"


@pytest.mark.parametrize("draft", in_other_signs(D))
def test_no_draft_counts_because_of_its_signs(draft: str) -> None:
    """Whatever stands between it and the answer: the answer counts, or the model is asked once more."""
    joins = ["\n", ", ", " or ", "\nWait, no: ", "\nActually: ", "\nActually, ", ' "Actually": ', '\n"final": ']
    joins += ["\n\nFinal answer:\n", "\nCorrected:\n", " -> ", "; ", "\n---\n", "\nNo:\n", " // no\n", " /* no */ "]
    for join in joins:
        for answer in (A, PRETTY, LOOSE, A[:-1], f"{A}}}"):
            assert read(f"{draft}{join}{answer}") != "draft", join
        assert read(f"{A}{join}{draft[:-3]}") != "draft", join
    for behind in (
        " wait, no",
        "\nNo, bearish.",
        ' "sentiment": "bearish"',
        ", // or bearish",
        '; "sentiment" = "bearish"}',
    ):
        assert read(draft + behind) == "repair", behind


@pytest.mark.parametrize(
    "text",
    [
        *(D[:-2], D[: D.index(', "subnets"')], f"{D[:-1]} and so on", f"{D[:-1]} {{", f"{D[:-1]},", f"{{}} {D[:-1]}"),
        *(D.replace('"very_bullish"', words) for words in ('"very" "_bullish"', '"very_bullish" "bearish"')),
        *(D.replace('"very_bullish"', words) for words in ("very bullish", '"not" very_bullish', "= very_bullish")),
        D.replace('"sentiment"', '"why": "he said "sentiment": "very_bullish" here", "sentiment"'),
        '{"about_bittensor" = true; "sentiment" = "bearish"; "sentiment" = "very_bullish"; "subnets" = []}',
    ],
)
def test_what_signs_leave_open_is_asked_for_again(text: str) -> None:
    """An end that may be cut off, two strings side by side, words side by side, a field twice."""
    assert read(text) == "repair"


@pytest.mark.parametrize(
    "text",
    [
        *(D.replace('"very_bullish"', words) for words in ('"very_bullish" | "bearish"', "very_bullish or bearish")),
        *(D.replace('"very_bullish"', words) for words in ("not very_bullish", "f'very_bullish'", "[very_bullish]")),
        *(D.replace('"very_bullish"', f'"very_bullish"{words}') for words in (", // or bearish\n", ' /* "bearish" */')),
        D.replace('"subnets"', '// "sentiment": "bearish",\n"subnets"'),
        "{about_bittensor: true, sentiment: 'very_bullish', sentiment: 'bearish', subnets: []}",
        "{“about_bittensor”: true, “sentiment”: “very_bullish” or “bearish”, “subnets”: []}",
        '{“about_bittensor”: true, “sentiment”: “very_bullish”, “why”: “he said "no"”, “subnets”: []}',
        *(json.dumps({**CALL, "arguments": BULLISH, **more}) for more in ({"name": "reject"}, {"comment": "wrong"})),
    ],
)
def test_what_is_not_clear_in_another_spelling_is_asked_for_again(text: str) -> None:
    """Two values, a choice, a remark with another one, a call that says something against its arguments."""
    assert read(text) == "repair"


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
