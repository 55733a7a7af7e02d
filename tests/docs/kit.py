"""Reads the project's Markdown: its code blocks, console sessions, links, tables, and the parts made from code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.patience import GIVE_UP_S

__all__ = [
    "DOCUMENTS",
    "ROOT",
    "Block",
    "Step",
    "anchors",
    "blocks",
    "links",
    "matches",
    "put_generated",
    "rows",
    "run_session",
    "steps",
]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = tuple(
    sorted(
        [
            *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "journal/README.md")),
            *ROOT.glob("docs/**/*.md"),
        ]
    )
)
_SEPARATOR = "\x1e"
# `make demo` installs first; here everything is installed, and only the command itself is run.
_PRELUDE = 'make() { [ "$*" = demo ] && user-miner demo; }\n'
# Readers that are no part of this project: their lines are run where the tool is there.
_OTHER_TOOLS = ("jq",)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its lines, and the line that it begins in."""

    language: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a console session, and what it is said to print."""

    command: str
    expected: str


def blocks(document: Path, language: str) -> list[Block]:
    """The document's blocks of one language."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    text = document.read_text("utf-8")
    found = [Block(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in fence.finditer(text)]
    return [block for block in found if block.language == language]


def steps(block: Block) -> list[Step]:
    """The commands of a console block, each with the lines up to the next one."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    assert not parts[0], f"line {block.line}: a console block begins with a command"
    return [Step(command, expected) for command, expected in zip(parts[1::2], parts[2::2], strict=True)]


def run_session(block: Block, folder: Path, env: Mapping[str, str]) -> Iterator[tuple[Step, str]]:
    """Run a block's commands in one shell; gives each with all that it printed."""
    wanted = [step for step in steps(block) if not _lacks_tool(step.command)]
    script = _PRELUDE + "".join(
        f"{{ {step.command}\n}}; said=$?; printf '{_SEPARATOR}'; (exit $said)\n" for step in wanted
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**env, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=GIVE_UP_S,
        check=False,
    )
    outputs = done.stdout.split(_SEPARATOR)
    assert len(outputs) == len(wanted) + 1, done.stdout
    return zip(wanted, outputs[:-1], strict=True)


def _lacks_tool(command: str) -> bool:
    return any(re.search(rf"\| {tool}\b", command) and shutil.which(tool) is None for tool in _OTHER_TOOLS)


def matches(expected: str, output: str) -> bool:
    """Whether an output is as documented: "…" is any text in a line, and any lines where it stands alone."""
    pattern = ""
    for line in expected.splitlines():
        inner = "[^\n]*".join(re.escape(part) for part in line.split("…"))
        pattern += r"(?:[^\n]*\n)*" if line == "…" else f"{inner}[ ]*\n"
    return re.fullmatch(pattern, output) is not None


def links(document: Path) -> list[str]:
    """Targets of the document's links; code is left aside."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose)


def anchors(document: Path) -> set[str]:
    """The headings as links name them."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(document: Path, *, column: str) -> list[dict[str, str]]:
    """The rows of every table whose first column has this title, cells by title."""
    found: list[dict[str, str]] = []
    titles: list[str] = []
    for line in document.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            titles = []
        elif not titles:
            titles = [cell.strip() for cell in line.strip("|").split("|")]
        elif titles[0] == column and set(line) - set("|- "):
            found.append(dict(zip(titles, cells, strict=False)))
    return found


def put_generated(document: Path, name: str, content: str) -> str:
    """The part of a document between its markers; with UPDATE_DOCS=1 it is written first."""
    marked = re.compile(rf"(<!-- generated: {name} -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)
    text = document.read_text("utf-8")
    match = marked.search(text)
    assert match is not None, f"{document.name} has no part {name!r}"
    if os.environ.get("UPDATE_DOCS") == "1" and match[2] != content:
        document.write_text(text[: match.start(2)] + content + text[match.end(2) :], "utf-8")
        return content
    return match[2]
