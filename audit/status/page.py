"""The page of ``status --watch`` on a terminal of any size: whole where it fits, else with what is wrong first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit.status.lines import StatusLine
from events.describe import printable

__all__ = ["fitting", "page_of"]

_LABEL: Final = 11
_LONGEST: Final = 400
_STYLES: Final = {"plain": "", "good": "green", "bad": "yellow"}


def page_of(lines: Sequence[StatusLine]) -> Table:
    """The lines as a table with a column of labels, wrapped to the width where it is drawn."""
    page = Table.grid(padding=(0, 1))
    page.add_column(no_wrap=True, min_width=_LABEL)
    page.add_column(overflow="fold")
    for line in lines:
        page.add_row(line.label, Text(printable(line.text, _LONGEST)), style=_STYLES[line.tone])
    return page


def fitting(title: StatusLine, lines: Sequence[StatusLine], console: Console) -> list[StatusLine]:
    """All lines where they fit; else the title, trouble before the rest, and last how many are left out."""
    room = console.size.height - _rows([title], console)
    if _rows(lines, console) <= room:
        return [title, *lines]
    named = _named(lines)
    ordered = [line for line in named if line.tone == "bad"] + [line for line in named if line.tone != "bad"]
    shown: list[StatusLine] = []
    room -= _rows([_left_out(len(lines))], console)
    for line in ordered:
        room -= _rows([line], console)
        if room < 0:
            break
        shown.append(line)
    return [title, *shown, _left_out(len(ordered) - len(shown))]


def _left_out(count: int) -> StatusLine:
    return StatusLine("", f"+{count} lines")


def _named(lines: Sequence[StatusLine]) -> list[StatusLine]:
    """Each with the label of the line that it stands under, for it may come to stand elsewhere."""
    named: list[StatusLine] = []
    for line in lines:
        named.append(line if line.label or not named else replace(line, label=named[-1].label))
    return named


def _rows(lines: Sequence[StatusLine], console: Console) -> int:
    return len(console.render_lines(page_of(lines), pad=False)) if lines else 0
