"""Whatever a forger writes into well-formed records, an audit ends with a report: no rule breaks, nothing is raised."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from audit.judge.audit import Audit
from audit.judge.text import as_text
from audit.rules import RULES
from events.codec import plain
from tests.audit.broken import clean, records_of, rehashed

NUMBERS: tuple[Any, ...] = (0, -1, 1, 7, 2**31, 2**53, 2**63 - 1, -(2**63), 0.3, 1e300, -1e300)
TEXTS: tuple[Any, ...] = (
    "",
    "0",
    "1",
    "8",
    "x" * 300,
    "\x00\u202e",
    "Bearer abcdefghijklmnop",
    "http://[",
    "../../etc",
)


def forged(value: Any, random: Random) -> Any:
    """The same JSON with one thing in it replaced by something that may or may not fit."""
    if isinstance(value, dict) and value:
        key = random.choice(list(value))
        return {**value, key: forged(value[key], random)}
    if isinstance(value, list) and value:
        place = random.randrange(len(value))
        return [*value[:place], forged(value[place], random), *value[place + 1 :]]
    if isinstance(value, bool) or value is None:
        return random.choice([True, False, None, 1])
    if isinstance(value, str):
        return random.choice(TEXTS)
    return random.choice(NUMBERS) if isinstance(value, int | float) else value


@pytest.mark.parametrize("seed", range(12))
def test_a_forged_journal_is_judged_to_its_end(seed: int) -> None:
    """Records are changed, dropped, doubled and moved, in time as well; what cannot be decoded is I5's."""
    random = Random(seed)  # noqa: S311  (a test's draw)
    for _ in range(5):
        lines = clean()
        for _ in range(random.randint(1, 12)):
            place = random.randrange(len(lines))
            match random.randint(0, 5):
                case 0:
                    del lines[place]
                case 1:
                    lines.insert(random.randrange(len(lines)), lines[place])
                case 2:
                    lines[place].at_ms += random.choice([-(10**10), -1, 10**10])
                case 3:
                    lines[place].dest = random.choice(["Backoff", "Scraping", "nowhere"])
                case _:
                    line = lines[place]
                    line.data = forged(line.data or plain(line.event), random)
        audit = Audit(RULES)
        for record in records_of(rehashed(lines)):
            audit.take(record)
        report = audit.report()
        broken = [finding for finding in report.findings if finding.kind == "broken rule"]
        assert broken == [], f"seed {seed}"
        assert as_text(Path("j"), report, 0).replace("\n", "").isprintable()
