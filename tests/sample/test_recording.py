"""The recorder: the same story makes the same journal, and a killed process leaves what a killed process leaves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actor.machine.history import folded
from events.journal import JournalReader, verify_journal
from sandbox import SandboxConfig
from tests.sample.loop import run_in
from tests.sample.scenes import USUAL, busy_window, faults, windows
from tests.sample.stage import Run, Stage

AT_MS = 1_794_839_525_123


async def story(stage: Stage) -> None:
    """Three windows with a failed attempt, a crash, a slow answer and a kill in mid-write."""
    run = Run(policy=USUAL.policy, api_url=stage.sandbox.api_base)
    stage.post(6)
    await stage.start(run)
    faults(stage, "api.submit", "500")
    await busy_window(stage, 3)
    stage.mishaps.bug("scrape", KeyError("includes"))
    stage.mishaps.slow("analyze", 30.0)
    await busy_window(stage, 3)
    stage.doom("PostAnalyzed", count=2, torn=True)
    await stage.death()
    await stage.pause(90)
    await stage.start(run)
    await windows(stage, 1)
    await stage.stop()


def recorded(directory: Path) -> list[dict[str, Any]]:
    """The story's records, without what is random in a signature and what follows from it or from a free port."""
    stage = Stage(directory, seed=7, at_ms=AT_MS, config=SandboxConfig(start_block=6_000_090, corpus_size=20))
    with stage.sandbox:
        run_in(stage.time, story(stage))
    told = []
    for record, state in folded(JournalReader(directory)):
        data = {key: value for key, value in record.data.items() if key not in {"signature", "api_url"}}
        if record.name == "CheckpointSigned":
            data = {"seq": record.data["seq"]}
        told.append({"at_ms": record.at_ms, "event": record.name, "data": data, "state": state.state})
    return told


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The story's records."""
    return recorded(tmp_path_factory.mktemp("first") / "journal")


def test_the_same_seed_records_the_same_journal(told: list[dict[str, Any]], tmp_path: Path) -> None:
    """Whatever the machine's speed: real HTTP, but time moves only while nobody waits for an answer."""
    assert recorded(tmp_path / "second") == told
    assert verify_journal(tmp_path / "second").ok


def test_the_story_is_told_to_the_actor(told: list[dict[str, Any]]) -> None:
    """What was planned went wrong, each thing once, and the killed process left a torn tail."""
    names = Counter(record["event"] for record in told)
    assert names["WindowOpened"] == 3
    assert names["SubmissionFailed"] == names["EffectCrashed"] == names["TailRepaired"] == names["ActorStopped"] == 1
    assert names["ActorStarted"] == 2


def test_records_are_as_far_apart_as_in_production(told: list[dict[str, Any]]) -> None:
    """Windows open with the chain, 20 minutes apart, and a slow answer takes its time."""
    opened = [record["at_ms"] for record in told if record["event"] == "WindowOpened"]
    assert round((opened[2] - opened[1]) / 1000) == 1200
    latencies = [record["data"]["latency_ms"] for record in told if record["event"] == "PostAnalyzed"]
    assert 30_000 in latencies
    assert all(900 <= latency <= 30_000 for latency in latencies)
