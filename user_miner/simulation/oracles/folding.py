"""I5 at every record, and the books at the end: the audit's rules, the check, the signatures of checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actor.machine import INITIAL, fold_record
from actor.testing.edges import ScriptedSigner
from audit.check import Checker
from audit.judge.audit import Audit
from audit.rules import RULES
from events import catalogue as ev
from events.journal.record import checkpoint_message
from sandbox.services import World
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.plan import Outcome, Violation

__all__ = ["CheckpointsVouch", "FoldAtEveryRecord", "Legible", "readers"]

# The audit counts posts in the windows that the API named; where it named wrong ones, only the ledger can judge.
_LEFT_TO_THE_LEDGER: Final = frozenset({"I1"})
# By the host's clock, as the records tell it: the age of posts, and waits; one that a clock cut short looks too short.
_BY_THE_CLOCK: Final = frozenset({"I7", "R8", "R9", "R18", "floor"})
_WAITED: Final = "early"


class FoldAtEveryRecord(Oracle):
    """I5: what the records fold to is what the process that wrote them lives by."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._state = INITIAL
        self._broken = False

    def told(self, told: Told) -> Iterator[Violation]:
        if self._broken:
            return
        self._state = fold_record(self._state, told.record)
        if self._state != told.after:
            self._broken = True
            yield Violation(rule="I5", text="the fold gives another state than the live one", seq=told.record.seq)


class Legible(Oracle):
    """What is written is what was meant: all other oracles look at the event that a record was made of."""

    def told(self, told: Told) -> Iterator[Violation]:
        if told.record.event() != told.event:
            yield Violation(rule="I5", text="the record holds another event than it was made of", seq=told.record.seq)


class CheckpointsVouch(Oracle):
    """Checkpoints bear the hotkey's signature, and speak of the record before them."""

    EVENTS = (ev.CheckpointSigned,)
    _signer = ScriptedSigner()

    def told(self, told: Told) -> Iterator[Violation]:
        event = told.event
        if not isinstance(event, ev.CheckpointSigned):
            return
        if not self._signer.has_signed(
            self._signer.ss58_address, checkpoint_message(event), bytes.fromhex(event.signature)
        ):
            yield Violation(rule="vouch", text="a checkpoint's signature is not the hotkey's", seq=told.record.seq)
        if event.seq != told.record.seq - 1:
            text = f"a checkpoint speaks of record {event.seq}, not of the one before it"
            yield Violation(rule="vouch", text=text, seq=told.record.seq)


def readers(outcome: Outcome) -> Iterator[Violation]:
    """What the project's own readers say of the journal: the audit's rules, and the check by this build's machine."""
    audit, checker = Audit(RULES), Checker()
    jumped = any(disturbance.place == "clock" for disturbance in outcome.disturbances)
    for record in outcome.records:
        audit.take(record)
        divergence = checker.feed(record)
        if divergence is not None and not (jumped and divergence.kind == _WAITED):
            yield Violation(rule="check", text=divergence.reason, seq=divergence.seq)
    for divergence in checker.finish():
        yield Violation(rule="check", text=divergence.reason, seq=divergence.seq)
    unjudged = _LEFT_TO_THE_LEDGER | (_BY_THE_CLOCK if jumped else frozenset())
    for finding in audit.report().findings:
        if finding.kind != "note" and finding.rule not in unjudged:
            text = f"{finding.rule}: {finding.found}; expected {finding.expected}"
            yield Violation(rule="audit", text=text, seq=finding.seqs[-1] if finding.seqs else None)
