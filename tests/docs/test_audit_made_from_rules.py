"""The parts of docs/operators/audit.md that repeat the code: UPDATE_DOCS=1 writes them again."""

from __future__ import annotations

from audit.rules import RULES
from events.windows import EXPLAINED
from tests.docs.kit import ROOT, put_generated

AUDIT = ROOT / "docs" / "operators" / "audit.md"


def test_the_table_of_rules_is_the_list() -> None:
    """docs/operators/audit.md has a line for each rule, in order, with what it demands and leaves out of a part."""
    lines = "".join(f"| {rule.name} | {rule.demands} | {rule.lacks} |\n" for rule in RULES)
    wanted = f"\n| rule | demands | leaves out with `--since` |\n|---|---|---|\n{lines}\n"
    assert put_generated(AUDIT, "rules", wanted) == wanted


def test_the_table_of_reasons_is_the_list() -> None:
    """docs/operators/audit.md has a line for each reason, in the order in which they count."""
    lines = "".join(f"| {why} | {meaning} |\n" for why, meaning in EXPLAINED.items())
    wanted = f"\n| reason | a window is missed because |\n|---|---|\n{lines}\n"
    assert put_generated(AUDIT, "reasons", wanted) == wanted


def test_the_number_of_rules_is_as_told() -> None:
    """The figures in the session, README.md and CHANGELOG.md are the list's length."""
    assert f"no findings by {len(RULES)} rule(s)" in AUDIT.read_text("utf-8")
    assert f"by {len(RULES)} rules" in (ROOT / "README.md").read_text("utf-8")
    assert f"as {len(RULES)} named rules" in (ROOT / "CHANGELOG.md").read_text("utf-8")
