"""Many seeds, one after the other or side by side; the same seeds give the same result however many processes run."""

from __future__ import annotations

import gc
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from multiprocessing import get_context
from typing import Final

from user_miner.simulation.coverage import Coverage
from user_miner.simulation.oracles import Judge, judged
from user_miner.simulation.plan import Plan, Violation

__all__ = ["Campaign", "Failure", "run_campaign"]

_CHUNK: Final = 2
_COLLECTIONS: Final = (50_000, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plan that violates something."""

    plan: Plan
    violations: tuple[Violation, ...]


@dataclass(slots=True, kw_only=True)
class Campaign:
    """What came of many seeds.

    Attributes:
        planned: Seeds that were asked for.
        coverage: What they reached, all together.
        failures: Plans with violations, in the order of their seeds.
        wall_s: How long it took.
        core_s: How long the processors worked, all of them together.
        interrupted: Somebody ended it before the last seed.
    """

    planned: int
    coverage: Coverage = field(default_factory=Coverage)
    failures: list[Failure] = field(default_factory=list)
    wall_s: float = 0.0
    core_s: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    plan: Plan
    coverage: Coverage
    violations: tuple[Violation, ...]
    core_s: float


def run_campaign(
    plans: Sequence[Plan],
    *,
    jobs: int = 1,
    judge: Judge = judged,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Campaign:
    """Run plans, in as many processes as ``jobs`` says, and no more than have something to do.

    Args:
        plans: One for each seed.
        jobs: Processes, at most.
        judge: Says what is wrong with each; a function of a module where there are more processes than one.
        on_progress: Told (seeds done, seeds in all) after each.
    """
    campaign = Campaign(planned=len(plans))
    began_s = time.monotonic()
    try:
        with _rarely_collecting(), _results(plans, judge, jobs) as results:
            for ran in results:
                campaign.coverage.add(ran.coverage)
                campaign.core_s += ran.core_s
                if ran.violations:
                    campaign.failures.append(Failure(plan=ran.plan, violations=ran.violations))
                on_progress(campaign.coverage.seeds, len(plans))
    except KeyboardInterrupt:
        campaign.interrupted = True
    campaign.wall_s = time.monotonic() - began_s
    return campaign


@contextmanager
def _results(plans: Sequence[Plan], judge: Judge, jobs: int) -> Iterator[Iterator[_Ran]]:
    run = partial(_run, judge)
    processes = min(jobs, ceil(len(plans) / _CHUNK))
    if processes <= 1:
        yield _one_by_one(run, plans)
        return
    with get_context("spawn").Pool(processes, initializer=_begin) as pool:
        yield pool.imap(run, plans, chunksize=_CHUNK)


def _one_by_one(run: Callable[[Plan], _Ran], plans: Sequence[Plan]) -> Iterator[_Ran]:
    """In this process. Ctrl-C waits for the seed's end, for a miner that is cut off has no loop to end in."""
    asked = False

    def note(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, note)
    try:
        for plan in plans:
            yield run(plan)
            if asked:
                raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """A simulation leaves few cycles behind; looking for them among all that is imported takes a twentieth of it."""
    before = gc.get_threshold()
    _collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _collect_rarely() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


def _begin() -> None:
    """Ctrl-C reaches every process of a terminal; the one that asked for the others ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _collect_rarely()


def _run(judge: Judge, plan: Plan) -> _Ran:
    began_s = time.process_time()
    try:
        outcome = judge(plan)
    except Exception as error:  # noqa: BLE001  (whatever ends a simulation is a finding, and the next seed goes on)
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"it ended with {type(error).__name__}: {error} ({place.filename}:{place.lineno})"
        return _ran(plan, Coverage(seeds=1), (Violation(rule="simulation", text=text),), began_s)
    return _ran(plan, Coverage.of(outcome), outcome.violations, began_s)


def _ran(plan: Plan, coverage: Coverage, violations: tuple[Violation, ...], began_s: float) -> _Ran:
    return _Ran(plan=plan, coverage=coverage, violations=violations, core_s=time.process_time() - began_s)
