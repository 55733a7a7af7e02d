"""What happens in the sample: about a hundred hours of mining, scene by scene. README.md of journal/ retells it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from actor.commands.repair import run_repair
from events.catalogue import Policy
from tests.sample.posts import HOSTILE
from tests.sample.stage import Run, Stage

__all__ = ["SCENES"]

_HERE: Final = "http://127.0.0.1:8001"
_MOVED: Final = "http://localhost:8001"
_USUAL: Final = Run(api_url=_HERE)
_IMPATIENT: Final = replace(_USUAL, timeout_s=1.0)


async def _windows(stage: Stage, count: int) -> None:
    """So many windows of everyday life; now and then somebody posts something odd."""
    for _ in range(count):
        await stage.until_window()
        if stage.random.random() < 0.12:
            stage.say(stage.random.choice(HOSTILE))


async def _busy_window(stage: Stage, posts: int = 5) -> None:
    """A new window with enough to say."""
    await stage.until_window()
    stage.post(posts)


async def settling_in(stage: Stage) -> None:
    """The first start, in mid-window, with more to send than a window takes."""
    stage.post(18)
    await stage.start(_USUAL)
    await _windows(stage, 8)


async def hostile_posts(stage: Stage) -> None:
    """A day on which everything odd is posted."""
    for text in HOSTILE:
        stage.say(text)
    await _windows(stage, 9)


async def every_answer(stage: Stage) -> None:
    """The API answers in every way that is documented, and in some that are not."""
    windows = (
        ("selected", "created", "x_failed", "ok", "no_block"),
        ("409", "ok", "409_text", "bad_block", "ok"),
        ("422", "422_nested", "422_message", "422_text", "ok"),
        ("500", "ok", "503", "html_503", "ok"),
        ("500", "503", "500", "ok", "ok"),
        ("lost_answer", "ok", "ok", "cut", "ok"),
        ("weird_status", "ok", "blank", "not_json", "ok"),
        ("401", "ok", "403", "ok", "drop"),
        ("drop", "drop", "drop", "ok", "ok"),
    )
    for faults in windows:
        await _busy_window(stage)
        for fault in faults:
            stage.sandbox.script("api.submit", fault)
        await stage.pause(900)
        stage.calm()


async def rate_limits(stage: Stage) -> None:
    """429 in every form; what was not sent fills the next windows."""
    for fault, before in (("429", 2), ("429_text", 0), ("429_body", 1), ("429_headers", 3), ("429_bare", 0)):
        await _busy_window(stage)
        if before:
            stage.sandbox.script("api.submit", "ok", times=before)
        stage.sandbox.script("api.submit", fault)
        await stage.pause(900)
        stage.calm()
        await stage.until_window()
    await _windows(stage, 2)


async def x_troubles(stage: Stage) -> None:
    """X refuses, breaks off, or says little."""
    faults = (
        "401", "402", "403", "429", "429_usage_capped", "429_code_88", "400", "500", "503", "html", "html_503", "blank",
        "not_json", "list_body", "drop", "partial", "missing_author", "empty",
    )  # fmt: skip
    for number, fault in enumerate(faults):
        await _busy_window(stage, 2 if number % 3 else 0)
        stage.sandbox.script("x.search", fault)
    await _windows(stage, 2)


async def time_runs_out(stage: Stage) -> None:
    """A run with very short timeouts, and everybody hangs in turn."""
    await stage.stop()
    await stage.start(_IMPATIENT)
    await _busy_window(stage)
    stage.sandbox.script("x.search", "hang")
    await _busy_window(stage)
    stage.sandbox.script("llm.chat", "hang")
    stage.sandbox.script("api.submit", "hang")
    await _busy_window(stage)
    stage.sandbox.script("api.status", "hang")
    await stage.until_window()
    await stage.stop()
    await stage.start(_USUAL)


async def llm_troubles(stage: Stage) -> None:
    """The model refuses, babbles, or is gone."""
    windows = (
        ("fenced", "prose", "unknown_names", "bad_category", "bad_indexes"),
        ("truncated", "truncated", "truncated", "garbled", "garbled"),
        ("empty_choices", "null_usage", "null_content", "refusal", "wrong_shape"),
        ("401", "401", "401", "401", "401", "401"),
        ("402", "402", "402", "402", "402", "402"),
        ("404", "404", "404"),
        ("429_long", "429_long"),
        ("500",) * 8,
        ("html",) * 4 + ("blank",) * 4,
        ("drop",) * 9,
    )
    for faults in windows:
        await _busy_window(stage, 3)
        for fault in faults:
            stage.sandbox.script("llm.chat", fault)
        await stage.pause(900)
        stage.calm()


async def api_outages(stage: Stage) -> None:
    """The API is gone for a minute, for an hour, and says nonsense at times."""
    await stage.until_window()
    await stage.pause(300)
    stage.sandbox.down("api")
    await stage.pause(60)
    stage.sandbox.up("api")
    await _windows(stage, 2)
    await stage.pause(600)
    stage.sandbox.down("api")
    await stage.until_window(3)
    stage.post(4)
    await stage.pause(400)
    stage.sandbox.up("api")
    await _windows(stage, 2)
    for fault in ("no_block", "bad_block", "html", "500", "401", "429", "stall", "rollback"):
        stage.sandbox.script("api.status", fault, times=2)
        await stage.pause(180)
    # It goes away in the middle of a batch.
    await _busy_window(stage)
    await stage.recorded("SubmissionAccepted", count=2)
    stage.sandbox.down("api")
    await stage.pause(90)
    stage.sandbox.up("api")
    await stage.until_window()


async def kills(stage: Stage) -> None:
    """SIGKILL at every stage of a window, with and without half a line left behind, and once for hours."""
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
        ("SubmissionAccepted", 5, True),
    )
    for name, count, torn in deaths:
        await stage.until_window()
        stage.post(6)
        stage.doom(name, count=count, torn=torn)
        await stage.death()
        await stage.pause(stage.random.uniform(20, 400))
        await stage.start(_USUAL)
    await stage.until_window()


async def killed_while_it_waits(stage: Stage) -> None:
    """SIGKILL in backoffs and at rest; then the host is off for hours."""
    await _busy_window(stage)
    stage.sandbox.script("api.submit", "500", times=3)
    await stage.recorded("SubmissionFailed", count=2)
    await stage.kill()
    await stage.pause(2)
    await stage.start(_USUAL)
    await _busy_window(stage)
    stage.sandbox.script("api.submit", "ok")
    stage.sandbox.script("api.submit", "429")
    await stage.recorded("RateLimited")
    await stage.pause(100)
    await stage.kill()
    await stage.pause(120)
    await stage.start(_USUAL)
    await stage.until_window()
    await stage.pause(500)
    await stage.kill()
    await stage.until_window(9)
    await stage.pause(200)
    stage.calm()
    await stage.start(_USUAL)
    await _windows(stage, 3)


async def bugs(stage: Stage) -> None:
    """A build with bugs: effects raise what no edge should."""
    await stage.stop("update to a faulty build")
    await stage.start(replace(_USUAL, build="0.1.0.dev3"))
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
        await _busy_window(stage, 3)
        stage.mishaps.bug(name, error, times=times)
        await stage.pause(600)
        stage.calm()
    await stage.until_window()
    await stage.stop("update")
    await stage.start(_USUAL)


async def other_settings(stage: Stage) -> None:
    """Wrong and strict settings."""
    await stage.until_window()
    await stage.stop()
    await stage.start(replace(_USUAL, policy=Policy(max_submissions_per_window=7, submit_attempts=2)))
    await _busy_window(stage, 9)
    await _busy_window(stage, 4)
    await stage.until_window()
    await stage.stop()
    strict = Policy(on_analysis_error="skip", submit_irrelevant=False)
    await stage.start(replace(_USUAL, policy=strict))
    for _ in range(4):
        await _busy_window(stage, 3)
        stage.sandbox.script("llm.chat", "402")
    await _windows(stage, 3)
    await stage.stop()
    await stage.start(_USUAL)


async def another_pace(stage: Stage) -> None:
    """The API changes its blocks_per_window for some hours."""
    await stage.until_window()
    stage.sandbox.blocks.blocks_per_window = 50
    await _windows(stage, 10)
    stage.sandbox.blocks.blocks_per_window = 100
    await _windows(stage, 3)


async def clocks(stage: Stage) -> None:
    """The host's clock runs ahead, so that the API refuses its signatures; then somebody sets it back."""
    await stage.until_window()
    await stage.pause(200)
    stage.clock.jump(420)
    await _busy_window(stage, 3)
    await _busy_window(stage, 3)
    await stage.pause(300)
    stage.clock.jump(-420)
    await _windows(stage, 2)
    stage.clock.jump(-1900)
    await _windows(stage, 1)
    stage.clock.jump(1900)
    await _windows(stage, 1)


async def slow(stage: Stage) -> None:
    """Answers that outlast the window."""
    for name in ("analyze", "scrape", "submit"):
        await _busy_window(stage)
        stage.mishaps.slow(name, 1500.0)
        await stage.until_window(2)
    await _windows(stage, 2)


async def abandoned(stage: Stage) -> None:
    """The quota is used up by somebody else for hours; posts grow old meanwhile."""
    await stage.until_window()
    stage.post(2, age_s=72 * 3600 - 1500)
    stage.post(4)
    for _ in range(5):
        stage.sandbox.script("api.submit", "429")
        await stage.until_window()
    stage.calm()
    await _windows(stage, 3)


async def moved(stage: Stage) -> None:
    """The API gets another address."""
    await stage.until_window()
    await stage.pause(800)
    await stage.stop("the API moves")
    await stage.until_window()
    await stage.start(replace(_USUAL, api_url=_MOVED, move_api=True))
    await _windows(stage, 3)
    await stage.stop("the API moves back")
    await stage.start(replace(_USUAL, move_api=True))
    await _windows(stage, 2)


async def damaged(stage: Stage) -> None:
    """A bad sector in the journal, while the miner was off; the operator accepts the loss."""
    await _busy_window(stage)
    stage.doom("SubmissionStarted", count=4)
    await stage.death()
    segment = max(stage.directory.glob("*.jsonl"))
    content = segment.read_bytes()
    at = len(content) - 6_000
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(bytes(512))
        os.fsync(file.fileno())
    repaired = stage.directory.with_name("repaired")
    await stage.outside(lambda: run_repair(stage.directory, accept_loss=True, out=repaired, clock=stage.clock))
    stage.directory.rename(stage.directory.with_name("damaged"))
    repaired.rename(stage.directory)
    await stage.pause(700)
    await stage.start(_USUAL)
    await _windows(stage, 4)


async def the_end(stage: Stage) -> None:
    """A quiet end."""
    await _windows(stage, 5)
    await stage.pause(400)
    await stage.stop()


def quiet(count: int) -> Callable[[Stage], Awaitable[None]]:
    """So many windows in which nothing goes wrong."""

    async def scene(stage: Stage) -> None:
        """Nothing goes wrong."""
        await _windows(stage, count)

    return scene


SCENES: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    settling_in,
    quiet(10),
    hostile_posts,
    every_answer,
    quiet(20),
    rate_limits,
    x_troubles,
    quiet(15),
    time_runs_out,
    llm_troubles,
    api_outages,
    quiet(15),
    kills,
    killed_while_it_waits,
    bugs,
    quiet(15),
    other_settings,
    another_pace,
    clocks,
    slow,
    abandoned,
    quiet(15),
    moved,
    damaged,
    quiet(20),
    the_end,
)
