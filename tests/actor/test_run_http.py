"""The command on real HTTP: the main path, and each fault of the specification's error section."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from actor import MyMiner
from actor.machine import State, content_sha256, norm_text
from actor.settings.model import load_settings
from events.catalogue import (
    AnalysisFailed,
    ApiUnreachable,
    Event,
    PostAnalyzed,
    PostsScraped,
    RateLimited,
    ScrapeFailed,
    SubmissionAccepted,
    SubmissionFailed,
    SubmissionRejected,
    SubmissionStarted,
)
from events.journal import Record
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for


def events(world: World, *kinds: type[Event]) -> list[Event]:
    """The journal's events of these kinds."""
    return [event for record, _ in world.history() if isinstance(event := record.event(), kinds)]


def submit_count(world: World) -> int:
    """How many POSTs reached the API."""
    return len(world.sandbox.ledger.api.submits())


def test_a_window_of_five_posts_is_accepted(world: World) -> None:
    """Scrape, analyze, submit: five posts, one search, five LLM calls, five acceptances at the server."""
    world.mine()
    box = world.sandbox
    assert box.ledger.x.searches == 1
    assert box.ledger.llm.calls == 5
    assert len(box.ledger.api.accepted(box.window)) == 5
    assert world.state().totals.accepted == 5


def test_records_hold_what_a_dispute_needs(world: World) -> None:
    """The post as served, the text's digest, model, prompt version, raw answer, what was sent, what was answered."""
    world.mine()
    served = {p.id: p for p in world.sandbox.corpus.posts()}
    (scrape,) = events(world, PostsScraped)
    assert isinstance(scrape, PostsScraped)
    assert {p.id: p.content for p in scrape.posts} == {p.id: p.text for p in served.values()}
    for analysis in events(world, PostAnalyzed):
        assert isinstance(analysis, PostAnalyzed)
        assert analysis.content_sha256 == content_sha256(norm_text(served[analysis.post_id].text))
        assert analysis.model == world.sandbox.env()["MODEL"]
        assert analysis.prompt_version
        assert "sentiment" in json.loads(analysis.raw_answer)
    sent = {e.post_id: e.body for e in events(world, SubmissionStarted) if isinstance(e, SubmissionStarted)}
    taken = {e.post_id: e for e in events(world, SubmissionAccepted) if isinstance(e, SubmissionAccepted)}
    assert sent.keys() == taken.keys() == served.keys()
    for answer in taken.values():
        assert json.loads(answer.answer)["status"] == "new"


def test_dry_run_sends_nothing_and_keeps_a_journal_of_its_own(world: World) -> None:
    """--dry-run does everything but submit; a later real run finds its own journal untouched."""
    code, output = world.run("--dry-run", "--windows", "1")
    assert code == 0, output
    assert submit_count(world) == 0
    (folder,) = world.journal.iterdir()
    assert folder.name.endswith(".dry-run")
    assert world.names().count("SubmissionAccepted") == 5
    world.mine()
    assert len(world.sandbox.ledger.api.accepted()) == 5


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", "auth"),
        ("402", "credits"),
        ("429", "rate_limited"),
        ("429_usage_capped", "usage_capped"),
        ("500", "server"),
        ("html", "malformed"),
        ("drop", "broken"),
    ],
)
def test_r13_a_scrape_error_spends_the_window(
    world: World, caplog: pytest.LogCaptureFixture, fault: str, kind: str
) -> None:
    """R13: warned, recorded with its cause, not repeated in this window; the next window is scraped."""
    world.sandbox.script("x.search", fault)
    world.mine()
    (error,) = events(world, ScrapeFailed)
    assert isinstance(error, ScrapeFailed)
    assert error.kind == kind
    assert "scrape failed" in caplog.text
    assert len(world.sandbox.ledger.x.exchanges()) == 1
    world.sandbox.next_window()
    world.mine()
    assert world.state().totals.accepted == 5


@pytest.mark.parametrize("fault", ["402", "404", "garbled", "html", "empty_choices"])
def test_r6_an_llm_error_submits_defaults(world: World, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """R6: a warning, tokens {}, sentiment 0, score 0, and the post goes on."""
    world.sandbox.script("llm.chat", fault, times=100)
    world.mine()
    assert len(events(world, AnalysisFailed)) == 5
    assert "analysis failed" in caplog.text
    for started in events(world, SubmissionStarted):
        assert isinstance(started, SubmissionStarted)
        assert (started.body.tokens, started.body.sentiment, started.body.score) == ({}, 0.0, 0.0)
    assert len(world.sandbox.ledger.api.accepted()) == 5


def test_r6_skip_leaves_failed_posts_out(world: World) -> None:
    """R6: ON_ANALYSIS_ERROR=skip submits none of them."""
    world.sandbox.script("llm.chat", "402", times=100)
    world.mine(ON_ANALYSIS_ERROR="skip")
    assert submit_count(world) == 0
    assert world.state().totals.left_out == 5


@pytest.mark.parametrize("fault", ["429", "429_text", "429_body", "429_headers", "429_bare"])
def test_r9_429_waits_for_the_next_window(world: World, fault: str) -> None:
    """R9, I6: with and without body and headers, nothing more is sent before the next window."""
    world.sandbox.script("api.submit", "ok", times=2)
    world.sandbox.script("api.submit", fault)
    world.mine()
    assert submit_count(world) == 3
    (limited,) = events(world, RateLimited)
    assert isinstance(limited, RateLimited)
    assert world.state().state == "Backoff"
    world.sandbox.next_window()
    world.mine()
    assert world.state().totals.accepted == 5
    assert world.sandbox.ledger.llm.calls == 5, "no carried post is analyzed again"


@pytest.mark.parametrize("fault", ["409", "409_text", "422", "422_nested", "422_message", "422_text"])
def test_r10_409_and_422_are_final(world: World, fault: str) -> None:
    """R10, I2: one POST, no retry, the other posts go on."""
    world.sandbox.script("api.submit", fault)
    world.mine()
    (refused,) = events(world, SubmissionRejected)
    assert isinstance(refused, SubmissionRejected)
    assert refused.http_status == int(fault[:3])
    assert submit_count(world) == 5
    assert world.state().totals.accepted == 4


@pytest.mark.parametrize(
    "fault", ["401", "500", "html", "html_503", "blank", "not_json", "drop", "weird_status", "cut"]
)
def test_r10_other_errors_are_retried(world: World, fault: str) -> None:
    """R1, R10: the attempt failed, the next one is signed afresh and accepted."""
    world.sandbox.script("api.submit", fault)
    world.mine()
    assert len(events(world, SubmissionFailed)) == 1
    assert world.state().totals.accepted == 5
    assert submit_count(world) == 6


def test_r1_three_failures_defer_the_post_to_the_next_window(world: World) -> None:
    """R1, R9: three attempts in all, then the queue goes on; the post goes first in the next window."""
    world.sandbox.script("api.submit", "500", times=3)
    world.mine()
    assert world.state().totals.accepted == 4
    assert submit_count(world) == 7
    world.sandbox.next_window()
    world.mine()
    assert world.state().totals.accepted == 5


def test_a_lost_answer_is_found_out_as_a_duplicate(world: World) -> None:
    """R10: the server acted, the client never heard; the repetition is answered duplicate and counted once."""
    world.sandbox.script("api.submit", "lost_answer")
    world.mine()
    statuses = [e.status for e in events(world, SubmissionAccepted) if isinstance(e, SubmissionAccepted)]
    assert sorted(statuses) == ["duplicate", "new", "new", "new", "new"]
    assert len(world.sandbox.ledger.api.accepted(world.sandbox.window)) == 5


def test_r2_a_hanging_api_is_a_timeout(world: World) -> None:
    """R2: BATCH_HTTP_TIMEOUT bounds the whole request."""
    world.sandbox.script("api.submit", "hang", seconds=3600)
    world.mine(BATCH_HTTP_TIMEOUT="2")
    (error,) = events(world, SubmissionFailed)
    assert isinstance(error, SubmissionFailed)
    assert error.kind == "timeout"


def test_r13_an_api_that_is_down_at_the_start_is_waited_for(make_world: Callable[..., World]) -> None:
    """R13: recorded once when it begins and once when it ends; then the window is used."""
    world = make_world(down=frozenset({"api"}))
    with world.start("--windows", "1") as process:
        wait_for(lambda: "ApiUnreachable" in world.names(), "ApiUnreachable")
        world.sandbox.up("api")
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    assert world.names().count("ApiUnreachable") == world.names().count("ApiRecovered") == 1
    (down,) = events(world, ApiUnreachable)
    assert isinstance(down, ApiUnreachable)
    assert world.state().totals.accepted == 5


def test_an_api_that_goes_down_in_mid_window_is_survived(world: World) -> None:
    """R9, R13: refused connections are failures; after three the posts wait, and go when it is back."""
    went_down: list[int] = []

    def goes_down(record: Record, _state: State) -> None:
        if record.name == "SubmissionStarted" and not went_down:
            went_down.append(record.seq)
            world.sandbox.down("api")

    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings().items()}
    with MyMiner(settings=load_settings(world.folder / "no-file", **flags), on_record=goes_down) as miner:
        wait_for(lambda: world.names().count("SubmissionFailed") == 15, "three failures for each post")
        world.sandbox.up("api")
        world.sandbox.next_window()
        wait_for(lambda: miner.posts_processed == 5, "acceptance in the next window")
    assert miner.error is None
    assert len(world.sandbox.ledger.api.accepted()) == 5
    assert world.sandbox.ledger.x.searches == 1, "five carried posts fill the window"


def test_r11_the_api_s_numbers_win(make_world: Callable[..., World]) -> None:
    """R11: another blocks_per_window than configured is recorded, warned about and used."""
    world = make_world(blocks_per_window=50)
    with world.start(env=world.env(BLOCKS_PER_WINDOW="100")) as process:
        wait_for(lambda: "ConfigMismatched" in world.names(), "answers that agree")
        _, output = world.stop(process)
    assert "BLOCKS_PER_WINDOW=50" in output
    assert world.state().blocks_per_window == 50


def test_i3_a_restart_in_a_spent_window_pays_for_nothing(world: World) -> None:
    """R12, I3: the journal says that the window was spent."""
    world.mine()
    with world.start() as process:
        wait_for(lambda: world.names().count("ActorStarted") == 2, "the second start")
        polls = len(world.sandbox.ledger.api.exchanges())
        wait_for(lambda: len(world.sandbox.ledger.api.exchanges()) > polls + 3, "polls")
        code, output = world.stop(process)
    assert code == 0, output
    assert world.sandbox.ledger.x.searches == 1
    assert world.sandbox.ledger.llm.calls == 5


def test_wrong_settings_are_named_by_what_they_break(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A refused key, an unknown model and a wrong API path say which setting to check."""
    world.sandbox.script("llm.chat", "401", times=3)
    world.sandbox.script("llm.chat", "404", times=2)
    world.mine()
    assert "(check API_KEY)" in caplog.text
    assert "(check MODEL: `user-miner doctor`" in caplog.text
    path = world.env(MINER_API_URL=f"{world.sandbox.api_base}/v2")
    with world.start("--dry-run", env=path) as process:
        wait_for(lambda: any(world.journal.glob("*.dry-run/*.jsonl")), "the journal of the dry run")
        dry = next(world.journal.glob("*.dry-run"))
        wait_for(lambda: "check MINER_API_URL" in (dry / "00000000000000000001.jsonl").read_text(), "the advice")
        assert world.stop(process)[0] == 0
