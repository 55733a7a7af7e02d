"""Scenes in which the miner's process dies, its journal is damaged, or its own code fails."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.sample.scenes import USUAL, Scene, busy_window, faults, rare_post, restart, searching_for, windows
from tests.sample.stage import Stage
from user_miner.commands.repair import run_repair

__all__ = [
    "LOST",
    "answers_in_a_backoff",
    "bugs",
    "damaged",
    "killed_in_the_last_attempt",
    "killed_while_it_waits",
    "kills",
    "stops_in_the_middle",
]


# A bad sector in the last record of each of these leaves the machine in another state.
LOST: Final = ("WindowOpened", "PostsScraped", "PostAnalyzed", "SubmissionStarted", "BackoffElapsed")


async def kills(stage: Stage) -> None:
    """SIGKILL at every stage of a window, with and without half a line left behind."""
    deaths = (
        ("WindowOpened", 1, False),
        ("WindowOpened", 1, True),
        ("PostsScraped", 1, False),
        ("PostAnalyzed", 2, False),
        ("PostAnalyzed", 3, True),
        ("PostAnalyzed", 5, False),
        ("SubmissionStarted", 1, False),
        ("SubmissionStarted", 3, True),
        ("SubmissionAccepted", 2, False),
        ("SubmissionAccepted", 4, True),
        ("CheckpointSigned", 1, True),
        ("SubmissionFailed", 1, True),
    )
    for name, count, torn in deaths:
        await busy_window(stage, 6)
        if name == "SubmissionFailed":
            faults(stage, "api.submit", "500")
        stage.doom(name, count=count, torn=torn)
        await stage.death()
        await stage.pause(stage.random.uniform(20, 400))
        await stage.start(USUAL)
    await stage.until_window()


async def killed_while_it_waits(stage: Stage) -> None:
    """SIGKILL in backoffs and at rest; then the host is off for hours."""
    await busy_window(stage)
    faults(stage, "api.submit", "500", "500")
    await stage.recorded("SubmissionFailed", count=2)
    await stage.kill()
    await stage.pause(2)
    await stage.start(USUAL)
    await busy_window(stage)
    faults(stage, "api.submit", "ok", "429")
    await stage.recorded("RateLimited")
    await stage.pause(100)
    await stage.kill()
    await stage.pause(120)
    await stage.start(USUAL)
    await stage.until_window()
    await stage.pause(500)
    await stage.kill()
    await stage.until_window(9)
    await stage.pause(200)
    stage.calm()
    await stage.start(USUAL)
    await windows(stage, 3)


async def killed_in_the_last_attempt(stage: Stage) -> None:
    """A post's third attempt is open when the process dies, once after its window and once in it."""
    run = searching_for("opentensor")
    await stage.until_window()
    await restart(stage, run)
    for outlasts in (True, False):
        await rare_post(stage, "opentensor")
        faults(stage, "api.submit", "500", "500")
        if outlasts:
            stage.mishaps.slow("submit", 0.1, 0.1, 1500.0)
        stage.doom("WindowOpened" if outlasts else "SubmissionStarted", count=2 if outlasts else 3)
        await stage.death()
        await stage.pause(60)
        stage.calm()
        await stage.start(run)
        await windows(stage, 2)
    await restart(stage, USUAL)


async def stops_in_the_middle(stage: Stage) -> None:
    """SIGTERM while X, the LLM and the API hang, and in a backoff."""
    for route in ("x.search", "llm.chat", "api.submit"):
        await busy_window(stage, 2)
        faults(stage, route, "hang")
        reached = {"x.search": "Scraping", "llm.chat": "Analyzing", "api.submit": "Submitting"}[route]
        await stage.reached(reached)
        await restart(stage, USUAL)
    await busy_window(stage, 2)
    faults(stage, "api.submit", "429")
    await stage.recorded("RateLimited")
    await restart(stage, USUAL)


async def bugs(stage: Stage) -> None:
    """Another build runs, whose effects raise what no edge should."""
    await restart(stage, replace(USUAL, build="0.1.0.dev3"), "update to a faulty build")
    for name, error, times in (
        ("scrape", KeyError("includes"), 1),
        ("scrape", KeyError("includes"), 3),
        ("analyze", TypeError("unsupported operand type(s) for +: 'NoneType' and 'int'"), 1),
        ("analyze", UnicodeError("surrogates not allowed"), 9),
        ("submit", RuntimeError("dictionary changed size during iteration"), 1),
        ("submit", AttributeError("'str' object has no attribute 'get'"), 2),
        ("sign", MemoryError("out of keys"), 1),
        ("status", ZeroDivisionError("integer modulo by zero"), 2),
    ):
        await busy_window(stage, 3)
        stage.mishaps.bug(name, error, times=times)
        await stage.pause(600)
        stage.calm()
    await stage.until_window()


async def answers_in_a_backoff(stage: Stage) -> None:
    """The same build: the status poll crashes while something else is in flight, and its answer comes all the same."""
    for name, route, fault in (
        ("scrape", "x.search", "ok"),
        ("scrape", "x.search", "500"),
        ("analyze", "llm.chat", "ok"),
        ("analyze", "llm.chat", "402"),
        ("submit", "api.submit", "ok"),
        ("submit", "api.submit", "409"),
        ("submit", "api.submit", "500"),
        ("submit", "api.submit", "429"),
    ):
        await busy_window(stage, 2)
        faults(stage, route, fault)
        # The next poll crashes within 12 s; the backoff lasts 12 s more.
        for quick in ("scrape", "analyze", "submit"):
            stage.mishaps.slow(quick, 18.0 if quick == name else 1.0)
        await stage.recorded("SubmissionStarted" if name == "submit" else "WindowOpened")
        stage.mishaps.bug("status", ZeroDivisionError("integer modulo by zero"))
        await stage.pause(300)
        stage.calm()
    await stage.until_window()
    await restart(stage, USUAL, "update")


def damaged(lost: str) -> Scene:
    """A bad sector in the last record of an event."""

    async def scene(stage: Stage) -> None:
        """Some bytes turn out to be lost after a crash; the operator accepts it, and a gap is declared."""
        await busy_window(stage)
        if lost == "BackoffElapsed":
            faults(stage, "api.submit", "500")
        stage.doom("SubmissionAccepted", count=5)
        await stage.death()
        _spoil(stage.directory, lost)
        await stage.pause(200)
        await _repaired(stage)
        await stage.pause(300)
        await stage.start(USUAL)
        await windows(stage, 2)

    return scene


def _spoil(journal: Path, event: str) -> None:
    """Some bytes of the last record of an event are other ones."""
    for segment in sorted(journal.glob("*.jsonl"), reverse=True):
        at = segment.read_bytes().rfind(b'"event":"%s"' % event.encode())
        if at >= 0:
            with segment.open("r+b") as file:
                file.seek(at)
                file.write(bytes(16))
                os.fsync(file.fileno())
            return


async def _repaired(stage: Stage) -> None:
    """``user-miner repair --accept-loss``, and the two moves that it asks for."""
    journal, repaired = stage.directory, stage.directory.with_name("repaired")
    await stage.outside(lambda: run_repair(journal, accept_loss=True, out=repaired, clock=stage.clock))
    journal.rename(journal.with_name(f"damaged-{stage.sandbox.block}"))
    repaired.rename(journal)
