"""Journals broken by hand and hashed anew: what only an audit can tell from what a miner wrote.

A good history comes first, made by the machine (`clean`). A break changes what it says, here and there, and `rehashed`
makes the chain whole again; checkpoints are made to fit as far as a forger could, so that a break shows where it is and
nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from actor.machine import INITIAL, State, state_sha256, step
from actor.machine.facts import sample
from actor.machine.scoring import content_sha256, norm_text
from events import catalogue as ev
from events.codec import canonical_json, changed
from events.journal import GENESIS, Draft, FileJournal, Record, parse
from events.journal.layout import segment_name
from events.journal.record import hashes_sha256, seal_data
from tests.journal.kit import QuickDisk
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited, post, rejected

__all__ = [
    "Line",
    "Story",
    "clean",
    "clean_story",
    "drop",
    "index",
    "insert",
    "lines_of",
    "records_of",
    "rehashed",
    "write",
]

E = TypeVar("E", bound=ev.Event)
WINDOW_S = 1_200.0


@dataclass(slots=True, kw_only=True)
class Line:
    """A record before its hash, to be changed at will.

    Attributes:
        at_ms: When it happened.
        event: The event.
        source: The state before.
        dest: The state after.
        data: Replaces the event's own JSON, where this build makes no event of it.
        kept: A checkpoint that is not made to fit.
        keeps_journal: A checkpoint that is made to fit but for the journal that it names.
    """

    at_ms: int
    event: Any
    source: str
    dest: str
    data: dict[str, Any] | None = None
    kept: bool = False
    keeps_journal: bool = False

    def change(self, **fields: Any) -> None:
        """The same event with other fields."""
        self.event = changed(self.event, **fields)

    def change_body(self, **fields: Any) -> None:
        """The same submission with another body."""
        self.change(body=changed(self.event.body, **fields))


class Story(Drive):
    """A drive whose events hold what a real run's hold: digests, drawn samples, posts as old as their window."""

    def search(self, *numbers: int, seed: int = 45, newest_id: str | None = None, **fields: Any) -> Story:
        """The due search brought these new posts, an hour old, of which the wanted ones are drawn.

        ``fields`` are theirs. With AUTHOR_CACHE_HOURS X tells of no users.
        """
        window = self.state.window
        assert window is not None
        found = [post(number, timestamp=self.at_ms // 1000 - 3_600, **fields) for number in numbers]
        self.on(
            ev.PostsScraped(
                window=window.number,
                wanted=self.state.to_scrape,
                seed=seed,
                candidates=tuple(p.id for p in found),
                posts=sample(found, self.state.to_scrape + self.state.spare, seed),
                posts_read=max(10, len(found)),
                users_read=0 if self.state.policy.author_cache_hours else 10,
                requests=1,
                unusable=0,
                latency_ms=300,
                since=self.at_ms // 1000 - 72 * 3_600 - 60,
                spare=self.state.spare,
                since_id=self.state.since_id,
                newest_id=newest_id,
            ),
            after_s=0.3,
        )
        return self

    def analyze(self, *relevances: float | str | None) -> Story:
        """The due analyses came back, with these relevances; None for a timeout, a kind for another failure."""
        for pending, relevance in zip(self.state.to_analyze(), relevances, strict=True):
            digest = content_sha256(norm_text(pending.post.content))
            if relevance is None or isinstance(relevance, str):
                kind = relevance or "timeout"
                event: ev.Event = analysis_failed(pending.post.id, kind, content_sha256=digest)
            else:
                event = analyzed(pending.post.id, relevance, content_sha256=digest)
            self.on(event, after_s=0.7)
        return self

    def answered(self, answer: Any, *arguments: Any) -> Story:
        """The wanted submission was sent and answered by ``answer(post_id, *arguments)``."""
        event = answer(self.send(), *arguments)
        if isinstance(event, ev.RateLimited):
            event = changed(event, full=self.state.filled_by(event.start_block))
        self.on(event, after_s=0.02)
        return self

    def wait(self, seconds: float) -> Story:
        """Time passes."""
        self.at_ms += round(seconds * 1_000)
        return self


def clean_story() -> Story:
    """Every kind of everyday event, and nothing that a rule objects to: seven windows, three runs."""
    story = Story()
    story.start()
    story.wait(5).window(70)
    story.search(1, 2, 3, 4, 5, 6, 7).analyze(1.0, 0.8, 0.6, 0.4, None)
    story.answered(failed, 1).on(ev.BackoffElapsed(), after_s=3)
    story.answered(failed, 2).on(ev.BackoffElapsed(), after_s=6)
    story.answered(accepted, "new", 7_000).answered(rejected).answered(limited, 7_000).sign()
    story.wait(WINDOW_S).window(71)
    story.search(8, 9).analyze(0.9, 0.3)
    for _ in range(5):
        story.answered(accepted, "new", 7_100)
    story.sign()
    story.on(ev.ApiUnreachable(reason="no answer"), after_s=60)
    story.on(ev.ApiRecovered(), after_s=60)
    story.wait(WINDOW_S).window(72).scrape_failed().sign()
    story.on(ev.ActorStopped(reason="asked to stop", posts_processed=6), after_s=30)
    story.wait(120).start()
    story.wait(WINDOW_S).window(73)
    story.search(10).analyze(0.0)
    story.send()
    story.wait(2).start()
    story.answered(accepted, "duplicate", 7_300).sign()
    for number in (74, 75):
        story.wait(WINDOW_S).window(number)
        story.search().sign()
    story.wait(WINDOW_S).window(76)
    story.search(11)
    story.on(ev.ActorStopped(reason="asked to stop", posts_processed=7), after_s=1)
    return story


def clean() -> list[Line]:
    """The good history, to be broken."""
    return lines_of(clean_story())


def lines_of(drive: Drive) -> list[Line]:
    """A drive's records, to be changed."""
    return [Line(at_ms=r.at_ms, event=r.event(), source=r.source, dest=r.dest) for r in drive.records]


def index(lines: Sequence[Line], kind: type[ev.Event], number: int = 1, **fields: Any) -> int:
    """Where the ``number``-th event of this kind stands, of those with these fields."""
    found = [
        place
        for place, line in enumerate(lines)
        if type(line.event) is kind and all(getattr(line.event, name) == value for name, value in fields.items())
    ]
    return found[number - 1]


def insert(lines: list[Line], place: int, *events: ev.Event) -> None:
    """Put events in front of what stands at ``place``, a moment after the record before; the state stays."""
    before = lines[place - 1]
    for offset, event in enumerate(events):
        line = Line(at_ms=before.at_ms, event=event, source=before.dest, dest=before.dest)
        lines.insert(place + offset, line)


def drop(lines: list[Line], *places: int) -> None:
    """Take records out."""
    for place in sorted(places, reverse=True):
        del lines[place]


def rehashed(lines: Iterable[Line]) -> list[bytes]:
    """The lines of a journal whose chain is whole, and whose checkpoints fit as far as the machine follows."""
    head, state, listed = GENESIS, INITIAL, 0
    written: list[bytes] = []
    hashes: list[str] = []
    followed: State | None = state
    for line in lines:
        event = line.event
        if isinstance(event, ev.CheckpointSigned) and not line.kept and listed < head.seq:
            event = changed(
                event,
                journal=event.journal if line.keeps_journal else hashes[0],
                since=listed,
                seq=head.seq,
                head=head.hash,
                hashes_sha256=hashes_sha256(hashes[listed:]),
                state_sha256=_digest(followed),
            )
        listed = event.seq if isinstance(event, ev.CheckpointSigned) else listed
        followed = None if followed is None or line.data is not None else _after(followed, event, line.at_ms)
        draft = Draft(at_ms=line.at_ms, event=event, source=line.source, dest=line.dest)
        data = canonical_json(event) if line.data is None else orjson.dumps(line.data)
        content, _ = seal_data(draft, head, data)
        written.append(content)
        head = parse(content, head).head
        hashes.append(head.hash)
    return written


def _digest(state: State | None) -> str:
    try:
        return "0" * 64 if state is None else state_sha256(state)
    except TypeError:  # a forged number that no journal can hold
        return "0" * 64


def _after(state: State, event: ev.Event, at_ms: int) -> State | None:
    try:
        return step(state, event, at_ms)
    except ValueError:
        return None


def records_of(written: Iterable[bytes]) -> list[Record]:
    """The records that these lines are."""
    records: list[Record] = []
    head = GENESIS
    for line in written:
        records.append(parse(line, head))
        head = records[-1].head
    return records


def write(directory: Path, written: Iterable[bytes]) -> Path:
    """A journal on disk of these lines, in one segment, with its HEAD."""

    async def take() -> None:
        journal = FileJournal(directory, on_warning=lambda _line: None, disk=QuickDisk())
        await journal.take(reducer=0)
        await journal.release()

    asyncio.run(take())
    (directory / segment_name(1)).write_bytes(b"".join(written))
    asyncio.run(take())  # HEAD follows
    return directory
