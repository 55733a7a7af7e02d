"""The chain is asked beside all work, where the settings want it: when, and what the fold keeps of its word."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from actor.machine import wanted
from actor.machine.alarms import alarms
from actor.testing.made import polled
from events import catalogue as ev
from events.codec import canonical_json, changed
from events.effects import PollChain
from tests.kit import Drive, analyzed

HOUR_S = 3600.0
ASKING = ev.Policy(chain_poll_s=HOUR_S)
FAILED = ev.ChainPollFailed(kind="timeout", reason="no answer within 60 s")


def due_s(drive: Drive) -> float | None:
    """In how many seconds the chain is to be asked; None where it is not."""
    found = [effect for effect in wanted(drive.state) if isinstance(effect, PollChain)]
    assert all(effect.wait_s == HOUR_S for effect in found)
    return (found[0].due_ms - drive.at_ms) / 1000 if found else None


def test_without_the_setting_nothing_is_asked_or_written() -> None:
    """Not a byte of a start tells of it, and whatever happens nothing is wanted of the chain."""
    drive = Drive().start()
    assert b"chain" not in b"".join(drive.lines)
    assert b"chain_poll_s" not in canonical_json(ev.Policy())
    drive.batch(7, 1).accept_all()
    assert due_s(drive) is None
    drive.on(polled(), FAILED)  # a late answer is a fact, and asks for no other one
    assert due_s(drive) is None


def test_it_is_asked_a_minute_after_the_start_and_then_by_the_interval() -> None:
    """An answer and a failure both count, whatever the machine does meanwhile; what was told is kept."""
    drive = Drive(ASKING).start()
    assert due_s(drive) == 60
    drive.batch(7, 1)
    assert due_s(drive) == 60
    drive.on(polled(), after_s=61)
    assert due_s(drive) == HOUR_S
    assert (drive.state.chain, drive.state.chain_ms) == (polled(), drive.at_ms)
    told_ms = drive.at_ms
    drive.on(FAILED, after_s=HOUR_S)
    assert due_s(drive) == HOUR_S
    assert (drive.state.chain, drive.state.chain_ms) == (polled(), told_ms)


def test_a_start_keeps_the_interval() -> None:
    """A miner that is started again and again asks no more often; a clock that was set back delays by one interval."""
    drive = Drive(ASKING).start()
    drive.on(polled(), after_s=60)
    drive.at_ms += 600_000
    drive.start()
    assert due_s(drive) == HOUR_S - 600
    drive.at_ms += 2 * 3_600_000
    drive.start()
    assert due_s(drive) == 60
    drive.on(polled(), after_s=60)
    drive.at_ms -= 10 * 3_600_000
    drive.start()
    assert due_s(drive) == HOUR_S


def test_settings_turn_it_on_and_off_meanwhile() -> None:
    """On asks at once, off never again, another interval holds from the next question on."""
    drive = Drive().start()
    drive.on(ev.SettingsChanged(policy=ASKING, names=("CHAIN_POLL_MINUTES",)), after_s=5)
    assert due_s(drive) == 0
    drive.on(polled())
    drive.on(ev.SettingsChanged(policy=changed(ASKING, sampling="top"), names=("SAMPLING",)), after_s=60)
    assert due_s(drive) == HOUR_S - 60
    drive.on(ev.SettingsChanged(policy=ev.Policy(), names=("CHAIN_POLL_MINUTES",)), after_s=60)
    assert due_s(drive) is None


def test_a_bug_costs_one_question() -> None:
    """An effect that crashes is not tried again before its time."""
    drive = Drive(ASKING).start()
    drive.on(ev.EffectCrashed(effect="PollChain", post_id=None, error="KeyError: 'x'"), after_s=60)
    drive.on(ev.BackoffElapsed(), after_s=12)
    assert due_s(drive) == HOUR_S - 12


@pytest.mark.parametrize("event", [polled(), FAILED])
def test_its_word_moves_nothing(event: ev.Event) -> None:
    """In no state does what the chain tells change what is worked on."""
    drive = Drive(ASKING).start().window(7).scraped(1, 2)
    for _ in range(2):
        before = [effect for effect in wanted(drive.state) if not isinstance(effect, PollChain)]
        state = drive.state.state
        drive.on(event)
        assert drive.state.state == state
        assert [effect for effect in wanted(drive.state) if not isinstance(effect, PollChain)] == before
        drive.on(*(analyzed(pending.post.id) for pending in drive.state.to_analyze()))


def test_a_place_that_is_lost_or_nearly_rings() -> None:
    """From the first word on; until another word, or until nobody asks any more."""
    drive = Drive(ASKING).start()
    drive.on(polled(places_before=4), after_s=60)
    (alarm,) = alarms(drive.state)
    since_ms = drive.at_ms
    assert (alarm.name, alarm.since_ms) == ("deregistration", since_ms)
    assert "a few registrations more" in alarm.words
    drive.on(polled(places_before=0), after_s=HOUR_S)
    assert alarms(drive.state) == (alarm,)
    drive.on(FAILED, after_s=HOUR_S)
    assert alarms(drive.state) == (alarm,)
    drive.on(ev.ChainPolled(block=7, miners=3), after_s=HOUR_S)
    (alarm,) = alarms(drive.state)
    assert (alarm.since_ms, "is not registered" in alarm.words) == (drive.at_ms, True)
    drive.on(polled(places_before=5), after_s=HOUR_S)
    assert alarms(drive.state) == ()
    for quiet in (lambda: drive.start(ev.Policy()), lambda: drive.on(_off())):
        drive.start(ASKING)
        drive.on(polled(places_before=0))
        assert [alarm.name for alarm in alarms(drive.state)] == ["deregistration"]
        quiet()
        assert alarms(drive.state) == ()


def _off() -> ev.SettingsChanged:
    return ev.SettingsChanged(policy=ev.Policy(), names=("CHAIN_POLL_MINUTES",))


@pytest.mark.parametrize(
    "fields",
    [
        {"uid": None},
        {"rank": None},
        {"incentive": -0.1},
        {"alpha_per_day": float("nan")},
        {"tao_per_alpha": float("inf")},
        {"immune_blocks": -1},
    ],
)
def test_what_cannot_be_is_no_event(fields: dict[str, float | None]) -> None:
    """A number without a rank, and numbers that no chain tells."""
    with pytest.raises(ValueError, match="hotkey"):
        polled(**fields)


def test_a_policy_asks_in_finite_time() -> None:
    """Nothing but a finite number above 0 is an interval."""
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="chain_poll_s"):
            ev.Policy(chain_poll_s=wrong)
    assert ev.Policy().chain_poll_s is UNSET
