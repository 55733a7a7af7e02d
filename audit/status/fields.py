"""What ``status`` tells, as JSON values; its lines for people are made of the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from actor.machine import State
from actor.machine.alarms import alarms
from actor.machine.budget import DAY_MS, budgets, per_post
from actor.machine.room import ROOM_NEEDED_BYTES, shortage
from actor.machine.state import Backoff, PendingPost, Window
from audit.feedback import Feedback, PostFeedback
from audit.moments import day_text
from audit.status.holder import Holder
from audit.status.look import Look
from audit.status.seen import OPEN, PostSeen
from events.catalogue import Spent
from events.describe import path_text, printable
from events.journal import at_text
from events.money import Money
from events.windows import USED

__all__ = ["post_fields", "status_fields", "waits_for"]


def post_fields(look: Look) -> Iterator[dict[str, Any]]:
    """Posts chosen for the window worked on or sent in it, in the order of their search; then all others that wait."""
    state, seen = look.state, look.seen
    pending = {waiting.post.id: waiting for waiting in state.posts}
    shown = {} if state.window is None else {post.post_id: post for post in seen.posts.of_window(state.window.number)}
    for post_id in dict.fromkeys([*shown, *pending]):
        waiting = pending.get(post_id)
        post = shown.get(post_id) or seen.posts.get(post_id) or PostSeen(post_id=post_id)
        yield {
            **(_settled(post) if waiting is None else _pending(waiting, post, state)),
            "selected_for_validation": post.selected,
            "validators": _validators(seen.feedback.posts.get(post_id)),
        }


def _settled(post: PostSeen) -> dict[str, Any]:
    return {
        "id": post.post_id,
        "author": post.author,
        "window": post.window,
        "stands": post.verdict or "left out",
        "text": post.told or post.failure or "",
        "attempts": post.attempts,
        "tokens": dict(post.tokens),
        "sentiment": post.sentiment,
        "score": post.score,
    }


def _pending(waiting: PendingPost, post: PostSeen, state: State) -> dict[str, Any]:
    if not waiting.analyzed:
        stands = "held until it can be analyzed" if waiting.deferred else "to be analyzed"
    elif state.open is not None and state.open.post_id == waiting.post.id:
        stands = "being sent"
    else:
        stands = "put off" if waiting.deferred else "to be sent"
    return {
        "id": waiting.post.id,
        "author": waiting.post.author,
        "window": waiting.window,
        "stands": stands,
        "text": post.failure or "",
        "attempts": waiting.attempts,
        "tokens": dict(waiting.tokens),
        "sentiment": waiting.sentiment if waiting.analyzed else None,
        "score": waiting.score if waiting.analyzed else None,
    }


def _validators(post: PostFeedback | None) -> dict[str, Any] | None:
    if post is None:
        return None
    refusal = post.refusal
    return {
        "verdict": post.verdict,
        "confirmed": post.confirmed,
        "refused": post.refused,
        "why": None if refusal is None else refusal.reason or refusal.code,
    }


def waits_for(state: State) -> str:
    """What must happen before the machine goes on; safe to print."""
    return printable(_waits_for(state))


def _waits_for(state: State) -> str:
    if not state.running:
        return "a start"
    if state.backoff is not None:
        return _backoff_words(state, state.backoff)
    return _work(state) or _window_words(state)


def _work(state: State) -> str | None:
    if state.unaffordable is not None:
        return f"the record that budget {state.unaffordable.budget} holds window {state.unaffordable.window} back"
    if state.to_scrape:
        return f"X, for {state.to_scrape} post(s)"
    if due := len(state.to_analyze()):
        return f"the analysis of {due} of {len(state.posts)} post(s)"
    if state.open is not None:
        return f"the API, for attempt {state.open.attempt} of post {state.open.post_id}"
    if queue := state.queue():
        return f"post {queue[0].post.id} to be sent"
    return None


def _window_words(state: State) -> str:
    if state.api_down:
        return "the API, which does not answer"
    if state.newest is None:
        return "the first window"
    held = sum(p.deferred and not p.analyzed for p in state.posts)
    then = f", to ask again about {held} held post(s)" if held else ""
    return f"the window that begins at block {state.newest.end_block}{then}"


def _backoff_words(state: State, backoff: Backoff) -> str:
    if backoff.kind == "window":
        block = state.newest.end_block if backoff.until_block is None and state.newest else backoff.until_block
        return f"a window at block {block} or later, after a 429"
    until = "" if backoff.due_ms is None else f", until {at_text(backoff.due_ms)}"
    if backoff.kind == "crash":
        return f"{backoff.wait_s:g} s after a crash of {', '.join(backoff.held) or 'an effect'}{until}"
    return f"{backoff.wait_s:g} s after a failed attempt{until}"


_NOMINAL_BLOCK_S: Final = 12.0


def status_fields(look: Look, holder: Holder, now_ms: int, *, finding: str | None = None) -> dict[str, Any]:
    """The whole status at ``now_ms`` (unix milliseconds); ``finding`` says what is wrong after the last record read."""
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
            for alarm in alarms(state, None if holder.holds == "no" else now_ms, room_bytes=look.free_bytes)
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
        "chain": _chain(state, now_ms),
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
    """An estimate for people; the miner itself asks, and never extrapolates block numbers."""
    newest, windows = look.state.newest, look.seen.windows
    if newest is None:
        return None
    last, measured_s = windows.last_block, windows.block_s
    block_s = _NOMINAL_BLOCK_S if measured_s is None else measured_s
    fields: dict[str, Any] = {
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
    if last is not None:
        due_ms = last.at_ms + round(max(0, newest.end_block - last.block) * block_s * 1000)
        fields |= {"told_block": last.block, "told_seq": last.seq, "told": _since(last.at_ms, now_ms)}
        fields |= {"estimated_at": at_text(due_ms), "estimated_in_s": (due_ms - now_ms) / 1000}
    return fields


def _today(look: Look, today: int) -> dict[str, Any]:
    """At the prices of the last start. As for the budgets, what may have been billed without a record counts."""
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
        "per_post": {name: asdict(found) for name, found in per_post(state, today, money).items()},
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


def _chain(state: State, now_ms: int) -> dict[str, Any] | None:
    """How the hotkey stands, as the chain told last."""
    if state.chain is None:
        return None
    told = state.chain
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    return {**_since(state.chain_ms, now_ms), **fields, "tao_per_day": told.tao_per_day, "at_risk": told.is_at_risk}


def _feedback(feedback: Feedback) -> dict[str, Any]:
    """What validators said, in the records that were read."""
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
