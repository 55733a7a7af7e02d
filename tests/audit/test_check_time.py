"""Whether decisions came when this build would have made them, and answers whenever they came."""

from __future__ import annotations

import pytest

from events import catalogue as ev
from events.codec import changed
from tests.audit.check_kit import Honest, check, first, kinds, seq_of
from tests.kit import accepted, analysis_failed, limited

RULE_9 = "rule 9: what is too old is not sent (actor.machine.wanted.submission_decided)"

# Waits


def test_a_wait_that_ended_too_early() -> None:
    """Before this build would have gone on (R1)."""
    drive = Honest()
    drive.start().batch(812, 1)
    drive.fail().wait(2.5)
    found = first(drive.records)
    assert (found.seq, found.kind) == (len(drive.records), "early")
    assert "0.500 s longer" in found.reason


def test_a_wait_cut_by_the_clock_is_none_of_another_rule() -> None:
    """Set back by less than the wait, a clock leaves no trace; but this build has waited as long before (R1)."""
    drive = Honest()
    drive.start().batch(812, 1)
    drive.fail().wait(3).accept_all().sign()
    drive.batch(813, 2)
    drive.fail().wait(0.9).accept_all().sign()
    assert check(drive.records) == []
    started = next(event for r in drive.records if isinstance(event := r.event(), ev.ActorStarted))
    drive.on(changed(started, build="0.2.0", epoch=2))
    drive.batch(814, 3)
    drive.fail().wait(0.9).accept_all()
    assert first(drive.records).kind == "early", "what one build did tells nothing of another one"


def test_a_post_abandoned_too_early() -> None:
    """Before it is as old as the policy says (R9)."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    drive.on(limited(drive.send(), 81_200))
    drive.on(ev.PostAbandoned(post_id="2", reason="too old"), after_s=60)
    assert first(drive.records).kind == "early"
    drive = Honest()
    drive.start().batch(812, 1, 2)
    drive.on(limited(drive.send(), 81_200))
    drive.sign().on(ev.PostAbandoned(post_id="2", reason="too old"), after_s=71 * 3600)
    assert check(drive.records) == []


def too_old(drive: Honest) -> int:
    """The moment at which post 1 is."""
    return drive.state.too_old_ms(drive.state.posts[0].post)


def test_a_post_given_up_when_it_was_its_turn() -> None:
    """The host slept before its attempt began: this build gives it up as well (R9)."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    drive.at_ms = too_old(drive)
    drive.on(ev.PostAbandoned(post_id="1", reason="too old"), ev.PostAbandoned(post_id="2", reason="too old"))
    assert check(drive.records) == []


def test_a_post_given_up_before_its_time() -> None:
    """This build would have sent it (R9)."""
    drive = Honest()
    drive.start().batch(812, 1)
    drive.at_ms = too_old(drive) - 1
    drive.on(ev.PostAbandoned(post_id="1", reason="too old"))
    found = first(drive.records)
    assert (found.kind, found.rule) == ("fields", RULE_9)


def test_a_post_sent_behind_its_time() -> None:
    """This build would have given it up (R9); a moment before a record is not held against it."""
    for late_ms, kind in ((40, None), (60, "fields")):
        drive = Honest()
        drive.start().batch(812, 1)
        drive.at_ms = too_old(drive) + late_ms
        drive.accept_all()
        found = check(drive.records)
        assert [(divergence.kind, divergence.rule) for divergence in found[:1]] == (
            [] if kind is None else [(kind, RULE_9)]
        )


@pytest.mark.parametrize("jump_s", [-3600.0, -1.0])
def test_a_clock_that_was_set_back_proves_nothing(jump_s: float) -> None:
    """A wait lasts as long as it was meant to, whatever the clock says meanwhile."""
    drive = Honest()
    drive.start().batch(812, 1)
    drive.fail()
    drive.on(ev.ApiUnreachable(reason="no route"), after_s=1)
    drive.on(ev.ApiRecovered(), after_s=jump_s)
    drive.wait(0.2).accept_all()
    assert check(drive.records) == []


def test_a_wait_that_another_process_ends_is_no_longer_than_meant() -> None:
    """After a restart the rest is waited for, and by a clock that may have jumped never more than the whole."""
    for down_s, rest_s in ((1.0, 2.0), (100.0, 0.0), (-50.0, 3.0)):
        drive = Honest()
        drive.start().batch(812, 1)
        drive.fail()
        drive.at_ms += round(down_s * 1000)
        drive.start()
        drive.wait(rest_s).accept_all()
        assert check(drive.records) == []


def late_waits(times: int, after_s: float) -> Honest:
    """Posts of which each fails once, every wait lasting so long."""
    drive = Honest()
    drive.start()
    for number in range(times):
        drive.batch(812 + number, number + 1)
        drive.fail().wait(after_s).accept_all().sign()
    return drive


def test_waits_that_are_all_too_long() -> None:
    """One may be a busy machine; if all are, and by the same, it was another rule. The first one is named."""
    drive = late_waits(3, 6)
    (found,) = check(drive.records)
    assert (found.seq, found.kind) == (seq_of(drive, "BackoffElapsed"), "late")
    assert "after attempt 1 of a post this build waits 3 s; no such wait was less than 3.0 s longer" in found.reason
    assert check(late_waits(2, 6).records) == []
    assert check(late_waits(5, 3.2).records) == []


def test_one_wait_in_time_explains_the_late_ones() -> None:
    """Then it was the machine, not the rule; as it was if each is late by something else."""
    drive = late_waits(4, 60)
    drive.batch(900, 99)
    drive.fail().wait(3).accept_all()
    assert check(drive.records) == []
    drive = Honest()
    drive.start()
    for number in range(6):
        drive.batch(812 + number, number + 1)
        drive.fail().wait(9 + 5 * (number % 3)).accept_all().sign()
    assert check(drive.records) == []


def test_some_busy_moments_do_not_hide_longer_waits() -> None:
    """As many as are longer by the same are enough."""
    drive = late_waits(2, 6)
    drive.batch(900, 98)
    drive.fail().wait(40).accept_all().sign()
    drive.batch(901, 99)
    drive.fail().wait(6).accept_all().sign()
    assert kinds(drive.records) == [(seq_of(drive, "BackoffElapsed"), "late")]


def test_a_decision_that_never_came() -> None:
    """A window's work was done and nobody vouched for it, though the process went on for long."""
    drive = Honest()
    drive.start().batch(812, 1).accept_all()
    rest = len(drive.records)
    drive.at_ms += 1_000_000
    drive.batch(813, 2).accept_all().sign()
    (found,) = check(drive.records)
    assert (found.seq, found.kind, found.event) == (rest + 1, "missing", "WindowOpened")
    assert f"SignCheckpoint (start_block 81200) since record {rest}" in found.reason
    assert "1000 s later" in found.reason


def test_a_decision_overtaken_within_a_moment_is_none_missing() -> None:
    """An answer may have come first, and then the decision is called off."""
    drive = Honest()
    drive.start().batch(812, 1).accept_all()
    drive.at_ms += 900
    drive.batch(813, 2).accept_all().sign()
    assert check(drive.records) == []


def test_a_process_that_ends_need_not_decide() -> None:
    """What a dead process did not do is no decision, however long it lay there."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    drive.at_ms += 50_000_000
    drive.start()
    drive.accept_all().sign()
    drive.stop()
    assert check(drive.records) == []


def test_a_stop_long_after_a_decision_was_due() -> None:
    """A process that lived on without it decided otherwise."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    drive.on(accepted(drive.send()))  # so the window is confirmed
    drive.at_ms += 60_000
    drive.stop()
    assert kinds(drive.records) == [(len(drive.records), "missing")]


# Answers that come late


def test_an_answer_may_come_while_another_crash_rests() -> None:
    """What was in flight when something else crashed still counts."""
    drive = Honest()
    drive.start().window(812).scraped(1, 2)
    drive.crash("AnalyzePost:1")
    (_, other) = drive.state.to_analyze()
    assert other.post.id == "2"
    drive.crash("AnalyzePost:2").wait(12).analyze_all().accept_all().sign()
    assert check(drive.records) == []


def test_an_effect_may_crash_behind_its_own_verdict() -> None:
    """The verdict is recorded first; what the answer says of windows may then be what breaks."""
    drive = Honest()
    drive.start().batch(812, 1, 2)
    first_post = drive.send()
    drive.on(accepted(first_post))
    drive.on(ev.EffectCrashed(effect=f"SubmitPost:{first_post}", post_id=first_post, error="KeyError: 'x'"))
    drive.wait(12).accept_all().sign()
    assert check(drive.records) == []


def test_a_decision_counts_only_while_it_is_wanted() -> None:
    """A checkpoint behind the moment at which it was called off is another build's."""
    drive = Honest()
    drive.start().batch(812, 1).accept_all()
    drive.window(813)
    drive.sign()
    found = first(drive.records)
    assert (found.kind, found.event) == ("effect", "CheckpointSigned")


def test_a_failed_analysis_speaks_of_its_text_too() -> None:
    """Crashed or not."""
    drive = Honest()
    drive.start().window(812).scraped(1)
    drive.on(analysis_failed("1"))
    assert kinds(drive.records) == [(len(drive.records), "fields")]
