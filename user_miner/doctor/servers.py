"""What answers over the network: the coordination API, X, the LLM and the messages, each by a question without cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from actor.compose import messenger
from actor.edges.api_wire import status_block
from actor.edges.certificates import certificate_faults, certificate_sources
from actor.edges.llm_wire import refusal as llm_refusal
from actor.edges.messages import Message, MessengerError, NotSentError
from actor.edges.network import environment_faults, environment_remarks, way_to
from actor.edges.reply import Reply, Unanswered
from actor.edges.text import as_int, http_date, is_loopback, place
from actor.edges.threads import in_daemon_thread
from actor.edges.x_wire import refusal as x_refusal
from actor.machine.alarms import LLM_FIXES, X_FIXES
from actor.ports import Block, StatusError
from actor.settings.model import Settings
from user_miner.doctor.report import Check, failure, ok, skipped, split_advice, warning

if TYPE_CHECKING:
    from actor.edges.api_http import Exchanger

__all__ = [
    "TimedReply",
    "api_checks",
    "clock_check",
    "get",
    "llm_checks",
    "models_check",
    "network_checks",
    "notify_checks",
    "unanswered_fix",
    "usage_check",
    "window_check",
    "x_checks",
]

# Lists of models grow long: one of hundreds, with prices and descriptions, takes half a mebibyte.
_LARGEST_BODY: Final = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedReply:
    """An answer, and when it was waited for: unix seconds of this machine's clock."""

    reply: Reply
    asked_at: float
    answered_at: float


async def get(base: str, path: str, *, timeout_s: float, token: str = "") -> TimedReply:
    """Ask once.

    Args:
        base: The API's URL, to which the path is appended.
        path: Begins with a slash.
        timeout_s: For the whole exchange.
        token: Sent as bearer token; none when empty.

    Raises:
        Unanswered: There was none; the reason names the host.
    """
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # In a thread: to import it takes a part of a second, in which the other checks go on.
        exchanger = await in_daemon_thread(lambda: _exchanger(base, timeout_s), name="httpx")
        asked_at = time.time()
        async with aclosing(exchanger):
            reply = await exchanger.exchange("GET", base + path, headers=headers, content=None)
    except Unanswered as error:
        raise Unanswered(f"{place(base)}: {error.reason}", kind=error.kind, never_sent=error.never_sent) from error
    return TimedReply(reply=reply, asked_at=asked_at, answered_at=time.time())


def unanswered_fix(setting: str, base: str) -> str:
    """What an operator can look at when a server does not answer."""
    if is_loopback(base):
        return f"start what serves {base} on this machine, or correct {setting}"
    return f"check the network, its firewall and proxy, and {setting}, or try again later"


def _exchanger(base: str, timeout_s: float) -> Exchanger:
    from actor.edges.api_http import Exchanger  # noqa: PLC0415  (see above)

    return Exchanger(base, operation_timeout_s=timeout_s, total_timeout_s=timeout_s, largest_body=_LARGEST_BODY)


# The contract: a signature may be so old at most, and so far ahead.
_OLDEST_S: Final = 300
_FARTHEST_AHEAD_S: Final = 60
_WARN_S: Final = 5
_SYNCHRONIZE: Final = "synchronize this machine's clock (`timedatectl set-ntp true`, or chrony)"
_SERVER_ERRORS: Final = 500
_TOO_MANY: Final = 429


async def api_checks(settings: Settings, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """Three lines: api, clock and window."""
    base = settings.miner_api_url
    try:
        answered = await get(base, "/v2/status", timeout_s=timeout_s)
    except Unanswered as error:
        waits = "waits for an answer of the API"
        return [
            failure("api", error.reason, unanswered_fix("MINER_API_URL", base)),
            skipped("clock", waits),
            skipped("window", waits),
        ]
    clock = clock_check(answered.reply.headers.get("date"), answered.asked_at, answered.answered_at)
    try:
        block = status_block(answered.reply, redact=redact)
    except StatusError as error:
        told = f"{answered.reply.status}: expected a current_block, found {answered.reply.summary(redact)}"
        said = told if answered.reply.ok else str(error)
        refused = failure("api", f"{place(base)}: {said}", _refusal_fix(answered))
        return [refused, clock, skipped("window", "waits for block numbers of the API")]
    return [
        ok("api", f"{place(base)} is at block {block.current_block}"),
        clock,
        window_check(block, settings.blocks_per_window, settings.max_submissions_per_window),
    ]


def _refusal_fix(answered: TimedReply) -> str:
    status = answered.reply.status
    if status >= _SERVER_ERRORS or status == _TOO_MANY:
        return "the API has a problem of its own: wait, and tell the subnet's owners if it lasts"
    return "correct MINER_API_URL: the address of the coordination API, without a path such as /v2"


def clock_check(date: str | None, asked_at: float, answered_at: float) -> Check:
    """This machine's clock against the Date of an answer, which is whole seconds of some moment in between.

    The difference is the least that the two can have, so a slow answer is not taken for a wrong clock.
    """
    theirs = http_date(date or "")
    if theirs is None:
        return warning("clock", "the API's answer has no Date header to compare with", _SYNCHRONIZE)
    begins = theirs.timestamp()
    ahead_s, behind_s = asked_at - (begins + 1), begins - answered_at
    if ahead_s >= _FARTHEST_AHEAD_S or behind_s >= _OLDEST_S:
        return failure("clock", f"{_apart(ahead_s, behind_s)}: the API refuses what is signed now", _SYNCHRONIZE)
    if max(ahead_s, behind_s) >= _WARN_S:
        limits = f"the API refuses signatures {_OLDEST_S} s old or {_FARTHEST_AHEAD_S} s ahead"
        return warning("clock", f"{_apart(ahead_s, behind_s)}; {limits}", _SYNCHRONIZE)
    return ok("clock", f"within {_WARN_S} s of the API's")


def _apart(ahead_s: float, behind_s: float) -> str:
    return f"{max(ahead_s, behind_s):.0f} s {'ahead of' if ahead_s > behind_s else 'behind'} the API's"


def window_check(block: Block, blocks_per_window: int, max_submissions: int) -> Check:
    """The settings of a window against what the API tells of its own."""
    told = {
        "BLOCKS_PER_WINDOW": (blocks_per_window, block.blocks_per_window),
        "MAX_SUBMISSIONS_PER_WINDOW": (max_submissions, block.max_submissions),
    }
    differ = {name: (ours, theirs) for name, (ours, theirs) in told.items() if theirs not in (None, ours)}
    if differ:
        found = ", ".join(f"{name} is {ours}, the API's is {theirs}" for name, (ours, theirs) in differ.items())
        fix = " and ".join(f"set {name}={theirs}" for name, (_, theirs) in differ.items())
        return warning("window", f"{found}; the API's counts", fix)
    agreed = [f"{name}={ours}" for name, (ours, theirs) in told.items() if theirs is not None]
    if not agreed:
        return ok("window", "the API's answer has no window numbers to compare")
    return ok("window", f"the API has {' and '.join(agreed)}, too")


_NOT_FOUND: Final = 404
# A day of windows of ten posts each.
_A_DAY_OF_POSTS: Final = 720


async def x_checks(base: str, token: str, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """Ask X how much this project has read, by the client that searches it."""
    try:
        reply = await in_daemon_thread(lambda: _usage(base, token, timeout_s), name="x-usage")
    except Unanswered as error:
        return [failure("x", f"{place(base)}: {error.reason}", unanswered_fix("X_API_BASE", base))]
    return [usage_check(reply, host=place(base), redact=redact)]


def _usage(base: str, token: str, timeout_s: float) -> Reply:
    from actor.edges.x_http import fetch_usage  # noqa: PLC0415  (0.2 s to import, in which the other checks go on)

    return fetch_usage(bearer_token=token, base=base, timeout_s=timeout_s)


def usage_check(reply: Reply, *, host: str, redact: Callable[[str], str]) -> Check:
    """What an answer of the usage endpoint means."""
    if not reply.ok:
        return _x_refused(reply, host, redact)
    data = reply.json_object().get("data")
    if not isinstance(data, dict):
        return failure("x", f"{host}: expected X's usage as JSON, found {reply.summary(redact)}", X_FIXES["malformed"])
    used, cap = as_int(data.get("project_usage")), as_int(data.get("project_cap"))
    if used is None or cap is None:
        return ok("x", f"{host} accepts the token, but reports no usage numbers")
    read = f"{host} accepts the token; {used:,} of {cap:,} posts of this billing cycle are read"
    if used >= cap:
        return failure("x", read, X_FIXES["usage_capped"])
    if cap - used < _A_DAY_OF_POSTS:
        return warning("x", f"{read}, less than a day's are left", X_FIXES["usage_capped"])
    return ok("x", read)


def _x_refused(reply: Reply, host: str, redact: Callable[[str], str]) -> Check:
    error = x_refusal(reply, now_s=int(time.time()), redact=redact)
    said = f"{host}: {reply.status}: {reply.summary(redact)}"
    if reply.status == _NOT_FOUND:
        fix = "correct X_API_BASE; where that is right, `user-miner doctor --paid` tries a search"
        return warning("x", f"{said}: it does not report usage", fix)
    if error.kind == "rate_limited":
        return warning("x", f"{said}: the token is good, but this was asked too often", X_FIXES["rate_limited"])
    return failure("x", said, X_FIXES.get(error.kind, X_FIXES["invalid_request"]))


_CORRECT: Final = "correct LLM_BASE, which usually ends in /v1; where that is right,"
_ASK: Final = f"{_CORRECT} `user-miner doctor --llm` asks the model"
_ASKED: Final = f"{_CORRECT} the line llm-answer says whether the model answers"
_COMPARED: Final = 2_000  # to compare more would take seconds
_NO_LIST: Final = frozenset({404, 405, 501})


async def llm_checks(
    base: str, key: str, model: str, *, timeout_s: float, redact: Callable[[str], str], asked: bool = False
) -> list[Check]:
    """Ask the server which models it has; `asked` is whether the model is asked as well, elsewhere."""
    try:
        answered = await get(base, "/models", token=key, timeout_s=timeout_s)
    except Unanswered as error:
        return [failure("llm", error.reason, unanswered_fix("LLM_BASE", base))]
    fix = _ASKED if asked else _ASK
    return [models_check(answered.reply, model, host=place(base), redact=redact, fix=fix)]


def models_check(reply: Reply, model: str, *, host: str, redact: Callable[[str], str], fix: str = _ASK) -> Check:
    """What a list of models says of ours; `fix` is what to do where there is none."""
    if reply.status in _NO_LIST:
        return warning("llm", f"{host} has no list of models ({reply.status}), so {model} may be there or not", fix)
    if not reply.ok:
        return _llm_refused(reply, host, redact, fix)
    names = _names(reply)
    if names is None:
        return warning("llm", f"{host}: expected a list of models, found {reply.summary(redact)}", fix)
    if model in names:
        return ok("llm", f"{host} lists {model}, one of {len(names)} model(s)")
    listed = sorted(names)
    near = get_close_matches(model, listed[:_COMPARED], n=3, cutoff=0.5) or listed[:3]
    known = f"among its {len(names)} are {', '.join(near)}" if near else "its list is empty"
    return failure(
        "llm", f"{host} does not list {model}; {known}", "set MODEL to one that it lists, exactly as it does"
    )


def _llm_refused(reply: Reply, host: str, redact: Callable[[str], str], fix: str) -> Check:
    said = reply.summary(redact)
    error = llm_refusal(reply.status, said, whole=reply.text(), headers=reply.headers, formatted=False)
    found = f"{host}: {reply.status}: {said}"
    if error.kind == "rate_limit":
        return warning("llm", found, LLM_FIXES[error.kind])
    return failure("llm", found, LLM_FIXES.get(error.kind, fix))


def _names(reply: Reply) -> set[str] | None:
    """The models in the shapes that servers use: an object with ``data``, or a list; None for anything else."""
    try:
        body = reply.json()
    except ValueError:
        return None
    listed = body.get("data") if isinstance(body, dict) else body
    if not isinstance(listed, list):
        return None
    return {one["id"] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)}


def network_checks(urls: Mapping[str, str]) -> list[Check]:
    """What the environment says of proxies and certificates for these servers, by the names of their settings."""
    faults = [failure("network", *split_advice(line)) for line in environment_faults(urls.values())]
    remarks = [warning("network", *split_advice(line)) for line in environment_remarks(urls.values())]
    return [*faults, *remarks] if faults else [*remarks, ok("network", _ways(urls))]


def _ways(urls: Mapping[str, str]) -> str:
    by_way: dict[str, list[str]] = {}
    for name, url in sorted(urls.items()):
        proxy = way_to(url).proxy
        by_way.setdefault("directly" if proxy is None else f"through {place(proxy.url)}", []).append(name)
    reached = "; ".join(f"{', '.join(names)} {way}" for way, names in by_way.items())
    return reached if certificate_faults() else f"{reached}; certificates of {certificate_sources()}"


_NAME: Final = "notify"
_TEST: Final = Message(title="user-miner: test", text="This miner's alarms are sent here.", good=True)


def notify_checks(settings: Settings, *, sends: bool) -> list[Check]:
    """Read the address, and send a test message there if it ``sends``."""
    try:
        found = messenger(settings)
    except MessengerError as error:
        return [failure(_NAME, f"NOTIFY_URL {error}", "correct NOTIFY_URL, or install what it needs")]
    if found is None:
        nobody = "NOTIFY_URL is not set: alarms are shown in log, status and metrics"
        return [failure(_NAME, nobody, "set NOTIFY_URL") if sends else ok(_NAME, nobody)]
    if not sends:
        return [ok(_NAME, f"alarms go to {found.service}; --notify sends a test message")]
    try:
        found.send(_TEST)
    except NotSentError as error:
        return [failure(_NAME, f"{found.service} did not take a test message: {error}", "correct NOTIFY_URL")]
    return [ok(_NAME, f"{found.service} took a test message")]
