"""``user-miner check``: would this build have decided as the journal says? Reads only.

The comparison is ``audit.checking``; here it gets the journal that the operator names, and its answer is printed.
"""

from __future__ import annotations

from pathlib import Path

from audit.checking import check_journal
from audit.checking.report import json_text, outcome_text
from audit.terminal import answer, tell
from events.journal import locate

__all__ = ["run_check"]


def run_check(directory: Path, *, build: str, to_the_end: bool, as_json: bool) -> int:
    """Print the report; 0 when this build agrees with every record, 1 when not or when the journal is damaged.

    Args:
        directory: The journal, or a folder that holds exactly one.
        build: This build's version, for people.
        to_the_end: Go on after the first divergence.
        as_json: One JSON object instead of text.
    """
    return answer(lambda: _run(directory, build=build, to_the_end=to_the_end, as_json=as_json))


def _run(directory: Path, *, build: str, to_the_end: bool, as_json: bool) -> int:
    outcome = check_journal(locate(directory), to_the_end=to_the_end)
    tell(json_text(outcome, build) if as_json else outcome_text(outcome, build))
    return 0 if outcome.ok else 1
