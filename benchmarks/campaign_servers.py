"""A real model behind real servers: SmolLM2 on llama.cpp's server, asked directly and behind LiteLLM's proxy.

    python -m benchmarks.campaign_servers [--posts N] [--windows N] [--threads N]

Three windows of ``user-miner run`` against each, labelled posts by ``user-miner evaluate``, wrong keys and models, and
a request that is given up. Exit code 1 when an analysis failed, a post took more than one call, tokens on record are
not those that the server counted, a refusal is not told as what it is, or work went on for a client that had left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actor.analyzer import AnalysisError, LLMError, load_registry, make_strategy
from actor.compose import Model, build_analyzer
from actor.edges.llm import OpenAIChat
from actor.edges.text import Redactor
from actor.machine.alarms import LLM_FIXES
from benchmarks.real_servers import Llama, Served, litellm, llama
from events.catalogue import AnalysisFailed, PostAnalyzed
from sandbox import Sandbox, SandboxConfig
from tests.world import World, bare_env, hours_ago, make_wallet

_LABELLED: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "labelled_posts.jsonl"
_GIVEN_UP_AFTER_S: Final = 3.0
_STOPS_WITHIN_S: Final = 10.0
_RUNS_ON_S: Final = 600.0
# llama.cpp looks whether its client is still there when it has told nobody anything for a second: so who asks how it
# fares more often than that keeps it from looking.
_LOOK_EVERY_S: Final = 2.5
# An answer of a thousand tokens, which no model can end before.
_NUMBERS: Final = [f"n{number:03}" for number in range(100)]
_LONG: Final = {
    "type": "object",
    "properties": {name: {"type": "integer"} for name in _NUMBERS},
    "required": _NUMBERS,
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of one server.

    Attributes:
        analyses: What the journal has of three windows.
        evaluated: What `evaluate --json` says of the model.
        counted: Tokens of questions and answers, by the server.
        refusals: What came of a wrong key and a wrong model, by what was wrong.
        went_on_s: Seconds for which the server worked on after a client had left.
    """

    analyses: list[PostAnalyzed | AnalysisFailed]
    evaluated: dict[str, Any]
    counted: tuple[int, int]
    refusals: dict[str, AnalysisError | None]
    went_on_s: float

    def ours(self) -> tuple[int, int]:
        """Tokens on record."""
        names = ("prompt_tokens", "completion_tokens")
        prompt, answer = (sum(getattr(one, name) for one in self.analyses) + self.evaluated[name] for name in names)
        return prompt, answer

    def posts(self) -> int:
        """Asked about."""
        return sum(_was_asked(one) for one in self.analyses) + int(self.evaluated["posts"])

    def failed(self) -> int:
        """Of these, without an analysis."""
        return sum(isinstance(one, AnalysisFailed) for one in self.analyses) + int(self.evaluated["failed"])

    def calls(self) -> int:
        """Paid for."""
        return sum(one.calls for one in self.analyses) + int(self.evaluated["calls"])

    def findings(self) -> Iterator[str]:
        """What is not as it has to be."""
        if self.failed():
            yield f"{self.failed()} analyses failed: {self._failures()}"
        if self.calls() != self.posts():
            yield f"{self.calls()} calls for {self.posts()} posts"
        if self.ours() != self.counted:
            yield f"tokens on record {self.ours()}, counted by the server {self.counted}"
        for kind, error in self.refusals.items():
            if error is None or error.kind != kind or error.calls:
                yield f"expected a refusal of kind {kind}, found {error and (error.kind, error.calls, error.reason)}"
        if self.went_on_s > _STOPS_WITHIN_S:
            yield f"the server worked on for {self.went_on_s:.0f} s after its client had left"

    def _failures(self) -> dict[str, int]:
        kinds = Counter(one.kind for one in self.analyses if isinstance(one, AnalysisFailed))
        return dict(kinds + Counter(self.evaluated["failures"]))

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        e, base = self.evaluated, self.evaluated["baseline"]
        asked = [one for one in self.analyses if _was_asked(one)]
        ways = Counter(_way(one) for one in asked if isinstance(one, PostAnalyzed)) + Counter(e["ways"])
        constant = f"always {base['category']} {base['sentiment_agreement']:.1%}"
        seconds = [one.latency_ms / 1000 for one in asked]
        unmeasured = sum(one.unmeasured_calls for one in asked) + e["unmeasured_calls"]
        yield f"analyses     {len(asked)} by run, {e['posts']} by evaluate; {self.failed()} failed"
        yield f"calls        {self.calls() / self.posts():.2f} a post, {unmeasured} without a count of tokens"
        yield f"tokens       {_pair(self.ours())} on record, {_pair(self.counted)} counted by the server"
        yield f"rung         {', '.join(f'{way}: {number}' for way, number in ways.items())}"
        yield f"relevance    {e['relevance_agreement']:.1%}; by names alone {base['relevance_agreement']:.1%}"
        yield f"sentiment    {e['sentiment_agreement']:.1%}; {constant}"
        yield f"latency      run: {statistics.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most"
        yield f"             evaluate: {e['latency_s']['median']:.1f} s and {e['latency_s']['largest']:.1f} s"
        for error in self.refusals.values():
            told = "" if error is None else f"{error.kind}: {error.reason}; fix: {LLM_FIXES[error.kind]}"
            yield f"refused      {told or 'nothing'}"
        yield f"given up     the server worked on for {self.went_on_s:.1f} s"


def measure(served: Served, worker: Llama, folder: Path, *, windows: int, posts: int) -> Figures:
    """All of it over one server."""
    before = worker.tokens()
    analyses = _mined(served, folder, windows)
    evaluated = _evaluated(served, folder, posts)
    after = worker.tokens()
    wrong = {"auth": Served(served.name, served.base_url, "sk-wrong", served.model)}
    if served is not worker:  # llama.cpp serves its one model under any name
        wrong["model"] = Served(served.name, served.base_url, served.key, "no-such-model")
    return Figures(
        analyses=analyses,
        evaluated=evaluated,
        counted=(after[0] - before[0], after[1] - before[1]),
        refusals={kind: asyncio.run(_refusal(other)) for kind, other in wrong.items()},
        went_on_s=asyncio.run(_given_up(served, worker)),
    )


def _mined(served: Served, folder: Path, windows: int) -> list[PostAnalyzed | AnalysisFailed]:
    """So many windows, each by a process of its own, which knows what the one before found out."""
    folder.mkdir()
    make_wallet(folder / "wallets")
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=60, epoch=hours_ago())) as box:
        world = World(folder=folder, sandbox=box)
        for _ in range(windows):
            code, output = world.run("--windows", "1", env=world.env(**served.env()))
            assert code == 0, output
            box.next_window()
            box.advance_posts(1800)
        events = [record.event() for record, _ in world.history()]
    return [event for event in events if isinstance(event, PostAnalyzed | AnalysisFailed)]


def _evaluated(served: Served, folder: Path, posts: int) -> dict[str, Any]:
    """Every so many-th of the labelled posts, so that all kinds are among them."""
    lines = _LABELLED.read_text("utf-8").splitlines()
    chosen = lines[:: len(lines) // posts][:posts]
    (folder / "posts.jsonl").write_text("\n".join(chosen), "utf-8")
    command = [sys.executable, "-m", "user_miner.cli", "evaluate", "posts.jsonl", "--live", "--json"]
    done = subprocess.run(  # noqa: S603  (this program)
        command, cwd=folder, env=bare_env(**served.env()), capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)["model"]
    return model


async def _refusal(served: Served) -> AnalysisError | None:
    model = Model(base_url=served.base_url, api_key=served.key, name=served.model, timeout_s=60)
    analyzer = build_analyzer(make_strategy("hybrid", load_registry()), model, Redactor((served.key,)))
    try:
        await analyzer.analyze("SN45 is live on mainnet.")
    except AnalysisError as error:
        return error
    finally:
        await analyzer.aclose()
    return None


async def _given_up(served: Served, worker: Llama) -> float:
    """How long the worker works on for a client that has left before a long answer was whole, to the next look."""
    llm = OpenAIChat(base_url=served.base_url, api_key=served.key, timeout_s=_GIVEN_UP_AFTER_S)
    schema = {"name": "numbers", "strict": True, "schema": _LONG}
    try:
        await llm.complete(
            model=served.model,
            messages=[{"role": "user", "content": "Write 400 numbers."}],
            response_format={"type": "json_schema", "json_schema": schema},
            max_tokens=1_500,
        )
    except LLMError as error:
        if error.kind != "timeout":
            raise
    finally:
        await llm.aclose()
    left_s = time.monotonic()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        went_on_s = time.monotonic() - left_s
        if not worker.at_work() or went_on_s > _RUNS_ON_S:
            return went_on_s


def _was_asked(one: PostAnalyzed | AnalysisFailed) -> bool:
    """Whether the server was; the answer about the same text may be on record."""
    return isinstance(one, AnalysisFailed) or one.reused_from is None


def _way(analyzed: PostAnalyzed) -> str:
    return f"{analyzed.rung} without {', '.join(analyzed.dropped)}" if analyzed.dropped else analyzed.rung


def _pair(tokens: tuple[int, int]) -> str:
    return f"{tokens[0]:,} + {tokens[1]:,}"


def main() -> int:
    """Run it once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--posts", type=int, default=40, help="labelled posts for each server")
    parser.add_argument("--windows", type=int, default=3, help="windows of run for each server")
    parser.add_argument("--threads", type=int, default=1, help="threads of the model")
    options = parser.parse_args()
    findings = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="user-miner-servers-")))
        worker = stack.enter_context(llama(folder, threads=options.threads))
        for served in (worker, stack.enter_context(litellm(folder, worker))):
            place = folder / served.name
            found = measure(served, worker, place, windows=options.windows, posts=options.posts)
            print(f"{served.name}\n  " + "\n  ".join(found.lines()), flush=True)
            findings += [f"{served.name}: {finding}" for finding in found.findings()]
    print("\n".join(findings) or "as it has to be")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
