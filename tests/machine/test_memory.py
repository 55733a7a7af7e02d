"""What is remembered of chosen posts, whatever X tells of their dates and wherever this host's clock stands."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.machine import IllegalEventError
from events import catalogue as ev
from events.codec import changed
from tests.kit import T0_MS, Drive, gap, post

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
END_OF_TIME_S = 253_402_300_799


class Searches(Drive):
    """A miner that searches at any time; each search chooses posts, each of which is accepted."""

    def __init__(self) -> None:
        super().__init__(ev.Policy(blocks_per_window=1))
        self.start()
        self.number = 0

    def search(self, *posts: ev.Post, at_ms: int, since: int | None = 0) -> None:
        """One window."""
        self.at_ms, self.number = at_ms, self.number + 1
        self.window(self.number, blocks=1)
        event = ev.PostsScraped(
            window=self.number,
            wanted=5,
            seed=1,
            candidates=tuple(found.id for found in posts),
            posts=posts,
            posts_read=10,
            users_read=10,
            requests=1,
            unusable=0,
            latency_ms=1,
            since=since,
        )
        self.on(event)
        self.analyze_all().accept_all()

    def days(self) -> Mapping[int, int]:
        """How many ids are remembered of each day, seen from T0_MS."""
        return {day - T0_MS // DAY_MS: len(ids) for day, ids in self.state.seen.items()}


@pytest.mark.parametrize("timestamp", [0, 1, T0_MS // 1000 - 30 * 86_400, T0_MS // 1000 + 86_400, END_OF_TIME_S])
def test_i2_a_post_of_any_date_makes_no_other_forgotten(timestamp: int) -> None:
    """Whatever date a server tells, the day of our own record is what counts."""
    drive = Searches()
    drive.search(post(1), post(2), post(3, timestamp=timestamp), at_ms=T0_MS)
    for hours in range(1, 72):
        drive.search(post(100 + hours, timestamp=timestamp), at_ms=T0_MS + hours * 3_600_000)
    assert all(drive.state.is_seen(str(number)) for number in (1, 2, 3, *range(101, 172)))


@pytest.mark.parametrize("jump_ms", [YEAR_MS, -YEAR_MS, 9 * DAY_MS, -9 * DAY_MS])
def test_i2_a_clock_that_jumps_for_one_search_makes_nothing_forgotten(jump_ms: int) -> None:
    """Neither what was chosen in the days before it, nor what was chosen meanwhile."""
    drive = Searches()
    for day in range(-9, 1):
        drive.search(post(50 + day), at_ms=T0_MS + day * DAY_MS)
    drive.search(post(90), at_ms=T0_MS + jump_ms)
    assert all(drive.state.is_seen(str(50 + day)) for day in range(-8, 1))
    drive.search(post(91), at_ms=T0_MS)
    assert all(drive.state.is_seen(str(50 + day)) for day in range(-3, 1))
    assert drive.state.is_seen("91")


def test_i2_a_clock_that_was_a_year_ahead_for_a_week_makes_nothing_forgotten() -> None:
    """What was chosen in that week, and in the days before it, is known after the clock was set back."""
    drive = Searches()
    for day in range(-5, 1):
        drive.search(post(50 + day), at_ms=T0_MS + day * DAY_MS)
    for day in range(1, 8):
        drive.search(post(50 + day), at_ms=T0_MS + YEAR_MS + day * DAY_MS)
    for day in range(8, 12):
        drive.search(post(50 + day), at_ms=T0_MS + day * DAY_MS)
        assert all(drive.state.is_seen(str(50 + before)) for before in range(1, day + 1))


@given(st.lists(st.integers(-4_000, 4_000), min_size=1, max_size=60))
def test_memory_is_bounded_and_holds_the_last_search(days: list[int]) -> None:
    """At most ten days up to today's, and ten behind it."""
    drive = Searches()
    for number, day in enumerate(days):
        drive.search(post(number), at_ms=T0_MS + day * DAY_MS)
        kept = sorted(drive.days())
        assert drive.state.is_seen(str(number))
        assert len([other for other in kept if other <= day]) <= 10
        assert len([other for other in kept if other > day]) <= 10


def _as_before(seen: dict[int, set[str]], posts: tuple[ev.Post, ...]) -> dict[int, set[str]]:
    """The rule of builds before PostsScraped version 3, written anew."""
    for found in posts:
        seen.setdefault(found.timestamp // 86_400, set()).add(found.id)
    return {day: ids for day, ids in seen.items() if day >= max(seen) - 8}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, END_OF_TIME_S)), max_size=40))
def test_records_of_older_builds_fold_as_before(choices: list[tuple[int, int]]) -> None:
    """Even where one chose a post that it had forgotten."""
    drive, seen = Searches(), dict[int, set[str]]()
    for at, (number, timestamp) in enumerate(choices):
        found = post(number, timestamp=timestamp)
        if any(found.id in ids for ids in seen.values()):
            continue
        drive.search(found, at_ms=T0_MS + at, since=None)
        seen = _as_before(seen, (found,))
        assert {day: set(ids) for day, ids in drive.state.seen.items()} == seen


def test_i2_a_journal_that_an_older_build_began_forgets_nothing_it_knew() -> None:
    """A date of the far future that it took makes no post forgotten from here on."""
    drive = Searches()
    for day in range(-3, 1):
        at_ms = T0_MS + day * DAY_MS
        drive.search(post(50 + day, timestamp=at_ms // 1000 - 3 * 86_400), at_ms=at_ms, since=None)
    known = [str(50 + day) for day in range(-3, 1) if drive.state.is_seen(str(50 + day))]
    assert len(known) == 4
    for day in range(1, 4):
        drive.search(post(50 + day), at_ms=T0_MS + day * DAY_MS)
        assert all(map(drive.state.is_seen, known))


def test_i2_no_version_of_a_chosen_post_is_chosen_again() -> None:
    """An edited post is the same post; through its verdict, a restart and a gap."""
    drive = Drive().start().window(7)
    drive.scraped(20, edits=("18", "19")).analyze_all().accept_all()
    for known in ("18", "19", "20"):
        assert drive.state.is_seen(known)
    drive.start().window(8)
    for again in (post(19), post(18, edits=("20",)), post(21, edits=("18", "19", "20")), post(22, edits=("19",))):
        with pytest.raises(IllegalEventError, match="a chosen post is new"):
            drive.scraped(int(again.id), edits=again.edits)
    drive.scraped(23, edits=("24",)).analyze_all().accept_all()
    assert drive.state.is_seen("24")


def test_i2_two_versions_of_one_post_are_not_chosen_together() -> None:
    """A search keeps the newest one; a record that holds both is refused."""
    drive = Drive().start().window(7)
    event = changed(_scraped(post(1), post(2, edits=("1",))), window=7)
    with pytest.raises(IllegalEventError, match="a chosen post is new"):
        drive.on(event)


def _scraped(*posts: ev.Post) -> ev.PostsScraped:
    drive = Drive().start().window(7).scraped()
    event = drive.records[-1].event()
    assert isinstance(event, ev.PostsScraped)
    return changed(event, posts=posts, candidates=tuple(found.id for found in posts))


def test_i2_a_pending_post_is_known_in_all_its_versions() -> None:
    """Even when its day was forgotten."""
    drive = Drive().start().window(7).scraped(5, edits=("4",))
    forgetful = changed(drive.state, seen={})
    assert [forgetful.is_seen(post_id) for post_id in ("4", "5", "6")] == [True, True, False]


def test_i2_versions_behind_a_gap_are_known() -> None:
    """What could be read there tells them."""
    drive = Drive().start()
    drive.on(ev.ActorStopped(reason="test", posts_processed=0), gap(seen={T0_MS // DAY_MS: ("18", "19")}))
    drive.start().window(8)
    with pytest.raises(IllegalEventError, match="a chosen post is new"):
        drive.scraped(20, edits=("19",))


@pytest.mark.parametrize("edits", [("x",), ("1",), ("-2",), ("",)])
def test_other_versions_are_other_ids(edits: tuple[str, ...]) -> None:
    """Anything else is a bug of the edge."""
    with pytest.raises(ValueError, match="its other versions"):
        post(1, edits=edits)
