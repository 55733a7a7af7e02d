"""A block of a report in little room: what follows from what stands before it is left out. Pure.

The page undoes this (``unpacked`` in data.js). Post ids, paths and effects stand in tables; times count from the record
before, other whole numbers from their last value; a post that leaves the state is one change. A post's text
is cut, a float has six digits, and its author's id, the day that account was made and the ids of its other
versions are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from audit.inspect.flat import Change, Flat

__all__ = ["ID_MARK", "LONGEST_TEXT", "packed"]

# Stands around the place of a post id in the table.
ID_MARK: Final = "\ue000"
_POST: Final = re.compile(r"posts\[id=(\d+)\]")
_ID: Final = re.compile(r"\d{6,}")
_LEFT_OUT: Final = re.compile(r"\.post\.(author_id|account_created|edits)$")
_SUMS: Final = ("spent.", "totals.")
LONGEST_TEXT: Final = 80
_DIGITS: Final = 6


def packed(block: dict[str, Any]) -> dict[str, Any]:
    """The block, whose rows, reasons and charts are those of a `Source`."""
    return _Packer().block(block)


class _Packer:
    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._paths: dict[str, int] = {"": 0}
        self._effects: dict[str, int] = {}

    def block(self, block: dict[str, Any]) -> dict[str, Any]:
        rows, reasons = block["rows"], block["reasons"]
        for row in rows:
            if row[6] is not None:
                self._id(row[6])
        for path in [*block["state"], *(change[0] for reason in reasons for change in reason["changes"])]:
            if (found := _POST.match(path)) is not None:
                self._id(found[1])
        before_ms = [rows[0][1], *(row[1] for row in rows)]
        fields = {
            "first": block["first"],
            "at": rows[0][1],
            "state": _shortened(block["state"]),
            "rows": [self._row(row, at) for row, at in zip(rows, before_ms, strict=False)],
            "reasons": [self._reason(r, row[1]) for r, row in zip(reasons, rows, strict=True)],
            "gantts": {index: self._gantt(chart) for index, chart in block["gantts"].items()},
        }
        return {**fields, "ids": list(self._ids), "paths": list(self._paths), "effects": list(self._effects)}

    def _id(self, post_id: str) -> int:
        return self._ids.setdefault(post_id, len(self._ids))

    def _row(self, row: list[Any], before_ms: int) -> list[Any]:
        _, at_ms, event, source, dest, trouble, post_id, text = row
        post = None if post_id is None else self._id(post_id)
        return [at_ms - before_ms, event, source, dest, trouble, post, self._text(text)]

    def _reason(self, reason: dict[str, Any], at_ms: int) -> list[Any]:
        begun, ended = ([place for e in reason[name] for place in self._effect(e)] for name in ("begun", "ended"))
        return [reason["guards"], reason["taken"], list(self._changes(reason["changes"], at_ms)), begun, ended]

    def _changes(self, changes: list[Change], at_ms: int) -> Iterator[Any]:
        """A stream: a path's place and the new value, again and again; a negative number names the next post."""
        gone = {path.partition("]")[0] for path, _, after in changes if path.endswith("].post.id") and after is None}
        about = None
        for path, before, after in changes:
            found = _POST.match(path)
            if found is not None and (post := self._id(found[1])) != about:
                about = post
                yield -1 - post
                if path.partition("]")[0] in gone:
                    yield from (0, None)
            if path.partition("]")[0] in gone or _LEFT_OUT.search(path):
                continue
            place = self._paths.setdefault(_POST.sub("posts[id=*]", path), len(self._paths))
            yield place
            yield self._value(path, before, after, at_ms)

    def _value(self, path: str, before: Any, after: Any, at_ms: int) -> Any:
        """A time counts from the record's own, a sum from its last value; a post's id is its place."""
        if type(after) is not int:
            return (
                f"{ID_MARK}{self._ids[after]}" if isinstance(after, str) and after in self._ids else _short(path, after)
            )
        if path.endswith("_ms"):
            return after - at_ms
        if path.endswith(".timestamp"):
            return after - at_ms // 1000
        return after - before if path.startswith(_SUMS) and type(before) is int else after

    def _effect(self, effect: str) -> Iterator[int]:
        """The place of an effect's text, and that of the post in it."""
        found = next((found for found in _ID.finditer(effect) if found[0] in self._ids), None)
        text = effect if found is None else effect.replace(found[0], ID_MARK, 1)
        yield self._effects.setdefault(text, len(self._effects))
        if found is not None:
            yield self._ids[found[0]]

    def _text(self, text: str) -> str:
        def place(found: re.Match[str]) -> str:
            post = self._ids.get(found[0])
            return found[0] if post is None else f"{ID_MARK}{post}{ID_MARK}"

        return _ID.sub(place, text.replace(ID_MARK, ""))

    def _gantt(self, chart: dict[str, Any]) -> dict[str, Any]:
        if "lanes" not in chart:
            return chart
        begin, first = chart["from"], chart["first"]

        def near(bars: list[list[Any]]) -> list[list[Any]]:
            return [[start - begin, end - start, kind, seq and seq - first + 1] for start, end, kind, seq in bars]

        lanes = []
        for lane in chart["lanes"]:
            post = self._id(lane["post"])
            told = [
                post,
                lane["carried_from"],
                lane["verdict"],
                lane["verdict_seq"] and lane["verdict_seq"] - first + 1,
            ]
            lanes.append([*told, near(lane["bars"])])
        return chart | {
            "to": chart["to"] - begin,
            "states": near(chart["states"]),
            "search": near(chart["search"]),
            "lanes": lanes,
            "folds": [[start - begin, end - start] for start, end in chart["folds"]],
        }


def _shortened(state: Flat) -> Flat:
    return {path: _short(path, value) for path, value in state.items() if not _LEFT_OUT.search(path)}


def _short(path: str, value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, str) and path.endswith(".content") and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}…"
    return value
