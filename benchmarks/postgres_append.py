"""Appends to a journal in PostgreSQL beside bare INSERTs, in turns: what checking head and lease costs.

    python -m benchmarks.postgres_append [--rounds 30] [--batch 100]

Both send one statement for each record, over the same driver and a Unix socket, and wait for its commit on the disk.
The server is the one of the tests, with fsync on. The ratio compares a round with the same round of the other.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import psycopg

from benchmarks.journal_kit import drafts
from events.journal import GENESIS, seal
from events.journal.postgres.address import Address
from events.journal.postgres.store import PostgresJournal
from tests.postgres import started


async def _measure(url: str, *, rounds: int, batch: int) -> None:
    store = PostgresJournal(Address.parse(url), "5bench", lease_s=600, on_warning=print)
    await store.take(reducer=1)
    bare = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=1)
    await bare.execute("CREATE TABLE bare (journal bigint, seq bigint, line text, PRIMARY KEY (journal, seq))")
    ours, theirs = [], []
    for number in range(rounds + 1):
        records = list(drafts(batch))
        lines = [seal(draft, GENESIS)[0].decode() for draft in records]
        began_s = time.perf_counter()
        for at, line in enumerate(lines):
            await bare.execute("INSERT INTO bare VALUES (1, %s, %s)", (number * batch + at, line))
        middle_s = time.perf_counter()
        for draft in records:
            await store.append(draft)
        ended_s = time.perf_counter()
        if number:  # the first one warms up
            theirs.append(batch / (middle_s - began_s))
            ours.append(batch / (ended_s - middle_s))
    await bare.close()
    await store.release()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"bare INSERT     {statistics.median(theirs):8.0f} records/s")
    print(f"PostgresJournal {statistics.median(ours):8.0f} records/s")
    print(f"ratio           {middle:8.2f} (middle half of {rounds} rounds of {batch}: {low:.2f} to {high:.2f})")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--batch", type=int, default=100)
    chosen = options.parse_args()
    with started() as server:
        server.sql("ALTER SYSTEM RESET fsync")
        server.sql("SELECT pg_reload_conf()")
        asyncio.run(_measure(server.new_database(), rounds=chosen.rounds, batch=chosen.batch))


if __name__ == "__main__":
    main()
