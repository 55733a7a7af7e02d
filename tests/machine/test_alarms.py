"""Alarms: read off the folded state, each with a name, since when, what is wrong and what to change."""

from __future__ import annotations

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


@pytest.mark.parametrize("policy", sorted(MEANWHILE))
def test_after_a_start_it_speaks_of_the_time_before(policy: str) -> None:
    """Whoever started may have mended it: it says what it knows, and what it was once the same is seen again."""
    drive = Drive(changed(ev.Policy(), on_analysis_error=policy)).start().window(7).scraped(1)
    drive.on(analysis_failed("1", "auth"))
    (before,) = alarms(drive.state)
    for _ in range(2):
        drive.start()
        (found,) = alarms(drive.state)
        assert (found.name, found.since_ms, found.fix) == (before.name, before.since_ms, before.fix)
        assert not found.is_current
        assert found.title == "analysis_refused (from before the last start)"
        assert found.words == (
            "before the last start the LLM's server refused every analysis since window 7 (auth: HTTP 4xx: auth); "
            "the next one tells more"
        )
    if not drive.state.analysis_due():
        drive.accept_all().window(8).scraped(2)
    asked = drive.state.to_ask_about()[0].post.id
    drive.on(analysis_failed(asked, "auth"), after_s=60)
    assert alarms(drive.state) == (before,)


def test_an_alarm_ends_with_what_it_is_about() -> None:
    """The next analysis that succeeds."""
    drive = Drive().start().window(7).scraped(1)
    drive.on(analysis_failed("1", "auth"))
    drive.accept_all().window(8).scraped(2)
    assert alarms(drive.state)
    drive.on(analyzed("2"))
    assert alarms(drive.state) == ()


def test_kinds_fixes_and_names_go_together() -> None:
    """Each kind of configuration is one that an edge tells, and one that somebody knows how to mend."""
    assert set(get_args(LLMErrorKind)) >= ev.CONFIGURATION
    assert LLM_FIXES.keys() == set(get_args(LLMErrorKind))
    assert ALARMS == ("analysis_refused",)
