"""What ``run`` checks beside its first work: the doctor's checks, free, behind the first poll, and never in the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.patience import Stopwatch
from tests.world import World, wait_for

LOG: Final = "log.txt"
FREE: Final = ("x.usage", "llm.models")


@contextmanager
def mining(world: World, *flags: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A miner whose log can be read while it runs."""
    with world.start(*flags, env=world.env(LOG_FILE=LOG, **env)) as process:
        yield process


def log(world: World) -> str:
    """All of it so far, in long lines."""
    file = world.folder / LOG
    return file.read_text("utf-8").replace("\n    ", " ") if file.exists() else ""


def said(world: World) -> list[str]:
    """The preflight's lines: level and words."""
    lines = [line for line in log(world).splitlines() if "preflight: " in line]
    return [
        line.split("] preflight: ", 1)[0].split("[")[1].strip() + ": " + line.split("preflight: ")[1] for line in lines
    ]


def asked(world: World, route: str) -> int:
    """How often a route was asked."""
    return len(getattr(world.sandbox.ledger, route.partition(".")[0]).exchanges(route))


def lines_of(world: World, **env: str) -> list[str]:
    """What a preflight said, and that the miner worked its window for all that."""
    with mining(world, **env) as process:
        wait_for(lambda: said(world), "a preflight")
        wait_for(lambda: "CheckpointSigned" in world.names(), "a window")
        code, _ = world.stop(process)
    assert code == 0, log(world)
    assert [asked(world, route) for route in FREE] == [1, 1]
    return said(world)


def test_what_is_well_is_one_line(world: World) -> None:
    """Each check is named, and asked once; a search and five questions are paid for, as without it."""
    assert lines_of(world) == ["info: api, clock, window, x, llm, wallet: ok"]
    ledger = world.sandbox.ledger
    assert (ledger.x.searches, ledger.llm.calls, len(ledger.api.accepted(world.sandbox.window))) == (1, 5, 5)


@pytest.mark.parametrize(
    ("route", "fault", "level", "words"),
    [
        ("x.usage", "401", "error", ("x: 127.0.0.1", "401", "to fix it: set X_BEARER_TOKEN to")),
        ("x.usage", "403", "error", ("x: 127.0.0.1", "403", "to fix it: let the X app")),
        ("x.usage", "402", "error", ("x: 127.0.0.1", "402", "to fix it: top up the X account")),
        ("x.usage", "capped", "error", ("x: 127.0.0.1", "are read", "to fix it: wait for the next billing cycle")),
        ("x.usage", "429", "warning", ("x: 127.0.0.1", "the token is good")),
        ("llm.models", "401", "error", ("llm: 127.0.0.1", "401", "to fix it: set API_KEY to")),
        ("llm.models", "other_models", "error", ("llm: 127.0.0.1", "does not list", "to fix it: set MODEL to")),
        ("llm.models", "404", "warning", ("llm: 127.0.0.1", "has no list of models")),
    ],
)
def test_what_will_fail_is_one_line_each(
    world: World, route: str, fault: str, level: str, words: tuple[str, ...]
) -> None:
    """With the doctor's words and the setting to change; the miner works its window all the same."""
    world.sandbox.script(route, fault, times=1)
    (line,) = lines_of(world)
    assert line.startswith(f"{level}: ")
    assert [word for word in words if word not in line] == []


def test_several_faults_and_no_secret(world: World) -> None:
    """A line for each, in one start; none holds what a server echoed of a token or key."""
    world.sandbox.script("x.usage", "403", times=1)
    found = lines_of(world, API_KEY="sk-secret-of-mine", BLOCKS_PER_WINDOW="200")
    assert [line.split(": ")[:2] for line in found] == [["warning", "window"], ["error", "x"], ["error", "llm"]]
    for secret in ("sk-secret-of-mine", world.sandbox.env()["X_BEARER_TOKEN"]):
        assert secret not in log(world)


def test_others_who_can_use_the_hotkey_are_named(world: World) -> None:
    """The rights of its file, which is not opened again."""
    file = world.folder / "wallets" / "default" / "hotkeys" / "default"
    file.chmod(0o644)
    (line,) = lines_of(world)
    assert line.startswith("warning: wallet: others than its owner can use ")
    assert line.endswith(f"to fix it: chmod 600 {file}")


def test_it_can_be_left_out(world: World) -> None:
    """``--no-preflight`` asks nobody beside what mining asks."""
    code, output = world.run("--no-preflight", "--windows", "1")
    assert code == 0, output
    assert "preflight" not in output
    assert [asked(world, route) for route in FREE] == [0, 0]


def test_nothing_is_checked_before_the_first_poll_has_an_answer(world: World) -> None:
    """The start is the miner's own for so long."""
    world.sandbox.script("api.status", "hang", times=1, seconds=60.0)
    with mining(world) as process:
        wait_for(lambda: asked(world, "api.status"), "the first poll")
        code, _ = world.stop(process)
    assert code == 0
    assert [asked(world, route) for route in ("api.status", *FREE)] == [1, 0, 0]


def test_an_api_that_fails_is_told_and_the_others_are_checked(world: World) -> None:
    """A poll without an answer counts as one, too."""
    world.sandbox.script("api.status", "500", times=1000)
    with mining(world) as process:
        wait_for(lambda: said(world), "a preflight")
        code, _ = world.stop(process)
    assert code == 0
    (line,) = said(world)
    assert line.startswith("error: api: 127.0.0.1")
    assert [asked(world, route) for route in FREE] == [1, 1]


def test_a_server_that_hangs_holds_up_neither_work_nor_a_stop(world: World) -> None:
    """The window is worked, and SIGTERM ends the process within 5 seconds, while X keeps the question."""
    world.sandbox.script("x.usage", "hang", times=1, seconds=60.0)
    with mining(world) as process:
        wait_for(lambda: asked(world, "x.usage"), "the question")
        wait_for(lambda: "CheckpointSigned" in world.names(), "a window")
        watch = Stopwatch(process.pid)
        code, _ = world.stop(process)
        assert watch.seconds() < 5
    assert code == 0
    assert said(world) == []


def test_a_token_that_x_refuses_is_told_before_and_in_two_windows(world: World) -> None:
    """The preflight at the start, and one alarm for both windows, which a restart keeps and a good search ends."""
    for route in ("x.usage", "x.search"):
        world.sandbox.script(route, "401", times=2)
    with mining(world) as process:
        wait_for(lambda: "alarm x_refused" in log(world), "an alarm")
        wait_for(lambda: said(world), "a preflight")
        world.sandbox.next_window()
        wait_for(lambda: world.names().count("ScrapeFailed") == 2, "a second refusal")
        world.stop(process)
    assert said(world)[0].startswith("error: x: ")
    assert log(world).count("alarm x_refused: X refuses to search since window") == 1
    world.sandbox.next_window()
    with mining(world) as process:
        wait_for(lambda: "alarm x_refused is over" in log(world), "its end")
        world.stop(process)
    assert log(world).count("alarm x_refused: before the last start X refused to search since window") == 1
