"""What every store promises, on disk, in memory and in PostgreSQL alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from events.catalogue import ActorStarted, ApiUnreachable, Policy, Post, PostsScraped, RateLimited
from events.journal import (
    GENESIS,
    Draft,
    FencedError,
    JournalDamagedError,
    JournalLockedError,
    JournalStore,
    MemoryJournal,
    Snapshot,
    parse,
)
from tests.journal.kit import append_all, database_journal, draft, file_journal, numbers, run, segments

Make = Callable[[], JournalStore]


@pytest.fixture(params=["file", "memory", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the same journal each time it is called, for as long as nobody else holds it."""
    memory = MemoryJournal()
    makers: dict[str, Make] = {"file": lambda: file_journal(tmp_path / "j"), "memory": lambda: memory}
    if request.param == "postgres":
        url = request.getfixturevalue("database")
        makers["postgres"] = lambda: database_journal(url)
    return makers[request.param]


def test_records_come_back_in_order(make: Make) -> None:
    """In the same lease and in the next one, from any number on."""

    async def go() -> None:
        store = make()
        lease = await store.take(reducer=1)
        assert (lease.epoch, lease.head, lease.snapshot, lease.repairs) == (1, GENESIS, None, ())
        await append_all(store, range(1, 10))
        assert numbers([record async for record in store.read()]) == list(range(1, 10))
        assert numbers([record async for record in store.read(6)]) == [7, 8, 9]
        assert [record async for record in store.read(9)] == []
        await store.release()
        store = make()
        lease = await store.take(reducer=1)
        assert lease.head.seq == 9
        assert numbers([record async for record in store.read()]) == list(range(1, 10))
        await store.release()

    run(go())


def test_append_returns_the_record_as_written(make: Make) -> None:
    """Its number, its hash and its event."""

    async def go() -> None:
        store = make()
        await store.take(reducer=1)
        first = await store.append(draft(1), witness=True)
        second = await store.append(draft(2))
        assert (first.seq, second.seq) == (1, 2)
        assert first.event() == draft(1).event
        assert [record.head async for record in store.read()] == [first.head, second.head]
        await store.release()

    run(go())


@pytest.mark.parametrize(
    "event",
    [
        ApiUnreachable(reason="\ud800"),
        ApiUnreachable(reason=7),  # type: ignore[arg-type]
        RateLimited(post_id="1", answer="", reason="", start_block=2**64, reset_block=None, reset_s=None, latency_ms=0),
        RateLimited(post_id="1", answer="", reason="", start_block=1, reset_block=1, reset_s=math.nan, latency_ms=0),
        PostsScraped(
            window=1,
            wanted=1,
            seed=1,
            candidates=["1"],  # type: ignore[arg-type]
            posts=(),
            posts_read=0,
            users_read=0,
            requests=0,
            unusable=0,
            latency_ms=0,
        ),
    ],
    ids=["surrogate", "type", "large", "nan", "list"],
)
def test_an_event_that_cannot_be_read_back_is_not_written(make: Make, event: ApiUnreachable) -> None:
    """A programmer's error: ValueError, nothing written, and the store goes on."""

    async def go() -> None:
        store = make()
        await store.take(reducer=1)
        await store.append(draft(1))
        with pytest.raises(ValueError, match=r"nothing was written|expected"):
            await store.append(draft(2, event))
        await store.append(draft(3))
        assert numbers([record async for record in store.read()]) == [1, 3]
        await store.release()

    run(go())


@pytest.mark.parametrize("at_ms", [-(10**18), 10**18])
def test_a_time_that_no_calendar_holds_is_not_written(make: Make, at_ms: int) -> None:
    """ValueError as well."""

    async def go() -> None:
        store = make()
        await store.take(reducer=1)
        with pytest.raises(ValueError, match="nothing was written"):
            await store.append(Draft(at_ms=at_ms, event=draft(1).event, source="", dest=""))
        await store.release()

    run(go())


def test_nothing_works_without_the_lease(make: Make) -> None:
    """Before take and after release."""

    async def go() -> None:
        store = make()
        for _ in range(2):
            with pytest.raises(FencedError, match="take"):
                await store.append(draft(1))
            with pytest.raises(FencedError):
                [record async for record in store.read()]
            await store.take(reducer=1)
            await store.release()
            await store.release()

    run(go())


def test_a_held_journal_is_not_given_twice(make: Make) -> None:
    """Until it is released."""

    async def go() -> None:
        store = make()
        await store.take(reducer=1)
        with pytest.raises(JournalLockedError):
            await make().take(reducer=1)
        await store.renew()
        await store.append(draft(1))
        await store.release()
        again = make()
        await again.take(reducer=1)
        await again.release()

    run(go())


def test_each_start_gets_a_higher_epoch(make: Make) -> None:
    """Counted from the records themselves."""

    async def go() -> None:
        for expected in (1, 2, 3):
            store = make()
            lease = await store.take(reducer=1)
            assert lease.epoch == expected
            started = ActorStarted(build="1", epoch=lease.epoch, pid=1, policy=Policy())
            await store.append(draft(expected, started))
            await store.release()

    run(go())


def test_a_snapshot_comes_back_to_the_same_fold_only(make: Make) -> None:
    """Byte for byte; another version of the fold gets none."""

    async def go() -> None:
        store = make()
        await store.take(reducer=3)
        await append_all(store, range(1, 6))
        head = (await store.append(draft(6))).head
        wanted = Snapshot(head=head, reducer=3, state=b'{"state":[1,2],"sha256":"x"}')
        await store.save_snapshot(wanted)
        await append_all(store, [7])
        await store.release()
        for reducer, expected in ((3, wanted), (4, None)):
            store = make()
            lease = await store.take(reducer=reducer)
            assert lease.snapshot == expected
            assert numbers([record async for record in store.read(6)]) == [7]
            assert numbers([record async for record in store.read(2)]) == [3, 4, 5, 6, 7]
            await store.release()

    run(go())


def test_memory_and_disk_write_the_same_bytes(tmp_path: Path) -> None:
    """So a simulated journal is a real one."""

    async def go() -> None:
        memory, disk = MemoryJournal(), file_journal(tmp_path / "j")
        for store in (memory, disk):
            await store.take(reducer=1)
            await append_all(store, range(1, 8))
            await store.release()
        assert b"".join(memory.lines) == b"".join(path.read_bytes() for path in segments(tmp_path / "j"))

    run(go())


def test_a_memory_journal_goes_on_from_any_cut() -> None:
    """Its lines up to a record are a journal that ended there; other lines are refused."""

    async def go() -> None:
        whole = MemoryJournal()
        await whole.take(reducer=1)
        await append_all(whole, range(1, 5))
        cut = MemoryJournal(whole.lines[:2])
        assert (await cut.take(reducer=1)).head == parse(whole.lines[1], None).head
        await cut.append(draft(3))
        assert cut.lines == whole.lines[:3]
        with pytest.raises(JournalDamagedError, match="after record 1"):
            await MemoryJournal(whole.lines[::2]).take(reducer=1)

    run(go())


def test_large_post_texts_survive(make: Make) -> None:
    """A record longer than a segment gets one of its own."""
    post = Post(
        id="1",
        content="\u2028\U0001f600\n" * 500,
        author="a",
        author_id="1",
        timestamp=1,
        account_created=1,
        account_age=1,
        retweets=0,
        likes=0,
        responses=0,
        quotes=0,
        followers=0,
    )
    event = PostsScraped(
        window=1,
        wanted=1,
        seed=1,
        candidates=("1",),
        posts=(post,),
        posts_read=1,
        users_read=1,
        requests=1,
        unusable=0,
        latency_ms=1,
    )

    async def go() -> None:
        store = make()
        await store.take(reducer=1)
        for number in (1, 2, 3):
            await store.append(draft(number, event))
        assert [record.event() async for record in store.read()] == [event] * 3
        await store.release()

    run(go())
