"""Rules of windows, searches and analyses broken by hand: what is paid for, drawn, read and told."""

from __future__ import annotations

from typing import Any

from events import catalogue as ev
from events.codec import changed, plain
from tests.audit.breaking import Seqs, breaks, seq, started
from tests.audit.broken import WINDOW_S, Line, Story, drop, index, insert, lines_of
from tests.kit import accepted


@breaks("I3", "floor")
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


@breaks("reuse")
def answered_without_a_call(lines: list[Line]) -> list[Seqs]:
    """What an LLM answered it was asked, though the answer could not be used."""
    lines[index(lines, ev.PostAnalyzed, post_id="8")].change(calls=0, prompt_tokens=0, completion_tokens=0)
    lines[index(lines, ev.AnalysisFailed)].change(raw_answer="{", calls=0, unmeasured_calls=0)
    return [(seq(lines, ev.PostAnalyzed, post_id="8"),), (seq(lines, ev.AnalysisFailed),)]


@breaks("R8")
def read_more_than_x_gives(lines: list[Line]) -> list[Seqs]:
    """A hundred posts for each request, at most."""
    lines[index(lines, ev.PostsScraped)].change(posts_read=100)
    lines[index(lines, ev.PostsScraped, 2)].change(posts_read=101)
    return [(seq(lines, ev.PostsScraped, 2),)]


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
        story.wait(300).window(number).search(number * 10).analyze(1.0).answered(accepted, "new", number * 100).sign()
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


@breaks("I9")
def an_idle_window(lines: list[Line]) -> list[Seqs]:
    """Told, and nothing happened until the next one."""
    drop(lines, *(index(lines, ev.PostsScraped, window=74) + offset for offset in (0, 1)))
    return [(seq(lines, ev.WindowOpened, window=74),)]


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


@breaks("R8")
def another_draw(lines: list[Line]) -> list[Seqs]:
    """The seed draws other posts."""
    lines[index(lines, ev.PostsScraped)].change(seed=46)
    return [(seq(lines, ev.PostsScraped),)]


def _seed(population: int, chosen: list[int]) -> int:
    """A seed that draws these places."""
    from random import Random  # noqa: PLC0415  (said beside its only use: the tests' own draw)

    return next(n for n in range(9_999) if sorted(Random(n).sample(range(population), len(chosen))) == chosen)  # noqa: S311


@breaks("R8")
def offered_again(lines: list[Line]) -> list[Seqs]:
    """An accepted post and a pending one stand among the candidates; the seed draws neither."""
    line = lines[index(lines, ev.PostsScraped, 2)]
    line.change(candidates=("8", "9", "1", "4"), seed=_seed(4, [0, 1]))
    return [(seq(lines, ev.PostsScraped), seq(lines, ev.PostsScraped, 2))] * 2


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


def _moved(lines: list[Line], by_s: int, **fields: Any) -> list[Seqs]:
    """The last search's post, so many seconds from its record."""
    line = lines[index(lines, ev.PostsScraped, window=76)]
    line.change(posts=(changed(line.event.posts[0], timestamp=line.at_ms // 1000 + by_s),), **fields)
    return [(lines.index(line) + 1,)]


@breaks("R8")
def a_post_of_the_future(lines: list[Line]) -> list[Seqs]:
    """By a second more than clocks may differ."""
    return _moved(lines, 302)


@breaks("R8")
def a_post_of_another_age(lines: list[Line]) -> list[Seqs]:
    """Of a build that took any date."""
    return _moved(lines, 8_000 * 365 * 86_400, since=None)


@breaks("R8")
def an_older_post_than_was_asked_for(lines: list[Line]) -> list[Seqs]:
    """By its own search."""
    return _moved(lines, -7_200, since=lines[index(lines, ev.PostsScraped, window=76)].at_ms // 1000 - 7_199)


@breaks("R8")
def another_version(lines: list[Line]) -> list[Seqs]:
    """The post that was accepted first comes again, edited."""
    line = lines[index(lines, ev.PostsScraped, window=76)]
    first = lines[index(lines, ev.SubmissionAccepted)].event.post_id
    line.change(posts=(changed(line.event.posts[0], edits=(first,)),))
    return [(seq(lines, ev.PostsScraped), lines.index(line) + 1)]


@breaks("R8")
def an_earlier_version(lines: list[Line]) -> list[Seqs]:
    """The post that was chosen first had been edited; now what it was before is chosen, and offered."""
    search = lines[index(lines, ev.PostsScraped)]
    last = lines[index(lines, ev.PostsScraped, window=76)]
    edited = changed(search.event.posts[0], edits=(last.event.posts[0].id,))
    search.change(posts=(edited, *search.event.posts[1:]))
    return [(seq(lines, ev.PostsScraped), lines.index(last) + 1)]


@breaks("R8", "I2")
def two_versions_at_once(lines: list[Line]) -> list[Seqs]:
    """The machine takes neither."""
    line = lines[index(lines, ev.PostsScraped)]
    first, second, *others = line.event.posts
    line.change(posts=(first, changed(second, edits=(first.id,)), *others))
    return [(lines.index(line) + 1,)]


@breaks("R8")
def a_sample_from_elsewhere(lines: list[Line]) -> list[Seqs]:
    """This build does not even decode it."""
    line = lines[index(lines, ev.PostsScraped, window=76)]
    line.data = {**plain(line.event), "candidates": ["12", "13"]}
    return [(lines.index(line) + 1,)]


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
    """The recorded answer was at a block of another window; a length that it told may not have been believed."""
    first, second = index(lines, ev.SubmissionAccepted, 2), index(lines, ev.SubmissionAccepted, 3)
    lines[first].change(answer='{"status":"new","current_block":7212}')
    lines[second].change(answer='{"status":"new","current_block":7112,"blocks_per_window":50}')
    return [(first + 1,)]


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


@breaks("floor")
def searched_in_a_row(lines: list[Line]) -> list[Seqs]:
    """A window comes early, and its search with it."""
    place = index(lines, ev.WindowOpened, window=75)
    before = lines[index(lines, ev.PostsScraped, window=74)].at_ms
    early_ms = lines[place].at_ms - before - 200_000
    for line in lines[place:]:
        line.at_ms -= early_ms
    return [(seq(lines, ev.PostsScraped, window=74), seq(lines, ev.PostsScraped, window=75))]


@breaks("R18", "I9")
def told_by_nobody_in_time(lines: list[Line]) -> list[Seqs]:
    """A block that the chain cannot be at, 12 s after the window before it."""
    place = index(lines, ev.WindowOpened, window=76)
    told = ev.WindowOpened(window=150, start_block=15_000, current_block=15_000, blocks_per_window=100, source="status")
    at_ms = lines[index(lines, ev.WindowOpened, window=75)].at_ms + 12_000
    lines.insert(place, Line(at_ms=at_ms, event=told, source="WaitingForWindow", dest="WaitingForWindow"))
    lines[place + 1].change(window=151, start_block=15_100, current_block=15_100)
    lines[index(lines, ev.PostsScraped, window=76)].change(window=151)
    return [(place + 1,)]


@breaks("R18")
def taken_back_too_soon(lines: list[Line]) -> list[Seqs]:
    """After two answers, in a minute; and not the newest window."""
    place = index(lines, ev.WindowOpened, window=76)
    told = {"window": 75, "start_block": 7_500, "current_block": 7_510, "blocks_per_window": 100, "taken": 0}
    for believed in (7_600, 7_700):
        back = ev.WindowsRevised(**told, believed_start_block=believed, answers=2, agreed_s=60.0)
        insert(lines, place + 1, back)
    return [(place + 2,), (place + 2,), (place + 3,), (place + 3,)]


@breaks("R18")
def taken_back_without_a_count(lines: list[Line]) -> list[Seqs]:
    """No word of the places that posts may have taken."""
    place = index(lines, ev.WindowOpened, window=76)
    told = {"window": 75, "start_block": 7_500, "current_block": 7_510, "blocks_per_window": 100}
    insert(lines, place + 1, ev.WindowsRevised(**told, believed_start_block=7_600, answers=26, agreed_s=300.0))
    return [(place + 2,)]


@breaks("R18")
def ended_too_soon(lines: list[Line]) -> list[Seqs]:
    """A window as long as configured, cut by answers that agree."""
    place = index(lines, ev.WindowOpened, window=76)
    told = {"window": 77, "start_block": 7_700, "current_block": 7_710, "blocks_per_window": 100, "taken": 0}
    insert(lines, place + 1, ev.WindowsRevised(**told, believed_start_block=7_600, answers=26, agreed_s=300.0))
    return [(place + 1, place + 2)]


NOBODY: dict[str, Any] = {"author": "", "account_created": 0, "account_age": 0, "followers": 0}


def looked_up() -> list[Line]:
    """Two windows with AUTHOR_CACHE_HOURS: X tells who posted the first post, and is known to by the second window."""
    story = Story(ev.Policy(author_cache_hours=24))
    story.start()
    story.wait(5).window(70)
    story.search(1, **NOBODY)
    author = ev.Author(id="9001", username="user1", created=1_700_000_000, followers=250)
    told = ev.AuthorsLookedUp(window=70, asked=("9001",), authors=(author,), users_read=1, latency_ms=200)
    story.on(told, after_s=0.2)
    story.analyze(1.0).answered(accepted, "new", 7_000).sign()
    story.wait(WINDOW_S).window(71)
    age = (story.at_ms // 1000 - 1_700_000_000) // 86_400
    known: dict[str, Any] = {"author": "user1", "account_created": 1_700_000_000, "account_age": age, "followers": 250}
    story.search(2, author_id="9001", **known).analyze(1.0).answered(accepted, "new", 7_100).sign()
    return lines_of(story)


@breaks("I3", of=looked_up)
def an_author_looked_up_again(lines: list[Line]) -> list[Seqs]:
    """Within the hours, though who that is stands on record."""
    first, place = index(lines, ev.AuthorsLookedUp), index(lines, ev.PostsScraped, window=71)
    insert(lines, place + 1, changed(lines[first].event, window=71))
    return [(first + 1, place + 2)]


@breaks("authors", "R5", of=looked_up)
def another_author_than_was_told(lines: list[Line]) -> list[Seqs]:
    """The name, and more followers than X told; what is sent is what the search says."""
    place = index(lines, ev.PostsScraped, window=71)
    (found,) = lines[place].event.posts
    lines[place].change(posts=(changed(found, author="somebody", followers=251),))
    started(lines, "2").change_body(author="somebody", followers=251)
    return [(seq(lines, ev.AuthorsLookedUp), place + 1)]


@breaks("authors", of=looked_up)
def an_author_whom_nobody_told(lines: list[Line]) -> list[Seqs]:
    """No look-up tells of that user."""
    place = index(lines, ev.PostsScraped, window=71)
    (found,) = lines[place].event.posts
    lines[place].change(posts=(changed(found, author_id="77"),))
    return [(place + 1,)]


@breaks("authors", of=looked_up)
def an_author_known_for_too_long(lines: list[Line]) -> list[Seqs]:
    """A day and five minutes."""
    place = index(lines, ev.WindowOpened, window=71)
    lines[index(lines, ev.ActorStarted)].change(policy=ev.Policy(author_cache_hours=1))
    for line in lines[place:]:
        line.at_ms += 3_600_000
    searched = lines[index(lines, ev.PostsScraped, window=71)]
    (found,) = searched.event.posts
    moved = changed(found, timestamp=found.timestamp + 3_600)
    searched.change(posts=(moved,), since=searched.event.since + 3_600)
    started(lines, "2").change_body(date=moved.timestamp)
    return [(seq(lines, ev.AuthorsLookedUp), seq(lines, ev.PostsScraped, window=71))]


@breaks("authors", "R5", of=looked_up)
def analyzed_and_sent_by_nobody(lines: list[Line]) -> list[Seqs]:
    """The look-up is missing."""
    drop(lines, index(lines, ev.AuthorsLookedUp))
    search, second = seq(lines, ev.PostsScraped), seq(lines, ev.PostsScraped, window=71)
    started(lines, "1").change_body(author="", account_age=0, followers=0)
    analysis, attempt = seq(lines, ev.PostAnalyzed), seq(lines, ev.SubmissionStarted)
    return [(search, analysis), (search, attempt), (second,)]


def withheld() -> list[Line]:
    """A budget that is set behind a search withholds the question for its author; then a search, and that question."""
    story = Story(ev.Policy(author_cache_hours=24))
    story.start()
    story.wait(5).window(70)
    story.search(1, **NOBODY)
    policy = changed(story.state.policy, max_x_usd_per_day=0.01)
    story.on(ev.SettingsChanged(policy=policy, names=("MAX_X_USD_PER_DAY",)), after_s=1)
    for number in (70, 71):
        if number != 70:
            story.wait(WINDOW_S).window(number)
        spent = story.state.unaffordable
        assert spent is not None
        story.on(spent, after_s=1)
        story.sign()
    return lines_of(story)


@breaks("I3", of=withheld)
def withheld_again(lines: list[Line]) -> list[Seqs]:
    """Nothing more was to be asked in that window."""
    seqs: list[Seqs] = []
    for number, before in ((70, ev.PostsScraped), (71, ev.BudgetSpent)):
        place = index(lines, ev.BudgetSpent, window=number)
        insert(lines, place + 1, lines[place].event)
        seqs.append((seq(lines, before, window=number), place + 2))
    return seqs


def saving() -> list[Line]:
    """Ten posts of one search for two windows, and a search of the third one for what is behind the newest of them."""
    story = Story()
    story.start(ev.Policy(posts_per_search=10, search_since_newest=True))
    story.window(70).search(*range(11, 21), newest_id="20").analyze(*[0.1 * number for number in range(1, 11)])
    for number in (70, 71):
        for _ in range(5):
            story.answered(accepted, "new", number * 100)
        story.sign().wait(WINDOW_S).window(number + 1)
    story.search(21, 22, newest_id="22").analyze(0.5, 0.6)
    for _ in range(2):
        story.answered(accepted, "new", 7_200)
    story.sign().wait(WINDOW_S).window(73).search(newest_id=None).sign()
    return lines_of(story)


@breaks("R8", of=saving)
def more_taken_than_the_setting_says(lines: list[Line]) -> list[Seqs]:
    """Ten together."""
    lines[index(lines, ev.PostsScraped, window=72)].change(spare=6)
    return [(seq(lines, ev.PostsScraped, window=72),)]


@breaks("R8", of=saving)
def more_taken_than_later_windows_can_send(lines: list[Line]) -> list[Seqs]:
    """Three of one post each."""
    for line in lines:
        if isinstance(line.event, ev.ActorStarted):
            line.change(policy=changed(line.event.policy, max_carried_windows=0))
    searches = [index(lines, ev.PostsScraped, number) for number in (1, 2, 3)]
    return [(place + 1,) for place in searches]


@breaks("R9", of=saving)
def searched_though_posts_wait(lines: list[Line]) -> list[Seqs]:
    """Five that were put off fill the window."""
    search = lines[index(lines, ev.PostsScraped, window=72)].event
    place = index(lines, ev.WindowOpened, window=71)
    insert(
        lines, place + 1, changed(search, window=71, candidates=(), posts=(), spare=5, since_id=None, newest_id=None)
    )
    return [(seq(lines, ev.PostsScraped), place + 2)]


@breaks("R23", of=saving)
def asked_behind_a_post_without_the_setting(lines: list[Line]) -> list[Seqs]:
    """Which would hide posts that are new."""
    lines[1].change(policy=changed(lines[1].event.policy, search_since_newest=False))
    return [(seq(lines, ev.PostsScraped, number),) for number in (2, 3)]


@breaks("R23", of=saving)
def asked_behind_a_post_that_was_left(lines: list[Line]) -> list[Seqs]:
    """It was found, and not chosen."""
    search = lines[index(lines, ev.PostsScraped, window=72)]
    search.change(candidates=("21", "22", "5"), posts=search.event.posts[:2], wanted=2, spare=0, seed=_seed(3, [0, 1]))
    return [(seq(lines, ev.PostsScraped, 2), seq(lines, ev.PostsScraped, 3))]


@breaks("R23", of=saving)
def asked_behind_a_post_that_nobody_read_up_to(lines: list[Line]) -> list[Seqs]:
    """Once because something was left unread, once with other keywords, and once further than was read."""
    for line in lines:
        if isinstance(line.event, ev.PostsScraped):
            line.change(newest_id=None)
    lines[index(lines, ev.PostsScraped, 2)].change(newest_id="22")
    lines[index(lines, ev.PostsScraped, 3)].change(since_id="23")
    second, third = (seq(lines, ev.PostsScraped, number) for number in (2, 3))
    return [(second,), (second, third)]
