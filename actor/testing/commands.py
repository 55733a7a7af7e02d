"""The commands of golden transcripts: each lets an event happen to a machine, or shows something of its state. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from actor.machine import REDUCER, State, state_sha256, wanted
from actor.machine.facts import is_outcome
from actor.testing.drive import MachineDrive
from actor.testing.made import accepted, analysis_failed, analyzed, failed, limited, rejected
from actor.testing.words import effect_line
from events import catalogue as ev
from events.codec import decode_as
from events.effects import AbandonPost, effect_key
from events.journal.record import hashes_sha256
from events.upcast import VERSIONS

__all__ = ["COMMANDS", "Teller"]

_Fields: TypeAlias = Mapping[str, Any]


class Teller(MachineDrive):
    """A machine that says what happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []

    def say(self, line: str) -> None:
        self._said.append(line)

    def take(self) -> list[str]:
        """What was said since the last time."""
        said, self._said = self._said, []
        return said

    def _on(self, event: ev.Event, at_ms: int) -> None:
        before = wanted(self.state)
        super()._on(event, at_ms)
        after = wanted(self.state)
        self.say(f"{type(event).__name__}: {self.moved()}")
        for effect in before:
            if effect not in after and not is_outcome(event, effect):
                self.say(f"  - {effect_line(effect, at_ms)}")
        for effect in after:
            if effect not in before:
                self.say(f"  + {effect_line(effect, at_ms)}")


_Command: TypeAlias = Callable[[Teller, list[str], _Fields], object]


def _open_post(state: State) -> str:
    if state.open is None:
        raise ValueError("no attempt is open; send first")
    return state.open.post_id


def _exactly(words: list[str], usage: str) -> list[str]:
    """The words behind a command, as many as its usage has."""
    if len(words) != usage.count(" "):
        raise ValueError(f"expected: {usage}")
    return words


def _start(drive: Teller, _words: list[str], fields: _Fields) -> None:
    drive.start(decode_as(ev.Policy, dict(fields)) if fields else None)


def _stop(drive: Teller, words: list[str], _fields: _Fields) -> None:
    drive.on(ev.ActorStopped(reason=" ".join(words) or "SIGTERM", posts_processed=drive.state.totals.accepted))


def _window(drive: Teller, words: list[str], fields: _Fields) -> None:
    (number,) = _exactly(words, "window NUMBER")
    drive.window(int(number), **fields)


def _scraped(drive: Teller, words: list[str], fields: _Fields) -> None:
    drive.scraped(*map(int, words), **fields)


def _analyzed(drive: Teller, words: list[str], fields: _Fields) -> None:
    due = [pending.post.id for pending in drive.state.to_analyze()] if words == ["all"] else words
    for post_id in due:
        drive.on(analyzed(post_id, **fields))


def _analysis_failed(drive: Teller, words: list[str], fields: _Fields) -> None:
    for post_id in words:
        drive.on(analysis_failed(post_id, **fields))


def _failed(drive: Teller, _words: list[str], _fields: _Fields) -> None:
    post_id = _open_post(drive.state)
    drive.on(failed(post_id, 1 if drive.state.open is None else drive.state.open.attempt))


def _limited(drive: Teller, _words: list[str], fields: _Fields) -> None:
    full = drive.state.filled_by(fields.get("start_block"))
    drive.on(limited(_open_post(drive.state), **{"full": full, **fields}))


def _abandon(drive: Teller, words: list[str], _fields: _Fields) -> None:
    (post_id,) = _exactly(words, "abandon POST")
    due = [e for e in wanted(drive.state) if isinstance(e, AbandonPost) and e.post_id == post_id]
    if not due:
        raise ValueError(f"post {post_id} waits for no window")
    drive.on(ev.PostAbandoned(post_id=post_id, reason=due[0].reason))


def _crashed(drive: Teller, words: list[str], _fields: _Fields) -> None:
    (key,) = _exactly(words, "crashed EFFECT[:POST]")
    known = {effect_key(effect): effect for effect in wanted(drive.state)}
    if key not in known:
        raise ValueError(f"not in flight; these are: {', '.join(known)}")
    post_id = getattr(known[key], "post_id", None)
    drive.on(ev.EffectCrashed(effect=key, post_id=post_id, error="KeyError: 'x'"))


def _mismatched(drive: Teller, words: list[str], _fields: _Fields) -> None:
    setting, served = _exactly(words, "mismatched SETTING SERVED")
    configured = getattr(drive.state.policy, setting.lower())
    data = {"setting": setting, "configured": configured, "served": int(served)}
    drive.on(decode_as(ev.ConfigMismatched, data))


def _checkpoint(drive: Teller, _words: list[str], _fields: _Fields) -> None:
    since = drive.state.checkpoint_seq
    drive.on(
        ev.CheckpointSigned(
            journal=drive.records[0].hash,
            since=since,
            seq=drive.head.seq,
            head=drive.head.hash,
            hashes_sha256=hashes_sha256(record.hash for record in drive.records[since:]),
            reducer=REDUCER,
            state_sha256=state_sha256(drive.state),
            signature="00",
        )
    )


def _hold(drive: Teller, _words: list[str], _fields: _Fields) -> None:
    if drive.state.unaffordable is None:
        raise ValueError("a budget allows the search, or none is due")
    drive.on(drive.state.unaffordable)


def _event(drive: Teller, words: list[str], _fields: _Fields) -> None:
    name, data = _exactly(words, "event NAME JSON")
    if name not in ev.EVENTS:
        raise ValueError(f"no event is named {name}")
    drive.on(decode_as(ev.EVENTS[name], json.loads(data), f"{name} version {VERSIONS[name]}"))


def _posts(drive: Teller, _words: list[str], _fields: _Fields) -> None:
    for pending in drive.state.posts:
        waits = " waits" if pending.deferred else ""
        analysis = f"score={pending.score:.3f}" if pending.analyzed else "not analyzed"
        drive.say(f"post {pending.post.id}: {analysis} attempts={pending.attempts} put_off={pending.deferrals}{waits}")
    if not drive.state.posts:
        drive.say("no post is without a verdict")


def _totals(drive: Teller, _words: list[str], _fields: _Fields) -> None:
    totals = drive.state.totals
    names = ("windows", "scraped", "accepted", "rejected", "abandoned", "left_out")
    drive.say(" ".join(f"{name}={getattr(totals, name)}" for name in names))


# The names, as docs/developers/testing.md explains them.
COMMANDS: Final[Mapping[str, _Command]] = {
    "start": _start,
    "stop": _stop,
    "window": _window,
    "scraped": _scraped,
    "scrape-failed": lambda drive, _words, _fields: drive.scrape_failed(),
    "hold": _hold,
    "analyzed": _analyzed,
    "analysis-failed": _analysis_failed,
    "send": lambda drive, _words, _fields: drive.send(),
    "accepted": lambda drive, _words, fields: drive.on(accepted(_open_post(drive.state), **fields)),
    "rejected": lambda drive, _words, fields: drive.on(rejected(_open_post(drive.state), **fields)),
    "failed": _failed,
    "limited": _limited,
    "backoff-over": lambda drive, _words, _fields: drive.on(ev.BackoffElapsed()),
    "abandon": _abandon,
    "crashed": _crashed,
    "unreachable": lambda drive, _words, _fields: drive.on(ev.ApiUnreachable(reason="no answer within 10 s")),
    "recovered": lambda drive, _words, _fields: drive.on(ev.ApiRecovered()),
    "disk-full": lambda drive, _words, _fields: drive.on(ev.DiskFilled(free_bytes=3 << 20, needed_bytes=4 << 20)),
    "disk-freed": lambda drive, _words, _fields: drive.on(ev.DiskFreed(free_bytes=9 << 20)),
    "mismatched": _mismatched,
    "moved": lambda drive, words, _fields: drive.on(ev.ApiMoved(api_url=_exactly(words, "moved URL")[0])),
    "checkpoint": _checkpoint,
    "event": _event,
    "posts": _posts,
    "totals": _totals,
}
