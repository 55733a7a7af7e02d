"""`replay --why` says why posts wait, why nothing is searched, and what a search asks for."""

from __future__ import annotations

from typing import Any

from audit.replay.why import why, why_fields, why_lines
from events import catalogue as ev
from events.journal import Record
from tests.audit.breaks_of_searching import saving
from tests.audit.broken import Line, Story, index, records_of, rehashed
from tests.kit import Drive


def because(records: list[Record], seq: int) -> list[str]:
    """What is said behind the changes."""
    lines = [*why_lines(why(records, seq))]
    told = lines[lines.index("because:") + 1 : lines.index("effects:")] if "because:" in lines else []
    assert [f"  {line}" for line in why_fields(why(records, seq))["because"]] == told
    return [line.strip() for line in told]


def saved(kind: type[ev.Event], number: int = 1, **fields: Any) -> list[str]:
    """Of a record of the history that saves reads."""
    lines: list[Line] = saving()
    return because(records_of(rehashed(lines)), index(lines, kind, number, **fields) + 1)


def test_a_search_for_later_windows_is_explained() -> None:
    """With the setting, and what it asks X for."""
    assert saved(ev.WindowOpened, window=70) == [
        "POSTS_PER_SEARCH is 10: the search takes 5 post(s) for later windows, too",
        "X is asked by time: how far it was read is not known, or not as far back as this search reaches",
    ]
    assert saved(ev.WindowOpened, window=72) == [
        "POSTS_PER_SEARCH is 10: the search takes 5 post(s) for later windows, too",
        "X is asked for posts behind 20: of those before it, all within its reach were chosen",
    ]


def test_posts_that_wait_and_a_window_that_they_fill_are_explained() -> None:
    """At the last analysis, and when the next window opens."""
    assert saved(ev.PostAnalyzed, 10) == ["the window takes 5 of the analyzed posts, the best first; 5 wait"]
    assert saved(ev.WindowOpened, window=71) == [
        "5 post(s) that were put off go first in window 71",
        "they fill it, so that nothing is searched for it",
    ]


def test_a_search_that_leaves_something_unread_is_explained() -> None:
    """The next one asks as this one did."""
    assert saved(ev.PostsScraped, 3) == [
        "something that the search could reach was left unread, or could not be used: the next one asks as before"
    ]


def test_a_search_that_leaves_posts_over_or_that_x_refuses_is_explained() -> None:
    """From where the next one asks."""
    story = Story()
    story.start(ev.Policy(search_since_newest=True)).window(70)
    story.search(11, 12, 13, 14, 15, 16, newest_id="16", seed=1)
    left = next(number for number in range(11, 17) if story.state.pending(str(number)) is None)
    known = (
        []
        if left == 11
        else [f"posts were found and not chosen, so that the next search asks for posts behind {left - 1}"]
    )
    assert because(story.records, len(story.records)) == known
    story.analyze(*[0.5] * 5)
    while story.state.state == "Submitting":
        story.on(ev.PostAbandoned(post_id=story.state.queue()[0].post.id, reason="too old"))
    story.window(71)
    event = Story().start().window(71).search().records[-1].event()
    story.on(event)
    assert because(story.records, len(story.records))[0] == (
        f"X was asked by time: post {left - 1} is older than a search reaches, or X refused it"
    )


def test_a_search_that_takes_less_than_the_setting_says_why() -> None:
    """No larger page than is known to be worth it, and no more than later windows can send."""
    few = Drive(ev.Policy(posts_per_search=20)).start().window(7)
    (line,) = because(few.records, len(few.records))
    assert line.startswith(
        "POSTS_PER_SEARCH is 20; the search takes 10 at most, for a larger page is read only behind "
    )
    small = Drive(ev.Policy(posts_per_search=20, max_submissions_per_window=2)).start().window(7)
    assert because(small.records, len(small.records)) == [
        "POSTS_PER_SEARCH is 20; the search takes 8 at most, for 3 later windows cannot send more"
    ]


def test_by_default_nothing_is_said() -> None:
    """The changes speak for themselves."""
    drive = Drive().start().batch(7, 1, 2)
    for seq in range(1, len(drive.records) + 1):
        assert because(drive.records, seq) == []
