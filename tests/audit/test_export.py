"""Exported rows say what the journal says, in every format, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from actor.machine.history import steps
from audit.errors import UsageError
from audit.export import TABLES, Column
from audit.export.formats import csv_text, write_csv, write_jsonl, write_parquet
from audit.filters import Filters, parse_filters
from events import catalogue as ev
from events.journal import JournalReader, Record, at_text
from tests.audit.replay_kit import SAMPLE, STEERING, hostile_story, story
from tests.kit import T0_MS, Drive, accepted, analyzed

pytestmark = pytest.mark.slow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMULA = tuple("=+-@\t\r")
ANALYSES = {"PostAnalyzed": "answered", "AnalysisFailed": "failed"}
VERDICTS = {"SubmissionAccepted": "accepted", "SubmissionRejected": "rejected", "PostAbandoned": "abandoned"}


@cache
def sample() -> tuple[Record, ...]:
    """The recorded sample's records."""
    return tuple(JournalReader(SAMPLE))


def rows(what: str, records: Sequence[Record], filters: Filters | None = None) -> list[dict[str, Any]]:
    """A table's rows as JSON lines give them back."""
    out = io.BytesIO()
    table = TABLES[what]
    count = write_jsonl(table.columns, table.rows(steps(records), filters or parse_filters()), out)
    found = [json.loads(line) for line in out.getvalue().decode().split("\n")[:-1]]
    assert len(found) == count
    return found


def csv_rows(what: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The same by way of CSV, as docs/operators/export.md says to read it."""
    out = io.BytesIO()
    table = TABLES[what]
    write_csv(table.columns, table.rows(steps(records), parse_filters()), out)
    read = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""), strict=True)
    kinds = {column.name: column.kind for column in table.columns}
    return [{name: from_cell(cell, kinds[name]) for name, cell in row.items()} for row in read]


def from_cell(cell: str, kind: str) -> Any:
    """What a cell held."""
    if cell == "":
        return None
    if kind in {"integer", "number", "flag", "json"}:
        return json.loads(cell)
    return cell.removeprefix("'") if kind == "text" else cell


def parquet_rows(what: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The same by way of Parquet."""
    out = io.BytesIO()
    table = TABLES[what]
    write_parquet(table.columns, table.rows(steps(records), parse_filters()), out)
    kinds = {column.name: column.kind for column in table.columns}
    read = parquet.read_table(io.BytesIO(out.getvalue())).to_pylist()
    return [{name: from_value(value, kinds[name]) for name, value in row.items()} for row in read]


def from_value(value: Any, kind: str) -> Any:
    """What a Parquet value stood for."""
    if value is None:
        return None
    if kind == "moment":
        return at_text((value - EPOCH) // timedelta(milliseconds=1))
    return json.loads(value) if kind == "json" else value


def empty_texts_are_none(row: dict[str, Any]) -> dict[str, Any]:
    """CSV knows no difference between an empty text and none."""
    return {name: None if value == "" else value for name, value in row.items()}


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize(
    "records", [sample(), story().records, hostile_story().records], ids=["sample", "story", "hostile"]
)
def test_every_format_holds_the_same_rows(what: str, records: Sequence[Record]) -> None:
    """Whatever strangers wrote: JSON lines, CSV read with the one rule of the docs, and Parquet agree in every cell."""
    found = rows(what, records)
    assert found
    assert csv_rows(what, records) == [empty_texts_are_none(row) for row in found]
    assert parquet_rows(what, records) == found


def test_records_are_the_journal_s() -> None:
    """Each record's number, time, states, hash, and its fields as they were written."""
    records = sample()
    found = rows("records", records)
    assert [(row["seq"], row["event"], row["hash"]) for row in found] == [(r.seq, r.name, r.hash) for r in records]
    assert [row["data"] for row in found] == [record.data for record in records]
    assert [(row["at"], row["at_ms"]) for row in found] == [(at_text(r.at_ms), r.at_ms) for r in records]
    assert [(row["from_state"], row["to_state"], row["version"]) for row in found] == [
        (r.source, r.dest, r.v) for r in records
    ]
    assert [row["post_id"] for row in found] == [record.data.get("post_id") for record in records]


def test_each_post_is_one_row_with_what_became_of_it() -> None:
    """Compared with the records themselves, of the sample's posts one by one."""
    found = {row["post_id"]: row for row in rows("posts", sample())}
    served: dict[str, dict[str, Any]] = {}
    own: dict[str, list[tuple[Record, dict[str, Any]]]] = {}
    for record in sample():
        data = record.data
        served |= {p["id"]: p for p in data.get("posts", [])}
        own.setdefault(str(data.get("post_id")), []).append((record, data))
    assert found.keys() == served.keys()
    for post_id, row in found.items():
        p, records = served[post_id], own.get(post_id, [])
        assert (row["content"], row["author"], row["likes"]) == (p["content"], p["author"], p["likes"])
        sent = [(record.at_ms, data) for record, data in records if record.name == "SubmissionStarted"]
        names = Counter(record.name for record, _ in records)
        assert [row["attempts"], row["failed_attempts"], row["rate_limited"]] == [
            names[name] for name in ("SubmissionStarted", "SubmissionFailed", "RateLimited")
        ]
        times = [row["first_sent_at_ms"], row["last_sent_at_ms"]]
        assert times == ([sent[0][0], sent[-1][0]] if sent else [None, None])
        assert {data["body"]["score"] for _, data in sent} <= {row["score"]}
        analyses = [data.get("tokens") for record, data in records if record.name in ANALYSES]
        assert [row["tokens"]] == (analyses[-1:] or [None])
        assert row["analysis"] == next((word for name, word in ANALYSES.items() if names[name]), None)
        endings = [(VERDICTS[record.name], record.seq) for record, _ in records if record.name in VERDICTS]
        if row["verdict"] in VERDICTS.values():
            assert endings == [(row["verdict"], row["verdict_seq"])]
        else:
            assert (endings, row["verdict"] in {"left out", "pending", "settled"}) == ([], True)


def test_windows_add_up_to_the_journal() -> None:
    """One row for each window that the API told of; what was done in them is all that was done in a window."""
    records = sample()
    found = rows("windows", records)
    names = Counter(step.record.name for step in steps(records) if step.before.window is not None)
    opened = {r.data["start_block"] for r in records if r.name in {"WindowOpened", "WindowsRevised"}}
    assert {row["start_block"] for row in found} <= opened
    worked = {step.after.window.start_block for step in steps(records) if step.after.window is not None}
    assert worked <= {row["start_block"] for row in found}
    for column, name in {
        "accepted": "SubmissionAccepted",
        "rejected": "SubmissionRejected",
        "attempts": "SubmissionStarted",
        "rate_limited": "RateLimited",
        "analyzed": "PostAnalyzed",
        "analyses_failed": "AnalysisFailed",
    }.items():
        assert sum(row[column] for row in found) == names[name], column
    assert Counter(row["search"] for row in found)["answered"] == names["PostsScraped"]
    assert sum(row["chosen"] or 0 for row in found) == len(rows("posts", records))


def test_a_window_s_row_tells_how_it_went() -> None:
    """Posts carried from a window into the next, searched and not, a 429, and a window that nobody worked on."""
    drive = Drive().start()
    drive.batch(7, 1, 2, 3)
    drive.on(accepted(drive.send()))
    drive.send()
    drive.at_ms += 1_000
    drive.on(
        ev.RateLimited(post_id="2", answer="", reason="", start_block=700, reset_block=None, reset_s=None, latency_ms=1)
    )
    drive.sign()
    drive.window(8).scraped(4)
    drive.window(9).window(10)
    drive.analyze_all()
    for _ in range(3):
        drive.on(accepted(drive.send(), start_block=800))
    seven, eight, nine, ten = rows("windows", drive.records)
    assert (seven["chosen"], seven["accepted"], seven["rate_limited"], seven["carried_out"]) == (3, 1, 1, 2)
    assert (seven["ended_at_ms"] - T0_MS, seven["outcome"]) == (1_000, "used")
    assert seven["checkpoint_seq"] is not None
    assert (eight["wanted"], eight["carried_in"], eight["accepted"]) == (3, 2, 3)
    assert (nine["begun_at"], nine["outcome"]) == (None, "busy")
    assert (ten["wanted"], ten["ended_at"], ten["outcome"]) == (5, None, "open")


def test_a_post_without_an_end_is_pending() -> None:
    """It comes last, with what is known so far; a gap's posts are settled or left out."""
    drive = Drive().start()
    drive.batch(7, 1, 2, 3).on(accepted(drive.send()))
    (done, *pending) = rows("posts", drive.records)
    assert (done["verdict"], [row["verdict"] for row in pending]) == ("accepted", ["pending", "pending"])
    assert pending[0]["verdict_at"] is None
    salvage = ev.Salvage(
        records=1, seen={}, settled=("2",), accepted=1, counted={}, window=None, start_block=None,
        blocks_per_window=None, epoch=1,
    )  # fmt: skip
    drive.window(8)
    drive.on(ev.GapDeclared(reason="", segment="", offset=0, lost_bytes=1, witnessed_seq=None, salvage=salvage))
    verdicts = {row["post_id"]: row["verdict"] for row in rows("posts", drive.records)}
    assert verdicts == {"1": "accepted", "2": "settled", "3": "pending"}


@pytest.mark.parametrize("at_s", [2**62, -(2**62)])
def test_a_moment_of_no_calendar_is_an_empty_cell(at_s: int, tmp_path: Path) -> None:
    """In every format: no date says it, and no 64 bits hold its milliseconds."""
    drive = Drive().start().window(7).scraped(1, timestamp=at_s, account_created=at_s)
    table, out = TABLES["posts"], tmp_path / "posts.parquet"
    with out.open("wb") as file:
        write_parquet(table.columns, table.rows(steps(drive.records), parse_filters()), file)
    for (row,) in (rows("posts", drive.records), csv_rows("posts", drive.records), parquet.read_table(out).to_pylist()):
        names = ("posted_at", "posted_at_ms", "account_created_at", "account_created_at_ms")
        assert [row[name] for name in names] == [None] * 4
        assert row["post_id"] == "1"


def test_filters_choose_rows() -> None:
    """Records by window, event and time; posts by their search's window and time; windows by theirs."""
    records = story().records
    only = rows("records", records, parse_filters(windows=[60_002], events=["SubmissionAccepted"]))
    assert [row["event"] for row in only] == ["SubmissionAccepted"]
    assert only[0]["window"] == 60_002
    by_time = rows("records", records, parse_filters(since="2026-11-22T14:40", until="2026-11-22T14:43"))
    assert by_time[0]["event"] == "ApiUnreachable"
    assert len(by_time) < len(records)
    assert {row["post_id"] for row in rows("posts", records, parse_filters(windows=[60_000]))} == {"1", "2"}
    later = parse_filters(since="2026-11-22T14:45")
    assert {row["post_id"] for row in rows("posts", records, later)} == {"6", "7", "8"}
    assert [row["window"] for row in rows("windows", records, later)] == [60_003]


def test_posts_come_out_while_the_journal_is_read() -> None:
    """A row comes with its verdict, so memory holds what is pending: the first one needs not a record more."""
    records = story().records
    taken: list[int] = []

    def watched() -> Iterator[Record]:
        for record in records:
            taken.append(record.seq)
            yield record

    first = next(TABLES["posts"].rows(steps(watched()), parse_filters()))
    verdict = next(record for record in records if record.name == "SubmissionAccepted")
    assert (first[0], taken[-1]) == (verdict.data["post_id"], verdict.seq)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_a_formula_and_each_comes_back(text: str) -> None:
    """Any text through a CSV file: one apostrophe at most is too much, and none is read as a formula."""
    columns = (Column("a", "text", "", lambda s: s), Column("b", "integer", "", lambda _: 1))
    out = io.BytesIO()
    write_csv(columns, [(text, 1)], out)
    (_, (cell, _)) = csv.reader(io.StringIO(out.getvalue().decode(), newline=""), strict=True)
    assert cell.removeprefix("'") == text
    assert not cell.startswith(FORMULA)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\x00=1", "\u200b=1", "\N{FULLWIDTH EQUALS SIGN}1", "'=1"],
)
def test_what_a_spreadsheet_might_take_for_a_formula_is_a_text(text: str) -> None:
    """The known beginnings, behind white space and invisible characters too."""
    assert csv_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "#bittensor", "{}", '"=1"', "τ up", "1-1", "a'b"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Only the beginning counts."""
    assert csv_text(text) == text


def test_json_lines_cannot_steer_a_terminal() -> None:
    """Control and formatting characters are escapes there, in every table."""
    for what, table in TABLES.items():
        out = io.BytesIO()
        write_jsonl(table.columns, table.rows(steps(hostile_story().records), parse_filters()), out)
        assert out.getvalue().decode().replace("\n", "").isprintable(), what
    assert any(STEERING in row["content"] for row in rows("posts", hostile_story().records))


def test_parquet_columns_have_types_and_meanings() -> None:
    """Numbers, truth values and UTC timestamps, not texts; a type is the same whether or not there are rows."""
    out, empty = io.BytesIO(), io.BytesIO()
    table = TABLES["posts"]
    write_parquet(table.columns, table.rows(steps(story().records), parse_filters()), out)
    write_parquet(table.columns, [], empty)
    schema = parquet.read_schema(out)
    assert str(schema.field("posted_at").type) == "timestamp[ms, tz=UTC]"
    assert [str(schema.field(name).type) for name in ("likes", "score", "selected_for_validation")] == [
        "int64",
        "double",
        "bool",
    ]
    assert schema.field("likes").metadata[b"meaning"] == b"likes at the search"
    assert parquet.read_schema(empty) == schema
    assert parquet.read_table(empty).num_rows == 0


def test_a_number_beyond_64_bits_is_one_line() -> None:
    """Parquet cannot hold what JSON can."""
    drive = Drive().start().window(7)
    drive.scraped(1, likes=2**64 - 1)
    table = TABLES["posts"]
    with pytest.raises(UsageError, match="export JSON or CSV"):
        write_parquet(table.columns, table.rows(steps(drive.records), parse_filters()), io.BytesIO())
    assert rows("posts", drive.records)[0]["likes"] == 2**64 - 1


def test_many_rows_need_no_more_memory_than_a_group(tmp_path: Path) -> None:
    """Rows are pulled while they are written: never more than a row group ahead."""
    table = TABLES["records"]
    record = story().records[0]
    ahead = 0
    out = (tmp_path / "out.parquet").open("wb")
    written = []

    class Out(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            written.append(ahead)
            return out.write(data)

    def many() -> Iterator[tuple[Any, ...]]:
        nonlocal ahead
        row = next(iter(table.rows(steps([record]), parse_filters())))
        for ahead in range(1, 12_001):  # noqa: B007  (counted for the writer)
            yield row

    with out:
        assert write_parquet(table.columns, many(), io.BufferedWriter(Out(), 1)) == 12_000
    assert {5_000, 10_000, 12_000} <= set(written)
    assert parquet.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3


def test_the_score_is_the_submitted_one() -> None:
    """Also of a post that was never sent, as long as it was to be."""
    drive = Drive().start().window(7).scraped(1, 2)
    drive.on(analyzed("1"), analyzed("2", relevance=0.25))
    drive.send()
    found = {row["post_id"]: row["score"] for row in rows("posts", drive.records)}
    assert found == {p.post.id: p.score for p in drive.state.posts}
