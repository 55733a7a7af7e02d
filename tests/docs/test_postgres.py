"""The SQL of docs/operators/postgres.md runs, and says what the journal says."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from events.journal import JournalReader
from events.journal.postgres.address import Address
from events.journal.postgres.copying import to_database
from tests.audit.replay_kit import SAMPLE
from tests.docs.kit import ROOT, blocks
from tests.journal.kit import run
from tests.postgres import Server

_DOCUMENT = ROOT / "docs" / "operators" / "postgres.md"
_SQL = blocks(_DOCUMENT, "sql")


@pytest.fixture(scope="module")
def copied(postgres: Server) -> str:
    """The name of a database that holds the sample."""
    url = postgres.new_database()
    run(to_database(SAMPLE, Address.parse(url)))
    return urlsplit(url).path[1:]


def test_every_statement_runs(postgres: Server, copied: str) -> None:
    """In the order of the document."""
    assert len(_SQL) == 6
    rows = [
        [row for statement in block.text.split(";") if statement.strip() for row in postgres.sql(statement, copied)]
        for block in _SQL
    ]
    lines, owners, accepted, read, sizes, granted = rows
    records = list(JournalReader(SAMPLE))
    assert "".join(f"{line}\n" for (line,) in lines).encode() == b"".join(
        path.read_bytes() for path in sorted(SAMPLE.glob("*.jsonl"))
    )
    assert [row[1] for row in owners] == [len(records)]
    assert sum(row[2] for row in accepted) == sum(record.name == "SubmissionAccepted" for record in records)
    searches = [record.data for record in records if record.name == "PostsScraped"]
    assert [row[1:] for row in read] == [tuple(sum(s[n] for s in searches) for n in ("posts_read", "users_read"))]
    assert [row[1] for row in sizes] == [len(records)]
    assert not granted


def test_one_who_may_only_read_reads(postgres: Server, copied: str) -> None:
    """And makes and changes nothing; the role is the document's own."""
    postgres.sql("SELECT 1", copied)
    with pytest.raises(Exception, match="permission denied"):
        postgres.sql("SET ROLE auditor; DELETE FROM user_miner.records", copied)
    assert postgres.sql("SET ROLE auditor; SELECT 1", copied) is not None
