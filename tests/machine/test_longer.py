"""Windows turn out to have another length behind a 429: it still holds to the end of its own window, as that is."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from events import catalogue as ev
from events.codec import changed
from tests.kit import Drive, accepted, limited
from tests.machine.test_taken_back import is_sending


def behind_a_429(window: int, blocks: int, *posts: int, full: bool = True) -> Drive:
    """A 429 met these posts in the window before, and its wait is over; ``full`` says which windows it fills."""
    drive = Drive(ev.Policy(blocks_per_window=blocks)).start().window(window - 1, blocks=blocks)
    drive.scraped(*posts).analyze_all()
    post_id = drive.send()
    drive.on(changed(limited(post_id), full=drive.state.filled_by(None) if full else ()))
    assert not is_sending(drive)
    return drive.window(window, blocks=blocks)


def told(drive: Drive, blocks: int) -> None:
    """Enough answers agreed on this length."""
    configured = drive.state.policy.blocks_per_window
    drive.on(ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=configured, served=blocks))


@given(
    window=st.integers(2, 9_000),
    before=st.integers(2, 400),
    after=st.integers(2, 400),
    posts=st.integers(1, 5),
    by_setting=st.booleans(),
)
def test_i6_nothing_is_sent_in_the_window_of_a_429_that_is_longer_than_was_known(
    *, window: int, before: int, after: int, posts: int, by_setting: bool
) -> None:
    """I6: whatever the two lengths, and whether answers tell of the new one or a start brings it."""
    assume(before != after)
    drive = behind_a_429(window, before, *range(1, posts + 1))
    start = window * before
    if by_setting:
        drive.start(ev.Policy(blocks_per_window=after))
    else:
        told(drive, after)
    begins_within = start % after != 0
    assert (drive.state.room() == 0) == begins_within
    if begins_within and drive.state.to_scrape:
        drive.scraped(*range(11, 11 + drive.state.to_scrape)).analyze_all()
    assert is_sending(drive) != begins_within
    following = -(-(start + before) // after)
    assert is_sending(drive.window(following, blocks=after))


def test_what_was_sent_before_the_length_was_known_is_finished_and_the_rest_waits() -> None:
    """I6: an answer that is due is waited for; no post goes behind it."""
    drive = behind_a_429(71, 100, 1, 2, 3, 4, 5)
    post_id = drive.send()
    told(drive, 150)
    assert drive.state.open is not None
    drive.on(accepted(post_id, start_block=7_100))
    assert (drive.at(), len(drive.state.posts)) == ("WaitingForWindow", 4)
    assert not is_sending(drive)


def test_windows_that_no_429_closed_stay_open() -> None:
    """I9: a window that took all its posts says nothing of the next one, whatever its length."""
    drive = Drive().start().batch(70, 1, 2, 3, 4, 5).accept_all().batch(71, 6)
    told(drive, 150)
    assert drive.state.room() == 5
    assert is_sending(drive)


def test_a_429_of_before_ends_with_its_wait() -> None:
    """Version 1 of RateLimited, which does not say what it fills, folds as it did."""
    drive = behind_a_429(71, 100, 1, full=False)
    told(drive, 150)
    assert drive.state.room() == 5
