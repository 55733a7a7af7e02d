"""Ruling 21 on real HTTP: an LLM that refuses key, credit, or model, and what is mended afterwards."""

from __future__ import annotations

import logging
import signal

import pytest

from actor.machine.alarms import alarms
from events.catalogue import AnalysisFailed, PostAnalyzed, SubmissionStarted
from tests.world import World, wait_for

REFUSALS = {"401": "auth", "403": "auth", "402": "quota", "404": "model"}
# What is asked before the exchange gives up: what the words name is left out first.
REQUESTS = {"400_parameter": 3}
FIXES = {"auth": "API_KEY", "quota": "API_KEY", "model": "MODEL"}
MANY = 1_000


def asked(world: World) -> int:
    """How many requests reached the LLM's server."""
    return len(world.sandbox.ledger.llm.exchanges("llm.chat"))


def alarm_lines(caplog: pytest.LogCaptureFixture, level: int = logging.ERROR) -> list[str]:
    """What was logged of alarms at a level."""
    return [r.getMessage() for r in caplog.records if r.levelno == level and "alarm" in r.getMessage()]


def fails(world: World) -> list[str]:
    """Kinds of the failed analyses on record."""
    found = (record.event() for record, _ in world.history())
    return [event.kind for event in found if isinstance(event, AnalysisFailed)]


@pytest.mark.parametrize(("fault", "kind"), REFUSALS.items())
def test_r21_by_default_neutral_posts_go_out_under_one_alarm(
    world: World, caplog: pytest.LogCaptureFixture, fault: str, kind: str
) -> None:
    """The specification's default holds; that nothing could be analyzed is an error with the setting to change."""
    world.sandbox.script("llm.chat", fault, times=MANY)
    world.mine()
    assert (fails(world), asked(world)) == ([kind] * 5, 5 * REQUESTS.get(fault, 1))
    assert len(world.sandbox.ledger.api.accepted()) == 5
    (line,) = alarm_lines(caplog)
    assert "alarm analysis_refused" in line
    assert "neutral values (ON_ANALYSIS_ERROR=default)" in line
    assert FIXES[kind] in line
    (alarm,) = alarms(world.state())
    assert (alarm.name, alarm.words in line, alarm.fix in line) == ("analysis_refused", True, True)


@pytest.mark.parametrize(("fault", "kind"), REFUSALS.items())
def test_r21_hold_sends_nothing_until_it_is_mended(
    world: World, caplog: pytest.LogCaptureFixture, fault: str, kind: str
) -> None:
    """One request, one alarm, no submission; a start behind the mending analyzes and sends all, in the same window."""
    caplog.set_level(logging.INFO, "actor")
    requests = REQUESTS.get(fault, 1)
    world.sandbox.script("llm.chat", fault, times=requests)
    world.mine(ON_ANALYSIS_ERROR="hold")
    assert (fails(world), asked(world)) == ([kind], requests)
    assert world.sandbox.ledger.api.submits() == []
    assert len(alarm_lines(caplog)) == 1
    assert [p.analyzed for p in world.state().posts] == [False] * 5
    world.mine(ON_ANALYSIS_ERROR="hold")
    assert (world.sandbox.ledger.llm.calls, world.sandbox.ledger.x.searches) == (5, 1)
    assert len(world.sandbox.ledger.api.accepted(world.sandbox.window)) == 5
    sent = [event for record, _ in world.history() if isinstance(event := record.event(), SubmissionStarted)]
    assert all(event.body.tokens for event in sent)
    assert alarms(world.state()) == ()
    assert "alarm analysis_refused is over" in caplog.text


def test_r21_a_parameter_that_can_be_left_out_holds_nothing(world: World) -> None:
    """A server that refuses one in every request that has it is asked without it, and no alarm is raised."""
    world.sandbox.script("llm.chat", "refused_parameter", times=MANY)
    world.mine(ON_ANALYSIS_ERROR="hold")
    assert (fails(world), alarms(world.state())) == ([], ())
    assert len(world.sandbox.ledger.api.accepted()) == 5


def test_r21_a_wrong_key_costs_one_request_in_each_window_and_few_searches(world: World) -> None:
    """A real 401: posts are held for four windows on one search and given up; a start with the right key goes on."""
    with world.start(env=world.env(ON_ANALYSIS_ERROR="hold", API_KEY="wrong")) as process:
        for windows in range(1, 5):
            wait_for(lambda: len(fails(world)) == windows, f"refusal {windows}")  # noqa: B023  (it does not outlive it)
            assert (asked(world), world.sandbox.ledger.x.searches) == (windows, 1)
            world.sandbox.next_window()
        wait_for(lambda: world.names().count("PostsScraped") == 2, "another search, which finds nothing new")
        assert world.names().count("PostAbandoned") == 5
        for number in range(5):
            world.sandbox.add_post(f"Bittensor SN45 goes on, part {number}")
        world.sandbox.next_window()
        wait_for(lambda: len(fails(world)) == 5, "a refusal of the next ones")
        code, output = world.stop(process)
    assert code == 0, output
    assert output.count("alarm analysis_refused:") == 1
    assert world.sandbox.ledger.api.submits() == []
    world.mine(ON_ANALYSIS_ERROR="hold")
    found = [record.event() for record, _ in world.history()]
    judged = {event.post_id for event in found if isinstance(event, PostAnalyzed)}
    sent = {event.post_id for event in found if isinstance(event, SubmissionStarted)}
    assert (judged == sent, len(sent)) == (True, 5)
    assert (asked(world), len(world.sandbox.ledger.api.accepted(world.sandbox.window))) == (10, 5)


def test_r21_a_changed_setting_asks_again(world: World) -> None:
    """SIGHUP with another setting tries what is held at once, in the window in which it is."""
    world.sandbox.script("llm.chat", "402", times=1)
    env_file = world.folder / ".miner_env"
    env_file.write_text("ON_ANALYSIS_ERROR=hold\nSAMPLING=random\n")
    with world.start("--env-file", str(env_file)) as process:
        wait_for(lambda: "AnalysisFailed" in world.names(), "a refusal")
        env_file.write_text("ON_ANALYSIS_ERROR=hold\nSAMPLING=top\n")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: world.names().count("SubmissionAccepted") == 5, "five acceptances")
        code, output = world.stop(process)
    assert code == 0, output
    assert output.count("alarm analysis_refused:") == 1
    assert output.count("alarm analysis_refused is over") == 1


def test_r21_a_restart_says_an_alarm_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It does not end with the process; who starts the miner is told what is known, and again once it is seen again."""
    world.mine(API_KEY="wrong")
    assert [len(alarm_lines(caplog, level)) for level in (logging.WARNING, logging.ERROR)] == [0, 1]
    caplog.clear()
    world.sandbox.next_window()
    world.sandbox.add_post("Bittensor SN45 goes on")
    world.mine(API_KEY="wrong")
    (known,), (seen,) = (alarm_lines(caplog, level) for level in (logging.WARNING, logging.ERROR))
    assert "before the last start the LLM's server refused every analysis since window" in known
    assert "the LLM's server refuses every analysis since window" in seen


def test_r21_a_start_with_the_right_key_accuses_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The log speaks of the time before it, whatever had to be repaired first, and then says that it is over."""
    caplog.set_level(logging.INFO, "actor")
    world.mine(API_KEY="wrong")
    caplog.clear()
    (segment,) = world.journal.glob("*/*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"seq":')  # as a crash leaves it
    world.sandbox.next_window()
    world.sandbox.add_post("Bittensor SN45 goes on")
    world.mine()
    assert "TailRepaired" in world.names()
    assert alarm_lines(caplog) == []
    assert "before the last start" in alarm_lines(caplog, logging.WARNING)[0]
    assert alarm_lines(caplog, logging.INFO) == ["alarm analysis_refused is over"]
    assert alarms(world.state()) == ()
