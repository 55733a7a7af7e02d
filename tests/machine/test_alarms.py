"""Alarms: read off the folded state, each with a name, since when, what is wrong and what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from actor.alarms import ALARMS, alarms
from actor.analyzer import LLMErrorKind
from actor.llm_fixes import LLM_FIXES
from events import catalogue as ev
from events.codec import changed
from tests.kit import Drive, analysis_failed, analyzed

MEANWHILE = {"default": "neutral values", "skip": "left out", "hold": "wait for their analysis"}


@pytest.mark.parametrize("policy", sorted(MEANWHILE))
@pytest.mark.parametrize("kind", sorted(ev.CONFIGURATION))
def test_what_the_operator_is_told(kind: str, policy: str) -> None:
    """Window, kind and the server's words, what becomes of posts by the setting in force, and the setting to change."""
    drive = Drive(changed(ev.Policy(), on_analysis_error=policy)).start().window(7).scraped(1)
    assert alarms(drive.state) == ()
    drive.on(analysis_failed("1", kind), after_s=5)
    (alarm,) = alarms(drive.state)
    assert (alarm.name, alarm.since_ms) == ("analysis_refused", drive.at_ms)
    for words in ("since window 7", f"({kind}: HTTP 4xx: {kind})", MEANWHILE[policy], f"ON_ANALYSIS_ERROR={policy}"):
        assert words in alarm.words
    assert alarm.fix == LLM_FIXES[kind]
    drive.start()
    assert [found.since_ms for found in alarms(drive.state)] == [alarm.since_ms]


def test_an_alarm_ends_with_what_it_is_about() -> None:
    """The next analysis that succeeds."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(analysis_failed("1", "auth"))
    drive.accept_all().window(8).scraped(2)
    assert alarms(drive.state)
    drive.on(analyzed("2"))
    assert alarms(drive.state) == ()


def test_a_full_disk_rings_until_there_is_room_or_a_start_looks_anew() -> None:
    """Since the record that told of it; a start forgets it, for the disk may be another one."""
    ends: tuple[Callable[[Drive], object], ...] = (
        lambda drive: drive.on(ev.DiskFreed(free_bytes=9 << 20)),
        Drive.start,
    )
    for end in ends:
        drive = Drive().start().window(7)
        drive.on(ev.DiskFilled(free_bytes=1, needed_bytes=2), after_s=5)
        (alarm,) = alarms(drive.state)
        assert (alarm.name, alarm.since_ms) == ("disk_full", drive.at_ms)
        end(drive)
        assert alarms(drive.state) == ()


def test_kinds_fixes_and_names_go_together() -> None:
    """Each kind of configuration is one that an edge tells, and one that somebody knows how to mend."""
    assert set(get_args(LLMErrorKind)) >= ev.CONFIGURATION
    assert LLM_FIXES.keys() >= ev.CONFIGURATION
    assert ALARMS == ("analysis_refused", "disk_full")
