"""Analyzer, edge and stand-in model together, over real HTTP on loopback. The model counts words; it is no judge."""

import asyncio

import pytest

from actor.analyzer import Analysis, AnalysisError, Analyzer, load_registry, make_strategy
from actor.edges.llm import OpenAIChat
from sandbox import Sandbox, SandboxConfig
from sandbox.services.faults import known_faults
from tests.patience import GIVE_UP_S

POST = "SN4 and video upscaling on Bittensor, good work"
SHORT_S = 0.5


def _analyze(box: Sandbox, post: str, *, limit_s: float, times: int = 1) -> list[Analysis | AnalysisError]:
    async def analyze() -> list[Analysis | AnalysisError]:
        llm = OpenAIChat(base_url=box.llm_base, api_key=box.llm_key, timeout_s=limit_s)
        strategy = make_strategy("hybrid", load_registry())
        analyzer = Analyzer(llm=llm, strategy=strategy, model=box.config.model, timeout_s=limit_s, backoff_s=0.01)
        try:
            return [await _outcome(analyzer, post) for _ in range(times)]
        finally:
            await analyzer.aclose()

    return asyncio.run(analyze())


async def _outcome(analyzer: Analyzer, post: str) -> Analysis | AnalysisError:
    try:
        return await analyzer.analyze(post)
    except AnalysisError as error:
        return error


@pytest.mark.parametrize(
    ("formats", "rung"),
    [
        ({"json_schema", "json_object", "text"}, "json_schema"),
        ({"json_object", "text"}, "json_object"),
        ({"text"}, "plain"),
    ],
)
def test_the_ladder_finds_the_rung_and_remembers_it(formats: set[str], rung: str) -> None:
    """Whatever formats a server takes, the second post costs exactly one request."""
    with Sandbox(SandboxConfig(response_formats=frozenset(formats), corpus_size=1)) as box:
        first, second = _analyze(box, POST, limit_s=GIVE_UP_S, times=2)
        assert isinstance(first, Analysis)
        assert isinstance(second, Analysis)
        assert first.tokens == {"targon": 1.0, "vidaio": 0.4}
        assert (first.rung, first.calls, second.rung, second.calls) == (rung, 1, rung, 1)
        assert len(box.ledger.llm.exchanges()) == {"json_schema": 2, "json_object": 3, "plain": 4}[rung]


@pytest.mark.parametrize("fault", sorted(known_faults("llm")))
def test_every_fault_once_and_for_ever(fault: str) -> None:
    """A fault ends in an analysis or AnalysisError in time, and no billed call goes uncounted."""
    with Sandbox(SandboxConfig(corpus_size=1)) as box:
        for times in (1, 9):
            box.script("llm", fault, times=times)
            billed = box.ledger.llm.calls
            (found,) = _analyze(box, POST, limit_s=SHORT_S)
            box.clear_faults()
            if isinstance(found, Analysis):
                assert set(found.tokens) <= {"targon", "vidaio"}
                assert found.tokens["targon"] == 1.0
                assert found.sentiment in {1.0, 0.5, 0.0, -0.5, -1.0}
            assert box.ledger.llm.calls - billed <= found.calls <= 4
            assert box.llm_key not in str(found)
