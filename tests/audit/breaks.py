"""Every rule broken by hand: what is changed in the good history, and the records that an audit must name for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from actor.machine.scoring import recency
from events import catalogue as ev
from events.codec import changed, plain
from tests.audit.broken import WINDOW_S, Line, Story, clean, drop, index, insert, lines_of
from tests.kit import accepted, failed, limited, rejected

__all__ = ["BREAKS", "Break"]

Seqs: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One way to break one rule.

    Attributes:
        rule: Its name.
        name: What is broken, for people.
        make: Makes the broken lines; gives the records of each finding that is due.
        also: Rules that the same lines break as well.
    """

    rule: str
    name: str
    make: Callable[[], tuple[list[Line], list[Seqs]]]
    also: frozenset[str]


BREAKS: Final[list[Break]] = []


def breaks(
    rule: str, *also: str, of: Callable[[], list[Line]] = clean
) -> Callable[[Callable[[list[Line]], Sequence[Seqs]]], None]:
    """A function that breaks the good lines in place and returns what must be found."""

    def register(function: Callable[[list[Line]], Sequence[Seqs]]) -> None:
        def make() -> tuple[list[Line], list[Seqs]]:
            lines = of()
            return lines, list(function(lines))

        BREAKS.append(Break(rule=rule, name=function.__name__, make=make, also=frozenset(also)))

    return register


def seq(lines: list[Line], kind: type[ev.Event], number: int = 1, **fields: Any) -> int:
    """The record's number of an event."""
    return index(lines, kind, number, **fields) + 1


def started(lines: list[Line], post_id: str, number: int = 1) -> Line:
    """A post's ``number``-th submission."""
    return lines[index(lines, ev.SubmissionStarted, number, post_id=post_id)]


# Invariants


@breaks("I1")
def a_sixth_accepted_post(lines: list[Line]) -> list[Seqs]:
    """The API counted the first window's post in the second, which took five."""
    lines[index(lines, ev.SubmissionAccepted)].change(start_block=7_100)
    return [tuple(seq(lines, ev.SubmissionAccepted, number) for number in range(1, 7))]


@breaks("I2")
def sent_after_its_acceptance(lines: list[Line]) -> list[Seqs]:
    """The same body once more."""
    place = index(lines, ev.SubmissionAccepted, post_id="8")
    insert(lines, place + 1, started(lines, "8").event, failed("8", 1))
    return [(place + 1, place + 2)]


@breaks("I2", "I4")
def sent_after_its_rejection(lines: list[Line]) -> list[Seqs]:
    """409 was final."""
    place = index(lines, ev.SubmissionRejected)
    insert(lines, place + 1, started(lines, "3").event, rejected("3"))
    return [(place + 1, place + 2)]


@breaks("I3")
def searched_twice(lines: list[Line]) -> list[Seqs]:
    """A failure behind the answer."""
    place = index(lines, ev.PostsScraped)
    insert(lines, place + 1, ev.ScrapeFailed(window=70, kind="server", reason="503"))
    return [(place + 1, place + 2)]


@breaks("I3")
def analyzed_twice(lines: list[Line]) -> list[Seqs]:
    """The second answer differs, as a served model's does."""
    place = index(lines, ev.PostAnalyzed, post_id="8")
    insert(lines, place + 1, changed(lines[place].event, sentiment=1.0))
    return [(place + 1, place + 2)]


@breaks("reuse")
def taken_over_from_another_text(lines: list[Line]) -> list[Seqs]:
    """The texts differ, and it was paid for all the same."""
    line = lines[index(lines, ev.PostAnalyzed, post_id="8")]
    line.event = changed(line.event, reused_from="6")
    source, place = seq(lines, ev.PostAnalyzed, post_id="6"), lines.index(line) + 1
    return [(source, place)]


@breaks("reuse")
def taken_over_from_nobody(lines: list[Line]) -> list[Seqs]:
    """The post that it names was never analyzed."""
    line = lines[index(lines, ev.PostAnalyzed, post_id="8")]
    line.event = changed(line.event, reused_from="999", calls=0, prompt_tokens=0, completion_tokens=0)
    return [(lines.index(line) + 1,)]


def moved_there_and_back() -> list[Line]:
    """A full window, then another API's, then a window of the first one again."""
    story = Story()
    story.start()
    story.window(70).search(1, 2, 3, 4, 5).analyze(*[1.0] * 5)
    for _ in range(5):
        story.answered(accepted, "new", 7_000)
    story.sign()
    for url, number in (("http://127.0.0.1:9", 70), ("http://127.0.0.1:8001", 71)):
        story.on(ev.ActorStopped(reason="asked to stop", posts_processed=story.state.totals.accepted), after_s=1)
        story.on(ev.ApiMoved(api_url=url), after_s=1)
        story.start()
        story.window(number).search(number * 10).analyze(1.0).answered(accepted, "new", number * 100).sign()
    return lines_of(story)


@breaks("I3", "I1", of=moved_there_and_back)
def searched_again_after_two_moves(lines: list[Line]) -> list[Seqs]:
    """The window was left full, and is begun anew."""
    place = index(lines, ev.WindowOpened, 3)
    lines[place].change(window=70, start_block=7_000, current_block=7_000)
    for line in lines[place + 1 :]:
        if isinstance(line.event, ev.PostsScraped | ev.SubmissionStarted):
            line.change(window=70)
        if isinstance(line.event, ev.SubmissionAccepted):
            line.change(start_block=7_000)
    return [(seq(lines, ev.PostsScraped), seq(lines, ev.PostsScraped, 3))]


@breaks("R11", "I1", "I3", of=moved_there_and_back)
def a_move_to_where_it_is(lines: list[Line]) -> list[Seqs]:
    """Windows, quotas and waits would begin anew for nothing."""
    lines[index(lines, ev.ApiMoved)].change(api_url="http://127.0.0.1:8001")
    lines[index(lines, ev.ApiMoved, 2)].change(api_url="http://127.0.0.1:9")
    return [(seq(lines, ev.ApiMoved),)]


@breaks("I4")
def abandoned_after_its_acceptance(lines: list[Line]) -> list[Seqs]:
    """Two verdicts."""
    place = index(lines, ev.SubmissionAccepted, post_id="4")
    insert(lines, place + 1, ev.PostAbandoned(post_id="4", reason="too old"))
    return [(place + 1, place + 2)]


@breaks("I4")
def a_verdict_for_nobody(lines: list[Line]) -> list[Seqs]:
    """No search chose this post."""
    place = index(lines, ev.CheckpointSigned)
    insert(lines, place, ev.PostAbandoned(post_id="777", reason="too old"))
    return [(place + 1,)]


@breaks("I4")
def forgotten_before_its_analysis(lines: list[Line]) -> list[Seqs]:
    """The next window is worked on without it."""
    names = (ev.PostAnalyzed, ev.SubmissionStarted, ev.SubmissionAccepted)
    drop(lines, *(index(lines, name, post_id="9") for name in names))
    for line in lines:
        if isinstance(line.event, ev.ActorStopped):
            line.change(posts_processed=line.event.posts_processed - 1)
    return [(seq(lines, ev.PostsScraped, 2), seq(lines, ev.ScrapeFailed))]


def many_windows() -> list[Line]:
    """Two posts, of which one is sent, and ten windows in which the search fails."""
    story = Story()
    story.start()
    story.window(70)
    story.search(1, 2).analyze(1.0, 0.5).answered(accepted, "new", 7_000).answered(limited, 7_000).sign()
    for number in range(71, 82):
        story.wait(WINDOW_S).window(number)
        if story.at() == "Scraping":
            story.scrape_failed()
        if story.at() == "Submitting":
            story.answered(limited, number * 100)
        if story.state.posts and story.state.posts[0].deferrals > 3:
            story.on(ev.PostAbandoned(post_id="2", reason="carried too long"))
        story.sign()
    return lines_of(story)


@breaks("I4", of=many_windows)
def never_abandoned(lines: list[Line]) -> list[Seqs]:
    """Nine windows are worked on after the last one that it was sent in, and nobody speaks of it again."""
    drop(lines, index(lines, ev.PostAbandoned))
    last = max(place + 1 for place, line in enumerate(lines) if isinstance(line.event, ev.SubmissionStarted))
    return [(seq(lines, ev.PostsScraped), last, seq(lines, ev.ScrapeFailed, window=80))]


@breaks("I5")
def another_state(lines: list[Line]) -> list[Seqs]:
    """From and to are not what the machine makes of the events; the chain of names is whole."""
    place = index(lines, ev.ActorStopped, 2)
    lines[place - 1].dest = lines[place].source = lines[place].dest = "Submitting"
    return [(place,), (place + 1,)]


@breaks("I5", "I8")
def a_jump(lines: list[Line]) -> list[Seqs]:
    """A record that begins where no record ended, behind one that this machine does not follow."""
    place = index(lines, ev.ActorStarted, 2)
    lines[place].change(epoch=1)
    lines[-1].source = "Backoff"
    return [(place + 1,), (len(lines) - 1, len(lines))]


@breaks("I5")
def another_digest(lines: list[Line]) -> list[Seqs]:
    """A checkpoint of a state that the records do not make."""
    place = index(lines, ev.CheckpointSigned)
    story_line = lines[place]
    story_line.change(state_sha256="5" * 64)
    story_line.kept = True
    return [(place, place + 1)]


@breaks("I6")
def sent_after_a_429(lines: list[Line]) -> list[Seqs]:
    """In the same window."""
    place = index(lines, ev.RateLimited)
    insert(lines, place + 1, changed(started(lines, "6").event, window=70), failed("6", 1))
    return [(place + 1, place + 2)]


@breaks("I6")
def sent_in_a_window_that_is_too_early(lines: list[Line]) -> list[Seqs]:
    """The 429 named the window after the next as full."""
    place = index(lines, ev.RateLimited)
    lines[place].change(start_block=7_100)
    return [(place + 1, seq(lines, ev.SubmissionStarted, number, window=71)) for number in range(1, 6)]


@breaks("I7")
def a_fourth_attempt(lines: list[Line]) -> list[Seqs]:
    """The third one failed."""
    place = index(lines, ev.SubmissionAccepted)
    won = lines[place].event
    lines[place].event = failed("1", 3)
    insert(lines, place + 1, changed(lines[place - 1].event, attempt=4), won)
    for line in lines[place + 1 : index(lines, ev.WindowOpened, 2)]:
        line.at_ms += 13_000
    return [(*(seq(lines, ev.SubmissionStarted, number, post_id="1") for number in range(1, 5)),)]


@breaks("I7")
def too_early(lines: list[Line]) -> list[Seqs]:
    """The second attempt after 1 s, the third after 3 s."""
    for number, wait_ms in ((1, 1_000), (2, 3_000)):
        place = index(lines, ev.SubmissionFailed, number)
        early_ms = lines[place + 2].at_ms - lines[place].at_ms - wait_ms
        for line in lines[place + 1 : index(lines, ev.WindowOpened, 2)]:
            line.at_ms -= early_ms
    return [(seq(lines, ev.SubmissionFailed, n), seq(lines, ev.SubmissionStarted, n + 1)) for n in (1, 2)]


@breaks("I7")
def a_number_left_out(lines: list[Line]) -> list[Seqs]:
    """Attempts are numbered one after the other."""
    place = index(lines, ev.SubmissionStarted, 3, post_id="1")
    lines[place].change(attempt=5)
    return [tuple(seq(lines, ev.SubmissionStarted, number, post_id="1") for number in range(1, 4))]


@breaks("I8")
def an_epoch_again(lines: list[Line]) -> list[Seqs]:
    """Two processes held the journal."""
    place = index(lines, ev.ActorStarted, 2)
    lines[place].change(epoch=1)
    return [(2, place + 1)]


@breaks("I8")
def a_record_of_no_process(lines: list[Line]) -> list[Seqs]:
    """Behind the stop, before the start."""
    place = index(lines, ev.ActorStopped)
    insert(lines, place + 1, ev.BackoffElapsed())
    return [(place + 1, place + 2)]


def _repair(**fields: Any) -> ev.TailRepaired:
    segment, digest = f"{1:020d}", "a" * 64
    whole: dict[str, Any] = {
        "segment": f"{segment}.jsonl",
        "offset": 4_660,
        "length": 30,
        "sha256": digest,
        "quarantine": f"{segment}-{4_660:012d}-{digest}.bin",
    }
    return ev.TailRepaired(**{**whole, **fields})


@breaks("I8")
def repaired_in_mid_run(lines: list[Line]) -> list[Seqs]:
    """A start repairs, and then starts."""
    place = index(lines, ev.WindowOpened, 2)
    insert(lines, place, _repair())
    return [(place + 1, place + 2)]


@breaks("I8")
def repaired_under_another_name(lines: list[Line]) -> list[Seqs]:
    """The file's name says where the bytes stood."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, _repair(offset=4_661))
    return [(place + 1,)]


@breaks("I8")
def repaired_twice(lines: list[Line]) -> list[Seqs]:
    """The same bytes."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, _repair(), _repair())
    return [(place + 1, place + 2)]


@breaks("I8")
def a_second_beginning(lines: list[Line]) -> list[Seqs]:
    """Another journal's records behind this one's."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, lines[0].event)
    return [(place + 1,)]


@breaks("I8")
def a_checkpoint_of_another_record(lines: list[Line]) -> list[Seqs]:
    """It was signed for a history that was cut."""
    place = index(lines, ev.CheckpointSigned, 2)
    lines[place].change(since=22, seq=35, head="9" * 64)
    lines[place].kept = True
    return [(place + 1,)]


@breaks("I8")
def a_list_of_other_hashes(lines: list[Line]) -> list[Seqs]:
    """The checkpoint names its record, and lists others before it."""
    place = index(lines, ev.CheckpointSigned)
    lines[place].change(hashes_sha256="8" * 64)
    lines[place].kept = True
    return [(0, place + 1)]


@breaks("I9")
def an_idle_window(lines: list[Line]) -> list[Seqs]:
    """Told, and nothing happened until the next one."""
    drop(lines, *(index(lines, ev.PostsScraped, window=74) + offset for offset in (0, 1)))
    return [(seq(lines, ev.WindowOpened, window=74),)]


# Rulings


@breaks("R3")
def another_text(lines: list[Line]) -> list[Seqs]:
    """A space more than norm_text leaves."""
    line = started(lines, "8")
    line.change_body(content=line.event.body.content + " ")
    return [(seq(lines, ev.PostsScraped, 2), lines.index(line) + 1)]


@breaks("R3")
def another_text_analyzed(lines: list[Line]) -> list[Seqs]:
    """Of an analysis, and of one that failed."""
    places = [index(lines, ev.PostAnalyzed, post_id="6"), index(lines, ev.AnalysisFailed)]
    for place in places:
        lines[place].change(content_sha256="c" * 64)
    return [(seq(lines, ev.PostsScraped), place + 1) for place in places]


@breaks("R3")
def an_author_with_an_at(lines: list[Line]) -> list[Seqs]:
    """As it is written in posts."""
    line = started(lines, "8")
    line.change_body(author="@" + line.event.body.author)
    return [(seq(lines, ev.PostsScraped, 2), lines.index(line) + 1)]


@breaks("R5")
def a_better_score(lines: list[Line]) -> list[Seqs]:
    """By a millionth."""
    line = started(lines, "8")
    line.change_body(score=line.event.body.score + 1e-6)
    return [(seq(lines, ev.PostsScraped, 2), seq(lines, ev.PostAnalyzed, post_id="8"), lines.index(line) + 1)]


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


@breaks("R7", "I4")
def sent_though_it_was_irrelevant(lines: list[Line]) -> list[Seqs]:
    """SUBMIT_IRRELEVANT=false."""
    line = lines[index(lines, ev.ActorStarted, 2)]
    line.change(policy=changed(line.event.policy, submit_irrelevant=False))
    analysis = seq(lines, ev.PostAnalyzed, post_id="10")
    return [(analysis, lines.index(started(lines, "10", number)) + 1) for number in (1, 2)]


@breaks("R8")
def another_draw(lines: list[Line]) -> list[Seqs]:
    """The seed draws other posts."""
    lines[index(lines, ev.PostsScraped)].change(seed=46)
    return [(seq(lines, ev.PostsScraped),)]


@breaks("R8")
def offered_again(lines: list[Line]) -> list[Seqs]:
    """An accepted post and a pending one stand among the candidates; the seed draws neither."""
    line = lines[index(lines, ev.PostsScraped, 2)]
    line.change(candidates=("8", "9", "1", "4"), seed=_seed(4, [0, 1]))
    return [(seq(lines, ev.PostsScraped), seq(lines, ev.PostsScraped, 2))] * 2


def _seed(population: int, chosen: list[int]) -> int:
    """A seed that draws these places."""
    from random import Random  # noqa: PLC0415  (said beside its only use: the tests' own draw)

    return next(n for n in range(9_999) if sorted(Random(n).sample(range(population), len(chosen))) == chosen)  # noqa: S311


@breaks("R8")
def read_for_nothing(lines: list[Line]) -> list[Seqs]:
    """More posts were found than were read, which a budget would not notice; and their authors; and nobody asked."""
    bills = ({"posts_read": 1}, {"users_read": 0}, {"requests": 0})
    places = [index(lines, ev.PostsScraped, number) for number in (1, 2, 3)]
    for place, bill in zip(places, bills, strict=True):
        lines[place].change(**bill)
    return [(place + 1,) for place in places]


@breaks("R8")
def too_many_wanted(lines: list[Line]) -> list[Seqs]:
    """Six for a window of five."""
    lines[index(lines, ev.PostsScraped, window=76)].change(wanted=6)
    return [(seq(lines, ev.PostsScraped, window=76),)]


@breaks("R8")
def too_many_pages(lines: list[Line]) -> list[Seqs]:
    """MAX_SEARCH_PAGES is 1."""
    lines[index(lines, ev.PostsScraped, window=76)].change(requests=2)
    return [(seq(lines, ev.PostsScraped, window=76),)]


@breaks("R8")
def an_old_post(lines: list[Line]) -> list[Seqs]:
    """Four days old."""
    line = lines[index(lines, ev.PostsScraped, window=76)]
    old = changed(line.event.posts[0], timestamp=line.at_ms // 1000 - 96 * 3_600)
    line.change(posts=(old,))
    return [(lines.index(line) + 1,)]


@breaks("R8")
def a_sample_from_elsewhere(lines: list[Line]) -> list[Seqs]:
    """This build does not even decode it."""
    line = lines[index(lines, ev.PostsScraped, window=76)]
    line.data = {**plain(line.event), "candidates": ["12", "13"]}
    return [(lines.index(line) + 1,)]


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
    insert(lines, place + 1, changed(last, window=last.window + 1), limited("2", (last.window + 1) * 100))
    later = index(lines, ev.CheckpointSigned, last.window + 1 - 69)
    insert(lines, later, ev.PostAbandoned(post_id="2", reason="carried too long"))
    return [tuple(seq(lines, ev.SubmissionStarted, number, post_id="2") for number in range(1, 6))]


@breaks("R9")
def carried_when_it_is_too_old(lines: list[Line]) -> list[Seqs]:
    """It passed 72 hours between the windows."""
    search = index(lines, ev.PostsScraped)
    posted = lines[search].at_ms // 1000 - 72 * 3_600 + 600
    event = lines[search].event
    aged = tuple(changed(p, timestamp=posted) if p.id == "6" else p for p in event.posts)
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="6")]
    fresh = recency(event.posts[0].timestamp, analysis.at_ms)
    lines[search].change(posts=aged)
    line = started(lines, "6")
    line.change_body(date=posted, score=line.event.body.score - 0.10 * fresh)
    return [(search + 1, seq(lines, ev.WindowOpened, 2), lines.index(line) + 1)]


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


@breaks("R10")
def a_rejection_that_was_none(lines: list[Line]) -> list[Seqs]:
    """HTTP 400 may pass with another attempt."""
    place = index(lines, ev.SubmissionRejected)
    lines[place].change(http_status=400)
    return [(place + 1,)]


@breaks("R10")
def a_failure_that_was_final(lines: list[Line]) -> list[Seqs]:
    """409 is not tried again, and a 429 waits."""
    for number, status in ((1, 409), (2, 429)):
        lines[index(lines, ev.SubmissionFailed, number)].change(http_status=status)
    return [(seq(lines, ev.SubmissionFailed, number),) for number in (1, 2)]


@breaks("R10")
def an_acceptance_that_was_none(lines: list[Line]) -> list[Seqs]:
    """An unknown word; a server's error; an answer that said something else; a dry run's word."""
    odd: tuple[dict[str, Any], ...] = (
        {"status": "maybe"},
        {"http_status": 503},
        {"answer": '{"status": "duplicate"}'},
        {"status": "dry-run", "http_status": 0},
    )
    for number, fields in enumerate(odd, start=1):
        lines[index(lines, ev.SubmissionAccepted, number)].change(**fields)
    return [(seq(lines, ev.SubmissionAccepted, number),) for number in range(1, 5)]


@breaks("R10")
def sent_in_a_dry_run(lines: list[Line]) -> list[Seqs]:
    """A dry run hears no answers."""
    lines[0].change(dry_run=True)
    return [(seq(lines, ev.SubmissionAccepted, number),) for number in range(1, 8)]


@breaks("R11")
def a_window_of_the_past(lines: list[Line]) -> list[Seqs]:
    """The API's block went back, and the miner with it."""
    place = index(lines, ev.WindowOpened, 3)
    told = changed(lines[place].event, window=69, start_block=6_900, current_block=6_900)
    insert(lines, place, told)
    return [(seq(lines, ev.WindowOpened, window=71), place + 1)]


@breaks("R11")
def another_number(lines: list[Line]) -> list[Seqs]:
    """The block lies in the next window."""
    place = index(lines, ev.WindowOpened, window=74)
    lines[place].change(current_block=7_500)
    return [(place + 1,)]


@breaks("R11")
def another_length(lines: list[Line]) -> list[Seqs]:
    """The API's number changed, and ConfigMismatched is missing."""
    place = index(lines, ev.WindowOpened, window=76)
    lines[place].change(window=152, blocks_per_window=50)
    lines[index(lines, ev.PostsScraped, window=76)].change(window=152)
    return [(place + 1,)]


@breaks("R11")
def counted_elsewhere(lines: list[Line]) -> list[Seqs]:
    """The recorded answer was at a block of another window; and a length that it told is not on record."""
    first, second = index(lines, ev.SubmissionAccepted, 2), index(lines, ev.SubmissionAccepted, 3)
    lines[first].change(answer='{"status":"new","current_block":7212}')
    lines[second].change(answer='{"status":"new","current_block":7112,"blocks_per_window":50}')
    return [(first + 1,), (second + 1, second + 2)]


@breaks("R11")
def a_window_that_nobody_told(lines: list[Line]) -> list[Seqs]:
    """A search of it."""
    place = index(lines, ev.PostsScraped, window=76)
    lines[place].change(window=77)
    return [(place + 1,)]


@breaks("R11", "I3")
def a_window_of_yesterday(lines: list[Line]) -> list[Seqs]:
    """Work goes back to the first window."""
    place = index(lines, ev.PostsScraped, window=75)
    lines[place].change(window=70)
    return [(3, seq(lines, ev.WindowOpened, window=74), place + 1)]


@breaks("R11")
def no_difference(lines: list[Line]) -> list[Seqs]:
    """The API's number is the one in use; and the configured one is another."""
    place = index(lines, ev.WindowOpened, 2)
    same = ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=5)
    other = ev.ConfigMismatched(setting="BLOCKS_PER_WINDOW", configured=50, served=100)
    insert(lines, place, same, other)
    return [(place + 1,), (place + 2,)]


@breaks("R12")
def a_start_that_sleeps(lines: list[Line]) -> list[Seqs]:
    """The process was killed in the window; the next one waits for another."""
    told = index(lines, ev.WindowOpened, window=73)
    start = index(lines, ev.ActorStarted, 3)
    end = index(lines, ev.WindowOpened, window=74)
    del lines[start + 1 : end], lines[told + 1 : start]
    lines[-1].change(posts_processed=6)
    return [(told + 1, told + 2)]


@breaks("R13")
def a_recovery_of_nothing(lines: list[Line]) -> list[Seqs]:
    """The API was not known to be unreachable."""
    drop(lines, index(lines, ev.ApiUnreachable))
    return [(seq(lines, ev.ApiRecovered),)]


@breaks("R13")
def an_outage_twice(lines: list[Line]) -> list[Seqs]:
    """And then a window told by an API that does not answer."""
    place = index(lines, ev.ApiRecovered)
    lines[place].event = lines[place - 1].event
    told = [seq(lines, ev.WindowOpened, window=number) for number in range(72, 77)]
    return [(place, place + 1), *((place + 1, number) for number in told)]


@breaks("R14")
def one_too_many(lines: list[Line]) -> list[Seqs]:
    """posts_processed."""
    lines[-1].change(posts_processed=8)
    return [(len(lines),)]


@breaks("R16")
def plain_http(lines: list[Line]) -> list[Seqs]:
    """To another machine; a note."""
    lines[0].change(api_url="http://miner.example:8001")
    return [(1,)]


# What follows from the specification without a ruling


@breaks("body")
def another_body(lines: list[Line]) -> list[Seqs]:
    """Every field of it."""
    line = started(lines, "8")
    search, analysis = seq(lines, ev.PostsScraped, 2), seq(lines, ev.PostAnalyzed, post_id="8")
    wrong: dict[str, Any] = {
        "miner_hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        "date": 1,
        "author": "somebody",
        "account_age": 1,
        "retweets": 1,
        "likes": 1,
        "responses": 1,
        "followers": 1,
        "tokens": {"talisman": 0.95},
        "sentiment": -1.0,
    }
    line.change_body(**wrong)
    here = lines.index(line) + 1
    return [(1, here), *[(search, here)] * 7, *[(analysis, here)] * 2]


@breaks("body", "I4")
def a_post_that_nobody_chose(lines: list[Line]) -> list[Seqs]:
    """Sent and accepted all the same."""
    place = index(lines, ev.CheckpointSigned, 3)
    sent = started(lines, "8").event
    body = changed(sent.body, post_id="99")
    insert(lines, place, changed(sent, window=72, post_id="99", body=body), rejected("99"))
    return [(place + 1,)]


@breaks("body")
def sent_before_its_analysis(lines: list[Line]) -> list[Seqs]:
    """The analysis comes later."""
    place = index(lines, ev.PostAnalyzed, post_id="10")
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    lines[place].at_ms = lines[place + 1].at_ms
    return [(place, place + 1)]


@breaks("sentiment", "body")
def another_sentiment(lines: list[Line]) -> list[Seqs]:
    """In the body; and in an analysis, which this build does not even decode."""
    line = started(lines, "8")
    line.change_body(sentiment=0.3)
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="10")]
    analysis.data = {**plain(analysis.event), "sentiment": 0.3}
    return [(lines.index(line) + 1,), (lines.index(analysis) + 1,)]


@breaks("intent")
def an_answer_to_nothing(lines: list[Line]) -> list[Seqs]:
    """Its start is missing."""
    drop(lines, index(lines, ev.SubmissionStarted, post_id="9"))
    return [(seq(lines, ev.SubmissionAccepted, post_id="9"),)]


@breaks("intent")
def an_answer_to_another_attempt(lines: list[Line]) -> list[Seqs]:
    """Of the same post."""
    place = index(lines, ev.SubmissionFailed, 2)
    lines[place].change(attempt=1)
    return [(place, place + 1)]


@breaks("intent")
def two_at_a_time(lines: list[Line]) -> list[Seqs]:
    """The first one's failure is missing."""
    place = index(lines, ev.SubmissionFailed)
    drop(lines, place, place + 1)
    return [(place, place + 1)]


@breaks("checkpoints")
def nobody_vouches(lines: list[Line]) -> list[Seqs]:
    """For the second window, whose work rests for long; and for one that ended with a 429."""
    drop(lines, index(lines, ev.CheckpointSigned, 1), index(lines, ev.CheckpointSigned, 2))
    limit, told = seq(lines, ev.RateLimited), seq(lines, ev.WindowOpened, 2)
    rest = seq(lines, ev.SubmissionAccepted, post_id="9")
    return [(limit, told), (rest, seq(lines, ev.WindowOpened, 3))]


SECRETS: Final = (
    "401: Bearer AAAAabcdefghijkl0123",
    "401: bearer\tsome-token_of.36+chars",
    "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid",
    "key sk-proj-abcdefghijklmnop1234",
    "key cpk_0123456789abcdef.0123",
    f"signature {'0a' * 64}",
    "talisman-ai-auth:1795357925",
    '{"X-Auth-Signature": "abcdef0123456789"}',
    "https://user:secret@miner.example/v2",
    "-----BEGIN EC PRIVATE KEY-----",
)


def _with_secret(secret: str) -> Callable[[list[Line]], list[Seqs]]:
    def told(lines: list[Line]) -> list[Seqs]:
        place = index(lines, ev.ScrapeFailed)
        lines[place].change(reason=secret)
        return [(place + 1,)]

    return told


for _number, _secret in enumerate(SECRETS):
    _told = _with_secret(_secret)
    _told.__name__ = f"a_secret_{_number}"
    breaks("secrets")(_told)


@breaks("secrets")
def a_secret_deep_inside(lines: list[Line]) -> list[Seqs]:
    """In a recorded answer and in a name of a subnet."""
    lines[index(lines, ev.SubmissionRejected)].change(answer=f'{{"echo": "{"1f" * 64}"}}')
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="9")]
    analysis.change(tokens={"Bearer abcdefghijklmnop": 0.3})
    line = started(lines, "9")
    line.change_body(tokens=analysis.event.tokens)
    places = (seq(lines, ev.SubmissionRejected), lines.index(analysis) + 1, lines.index(line) + 1)
    return [(place,) for place in places]


if len({(case.rule, case.name) for case in BREAKS}) != len(BREAKS):
    raise ValueError("two breaks share a name")
