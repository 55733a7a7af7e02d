"""The kit notices a machine that decides otherwise: a generated test fails, or a whole actor makes another record."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from actor.machine.history import Step, steps
from actor.testing import Scenario
from actor.testing.scenario import Moment, until_slice
from events.journal import JournalReader
from tests.audit.changed_build import changed_build
from tests.audit.mutants import MUTANTS, Mutant
from tests.testing.kit import SAMPLE, run_source
from user_miner.commands.fixture import SliceChoice, slice_text

_BUILT_ON_THE_MACHINE = ("actor.testing", "actor.perform", "actor.runtime", "actor.chain_end")


@pytest.fixture(scope="session")
def history() -> list[Step]:
    """The sample as the mutants look at it."""
    return list(steps(JournalReader(SAMPLE)))


@contextmanager
def changed_kit(mutant: Mutant) -> Iterator[None]:
    """The testing kit and the actor on a changed machine."""
    ours = [name for name in sys.modules if name.startswith(_BUILT_ON_THE_MACHINE)]
    kept = {name: sys.modules.pop(name) for name in ours}
    try:
        with changed_build(mutant.module, mutant.old, mutant.new):
            yield
    finally:
        for name in [name for name in sys.modules if name.startswith(_BUILT_ON_THE_MACHINE)]:
            del sys.modules[name]
        sys.modules.update(kept)


def fails(source: str) -> bool:
    """Whether a generated test fails."""
    try:
        run_source(source)
    except (AssertionError, ValueError, IndexError):
        return True
    return False


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name.replace(" ", "-"))
def test_it_is_noticed(mutant: Mutant, moments: list[Moment], history: list[Step], sample: Scenario) -> None:
    """By the test up to the record at which it shows, or by an actor that lives the sample."""
    seq = mutant.where(history)
    source = slice_text(until_slice(moments, seq), SliceChoice(until=seq))
    assert not fails(source)
    with changed_kit(mutant):
        if fails(source):
            return
        with pytest.raises(AssertionError):
            importlib.import_module("actor.testing.reproduce").reproduces(sample)
