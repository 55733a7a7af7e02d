"""The audit judges only answers that the edges kept whole, and knows them by the marks that the edges leave."""

from __future__ import annotations

import pytest

from actor.edges.text import REDACTED, bounded
from audit.rules.recorded import fields_of

WHOLE = '{"status":"new","message":"fine"}'


def test_a_whole_answer_is_read() -> None:
    """JSON as its fields; anything else says nothing, and that is what it says."""
    assert fields_of(WHOLE) == {"status": "new", "message": "fine"}
    assert fields_of("<html>502 Bad Gateway</html>") == fields_of("") == fields_of("{}") == {}


@pytest.mark.parametrize(
    "answer",
    [bounded(WHOLE + " " * 5_000), WHOLE.replace("fine", REDACTED)],
    ids=["cut", "redacted"],
)
def test_what_was_not_kept_is_not_judged(answer: str) -> None:
    """What is missing may have said anything."""
    assert fields_of(answer) is None
