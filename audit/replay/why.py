"""``replay --why``: one record, the rows of the table that this build tries for it, and all that came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from actor.machine import INITIAL, State, step, wanted
from actor.machine.explain import Explanation, TriedRow, explain
from actor.machine.history import FoldError, folded
from audit.errors import UsageError
from audit.replay.lines import short
from audit.replay.reasons import reasons
from events.catalogue import Event
from events.codec import plain
from events.describe import describe
from events.differences import Difference, difference_fields, difference_lines, differences
from events.effects import Effect, effect_fields
from events.journal import Record, at_text

__all__ = [
    "GUARD_MEANINGS",
    "Why",
    "effect_text",
    "effects_between",
    "explained",
    "why",
    "why_fields",
    "why_lines",
]

_LONGEST_LINE: Final = 2_000
GUARD_MEANINGS: Final[Mapping[str, str]] = {
    "scrape_due": "the window being worked on still wants a search, or X is to tell who posted",
    "analysis_due": "a post that is not put off has no analysis",
    "post_queued": "an analyzed post may be sent in this window",
    "idle": "no search is due, and every post without a verdict is put off",
    "backing_off": "a backoff is set",
    "released": "no backoff is set",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What this build makes of a record.

    Attributes:
        record: The record.
        event: Its event.
        before: The state before it.
        explanation: The rows that were tried, and the one that was taken.
        after: The state after it; None when this build refuses it.
        changes: What it changed in the state.
        because: What stands behind that, where posts wait or a search asks for less or more.
        begun: Effects that are wanted after it and were not before.
        ended: Effects that were wanted before it and are no longer.
    """

    record: Record
    event: Event
    before: State
    explanation: Explanation
    after: State | None
    changes: tuple[Difference, ...]
    because: tuple[str, ...]
    begun: tuple[Effect, ...]
    ended: tuple[Effect, ...]

    @property
    def agrees(self) -> bool:
        """Whether this build goes where the record says."""
        told = self.explanation
        return (told.source, told.dest) == (self.record.source, self.record.dest)


def why(records: Iterable[Record], seq: int) -> Why:
    """Explain record ``seq``, be it one that this build would have written or not.

    Raises:
        UsageError: There is no such record.
        FoldError: This build disagrees with a record before it, or cannot read it.
    """
    sought: list[Record] = []
    state, ended = INITIAL, 0
    for record, after in folded(_before(records, seq, sought)):
        state, ended = after, record.seq
    if not sought:
        raise UsageError(f"--why {seq}: the journal ends at record {ended}")
    return explained(sought[0], state)


def _before(records: Iterable[Record], seq: int, sought: list[Record]) -> Iterator[Record]:
    """The records before ``seq``; that one goes into ``sought``, for it may be one that does not fold."""
    for record in records:
        if record.seq == seq:
            sought.append(record)
            return
        yield record


def explained(record: Record, before: State) -> Why:
    """Explain a record in this state. FoldError where this build cannot read it."""
    try:
        event = record.event()
    except ValueError as error:
        raise FoldError(str(error)) from error
    explanation = explain(before, event, record.at_ms)
    after = None if explanation.dest is None else step(before, event, record.at_ms)
    begun, ended = effects_between(before, after)
    return Why(
        record=record,
        event=event,
        before=before,
        explanation=explanation,
        after=after,
        changes=() if after is None else differences(plain(before), plain(after)),
        because=() if after is None else tuple(reasons(before, event, after)),
        begun=begun,
        ended=ended,
    )


def effects_between(before: State, after: State | None) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """The effects that a step begins, and those that it ends; none where it is refused."""
    if after is None:
        return (), ()
    asked, asks = wanted(before), wanted(after)
    return tuple(e for e in asks if e not in asked), tuple(e for e in asked if e not in asks)


def why_lines(found: Why) -> Iterator[str]:
    """The explanation for people, safe to print."""
    return (short(line, _LONGEST_LINE) for line in _lines(found))


def _lines(found: Why) -> Iterator[str]:
    record, told = found.record, found.explanation
    yield f"record {record.seq}: {record.name} at {at_text(record.at_ms)}"
    yield f"  {describe(found.event)}"
    yield f"before it: {_summary(found.before)}"
    yield ""
    yield f"rows of the table for {told.event} in {told.source}, in their order:"
    yield from _row_lines(told)
    yield f"refused: {told.refusal}" if told.dest is None else f"so it leads from {told.source} to {told.dest}"
    if not found.agrees:
        yield f"! the record says from {record.source} to {record.dest}: another build wrote it, or it was made by hand"
    if found.after is None:
        return
    yield ""
    yield "what it changed:"
    yield from (f"  {line}" for line in difference_lines(found.changes) or ["nothing"])
    if found.because:
        yield "because:"
        yield from (f"  {line}" for line in found.because)
    yield "effects:"
    yield from (f"  {line}" for line in _effect_lines(found) or ["the same are wanted as before"])


def _row_lines(told: Explanation) -> Iterator[str]:
    if not told.rows:
        yield "  none"
    for number, (row, verdict) in enumerate(_judged(told), start=1):
        dest = "stays" if row.row.dest is None else f"to {row.row.dest}"
        yield f"  {number}. {dest:<19} {verdict}"
        for name, holds in row.guards:
            yield f"       {'yes' if holds else 'no':<3} {name}: {GUARD_MEANINGS[name]}"


def _judged(told: Explanation) -> Iterator[tuple[TriedRow, str]]:
    """Each row with what became of it."""
    behind = False
    for row in told.rows:
        if row is told.taken:
            behind = True
            yield row, "taken"
        elif behind:
            yield row, "not tried, an earlier one was taken"
        else:
            yield row, "not tried, the data refuses the event" if row.row.guards and not row.guards else "not taken"


def _summary(state: State) -> str:
    window = "no window yet" if state.window is None else f"window {state.window.number}"
    waiting = sum(post.deferred for post in state.posts)
    parts = [state.state, window, f"{len(state.posts)} post(s) without a verdict"]
    parts += [f"{waiting} of them put off"] * (waiting > 0)
    if state.open is not None:
        parts.append(f"attempt {state.open.attempt} of post {state.open.post_id} open")
    if state.backoff is not None:
        parts.append(f"a backoff of kind {state.backoff.kind}")
    parts += ["the API is down"] * state.api_down + ["not running"] * (not state.running)
    return ", ".join(parts)


def _effect_lines(found: Why) -> list[str]:
    return [
        *(f"+ {effect_text(effect)} is wanted now" for effect in found.begun),
        *(f"- {effect_text(effect)} is no longer wanted" for effect in found.ended),
    ]


def effect_text(effect: Effect) -> str:
    told = (f"{name} {_value(name, value)}" for name, value in effect_fields(effect).items())
    return f"{type(effect).__name__} ({', '.join(told)})"


def _value(name: str, value: object) -> str:
    if name == "due_ms" and isinstance(value, int):
        return at_text(value) if value else "now"
    return str(value)


def why_fields(found: Why) -> dict[str, Any]:
    record, told = found.record, found.explanation
    return {
        "seq": record.seq,
        "at": at_text(record.at_ms),
        "event": record.name,
        "text": describe(found.event),
        "recorded": {"from": record.source, "to": record.dest},
        "from": told.source,
        "to": told.dest,
        "agrees": found.agrees,
        "refusal": told.refusal,
        "rows": [
            {"to": row.row.dest or told.source, "guards": dict(row.guards), "verdict": verdict}
            for row, verdict in _judged(told)
        ],
        "changes": [difference_fields(change, sides=("before", "after")) for change in found.changes],
        "because": list(found.because),
        "wanted": [_effect_fields(effect) for effect in found.begun],
        "no_longer_wanted": [_effect_fields(effect) for effect in found.ended],
    }


def _effect_fields(effect: Effect) -> dict[str, Any]:
    return {"effect": type(effect).__name__, **effect_fields(effect)}
