"""One line for people about each event: what logs and timelines say. Pure, and safe to print.

Texts from outside are shortened and stripped of control characters here, so that no post or server can steer a
terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from events import catalogue as ev

__all__ = ["describe", "inert_json", "is_trouble", "path_text", "printable"]

_LONGEST_LINE: Final = 2_000
_TROUBLE: Final = frozenset(
    {
        ev.ScrapeFailed,
        ev.AuthorLookupFailed,
        ev.BudgetSpent,
        ev.AnalysisFailed,
        ev.SubmissionRejected,
        ev.SubmissionFailed,
        ev.RateLimited,
        ev.EffectCrashed,
        ev.ApiUnreachable,
        ev.DiskFilled,
        ev.ConfigMismatched,
        ev.WindowsRevised,
        ev.PostAbandoned,
        ev.ChainPollFailed,
        ev.TailRepaired,
        ev.GapDeclared,
    }
)


def describe(event: ev.Event) -> str:
    """What happened, in one line."""
    return printable(_LINES[type(event)](event), _LONGEST_LINE)  # ids and names are texts from outside too


def is_trouble(event: ev.Event) -> bool:
    """Whether an operator should look at it (a warning in the log)."""
    if type(event) in _TROUBLE:
        return True
    if isinstance(event, ev.ChainPolled):
        return event.uid is None or event.is_at_risk
    return isinstance(event, ev.ValidationObserved) and not event.passed


def printable(text: str, limit: int = 200) -> str:
    """The text on one line, without control or formatting characters, at most ``limit`` characters."""
    clean = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"


def _scraped(e: ev.PostsScraped) -> str:
    requests = f" in {e.requests} requests" if e.requests > 1 else ""
    unusable = f", {e.unusable} unusable" if e.unusable else ""
    since = "" if e.since_id is None else f" behind {e.since_id}"
    return (
        f"window {e.window}: {len(e.posts)} of {e.most} posts chosen from {len(e.candidates)} new ones{since}; "
        f"read {e.posts_read} posts, {e.users_read} users{requests}{unusable}"
    )


def _looked_up(e: ev.AuthorsLookedUp) -> str:
    nobody = len(e.asked) - len(e.authors)
    left_out = f"; posts of the other {nobody} are left out" if nobody else ""
    return (
        f"window {e.window}: {len(e.authors)} of {len(e.asked)} authors known to X{left_out}; read {e.users_read} users"
    )


def _analyzed(e: ev.PostAnalyzed) -> str:
    top = sorted(e.tokens.items(), key=lambda item: -item[1])[:3]
    names = ", ".join(f"{printable(name, 40)} {share:.2f}" for name, share in top) or "no subnet"
    tokens = e.prompt_tokens + e.completion_tokens
    if e.reused_from is not None:
        return f"post {e.post_id}: {names}; sentiment {e.sentiment:+.1f}; as for post {e.reused_from}, the same text"
    calls = f"{e.calls} calls, " if e.calls > 1 else ""
    return f"post {e.post_id}: {names}; sentiment {e.sentiment:+.1f}; {calls}{tokens} tokens"


def _budget_spent(e: ev.BudgetSpent) -> str:
    return (
        f"window {e.window}: not searched: it may cost ${e.needed_usd:.4f}, and ${e.spent_usd:.4f} of "
        f"MAX_{e.budget.upper()}_USD_PER_DAY={e.limit_usd:g} are spent on {printable(e.day, 10)}"
    )


def _accepted(e: ev.SubmissionAccepted) -> str:
    selected = ", selected for validation" if e.selected_for_validation else ""
    return f"post {e.post_id} accepted: {printable(e.status, 40)}{selected}"


def _failed(e: ev.SubmissionFailed) -> str:
    status = f" (HTTP {e.http_status})" if e.http_status is not None else ""
    return f"post {e.post_id} attempt {e.attempt} failed{status}: {printable(e.reason)}"


def _chain(e: ev.ChainPolled) -> str:
    if e.uid is None:
        return f"chain, block {e.block}: the hotkey is not registered on the subnet: it earns nothing"
    if e.immune_blocks:
        place = f"its place is safe for {e.immune_blocks} blocks more"
    elif e.places_before is None:
        place = "its place is safe"
    else:
        place = f"{e.places_before} hotkeys can register before its place is the next to be given away"
    return (
        f"chain, block {e.block}: uid {e.uid}, rank {e.rank} of {e.miners} miners, incentive {e.incentive:.5f}, "
        f"{e.alpha_per_day:.3f} alpha a day; {place}"
    )


def _validation(e: ev.ValidationObserved) -> str:
    post, validator = printable(e.post_id, 40), printable(e.validator, 60)
    if e.passed:
        return f"post {post} confirmed by validator {validator}"
    why = ": ".join(printable(text) for text in (e.code, e.reason) if text)
    return f"post {post} refused by validator {validator}: {why or 'no reason given'}"


_LINES: Final[Mapping[type, Callable[[Any], str]]] = {
    ev.JournalCreated: lambda e: (
        f"journal of {e.hotkey} on netuid {e.netuid} for {printable(e.api_url)}" + (" (dry run)" if e.dry_run else "")
    ),
    ev.ApiMoved: lambda e: f"moved to the API {printable(e.api_url)}",
    ev.ActorStarted: lambda e: f"started: version {printable(e.build, 40)}, epoch {e.epoch}, pid {e.pid}",
    ev.ActorStopped: lambda e: f"stopped: {printable(e.reason)}; posts_processed {e.posts_processed}",
    ev.SettingsChanged: lambda e: f"settings changed: {printable(', '.join(e.names))}",
    ev.WindowOpened: lambda e: f"window {e.window} at block {e.current_block} (told by {e.source})",
    ev.WindowsRevised: lambda e: (
        f"back to window {e.window} at block {e.current_block}: {e.answers} answers agreed for {e.agreed_s:.0f} s; "
        f"the window that begins at block {e.believed_start_block} was "
        + ("none" if e.current_block < e.believed_start_block else "shorter than it was told")
    ),
    ev.PostsScraped: _scraped,
    ev.ScrapeFailed: lambda e: f"window {e.window}: scrape failed, window spent: {printable(e.reason)}",
    ev.AuthorsLookedUp: _looked_up,
    ev.AuthorLookupFailed: lambda e: (
        f"window {e.window}: {len(e.asked)} authors could not be looked up, their posts wait: {printable(e.reason)}"
    ),
    ev.BudgetSpent: _budget_spent,
    ev.PostAnalyzed: _analyzed,
    ev.AnalysisFailed: lambda e: f"post {e.post_id}: analysis failed: {printable(e.reason)}",
    ev.SubmissionStarted: lambda e: f"post {e.post_id} attempt {e.attempt}, score {e.body.score:.3f}",
    ev.SubmissionAccepted: _accepted,
    ev.SubmissionRejected: lambda e: f"post {e.post_id} rejected (HTTP {e.http_status}): {printable(e.reason)}",
    ev.SubmissionFailed: _failed,
    ev.RateLimited: lambda e: f"post {e.post_id} rate limited, waiting for the next window: {printable(e.reason)}",
    ev.BackoffElapsed: lambda _: "backoff over",
    ev.EffectCrashed: lambda e: f"{e.effect} crashed (a bug): {printable(e.error)}",
    ev.ApiUnreachable: lambda e: f"coordination API unreachable: {printable(e.reason)}",
    ev.ApiRecovered: lambda _: "coordination API answers again",
    ev.DiskFilled: lambda e: (
        f"the journal's disk is full: {e.free_bytes} bytes are free, a window may need {e.needed_bytes}: none is begun"
    ),
    ev.DiskFreed: lambda e: f"the journal's disk has room again: {e.free_bytes} bytes are free",
    ev.ConfigMismatched: lambda e: f"the API has {e.setting}={e.served}, configured is {e.configured}: using the API's",
    ev.PostAbandoned: lambda e: f"post {e.post_id} abandoned: {e.reason}",
    ev.ChainPolled: _chain,
    ev.ChainPollFailed: lambda e: f"the chain did not tell how the hotkey stands: {printable(e.reason)}",
    ev.ScoreObserved: lambda e: (
        f"validator {printable(e.validator, 60)} scored blocks {e.start_block} to {e.end_block}: {e.score:.4f}"
    ),
    ev.ValidationObserved: _validation,
    ev.CheckpointSigned: lambda e: f"checkpoint of record {e.seq} signed",
    ev.GapDeclared: lambda e: (
        f"a gap was accepted: {e.lost_bytes} bytes lost at {e.segment}:{e.offset}, "
        f"{e.salvage.records} records behind it could still be read: {printable(e.reason)}"
    ),
    ev.TailRepaired: lambda e: f"torn tail of {e.segment} moved to quarantine: {e.length} bytes at {e.offset}",
}


def inert_json(text: str) -> str:
    """The same JSON without a character that could steer a terminal: those become escapes, which mean the same."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def path_text(path: object) -> str:
    """A path as JSON and terminals can take it: bytes that are no UTF-8 become escapes."""
    return str(path).encode(errors="backslashreplace").decode()
