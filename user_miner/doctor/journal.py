"""What the journal's state says: does it belong to the settings, do the budgets allow a window, is an alarm on.

Reads only.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from actor.machine import State
from actor.machine.alarms import Alarm, alarms
from actor.machine.budget import DAY_MS
from actor.machine.history import FoldError
from actor.settings.model import Settings
from audit.status.holder import find_holder
from audit.status.look import Look
from events.catalogue import Policy, Spent
from events.journal import (
    GENESIS,
    Head,
    JournalDamagedError,
    JournalError,
    JournalReader,
    at_text,
    verify_journal,
)
from events.journal.head import read_witness
from events.journal.layout import HEAD, first_seq, list_segments
from events.journal.scan import start_before
from events.prices import page_size, usd, uusd
from user_miner.doctor.report import Check, failure, ok, skipped, warning

__all__ = [
    "LARGEST_BYTES",
    "alarm_checks",
    "budget_checks",
    "identity_checks",
    "mend",
    "records_checks",
    "spending_checks",
    "tail_start",
]

LARGEST_BYTES: Final = 48 << 20
"""A journal that is longer is read at its end alone; `user-miner verify` reads all of any."""
_EVERY: Final = 500


class _LateError(Exception):
    """The time is up."""


def records_checks(journal: Path | None, *, budget_s: float, whole_bytes: int = LARGEST_BYTES) -> list[Check]:
    """Verify the journal, or the end of one that is longer than ``whole_bytes``, for ``budget_s`` at most."""
    if journal is None:
        return [ok("records", "no journal yet")]
    deadline = time.monotonic() + budget_s
    try:
        segments = list_segments(journal)
        if not segments and not (journal / HEAD).exists():
            return [ok("records", "there are none yet")]
        length = sum((journal / name).stat().st_size for name in segments)
        check = _whole(journal, deadline) if length <= whole_bytes else _tail(journal, deadline, whole_bytes)
    except JournalDamagedError as error:
        check = failure("records", str(error).partition("; nothing was changed")[0], mend(journal))
    except OSError as error:
        check = failure("records", f"{journal} cannot be read: {error.strerror}", "let this user read all files there")
    return [check]


def mend(journal: Path) -> str:
    """What to do about damage."""
    return f"put the right files back from a backup, or see what `user-miner repair {journal}` can save"


def _whole(journal: Path, deadline: float) -> Check:
    def on_progress(_done: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise _LateError

    try:
        report = verify_journal(journal, on_progress=on_progress)
    except _LateError:
        return _unfinished(journal, "the journal could not be read whole in the time for it")
    if report.findings:
        first = report.findings[0]
        more = f", and {len(report.findings) - 1} more finding(s)" if len(report.findings) > 1 else ""
        return failure("records", f"{journal / first.file}:{first.offset}: {first.reason}{more}", mend(journal))
    torn = f"; the {report.tail_bytes} bytes of an unfinished write are no damage" if report.tail_bytes else ""
    last = f", the last of {at_text(report.last_at_ms)}" if report.last_at_ms is not None else ""
    return ok("records", f"all {report.records} are whole{last}{torn}")


def _tail(journal: Path, deadline: float, whole_bytes: int) -> Check:
    if read_witness(journal) is None:
        return failure("records", f"{journal} has no file HEAD, so a lost end could not be noticed", mend(journal))
    count, last = 0, None
    for last in JournalReader(journal, after=tail_start(journal, whole_bytes)):
        count += 1
        if count % _EVERY == 0 and time.monotonic() > deadline:
            return _unfinished(journal, f"{count} records up to {last.seq} are whole; the time was up before the end")
    if last is None:
        return failure("records", f"{journal} holds no record in its last files", mend(journal))
    said = f"the last {count} of {last.seq} are whole, the last of {at_text(last.at_ms)}"
    return ok("records", f"{said}; `user-miner verify {journal}` reads all")


def _unfinished(journal: Path, found: str) -> Check:
    return warning("records", found, f"`user-miner verify {journal}` takes the time that it needs")


def tail_start(journal: Path, largest_bytes: int) -> Head:
    """The record before the last segments that hold about so many bytes, one of them at least."""
    names = list_segments(journal)
    taken, begin = 0, None
    for name in reversed(names):
        taken += (journal / name).stat().st_size
        if begin is not None and taken > largest_bytes:
            break
        begin = name
    return GENESIS if begin is None else start_before(journal, names, first_seq(begin)).head


_BLOCKS_A_DAY: Final = 7_200


def budget_checks(policy: Policy, spent: Spent) -> list[Check]:
    """A line for each budget, or what may be spent where there is none; ``spent`` is what today has cost."""
    largest = max(policy.max_submissions_per_window, policy.posts_per_search or 0)
    posts = policy.max_search_pages * page_size(largest)
    users = min(posts, largest) if policy.author_cache_hours else posts
    search_uusd = policy.prices.x_uusd(posts, users)
    if policy.max_x_usd_per_day is None and policy.max_llm_usd_per_day is None:
        a_day = usd(search_uusd) * _BLOCKS_A_DAY / policy.blocks_per_window
        return [ok("budgets", f"none set; X may bill ${usd(search_uusd):.2f} a window, ${a_day:.2f} a day")]
    checks = []
    if policy.max_x_usd_per_day is not None:
        used = policy.prices.x_uusd(spent.posts, spent.users)
        checks.append(_check("MAX_X_USD_PER_DAY", policy.max_x_usd_per_day, used, search_uusd))
    if policy.max_llm_usd_per_day is not None:
        many = policy.max_submissions_per_window
        used = policy.prices.llm_uusd(spent.prompt_tokens, spent.completion_tokens) or 0
        most = policy.prices.llm_uusd(many * spent.largest_prompt, many * spent.largest_completion) or 0
        checks.append(_check("MAX_LLM_USD_PER_DAY", policy.max_llm_usd_per_day, used, most))
    return checks


def _check(name: str, limit_usd: float, used_uusd: int, needed_uusd: int) -> Check:
    told = f"{name} is ${limit_usd:g}, ${usd(used_uusd):.4f} of it is spent today"
    left_uusd = uusd(limit_usd) - used_uusd
    if left_uusd <= 0 or left_uusd < needed_uusd:
        needed = f"a window may cost ${usd(needed_uusd):.4f}, so none is searched before 00:00 UTC"
        return warning("budgets", f"{told}; {needed}", f"wait, or raise {name}")
    windows = f"; the rest pays for {left_uusd // needed_uusd} window(s) at least" if needed_uusd else ""
    return ok("budgets", f"{told}{windows}")


_OTHER: Final = "or set JOURNAL_DIR to another directory"


class _UnreadableError(Exception):
    """The state cannot be told; holds what was found and what to do."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found)
        self.found = found
        self.fix = fix


def _read(journal: Path, now_ms: int) -> Look:
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
    return look


def spending_checks(journal: Path | None, policy: Policy, now_ms: int) -> list[Check]:
    try:
        spent = {} if journal is None else _read(journal, now_ms).state.spent
    except _UnreadableError:
        return [skipped("budgets", "waits for a journal that says what today has cost")]
    return budget_checks(policy, spent.get(now_ms // DAY_MS, Spent()))


_WARNINGS: Final = frozenset({"disk"})  # mining goes on meanwhile


def alarm_checks(journal: Path | None, now_ms: int) -> list[Check]:
    """What the last windows showed that only the operator can mend; it may be mended, and not have been tried yet."""
    if journal is None:
        return [ok("alarms", "no journal yet")]
    try:
        look = _read(journal, now_ms)
    except _UnreadableError:
        return [skipped("alarms", "waits for a journal that says how the last windows ended")]
    mines = find_holder(journal).holds != "no"
    found = [
        (warning if alarm.name in _WARNINGS or not alarm.is_current else failure)("alarms", _told(alarm), alarm.fix)
        for alarm in alarms(look.state, now_ms if mines else None, room_bytes=look.free_bytes)
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
        state = _read(journal, now_ms).state
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
