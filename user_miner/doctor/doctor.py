"""``user-miner doctor``: looks at everything at the same time, tells what was found, and makes the archive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from actor.edges.clock import SystemClock
from actor.edges.text import safe_line
from actor.edges.threads import in_daemon_thread, run_loop
from events.describe import inert_json, printable
from events.journal import at_text
from user_miner.doctor.bundle import check_bundle, journal_facts, members, write_bundle
from user_miner.doctor.paid import announcement
from user_miner.doctor.patient import examine_in_time
from user_miner.doctor.report import DoctorReport
from user_miner.doctor.rounds import Rounds
from user_miner.doctor.runner import run_probes
from user_miner.terminal import in_one_line, interruptible, note, progress

__all__ = ["DoctorOptions", "run_doctor"]

_READ_S: Final = 5.0
_FACTS_S: Final = 20.0
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """The command line.

    Attributes:
        env_file: The settings file; None for the default one.
        flags: Values of settings; None where a flag was not given.
        timeout_s: Time limit for each request to a server, in seconds.
        network: The chain's network, to ask about the registration; None asks none.
        paid: Whether to ask all that costs money.
        llm: Whether to ask the LLM at least, which is paid for.
        notify: Whether to send a test message to NOTIFY_URL.
        bundle: Where the archive goes; None makes none.
        as_json: Whether the report is for machines.
    """

    env_file: Path | None
    flags: Mapping[str, Any]
    timeout_s: float
    network: str | None
    paid: bool
    llm: bool
    notify: bool
    bundle: Path | None
    as_json: bool


@in_one_line
def run_doctor(options: DoctorOptions) -> int:
    """Look and tell; 0 when nothing failed, 1 when something did, 2 for wrong use."""
    visit = _Visit(options)
    with interruptible(visit.so_far):
        return run_loop(visit.make())


class _Visit:
    """One run of the command."""

    def __init__(self, options: DoctorOptions) -> None:
        self._options = options
        self._rounds: Rounds | None = None
        self._redact: Callable[[str], str] = str
        self._done = "before the first check"

    def so_far(self) -> str:
        """What was done, and what of it was paid for, in one line without secrets."""
        paid = {} if self._rounds is None else self._rounds.paid
        told = [f"{name}: {safe_line(found, self._redact, _LONGEST)}" for name, found in paid.items()]
        asked = self._options.llm or self._options.paid
        return "; ".join([self._done, *(told or (["nothing was paid for"] if asked else []))])

    async def make(self) -> int:
        options = self._options
        env_file, named = options.env_file or Path(".miner_env"), options.env_file is not None
        patient = await examine_in_time(env_file, named=named, flags=options.flags, limit_s=_READ_S)
        root = patient.settings.journal_dir if patient.settings and not patient.lacks("JOURNAL_DIR") else None
        target = None if options.bundle is None else check_bundle(options.bundle, root)
        asks_llm = options.llm or options.paid
        self._redact = patient.redact
        self._rounds = rounds = Rounds(
            patient,
            timeout_s=options.timeout_s,
            network=options.network,
            search=options.paid,
            llm=asks_llm,
            notify=options.notify,
        )
        if asks_llm and patient.settings is not None:
            note(announcement(patient.settings, search=options.paid))
        now_ms = SystemClock().now_ms()
        with progress("looking") as on_done:

            def count(done: int, total: int) -> None:
                self._done = f"after {done} of {total} checks"
                on_done(done, total)

            checks = await run_probes(rounds.probes(), redact=patient.redact, on_done=count)
        report = DoctorReport(build=version("user-miner"), at=at_text(now_ms), checks=checks)
        sys.stdout.write(_shown(report, as_json=options.as_json))
        if target is not None:
            facts = await _facts(rounds.journal)
            write_bundle(target, members(report, patient, facts), now_ms // 1000)
            note(
                f"{options.bundle} holds this report, settings without secrets, versions and the journal's last headers"
            )
        return 0 if report.ok else 1


async def _facts(find: Callable[[], Path | None]) -> dict[str, Any]:
    """What the journal tells for the archive, as far as it does in time."""
    telling = asyncio.ensure_future(in_daemon_thread(lambda: journal_facts(find()), name="doctor-facts"))
    await asyncio.wait({telling}, timeout=_FACTS_S)
    if not telling.done():
        telling.cancel()
        return {"ended": f"not read within {_FACTS_S:g} s"}
    error = telling.exception()
    return telling.result() if error is None else {"ended": f"not read: {type(error).__name__}: {error}"}


def _shown(report: DoctorReport, *, as_json: bool) -> str:
    if as_json:
        return inert_json(report.as_json() + "\n")
    return "".join(f"{printable(line, _LONGEST)}\n" for line in report.lines())
