"""What is counted of a miner's records, and how the counts stand after a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import get_args

from prometheus_client import generate_latest

from actor.analyzer.port import LLMErrorKind
from actor.edges import x_wire
from actor.machine.history import steps
from actor.metrics.counted import FAILURES, OTHER, Counted, Durations
from actor.metrics.families import make_registry
from actor.metrics.monitor import Monitor, last_times
from actor.testing.made import polled
from events import catalogue as ev
from events.codec import changed
from events.effects import Effect
from events.windows import USED, WindowLog
from tests.audit.replay_kit import SAMPLE, hostile_story, sample, story, write
from tests.kit import Drive, analysis_failed, analyzed, failed
from tests.metrics.kit import Samples, monitor, samples


def fed(drive: Drive, watched: Monitor | None = None, *, after: int = 0) -> Monitor:
    """A monitor of a process that wrote the drive's records behind ``after``."""
    watched = watched or monitor()
    for step in steps(drive.records):
        if step.record.seq > after:
            watched.on_record(step.record, step.after)
    return watched


def told(watched: Monitor) -> Samples:
    """The samples of its metrics."""
    return samples(generate_latest(make_registry(watched)).decode())


def value(found: Samples, name: str, **labels: str) -> float | None:
    """One of them; None where there is none."""
    return found.get((f"user_miner_{name}", frozenset(labels.items())))


def test_each_record_is_counted_once() -> None:
    """By its event; verdicts, windows and posts by the state's totals."""
    drive = story()
    found = told(fed(drive))
    for name in {record.name for record in drive.records}:
        count = sum(record.name == name for record in drive.records)
        assert value(found, "records_total", event=name) == count, name
    totals = drive.state.totals
    assert value(found, "windows_worked_total") == totals.windows
    assert value(found, "posts_scraped_total") == totals.scraped
    assert value(found, "verdicts_total", verdict="accepted") == totals.accepted
    assert value(found, "journal_seq") == drive.head.seq
    assert value(found, "journal_epoch") == drive.state.epoch
    assert value(found, "failures_total", step="submission", kind="http") == 1
    assert value(found, "submissions_total", outcome="rate_limited") == 1


def test_totals_survive_a_restart_and_the_rest_begins_anew() -> None:
    """What the journal knows goes on; what only the process counted is 0, as Prometheus expects of a new process."""
    drive = story()
    last_start = max(record.seq for record in drive.records if record.name == "ActorStarted")
    found = told(fed(drive, after=last_start - 1))
    assert value(found, "verdicts_total", verdict="accepted") == drive.state.totals.accepted
    assert value(found, "records_total", event="ActorStarted") == 1
    assert value(found, "failures_total", step="submission", kind="http") == 0


def test_before_the_first_record_the_journal_s_figures_are_not_there() -> None:
    """A 0 would look like a loss, and the next value like a gain of all that was ever accepted."""
    found = told(monitor())
    for name in ("windows_worked_total", "posts_scraped_total", "journal_seq", "journal_epoch", "api_up"):
        assert value(found, name) is None, name
    assert value(found, "verdicts_total", verdict="accepted") is None
    assert value(found, "records_total", event="ActorStarted") == 0
    assert value(found, "state", state="Scraping") == 0
    assert value(found, "ready") == 0


def test_exactly_one_state_is_the_present_one() -> None:
    """At each record while a process runs, and none after it has stopped."""
    watched = monitor()
    for step in steps(story().records):
        watched.on_record(step.record, step.after)
        found = told(watched)
        ones = [key for key, number in found.items() if key[0] == "user_miner_state" and number == 1]
        assert len(ones) == int(step.after.running)
        assert not step.after.running or ones[0][1] == frozenset({("state", step.after.state)})


def test_no_text_from_outside_becomes_a_label() -> None:
    """Kinds and codes that nobody foresaw are counted as "other"; the number of series never grows."""
    before = len(told(fed(Drive().start())))
    drive = hostile_story()
    found = told(fed(drive))
    labels = {word for _, pairs in found for _, word in pairs if "31m" in word or "\u202e" in word}
    assert labels <= {drive.state.identity.hotkey if drive.state.identity else ""}
    assert value(found, "failures_total", step="submission", kind=OTHER) == 1
    assert value(found, "failures_total", step="analysis", kind=OTHER) == 1
    assert value(found, "failures_total", step="effect", kind=OTHER) == 1
    grown = {name for name, _ in found} - {name for name, _ in told(fed(Drive().start()))}
    assert all("window" in name or "last" in name or "block" in name for name in grown)
    assert len(found) - before <= len(grown)


def test_every_kind_that_edges_know_has_its_own_series() -> None:
    """So a new one is not hidden under "other" unnoticed."""
    assert set(get_args(LLMErrorKind)) <= set(FAILURES["analysis"])
    known = {*x_wire._PROBLEMS.values(), *x_wire._CODES.values(), *x_wire._STATUSES.values()}
    assert known <= set(FAILURES["scrape"])
    assert {effect.__name__ for effect in get_args(Effect)} <= set(FAILURES["effect"])


def test_paid_units_are_those_of_the_records() -> None:
    """Failed analyses too; an answer taken from the record is neither paid nor timed."""
    drive = Drive().start().window(7).scraped(1, 2, 3, content="the same text")
    drive.on(analyzed("1"), analysis_failed("2"))
    drive.on(changed(analyzed("3"), calls=0, prompt_tokens=0, completion_tokens=0, latency_ms=0, reused_from="1"))
    found = told(fed(drive))
    records = [step.event for step in steps(drive.records)]
    paid = [event for event in records if isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed)]
    assert value(found, "llm_tokens_total", kind="prompt") == sum(event.prompt_tokens for event in paid)
    assert value(found, "llm_calls_total") == sum(event.calls for event in paid)
    assert value(found, "analysis_duration_seconds_count") == sum(event.calls > 0 for event in paid)
    assert value(found, "x_posts_read_total") == 10
    assert value(found, "scrape_duration_seconds_sum") == 0.3


def test_the_sample_s_windows_are_told_as_the_audit_tells_them() -> None:
    """Used and missed windows of one process over the whole journal, the last one still open."""
    counted = Counted()
    log_used = log_missed = 0
    for step in steps(sample()):
        counted.take(step.record, step.event, step.after)
    log = WindowLog()
    for step in steps(sample()):
        for outcome in log.take(step.record, step.event):
            log_used += outcome.outcome == USED
            log_missed += outcome.count if outcome.outcome != USED else 0
    assert (counted.windows_used, sum(counted.windows.values())) == (log_used, log_missed)


def missed(drive: Drive, *, after: int) -> dict[str, int]:
    """The windows that a process counts as missed which wrote the records behind ``after``."""
    return {cause: count for cause, count in fed(drive, after=after).counted.windows.items() if count}


def test_windows_missed_between_two_processes_are_counted_by_the_second() -> None:
    """Those after the last one that was known before; that one itself was the first process's."""
    drive = Drive().start().batch(60_000, 1).accept_all()
    drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=1))
    stopped = drive.head.seq
    drive.at_ms += 6_000_000
    drive.start().batch(60_005, 2).accept_all().batch(60_006, 3)
    assert missed(drive, after=stopped) == {"down": 4}
    assert fed(drive, after=stopped).counted.windows_used == 1
    assert missed(drive, after=0) == {"down": 4}


def test_a_window_left_undone_is_the_next_process_s() -> None:
    """It was known and nothing was done in it: what becomes of it counts where that is seen."""
    drive = Drive().start().window(60_000)
    stopped = drive.head.seq
    drive.start().scrape_failed()
    drive.batch(60_001, 1)
    assert missed(drive, after=stopped) == {"scrape failed": 1}


def test_failed_attempts_are_counted_by_kind() -> None:
    """Each attempt once, with the time that it took."""
    drive = Drive().start().batch(7, 1)
    drive.on(changed(failed(drive.send(), 1), kind="timeout", latency_ms=30_000))
    found = told(fed(drive))
    assert value(found, "failures_total", step="submission", kind="timeout") == 1
    assert value(found, "submission_duration_seconds_bucket", le="30.0") == 1
    assert value(found, "submission_duration_seconds_bucket", le="10.0") == 0


def test_validators_words_are_counted() -> None:
    """Judgements by result, scores with the last one."""
    drive = Drive().start().batch(7, 1).accept_all()
    for passed in (True, False, True):
        word = ev.ValidationObserved(validator="v", validation_id=str(drive.head.seq), post_id="1", passed=passed)
        drive.on(word)
    drive.on(ev.ScoreObserved(validator="v", start_block=700, end_block=800, score=0.25))
    found = told(fed(drive))
    assert value(found, "validations_total", result="passed") == 2
    assert value(found, "validations_total", result="failed") == 1
    assert (value(found, "scores_total"), value(found, "last_score")) == (1, 0.25)


def test_money_is_the_day_s_by_the_budgets_reckoning() -> None:
    """A day that is over costs nothing today; the budget stands beside it."""
    watched = fed(Drive(ev.Policy(max_x_usd_per_day=5.0)).start().batch(7, 1))
    found = told(watched)
    assert value(found, "day_budget_usd", service="x") == 5
    assert value(found, "day_budget_usd", service="llm") is None
    assert value(found, "day_spent_usd", service="x") is not None
    assert value(found, "day_spent_usd", service="llm") is None, "no price is known"


def test_what_each_post_cost_is_told_for_a_day_and_for_seven() -> None:
    """Days further back count in neither; where nothing was taken, or tokens have no price, there is no sample."""
    today = int(time.time() * 1000) // 86_400_000
    drive = Drive().start()
    found = told(fed(drive))
    assert value(found, "per_accepted_usd", service="x", days="1") is None
    for number, (back, posts) in enumerate(((7, 1), (6, 1), (0, 3))):
        drive.at_ms = (today - back) * 86_400_000
        first = 10 * number
        drive.batch(7 + 100 * number, *range(first, first + posts)).accept_all()
    found = told(fed(drive))
    assert value(found, "per_accepted_usd", service="x", days="1") == 0.05
    assert value(found, "per_accepted_usd", service="x", days="7") == 0.075
    assert value(found, "per_accepted_usd", service="llm", days="7") is None


def test_buckets_hold_what_is_at_most_as_long() -> None:
    """A duration on a bucket's end belongs to it; one beyond the last is in the last one only."""
    durations = Durations((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 3.0):
        durations.add(seconds)
    assert list(durations.cumulative()) == [("1.0", 2), ("2.0", 4), ("+Inf", 5)]
    assert durations.total_s == 8.0


def test_the_last_times_are_read_from_the_journal_s_end(tmp_path: Path) -> None:
    """So gauges go on after a restart; a journal that is damaged, torn, empty or not there gives none."""
    names = ("SubmissionAccepted", "WindowOpened", "PostsScraped")
    expected: dict[str, int] = {}
    for record in sample():
        if record.name in names:
            expected[record.name] = record.at_ms
    assert last_times(SAMPLE, names) == expected
    journal = write(tmp_path / "j", story())
    (segment,) = journal.glob("*.jsonl")
    whole = last_times(journal, names)
    assert set(whole) == set(names)
    segment.write_bytes(segment.read_bytes() + b'{"seq":99,"at":"torn')
    assert last_times(journal, names) == whole
    segment.write_bytes(b"x" * 1_000)
    assert last_times(journal, names) == {}
    assert last_times(tmp_path / "none", names) == {}


def test_what_the_chain_told_last_is_shown() -> None:
    """As the state has it; failures by kind; without a sample where it was never asked, or has nothing to say."""
    drive = Drive(ev.Policy(chain_poll_s=1800.0)).start()
    assert value(told(fed(drive)), "chain_registered") is None
    drive.on(polled(), ev.ChainPollFailed(kind="timeout", reason="x"), after_s=60)
    found = told(fed(drive))
    values = {"registered": 1, "alpha_per_day": 3.5, "rank": 34, "miners": 190, "places_before": 81}
    assert {name: value(found, f"chain_{name}") for name in values} == values
    assert value(found, "last_chain_answer_timestamp_seconds") == (drive.at_ms - 60_000) / 1000
    assert value(found, "failures_total", step="chain", kind="timeout") == 1
    drive.on(ev.ChainPolled(block=7, miners=3))
    found = told(fed(drive))
    assert (value(found, "chain_registered"), value(found, "chain_rank")) == (0, None)
