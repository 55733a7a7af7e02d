"""Scenes in which the LLM's server refuses for a reason that no waiting mends, and posts are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from events.codec import changed
from tests.sample.posts import written
from tests.sample.scenes import USUAL, faults, restart
from tests.sample.stage import Stage

__all__ = ["held"]

_HOLD: Final = replace(USUAL, policy=changed(USUAL.policy, on_analysis_error="hold"))


async def held(stage: Stage) -> None:
    """Posts wait while key, credit or model is refused; windows, starts and new settings ask again."""
    await stage.until_window()
    await restart(stage, _HOLD)
    await _refused(stage, "401", "401")
    await restart(stage, _HOLD)
    await stage.recorded("AnalysisFailed")
    await restart(stage, _HOLD)
    await stage.recorded("CheckpointSigned")
    await _refused(stage, "402", "402", "402")
    await stage.recorded("AnalysisFailed")
    stage.settings("SAMPLING", sampling="top")
    await stage.recorded("AnalysisFailed")
    await stage.recorded("CheckpointSigned", count=2)
    # The credit ends in the middle of a window, whose first post meets a 429: all five fill the next one.
    faults(stage, "api.submit", "429")
    await _refused(stage, "ok", "402", "402", "402", "402", count=4)
    await stage.recorded("CheckpointSigned", count=2)
    # One waits, and the search for the others fails.
    await _refused(stage, "ok", "404")
    faults(stage, "x.search", "503")
    await stage.recorded("CheckpointSigned", count=2)
    # Nobody mends it for hours.
    await _refused(stage, *("403",) * 4)
    await stage.recorded("PostAbandoned", count=4)  # one may have the text of another, whose answer is on record
    await stage.until_window(2)
    await restart(stage, USUAL)


async def _refused(stage: Stage, *answers: str, count: int = 1) -> None:
    """A new window with five posts like no others, the first answers of the LLM's server, and so many refusals."""
    await stage.until_window()
    for number in range(5):
        stage.say(f"{written(stage.random)} {number} at block {stage.sandbox.block}", age_s=5 - number)
    faults(stage, "llm.chat", *answers)
    await stage.recorded("AnalysisFailed", count=count)
