"""``user-miner doctor``: looks at everything at the same time, tells what was found, and makes the archive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

__all__ = ["Visit", "run_doctor"]

_READ_S: Final = 5.0
_FACTS_S: Final = 20.0
_LONGEST: Final = 2_000


@dataclass(slots=True, kw_only=True)
class Visit:
    """One run of the command, made from its command line.

    Attributes:
        env_file: The settings file; None for the default one.
        flags: Values of settings; None where a flag was not given.
        timeout_s: Time limit for each request to a server, in seconds.
        chain: Whether to ask the chain about the registration.
        paid: Whether to ask all that costs money.
        llm: Whether to ask the LLM at least, which is paid for.
        notify: Whether to send a test message to NOTIFY_URL.
        bundle: Where the archive goes; None makes none.
        as_json: Whether the report is for machines.
    """

    env_file: Path | None
    flags: Mapping[str, Any]
    timeout_s: float
    chain: bool
    paid: bool
    llm: bool
    notify: bool
    bundle: Path | None
    as_json: bool
    _rounds: Rounds | None = field(default=None, init=False)
    _redact: Callable[[str], str] = field(default=str, init=False)
    _done: str = field(default="before the first check", init=False)

    def so_far(self) -> str:
        """What was done, and what of it was paid for, in one line without secrets."""
        paid = {} if self._rounds is None else self._rounds.paid
        told = [f"{name}: {safe_line(found, self._redact, _LONGEST)}" for name, found in paid.items()]
        asked = self.llm or self.paid
        return "; ".join([self._done, *(told or (["nothing was paid for"] if asked else []))])

    async def make(self) -> int:
        env_file, named = self.env_file or Path(".miner_env"), self.env_file is not None
        patient = await examine_in_time(env_file, named=named, flags=self.flags, limit_s=_READ_S)
        root = patient.settings.journal_dir if patient.settings and not patient.lacks("JOURNAL_DIR") else None
        target = None if self.bundle is None else check_bundle(self.bundle, root)
        asks_llm = self.llm or self.paid
        self._redact = patient.redact
        self._rounds = rounds = Rounds(
            patient,
            timeout_s=self.timeout_s,
            chain=self.chain,
            search=self.paid,
            llm=asks_llm,
            notify=self.notify,
        )
        if asks_llm and patient.settings is not None:
            note(announcement(patient.settings, search=self.paid))
        now_ms = SystemClock().now_ms()
        with progress("looking") as on_done:

            def count(done: int, total: int) -> None:
                self._done = f"after {done} of {total} checks"
                on_done(done, total)

            checks = await run_probes(rounds.probes(), redact=patient.redact, on_done=count)
        report = DoctorReport(build=version("user-miner"), at=at_text(now_ms), checks=checks)
        sys.stdout.write(_shown(report, as_json=self.as_json))
        if target is not None:
            facts = await _facts(rounds.journal)
            write_bundle(target, members(report, patient, facts), now_ms // 1000)
            note(f"{self.bundle} holds this report, settings without secrets, versions and the journal's last headers")
        return 0 if report.ok else 1


@in_one_line
def run_doctor(visit: Visit) -> int:
    """Look and tell; 0 when nothing failed, 1 when something did, 2 for wrong use."""
    with interruptible(visit.so_far):
        return run_loop(visit.make())


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
