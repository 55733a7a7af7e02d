"""/healthz and /readyz: what each one needs, and the reason it gives."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from actor.machine import REDUCER
from actor.metrics.monitor import Monitor
from actor.ports import ApiPort, Block, Failed, StatusError, SubmitAnswer
from events import catalogue as ev
from events.catalogue import SubmissionBody
from events.journal import MemoryJournal
from tests.kit import Drive, analysis_failed, failed, limited
from tests.metrics.kit import monitor
from tests.patience import GIVE_UP_S


class Api:
    """An API that answers as it is told."""

    def __init__(self) -> None:
        self.answers = True

    async def status(self) -> Block:
        """A block, or none."""
        if not self.answers:
            raise StatusError("no route")
        return Block(current_block=60_010)

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        """No answer."""
        return Failed(kind="timeout", reason=f"{body.post_id} in vain", http_status=None, answer="", block=Block())

    async def aclose(self) -> None:
        """Nothing."""


@contextmanager
def at_work(watched: Monitor, drive: Drive) -> Iterator[tuple[ApiPort, asyncio.AbstractEventLoop]]:
    """A loop in a thread of its own in which the journal was taken and the drive's records were written."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    store = watched.watch_store(MemoryJournal(), None)
    api = watched.api.wrap(Api())
    try:
        asyncio.run_coroutine_threadsafe(store.take(reducer=REDUCER), loop).result(GIVE_UP_S)
        follow(watched, drive)
        yield api, loop
    finally:
        asyncio.run_coroutine_threadsafe(store.release(), loop).result(GIVE_UP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def follow(watched: Monitor, drive: Drive) -> None:
    """Only the last record counts here."""
    watched.on_record(drive.records[-1], drive.state)


def poll(api: ApiPort) -> None:
    """One question for the block."""
    asyncio.run(api.status())


def test_a_miner_that_has_all_it_needs_is_ready() -> None:
    """Journal, loop, API; before the API's first answer it is not."""
    watched = monitor()
    assert watched.ready().reason == "the journal is not in use: opening"
    assert watched.alive().ok, "opening a long journal takes its time, and no restart makes it shorter"
    with at_work(watched, Drive().start()) as (api, _):
        assert watched.ready().reason == "the coordination API has not answered yet"
        poll(api)
        assert (watched.ready().ok, watched.ready().reason) == (True, "at work")
        assert watched.alive().reason == "the miner's loop answers"
    assert watched.ready().reason == "the journal is not in use: released"
    assert watched.alive().ok


def test_an_api_out_of_reach_makes_it_unready() -> None:
    """As soon as the outage is recorded; and when polls stop coming at all."""
    watched = monitor(batch_http_timeout=30)
    drive = Drive(ev.Policy(poll_interval_s=10)).start()
    with at_work(watched, drive) as (api, _):
        poll(api)
        assert watched.ready().ok
        assert watched.api.answered_s is not None
        watched.api.answered_s -= 61
        assert re.search(r"API last answered 6\d s ago, expected an answer every 60 s$", watched.ready().reason)
        poll(api)
        drive.on(ev.ApiUnreachable(reason="no route"))
        follow(watched, drive)
        assert watched.ready().reason == "the coordination API does not answer"
        drive.on(ev.ApiRecovered())
        follow(watched, drive)
        assert watched.ready().ok


def test_an_alarm_leaves_it_ready_and_is_told() -> None:
    """Mining goes on, whatever becomes of posts; the reason says what to change."""
    watched = monitor()
    drive = Drive(ev.Policy(on_analysis_error="hold")).start().window(600).scraped(1)
    drive.on(analysis_failed("1", "auth"))
    with at_work(watched, drive) as (api, _):
        poll(api)
        found = watched.ready()
        assert found.ok
        assert re.match(r"at work; alarm analysis_refused: .* \(auth: .*; set API_KEY to ", found.reason)
        drive.start()
        follow(watched, drive)
        assert "alarm analysis_refused: before the last start " in watched.ready().reason


def test_a_host_that_was_suspended_has_missed_windows() -> None:
    """Though no second of it passed for its own clock: the alarm is the one that the log and ``status`` ring."""
    drive = Drive().start().batch(7, 1).accept_all()
    watched = monitor(now_ms=drive.records[-1].at_ms + 86_400_000)
    with at_work(watched, drive) as (api, _):
        poll(api)
        assert watched.ready().reason.startswith("at work; alarm windows_missed")


def test_an_alarm_is_told_beside_what_makes_it_unready() -> None:
    """Both at once: who mends the one must know of the other."""
    watched = monitor()
    drive = Drive().start().window(600).scraped(1)
    drive.on(analysis_failed("1", "auth"))
    drive.on(ev.ApiUnreachable(reason="no route"))
    with at_work(watched, drive):
        reason = watched.ready().reason
    assert re.match(r"the coordination API does not answer; alarm analysis_refused: .*; set API_KEY to ", reason)


def test_a_poll_without_an_answer_is_counted_and_is_no_answer() -> None:
    """It raises as the API itself would."""
    watched = monitor()
    inner = Api()
    inner.answers = False
    api = watched.api.wrap(inner)
    with pytest.raises(StatusError):
        poll(api)
    assert watched.api.polls == {"answered": 0, "failed": 1}
    assert watched.api.answered_s is None
    drive = Drive().start().batch(7, 1)
    drive.send()
    assert drive.state.open is not None
    asyncio.run(api.submit(drive.state.open.body))
    assert watched.api.answered_s is None, "a submission without an answer is none either"


def test_a_loop_that_hangs_is_not_alive() -> None:
    """Whatever holds it up; once it goes on it is alive again."""
    watched = monitor()
    with at_work(watched, Drive().start()) as (api, loop):
        poll(api)
        go_on = threading.Event()
        loop.call_soon_threadsafe(go_on.wait)
        try:
            found = watched.alive()
            assert (found.ok, found.reason) == (False, "the miner's loop did not answer within 2 s")
        finally:
            go_on.set()
        assert watched.alive().ok
        assert watched.ready().ok


def stuck_after(drive: Drive, seconds: float) -> str:
    """The reason so long after the drive's last record."""
    watched = monitor(
        now_ms=drive.records[-1].at_ms + round(seconds * 1000), llm_timeout_seconds=10, batch_http_timeout=30
    )
    with at_work(watched, drive) as (api, _):
        poll(api)
        watched._recorded_s -= seconds
        return watched.ready().reason


def test_work_without_a_record_is_stuck() -> None:
    """Longer than all its timeouts together, in each state that works; waiting for a window never is."""
    searching = Drive().start().window(7)
    assert stuck_after(searching, 100) == "at work"
    assert re.match(r"Scraping without a record for 12\d s, expected one within 120 s$", stuck_after(searching, 121))
    assert stuck_after(Drive().start().window(7).scraped(1), 300).startswith("Analyzing without a record")
    assert stuck_after(Drive().start().batch(7, 1), 300).startswith("Submitting without a record")
    assert stuck_after(Drive().start().batch(7, 1).accept_all(), 86_400).startswith("at work; alarm windows_missed")


def test_a_backoff_that_does_not_end_is_stuck() -> None:
    """One that waits for a window is not: windows are the API's."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    assert stuck_after(drive, 50) == "at work"
    assert stuck_after(drive, 64).startswith("a backoff of 3 s has not ended after 6")
    drive = Drive().start().batch(7, 1)
    drive.on(limited(drive.send()))
    assert stuck_after(drive, 86_400).startswith("at work; alarm windows_missed")
