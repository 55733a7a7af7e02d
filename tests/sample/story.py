"""What happens in the sample, scene by scene: some five days of mining. journal/README.md retells it."""

from __future__ import annotations

from typing import Final

from tests.sample import batches, crashes, holding, troubles, words
from tests.sample.posts import HOSTILE
from tests.sample.scenes import USUAL, Scene, windows
from tests.sample.stage import Stage

__all__ = ["SCENES"]


async def settling_in(stage: Stage) -> None:
    """The first start, in mid-window, with more to send than a window takes."""
    stage.post(18)
    await stage.start(USUAL)
    await windows(stage, 8)


async def hostile_posts(stage: Stage) -> None:
    """People post what is odd or does harm: escapes, invisible characters, formulas, commands, very long texts."""
    for number, text in enumerate(HOSTILE):
        if number % 3 == 0:
            await stage.until_window()
        stage.say(text)
    await stage.until_window(2)


async def the_end(stage: Stage) -> None:
    """A quiet end."""
    await windows(stage, 5)
    await stage.pause(400)
    await stage.stop()


def quiet(count: int) -> Scene:
    """So many windows in which nothing goes wrong."""

    async def scene(stage: Stage) -> None:
        """Nothing goes wrong."""
        await windows(stage, count)

    return scene


SCENES: Final[tuple[tuple[str, Scene], ...]] = (
    ("settling in", settling_in),
    ("quiet", quiet(8)),
    ("hostile posts", hostile_posts),
    ("every answer of the API", troubles.every_answer),
    ("quiet", quiet(12)),
    ("rate limits", troubles.rate_limits),
    ("X in trouble", troubles.x_troubles),
    ("quiet", quiet(8)),
    ("timeouts", troubles.time_runs_out),
    ("the LLM in trouble", troubles.llm_troubles),
    ("API outages", troubles.api_outages),
    ("API outages in mid-window", troubles.unreachable_in_mid_window),
    ("a full disk", troubles.full_disk),
    ("blocks that are none", troubles.blocks_that_are_none),
    ("quiet", quiet(10)),
    ("kills", crashes.kills),
    ("kills in backoffs, and the host off for hours", crashes.killed_while_it_waits),
    ("kills in the last attempt", crashes.killed_in_the_last_attempt),
    ("stops in the middle", crashes.stops_in_the_middle),
    ("quiet", quiet(8)),
    ("a build with bugs", crashes.bugs),
    ("answers in a backoff", crashes.answers_in_a_backoff),
    ("quiet", quiet(8)),
    ("more posts than the quota", batches.too_many),
    ("posts left out", batches.left_out),
    ("votes", batches.votes),
    ("other window lengths", batches.another_pace),
    ("clock jumps", batches.clocks),
    ("answers that outlast the window", batches.outlasting),
    ("carried too long", batches.carried_too_long),
    ("too old", batches.too_old),
    ("posts held", holding.held),
    ("quiet", quiet(8)),
    ("validators speak", words.validators_speak),
    ("settings change", words.settings_change),
    ("budgets", batches.budgets),
    ("the API moves", batches.moved),
    *((f"a bad sector in {lost}", crashes.damaged(lost)) for lost in crashes.LOST),
    ("quiet", quiet(8)),
    ("the end", the_end),
)
