"""What the tests of check share: a machine fed with facts that hold together, and records altered afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import msgspec
import orjson

from actor.machine import REDUCER, content_sha256, encode_state, norm_text
from actor.machine.facts import crash_event
from actor.machine.wanted import wanted
from audit.check import Checker, Divergence
from events import catalogue as ev
from events import effects as ef
from events.journal import Record, Snapshot
from tests.kit import Drive, analyzed, failed

__all__ = ["Honest", "altered", "check", "first", "kinds", "seq_of", "snapshot", "story"]


class Honest(Drive):
    """Analyses speak of their post's text, and crashes are those of wanted effects; a test's clock moves by itself."""

    def analyze_all(self, relevance: float = 1.0) -> Self:
        """Every due analysis came back."""
        for pending in self.state.to_analyze():
            digest = content_sha256(norm_text(pending.post.content))
            self.on(analyzed(pending.post.id, relevance, content_sha256=digest), after_s=0.5)
        return self

    def crash(self, key: str) -> Self:
        """A wanted effect raised."""
        (effect,) = [e for e in wanted(self.state) if ef.effect_key(e) == key]
        self.on(crash_event(self.state, effect, "KeyError: 'x'"), after_s=0.5)
        return self

    def stop(self) -> Self:
        """A clean end."""
        self.on(ev.ActorStopped(reason="SIGTERM", posts_processed=self.state.totals.accepted), after_s=1)
        return self

    def fail(self) -> Self:
        """Send, and it fails."""
        post_id = self.send()
        assert self.state.open is not None
        self.on(failed(post_id, self.state.open.attempt), after_s=0.1)
        return self

    def wait(self, after_s: float) -> Self:
        """The backoff is over after so many seconds."""
        self.on(ev.BackoffElapsed(), after_s=after_s)
        return self


def story() -> Honest:
    """Two windows, with failed attempts and a crash, each vouched for."""
    honest = Honest()
    honest.start().batch(812, 1, 2, 3)
    honest.fail().wait(3).fail().wait(6).accept_all().sign()
    honest.at_ms += 1_000_000
    honest.crash("PollStatus").wait(12)
    honest.batch(813, 4, 5).accept_all().sign()
    honest.at_ms += 60_000
    return honest.stop()


def check(records: Iterable[Record], *snapshots: Snapshot) -> list[Divergence]:
    """Every divergence."""
    checker = Checker(snapshots)
    found = [divergence for record in records if (divergence := checker.feed(record)) is not None]
    return [*found, *checker.finish()]


def kinds(records: Iterable[Record], *snapshots: Snapshot) -> list[tuple[int, str]]:
    """Record and kind of every divergence."""
    return [(found.seq, found.kind) for found in check(records, *snapshots)]


def altered(records: Iterable[Record], seq: int, data: dict[str, Any] | None = None, **fields: Any) -> list[Record]:
    """The records with other ``data``, or other ``fields``, in one of them."""
    return [_altered(record, data or {}, fields) if record.seq == seq else record for record in records]


def _altered(record: Record, data: dict[str, Any], fields: dict[str, Any]) -> Record:
    raw = orjson.dumps({**record.data, **data}) if data else record.raw
    return msgspec.structs.replace(record, **{"raw": raw, **fields})


def snapshot(drive: Drive, **fields: Any) -> Snapshot:
    """The drive's state as it would be cached now."""
    found: dict[str, Any] = {"head": drive.head, "reducer": REDUCER, "state": encode_state(drive.state)}
    return Snapshot(**{**found, **fields})


def first(records: list[Record]) -> Divergence:
    """The first divergence."""
    return check(records)[0]


def seq_of(drive: Honest, name: str, number: int = 1) -> int:
    """The record that holds the number-th event of this name."""
    return [record.seq for record in drive.records if record.name == name][number - 1]
