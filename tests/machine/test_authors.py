"""Authors that are looked up: chosen first, asked for once, known for so many hours, and no post is lost silently."""

from __future__ import annotations

from typing import Any

import pytest

from actor.machine import IllegalEventError, State, step, wanted
from actor.machine.budget import budgets
from actor.machine.encoding import decode_state, encode_state
from actor.machine.facts import with_known_authors
from actor.machine.posts import POST_REDUCERS
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from events.upcast import upcast
from tests.kit import Drive, accepted, analyzed, post

HOURS = 24
NOBODY: dict[str, Any] = {"author": "", "account_created": 0, "account_age": 0, "followers": 0}
CACHED = ev.Policy(author_cache_hours=HOURS)
DAY_MS = 86_400_000


def author(author_id: str, **fields: Any) -> ev.Author:
    """An author as X tells of it."""
    data: dict[str, Any] = {"id": author_id, "username": f"u{author_id}", "created": 1_700_000_000, "followers": 100}
    return ev.Author(**{**data, **fields})


def found(drive: Drive, *numbers: int, **fields: Any) -> Drive:
    """The due search brought these posts; whose author is known at that moment is named, as the actor does it."""
    posts = tuple(post(number, **{**NOBODY, **fields}) for number in numbers)
    posts = with_known_authors(drive.state, posts, drive.at_ms)
    window = drive.state.window
    assert window is not None
    drive.on(
        ev.PostsScraped(
            window=window.number,
            wanted=drive.state.to_scrape,
            seed=1,
            candidates=tuple(p.id for p in posts),
            posts=posts,
            posts_read=10,
            users_read=0,
            requests=1,
            unusable=0,
            latency_ms=300,
            since=drive.at_ms // 1000 - 72 * 3600,
        )
    )
    return drive


def due(state: State) -> tuple[str, ...]:
    """Whom X is to be asked for."""
    return tuple(a for effect in wanted(state) if isinstance(effect, ef.LookUpAuthors) for a in effect.authors)


def told(drive: Drive, *unknown: str) -> Drive:
    """X tells who posted, but for those it does not know."""
    asked, window = due(drive.state), drive.state.window
    assert asked
    assert window is not None
    authors = tuple(author(a) for a in asked if a not in unknown)
    drive.on(
        ev.AuthorsLookedUp(window=window.number, asked=asked, authors=authors, users_read=len(authors), latency_ms=200)
    )
    return drive


def not_told(drive: Drive, kind: str = "server") -> Drive:
    """X does not answer."""
    asked, window = due(drive.state), drive.state.window
    assert window is not None
    drive.on(ev.AuthorLookupFailed(window=window.number, asked=asked, kind=kind, reason="503"))
    return drive


def spent(drive: Drive) -> ev.Spent:
    """What the day has cost so far."""
    return drive.state.spent.get(drive.at_ms // DAY_MS, ev.Spent())


def test_only_authors_of_chosen_posts_are_asked_for_and_each_once() -> None:
    """Two posts of one author take one look-up; the posts are analyzed and sent under what X told."""
    drive = found(Drive(CACHED).start().window(7), 1, author_id="11")
    assert drive.at() == "Scraping"
    assert due(drive.state) == ("11",)
    told(drive)
    (pending,) = drive.state.posts
    assert (pending.post.author, pending.post.followers) == ("u11", 100)
    assert pending.post.account_age == (drive.at_ms // 1000 - 1_700_000_000) // 86_400
    assert drive.at() == "Analyzing"
    drive.analyze_all()
    drive.send()
    assert drive.state.open is not None
    assert (drive.state.open.body.author, drive.state.open.body.followers) == ("u11", 100)


def test_a_known_author_is_not_asked_for_within_the_hours() -> None:
    """At the last millisecond neither; from then on again."""
    drive = told(found(Drive(CACHED).start().window(7), 1, author_id="11")).analyze_all().accept_all()
    looked_ms = drive.at_ms
    drive.on(ev.ActorStopped(reason="test", posts_processed=1), after_s=HOURS * 3600 - 1)
    drive.start()
    drive.at_ms = looked_ms + HOURS * 3_600_000 - 1
    found(drive.window(8), 2, author_id="11")
    assert drive.at() == "Analyzing"
    assert drive.state.posts[0].post.author == "u11"
    drive.analyze_all().accept_all().window(9)
    drive.at_ms += 1
    assert due(found(drive, 3, author_id="11").state) == ("11",)


def test_whom_x_does_not_know_is_left_out_and_the_others_go_on() -> None:
    """The record is the verdict (I4): posts of such authors are counted as left out, those of others are analyzed."""
    drive = found(Drive(CACHED).start().window(7), 1, 2, 3)
    told(drive, "9002")
    assert [p.post.id for p in drive.state.posts] == ["1", "3"]
    assert drive.state.totals.left_out == 1
    assert drive.at() == "Analyzing"
    alone = told(found(Drive(CACHED).start().window(7), 1), "9001")
    assert (alone.at(), alone.state.totals.left_out, alone.state.posts) == ("WaitingForWindow", 1, ())


def test_a_failed_look_up_holds_nothing_that_can_be_sent_without_it() -> None:
    """Posts of known authors go on, the others wait for the next window, where they go first and no search is due."""
    drive = told(found(Drive(CACHED).start().window(7), 1)).analyze_all().accept_all()
    found(drive.window(8), 2, 3, author_id="9001")
    assert drive.at() == "Analyzing", "their author is known"
    drive.analyze_all().accept_all()
    found(drive.window(9), 4, 5, 6)
    not_told(drive)
    assert drive.at() == "WaitingForWindow"
    assert all(p.deferred and p.deferrals == 1 for p in drive.state.posts)
    drive.on(ev.ActorStopped(reason="test", posts_processed=3))
    drive.start()
    assert due(drive.state) == (), "not a second time in this window"
    drive.window(10)
    assert drive.effects()[0] == "ScrapeWindow window=10 count=2"
    assert due(found(drive).state) == ("9004", "9005", "9006")
    told(drive).analyze_all().accept_all()
    assert drive.state.totals.accepted == 6


def test_a_look_up_that_never_succeeds_ends_in_a_verdict() -> None:
    """After 3 later windows the post is given up (ruling 9)."""
    drive = not_told(found(Drive(CACHED).start().window(7), 1))
    for window in (8, 9, 10):
        not_told(found(drive.window(window)))
    (effect,) = [effect for effect in wanted(drive.state) if isinstance(effect, ef.AbandonPost)]
    assert (effect.reason, effect.due_ms) == ("carried too long", 0)
    drive.on(ev.PostAbandoned(post_id="1", reason="carried too long"))
    assert drive.state.totals.abandoned == 1


def test_nothing_is_analyzed_or_sent_without_its_author() -> None:
    """The machine refuses it."""
    drive = found(Drive(CACHED).start().window(7), 1)
    before = drive.state
    with pytest.raises(IllegalEventError, match="refused in state"):
        drive.on(analyzed("1"))
    assert drive.state is before
    with pytest.raises(IllegalEventError, match="no analysis of post 1 is due"):
        POST_REDUCERS[ev.PostAnalyzed](before, analyzed("1"), drive.at_ms)


@pytest.mark.parametrize("asked", [("9001", "9002"), ("9002",), ("9001", "9002", "9003")])
def test_an_answer_to_another_question_is_refused(asked: tuple[str, ...]) -> None:
    """Nothing has changed then."""
    drive = found(Drive(CACHED).start().window(7), 1)
    answer = ev.AuthorsLookedUp(window=7, asked=asked, authors=(), users_read=0, latency_ms=1)
    failure = ev.AuthorLookupFailed(window=7, asked=asked, kind="server", reason="503")
    for event in (answer, failure):
        with pytest.raises(IllegalEventError, match="not those that are due"):
            step(drive.state, event, drive.at_ms)


def test_more_authors_than_x_tells_at_once_take_several_questions() -> None:
    """100 in each."""
    many = changed(CACHED, max_submissions_per_window=100)
    drive = Drive(many).start().window(7)
    found(drive, *range(1, 101))
    not_told(drive)
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=100, served=150))
    found(drive.window(8), *range(101, 151))
    assert len(due(drive.state)) == 100
    told(drive)
    assert len(due(drive.state)) == 50
    told(drive)
    assert drive.at() == "Analyzing"
    assert len(drive.state.to_analyze()) == 150


@pytest.mark.parametrize(("kind", "users"), [("server", 0), ("timeout", 3), ("broken", 3), ("crash", 3), ("auth", 0)])
def test_what_a_look_up_cost_counts_on_its_day(kind: str, users: int) -> None:
    """What X may have billed although no answer came counts at the most, as for searches."""
    drive = found(Drive(CACHED).start().window(7), 1, 2, 3)
    assert spent(drive) == ev.Spent(posts=10)
    not_told(drive, kind)
    assert spent(drive).users == users
    assert spent(told(found(Drive(CACHED).start().window(7), 1, 2))).users == 2


def test_a_crash_amid_a_look_up_counts_as_billed_and_asks_again() -> None:
    """X does not bill a user twice on one UTC day; the books count at the most."""
    drive = found(Drive(CACHED).start().window(7), 1, 2)
    drive.start()
    assert spent(drive).users == 2
    assert due(drive.state) == ("9001", "9002")
    told(drive)
    assert spent(drive).users == 4
    drive.start()
    assert spent(drive).users == 4, "the answer is on record"
    assert due(drive.state) == ()


def test_a_search_without_authors_is_cheaper_for_the_budget_too() -> None:
    """A window may cost 10 posts and an author for each place; a failed search no authors at all."""
    limited = changed(CACHED, max_x_usd_per_day=0.16)
    drive = Drive(limited).start().window(7)
    assert drive.effects()[0] == "ScrapeWindow window=7 count=5", "10 posts and 5 authors are $0.10"
    drive.on(ev.ScrapeFailed(window=7, kind="timeout", reason="no answer"))
    assert spent(drive) == ev.Spent(posts=10)
    drive.window(8)
    assert drive.effects()[0] == "ScrapeWindow window=8 count=5"
    told(found(drive, 1, 2, 3, 4, 5)).analyze_all().accept_all()
    budget = budgets(drive.state, drive.at_ms // DAY_MS)["x"]
    assert budget is not None
    assert budget.spent_usd == pytest.approx(0.15)
    drive.window(9)
    withheld = drive.state.unaffordable
    assert withheld is not None
    assert withheld.needed_usd == pytest.approx(0.10)


def test_a_budget_withholds_a_look_up_of_carried_posts_and_they_wait() -> None:
    """Also where they fill the window, and nothing would be searched."""
    drive = Drive(changed(CACHED, max_x_usd_per_day=0.12, max_submissions_per_window=2)).start().window(7)
    not_told(found(drive, 1, 2), "timeout")
    drive.on(ev.ActorStopped(reason="test", posts_processed=0))
    tight = changed(CACHED, max_x_usd_per_day=0.08, max_submissions_per_window=2)
    drive.start(tight).window(8)
    assert drive.state.to_scrape == 0
    withheld = drive.state.unaffordable
    assert withheld is not None
    assert withheld.spent_usd == pytest.approx(0.07)
    assert withheld.needed_usd == pytest.approx(0.02)
    assert drive.effects()[0] == "HoldWindow window=8"
    drive.on(withheld)
    assert drive.at() == "WaitingForWindow"
    assert all(p.deferred and p.deferrals == 2 for p in drive.state.posts)


def test_authors_are_forgotten_after_a_week() -> None:
    """At the next answer; the memory is bounded by that, whatever the setting."""
    drive = told(found(Drive(CACHED).start().window(7), 1)).analyze_all().accept_all()
    drive.at_ms += 100 * 3_600_000
    told(found(drive.window(8), 2)).analyze_all().accept_all()
    assert drive.state.authors.keys() == {"9001", "9002"}
    drive.at_ms += 100 * 3_600_000
    told(found(drive.window(9), 3))
    assert drive.state.authors.keys() == {"9002", "9003"}
    assert decode_state(encode_state(drive.state)) == drive.state


def test_a_clock_that_was_far_ahead_keeps_nobody_for_ever() -> None:
    """An author recorded by a wrong clock is known for as long ahead, and no longer."""
    drive = told(found(Drive(CACHED).start().window(7), 1))
    at_ms = drive.at_ms
    assert drive.state.author("9001", at_ms - HOURS * 3_600_000 + 1) is not None
    assert drive.state.author("9001", at_ms - HOURS * 3_600_000) is None


def test_a_post_without_author_is_looked_up_whatever_the_setting_says_now() -> None:
    """It was chosen under another one."""
    drive = not_told(found(Drive(CACHED).start().window(7), 1))
    drive.on(ev.SettingsChanged(policy=changed(CACHED, author_cache_hours=0), names=("AUTHOR_CACHE_HOURS",)))
    drive.window(8).scraped(2)
    assert due(drive.state) == ("9001",)
    told(drive).analyze_all().accept_all()
    assert drive.state.totals.accepted == 2


def test_x_that_refuses_the_account_is_an_alarm_and_a_search_that_succeeds_ends_it() -> None:
    """As for searches."""
    drive = not_told(found(Drive(CACHED).start().window(7), 1), "credits")
    assert drive.state.troubles["x"].kind == "credits"
    found(drive.window(8))
    assert "x" not in drive.state.troubles


def test_a_move_to_another_api_puts_off_what_waits_for_its_author() -> None:
    """And counts the question that may be under way."""
    drive = found(Drive(CACHED).start().window(7), 1)
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9001"))
    assert spent(drive).users == 1
    assert all(p.deferred for p in drive.state.posts)
    drive.start()
    assert spent(drive).users == 1
    found(drive.window(3))
    told(drive).analyze_all()
    drive.on(accepted(drive.send()))
    assert drive.state.totals.accepted == 1


def test_older_settings_say_that_searches_brought_the_authors() -> None:
    """Versions before say nothing of it."""
    for name, version in (("ActorStarted", 4), ("SettingsChanged", 2)):
        assert upcast(name, version, {"policy": {}})["policy"]["author_cache_hours"] == 0


@pytest.mark.parametrize("hours", [-1, 169])
def test_hours_out_of_bounds_are_refused(hours: int) -> None:
    """A week at most."""
    with pytest.raises(ValueError, match="from 0 to 168"):
        ev.Policy(author_cache_hours=hours)
