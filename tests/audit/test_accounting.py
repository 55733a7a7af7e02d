"""Accounts of histories whose figures are known: windows and why they were missed, time, answers, crashes, clocks."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from actor.machine.scoring import content_sha256, norm_text
from audit.judge.accounting import Accounts
from audit.judge.audit import Audit, AuditReport
from audit.judge.tallies import Histogram
from audit.judge.text import as_text
from audit.rules import RULES, Recent
from events import catalogue as ev
from tests.audit.broken import WINDOW_S, Story, clean_story
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited


def report_of(drive: Drive) -> AuditReport:
    """The report on a drive's records, of which no rule has anything to say but what it notes."""
    audit = Audit(RULES)
    for record in drive.records:
        audit.take(record)
    report = audit.report()
    assert report.ok, report.findings
    return report


def accounts_of(drive: Drive) -> Accounts:
    """The accounting of it."""
    return report_of(drive).accounts


def test_the_accounts_of_the_good_history() -> None:
    """Every figure, against what the story tells."""
    accounts = accounts_of(clean_story())
    windows, posts, runs = accounts.windows, accounts.posts, accounts.runs
    assert (windows.seen, windows.used, windows.undecided) == (7, 4, 0)
    assert windows.missed == {"scrape failed": 1, "nothing new": 2}
    assert (posts.chosen, posts.accepted, posts.rejected) == (9, {"new": 6, "duplicate": 1}, {"409": 1})
    assert (posts.abandoned, posts.left_out, posts.pending) == ({}, 0, 1)
    submissions = accounts.submissions
    assert (submissions.attempts, submissions.failed, submissions.rate_limited) == (12, {"http": 2}, 1)
    assert submissions.attempts_of_accepted == {"3": 1, "2": 2, "1": 4}
    assert (runs.starts, runs.stops, runs.crashes, runs.running) == (3, 2, 1, False)
    assert (runs.down.count, runs.down.total_ms, runs.down.max_ms) == (2, 122_000, 120_000)
    trouble = accounts.trouble
    assert (trouble.outages.count, trouble.outages.total_ms) == (1, 60_000)
    assert (trouble.failed_searches, trouble.failed_analyses) == ({"server": 1}, {"timeout": 1})
    assert (accounts.clock.went_back, accounts.clock.ran_ahead) == (0, 0)
    assert {step: summary.count for step, summary in accounts.latency.items()} == {
        "scrape": 7,
        "analysis": 8,
        "submission": 11,
    }


def test_the_time_in_states_and_without_a_process_is_all_the_time() -> None:
    """Dwell and downtime add up to the span of the journal, from the first start on."""
    story = clean_story()
    accounts = accounts_of(story)
    began = next(record.at_ms for record in story.records if record.name == "ActorStarted")
    dwell = sum(summary.total_ms for summary in accounts.states.values())
    assert dwell + accounts.runs.down.total_ms == story.records[-1].at_ms - began
    assert accounts.states["Backoff"].total_ms == 9_000 + round(WINDOW_S * 1000), "3 s, 6 s, and a 429"


def started(policy: ev.Policy | None = None) -> Story:
    """A story with its first window worked on, and nothing pending."""
    story = Story(policy)
    story.start()
    story.window(70)
    story.search(1).analyze(1.0).answered(accepted, "new", 7_000).sign()
    return story


def down(story: Story) -> None:
    """A stop in a window, a start three windows later."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()
    story.on(ev.ActorStopped(reason="asked to stop", posts_processed=1))
    story.wait(3 * WINDOW_S).start()


def crashed(story: Story) -> None:
    """Likewise after a kill."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()
    story.wait(3 * WINDOW_S).start()


def unreachable(story: Story) -> None:
    """The API does not answer for three windows."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()
    story.on(ev.ApiUnreachable(reason="no answer"))
    story.wait(3 * WINDOW_S).on(ev.ApiRecovered())


def disk_full(story: Story) -> None:
    """The disk is full for three windows, and told of as such; a restart in them changes nothing."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()
    story.on(ev.DiskFilled(free_bytes=3 << 20, needed_bytes=4 << 20))
    story.wait(WINDOW_S).on(ev.ActorStopped(reason="SIGTERM", posts_processed=1))
    story.start()
    story.on(ev.DiskFilled(free_bytes=3 << 20, needed_bytes=4 << 20))
    story.wait(2 * WINDOW_S).on(ev.DiskFreed(free_bytes=9 << 20))


def down_after_a_full_disk(story: Story) -> None:
    """The disk had room again before the process ended."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()
    story.on(ev.DiskFilled(free_bytes=3 << 20, needed_bytes=4 << 20))
    story.on(ev.DiskFreed(free_bytes=9 << 20))
    story.wait(3 * WINDOW_S).start()


def jumped(story: Story) -> None:
    """The API's block number jumps, and nothing tells why."""
    story.wait(WINDOW_S).window(71)
    story.scrape_failed().sign()


def rate_limited(story: Story) -> None:
    """A 429 of a later window keeps from two that are told."""
    story.wait(WINDOW_S).window(71)
    story.search(2).analyze(1.0).answered(limited, 7_200).sign()
    story.wait(WINDOW_S).window(72)


def full(story: Story) -> None:
    """Late answers counted in the next window, which they filled."""
    story.wait(WINDOW_S).window(71)
    story.search(2, 3, 4, 5, 6).analyze(1.0, 0.9, 0.8, 0.7, 0.6)
    for _ in range(5):
        story.answered(accepted, "new", 7_200)
    story.sign().wait(WINDOW_S).window(72).sign()


def busy(story: Story) -> None:
    """A search that took longer than the window after its own."""
    story.wait(WINDOW_S).window(71)
    story.wait(WINDOW_S).window(72)
    story.wait(WINDOW_S).window(73)
    story.search()
    story.wait(300).search().sign()


def carried(story: Story) -> None:
    """A 429 puts five posts off to the next window, where they fill it and wait."""
    story.wait(WINDOW_S).window(71)
    story.search(2, 3, 4, 5, 6).analyze(1.0, 0.9, 0.8, 0.7, 0.6).answered(limited, 7_100).sign()
    story.wait(WINDOW_S).window(72)


def give_up(story: Story) -> None:
    """The posts that wait to be sent are too old when their turn comes."""
    story.wait(72 * 3_600)
    for pending in story.state.queue():
        story.on(ev.PostAbandoned(post_id=pending.post.id, reason="too old"))


def too_old(story: Story) -> None:
    """Nothing else was to be done in their window; a start behind it changes nothing."""
    carried(story)
    give_up(story)
    story.sign().start()


def too_old_in_a_later_window(story: Story) -> None:
    """The next window is told before they are given up, and searched then; the search fails."""
    carried(story)
    story.wait(WINDOW_S).window(73)
    give_up(story)
    story.scrape_failed().sign()


@pytest.mark.parametrize(
    ("scene", "last", "missed"),
    [
        (down, 75, {"scrape failed": 2, "down": 3}),
        (crashed, 75, {"scrape failed": 2, "down": 3}),
        (unreachable, 75, {"scrape failed": 2, "API unreachable": 3}),
        (disk_full, 75, {"scrape failed": 2, "disk full": 3}),
        (down_after_a_full_disk, 75, {"scrape failed": 2, "down": 3}),
        (jumped, 75, {"scrape failed": 2, "not told": 3}),
        (rate_limited, 73, {"scrape failed": 1, "rate limited": 1}),
        (full, 73, {"scrape failed": 1, "full": 1}),
        (too_old, 73, {"scrape failed": 1, "too old": 1}),
        (too_old_in_a_later_window, 74, {"scrape failed": 2, "too old": 1}),
        (busy, 74, {"scrape failed": 1, "busy": 1, "nothing new": 2}),
    ],
)
def test_why_windows_are_missed(scene: Callable[[Story], None], last: int, missed: dict[str, int]) -> None:
    """Every cause by itself, also for windows of which nothing was heard; the search of the last window fails."""
    story = started()
    scene(story)
    story.wait(WINDOW_S).window(last)
    story.scrape_failed().sign()
    windows = accounts_of(story).windows
    assert windows.missed == missed
    assert windows.seen == last - 69 == windows.used + sum(windows.missed.values())


def test_a_window_that_was_filled_while_the_api_told_of_another_is_full() -> None:
    """R18: posts counted in the true one, and nothing more was done in it when the other was taken back."""
    story = started()
    story.wait(WINDOW_S).window(900).search(2, 3, 4, 5, 6).analyze(*[1.0] * 5)
    for _ in range(5):
        story.answered(accepted, "new", 7_100)
    told = {"window": 71, "start_block": 7_100, "current_block": 7_150, "blocks_per_window": 100}
    story.sign().on(
        ev.WindowsRevised(**told, believed_start_block=90_000, answers=26, agreed_s=300.0, taken=0), after_s=600
    )
    story.sign().wait(WINDOW_S).window(72)
    story.scrape_failed().sign()
    assert accounts_of(story).windows.missed["full"] == 1
    assert "I9" not in {finding.rule for finding in report_of(story).findings}


def test_windows_within_one_that_was_told_as_too_long_are_missed() -> None:
    """R18: the one worked on was used; those behind it were never heard of, until its length was taken back."""
    story = started()
    story.wait(WINDOW_S).on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=7_100))
    story.window(1, blocks=7_100).scrape_failed().sign()
    story.wait(4 * WINDOW_S).on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=100))
    told = {"window": 74, "start_block": 7_400, "current_block": 7_450, "blocks_per_window": 100}
    story.on(ev.WindowsRevised(**told, believed_start_block=7_100, answers=26, agreed_s=300.0, taken=0), after_s=300)
    story.scrape_failed().sign()
    assert accounts_of(story).windows.missed == {"scrape failed": 2, "not told": 2}
    assert "I9" not in {finding.rule for finding in report_of(story).findings}


@pytest.mark.parametrize("by_start", [False, True])
def test_the_rest_of_a_longer_window_is_missed_for_its_429(*, by_start: bool) -> None:
    """I6: they have 170 blocks, as answers agree or a start says, so a 429 at block 7,190 holds until block 7,310."""
    story = started()
    story.wait(WINDOW_S).window(71)
    story.search(2, 3, 4, 5, 6).analyze(1.0, 0.9, 0.5, 0.4, 0.2).answered(limited).sign()
    story.wait(WINDOW_S).window(72)
    if by_start:
        story.start(ev.Policy(blocks_per_window=170))
    else:
        story.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=100, served=170))
    story.sign().wait(WINDOW_S).window(43, blocks=170)
    while story.state.queue():
        story.answered(accepted, "new", 7_310)
    story.sign()
    assert accounts_of(story).windows.missed == {"rate limited": 1}


def test_a_budget_misses_a_window() -> None:
    """A window that was not searched, for a day's money was spent."""
    story = started(ev.Policy(max_x_usd_per_day=0.2))
    assert story.state.policy.max_x_usd_per_day is not None
    story.wait(WINDOW_S).window(71)
    spent = story.state.unaffordable
    assert spent is not None
    story.on(spent)
    story.sign()
    assert accounts_of(story).windows.missed == {"budget": 1}


def test_a_clock_that_jumps_is_told() -> None:
    """Back, by the records' own times; ahead, by an answer that came later than what it took."""
    story = started()
    story.wait(WINDOW_S).window(71)
    story.search(2).analyze(1.0)
    story.send()
    story.on(failed("2", 1), after_s=100)
    back = len(story.records) + 1
    story.on(ev.BackoffElapsed(), after_s=-40)
    clock = accounts_of(story).clock
    assert (clock.went_back, clock.largest_back_ms, clock.back_at) == (1, 40_000, [back])
    assert (clock.ran_ahead, clock.largest_ahead_ms, clock.ahead_at) == (1, 99_980, [back - 1])


def test_an_outage_that_lasts_counts_to_the_last_record() -> None:
    """The journal ends in the middle of it."""
    story = started()
    story.on(ev.ApiUnreachable(reason="no answer"), after_s=10)
    story.on(ev.ActorStopped(reason="asked to stop", posts_processed=1), after_s=50)
    outages = accounts_of(story).trouble.outages
    assert (outages.count, outages.total_ms) == (1, 50_000)


def test_a_journal_without_records_has_empty_accounts() -> None:
    """Nothing is divided by nothing."""
    accounts = accounts_of(Drive())
    assert accounts.windows.seen == accounts.posts.chosen == accounts.runs.starts == 0


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_within_five_percent(seed: int) -> None:
    """Of a million-fold range of durations; count, total and the largest are exact."""
    random = Random(seed)  # noqa: S311  (a test's draw)
    durations = [round(10 ** random.uniform(0, 6)) for _ in range(2_001)]
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    told = histogram.summary()
    assert (told.count, told.total_ms, told.max_ms) == (len(durations), sum(durations), max(durations))
    assert told.median_ms == pytest.approx(statistics.median(durations), rel=0.05, abs=1)
    assert told.p95_ms == pytest.approx(sorted(durations)[round(0.95 * len(durations)) - 1], rel=0.06, abs=1)


def test_what_is_kept_is_bounded() -> None:
    """The oldest goes first; a key that is set again counts as new."""
    recent: Recent[int, str] = Recent(3)
    for key in (1, 2, 3, 1, 4):
        recent[key] = str(key)
    assert list(recent) == [3, 1, 4]


@pytest.mark.parametrize("end", ["refused", "left out", "given up"])
@pytest.mark.parametrize("starts", [1, 3])
def test_a_window_that_held_posts_filled_is_spent_whatever_starts_in_it(end: str, starts: int) -> None:
    """R12, R21: once they are given up or left out, nothing is due in it any more, also not after a start."""
    policy = ev.Policy(
        on_analysis_error="hold",
        submit_irrelevant=False,
        max_submissions_per_window=3,
        max_carried_windows=1 if end == "given up" else 3,
    )
    story = Story(policy)
    story.start().window(70)
    story.search(1, 2, 3)
    story.on(analysis_failed("1", "auth", content_sha256=digest_of(story, "1")), after_s=1)
    story.sign().wait(WINDOW_S).window(71)
    assert story.at() == "Analyzing"
    if end == "left out":
        while (due := story.state.to_ask_about()) and story.at() == "Analyzing":
            story.on(analyzed(due[0].post.id, 0.0, content_sha256=digest_of(story, due[0].post.id)), after_s=1)
    else:
        post_id = story.state.to_ask_about()[0].post.id
        story.on(analysis_failed(post_id, "auth", content_sha256=digest_of(story, post_id)), after_s=1)
    for pending in story.state.posts if end == "given up" else ():
        story.on(ev.PostAbandoned(post_id=pending.post.id, reason="carried too long"), after_s=1)
    story.sign()
    for _ in range(starts):
        story.start(policy)
        for pending in story.state.to_ask_about():
            digest = digest_of(story, pending.post.id)
            story.on(analysis_failed(pending.post.id, "auth", content_sha256=digest), after_s=1)
    if end == "refused":
        story.sign()
    story.wait(WINDOW_S).window(72)
    if story.state.to_scrape:
        story.scrape_failed()
    missed = accounts_of(story).windows.missed
    assert missed["held"] == 1
    assert set(missed) <= {"held", "scrape failed"}


def digest_of(story: Story, post_id: str) -> str:
    pending = story.state.pending(post_id)
    assert pending is not None
    return content_sha256(norm_text(pending.post.content))


def test_what_was_held_is_counted_once() -> None:
    """Whatever became of it; a window that held posts filled, and that was refused again, is missed for that."""
    story = Story()
    story.start(ev.Policy(on_analysis_error="hold"))
    story.window(70).search(1, 2, 3, 4, 5)
    for number in (71, 72):
        refused = story.state.to_ask_about()[0].post
        digest = content_sha256(norm_text(refused.content))
        story.on(analysis_failed(refused.id, "quota", content_sha256=digest), after_s=0.7)
        story.sign().wait(WINDOW_S).window(number)
    story.analyze(1.0, 0.8, 0.6, 0.4, "quota")
    for _ in range(4):
        story.answered(accepted, "new", 7_200)
    story.sign().wait(WINDOW_S).window(73).scrape_failed()
    story.analyze(0.2).answered(accepted, "new", 7_300)
    accounts = accounts_of(story)
    assert (accounts.posts.held, accounts.posts.pending, accounts.posts.accepted) == (5, 0, {"new": 5})
    assert (accounts.windows.used, accounts.windows.missed) == (3, {"held": 1})
    assert "5 were held back for want of an analysis" in as_text(Path("j"), report_of(story), 0)
