"""R23: posts taken for later windows, and how far X was read."""

from __future__ import annotations

from typing import Any

import pytest

from actor.machine.state import IllegalEventError, ReadTo
from actor.machine.wanted import wanted
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from tests.kit import Drive, accepted, analyzed, rejected


def search(drive: Drive) -> ef.ScrapeWindow | None:
    """The search that is wanted."""
    return next((effect for effect in wanted(drive.state) if isinstance(effect, ef.ScrapeWindow)), None)


def saving(per_search: int | None = None, **policy: Any) -> Drive:
    """A miner in its first window."""
    return Drive(ev.Policy(posts_per_search=per_search, **policy)).start().window(7)


def send_all(drive: Drive) -> list[str]:
    """Have all that is queued accepted; returns the ids in their order."""
    sent = []
    while drive.state.state == "Submitting":
        sent.append(drive.send())
        drive.on(accepted(sent[-1], start_block=drive.state.newest.start_block if drive.state.newest else 0))
    return sent


def found(drive: Drive, ids: tuple[str, ...] = (), *, chosen: int = 0, **told: Any) -> Drive:
    """The due search found these, and the first ones were chosen."""
    event = Drive(ev.Policy()).start().window(7).scraped(*range(1, chosen + 1)).records[-1].event()
    assert isinstance(event, ev.PostsScraped)
    posts = tuple(changed(post, id=ids[at]) for at, post in enumerate(event.posts))
    assert drive.state.window is not None
    fields = {
        "window": drive.state.window.number,
        "wanted": drive.state.to_scrape,
        "spare": drive.state.spare,
        "since_id": drive.state.since_id,
        "candidates": ids,
        "posts": posts,
    }
    drive.on(changed(event, **{**fields, **told}))
    return drive


def test_r23_without_the_setting_a_search_takes_what_the_window_has_room_for() -> None:
    """R8, to the letter."""
    assert search(saving()) == ef.ScrapeWindow(window=7, count=5)


def test_r23_the_best_go_first_and_the_rest_fills_the_next_window() -> None:
    """Ten are analyzed, five are sent, and the next window is not searched."""
    drive = saving(10)
    assert search(drive) == ef.ScrapeWindow(window=7, count=5, spare=5)
    drive.scraped(*range(1, 11))
    for at, pending in enumerate(drive.state.to_analyze()):
        drive.on(analyzed(pending.post.id, 0.1 * (at + 1)))
    assert send_all(drive) == ["10", "9", "8", "7", "6"]
    drive.sign().window(8)
    assert (drive.state.state, search(drive)) == ("Submitting", None)
    assert send_all(drive) == ["5", "4", "3", "2", "1"]
    assert drive.state.totals.scraped == drive.state.totals.accepted == 10
    assert search(drive.sign().window(9)) == ef.ScrapeWindow(window=9, count=5, spare=5)


@pytest.mark.parametrize(
    ("per_search", "policy", "spare"),
    [
        (5, {}, 0),
        (7, {}, 2),
        (20, {}, 5),  # nothing is known of what X has: no page larger than the one that is read anyway
        (100, {"max_submissions_per_window": 2}, 6),  # three later windows send no more
        (100, {"max_carried_windows": 0}, 0),
        (10, {"max_submissions_per_window": 20}, 0),
    ],
)
def test_r23_no_more_than_later_windows_can_send(per_search: int, policy: dict[str, Any], spare: int) -> None:
    """Each further post would be analyzed in vain."""
    drive = saving(per_search, **policy)
    assert (drive.state.spare, drive.state.to_scrape) == (spare, policy.get("max_submissions_per_window", 5))


def test_r23_a_larger_page_follows_a_search_that_was_full() -> None:
    """And the usual one again follows a search that was not: the rest of a large page would be known."""
    drive = saving(20).scraped(*range(1, 11)).analyze_all()
    send_all(drive)
    send_all(drive.sign().window(8))
    assert search(drive.sign().window(9)) == ef.ScrapeWindow(window=9, count=5, spare=15)
    drive.scraped(*range(11, 25)).analyze_all()
    assert len(send_all(drive)) == 5
    for number in (10, 11):
        send_all(drive.sign().window(number))
    assert search(drive) == ef.ScrapeWindow(window=11, count=1, spare=9)


def test_r23_what_waits_counts_as_taken() -> None:
    """Five were put off while the next window was open already, and three later windows take fifteen."""
    drive = saving(100).scraped(*range(1, 11)).window(8).analyze_all()
    for _ in range(5):
        drive.on(rejected(drive.send(), 409))
    assert search(drive) == ef.ScrapeWindow(window=8, count=5, spare=10)


def test_r23_a_budget_counts_the_larger_page() -> None:
    """Twenty posts by twenty users, and as many analyses."""
    drive = saving(20, max_x_usd_per_day=0.44).scraped(*range(1, 11)).analyze_all()
    send_all(drive)
    send_all(drive.sign().window(8))
    drive.window(9)
    assert drive.state.unaffordable is not None
    assert drive.state.unaffordable.needed_usd == 0.3


def test_r23_settings_that_change_before_the_search_leaves_bind_it() -> None:
    """A start, too, for the search begins anew then."""
    drive = saving()
    more = changed(drive.state.policy, posts_per_search=10)
    drive.on(ev.SettingsChanged(policy=more, names=("POSTS_PER_SEARCH",)))
    assert search(drive) == ef.ScrapeWindow(window=7, count=5, spare=5)
    drive.start(ev.Policy())
    assert search(drive) == ef.ScrapeWindow(window=7, count=5)


def test_r23_a_search_asks_behind_what_was_read() -> None:
    """Once a search left nothing; one by time again once other keywords are searched for."""
    drive = saving(search_since_newest=True)
    found(drive, ("30", "20"), chosen=2, newest_id="30").analyze_all()
    send_all(drive)
    drive.sign().window(8)
    assert drive.state.since_id == "30"
    found(drive, (), newest_id=None)  # not sure: the next one asks as this one did
    assert drive.sign().window(9).state.since_id == "30"
    found(drive, (), newest_id="40")
    assert drive.sign().window(10).state.since_id == "40"
    others = changed(drive.state.policy, search_keywords=("tao",))
    drive.on(ev.SettingsChanged(policy=others, names=("SEARCH_KEYWORDS",)))
    assert drive.state.since_id is None


@pytest.mark.parametrize(
    ("ids", "newest", "upto"),
    [
        (("50", "30", "40"), "50", "30"),  # 50 and 30 are chosen, 40 is left
        (("50", "40", "30"), "50", None),  # the oldest is left: by time
        (("50", "30", "60"), "45", "45"),  # too young to be sure of
        (("50", "30", "40"), None, None),
    ],
)
def test_r23_what_is_left_over_is_found_again(ids: tuple[str, ...], newest: str | None, upto: str | None) -> None:
    """The next search asks for it, too."""
    drive = found(saving(search_since_newest=True), ids, chosen=2, newest_id=newest)
    assert drive.state.read_to == (None if upto is None else ReadTo(post_id=upto, reach=10))


def test_r23_a_search_that_reaches_further_back_asks_by_time() -> None:
    """What lies that far back was not read; behind such a search, a shorter one may ask for newer posts alone."""
    drive = found(saving(search_since_newest=True), (), newest_id="30")
    deeper = changed(drive.state.policy, max_search_pages=3)
    drive.on(ev.SettingsChanged(policy=deeper, names=("MAX_SEARCH_PAGES",)))
    drive.sign().window(8)
    assert (drive.state.reach, drive.state.since_id) == (30, None)
    found(drive, (), newest_id="40")
    assert drive.sign().window(9).state.since_id == "40"
    drive.on(ev.SettingsChanged(policy=changed(deeper, max_search_pages=1), names=("MAX_SEARCH_PAGES",)))
    found(drive, (), newest_id="50")
    assert drive.state.read_to == ReadTo(post_id="50", reach=10)


def test_r23_an_answer_to_another_question_is_refused() -> None:
    """No search behind that post was due."""
    drive = found(saving(search_since_newest=True), (), newest_id="30").sign().window(8)
    before = drive.state
    with pytest.raises(IllegalEventError, match="no search behind post 29 is due"):
        found(drive, (), since_id="29")
    assert drive.state is before
    found(drive, (), since_id=None)  # X refused the post, and was asked by time
    assert drive.state.read_to == before.read_to
