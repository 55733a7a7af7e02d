"""Alarms: read off the folded state, each with a name, since when, what is wrong and what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from actor.analyzer import LLMErrorKind
from actor.machine import decode_state, encode_state
from actor.machine.alarms import ALARMS, LLM_FIXES, X_FIXES, Alarm, alarms
from actor.machine.budget import DAY_MS
from actor.machine.room import ROOM_NEEDED_BYTES, ROOM_WARN_BYTES
from actor.machine.troubles import X_REFUSALS
from actor.metrics.counted import FAILURES
from events import catalogue as ev
from events.codec import changed
from tests.kit import Drive, analysis_failed, analyzed, failed, rejected

WINDOW_MS = 100 * 12_000

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


def test_a_full_disk_rings_until_there_is_room_or_a_start_looks_anew() -> None:
    """Since the record that opened it; a start forgets it, for the disk may be another one."""
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
    assert LLM_FIXES.keys() == set(get_args(LLMErrorKind))
    assert X_FIXES.keys() >= X_REFUSALS
    assert set(FAILURES["scrape"]) >= X_REFUSALS
    assert ALARMS == (
        "analysis_refused",
        "x_refused",
        "hotkey_refused",
        "budget_spent",
        "deregistration",
        "windows_missed",
        "disk",
        "disk_full",
    )


def ringing(drive: Drive, *, later_s: float = 0.0, room_bytes: int | None = None) -> dict[str, Alarm]:
    """Those that ring so much later, by name."""
    return {
        alarm.name: alarm for alarm in alarms(drive.state, drive.at_ms + round(later_s * 1000), room_bytes=room_bytes)
    }


def scrape_failed(drive: Drive, kind: str) -> None:
    """The due search failed for this reason."""
    window = drive.state.window
    assert window is not None
    drive.on(ev.ScrapeFailed(window=window.number, kind=kind, reason=f"HTTP 4xx: {kind}"))


@pytest.mark.parametrize("kind", FAILURES["scrape"])
def test_a_refusal_of_x_rings_until_a_search_succeeds(kind: str) -> None:
    """A token, an app, a credit or a cap, each with what mends it; what passes by itself rings and ends nothing."""
    drive = Drive().start().window(7)
    scrape_failed(drive, kind)
    assert (set(ringing(drive)) == {"x_refused"}) == (kind in X_REFUSALS)
    if kind not in X_REFUSALS:
        return
    alarm = ringing(drive)["x_refused"]
    assert (alarm.since_ms, alarm.fix) == (drive.at_ms, X_FIXES[kind])
    assert f"{kind}: HTTP 4xx: {kind}" in alarm.words
    assert "since window 7" in alarm.words
    drive.at_ms += WINDOW_MS
    drive.window(8).scrape_failed()
    assert ringing(drive)["x_refused"] == alarm
    drive.window(9).scraped()
    assert ringing(drive) == {}


def rejected_token(drive: Drive) -> None:
    drive.window(8)
    scrape_failed(drive, "forbidden")


def rejected_signature(drive: Drive) -> None:
    drive.batch(8, 1)
    for attempt in range(1, 4):
        drive.on(changed(failed(drive.send(), attempt), http_status=401, reason="unknown hotkey"))
        if attempt < 3:
            drive.on(ev.BackoffElapsed(), after_s=6)


def spent_budget(drive: Drive) -> None:
    drive.window(8)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)


STARTS = {
    "x_refused": (
        rejected_token,
        "X refuses to search since window 8 (forbidden: HTTP 4xx: forbidden); no new posts are found",
        (
            "before the last start X refused to search since window 8 (forbidden: HTTP 4xx: forbidden); "
            "the next search tells more"
        ),
    ),
    "hotkey_refused": (
        rejected_signature,
        (
            "the coordination API does not accept this hotkey since window 8 (unknown hotkey); "
            "posts wait for a later window"
        ),
        (
            "before the last start the coordination API did not accept this hotkey since window 8 (unknown hotkey); "
            "the next post that is sent tells more"
        ),
    ),
    "budget_spent": (
        spent_budget,
        (
            "MAX_X_USD_PER_DAY does not allow another window since window 8 ($0.15 of $0.2 spent on 2026-11-22, "
            "and one window may cost $0.15); nothing is searched"
        ),
        (
            "before the last start MAX_X_USD_PER_DAY did not allow another window since window 8 ($0.15 of $0.2 spent "
            "on 2026-11-22, and one window may cost $0.15); the next window tells more"
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(STARTS))
def test_whoever_starts_may_have_mended_what_was_refused(name: str) -> None:
    """No start ends it: it is from before, with the same beginning and fix, until the same is seen again."""
    happen, now, before = STARTS[name]
    drive = Drive(ev.Policy(max_x_usd_per_day=0.2)) if name == "budget_spent" else Drive()
    drive.start()
    if name == "budget_spent":
        drive.window(7).scraped()
        drive.at_ms += WINDOW_MS
    happen(drive)
    found = ringing(drive)[name]
    assert (found.words, found.is_current, found.title) == (now, True, name)
    drive.start().start()
    known = ringing(drive)[name]
    assert (known.words, known.is_current) == (before, False)
    assert (known.since_ms, known.fix) == (found.since_ms, found.fix)
    assert decode_state(encode_state(drive.state)) == drive.state


def test_a_token_refused_in_two_windows_rings_through_a_start() -> None:
    """From the first of them on, whatever passes by itself in between; its beginning is the first refusal's."""
    drive = Drive().start().window(7)
    scrape_failed(drive, "auth")
    since_ms = drive.at_ms
    drive.at_ms += WINDOW_MS
    drive.window(8)
    scrape_failed(drive, "timeout")
    drive.start()
    drive.at_ms += WINDOW_MS
    drive.window(9)
    scrape_failed(drive, "auth")
    alarm = ringing(drive)["x_refused"]
    assert (alarm.since_ms, alarm.is_current, "since window 7" in alarm.words) == (since_ms, True, True)
    drive.window(10)
    scrape_failed(drive, "forbidden")
    alarm = ringing(drive)["x_refused"]
    assert (alarm.since_ms, alarm.fix) == (drive.at_ms, X_FIXES["forbidden"])


@pytest.mark.parametrize("status", [401, 403, 404, 500, None])
def test_a_refused_hotkey_rings_from_the_last_attempt_to_a_verdict(status: int | None) -> None:
    """One attempt that is refused may be a proxy's word; all of a post's are the API's, which a later 500 mends not."""
    drive = Drive().start().batch(7, 1, 2)
    for attempt in range(1, 4):
        assert ringing(drive) == {}
        drive.on(changed(failed(drive.send(), attempt), http_status=status, reason=f"HTTP {status}"))
        if attempt < 3:
            drive.on(ev.BackoffElapsed(), after_s=6)
    refused = status in {401, 403}
    assert set(ringing(drive)) == ({"hotkey_refused"} if refused else set())
    for attempt in range(1, 4):
        drive.on(failed(drive.send(), attempt))
        if attempt < 3:
            drive.on(ev.BackoffElapsed(), after_s=6)
    assert set(ringing(drive)) == ({"hotkey_refused"} if refused else set())
    drive.window(8).scraped(3).analyze_all()
    drive.on(rejected(drive.send()))
    assert ringing(drive) == {}


def test_another_api_knows_nothing_of_a_refused_hotkey() -> None:
    """A move takes no alarm along."""
    drive = Drive(ev.Policy(submit_attempts=1)).start().batch(7, 1)
    drive.on(changed(failed(drive.send(), 1), http_status=403))
    assert "hotkey_refused" in ringing(drive)
    drive.on(ev.ActorStopped(reason="", posts_processed=0), ev.ApiMoved(api_url="http://127.0.0.1:9"))
    assert alarms(drive.state) == ()


def test_a_spent_budget_rings_until_the_next_search() -> None:
    """With its figures and its setting, until one is made, also one that fails; what it withholds is not missed."""
    drive = Drive(ev.Policy(max_x_usd_per_day=0.2)).start().window(7).scraped()
    drive.at_ms += WINDOW_MS
    drive.window(8)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)
    alarm = ringing(drive)["budget_spent"]
    assert "MAX_X_USD_PER_DAY" in alarm.fix
    assert "$0.15 of $0.2 spent on 2026-11-22, and one window may cost $0.15" in alarm.words
    assert set(ringing(drive, later_s=2 * WINDOW_MS / 1000)) == {"budget_spent"}
    drive.at_ms += DAY_MS
    drive.window(80).scrape_failed()
    assert "budget_spent" not in ringing(drive)


def test_windows_missed_in_a_row_ring_by_the_time_they_take() -> None:
    """Two that passed whole, behind the one used last: not before, and until something is searched or answered."""
    drive = Drive().start().batch(7, 1).accept_all()
    opened_ms = drive.at_ms
    used_up = 3 * WINDOW_MS / 1000
    assert ringing(drive, later_s=used_up - 1) == {}
    alarm = ringing(drive, later_s=used_up)["windows_missed"]
    assert alarm.since_ms == opened_ms + 3 * WINDOW_MS
    assert alarms(drive.state) == ()
    drive.on(ev.ApiUnreachable(reason="refused"))
    assert "does not answer" in ringing(drive, later_s=used_up)["windows_missed"].words
    drive.at_ms += 4 * WINDOW_MS
    drive.on(ev.ApiRecovered())
    drive.window(11).scrape_failed()
    assert set(ringing(drive)) == {"windows_missed"}
    drive.window(12).scraped(2)
    assert ringing(drive) == {}


def test_windows_that_passed_while_nothing_ran_are_not_missed() -> None:
    """A stop of a day rings nothing, neither before the next start nor behind it."""
    drive = Drive().start().batch(7, 1).accept_all()
    drive.on(ev.ActorStopped(reason="", posts_processed=1))
    drive.at_ms += DAY_MS
    assert ringing(drive) == {}
    drive.start()
    assert ringing(drive) == {}
    assert set(ringing(drive, later_s=2 * WINDOW_MS / 1000)) == {"windows_missed"}


def test_a_chain_of_short_windows_rings_after_minutes() -> None:
    """Where a window takes seconds, two of them are no reason to wake anybody."""
    drive = Drive(ev.Policy(block_s=0.1)).start().batch(7, 1).accept_all()
    assert ringing(drive, later_s=600) == {}
    assert set(ringing(drive, later_s=611)) == {"windows_missed"}


def test_a_disk_that_is_nearly_full_rings() -> None:
    """By the room that whoever asks can see; nobody knows since when."""
    drive = Drive().start()
    assert ringing(drive, room_bytes=ROOM_WARN_BYTES) == {}
    alarm = ringing(drive, room_bytes=ROOM_WARN_BYTES - 1)["disk"]
    assert (alarm.since_ms, "63 MiB left" in alarm.words) == (None, True)


def test_windows_that_the_api_tells_of_as_years_long_are_missed_by_the_configured_length() -> None:
    """Nothing would ring for as long; one that is longer by what subnets differ lasts as long as it was told."""
    for blocks, rings in ((1_000, False), (6_000_200, True)):
        drive = Drive().start().batch(7, 1).accept_all()
        drive.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=blocks))
        drive.window(6_000_200 // blocks + 1, blocks=blocks).scraped(2)
        assert ringing(drive, later_s=3 * WINDOW_MS / 1000 - 1) == {}
        assert set(ringing(drive, later_s=3 * WINDOW_MS / 1000)) == ({"windows_missed"} if rings else set())
        drive.on(ev.ActorStopped(reason="", posts_processed=0))
        drive.start()
        assert ringing(drive, later_s=2 * WINDOW_MS / 1000 - 1) == {}
        assert set(ringing(drive, later_s=2 * WINDOW_MS / 1000)) == ({"windows_missed"} if rings else set())


@pytest.mark.parametrize("room", [0, 1, 64 << 10, ROOM_NEEDED_BYTES - 1, ROOM_NEEDED_BYTES, ROOM_WARN_BYTES])
def test_a_full_disk_rings_by_the_room_where_it_is_seen(room: int) -> None:
    """Whatever the journal tells, which a full disk keeps from telling; one of the two alarms at most."""
    is_full = room < ROOM_NEEDED_BYTES
    drive = Drive().start().window(7)
    expected = {"disk_full"} if is_full else {"disk"} if room < ROOM_WARN_BYTES else set()
    assert set(ringing(drive, room_bytes=room)) == expected
    drive.on(ev.DiskFilled(free_bytes=1, needed_bytes=2))
    assert set(ringing(drive, room_bytes=room)) == expected
    assert set(ringing(drive)) == {"disk_full"}
    if is_full:
        assert ringing(drive, room_bytes=room)["disk_full"].since_ms == drive.at_ms
