"""Rules of what is chosen and carried over broken by hand."""

from __future__ import annotations

from typing import Any

from actor.machine.scoring import content_sha256, norm_text, recency
from events import catalogue as ev
from events.codec import changed
from tests.audit.breaking import Seqs, breaks, many_windows, seq, started
from tests.audit.broken import WINDOW_S, Line, Story, drop, index, insert, lines_of
from tests.kit import accepted, analysis_failed, failed, limited, rejected


@breaks("R6")
def a_guess_after_a_failed_analysis(lines: list[Line]) -> list[Seqs]:
    """A sentiment that nobody found."""
    line = started(lines, "7")
    line.change_body(sentiment=0.5)
    return [(seq(lines, ev.AnalysisFailed), lines.index(line) + 1)]


@breaks("R6", "I4")
def sent_though_it_was_to_be_skipped(lines: list[Line]) -> list[Seqs]:
    """ON_ANALYSIS_ERROR=skip."""
    lines[1].change(policy=changed(lines[1].event.policy, on_analysis_error="skip"))
    return [(seq(lines, ev.AnalysisFailed), lines.index(started(lines, "7")) + 1)]


def held_windows(held: int = 1) -> list[Line]:
    """Three posts that the LLM's server refuses to analyze in so many windows, and analyzes in the one after."""
    story = Story()
    story.start(ev.Policy(on_analysis_error="hold"))
    story.window(70).search(1, 2, 3)
    for number in range(held):
        refused = story.state.to_ask_about()[0].post
        digest = content_sha256(norm_text(refused.content))
        story.on(analysis_failed(refused.id, "auth", content_sha256=digest), after_s=0.7)
        story.sign().wait(WINDOW_S).window(71 + number)
        if story.at() == "Scraping":
            story.search()
    story.analyze(1.0, 0.5, 0.3)
    for _ in range(3):
        story.answered(accepted, "new", (70 + held) * 100)
    story.sign()
    return lines_of(story)


@breaks("R6", of=held_windows)
def held_and_sent_without_an_analysis(lines: list[Line]) -> list[Seqs]:
    """ON_ANALYSIS_ERROR=hold: with neutral values, as after any other failure."""
    refused = lines[index(lines, ev.AnalysisFailed)].event.post_id
    drop(lines, index(lines, ev.PostAnalyzed, post_id=refused))
    line = started(lines, refused)
    line.change_body(tokens={}, sentiment=0.0, score=0.0)
    return [(seq(lines, ev.AnalysisFailed), lines.index(line) + 1)]


@breaks("R6", of=held_windows)
def held_back_and_sent_unasked(lines: list[Line]) -> list[Seqs]:
    """Of a post that had to wait for another one's refusal, and that nobody asked about."""
    refused = lines[index(lines, ev.AnalysisFailed)].event.post_id
    other = next(p.id for p in lines[index(lines, ev.PostsScraped)].event.posts if p.id != refused)
    drop(lines, index(lines, ev.PostAnalyzed, post_id=other))
    return [(seq(lines, ev.AnalysisFailed), lines.index(started(lines, other)) + 1)]


@breaks("I3", of=held_windows)
def analyzed_again_after_its_analysis(lines: list[Line]) -> list[Seqs]:
    """A refusal may be followed by another question; an answer may not."""
    place = index(lines, ev.PostAnalyzed)
    insert(lines, place + 1, lines[place].event)
    return [(place + 1, place + 2)]


@breaks("I3", of=held_windows)
def asked_again_after_its_analysis_and_refused(lines: list[Line]) -> list[Seqs]:
    """Nor may the question that is refused."""
    place = index(lines, ev.PostAnalyzed)
    digest = lines[place].event.content_sha256
    insert(lines, place + 1, analysis_failed(lines[place].event.post_id, "auth", content_sha256=digest))
    return [(place + 1, place + 2)]


@breaks("R7", "I4")
def sent_though_it_was_irrelevant(lines: list[Line]) -> list[Seqs]:
    """SUBMIT_IRRELEVANT=false."""
    line = lines[index(lines, ev.ActorStarted, 2)]
    line.change(policy=changed(line.event.policy, submit_irrelevant=False))
    analysis = seq(lines, ev.PostAnalyzed, post_id="10")
    return [(analysis, lines.index(started(lines, "10", number)) + 1) for number in (1, 2)]


@breaks("R9")
def fresh_posts_first(lines: list[Line]) -> list[Seqs]:
    """What was put off is sent behind what was just found."""
    first = index(lines, ev.SubmissionStarted, post_id="7")
    moved = [lines.pop(first), lines.pop(first)]
    end = index(lines, ev.CheckpointSigned, 2)
    lines[end:end] = moved
    for late in moved:
        late.at_ms = lines[end - 1].at_ms
    return [(lines.index(started(lines, "8")) + 1, lines.index(moved[0]) + 1)]


@breaks("R9")
def a_sixth_post_sent(lines: list[Line]) -> list[Seqs]:
    """Three carried ones and three new ones."""
    search = index(lines, ev.PostsScraped, 2)
    extra = changed(lines[search].event.posts[0], id="12")
    event = lines[search].event
    lines[search].change(wanted=3, posts=(*event.posts, extra), candidates=("8", "9", "12"))
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="8")]
    insert(lines, index(lines, ev.PostAnalyzed, post_id="9"), changed(analysis.event, post_id="12"))
    lines[index(lines, ev.PostAnalyzed, post_id="12")].at_ms = analysis.at_ms
    sent = started(lines, "8").event
    body = changed(sent.body, post_id="12")
    end = index(lines, ev.CheckpointSigned, 2)
    insert(lines, end, changed(sent, post_id="12", body=body), rejected("12"))
    return [tuple(seq(lines, ev.SubmissionStarted, number, window=71) for number in range(1, 7))]


@breaks("R9", of=many_windows)
def sent_in_a_fifth_window(lines: list[Line]) -> list[Seqs]:
    """It may be carried into three later ones."""
    sends = [place for place, line in enumerate(lines) if isinstance(line.event, ev.SubmissionStarted)][1:]
    last = lines[sends[-1]].event
    end = index(lines, ev.PostAbandoned)
    drop(lines, end)
    place = index(lines, ev.ScrapeFailed, window=last.window + 1)
    insert(
        lines,
        place + 1,
        changed(last, window=last.window + 1),
        limited("2", (last.window + 1) * 100, ((last.window + 1) * 100,)),
    )
    later = index(lines, ev.CheckpointSigned, last.window + 1 - 69)
    insert(lines, later, ev.PostAbandoned(post_id="2", reason="carried too long"))
    return [tuple(seq(lines, ev.SubmissionStarted, number, post_id="2") for number in range(1, 6))]


@breaks("R9")
def carried_when_it_is_too_old(lines: list[Line]) -> list[Seqs]:
    """It passed 72 hours between the windows; an older build, which sent what was in time when its window began."""
    search, line = _aged(lines)
    lines[search].change(since=None)
    return [(search + 1, seq(lines, ev.WindowOpened, 2), lines.index(line) + 1)]


@breaks("R9")
def sent_when_it_is_too_old(lines: list[Line]) -> list[Seqs]:
    """As the clock says that the record has."""
    search, line = _aged(lines)
    return [(search + 1, lines.index(line) + 1)]


def _aged(lines: list[Line]) -> tuple[int, Line]:
    """A post that is as old as a search takes it; its search, and its submission in the next window."""
    search = index(lines, ev.PostsScraped)
    posted = lines[search].at_ms // 1000 - 72 * 3_600 + 600
    event = lines[search].event
    aged = tuple(changed(p, timestamp=posted) if p.id == "6" else p for p in event.posts)
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="6")]
    fresh = recency(event.posts[0].timestamp, analysis.at_ms)
    lines[search].change(posts=aged)
    line = started(lines, "6")
    line.change_body(date=posted, score=line.event.body.score - 0.10 * fresh)
    return search, line


def _given_up(lines: list[Line], reason: Any) -> Seqs:
    places = [index(lines, kind, post_id="4") for kind in (ev.SubmissionAccepted,)]
    drop(lines, *places, index(lines, ev.SubmissionStarted, 2, post_id="4"))
    for line in lines:
        if isinstance(line.event, ev.ActorStopped):
            line.change(posts_processed=line.event.posts_processed - 1)
    place = index(lines, ev.CheckpointSigned)
    insert(lines, place, ev.PostAbandoned(post_id="4", reason=reason))
    return (seq(lines, ev.PostsScraped), place + 1)


@breaks("R9")
def given_up_too_early(lines: list[Line]) -> list[Seqs]:
    """An hour old."""
    return [_given_up(lines, "too old")]


@breaks("R9")
def given_up_in_its_first_window(lines: list[Line]) -> list[Seqs]:
    """It was not carried yet."""
    return [_given_up(lines, "carried too long")]


def taken_back() -> list[Line]:
    """Window 71 is told too early and taken back, so that posts are carried into it twice."""
    story = Story()
    story.start(ev.Policy())
    story.window(70).search(1, 2).analyze(0.2, 0.1).answered(limited, 7_000).sign()
    story.wait(WINDOW_S).window(71).search(3).analyze(1.0)
    story.answered(failed, 1).on(ev.BackoffElapsed(), after_s=3)
    told = {"window": 70, "start_block": 7_000, "current_block": 7_050, "blocks_per_window": 100}
    taken = story.state.taken_of(7_000)
    story.on(
        ev.WindowsRevised(**told, believed_start_block=7_100, answers=26, agreed_s=300.0, taken=taken), after_s=600
    )
    story.sign().wait(WINDOW_S / 2).window(71)
    story.answered(accepted, "new", 7_100).answered(limited, 7_100).sign()
    story.wait(WINDOW_S).window(72).scrape_failed().answered(limited, 7_200)
    for post_id in ("1", "2"):
        story.on(ev.PostAbandoned(post_id=post_id, reason="carried too long"))
    story.sign()
    return lines_of(story)


@breaks("R9", of=taken_back)
def given_up_a_window_too_early(lines: list[Line]) -> list[Seqs]:
    """Before the last window into which it could be carried."""
    place = index(lines, ev.PostAbandoned, post_id="2")
    given_up = lines[place].event
    drop(lines, place)
    early = index(lines, ev.WindowOpened, window=72)
    insert(lines, early, given_up)
    return [(seq(lines, ev.PostsScraped), early + 1)]


@breaks("I3", of=taken_back)
def searched_again_when_it_was_told_again(lines: list[Line]) -> list[Seqs]:
    """It was searched before it was taken back."""
    place = index(lines, ev.WindowOpened, 2, window=71)
    insert(lines, place + 1, ev.ScrapeFailed(window=71, kind="server", reason="503"))
    return [(seq(lines, ev.PostsScraped, window=71), place + 2)]


@breaks("I7", of=taken_back)
def numbered_on_from_a_window_that_was_none(lines: list[Line]) -> list[Seqs]:
    """The attempts of each window are counted from 1."""
    line = started(lines, "1", 3)
    line.change(attempt=2)
    return [(lines.index(line) + 1,)]
