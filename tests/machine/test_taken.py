"""What the LLM's server takes, as the journal tells it: the next start begins with it."""

from __future__ import annotations

from typing import Any

import pytest

from actor.machine.state import Taken
from events import catalogue as ev
from tests.kit import T0_MS, Drive, analyzed

ASKED: dict[str, Any] = {"server": "llm.example", "rung": "json_object", "dropped": ("seed",)}
DAY_S = 86_400


def _taken(drive: Drive) -> Taken:
    assert drive.state.taken is not None
    return drive.state.taken


def test_an_answer_tells_what_its_server_takes() -> None:
    """The newest one does; that the same still holds makes it no younger."""
    drive = Drive().start().window(7).scraped(1, 2, 3, 4, 5)
    assert drive.state.taken is None
    drive.on(analyzed("1", **ASKED), after_s=5)
    first = _taken(drive)
    assert (first.server, first.model, first.rung, first.dropped) == ("llm.example", "m", "json_object", ("seed",))
    assert first.since_ms > T0_MS
    drive.on(analyzed("2", **ASKED), after_s=5)
    assert _taken(drive) == first
    drive.on(analyzed("3", **{**ASKED, "dropped": ("seed", "temperature")}), after_s=5)
    assert _taken(drive).since_ms == first.since_ms + 10_000
    drive.on(analyzed("4", **{**ASKED, "server": "other.example"}), after_s=5)
    assert (_taken(drive).server, _taken(drive).since_ms) == ("other.example", first.since_ms + 15_000)


@pytest.mark.parametrize("rung", ["simple_schema", "plain"])
def test_a_repaired_answer_does_not_move_the_rung(rung: str) -> None:
    """One that needed no repair does; and so does any where nothing was known, or of another model or after a day."""
    drive = Drive().start().window(7).scraped(1, 2, 3, 4, 5)
    drive.on(analyzed("1", **ASKED, repairs=1))
    assert _taken(drive).rung == "json_object"
    drive.on(analyzed("2", **{**ASKED, "rung": rung, "dropped": ("small_cap",)}, repairs=1), after_s=5)
    assert (_taken(drive).rung, _taken(drive).dropped) == ("json_object", ("small_cap",))
    drive.on(analyzed("3", **{**ASKED, "rung": rung}), after_s=5)
    assert _taken(drive).rung == rung
    drive.on(analyzed("4", **{**ASKED, "server": "other.example"}, repairs=1), after_s=5)
    assert _taken(drive).rung == "json_object"
    drive.on(analyzed("5", **{**ASKED, "server": "other.example", "rung": rung}, repairs=1), after_s=DAY_S)
    assert _taken(drive).rung == rung


def test_after_a_day_the_same_answer_is_a_new_finding() -> None:
    """By then everything was tried again."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1", **ASKED))
    since_ms = _taken(drive).since_ms
    drive.on(analyzed("2", **ASKED), after_s=DAY_S)
    assert _taken(drive).since_ms == since_ms + DAY_S * 1_000


@pytest.mark.parametrize("fields", [{"server": ""}, {**ASKED, "rung": "recorded", "reused_from": "9", "calls": 0}])
def test_an_answer_that_nobody_gave_now_tells_nothing(fields: dict[str, Any]) -> None:
    """Neither an old record, which does not say where it asked, nor one that was taken over."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1", **ASKED))
    before = _taken(drive)
    drive.on(analyzed("2", **fields))
    assert _taken(drive) == before


def test_another_build_begins_anew() -> None:
    """It may ask in another way."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(analyzed("1", **ASKED))
    drive.start()
    assert drive.state.taken is not None
    drive.on(ev.ActorStarted(build="another", epoch=drive.state.epoch + 1, pid=1, policy=drive.policy))
    state = drive.state
    assert state.taken is None
    assert state.build == "another"
