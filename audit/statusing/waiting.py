"""What a miner waits for, in words. Pure."""

from __future__ import annotations

from actor.machine import State
from actor.machine.state import Backoff
from events.describe import printable
from events.journal import at_text

__all__ = ["waits_for"]


def waits_for(state: State) -> str:
    """What must happen before the machine goes on; safe to print."""
    return printable(_waits_for(state))


def _waits_for(state: State) -> str:
    if not state.running:
        return "a start"
    if state.backoff is not None:
        return _backoff(state, state.backoff)
    return _work(state) or _window(state)


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


def _window(state: State) -> str:
    if state.api_down:
        return "the API, which does not answer"
    if state.newest is None:
        return "the first window"
    held = sum(p.deferred and not p.analyzed for p in state.posts)
    then = f", to ask again about {held} held post(s)" if held else ""
    return f"the window that begins at block {state.newest.end_block}{then}"


def _backoff(state: State, backoff: Backoff) -> str:
    if backoff.kind == "window":
        block = state.newest.end_block if backoff.until_block is None and state.newest else backoff.until_block
        return f"a window at block {block} or later, after a 429"
    until = "" if backoff.due_ms is None else f", until {at_text(backoff.due_ms)}"
    if backoff.kind == "crash":
        return f"{backoff.wait_s:g} s after a crash of {', '.join(backoff.held) or 'an effect'}{until}"
    return f"{backoff.wait_s:g} s after a failed attempt{until}"
