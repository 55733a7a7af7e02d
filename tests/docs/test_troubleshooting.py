"""troubleshooting.md and operating.md quote the program in its own words, and name what there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.kit import ROOT, rows

DOCUMENT = ROOT / "docs" / "operators" / "troubleshooting.md"
PACKAGES = ("actor", "audit", "events", "user_miner")
# Python's own words, and what the servers answer, which stands in for them in each stand-in's tests.
NOT_OURS = ("Fatal Python error: Aborted",)


def texts(node: ast.AST) -> Iterator[str]:
    """Every text of a program, with "…" where a value is put in."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str | bytes):
            yield child.value if isinstance(child.value, str) else child.value.decode(errors="replace")
        elif isinstance(child, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in child.values]
            yield "".join(map(str, parts))


@cache
def program() -> str:
    """All of the program's texts, one a line, whatever is put into them by the logger too shown as "…"."""
    files = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    found = {text for path in files for text in texts(ast.parse(path.read_text("utf-8")))}
    return "\n".join(re.sub(r"%(?:s|d|\.0f)", "…", text) for text in found)


def said() -> list[str]:
    """What the tables say that the program prints."""
    return [message for row in rows(DOCUMENT, column="it says") for message in re.findall(r"`([^`]+)`", row["it says"])]


def test_messages_are_quoted_as_they_are_printed() -> None:
    """Each piece stands in the program: what lies between what differs, and between what one part says of another."""
    assert len(said()) > 50
    for message in said():
        for piece in re.split(r"…|: | \(|\d+", message):
            words = piece.strip(" :;,.()")
            assert words in program() or message in NOT_OURS, f"{message!r}: the program does not say {words!r}"


def test_every_answer_says_what_to_do() -> None:
    """No row without a cause or a way out."""
    for row in rows(DOCUMENT, column="it says"):
        assert row["why"], row
        assert row["what to do"], row


def test_the_service_files_are_all_introduced() -> None:
    """Operators find each of them in the page that tells how to use it."""
    text = (ROOT / "docs" / "operators" / "operating.md").read_text("utf-8")
    files: list[Path] = [path for path in (ROOT / "docs" / "operators" / "service").iterdir() if path.is_file()]
    assert [path.name for path in files if f"](service/{path.name})" not in text] == []
