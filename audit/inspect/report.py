"""A whole journal as blocks of deflated JSON, for a page that has no server to ask. Pure.

The block "head" holds what the page begins with. Each other block holds so many records with the state before them and
what each changed, so that the page can show any record after inflating one block. Hashes are left out but for the
head's, and so is the data of records as written.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from actor.machine.history import Step
from audit.inspect.packed import LONGEST_TEXT, packed
from audit.inspect.source import Source, reason_of, row_of, words
from events import catalogue as ev

__all__ = ["SIZE", "report_blocks"]

SIZE: Final = 2_048
_LEFT_OUT: Final = re.compile(r"\.(content|author|author_id)$")
_WORD: Final = "(left out)"
_QUOTE: Final = 4


def report_blocks(
    source: Source, *, made: str, redacted: bool, on_progress: Callable[[int, int], None]
) -> Iterator[tuple[str, bytes]]:
    """The blocks by name; ``made`` is when and by what, for people."""
    about, windows = source.about(), source.windows(0)
    redact = _Redaction() if redacted else None
    records = about["records"]
    for number, first in enumerate(range(1, records + 1, SIZE)):
        last = min(records, first + SIZE - 1)
        steps = list(source.steps(first, last))
        state: dict[str, Any] = source.state(first - 1)
        block: dict[str, Any] = {
            "first": first,
            "state": state,
            "rows": [row_of(step) for step in steps],
            "reasons": [reason_of(step) for step in steps],
            "gantts": dict(_gantts(source, windows, first, last)),
        }
        yield f"block-{number}", _deflated(packed(block if redact is None else redact.block(block, steps)))
        on_progress(last, records)
    head = {
        "size": SIZE,
        "made": {"made": made, "redacted": redacted, "longest": LONGEST_TEXT},
        "about": about | {"reading": False},
        "windows": windows,
        "costs": source.costs(),
        "audit": orjson.loads(orjson.dumps(source.audit().report)),
        "words": words(),
    }
    if redact is not None:
        head |= {name: redact.texts(head[name]) for name in ("about", "audit")}
    yield "head", _deflated(head)


def _gantts(source: Source, windows: list[list[Any]], first: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, (number, seq, _, count, *_) in enumerate(windows):
        if first <= seq <= last and not (number is None and count):
            yield index, source.gantt(index)


def _deflated(value: object) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9)
    return packer.compress(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)) + packer.flush()


class _Redaction:
    """Leaves out posts' texts and authors, and every other text that names an author or quotes four words of a post."""

    def __init__(self) -> None:
        self._secret: set[tuple[str, ...]] = set()

    def block(self, block: dict[str, Any], steps: list[Step]) -> dict[str, Any]:
        """A block of records."""
        for step in steps:
            for post in step.event.posts if isinstance(step.event, ev.PostsScraped) else ():
                self._secret |= {tuple(_words(post.author)), *_quotes(_words(post.content))}
        state = {path: value for path, value in block["state"].items() if not _LEFT_OUT.search(path)}
        reasons = [
            reason | {"changes": [change for change in reason["changes"] if not _LEFT_OUT.search(change[0])]}
            for reason in block["reasons"]
        ]
        gantts = {
            index: chart | ({"lanes": [lane | {"author": ""} for lane in chart["lanes"]]} if "lanes" in chart else {})
            for index, chart in block["gantts"].items()
        }
        return {**self.texts(block | {"state": state, "reasons": reasons}), "gantts": gantts}

    def texts(self, value: Any) -> Any:
        """The same without texts that tell what is left out."""
        if isinstance(value, str):
            return value if self._secret.isdisjoint(_parts(_words(value))) else _WORD
        if isinstance(value, dict):
            return {key: self.texts(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.texts(part) for part in value]
        return value


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _quotes(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Every four words that stand together; all of them where there are fewer, but for a single one."""
    if len(words) > 1:
        yield from (tuple(words[n : n + _QUOTE]) for n in range(max(1, len(words) - _QUOTE + 1)))


def _parts(words: list[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, _QUOTE + 1):
        yield from (tuple(words[n : n + size]) for n in range(len(words) - size + 1))
