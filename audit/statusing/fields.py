"""What ``status`` tells, as JSON values; its lines for people are made of the same. Pure."""

from __future__ import annotations

from typing import Any, Final

from actor.alarms import alarms
from actor.machine import State
from actor.machine.budget import DAY_MS
from actor.machine.state import Window
from actor.room import ROOM_NEEDED_BYTES, shortage
from audit.costing.money import Money, budgets
from audit.dates import day_text
from audit.feedback import Feedback
from audit.statusing.holder import Holder
from audit.statusing.look import Look
from audit.statusing.post_fields import post_fields
from audit.statusing.waiting import waits_for
from audit.statusing.windows_seen import OPEN
from audit.terminal import path_text
from audit.windows import USED
from events.catalogue import Spent
from events.journal import at_text

__all__ = ["status_fields"]

_NOMINAL_BLOCK_S: Final = 12.0


def status_fields(look: Look, holder: Holder, now_ms: int, *, finding: str | None = None) -> dict[str, Any]:
    """All of it as of ``now_ms`` (unix milliseconds); ``finding`` is what is wrong with the journal behind there."""
    state, seen = look.state, look.seen
    trouble = seen.trouble
    return {
        "journal": path_text(look.directory),
        "finding": finding,
        **_identity(state),
        "record": _record(look, now_ms),
        "process": _process(look, holder, now_ms, is_whole=finding is None),
        "state": {
            "name": state.state,
            **_since(seen.state_ms, now_ms),
            "waits_for": waits_for(state),
            "api_down": {"reason": "the status endpoint does not answer", **_since(seen.api_down_ms, now_ms)}
            if state.api_down
            else None,
        },
        "alarms": [
            {
                "name": alarm.name,
                "title": alarm.title,
                "current": alarm.is_current,
                **_since(alarm.since_ms, now_ms),
                "words": alarm.words,
                "fix": alarm.fix,
            }
            for alarm in alarms(state, None if holder.holds == "no" else now_ms)
        ],
        "disk": _disk(look.free_bytes),
        "backoff": _backoff(state, now_ms),
        "window": _window(state),
        "next_window": _next_window(look, now_ms),
        "posts": list(post_fields(look)),
        "last_error": None
        if trouble is None
        else {"seq": trouble.seq, **_since(trouble.at_ms, now_ms), "event": trouble.name, "text": trouble.text},
        "today": _today(look, now_ms // DAY_MS),
        "windows": _windows(look, now_ms),
        "posts_processed": state.totals.accepted,
        "totals": {name: getattr(state.totals, name) for name in state.totals.__struct_fields__},
        "feedback": _feedback(seen.feedback),
    }


def _since(at_ms: int | None, now_ms: int) -> dict[str, Any]:
    """A time, and how long ago it was; a clock that was set back makes that negative."""
    return {
        "at": None if at_ms is None else at_text(at_ms),
        "age_s": None if at_ms is None else (now_ms - at_ms) / 1000,
    }


def _identity(state: State) -> dict[str, Any]:
    identity = state.identity
    if identity is None:
        return {"hotkey": None, "netuid": None, "api_url": None, "dry_run": None}
    return {
        "hotkey": identity.hotkey,
        "netuid": identity.netuid,
        "api_url": state.api_url,
        "dry_run": identity.dry_run,
    }


def _record(look: Look, now_ms: int) -> dict[str, Any]:
    record = look.record
    if record is None:
        return {"seq": 0, "event": None, **_since(None, now_ms), "hash": None, "snapshot_seq": None, "tail_bytes": 0}
    return {
        "seq": record.seq,
        "event": record.name,
        **_since(record.at_ms, now_ms),
        "hash": record.hash,
        "snapshot_seq": look.snapshot_seq,
        "tail_bytes": look.tail_bytes,
    }


def _process(look: Look, holder: Holder, now_ms: int, *, is_whole: bool) -> dict[str, Any]:
    state, start = look.state, look.seen.start
    since_ms = holder.since_ms
    uptime_s = (now_ms - since_ms) / 1000 if holder.holds == "yes" and since_ms is not None else None
    return {
        "holds": holder.holds,
        "pid": holder.pid,
        "host": holder.host,
        "since": None if since_ms is None else at_text(since_ms),
        "uptime_s": uptime_s,
        "lives": holder.lives,
        "said_goodbye": not state.running if is_whole else None,  # it may stand in what cannot be read
        "epoch": state.epoch,
        "version": None if start is None else start.build,
        "elsewhere": _elsewhere(holder),
    }


def _elsewhere(holder: Holder) -> dict[str, Any] | None:
    other = holder.elsewhere
    if other is None:
        return None
    return {"pid": other.pid, "host": other.host, "since": at_text(other.since_ms), "journal": other.journal}


def _disk(free_bytes: int | None) -> dict[str, Any]:
    return {"free_bytes": free_bytes, "needed_bytes": ROOM_NEEDED_BYTES, "shortage": shortage(free_bytes)}


def _backoff(state: State, now_ms: int) -> dict[str, Any] | None:
    backoff = state.backoff
    if backoff is None:
        return None
    return {
        "kind": backoff.kind,
        "wait_s": backoff.wait_s,
        "due_at": None if backoff.due_ms is None else at_text(backoff.due_ms),
        "due_in_s": None if backoff.due_ms is None else (backoff.due_ms - now_ms) / 1000,
        "until_block": backoff.until_block,
        "waits_for": waits_for(state),
    }


def _window(state: State) -> dict[str, Any] | None:
    window, newest = state.window, state.newest
    if newest is None:
        return None
    return {
        "worked_on": None if window is None else _blocks(window),
        "newest": _blocks(newest),
        "counted": state.counted.get(newest.start_block, 0),
        "takes": state.max_submissions,
    }


def _blocks(window: Window) -> dict[str, int]:
    return {"number": window.number, "start_block": window.start_block, "end_block": window.end_block - 1}


def _next_window(look: Look, now_ms: int) -> dict[str, Any] | None:
    """An estimate, for block numbers are never extrapolated by the miner itself: it asks."""
    newest, windows = look.state.newest, look.seen.windows
    if newest is None:
        return None
    told, measured_s = windows.told, windows.block_s
    block_s = _NOMINAL_BLOCK_S if measured_s is None else measured_s
    found: dict[str, Any] = {
        "block": newest.end_block,
        "told_block": None,
        "told_seq": None,
        "told": _since(None, now_ms),
        "block_s": round(block_s, 3),
        "block_s_is": "nominal" if measured_s is None else "as the last windows were told",
        "estimated_at": None,
        "estimated_in_s": None,
        "last_answer": _since(look.seen.answered_ms, now_ms),
    }
    if told is not None:
        due_ms = told.at_ms + round(max(0, newest.end_block - told.block) * block_s * 1000)
        found |= {"told_block": told.block, "told_seq": told.seq, "told": _since(told.at_ms, now_ms)}
        found |= {"estimated_at": at_text(due_ms), "estimated_in_s": (due_ms - now_ms) / 1000}
    return found


def _today(look: Look, today: int) -> dict[str, Any]:
    """At the prices of the last start, with what may have been billed without a record, as the budgets reckon."""
    state = look.state
    money = Money(state.policy.prices)
    limits = {
        name: None if budget is None else {"limit_usd": budget.limit_usd, "spent_usd": budget.spent_usd}
        for name, budget in budgets(state, today).items()
    }
    verdicts = look.seen.posts.verdicts_of(today)
    return {
        "day": day_text(today),
        **money.of(state.spent.get(today, Spent())),
        "budgets": limits,
        **{name: verdicts.get(name, 0) for name in ("accepted", "rejected", "abandoned")},
    }


def _windows(look: Look, now_ms: int) -> dict[str, Any]:
    today_ms = now_ms // DAY_MS * DAY_MS
    return {"last_24_h": _outcomes(look, now_ms - DAY_MS), "today": _outcomes(look, today_ms)}


def _outcomes(look: Look, since_ms: int) -> dict[str, Any]:
    found = look.seen.windows.since(since_ms)
    why = {name: count for name, count in found.most_common() if count and name not in {USED, OPEN}}
    missed = sum(why.values())
    seen = found[USED] + missed + found[OPEN]
    return {"seen": seen, "used": found[USED], "missed": missed, "undecided": found[OPEN], "why": why}


def _feedback(feedback: Feedback) -> dict[str, Any]:
    """What validators told in the records that were looked at."""
    totals = feedback.totals
    last = next(reversed(feedback.scores.values()), None)
    return {
        "scores": totals.scores,
        "last_score": None
        if last is None
        else {"start_block": last.start_block, "end_block": last.end_block, "mean": last.mean, "seq": last.seq},
        "validations": totals.validations,
        "posts": {verdict: totals.posts[verdict] for verdict in ("confirmed", "refused", "disputed")},
        "refusals": dict(totals.refusals.most_common()),
        "validators": totals.validators,
    }
