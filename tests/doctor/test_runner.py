"""Probes at the same time, each within its own limit; whatever one of them does becomes a line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from actor.edges.text import Redactor
from actor.edges.threads import in_daemon_thread, run_loop
from tests.patience import Stopwatch
from user_miner.doctor.report import Check, DoctorReport, ok, skipped, split_advice, warning
from user_miner.doctor.runner import Probe, run_probes

Looking = Callable[[], Awaitable[Sequence[Check]]]


def probe(name: str, looking: Looking, *, limit_s: float = 5.0, after: str = "") -> Probe:
    """A probe of a test."""
    return Probe(name=name, limit_s=limit_s, look=looking, late="look there", after=after)


def run(*probes: Probe, secrets: Sequence[str] = ()) -> list[Check]:
    """What they found."""
    return run_loop(run_probes(probes, redact=Redactor(secrets), on_done=lambda _done, _total: None))


async def fine() -> list[Check]:
    """Nothing to tell."""
    return [ok("fine", "as it should be")]


async def hanging() -> list[Check]:
    """Never comes to an end."""
    await asyncio.Event().wait()
    raise AssertionError


async def stubborn() -> list[Check]:
    """Does not heed its cancellation at first."""
    for _ in range(3):
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            continue
    return []


async def blocking() -> list[Check]:
    """Waits in a thread, as for a disk that does not answer."""
    await in_daemon_thread(threading.Event().wait, name="never")
    return []


@pytest.mark.parametrize("looking", [hanging, stubborn, blocking])
def test_a_probe_without_an_end_is_given_up_in_time(looking: Looking) -> None:
    """Its line says how long it was waited for and what to do; the others are as they are."""
    watch = Stopwatch()
    late, other = run(probe("late", looking, limit_s=0.1), probe("fine", fine))
    assert watch.seconds() < 2
    assert (late.name, late.level, late.fix) == ("late", "failure", "look there")
    assert late.found == "no result within 0.1 s"
    assert other == ok("fine", "as it should be")


def test_probes_wait_for_their_limits_together() -> None:
    """Ten that hang take as long as one."""
    watch = Stopwatch()
    found = run(*(probe(f"late {number}", hanging, limit_s=0.2) for number in range(10)))
    assert watch.seconds() < 1
    assert [check.name for check in found] == [f"late {number}" for number in range(10)]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyError("y"), ValueError("a\x1b[31m\nb")])
def test_what_a_probe_raises_is_a_line(error: Exception) -> None:
    """A failure with the kind of the exception, on one line, and the way to report it."""

    async def broken() -> list[Check]:
        raise error

    (found,) = run(probe("broken", broken))
    assert (found.name, found.level) == ("broken", "failure")
    assert type(error).__name__ in found.found
    assert found.found.isprintable()
    assert "--bundle" in found.fix


@pytest.mark.parametrize("error", [TimeoutError(), FileNotFoundError(2, "No such file or directory")])
def test_what_the_system_refuses_is_a_line(error: OSError) -> None:
    """It is not told as a fault of ours."""

    async def refused() -> list[Check]:
        raise error

    (found,) = run(probe("refused", refused))
    assert (found.name, found.level) == ("refused", "failure")
    assert type(error).__name__ in found.found
    assert "fix what the system reports" in found.fix


def test_a_probe_waits_for_another_without_losing_its_own_time() -> None:
    """The limit counts from the end of the first one, however that ended."""
    order: list[str] = []

    async def first() -> list[Check]:
        await asyncio.sleep(0.2)
        order.append("first")
        return []

    async def second() -> list[Check]:
        order.append("second")
        return [ok("second", "there")]

    assert run(probe("first", first), probe("second", second, limit_s=0.1, after="first")) == [ok("second", "there")]
    assert order == ["first", "second"]
    late, there = run(probe("first", hanging, limit_s=0.1), probe("second", second, limit_s=0.1, after="first"))
    assert (late.level, there.level) == ("failure", "ok")


def test_texts_are_one_line_without_secrets() -> None:
    """Whatever a check says of what it found."""

    async def telling() -> list[Check]:
        return [warning("telling", "the server said\n open-sesame \x1b]0;title\x07", "tell open-sesame to nobody")]

    (found,) = run(probe("telling", telling), secrets=["open-sesame"])
    assert found.found == "the server said [redacted] ]0;title"
    assert found.fix == "tell [redacted] to nobody"


def test_a_finding_names_its_fix() -> None:
    """A warning or failure without one is a mistake of ours."""
    with pytest.raises(ValueError, match="names no fix"):
        Check(name="x", level="failure", found="y")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("NETUID: is wrong, found 'x': correct it in file", ("NETUID: is wrong, found 'x'", "correct it in file")),
        ("no wallet: found a. Set WALLET_NAME to one", ("no wallet: found a", "set WALLET_NAME to one")),
        ("cannot read it. This user needs permission", ("cannot read it", "this user needs permission")),
        ("nothing known", ("nothing known", "correct it")),
    ],
)
def test_a_line_of_ours_is_cut_before_its_advice(line: str, parts: tuple[str, str]) -> None:
    """What was found, and what to do."""
    assert split_advice(line) == parts


def test_the_report_counts_and_judges() -> None:
    """Only a failure makes it bad; the sum names what there is."""
    report = DoctorReport(build="1", at="now", checks=[ok("a", "b"), warning("c", "d", "e"), skipped("f", "g")])
    assert report.ok
    assert list(report.lines()) == [
        "ok      a          b",
        "warning c          d; fix: e",
        "skipped f          g",
        "1 ok, 1 warning, 1 skipped",
    ]
