"""How the analyzer finds out what a server takes, remembers it, and asks again: never the same at the same price."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Analysis, AnalysisError, Analyzer, Completion, LLMError, load_registry, make_strategy
from actor.analyzer.conversation import DAY_S, RUNGS, THINKING_TOKENS
from actor.analyzer.port import PARAMETERS
from actor.analyzer.prompt import SHORT_POST_BYTES
from actor.testing.edges import ScriptedLLM, completion

POST = "Upscaling video on Bittensor with compression is amazing"
GOOD = json.dumps({"about_bittensor": True, "sentiment": "bullish", "subnets": []})
Line = str | Completion | LLMError | float


def _analyzer(llm: ScriptedLLM) -> Analyzer:
    strategy = make_strategy("hybrid", load_registry())
    return Analyzer(llm=llm, strategy=strategy, model="m", timeout_s=5, server="s", backoff_s=0.001)


def _ask(script: Iterable[Line], *, posts: int = 1, post: str = POST) -> tuple[ScriptedLLM, list[Analysis]]:
    llm = ScriptedLLM(script)
    analyzer = _analyzer(llm)

    async def ask() -> list[Analysis]:
        return [await analyzer.analyze(post) for _ in range(posts)]

    return llm, asyncio.run(ask())


def _refused(*names: str) -> LLMError:
    return LLMError(f"unsupported {names}", kind="refused_parameter", refused=names)


def _rungs(llm: ScriptedLLM) -> list[str]:
    told = []
    for asked in llm.asked:
        form = asked.response_format
        kind = "plain" if form is None else form["type"]
        bounded = "maxItems" in json.dumps(form)
        listing = "subnets" in json.dumps(form)
        told.append("simple_schema" if kind == "json_schema" and listing and not bounded else kind)
    return told


def test_what_a_server_refuses_is_left_out_and_remembered() -> None:
    """Refusals cost nothing; the second post is asked once, as the server takes it."""
    llm, (first, second) = _ask([_refused("max_tokens"), _refused("temperature", "seed"), GOOD], posts=2)
    dropped = ("max_tokens", "temperature", "seed")
    assert [asked.without for asked in llm.asked] == [(), dropped[:1], dropped, dropped]
    assert (first.dropped, first.calls, first.failed_calls) == (dropped, 1, 2)
    assert (second.dropped, second.calls, second.failed_calls) == (dropped, 1, 0)


def test_a_parameter_that_is_refused_although_it_was_left_out_ends_the_exchange() -> None:
    """Nothing new would be asked."""
    llm = ScriptedLLM([_refused("seed")])
    with pytest.raises(AnalysisError) as caught:
        asyncio.run(_analyzer(llm).analyze(POST))
    assert (len(llm.asked), caught.value.kind, caught.value.dropped) == (2, "refused_parameter", ("seed",))


@pytest.mark.parametrize("bad", ["The post is bullish.", "{}", "", LLMError("no text", kind="malformed")])
def test_a_repair_goes_one_rung_down_and_is_remembered(bad: Line) -> None:
    """Each sign that a rung does not work costs one more request, and the next post none."""
    llm, (first, second) = _ask([bad, GOOD], posts=2)
    assert _rungs(llm) == ["json_schema", "simple_schema", "simple_schema"]
    assert (first.calls, first.repairs, second.calls, second.repairs) == (2, 1, 1, 0)


def test_a_post_without_candidates_has_one_schema() -> None:
    """There is nothing to bound, and the same is not asked twice."""
    llm, (found,) = _ask([LLMError("no", kind="refused_format"), GOOD], post="gm")
    assert (_rungs(llm), found.rung) == (["json_schema", "json_object"], "json_object")


def test_a_server_without_schemas_is_not_asked_for_a_simpler_one() -> None:
    """Where the refusal says so."""
    llm, (found,) = _ask([LLMError("no", kind="refused_format", refused=("response_format.type",)), GOOD])
    assert (_rungs(llm), found.rung) == (["json_schema", "json_object"], "json_object")


@pytest.mark.parametrize("bad", ["no", "", "\ud800 no", "<think>a</think>no", LLMError("no text", kind="malformed")])
def test_roles_alternate(bad: Line) -> None:
    """No two messages of one role follow each other, and what was said can be sent."""
    llm, _ = _ask([bad, GOOD])
    for asked in llm.asked:
        roles = [message["role"] for message in asked.messages]
        assert roles[0] == "system"
        assert all(one != other for one, other in pairwise(roles))
        json.dumps(asked.messages, ensure_ascii=False).encode()
        assert "<think>" not in asked.messages[-2]["content"]


@pytest.mark.parametrize(
    "cut",
    [
        completion("<think>It may be bearish, or", finish_reason="length"),
        completion(GOOD[:20], finish_reason="length"),
        completion("Let me think step by step. The post", finish_reason="length"),
        completion(f"{GOOD} Explanation: the post", finish_reason="length"),
        completion("<think>It may be bearish, or", finish_reason="stop"),
        completion("Let me think step by step. The post", finish_reason="stop", completion_tokens=352),
        completion("Let me think step by step. The post", finish_reason=None, completion_tokens=352),
        LLMError("no text", kind="malformed", prompt_tokens=100, completion_tokens=352),
        LLMError("no text", kind="malformed", cut_off=True, prompt_tokens=100, completion_tokens=256),
    ],
)
def test_what_was_cut_off_gets_room(cut: Completion | LLMError) -> None:
    """The same question with a larger cap, whatever the server calls the end; it is known from then on."""
    llm, (first, second) = _ask([cut, GOOD], posts=2)
    assert llm.asked[0].messages == llm.asked[1].messages
    caps = [asked.max_tokens for asked in llm.asked]
    assert caps[0] < caps[1] == caps[2] == THINKING_TOKENS
    assert _rungs(llm) == ["json_schema"] * 3
    assert (first.calls, first.repairs, first.dropped, second.calls) == (2, 1, ("small_cap",), 1)


def test_thoughts_without_end_are_not_paid_for_thrice() -> None:
    """More room was given once; the reason says what to do."""
    llm = ScriptedLLM([completion("<think>and then", finish_reason="length")])
    with pytest.raises(AnalysisError, match="set MODEL to one that thinks less") as caught:
        asyncio.run(_analyzer(llm).analyze(POST))
    assert (len(llm.asked), caught.value.kind) == (2, "malformed")


@pytest.mark.parametrize("end", [" " * 40, "\n\t" * 90])
def test_an_object_that_does_not_end_is_repaired(end: str) -> None:
    """A model that writes empty space until it is cut off gets no more room for it."""
    llm, (found,) = _ask([completion(f"{GOOD[:-1]}{end}", finish_reason="length"), GOOD])
    assert llm.asked[0].max_tokens == llm.asked[1].max_tokens
    assert (_rungs(llm), found.dropped) == (["json_schema", "simple_schema"], ())


def test_words_without_end_are_not_paid_for_thrice() -> None:
    """The reason says what to do."""
    llm = ScriptedLLM([completion("On and on", finish_reason="length")])
    with pytest.raises(AnalysisError, match=r"set MODEL to one that answers with JSON") as caught:
        asyncio.run(_analyzer(llm).analyze(POST))
    assert (len(llm.asked), caught.value.kind) == (2, "malformed")


def test_one_odd_answer_leaves_the_rung_that_works() -> None:
    """The post is repaired one rung lower, and the next one begins where the first did."""
    llm, found = _ask([GOOD, "odd", GOOD, GOOD], posts=3)
    assert _rungs(llm) == ["json_schema", "json_schema", "simple_schema", "json_schema"]
    assert [one.calls for one in found] == [1, 2, 1]


def test_a_rung_that_keeps_failing_is_left() -> None:
    """After three of four posts that had to be repaired; a single one before that is forgiven."""
    llm, found = _ask([GOOD, *(["odd", GOOD] * 2), GOOD, "odd", *([GOOD] * 9)], posts=8)
    assert [one.calls for one in found] == [1, 2, 2, 1, 2, 1, 1, 1]
    assert _rungs(llm)[-3:] == ["simple_schema"] * 3


def test_a_format_that_is_refused_later_is_left_at_once() -> None:
    """It is no matter of one answer."""
    llm, found = _ask([GOOD, LLMError("no", kind="refused_format"), GOOD, GOOD], posts=3)
    assert _rungs(llm)[-2:] == ["simple_schema"] * 2
    assert [one.failed_calls for one in found] == [0, 1, 0]


def test_the_cap_grows_with_what_can_be_listed() -> None:
    """256 tokens without candidates, 96 more for each."""
    (without,) = _ask([GOOD], post="gm")[0].asked
    (with_one,) = _ask([GOOD])[0].asked
    offered = json.loads(with_one.messages[-1]["content"].split("INPUT:\n")[1])["candidates"]
    assert (without.max_tokens, with_one.max_tokens) == (256, 256 + 96 * len(offered))


@pytest.mark.parametrize("char", ["a", "\U0001f680", "\u4e2d", "\u200b"])
def test_a_post_that_is_too_long_for_the_model_is_cut_once(char: str) -> None:
    """To so many bytes as fit anywhere; how much was shown is recorded."""
    too_long = LLMError("exceeds the available context size", kind="context")
    llm, (found,) = _ask([too_long, GOOD], post=char * 7_000)
    shown = json.loads(llm.asked[1].messages[-1]["content"].split("INPUT:\n")[1])["post"]
    assert found.shown_chars == len(shown) > 100
    assert len(llm.asked[1].messages[-1]["content"].encode()) < SHORT_POST_BYTES + 100
    assert (found.calls, found.failed_calls, _rungs(llm)) == (1, 1, ["json_schema"] * 2)
    llm = ScriptedLLM([too_long])
    with pytest.raises(AnalysisError) as caught:
        asyncio.run(_analyzer(llm).analyze(char * 7_000))
    assert (len(llm.asked), caught.value.kind, caught.value.shown_chars) == (2, "context", found.shown_chars)


def test_a_post_beyond_what_is_ever_shown_is_recorded_so() -> None:
    """8,000 characters are."""
    assert _ask([GOOD], post="a" * 9_000)[1][0].shown_chars == 8_000
    assert _ask([GOOD])[1][0].shown_chars is None


def test_while_nothing_is_known_one_post_finds_out() -> None:
    """Five at once make six requests, not ten; the sixth waits for nobody."""
    llm = ScriptedLLM([LLMError("no", kind="refused_format"), 0.01, GOOD])
    analyzer = _analyzer(llm)

    async def five() -> list[Analysis]:
        return await asyncio.gather(*(analyzer.analyze(f"{POST} {n}") for n in range(5)))

    assert {found.rung for found in asyncio.run(five())} == {"simple_schema"}
    assert len(llm.asked) == 6


def test_others_wait_for_one_that_fails_no_longer_than_it_takes() -> None:
    """Who comes after asks at once, all together."""

    class Slow(ScriptedLLM):
        busy = most = 0

        async def complete(self, **question: object) -> Completion:
            self.busy += 1
            self.most = max(self.most, self.busy)
            await asyncio.sleep(0.01)
            self.busy -= 1
            return await super().complete(**question)  # type: ignore[arg-type]

    llm = Slow([LLMError("no", kind="auth")])
    analyzer = _analyzer(llm)

    async def five() -> list[BaseException | Analysis]:
        return await asyncio.gather(*(analyzer.analyze(f"{POST} {n}") for n in range(5)), return_exceptions=True)

    assert all(isinstance(found, AnalysisError) for found in asyncio.run(five()))
    assert (len(llm.asked), llm.most) == (5, 4)


@pytest.mark.parametrize(
    ("age_s", "rung"), [(0.0, "plain"), (DAY_S - 9, "plain"), (DAY_S, "json_schema"), (-9, "json_schema")]
)
def test_what_an_earlier_process_found_out_holds_for_a_day(age_s: float, rung: str) -> None:
    """Then everything is tried again; a clock that went back proves nothing."""
    llm = ScriptedLLM([GOOD])
    analyzer = _analyzer(llm)

    async def ask() -> Analysis:
        analyzer.recall("plain", ("seed",), age_s=age_s)
        return await analyzer.analyze(POST)

    found = asyncio.run(ask())
    assert (found.rung, found.dropped) == (rung, ("seed",) if rung == "plain" else ())


@pytest.mark.parametrize("rung", ["recorded", "a rung of another build"])
def test_a_rung_that_is_none_of_ours_is_not_recalled(rung: str) -> None:
    """An answer that was on record tells nothing of a server."""
    llm = ScriptedLLM([GOOD])
    analyzer = _analyzer(llm)

    async def ask() -> Analysis:
        analyzer.recall(rung, (), age_s=0)
        return await analyzer.analyze(POST)

    assert asyncio.run(ask()).rung == "json_schema"


_REFUSALS = st.one_of(
    st.just(LLMError("no", kind="refused_format")),
    st.just(LLMError("no, beside an answer", kind="refused_format", prompt_tokens=9)),
    st.lists(st.sampled_from(PARAMETERS), max_size=3).map(lambda names: _refused(*names)),
    st.just(LLMError("long", kind="context")),
    st.just(LLMError("busy", kind="broken")),
    st.just(LLMError("nothing", kind="malformed", cut_off=True)),
    st.just(completion("<think>", finish_reason="length")),
    st.sampled_from(["no", "{}", GOOD]),
)


@settings(derandomize=True)
@given(st.lists(_REFUSALS, min_size=1, max_size=14))
def test_no_exchange_is_without_end_or_asks_the_same_twice(script: list[Line]) -> None:
    """At most three calls that may be billed, and no request is repeated unless its connection broke."""
    llm = ScriptedLLM([*script, "no"])
    try:
        calls = asyncio.run(_analyzer(llm).analyze(POST)).calls
    except AnalysisError as error:
        calls = error.calls
    assert calls <= 3
    assert len(llm.asked) <= 3 + len(RUNGS) - 1 + len(PARAMETERS) + 1 + 2
    asked = [repr(one) for one in llm.asked]
    broken = sum(isinstance(line, LLMError) and line.kind == "broken" for line in script)
    assert len(asked) - len(set(asked)) <= broken + ("no" in script or "{}" in script or len(asked) > len(script))
