"""What the journal in PostgreSQL promises beside what every store does: one writer, whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from events.journal import (
    GENESIS,
    ConflictError,
    Draft,
    FencedError,
    Head,
    JournalDamagedError,
    JournalError,
    JournalLockedError,
    JournalStore,
    Record,
    RolledBackError,
    Snapshot,
    UnknownOutcomeError,
    parse,
)
from events.journal.postgres.store import PostgresJournal
from tests.journal.kit import append_all, database_journal, draft, numbers, run
from tests.journal.proxy import Proxy
from tests.postgres import Server, started

_WRITERS = 8


@pytest.fixture
def nearby() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="um-") as folder:
        yield Path(folder)


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


def lines(server: Server, url: str) -> list[bytes]:
    """The journal's lines as the database keeps them."""
    return [
        f"{line}\n".encode() for (line,) in server.sql("SELECT line FROM user_miner.records ORDER BY seq", name_of(url))
    ]


def linked(lines: list[bytes]) -> list[Record]:
    """The records, each checked against the one before."""
    head, records = GENESIS, []
    for line in lines:
        records.append(parse(line, head))
        head = records[-1].head
    return records


def chain(server: Server, url: str) -> list[Record]:
    """The records of a database with one journal."""
    return linked(lines(server, url))


async def surely(store: JournalStore, wanted: Draft) -> Record:
    """Append as the actor does: after an unknown outcome renew until that works, then the same again."""
    while True:
        try:
            return await store.append(wanted)
        except UnknownOutcomeError:
            await renewed(store)


async def renewed(store: JournalStore) -> None:
    while True:
        with contextlib.suppress(UnknownOutcomeError):
            await store.renew()
            return
        await asyncio.sleep(0.02)


async def taken(store: PostgresJournal) -> None:
    """Take it as soon as it is free."""
    while True:
        try:
            await store.take(reducer=1)
        except JournalLockedError as error:
            await asyncio.sleep(min(error.left_s or 0.01, 0.01))
        else:
            return


def test_of_eight_racing_writers_one_wins_each_number(postgres: Server, database: str) -> None:
    """They take the journal from each other all the time; what was acknowledged is there, once, and nothing else is."""
    acknowledged: list[Head] = []
    overtaken = asyncio.Event()
    fenced = 0

    async def race(writer: int) -> None:
        nonlocal fenced
        store = database_journal(database, lease_s=0.02)
        for number in range(25):
            await taken(store)
            try:
                for more in range(4):
                    record = await store.append(draft(100 * writer + 4 * number + more))
                    acknowledged.append(record.head)
                    if writer:
                        overtaken.set()
                    elif not number:  # else it hangs on how fast this machine is whether anybody is overtaken
                        overtaken.clear()
                        await overtaken.wait()
            except FencedError:
                fenced += 1
            await store.release()

    async def go() -> None:
        await asyncio.gather(*(race(writer) for writer in range(_WRITERS)))

    run(go())
    records = chain(postgres, database)
    assert sorted(head.seq for head in acknowledged) == [record.seq for record in records]
    assert {head.hash for head in acknowledged} == {record.hash for record in records}
    assert fenced > 0


def test_two_that_hold_the_same_end_do_not_both_append(database: str) -> None:
    """The one that was superseded learns so from its first append or renewal, and stays out."""

    async def go() -> None:
        first, second = database_journal(database, lease_s=0.2), database_journal(database, lease_s=60)
        await first.take(reducer=1)
        await first.append(draft(1))
        with pytest.raises(JournalLockedError, match=r"leased to .*:\d+ \(host:process\)") as held:
            await second.take(reducer=1)
        assert 0 < (held.value.left_s or 0) <= 0.2
        assert 0 < first.sure_s() <= 0.2
        await taken(second)
        assert first.sure_s() < 0
        await second.append(draft(2))
        for _ in range(2):
            with pytest.raises(FencedError, match="taken over by"):
                await first.append(draft(3))
            with pytest.raises(FencedError, match="taken over by"):
                await first.renew()
        await first.release()
        assert numbers([record async for record in second.read()]) == [1, 2]
        await second.renew()
        await second.release()

    run(go())


def test_an_epoch_that_comes_again_is_not_believed(postgres: Server, database: str) -> None:
    """A failover may lose the last lease, and another one gets its number; the name of a lease is nobody else's."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        postgres.sql("UPDATE user_miner.journals SET lease = gen_random_uuid()", name_of(database))
        with pytest.raises(FencedError):
            await store.append(draft(1))
        await store.release()

    run(go())


def test_a_database_that_went_back_is_not_written_to(postgres: Server, database: str) -> None:
    """A server that had not got all took over: the writer stops, whoever holds the lease there."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        await append_all(store, (1, 2))
        postgres.sql("DELETE FROM user_miner.records WHERE seq = 2", name_of(database))
        postgres.sql(
            "UPDATE user_miner.journals SET seq = 1, hash = right(left(line, -2), 64) FROM user_miner.records",
            name_of(database),
        )
        with pytest.raises(ConflictError, match=r"ends at record 1 .*expected 2"):
            await store.append(draft(3))
        with pytest.raises(ConflictError):
            await store.renew()
        await store.release()

    run(go())
    assert numbers(chain(postgres, database)) == [1]


async def _story(store: PostgresJournal) -> None:
    """What a miner does with its journal, where nothing that fails is the end."""
    for last in (True, True, False):
        try:
            await store.take(reducer=1)
            break
        except JournalError:
            assert last
    for number in range(1, 6):
        await surely(store, draft(number))
        if number == 3:
            await renewed(store)
    await store.release()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_line_that_is_cut_at_any_statement_loses_and_doubles_nothing(
    postgres: Server, nearby: Path, when: Literal["before", "after"]
) -> None:
    """Before the server got it, and after it did what was asked: each of five drafts becomes one record."""

    async def go(cut_at: int) -> bool:
        url = postgres.new_database()
        async with Proxy(nearby, postgres.folder, cut_at=cut_at, when=when) as proxy:
            await _story(database_journal(postgres.url(name_of(url), host=nearby), lease_s=0.5))
        assert numbers(chain(postgres, url)) == [1, 2, 3, 4, 5]
        assert proxy.is_cut == (proxy.writes >= cut_at)
        return proxy.is_cut

    cut_at = 1
    while run(go(cut_at)):
        cut_at += 1
    assert cut_at > 12


def test_a_line_that_goes_silent_is_given_up(postgres: Server, database: str, nearby: Path) -> None:
    """Neither an answer nor an end of the line: a statement has its time, and what became of it is found out."""

    async def go() -> None:
        async with Proxy(nearby, postgres.folder) as proxy:
            store = database_journal(postgres.url(name_of(database), host=nearby), lease_s=3)
            await store.take(reducer=1)
            await store.append(draft(1))
            proxy.sounds.clear()
            began = asyncio.get_running_loop().time()
            with pytest.raises(UnknownOutcomeError, match=r"record 2.*no answer within 0\.5 s"):
                await store.append(draft(2))
            assert asyncio.get_running_loop().time() - began < 2
            assert store.sure_s() < 0  # nothing is sent while the journal's end is not known
            with pytest.raises(UnknownOutcomeError, match="not known yet"):
                await store.append(draft(2))
            proxy.sounds.set()
            proxy.cut()
            await renewed(store)
            await surely(store, draft(2))
            assert store.sure_s() > 0
            await store.release()

    run(go())
    assert numbers(chain(postgres, database)) == [1, 2]


def test_another_draft_after_an_unknown_outcome_is_refused(postgres: Server, database: str, nearby: Path) -> None:
    """The first one was added: to add another one in its place would be two histories."""

    async def go() -> None:
        async with Proxy(nearby, postgres.folder) as proxy:
            store = database_journal(postgres.url(name_of(database), host=nearby))
            await store.take(reducer=1)
            await append_all(store, range(1, 4))  # by now the server has the statement prepared: one write for each
            proxy.cut_at, proxy.when = proxy.writes + 1, "after"
            with pytest.raises(UnknownOutcomeError):
                await store.append(draft(4))
            await renewed(store)
            with pytest.raises(ConflictError, match="record 4 was added after all"):
                await store.append(draft(7))
            await store.release()

    run(go())


def test_a_server_that_is_killed_under_load_loses_nothing_that_it_acknowledged() -> None:
    """All its processes die by kill -9, three times amid appends of three journals."""
    with started() as server:
        url = server.new_database()
        kills, names = 3, ("5a", "5b", "5c")
        acknowledged: dict[str, list[Head]] = {name: [] for name in names}
        over, grown = asyncio.Event(), asyncio.Event()

        async def write(name: str) -> None:
            store = database_journal(url, name=name, lease_s=30)
            await store.take(reducer=1)
            number = 0
            while not over.is_set():
                number += 1
                acknowledged[name].append((await surely(store, draft(number))).head)
                grown.set()
            await store.release()

        async def go() -> None:
            writers = [asyncio.create_task(write(name)) for name in names]
            for _ in range(kills):
                reached = {name: len(heads) for name, heads in acknowledged.items()}
                while any(len(acknowledged[name]) < reached[name] + 5 for name in names):
                    await grown.wait()
                    grown.clear()
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            over.set()
            await asyncio.gather(*writers)

        run(go())
        kept: dict[str, list[bytes]] = {name: [] for name in names}
        for name, line in server.sql(
            "SELECT j.name, r.line FROM user_miner.records AS r JOIN user_miner.journals AS j ON j.id = r.journal "
            "ORDER BY r.seq",
            name_of(url),
        ):
            kept[name].append(f"{line}\n".encode())
        for name in names:
            records = linked(kept[name])
            assert [record.head for record in records] == acknowledged[name]
            assert numbers(records) == list(range(1, len(records) + 1))


def test_a_wait_for_the_standby_that_was_cancelled_is_an_unknown_outcome() -> None:
    """The server says success and a warning: committed here, and perhaps not there. Nothing goes on before it is."""
    with started() as server:
        url = server.new_database()

        def cancel_when_waiting() -> None:
            while not server.sql(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", name_of(url)
            ):
                pass

        async def go() -> None:
            store = database_journal(url, lease_s=120)
            await store.take(reducer=1)
            await store.append(draft(1))
            server.sql("ALTER SYSTEM SET synchronous_standby_names = 'nowhere'")
            server.sql("SELECT pg_reload_conf()")
            await asyncio.sleep(0.3)
            adding = asyncio.create_task(store.append(draft(2)))
            await asyncio.to_thread(cancel_when_waiting)
            with pytest.raises(UnknownOutcomeError, match="committed locally"):
                await adding
            renewing = asyncio.create_task(store.renew())
            await asyncio.to_thread(cancel_when_waiting)
            with pytest.raises(UnknownOutcomeError, match="committed locally"):
                await renewing
            assert store.sure_s() < 0
            server.sql("ALTER SYSTEM RESET synchronous_standby_names")
            server.sql("SELECT pg_reload_conf()")
            await renewed(store)
            assert (await store.append(draft(2))).seq == 2
            assert numbers([record async for record in store.read()]) == [1, 2]
            await store.release()

        run(go())


def test_a_record_that_was_changed_is_found_when_it_is_read(postgres: Server, database: str) -> None:
    """By the hash chain, as in files; and the part that a snapshot stands for by the check behind a start."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        await append_all(store, range(1, 7))
        last = await store.append(draft(7))
        await store.save_snapshot(Snapshot(head=last.head, reducer=1, state=b"{}"))
        await store.release()
        postgres.sql(
            "UPDATE user_miner.records SET line = replace(line, 'Unreachable', 'unreachable') WHERE seq = 3",
            name_of(database),
        )
        again = database_journal(database)
        assert (await again.take(reducer=1)).snapshot is not None
        with pytest.raises(JournalDamagedError, match="after record 2"):
            await again.check_earlier()
        with pytest.raises(JournalDamagedError, match="after record 2"):
            await again.append(draft(8))
        await again.release()
        assert (await again.take(reducer=1)).snapshot is None
        with pytest.raises(JournalDamagedError, match="after record 2"):
            [record async for record in again.read()]
        await again.release()

    run(go())


def test_earlier_records_that_are_whole_pass_the_check(database: str) -> None:
    """More of them than one statement reads."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        await append_all(store, range(1, 701))
        last = await store.append(draft(701))
        await store.save_snapshot(Snapshot(head=last.head, reducer=1, state=b"{}"))
        await store.release()
        await store.take(reducer=1)
        await store.check_earlier()
        assert numbers([record async for record in store.read(600)]) == list(range(601, 702))
        await store.release()

    run(go())


def test_a_lost_end_is_refused(postgres: Server, database: str) -> None:
    """The journal's row speaks of a record that is not there."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        await append_all(store, range(1, 4))
        await store.release()
        postgres.sql("DELETE FROM user_miner.records WHERE seq = 3", name_of(database))
        with pytest.raises(RolledBackError, match="speaks of record 3"):
            await database_journal(database).take(reducer=1)

    run(go())


def test_a_snapshot_that_was_spoiled_is_not_used(postgres: Server, database: str) -> None:
    """The one before it is, and two are kept."""

    async def go() -> None:
        store = database_journal(database)
        await store.take(reducer=1)
        for number in (1, 2, 3):
            record = await store.append(draft(number))
            await store.save_snapshot(Snapshot(head=record.head, reducer=1, state=b'{"n":%d}' % number))
        await store.release()
        name = name_of(database)
        assert postgres.sql("SELECT seq FROM user_miner.snapshots ORDER BY seq", name) == [(2,), (3,)]
        postgres.sql("UPDATE user_miner.snapshots SET state = '{}' WHERE seq = 3", name)
        lease = await store.take(reducer=1)
        assert lease.snapshot is not None
        assert (lease.snapshot.head.seq, lease.snapshot.state) == (2, b'{"n":2}')
        await store.release()

    run(go())
