"""Rule ``form``: a line that a forger wrote in another form is found, though its chain is whole and both read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.judging import Audit, AuditReport
from audit.rules.form import WrittenAsDocumented
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
    assert old in lines[PLACE], "the test would prove nothing"
    lines[PLACE] = lines[PLACE].replace(old, new, 1)
    (finding,) = judged(relinked(lines)).findings
    assert finding.seqs == (PLACE + 1,)
    assert "a reader that takes the first of two equal keys reads another story" in finding.found


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.name)
def test_what_this_program_wrote_has_its_form(journal: Path) -> None:
    """In every version that was ever recorded."""
    audit = Audit([WrittenAsDocumented])
    for record in read_journal(journal):
        audit.take(record)
    assert audit.report().findings == ()
