"""What the journal's state says: does it belong to the settings, do the budgets allow a window, is an alarm on.

Reads only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from actor.alarms import Alarm, alarms
from actor.doctor.budgets import budget_checks
from actor.doctor.check import Check, failure, ok, skipped, warning
from actor.doctor.records import mend
from actor.machine import State
from actor.machine.budget import DAY_MS
from actor.settings import Settings
from audit.history import FoldError
from audit.statusing.holder import find_holder
from audit.statusing.look import Look
from events.catalogue import Policy, Spent
from events.journal import JournalError, at_text

__all__ = ["alarm_checks", "identity_checks", "spending_checks"]

_OTHER: Final = "or set JOURNAL_DIR to another directory"


class _UnreadableError(Exception):
    """The state cannot be told; holds what was found and what to do."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found)
        self.found = found
        self.fix = fix


def _read(journal: Path, now_ms: int) -> State:
    try:
        look = Look(journal, now_ms)
        look.refresh()
    except FoldError as error:
        fix = f"run the build that wrote it, or see `user-miner check {journal}`"
        raise _UnreadableError(f"this build does not agree with {journal}: {error}", fix) from error
    except JournalError as error:
        raise _UnreadableError(str(error).partition("; nothing was changed")[0], mend(journal)) from error
    except OSError as error:
        said = f"{journal} cannot be read: {error.strerror or error}"
        raise _UnreadableError(said, "let this user read all files there") from error
    return look.state


def spending_checks(journal: Path | None, policy: Policy, now_ms: int) -> list[Check]:
    """What today has cost against the budgets."""
    try:
        spent = {} if journal is None else _read(journal, now_ms).spent
    except _UnreadableError:
        return [skipped("budgets", "waits for a journal that tells what today has cost")]
    return budget_checks(policy, spent.get(now_ms // DAY_MS, Spent()))


def alarm_checks(journal: Path | None, now_ms: int) -> list[Check]:
    """What the last windows showed that only the operator can mend; it may be mended, and not have been tried yet."""
    if journal is None:
        return [ok("alarms", "no journal yet")]
    try:
        state = _read(journal, now_ms)
    except _UnreadableError:
        return [skipped("alarms", "waits for a journal that tells what became of the last windows")]
    mines = find_holder(journal).holds != "no"
    found = [
        (failure if alarm.is_current else warning)("alarms", _told(alarm), alarm.fix)
        for alarm in alarms(state, now_ms if mines else None)
    ]
    return found or [ok("alarms", "none is on")]


def _told(alarm: Alarm) -> str:
    since = "" if alarm.since_ms is None else f" since {at_text(alarm.since_ms)}"
    return f"{alarm.name}{since}: {alarm.words}"


def identity_checks(journal: Path | None, settings: Settings, hotkey: str | None, now_ms: int) -> list[Check]:
    """Whether `run` with these settings would accept the journal; ``hotkey`` None is not compared."""
    if journal is None:
        return [ok("identity", "no journal yet, so there is nothing to compare")]
    try:
        state = _read(journal, now_ms)
    except _UnreadableError as error:
        return [failure("identity", error.found, error.fix)]
    return [_compared(journal, state, settings, hotkey)]


def _compared(journal: Path, state: State, settings: Settings, hotkey: str | None) -> Check:
    found = state.identity
    if found is None:
        return ok("identity", f"{journal} holds no record yet, so there is nothing to compare")
    if hotkey not in {None, found.hotkey}:
        said = f"{journal} belongs to hotkey {found.hotkey}, the wallet's is {hotkey}"
        return failure("identity", said, f"give it back its own name, {_OTHER}")
    if found.netuid != settings.netuid:
        said = f"{journal} belongs to netuid {found.netuid}, NETUID is {settings.netuid}"
        return failure("identity", said, f"correct NETUID, {_OTHER}")
    if state.api_url != settings.miner_api_url:
        said = f"{journal} belongs to the API {state.api_url}, MINER_API_URL is {settings.miner_api_url}"
        return failure("identity", said, f"correct it, move the journal once with `run --move-api`, {_OTHER}")
    return ok("identity", f"hotkey {found.hotkey}, netuid {found.netuid}, {state.api_url}")
