"""Rule ``form``: a line that a forger wrote in another form is found, though its chain is whole and both read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from audit.judge.audit import Audit, AuditReport
from audit.rules.chain import WrittenAsDocumented
from events.journal import read_journal
from tests.audit.broken import clean_story, records_of
from tests.journal.spoiled import relinked

ROOT = Path(__file__).resolve().parents[2]
JOURNALS = sorted([ROOT / "journal" / "sample", *(ROOT / "tests" / "journal" / "recorded" / "v1").iterdir()])
PLACE = 3  # PostsScraped
FORMS = {
    "the first of two keys says otherwise": (b'"seed":', b'"seed":1,"seed":'),
    "the first of two deep keys says otherwise": (b'"likes":', b'"likes":9,"likes":'),
    "a whole event hidden": (b'"data":{', b'"data":{"window":1},"data":{'),
    "another event hidden": (b'"event":"PostsScraped"', b'"event":"RateLimited","event":"PostsScraped"'),
    "a space": (b'"event":', b'"event": '),
    "a space in the data": (b'"wanted":', b'"wanted": '),
    "fields in another order": (b'"from":"Scraping","to":"Analyzing"', b'"to":"Analyzing","from":"Scraping"'),
    "a carriage return": (b',"hash":"', b'\r,"hash":"'),
    "an escape that is none": (b'"event":"Posts', b'"event":"\\u0050osts'),
    "an escape in a post": (b"SN45", b"\\u0053N45"),
    "a number written otherwise": (b'"seed":45', b'"seed":4.5e1'),
    "a number without its fraction": (b'"submit_backoff_s":3.0', b'"submit_backoff_s":3'),
    "a number of more than 64 bits": (b'"likes":', b'"likes":1' + b"0" * 30),
}


def judged(lines: list[bytes]) -> AuditReport:
    """By this rule alone."""
    audit = Audit([WrittenAsDocumented])
    for record in records_of(lines):
        audit.take(record)
    return audit.report()


@pytest.mark.parametrize("name", FORMS)
def test_another_form_is_found(name: str) -> None:
    """It is the only record found: those behind it are linked to it and written as they should be."""
    lines = list(clean_story().lines)
    old, new = FORMS[name]
    place = next(place for place in (PLACE, 0, 1) if old in lines[place])
    lines[place] = lines[place].replace(old, new, 1)
    (finding,) = judged(relinked(lines)).findings
    assert finding.seqs == (place + 1,)
    assert "reads another story" in finding.found or "in another form than any writer gives it" in finding.found


@pytest.mark.parametrize("seed", range(4))
def test_fields_in_another_order_are_found_in_every_event(seed: int) -> None:
    """At any depth; whoever writes them so is no build of this program, and both orders hold the same."""
    random = Random(seed)  # noqa: S311  (a test's draw)
    lines = list(clean_story().lines)
    for place, line in enumerate(lines):
        record = json.loads(line)
        holders = [holder for holder in objects(record["data"]) if len(holder) > 1]
        if not holders:
            continue
        holder = random.choice(holders)
        items = list(holder.items())
        random.shuffle(items)
        expected = items != list(holder.items())
        holder.clear()
        holder.update(items)
        told = [*lines[:place], orjson.dumps(record) + b"\n", *lines[place + 1 :]]
        findings = judged(relinked(told)).findings
        assert [finding.seqs for finding in findings] == [(place + 1,)] * expected, f"seed {seed}"
        assert not expected or findings[0].found.startswith(f"the fields of {record['event']}")


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in parsed JSON."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(part)


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.name)
def test_what_this_program_wrote_has_its_form(journal: Path) -> None:
    """In every version that was ever recorded."""
    audit = Audit([WrittenAsDocumented])
    for record in read_journal(journal):
        audit.take(record)
    assert audit.report().findings == ()
