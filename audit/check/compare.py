"""One record beside what this build makes of it: everything in which the two disagree. Pure.

A journal may come from another build, and this build may be broken, so whatever the machine raises is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from actor.machine import IllegalEventError, State, step, wanted
from actor.machine.explain import explain
from actor.machine.facts import has_effect
from audit.check.asked import WantedLately, outcome_differences
from audit.check.divergence import Divergence, Kind
from audit.check.fields import decided_differently, rule_of
from audit.check.folds import Folds
from audit.check.waits import Waits
from audit.replay.why import effect_text
from events import catalogue as ev
from events import effects as ef
from events.differences import Difference, differences
from events.journal import Record

__all__ = ["FOLD", "Case", "Stepped", "cause", "diverge", "divergences", "failure", "stepped"]

_WANTED: Final = "what is wanted (actor.machine.wanted)"
_WAITS: Final = "rules 1 and 9 (actor.machine.reduce, actor.machine.wanted)"
FOLD: Final = "the fold (actor.machine.reduce, actor.machine.state)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What this build's machine makes of an event.

    Attributes:
        after: The state after it; None when it is refused.
        refusal: Why it is refused, or how this build broke; empty when it is not.
        broke: This build broke at it, where refusing would have been an answer.
    """

    after: State | None
    refusal: str = ""
    broke: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One record, and all that this build knows when it comes to it.

    Attributes:
        record: As written.
        event: As this build reads it.
        state: The name of the state in which this build is before it.
        before: That state, under the record's name for it.
        stepped: What comes after it.
        effect: The effect that it is the outcome of, None when this build did not want one.
        asked: What else this build wants, and wanted.
        waits: Since when.
        folds: Where states were compared.
        agreed: Records before it at which nothing diverged.
    """

    record: Record
    event: ev.Event
    state: str
    before: State
    stepped: Stepped
    effect: ef.Effect | None
    asked: WantedLately
    waits: Waits
    folds: Folds
    agreed: int

    @property
    def is_unwanted(self) -> bool:
        """Whether it is the outcome of an effect that this build did not want."""
        return self.effect is None and has_effect(self.event)


def stepped(before: State, event: ev.Event, at_ms: int) -> Stepped:
    try:
        return Stepped(after=step(before, event, at_ms))
    except (IllegalEventError, ValueError) as error:
        return Stepped(after=None, refusal=str(error))
    except Exception as error:  # noqa: BLE001  (a build on trial may break in any way)
        return Stepped(after=None, refusal=failure(error), broke=True)


def divergences(case: Case) -> Iterator[Divergence]:
    """Everything in which the two disagree, in the order in which it is worth telling."""
    try:
        yield from _about_states(case)
        yield from _about_effects(case)
        yield from _about_digests(case)
        yield from _about_time(case)
    except Exception as error:  # noqa: BLE001  (a build on trial may break in any way)
        yield _at(case, "broken", f"this build breaks there: {failure(error)}")


def diverge(record: Record, kind: Kind, reason: str, *, agreed: int, asked: WantedLately, **more: Any) -> Divergence:
    """A divergence at ``record``."""
    return Divergence(
        seq=record.seq,
        at_ms=record.at_ms,
        event=record.name,
        kind=kind,
        reason=reason,
        agreed=agreed,
        wanted=tuple(map(effect_text, asked.wanted)),
        **more,
    )


def cause(same_seq: int, seq: int) -> str:
    """Where the cause of another state lies: a digest does not tell what differs, only since when it can."""
    first = f"record {seq}" if same_seq + 1 == seq else f"records {same_seq + 1} to {seq}"
    known = f"they were the same after record {same_seq}" if same_seq else "no state before it could be compared"
    return f"{known}, so the cause is in {first}"


def failure(error: Exception) -> str:
    """How this build broke, in one line."""
    return f"{type(error).__name__}: {error}"


def _at(case: Case, kind: Kind, reason: str, **more: Any) -> Divergence:
    return diverge(case.record, kind, reason, agreed=case.agreed, asked=case.asked, **more)


def _about_states(case: Case) -> Iterator[Divergence]:
    record, result = case.record, case.stepped
    if record.source != case.state:
        found = differences({"from": record.source}, {"from": case.state})
        reason = f"the record begins in {record.source}, this build is in {case.state} there"
        yield _at(case, "source", reason, differences=found)
    if result.broke:
        yield _at(case, "broken", f"this build breaks there: {result.refusal}")
    elif result.after is None:
        told = explain(case.before, case.event, record.at_ms)
        reason = f"this build refuses it: {result.refusal}"
        yield _at(case, "refused", reason, differences=_told_differently(case), explanation=told)
    elif result.after.state != record.dest:
        told = explain(case.before, case.event, record.at_ms)
        found = differences({"to": record.dest}, {"to": result.after.state})
        reason = f"the journal goes to {record.dest}, this build to {result.after.state}"
        yield _at(case, "destination", reason, differences=found, explanation=told)


def _about_effects(case: Case) -> Iterator[Divergence]:
    found = _told_differently(case)
    if found and case.is_unwanted:
        reason = "it is the outcome of an effect that this build does not want there"
        yield _at(case, "effect", reason, rule=_WANTED, differences=found)
    elif found:
        reason = "this build would have recorded something else from the same facts"
        yield _at(case, "fields", reason, rule=rule_of(case.record.name, found), differences=found)


def _told_differently(case: Case) -> tuple[Difference, ...]:
    if case.is_unwanted:
        return outcome_differences(case.event, case.asked.nearest(case.event))
    if isinstance(case.event, ev.CheckpointSigned):
        return case.folds.chain_differences(case.before, case.event)
    return decided_differently(case.before, case.event, case.effect, case.record.at_ms)


def _about_digests(case: Case) -> Iterator[Divergence]:
    if not isinstance(case.event, ev.CheckpointSigned):
        return
    same_seq, seq = case.folds.same_seq, case.event.seq
    if found := case.folds.digest_differences(case.before, case.event):
        reason = f"the state after record {seq} is another one; {cause(same_seq, seq)}"
        yield _at(case, "digest", reason, rule=FOLD, differences=found, same_seq=same_seq)


def _about_time(case: Case) -> Iterator[Divergence]:
    at_ms = case.record.at_ms
    early_ms = None if case.effect is None else case.waits.too_early(case.effect, at_ms)
    if early_ms is not None:
        reason = f"this build would have waited {early_ms / 1000:.3f} s longer, unless this host's clock was set back"
        yield _at(case, "early", reason, rule=_WAITS)
    after = case.stepped.after
    missing = case.waits.missing(
        case.effect,
        at_ms,
        still_wanted=lambda: () if after is None else wanted(after),
        window=case.before.window,
    )
    if missing is not None:
        effect, since = missing
        reason = (
            f"this build wants {effect_text(effect)} since record {since.seq} and would have done it at once; "
            f"{(at_ms - since.at_ms) / 1000:.0f} s later the journal goes on without it"
        )
        yield _at(case, "missing", reason, rule=_WANTED)
