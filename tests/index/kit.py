"""What the tests of the index share: journals of many files, and answers of every command with and without an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson
import pytest

from audit.status.watch import Watched
from events.journal import JournalReader, at_text
from events.journal.layout import segment_name
from events.money import Money
from events.prices import Prices
from tests.audit.replay_kit import begun
from tests.audit.walks import Walk
from user_miner.commands.audit import run_audit
from user_miner.commands.costs import run_costs
from user_miner.commands.export import run_export, run_make_bundle
from user_miner.commands.fixture import SliceChoice, run_fixture
from user_miner.commands.replay import ReplayOptions, run_replay
from user_miner.commands.status import first_look, run_status

__all__ = ["Asked", "asked_of", "said", "walked", "write_files"]

# One command: given whether the index is barred, it prints and returns its exit code.
Asked = Callable[[bool], int]

_PRICES: Final = Prices(llm_usd_per_million_prompt_tokens=1.0, llm_usd_per_million_completion_tokens=10.0)
_SOURCE: Final = re.compile(r'"source": ?"(index|journal)"')
# The room on the disk changes between two answers, and the index itself takes some.
_ROOM: Final = re.compile(r'"free_bytes": ?\d+|disk .*\n')


def write_files(directory: Path, lines: Sequence[bytes], each: int) -> Path:
    """A journal of so many records a file."""
    if not directory.exists():
        begun(directory)
    for begin in range(0, len(lines), each):
        (directory / segment_name(begin + 1)).write_bytes(b"".join(lines[begin : begin + each]))
    return directory


def walked(seed: int, steps: int) -> list[bytes]:
    """The lines of a random history: starts, crashes, gaps, moved APIs, other settings."""
    return list(Walk(seed).go(steps).lines)


def asked_of(journal: Path, seed: int = 0, out: Path | None = None) -> Iterator[tuple[str, Asked]]:
    """Commands of every kind, about this journal's own windows, posts and times; a name for each."""
    known = _Known(journal, seed)
    for as_json in (False, True):
        yield from known.timelines(as_json=as_json)
        yield from known.points(as_json=as_json)
        yield from known.sums(as_json=as_json)
        yield from known.slices(as_json=as_json)
        yield from known.audits(as_json=as_json)
    yield from known.tables(out)
    yield from known.bundles(out)


class _Known:
    """What a journal can be asked about."""

    def __init__(self, journal: Path, seed: int) -> None:
        self.journal = journal
        self.random = random = Random(seed)  # noqa: S311  (a test's draw)
        records = list(JournalReader(journal))
        events = [record.event() for record in records]
        self.windows = sorted({n for event in events if (n := getattr(event, "window", None)) is not None})
        self.posts = [post.id for event in events for post in getattr(event, "posts", ())]
        self.candidates = [c for event in events for c in getattr(event, "candidates", ()) if c not in self.posts]
        self.names = sorted({record.name for record in records})
        self.last, self.last_ms = len(records), records[-1].at_ms
        times = [record.at_ms for record in records]
        self.day, self.moment = (_time(random.choice(times), length) for length in (10, 19))

    def some(self, values: Sequence[Any], count: int) -> tuple[Any, ...]:
        return tuple(self.random.sample(values, k=min(count, len(values))))

    def timelines(self, *, as_json: bool) -> Iterator[tuple[str, Asked]]:
        beyond = max(self.windows, default=0) + 7
        filters: list[dict[str, Any]] = [
            {"windows": self.some(self.windows, 1)},
            {"windows": (*self.some(self.windows, 2), beyond), "since": self.day},
            {"windows": (beyond,)},
            {"events": self.some(self.names, 1)},
            {"events": self.some(self.names, 2), "until": self.moment},
            {"since": self.moment},
            {"since": self.day, "until": self.day},
            *({"post_id": post, "since": "2001-01-01"} for post in self.some(self.posts, 1)),
        ]
        for options in filters:
            verbose = self.random.random() < 0.3
            yield from _replays(self.journal, as_json=as_json, verbose=verbose, **options)

    def points(self, *, as_json: bool) -> Iterator[tuple[str, Asked]]:
        one, other = sorted(self.random.choices(range(1, self.last + 1), k=2))
        for post in (*self.some(self.posts, 2), "no-such-post"):
            yield from _replays(self.journal, post_id=post, as_json=as_json)
        for at in ("0", str(self.last), str(self.last + 1), str(one), self.day, self.moment, "2001-01-01"):
            yield from _replays(self.journal, at=at, as_json=as_json)
        for ends in ((str(one), str(other)), (self.day, self.moment)):
            yield from _replays(self.journal, diff=ends, as_json=as_json)
        for seq in (1, one, other, self.last, self.last + 1):
            yield from _replays(self.journal, why=seq, as_json=as_json)

    def sums(self, *, as_json: bool) -> Iterator[tuple[str, Asked]]:
        for by in ("window", "day", "total"):
            since = self.random.choice([None, self.day])
            yield from _costs(self.journal, self.last_ms, by=by, since=since, as_json=as_json)
        for asked in (
            ("AUTHOR_CACHE_HOURS=5",),
            ("POSTS_PER_SEARCH=9", "AUTHOR_CACHE_HOURS=1"),
            ("MAX_X_USD_PER_DAY=1",),
        ):
            yield _what_if(self.journal, self.last_ms, asked, as_json=as_json)
        yield _status(self.journal, self.last_ms + 60_000, as_json=as_json)
        yield _watched(self.journal, self.last_ms + 60_000)

    def audits(self, *, as_json: bool) -> Iterator[tuple[str, Asked]]:
        late = _time(self.last_ms - self.random.randrange(1, 3_600_000), 23)
        for since, until in ((late, None), (self.moment, None), (self.day, self.day), ("2101-01-01", None)):
            yield _audit(self.journal, since, until, as_json=as_json)

    def slices(self, *, as_json: bool) -> Iterator[tuple[str, Asked]]:
        seqs = self.random.choices(range(1, self.last + 1), k=2)
        for choice in (
            *({"post": post} for post in (*self.some(self.posts, 2), "no-such-post")),
            *({"window": number} for number in (*self.some(self.windows, 2), 1)),
            *({"until": seq} for seq in (*seqs, self.last, self.last + 1)),
        ):
            yield _fixture(self.journal, SliceChoice(**choice, as_json=as_json))

    def tables(self, out: Path | None) -> Iterator[tuple[str, Asked]]:
        picked = self.some(self.windows, 2)
        for what in ("records", "posts", "windows"):
            for order in ({"windows": picked}, {"since": self.moment}, {"until": self.day, "windows": picked[:1]}):
                yield from _exports(self.journal, what=what, out=out, **order)

    def bundles(self, out: Path | None) -> Iterator[tuple[str, Asked]]:
        for post in (
            *self.posts[:1],
            *self.some(self.posts, 4),
            *self.posts[-1:],
            *self.candidates[-1:],
            "no-such-post",
        ):
            yield _bundle(self.journal, post, out)


def said(asked: Asked, capsys: pytest.CaptureFixture[str], *, no_index: bool) -> tuple[tuple[int, str, str], set[str]]:
    """Exit code and what was printed, the source aside; and the sources that were named."""
    capsys.readouterr()
    code = asked(no_index)
    printed, errors = capsys.readouterr()
    sources = set(_SOURCE.findall(printed))
    return (code, _ROOM.sub("", _SOURCE.sub("", printed)), errors), sources


def _time(at_ms: int, length: int) -> str:

    return at_text(at_ms)[:length]


def _replays(journal: Path, **options: Any) -> Iterator[tuple[str, Asked]]:
    asked = ReplayOptions(**options)
    yield f"replay {options}", lambda no_index: run_replay(journal, replace(asked, no_index=no_index))


def _costs(journal: Path, now_ms: int, *, by: Any, since: str | None, as_json: bool) -> Iterator[tuple[str, Asked]]:
    def ask(no_index: bool) -> int:  # noqa: FBT001
        how: dict[str, Any] = {"as_json": as_json, "money": Money(_PRICES), "now_ms": now_ms, "no_index": no_index}
        return run_costs(journal, by, (since, None), **how)

    yield f"costs {by} {since} {as_json}", ask


def _what_if(journal: Path, now_ms: int, asked: Sequence[str], *, as_json: bool) -> tuple[str, Asked]:
    def ask(no_index: bool) -> int:  # noqa: FBT001
        how: dict[str, Any] = {"as_json": as_json, "money": Money(_PRICES), "now_ms": now_ms, "no_index": no_index}
        return run_costs(journal, "day", (None, None), what_if=asked, **how)

    return f"costs {asked} {as_json}", ask


def _status(journal: Path, now_ms: int, *, as_json: bool) -> tuple[str, Asked]:
    def ask(no_index: bool) -> int:  # noqa: FBT001
        return run_status(journal, watching=False, as_json=as_json, now_ms=lambda: now_ms, no_index=no_index)

    return f"status json={as_json}", ask


def _watched(journal: Path, now_ms: int) -> tuple[str, Asked]:
    """The first line of ``status --watch``."""

    def ask(no_index: bool) -> int:  # noqa: FBT001
        fields = Watched(journal, lambda: now_ms, partial(first_look, journal, use=not no_index)).fields()
        print(orjson.dumps(fields).decode())  # noqa: T201
        return 0

    return "status --watch", ask


def _bundle(journal: Path, post_id: str, out: Path | None) -> tuple[str, Asked]:
    def ask(no_index: bool) -> int:  # noqa: FBT001
        how: dict[str, Any] = {"out": out, "force": True, "as_json": out is not None, "no_index": no_index}
        code = run_make_bundle(journal, post_id, is_signed_by=lambda *_: True, **how)
        if out is not None and out.exists():
            print(out.read_text("utf-8"))  # noqa: T201
        return code

    return f"export --dispute {post_id}", ask


def _audit(journal: Path, since: str, until: str | None, *, as_json: bool) -> tuple[str, Asked]:
    def ask(no_index: bool) -> int:  # noqa: FBT001
        return run_audit(journal, as_json=as_json, since=since, until=until, no_index=no_index)

    return f"audit {since} {until} {as_json}", ask


def _fixture(journal: Path, choice: SliceChoice) -> tuple[str, Asked]:
    return f"fixture {choice}", lambda no_index: run_fixture(journal, replace(choice, no_index=no_index))


def _exports(journal: Path, *, what: Any, out: Path | None, **options: Any) -> Iterator[tuple[str, Asked]]:
    limits = {"windows": (), "events": (), "since": None, "until": None} | options

    def ask(no_index: bool) -> int:  # noqa: FBT001
        how: dict[str, Any] = {"out": out, "force": True, "as_json": out is not None, "no_index": no_index}
        code = run_export(journal, what, "jsonl", limits, **how)
        if out is not None and out.exists():
            print(out.read_text("utf-8"))  # noqa: T201
        return code

    yield f"export {what} {options}", ask
