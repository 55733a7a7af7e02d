"""Scenes in which X, the LLM or the API misbehave."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.sample.scenes import USUAL, busy_window, faults, restart, windows
from tests.sample.stage import Stage

__all__ = [
    "api_outages",
    "blocks_that_are_none",
    "every_answer",
    "full_disk",
    "llm_troubles",
    "rate_limits",
    "time_runs_out",
    "unreachable_in_mid_window",
    "x_troubles",
]

_IMPATIENT: Final = replace(USUAL, timeout_s=1.0)
_RUDE: Final = "\x1b[31mdenied\x1b[0m \u202eseirt fo tuo\u202c\r\n\x07 ask again"


async def every_answer(stage: Stage) -> None:
    """The API answers in every way that is documented, and in some that are not."""
    answers = (
        ("selected", "created", "x_failed", "plain_ok", "no_block"),
        ("409", "ok", "409_text", "bad_block", "plain_ok"),
        ("422", "422_nested", "422_message", "422_text", "ok"),
        ("500", "ok", "503", "html_503", "ok"),
        ("500", "503", "500", "ok", "ok"),
        ("lost_answer", "ok", "ok", "cut", "ok"),
        ("weird_status", "ok", "blank", "not_json", "mismatch"),
        ("401", "ok", "403", "ok", "drop"),
        ("drop", "drop", "drop", "ok", "ok"),
    )
    for names in answers:
        await busy_window(stage)
        faults(stage, "api.submit", *names)
        await stage.pause(900)
        stage.calm()
    await busy_window(stage)
    stage.sandbox.script("api.submit", "403", detail=_RUDE)
    await stage.pause(900)


async def rate_limits(stage: Stage) -> None:
    """429 in every form; what was not sent fills the next windows, with a search or without."""
    for fault, before in (("429", 2), ("429_text", 0), ("429_body", 1), ("429_headers", 3), ("429_bare", 0)):
        await busy_window(stage)
        faults(stage, "api.submit", *before * ["ok"], fault)
        await stage.pause(900)
        stage.calm()
        await stage.until_window()
    for fault in ("empty", "500"):
        await busy_window(stage, 3)
        faults(stage, "api.submit", "ok", "429")
        await stage.until_window()
        faults(stage, "x.search", fault)
    await windows(stage, 2)


async def x_troubles(stage: Stage) -> None:
    """X refuses, breaks off, or says little."""
    names = (
        "401", "402", "403", "429", "429_usage_capped", "429_code_88", "400", "500", "503", "html", "html_503", "blank",
        "not_json", "list_body", "drop", "partial", "missing_author", "empty",
    )  # fmt: skip
    for number, name in enumerate(names):
        await busy_window(stage, 2 if number % 3 else 0)
        faults(stage, "x.search", name)
    await windows(stage, 2)


async def time_runs_out(stage: Stage) -> None:
    """A run with very short timeouts, and everybody hangs in turn."""
    await restart(stage, _IMPATIENT)
    await busy_window(stage)
    faults(stage, "x.search", "hang")
    await busy_window(stage)
    faults(stage, "llm.chat", "hang", "hang", "hang")
    faults(stage, "api.submit", "hang")
    await busy_window(stage)
    faults(stage, "api.status", "hang")
    await stage.until_window()
    await restart(stage, USUAL)


async def llm_troubles(stage: Stage) -> None:
    """The model refuses, babbles, knows no formats, or is gone."""
    answers = (
        ("fenced", "prose", "unknown_names", "bad_category", "bad_indexes"),
        ("truncated", "truncated", "truncated", "garbled", "garbled"),
        ("empty_choices", "null_usage", "null_content", "refusal", "wrong_shape"),
        ("401",) * 6,
        ("402",) * 6,
        ("404",) * 3,
        ("429_long",) * 2,
        ("500",) * 8,
        ("html",) * 4 + ("blank",) * 4,
        ("drop",) * 9,
    )
    for names in answers:
        await busy_window(stage, 3)
        faults(stage, "llm.chat", *names)
        await stage.pause(900)
        stage.calm()
    # A server without answer formats; a new process learns it, and the next one forgets it.
    await restart(stage, USUAL)
    await busy_window(stage, 2)
    faults(stage, "llm.chat", "400")
    await busy_window(stage, 2)
    faults(stage, "llm.chat", "400")
    await busy_window(stage, 2)
    await restart(stage, USUAL)


async def api_outages(stage: Stage) -> None:
    """The API is gone for a minute, for an hour, in mid-batch, and talks nonsense at times."""
    await stage.until_window()
    await stage.pause(300)
    stage.sandbox.down("api")
    await stage.pause(60)
    stage.sandbox.up("api")
    await windows(stage, 2)
    await stage.pause(600)
    stage.sandbox.down("api")
    await stage.until_window(3)
    stage.post(4)
    await stage.pause(400)
    stage.sandbox.up("api")
    await windows(stage, 2)
    for fault in ("no_block", "bad_block", "html", "500", "401", "429", "stall", "rollback"):
        stage.sandbox.script("api.status", fault, times=2)
        await stage.pause(180)
    await busy_window(stage)
    await stage.recorded("SubmissionAccepted", count=2)
    stage.sandbox.down("api")
    await stage.pause(90)
    stage.sandbox.up("api")
    await stage.until_window()


async def blocks_that_are_none(stage: Stage) -> None:
    """The status tells a time twice, a window too early, and another chain's blocks for minutes."""
    await stage.until_window()
    await stage.pause(120)
    stage.sandbox.script("api.status", "time_block", times=2)
    await busy_window(stage)
    await stage.pause(300)
    stage.post(5)
    faults(stage, "api.status", "window_ahead")
    await stage.pause(800)
    for pause_s, posts, answers in ((200, 0, ()), (200, 5, ("ok", "429")), (900, 0, ())):
        await busy_window(stage, posts)
        await stage.pause(pause_s)
        stage.post(posts)
        stage.sandbox.script("api.status", "far_block", times=40)
        faults(stage, "api.submit", *answers)
        await stage.pause(900)
        stage.calm()
        await windows(stage, 1)
    await stage.pause(300)
    stage.sandbox.script("api.status", "rollback", times=30)
    await windows(stage, 2)


async def full_disk(stage: Stage) -> None:
    """The host's log fills the journal's disk, in each state of the miner; at rest it stays full for three windows."""
    for state, name in (("Scraping", "scrape"), ("Analyzing", "analyze"), ("Submitting", "submit")):
        await busy_window(stage, 2)
        stage.mishaps.slow(name, 60.0)
        await stage.reached(state)
        await _fill_disk(stage)
        await _free_disk(stage)
    await busy_window(stage, 2)
    faults(stage, "api.submit", "429")
    await stage.reached("Backoff")
    await _fill_disk(stage)
    await _free_disk(stage)
    await busy_window(stage, 2)
    await stage.reached("WaitingForWindow")
    await _fill_disk(stage)
    await stage.until_window(3)
    await stage.pause(300)
    await _free_disk(stage)
    await windows(stage, 1)


async def _fill_disk(stage: Stage) -> None:
    stage.room_bytes = 3 << 20
    await stage.recorded("DiskFilled")


async def _free_disk(stage: Stage) -> None:
    stage.room_bytes = 1 << 30
    await stage.recorded("DiskFreed")


async def unreachable_in_mid_window(stage: Stage) -> None:
    """The status is out for one poll, while each of the other three is slow, and during a backoff."""
    for name in ("scrape", "analyze", "submit"):
        await busy_window(stage, 2)
        stage.mishaps.slow(name, 40.0)
        await stage.recorded("WindowOpened")
        faults(stage, "api.status", "503")
    await busy_window(stage, 2)
    faults(stage, "api.submit", "429")
    await stage.recorded("RateLimited")
    faults(stage, "api.status", "503")
    await stage.until_window()
