"""Scenes about settings and about batches that outlast their window, are put off, or are given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from events.codec import changed
from tests.sample.posts import written
from tests.sample.scenes import USUAL, busy_window, faults, rare_post, restart, searching_for, windows
from tests.sample.stage import Stage

__all__ = [
    "another_pace",
    "budgets",
    "carried_too_long",
    "clocks",
    "left_out",
    "moved",
    "outlasting",
    "too_many",
    "too_old",
    "votes",
]

_DAYS_3_S: Final = 72 * 3600.0
_TWO_WINDOWS_S: Final = 1500.0
_STRICT: Final = changed(USUAL.policy, on_analysis_error="skip", submit_irrelevant=False)


async def too_many(stage: Stage) -> None:
    """The settings allow 7 where the API takes 5; what is above its quota waits until it is given up."""
    await stage.until_window()
    await restart(stage, replace(USUAL, policy=changed(USUAL.policy, max_submissions_per_window=7)))
    await busy_window(stage, 9)
    faults(stage, "api.submit", "429_text")
    await stage.until_window()
    for _ in range(3):
        faults(stage, "api.submit", "429")
        await stage.until_window()
    await windows(stage, 2)
    await restart(stage, USUAL)


async def left_out(stage: Stage) -> None:
    """Strict settings: irrelevant posts and failed analyses are left out."""
    await stage.until_window()
    await restart(stage, replace(USUAL, policy=changed(_STRICT, search_keywords=("subtensor",))))
    for fault in ("402", "ok"):
        for delay_s in (2.0, _TWO_WINDOWS_S):
            await rare_post(stage, "subtensor", "Wallet tip: keep the coldkey offline, and count the words twice.")
            faults(stage, "llm.chat", fault)
            stage.mishaps.slow("analyze", delay_s)
            await stage.pause(delay_s + 100)
    await stage.until_window()
    await restart(stage, replace(USUAL, policy=_STRICT))
    for _ in range(3):
        await busy_window(stage, 3)
        faults(stage, "llm.chat", "402")
    await stage.until_window()
    await restart(stage, USUAL)


async def votes(stage: Stage) -> None:
    """Each question is put to the model three times; then a run counts only the subnets that a post names."""
    await stage.until_window()
    await restart(stage, replace(USUAL, votes=3))
    await busy_window(stage, 2)
    await busy_window(stage, 2)
    faults(stage, "llm.chat", "ok", "bad_indexes", "ok", "unknown_names")
    await stage.until_window()
    await restart(stage, replace(USUAL, strategy="matcher"))
    await busy_window(stage, 3)
    await stage.until_window()
    await restart(stage, USUAL)


async def another_pace(stage: Stage) -> None:
    """The API changes blocks_per_window: in a search, an analysis, a submission, and twice while the miner waits."""
    await busy_window(stage, 2)
    stage.mishaps.slow("scrape", 60.0)
    await stage.recorded("WindowOpened")
    stage.sandbox.blocks.blocks_per_window = 50
    await windows(stage, 9)
    await busy_window(stage, 2)
    stage.mishaps.slow("analyze", 60.0)
    await stage.recorded("PostsScraped")
    stage.sandbox.blocks.blocks_per_window = 100
    await windows(stage, 2)
    await busy_window(stage, 2)
    stage.mishaps.slow("submit", 60.0)
    await stage.recorded("SubmissionStarted")
    stage.sandbox.blocks.blocks_per_window = 50
    await windows(stage, 2)
    stage.sandbox.blocks.blocks_per_window = 100
    for blocks in (200, 100):
        await windows(stage, 2)
        await stage.pause(600)
        stage.sandbox.blocks.blocks_per_window = blocks


async def clocks(stage: Stage) -> None:
    """The host's clock runs ahead, so that the API refuses its signatures; then somebody sets it back, too far."""
    await stage.until_window()
    await stage.pause(200)
    stage.clock.jump(420)
    await busy_window(stage, 1)
    await stage.until_window()
    await stage.pause(300)
    stage.clock.jump(-420)
    await windows(stage, 1)
    await stage.pause(300)
    stage.clock.jump(-1900)
    await windows(stage, 1)
    await stage.pause(600)
    stage.clock.jump(1900)
    await windows(stage, 1)


async def outlasting(stage: Stage) -> None:
    """Good and bad answers come after 25 minutes, when the next window has long begun."""
    for name in ("analyze", "scrape", "submit"):
        await busy_window(stage)
        stage.mishaps.slow(name, _TWO_WINDOWS_S)
        await stage.until_window(2)
    await busy_window(stage)
    stage.mishaps.slow("submit", 1188.0)
    stage.mishaps.bug("submit", RuntimeError("dictionary changed size during iteration"))
    await stage.until_window()
    for fault in ("empty", "500"):
        await stage.until_window()
        faults(stage, "x.search", fault)
        stage.mishaps.slow("scrape", _TWO_WINDOWS_S)
        await stage.until_window(2)
    await restart(stage, searching_for("polkadot"))
    await rare_post(stage, "polkadot")
    faults(stage, "api.submit", "409")
    await rare_post(stage, "polkadot")
    faults(stage, "api.submit", "409")
    stage.mishaps.slow("submit", _TWO_WINDOWS_S)
    await stage.until_window(2)
    await rare_post(stage, "polkadot")
    faults(stage, "api.submit", "500", "500", "500")
    stage.mishaps.slow("submit", 0.1, 0.1, _TWO_WINDOWS_S)
    await stage.until_window(2)
    await restart(stage, USUAL)


async def carried_too_long(stage: Stage) -> None:
    """The quota is used up by somebody else for hours."""
    await busy_window(stage, 4)
    for _ in range(4):
        faults(stage, "api.submit", "429")
        await stage.until_window()
    stage.calm()
    await windows(stage, 3)


async def too_old(stage: Stage) -> None:
    """Posts found late pass 72 hours as they wait: at rest, in a search, an analysis, after a 429, in the queue."""
    await stage.until_window()
    await restart(stage, searching_for("substrate"))
    await rare_post(stage, "substrate", age_s=_DAYS_3_S - 600)
    faults(stage, "api.submit", "500", "500", "500")
    for name in ("scrape", "analyze"):
        await rare_post(stage, "substrate", age_s=_DAYS_3_S - 1290)
        faults(stage, "api.submit", "500", "500", "500")
        stage.mishaps.slow("submit", 0.1, 0.1, 1250.0)
        stage.mishaps.slow(name, 1.0, 90.0)
        await rare_post(stage, "substrate")
        await stage.until_window()
        stage.calm()
    await rare_post(stage, "substrate", age_s=_DAYS_3_S - 600)
    faults(stage, "api.submit", "429")
    await rare_post(stage, "substrate", age_s=_DAYS_3_S - 40)
    stage.say(f"{written(stage.random)} #substrate too", age_s=_DAYS_3_S - 40)
    stage.mishaps.slow("analyze", 60.0, 60.0)
    await rare_post(stage, "substrate", age_s=_DAYS_3_S - 600)
    stage.mishaps.slow("analyze", _TWO_WINDOWS_S)
    await stage.until_window(2)
    await restart(stage, USUAL)


async def moved(stage: Stage) -> None:
    """The API gets another address and the first one again: known beforehand, then after a kill in each state."""
    here = replace(USUAL, move_api=True)
    there = replace(here, api_url="http://localhost:8001")
    await stage.until_window()
    await stage.pause(800)
    await stage.stop("the API moves")
    await stage.until_window()
    await stage.start(there)
    await windows(stage, 2)
    for run, event in ((here, "WindowOpened"), (there, "PostsScraped"), (here, "SubmissionStarted")):
        await busy_window(stage)
        stage.doom(event)
        await stage.death()
        await stage.until_window()
        await stage.start(run)
        await windows(stage, 1)
    await busy_window(stage)
    faults(stage, "api.submit", "ok", "429")
    await stage.recorded("RateLimited")
    await stage.stop("the API moves again")
    await stage.until_window()
    await stage.start(there)
    # More wait than the next API takes, and the process dies in a search for one more.
    await windows(stage, 2)
    await restart(stage, replace(there, policy=changed(USUAL.policy, max_submissions_per_window=7)))
    stage.post(9)
    faults(stage, "api.submit", "429_text")
    await stage.recorded("RateLimited")
    await restart(stage, replace(there, policy=changed(USUAL.policy, max_submissions_per_window=8)))
    await stage.until_window()
    stage.doom("WindowOpened")
    await stage.death()
    await stage.until_window()
    await stage.start(here)
    await windows(stage, 2)


async def budgets(stage: Stage) -> None:
    """In the last hours of a day X costs too much, then the LLM; carried posts still go; the next day is paid again."""
    await stage.until_day_s(86_400 - 9 * 1_200)
    await stage.until_window()
    prices, day = USUAL.policy.prices, stage.clock.now_ms() // 86_400_000
    spent = stage.state.spent[day]
    enough_for_one = prices.x_uusd(spent.posts + 10, spent.users + 10) / 1_000_000
    await restart(stage, replace(USUAL, policy=changed(USUAL.policy, max_x_usd_per_day=enough_for_one)))
    stage.post(5)
    faults(stage, "api.submit", "ok", "429")
    await windows(stage, 3)
    spent = stage.state.spent[day]
    too_little = (prices.llm_uusd(spent.prompt_tokens, spent.completion_tokens) or 0) / 1_000_000
    await restart(stage, replace(USUAL, policy=changed(USUAL.policy, max_llm_usd_per_day=too_little)))
    await windows(stage, 7)
    await restart(stage, USUAL)
