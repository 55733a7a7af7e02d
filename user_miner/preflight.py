"""What ``run`` checks once beside its first work: whether a window can be worked on, by questions that cost nothing.

The checks are the doctor's own. They are made in a thread, behind the first poll, so that no start waits for them or
for what they import. What they find is said in the log and nowhere else; the miner goes on whatever it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from actor.edges.text import Redactor
from actor.settings.model import Settings
from actor.settings.sources import Sources

if TYPE_CHECKING:
    from user_miner.doctor.report import Check

__all__ = ["begin_preflight"]

_ASKED_S: Final = 10.0

_log = logging.getLogger("actor")


def begin_preflight(
    settings: Settings, sources: Sources, hotkey: str, redact: Redactor, *, ended: threading.Event
) -> None:
    """Look, and say what will fail, without waiting for it.

    Args:
        settings: What is checked.
        sources: Where the settings come from.
        hotkey: The address of the one that is open.
        redact: Takes secrets out of what is said.
        ended: Set when the miner has stopped: then nothing is said any more.
    """

    def work() -> None:
        try:
            checks = _look(settings, sources, hotkey, redact)
            if not ended.is_set():
                _tell(checks)
        except Exception:  # noqa: BLE001  (a bug here costs its lines, not the miner)
            _log.exception("the preflight could not be made: a bug in user-miner")

    threading.Thread(target=work, name="user-miner-preflight", daemon=True).start()


def _look(settings: Settings, sources: Sources, hotkey: str, redact: Redactor) -> list[Check]:
    from actor.edges.threads import run_loop  # noqa: PLC0415  (what a check needs is not in the way of the first poll)
    from user_miner.doctor.patient import Patient  # noqa: PLC0415
    from user_miner.doctor.rounds import Rounds  # noqa: PLC0415
    from user_miner.doctor.runner import run_probes  # noqa: PLC0415

    patient = Patient(named=False, sources=sources, settings=settings, wrong=frozenset(), mistakes=(), redact=redact)
    rounds = Rounds(patient, timeout_s=_ASKED_S, chain=False, search=False, llm=False, notify=False)
    return run_loop(run_probes(rounds.of_a_window(hotkey), redact=redact, on_done=lambda _done, _total: None))


def _tell(checks: Sequence[Check]) -> None:
    """A line for each check that is not ok. What waits for another one is not said beside that."""
    wrong = [check for check in checks if check.level in {"warning", "failure"}]
    for check in wrong:
        level = logging.ERROR if check.level == "failure" else logging.WARNING
        _log.log(level, "preflight: %s: %s; to fix it: %s", check.name, check.found, check.fix)
    if not wrong:
        _log.info("preflight: %s: ok", ", ".join(dict.fromkeys(check.name for check in checks)))
