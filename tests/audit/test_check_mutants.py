"""A machine that decides differently is caught on the sample, at the record where it must show and for the reason."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import audit.check
from actor.machine import REDUCER, state_sha256
from actor.machine.history import Step, steps
from events.catalogue import CheckpointSigned
from events.codec import canonical_json, changed
from events.journal import JournalReader, Record
from events.upcast import VERSIONS
from tests.audit.changed_build import changed_build
from tests.audit.mutants import MUTANTS, Mutant

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "journal" / "sample"
FEWEST = 12


@cache
def history() -> list[Step]:
    """The sample, read once."""
    return list(steps(JournalReader(SAMPLE)))


def records(through: int) -> Iterator[Record]:
    """The sample as this version of the fold would have signed it, should another one have recorded it."""
    for step in history()[:through]:
        event = step.event
        if isinstance(event, CheckpointSigned) and event.reducer != REDUCER:
            event = changed(event, reducer=REDUCER, state_sha256=state_sha256(step.before))
            version = VERSIONS[step.record.name]
            yield msgspec.structs.replace(step.record, v=version, raw=canonical_json(event))
        else:
            yield step.record


def first_divergence(checking: Any, through: int) -> tuple[int, str] | None:
    """Record and kind of the first divergence in the sample, which is read up to ``through``."""
    checker = checking.Checker()
    for record in records(through):
        if (found := checker.feed(record)) is not None:
            return found.seq, found.kind
    return next(((late.seq, late.kind) for late in checker.finish()), None)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_changed_machine_is_caught(mutant: Mutant) -> None:
    """At the first record at which it cannot agree, and under the right name."""
    where = mutant.where(history())
    with changed_build(mutant.module, mutant.old, mutant.new) as checking:
        assert checking is not audit.check
        assert first_divergence(checking, len(history())) == (where, mutant.kind)


def test_the_machine_itself_agrees_with_the_sample() -> None:
    """Else the changed ones would prove nothing; and there are enough of them."""
    assert first_divergence(audit.check, len(history())) is None
    assert len({(mutant.module, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS) >= FEWEST
