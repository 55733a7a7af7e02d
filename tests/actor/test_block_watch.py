"""What the API tells of blocks, windows and quotas is believed as ruling 18 says, whatever numbers come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.block_watch import FAR_BLOCKS, BlockWatch
from actor.machine.state import Window
from actor.ports import Block, Limited, StatusError, SubmitAnswer
from actor.testing.clock import VirtualClock
from actor.testing.edges import ScriptedApi, ScriptedScraper, accept, limit
from events import catalogue as ev
from events.catalogue import Event
from events.codec import changed
from events.journal import MemoryJournal, Record
from tests.actor.test_runtime import ports_of, records, running
from tests.kit import Drive, post

FIRST = 81_210
BLOCK_S = 12.0
UNIX_S = 1_795_000_000
# Every answer of such a world, by the time of it: what the API tells instead of the truth, None for the truth.
Lie = Callable[[float, Block], Block | None]


@dataclass(frozen=True)
class Seen:
    """What an actor did."""

    records: list[Record]
    searches: int
    sent: Counter[int]  # by the true window

    def events(self, *kinds: type[Event]) -> list[Event]:
        """Those of these kinds."""
        return [event for record in self.records if isinstance(event := record.event(), kinds)]

    def opened(self) -> list[int]:
        """First blocks of the windows opened."""
        return [event.start_block for event in self.events(ev.WindowOpened) if isinstance(event, ev.WindowOpened)]


class LyingApi(ScriptedApi):
    """Tells the truth of a chain, but for ``lie``."""

    def __init__(self, clock: VirtualClock, lie: Lie, *, sent: Counter[int], first: int = FIRST) -> None:
        super().__init__(clock=clock)
        self.sent_in = sent
        self.accepted_in: Callable[[int], int] | None = None
        self.limited_from: int | None = None
        self._lie, self._first, self._now = lie, first, clock.elapsed_s

    @property
    def true_block(self) -> int:
        """Where the chain is."""
        return self._first + int(self._now() / BLOCK_S)

    def _block(self) -> Block:
        true = Block(current_block=self.true_block, blocks_per_window=100)
        return self._lie(self._now(), true) or true

    async def submit(self, body: ev.SubmissionBody) -> SubmitAnswer:
        """Counted by the true window."""
        self.sent_in[self.true_block // 100 * 100] += 1
        if self.limited_from is not None and self.true_block >= self.limited_from:
            self.limited_from = None
            return limit(current_block=self.true_block)
        if self.accepted_in is not None:
            self.answers = [accept(current_block=self.accepted_in(self.true_block))]
        return await super().submit(body)


def watch_chain(
    lie: Lie,
    blocks: int,
    *,
    store: MemoryJournal | None = None,
    first: int = FIRST,
    accepted_in: Callable[[int], int] | None = None,
    limited_from: int | None = None,
) -> Seen:
    """An actor beside an API that tells lies, for so many blocks; the time is that of its first one.

    ``accepted_in`` is the block that an answer to a submission tells, by the true one; ``limited_from`` the true block
    at which the first submission meets a 429.
    """
    store, clock, sent = store or MemoryJournal(), VirtualClock(), Counter[int]()
    clock.jump((first - FIRST) * BLOCK_S)
    posts = [post(number) for number in range(1, 400)]
    scraper = ScriptedScraper(posts=posts)
    api = LyingApi(clock, lie, sent=sent, first=first)
    api.accepted_in, api.limited_from = accepted_in, limited_from

    async def test() -> None:
        ports = ports_of(clock=clock, api=api, scraper=scraper)
        async with running(ports, store, watch=BlockWatch(clock)):
            for _ in range(blocks):
                await clock.advance(BLOCK_S)

    asyncio.run(asyncio.wait_for(test(), timeout=120))
    return Seen(asyncio.run(records(store)), scraper.calls, sent)


def between(from_s: float, to_s: float, told: Callable[[float, Block], Block]) -> Lie:
    """A lie of some minutes."""
    return lambda now_s, true: told(now_s, true) if from_s <= now_s < to_s else None


def at(block: int | None) -> Block:
    """An answer that tells this block."""
    return Block(current_block=block)


NEVER: Lie = lambda _now_s, _true: None  # noqa: E731


def test_r18_the_truth_is_used() -> None:
    """One search in each window, five posts sent in each, and no word of revisions."""
    seen = watch_chain(NEVER, 245)
    assert seen.opened() == [81_200, 81_300, 81_400]
    assert seen.searches == 3
    assert set(seen.sent.values()) == {5}


@settings(max_examples=25)
@given(
    block=st.integers(FIRST + 1_000, 2**53 - 1),
    pace=st.sampled_from([0.0, 1.0, 50.0]),
    from_block=st.integers(1, 60),
    length=st.integers(1, 90),
)
def test_r18_a_number_that_is_no_block_costs_nothing(block: int, pace: float, from_block: int, length: int) -> None:
    """A time in seconds, a constant, a counter: in one answer, in two, in all of many minutes."""
    lie = between(from_block * BLOCK_S, (from_block + length) * BLOCK_S, lambda s, _t: at(block + int(pace * s)))
    seen = watch_chain(lie, 245)
    assert all(start < FIRST + 400 for start in seen.opened())
    assert seen.searches == 3 or (seen.searches == 2 and length > 60)
    assert set(seen.sent.values()) == {5}
    assert not seen.events(ev.WindowsRevised)


@pytest.mark.parametrize("answers", [1, 2, 30, 130])
def test_r18_unix_time_in_place_of_a_block(answers: int) -> None:
    """Mining goes on when it ends."""
    lie = between(300, 300 + answers * BLOCK_S, lambda now_s, _true: at(UNIX_S + int(now_s)))
    seen = watch_chain(lie, 245)
    assert max(seen.opened()) == 81_400
    assert seen.sent[81_400] == 5


@settings(max_examples=15)
@given(far=st.integers(300, 10**9), length=st.integers(1, 150), from_block=st.integers(1, 80))
def test_r18_another_chain_s_numbers_are_left_again(far: int, length: int, from_block: int) -> None:
    """They grow as a chain's do, so they are believed; some minutes after they end the miner comes back by itself."""
    lie = between(
        from_block * BLOCK_S, (from_block + length) * BLOCK_S, lambda _s, true: at((true.current_block or 0) + far)
    )
    seen = watch_chain(lie, from_block + length + 130)
    newest = seen.opened()[-1]
    revised = [event.start_block for event in seen.events(ev.WindowsRevised) if isinstance(event, ev.WindowsRevised)]
    assert newest <= FIRST + from_block + length + 130
    assert bool(revised) == any(start >= FIRST + far - 100 for start in seen.opened())
    starts = [record.data["window"] for record in seen.records if record.name == "PostsScraped"]
    assert len(starts) == len(set(starts)), "I3: no window is searched twice"
    true_end = FIRST + from_block + length + 129
    assert seen.sent[true_end // 100 * 100] or true_end % 100 < 60


def test_r18_a_window_that_was_searched_ahead_of_time_is_not_searched_again() -> None:
    """Told early for ten minutes, taken back, and told again when it comes: what it brought is sent then (I3, I1)."""
    lie = between(12, 620, lambda _s, true: at((true.current_block or 0) + 100))
    seen = watch_chain(lie, 200)
    assert [event.start_block for event in seen.events(ev.WindowsRevised) if isinstance(event, ev.WindowsRevised)]
    assert seen.opened().count(81_300) == 2
    windows = [record.data["window"] for record in seen.records if record.name == "PostsScraped"]
    assert len(windows) == len(set(windows))


def test_r18_nothing_is_sent_in_a_window_that_one_answer_told_of() -> None:
    """It is searched; what it brought waits for the true one."""
    seen = watch_chain(between(24, 36, lambda _s, true: at((true.current_block or 0) + 100)), 150)
    assert seen.sent == {81_200: 5, 81_300: 5}
    assert seen.searches == 2


def test_r18_while_the_status_stays_down_nothing_is_sent() -> None:
    """The second answer never comes."""
    store, clock = MemoryJournal(), VirtualClock()

    class Once(ScriptedApi):
        async def status(self) -> Block:
            if self.polls:
                raise StatusError("refused")
            return await super().status()

    api = Once(clock=clock)

    async def test() -> None:
        async with running(ports_of(clock=clock, api=api), store, watch=BlockWatch(clock)) as actor:
            await clock.advance(3_600)
            assert actor.state.state == "Submitting"

    asyncio.run(test())
    assert api.sent == []


@pytest.mark.parametrize("blocks", [3 * FAR_BLOCKS, FAR_BLOCKS - 1])
def test_r18_a_miner_that_was_down_finds_its_chain(blocks: int) -> None:
    """Its third answer is enough; within the time that went by, the first."""
    store = MemoryJournal()
    watch_chain(NEVER, 2, store=store)
    lasted = watch_chain(NEVER, 5, store=store, first=FIRST + blocks)
    assert lasted.opened()[-1] == (FIRST + blocks) // 100 * 100
    assert lasted.searches == 1


@pytest.mark.parametrize("block", [1, 700, FIRST, 9_500_000])
def test_r18_the_first_answer_may_be_of_a_young_chain_or_of_an_old_one(block: int) -> None:
    """It is believed at once."""
    assert watch_chain(NEVER, 1, first=block).opened() == [block // 100 * 100]


@pytest.mark.parametrize("block", [0, UNIX_S, 30_000_000, 2**53 - 1])
def test_r18_a_first_answer_that_no_chain_can_have_told_by_now_is_not_believed(block: int) -> None:
    """The next one is."""
    seen = watch_chain(between(0, 12, lambda _s, _t: at(block)), 5)
    assert seen.opened() == [81_200]


@settings(max_examples=25)
@given(
    lengths=st.lists(st.sampled_from([1, 2, 7, 30, 99, 150, 1_000]), min_size=1, max_size=3),
    true_answers=st.integers(1, 3),
    data=st.data(),
)
def test_r18_a_length_that_flips_makes_no_searches(lengths: list[int], true_answers: int, data: st.DataObject) -> None:
    """However the answers alternate: never three in a row that agree on another length."""
    pattern: list[int | None] = [*lengths[:2], *[None] * true_answers]
    turn = data.draw(st.integers(0, len(pattern)))
    told = iter(range(10**6))

    def lie(_now_s: float, true: Block) -> Block | None:
        blocks = pattern[(next(told) + turn) % len(pattern)]
        return None if blocks is None else changed(true, blocks_per_window=blocks)

    seen = watch_chain(lie, 245)
    assert seen.searches <= 4
    assert not seen.events(ev.ConfigMismatched)


@settings(max_examples=20)
@given(blocks=st.integers(1, 400), from_block=st.integers(1, 120))
def test_r18_another_length_begins_where_the_newest_window_ends(blocks: int, from_block: int) -> None:
    """Told for good from some answer on; windows never overlap, and searches keep their distance."""
    lie = between(from_block * BLOCK_S, 10**9, lambda _s, true: changed(true, blocks_per_window=blocks))
    seen = watch_chain(lie, 245)
    told = [event for event in seen.events(ev.WindowOpened) if isinstance(event, ev.WindowOpened)]
    ends = [event.start_block + event.blocks_per_window for event in told]
    assert all(event.start_block >= end for event, end in zip(told[1:], ends, strict=False))
    assert seen.searches <= 245 // 25 + 1
    assert bool(seen.events(ev.ConfigMismatched)) == (blocks != 100)


def test_r18_who_waits_for_a_window_that_is_none_looks_again_at_the_next_answer() -> None:
    """The window to be confirmed may be another one by then."""
    watch, state = BlockWatch(VirtualClock()), Drive().start().window(7).state
    none = Window(number=900, start_block=90_000, blocks=100)

    async def test() -> None:
        waiting = asyncio.create_task(watch.news(none))
        await asyncio.sleep(0)
        assert not waiting.done()
        watch.hear(state, at(701))
        await waiting
        assert not watch.is_confirmed(none)
        watch.hear(state, at(702))
        assert watch.is_confirmed(state.window)

    asyncio.run(test())


def test_r18_a_higher_quota_takes_answers_that_agree_and_a_lower_one_holds_at_once() -> None:
    """A hundred told once would make a search of a hundred posts."""
    watch, state = BlockWatch(clock := VirtualClock()), Drive().start().window(7).state

    async def test() -> None:
        heard = []
        for quota in (100, 5, 100, 2, 100, 100, 100):
            heard.append(watch.hear(state, Block(current_block=700, max_submissions=quota)).max_submissions)
            await clock.advance(12)
        assert heard == [None, 5, None, 2, None, None, 100]

    asyncio.run(test())


@settings(max_examples=40, deadline=None)
@given(
    told=st.lists(st.tuples(st.booleans(), st.integers(1, 100)), min_size=1, max_size=60),
    configured=st.integers(1, 40),
    settled=st.one_of(st.none(), st.integers(1, 100)),
)
def test_r18_no_answer_to_a_submission_raises_the_quota(
    told: list[tuple[bool, int]], configured: int, settled: int | None
) -> None:
    """R18: above the configured one and the one that the status told, however many 429s and others say so."""
    clock = VirtualClock()
    watch, drive = BlockWatch(clock), Drive(ev.Policy(max_submissions_per_window=configured)).start().window(7)
    if settled not in {None, configured}:
        drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=configured, served=settled or 0))
    most = max(configured, drive.state.max_submissions)

    async def test() -> None:
        for is_limit, quota in told + [(True, 100)] * 9:
            hear = watch.hear_limit if is_limit else watch.hear_submission
            heard = hear(drive.state, Block(current_block=700, max_submissions=quota)).max_submissions
            assert heard is None or heard <= most
            await clock.advance(12)

    asyncio.run(test())


def test_r18_a_429_in_every_window_costs_no_larger_search() -> None:
    """All of them tell of a hundred posts, and the status of none: the next searches want five at most."""
    told = Block(max_submissions=100)
    store, clock = MemoryJournal(), VirtualClock()
    api = LyingApi(clock, NEVER, sent=Counter())
    api.answers = [Limited(reason="429", answer="", block=told, reset_block=None, reset_s=None)] * 20

    async def test() -> list[Record]:
        posts = [post(number) for number in range(1, 600)]
        async with running(
            ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=posts)), store, watch=BlockWatch(clock)
        ):
            for _ in range(1_200):
                await clock.advance(BLOCK_S)
        return await records(store)

    found = [record.event() for record in asyncio.run(test())]
    assert sum(isinstance(event, ev.RateLimited) for event in found) >= 10
    assert not [event for event in found if isinstance(event, ev.ConfigMismatched)]
    assert {event.wanted for event in found if isinstance(event, ev.PostsScraped)} <= set(range(1, 6))


@pytest.mark.parametrize("quota", [1, 3])
def test_r18_a_lower_quota_that_no_answer_repeats_ends_after_a_day(quota: int) -> None:
    """A 429 tells it once. Fewer posts meet no 429, so nothing else would ever end it."""
    told = Block(current_block=FIRST, max_submissions=quota)
    store, clock, sent = MemoryJournal(), VirtualClock(), Counter[int]()
    api = LyingApi(clock, NEVER, sent=sent)
    api.answers = [Limited(reason="429", answer="", block=told, reset_block=None, reset_s=None)]

    async def test() -> None:
        posts = [post(number) for number in range(1, 600)]
        async with running(
            ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=posts)), store, watch=BlockWatch(clock)
        ):
            for _ in range(FAR_BLOCKS + 300):
                await clock.advance(BLOCK_S)

    asyncio.run(test())
    starts = sorted(sent)
    assert {sent[start] for start in starts[1:73]} == {quota}
    assert {sent[start] for start in starts[73:]} == {5}


@pytest.mark.parametrize(
    "answer",
    [
        Limited(reason="429", answer="", block=Block(), reset_block=UNIX_S, reset_s=None),
        Limited(reason="429", answer="", block=at(UNIX_S), reset_block=None, reset_s=None),
    ],
    ids=["header", "body"],
)
def test_r9_a_429_far_ahead_ends_with_the_next_window(answer: Limited) -> None:
    """Its header or its body names a block that is none."""
    store, clock, sent = MemoryJournal(), VirtualClock(), Counter[int]()
    api = LyingApi(clock, NEVER, sent=sent)
    api.answers = [answer]

    async def test() -> None:
        ports = ports_of(clock=clock, api=api, scraper=ScriptedScraper(posts=[post(1)]))
        async with running(ports, store, watch=BlockWatch(clock)):
            await clock.advance(130 * BLOCK_S)

    asyncio.run(test())
    found = [record.event() for record in asyncio.run(records(store))]
    (limit,) = [event for event in found if isinstance(event, ev.RateLimited)]
    assert (limit.start_block, limit.reset_block) == (None, None)
    assert sum(isinstance(event, ev.SubmissionAccepted) for event in found) == 1


def test_r11_an_api_that_went_back_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is worked on until it passes the newest window again; the operator learns why."""
    seen = watch_chain(between(24, 264, lambda _s, true: at((true.current_block or 0) - 500)), 60)
    assert seen.searches == 1
    assert caplog.text.count("before window 812 that it told earlier") == 1


def test_the_floor_outlasts_a_clock_that_goes_back() -> None:
    """A search waits for the floor by the wall clock, and never longer than the floor itself."""
    store, clock, scraper = MemoryJournal(), VirtualClock(), ScriptedScraper(posts=[])
    told = [700]

    async def test() -> None:
        api = ScriptedApi(chain=lambda: told[0])
        async with running(ports_of(clock=clock, api=api, scraper=scraper), store, watch=BlockWatch(clock)):
            assert scraper.calls == 1
            told[0] = 800
            clock.jump(-86_400)
            await clock.advance(12)
            assert scraper.calls == 1
            await clock.advance(301)
            assert scraper.calls == 2

    asyncio.run(test())


def sick_every(nth: int, lie: Lie) -> Lie:
    """One answer in so many."""
    count = iter(range(1, 10**6))
    return lambda now_s, true: lie(now_s, true) if next(count) % nth == 0 else None


def taken_back(seen: Seen) -> list[int]:
    """First blocks of the windows that the miner came back to."""
    return [event.start_block for event in seen.events(ev.WindowsRevised) if isinstance(event, ev.WindowsRevised)]


def length_told(from_s: float, to_s: float, length: int) -> Lie:
    """Another length of windows."""
    return between(from_s, to_s, lambda _s, true: changed(true, blocks_per_window=length))


@settings(max_examples=8)
@given(
    length=st.one_of(st.integers(101, 2_000), st.integers(10_000, 10**8)),
    from_block=st.integers(50, 110),
    minutes=st.integers(1, 30),
    limited=st.booleans(),
)
def test_r18_a_length_that_is_taken_back_is_left_again(
    *, length: int, from_block: int, minutes: int, limited: bool
) -> None:
    """However long and wherever it begins, and whatever waits for its end: no more than two windows are lost."""
    lie_ends = from_block + 5 * minutes
    lie = length_told(from_block * BLOCK_S, lie_ends * BLOCK_S, length)
    seen = watch_chain(lie, lie_ends + 450, limited_from=FIRST + from_block if limited else None)
    first_free = (FIRST + lie_ends + 225) // 100 * 100
    true_windows = range(first_free, FIRST + lie_ends + 449 - 60, 100)
    assert all(seen.sent[start] for start in true_windows)
    searched = [record.data["window"] for record in seen.records if record.name == "PostsScraped"]
    assert len(searched) == len(set(searched)), "I3: no window is searched twice"


def test_r18_a_far_longer_length_takes_as_many_answers_as_a_lower_block() -> None:
    """A thousand blocks are taken after three answers, more only after five minutes."""
    for length, answers, taken in ((1_000, 3, True), (1_001, 25, False), (10**7, 25, False), (10**7, 26, True)):
        lie = length_told(24, 24 + answers * BLOCK_S, length)
        assert bool(watch_chain(lie, 40).events(ev.ConfigMismatched)) == taken, (length, answers)


def test_r18_a_restart_does_not_make_a_taken_back_length_last() -> None:
    """The next process leaves its window some minutes later, although it never heard that length."""
    store = MemoryJournal()
    lie = between(0, 10**9, lambda _s, true: changed(true, blocks_per_window=81_300))
    watch_chain(lie, 120, store=store)
    seen = watch_chain(NEVER, 130, store=store, first=FIRST + 120)
    assert 81_300 in seen.opened()
    assert taken_back(seen) == [81_400]
    assert seen.sent[81_400]


@settings(max_examples=8)
@given(
    far=st.integers(1_000, 10**9),
    nth=st.integers(8, 40),
    creeps=st.booleans(),
    lower=st.booleans(),
)
def test_r18_one_sick_answer_in_many_holds_no_far_window(*, far: int, nth: int, creeps: bool, lower: bool) -> None:
    """Whether its number stands still or goes on, and whether others are wrong too: the rest is a majority."""
    begin = between(0, 120, lambda _s, true: at((true.current_block or 0) + far))
    sick = sick_every(nth, lambda s, _t: at(FIRST + far + 5 + (int(s / BLOCK_S) if creeps else 0)))
    low = sick_every(nth + 1, lambda _s, _t: at(7))

    def lie(now_s: float, true: Block) -> Block | None:
        return begin(now_s, true) or sick(now_s, true) or (low(now_s, true) if lower else None)

    seen = watch_chain(lie, 200)
    assert taken_back(seen)
    assert seen.sent[81_300] == 5


@pytest.mark.parametrize("far", [(9_000,), (9_000, 9_040), (9_070, 9_003, 9_050)])
def test_r18_numbers_that_stand_still_speak_for_no_window(far: tuple[int, ...]) -> None:
    """Not even when one of them comes with every other answer, from a new journal's first one on."""
    numbers = cycle(FIRST + blocks for blocks in far)
    half = sick_every(2, lambda _s, _t: at(next(numbers)))
    seen = watch_chain(lambda s, true: at(FIRST + far[0]) if s == 0 else half(s, true), 150)
    assert taken_back(seen)
    assert seen.sent[81_300] == 5


@settings(max_examples=8)
@given(
    lie_at=st.integers(68, 84),
    ahead=st.integers(81, 99),
    reached=st.integers(22, 40),
    behind=st.integers(12, 40),
    lower=st.integers(1, 3),
)
def test_r18_a_window_that_the_chain_has_reached_is_kept(
    *, lie_at: int, ahead: int, reached: int, behind: int, lower: int
) -> None:
    """It was told of too early, in a block that the chain is not at yet when a few late answers are lower again."""
    late_s = (81_300 - FIRST + reached) * BLOCK_S
    early = between(lie_at * BLOCK_S, (lie_at + 1) * BLOCK_S, lambda _s, _t: at(81_300 + ahead))
    late = between(late_s, late_s + lower * BLOCK_S, lambda s, _t: at(81_300 - behind + int((s - late_s) / BLOCK_S)))
    seen = watch_chain(lambda s, true: early(s, true) or late(s, true), 150)
    assert not taken_back(seen)
    assert seen.sent == {81_200: 5, 81_300: 5}


@settings(max_examples=8)
@given(lie_at=st.integers(1, 340), windows=st.integers(1, 2), block=st.integers(0, 40))
def test_r18_one_answer_ahead_costs_at_most_one_window_its_posts(*, lie_at: int, windows: int, block: int) -> None:
    """Wherever it comes, within the windows that are spared; no search is made twice, and no window gets more posts."""
    lie = between(lie_at * BLOCK_S, (lie_at + 1) * BLOCK_S, lambda _s, true: at(ahead_of(true, windows) + block))
    seen = watch_chain(lie, 680)
    true_windows = range(81_200, 81_900, 100)
    assert sorted(seen.sent[start] for start in true_windows)[1:] == [5] * 6
    assert seen.sent.total() == 5 * sum(start in seen.sent for start in true_windows)
    assert seen.searches <= len(true_windows)


def ahead_of(true: Block, windows: int) -> int:
    """The first block of a window so many behind the true one's."""
    return ((true.current_block or 0) // 100 + windows) * 100


@pytest.mark.parametrize(("poll_blocks", "low"), [(1, 882), (2, 880), (5, 880)])
def test_r18_blocks_that_the_chain_comes_to_once_more_count_again(poll_blocks: int, low: int) -> None:
    """It went back and reached the newest window anew, by numbers told before; one late answer is lower."""
    told = [*range(900, 990, poll_blocks), *range(low, 900 + 10 * poll_blocks, poll_blocks), 895]
    watch, state = BlockWatch(clock := VirtualClock()), Drive().start().window(9).scrape_failed().state

    async def test() -> None:
        for block in told:
            watch.hear(state, at(block))
            assert watch.revision(state) == ()
            await clock.advance(poll_blocks * BLOCK_S)

    asyncio.run(test())


@pytest.mark.parametrize("polls_in_a_block", [1, 3, 12])
def test_r18_the_same_block_in_many_polls_is_a_chain_s(polls_in_a_block: int) -> None:
    """Half of the answers name the newest window, and half are behind it: however often it is asked, it stays."""
    watch, state = BlockWatch(clock := VirtualClock()), Drive().start().window(9).scrape_failed().state

    async def test() -> None:
        watch.hear(state, at(980))
        for answer in range(60 * polls_in_a_block):
            block = answer // polls_in_a_block
            watch.hear(state, at((905 if answer % 2 else 795) + block))
            await clock.advance(BLOCK_S / polls_in_a_block)
            assert watch.revision(state) == ()

    asyncio.run(test())


@pytest.mark.parametrize("share", [2, 3])
def test_r18_a_window_that_goes_on_in_many_answers_is_not_taken_back(share: int) -> None:
    """A half or a third of the backends is right, and the others are behind by a window and more."""
    behind = sick_every(share, lambda _s, true: at((true.current_block or 0) - 110))
    others = sick_every(3, lambda _s, true: at((true.current_block or 0) - 110)) if share == 2 else NEVER
    seen = watch_chain(lambda s, true: behind(s, true) or others(s, true), 150)
    assert not seen.events(ev.WindowsRevised)


@pytest.mark.parametrize("windows", [1, 2, 3, 100])
def test_r18_a_submission_s_answer_opens_no_window_that_the_chain_cannot_be_in(windows: int) -> None:
    """Its post counts as accepted, in the window that status answers tell of, and the next window is used."""
    seen = watch_chain(NEVER, 345, accepted_in=lambda block: (block // 100 + windows) * 100)
    assert seen.opened() == [81_200, 81_300, 81_400, 81_500]
    assert seen.sent == {81_200: 5, 81_300: 5, 81_400: 5, 81_500: 5}
    assert not seen.events(ev.WindowsRevised)


def test_r11_a_submission_s_answer_at_a_window_s_end_opens_the_next_one() -> None:
    """The chain may have gone there since the last status answer, and the post counts there."""
    watch, state = BlockWatch(clock := VirtualClock()), Drive().start().window(7).state

    async def test() -> None:
        watch.hear(state, at(799))
        await clock.advance(12)
        assert watch.hear_submission(state, at(800)) == at(800)
        assert watch.hear_submission(state, at(860)) == Block()

    asyncio.run(test())


def test_r18_an_answer_that_opens_a_window_takes_none_back() -> None:
    """Lower blocks agreed while a search was due; the event would name a window that is not the newest any more."""
    watch, drive = BlockWatch(clock := VirtualClock()), Drive().start().window(900)

    async def test() -> None:
        for number in range(40):
            watch.hear(drive.state, at(70_000 + number))
            assert watch.revision(drive.state) == ()
            await clock.advance(12)
        drive.scrape_failed()
        assert watch.hear(drive.state, at(90_100)) == at(90_100)
        assert watch.revision(drive.state) == ()
        watch.hear(drive.state, at(70_041))
        assert [event.start_block for event in watch.revision(drive.state)] == [70_000]

    asyncio.run(test())


@pytest.mark.parametrize("poll_blocks", [1, 2.5, 10])
@pytest.mark.parametrize(("before", "ahead"), [(6, 9_000), (12, 2_000), (40, 2_000), (40, 1_000_000)])
def test_r18_a_window_that_answers_agreed_on_is_not_taken_back_for_those_before_it(
    *, poll_blocks: float, before: int, ahead: int
) -> None:
    """Blocks before a window told too early agreed for minutes; then others on one far ahead. A late one is lower."""
    watch, drive = BlockWatch(clock := VirtualClock()), Drive().start().window(900).scrape_failed()

    async def hear(block: int) -> Block:
        heard = watch.hear(drive.state, at(block))
        await clock.advance(poll_blocks * BLOCK_S)
        return heard

    async def test() -> None:
        for answer in range(before):
            await hear(89_500 + int(answer * poll_blocks))
        far = 89_500 + int(before * poll_blocks) + ahead
        opened, polls = far, 0
        while await hear(opened) != at(opened):
            polls += 1
            opened = far + int(polls * poll_blocks)
        assert polls >= 2
        drive.window(opened // 100).scrape_failed()
        lower = []
        while not (revised := watch.revision(drive.state)):
            lower.append(clock.elapsed_s())
            await hear(opened - ahead + int(len(lower) * poll_blocks))
        assert len(lower) >= 5
        assert clock.elapsed_s() - lower[0] >= 25 * BLOCK_S
        assert revised[0].answers == len(lower)

    asyncio.run(test())
