"""``status`` as lines for people, made of the same values as its JSON. Pure, and what comes out is safe to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from actor.machine.budget import PerPost
from audit.replay.lines import span
from events.describe import printable
from events.windows import windows_text

__all__ = ["StatusLine", "brief_line", "status_lines"]

Fields: TypeAlias = Mapping[str, Any]

_LABEL: Final = 12
_LONGEST: Final = 400
_LONGEST_TOLD: Final = 120
_SUBNETS: Final = 3


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What one line is about, what it tells, and whether that is trouble."""

    label: str
    text: str
    tone: Literal["plain", "good", "bad"] = "plain"

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.label:<{_LABEL}} {self.text}".rstrip()


def status_lines(fields: Fields) -> Iterator[StatusLine]:
    """All that ``fields`` tell, one line each."""
    if fields["finding"]:
        yield _line("finding", fields["finding"], "bad")
    yield _line("journal", _journal(fields))
    if not fields["record"]["seq"]:
        yield _process(fields)
        return
    yield _line("record", _record(fields["record"], is_end=fields["finding"] is None))
    yield _process(fields)
    yield from _alarms(fields["alarms"])
    yield _disk(fields["disk"])
    yield from _state(fields)
    yield from _windows(fields)
    yield from _posts(fields["posts"])
    yield _line("today", _today(fields["today"]))
    per = {name: PerPost(**found) for name, found in fields["today"]["per_post"].items()}
    yield _line("each post", f"today {per['today']}; 7 days {per['7_days']}")
    yield _line("processed", _totals(fields["totals"]))
    yield from _feedback(fields["feedback"])
    yield from _chain(fields["chain"])
    yield _last_error(fields["last_error"])


def brief_line(fields: Fields) -> str:
    """The whole in one line, for outputs that are no terminal."""
    record, state = fields["record"], fields["state"]
    if fields["finding"]:
        return printable(f"finding: {fields['finding']}", _LONGEST)
    window = fields["window"] and fields["window"]["newest"]["number"]
    alarm = "".join(f"alarm {alarm['title']}; " for alarm in fields["alarms"])
    return printable(
        f"{alarm}record {record['seq']} {record['at'] or ''} {state['name']}, window {window}; "
        f"waits for {state['waits_for']}; processed {fields['posts_processed']}; process {_holds(fields['process'])}",
        _LONGEST,
    )


def _line(label: str, text: str, tone: Literal["plain", "good", "bad"] = "plain") -> StatusLine:
    return StatusLine(label, printable(text, _LONGEST), tone)


def _ago(found: Fields) -> str:
    if found["age_s"] is None:
        return "at a time that the records read do not tell"
    return f"{span(round(found['age_s'] * 1000))} ago"


def _journal(fields: Fields) -> str:
    if fields["hotkey"] is None:
        return f"{fields['journal']}, without a record" + (" that can be read" if fields["finding"] else "")
    dry = ", a dry run: nothing is sent" if fields["dry_run"] else ""
    return f"{fields['journal']} on netuid {fields['netuid']} for {fields['api_url']}{dry}"


def _record(record: Fields, *, is_end: bool) -> str:
    read = "" if record["snapshot_seq"] is None else f"; records up to {record['snapshot_seq']} by their snapshot"
    tail = f"; {record['tail_bytes']} bytes of an unfinished record follow" if record["tail_bytes"] else ""
    last = "" if is_end else "; the last one that can be read: all below is as of it"
    return f"{record['seq']} {record['event']}, {_ago(record)}{read}{tail}{last}"


def _process(fields: Fields) -> StatusLine:
    process = fields["process"]
    holds = process["holds"]
    lost = holds == "no" and process["said_goodbye"] is False
    version = "" if process["version"] is None else f"; version {process['version']}, epoch {process['epoch']}"
    other = process["elsewhere"]
    if other is not None:
        version += f"; process {other['pid']} mines with this hotkey on {other['journal']}"
    bad = lost or other is not None
    return _line("process", _holds(process) + version, "bad" if bad else "good" if holds == "yes" else "plain")


def _holds(process: Fields) -> str:
    named = "" if process["pid"] is None else f"{process['pid']}"
    if process["holds"] == "yes":
        since = "" if process["since"] is None else f" since {process['since']}"
        up = "" if process["uptime_s"] is None else f" ({span(round(process['uptime_s'] * 1000))})"
        return f"{named or 'one'} holds the journal{since}{up}"
    if process["holds"] == "unknown":
        where = "" if process["host"] is None else f" on host {process['host']}"
        return f"cannot be seen from here: LOCK names process {named or 'nobody'}{where}"
    if process["said_goodbye"] is None:
        return "none; how the last one ended cannot be read"
    if process["said_goodbye"]:
        return "none; the last one stopped cleanly"
    ended = "none; the last one was killed or crashed: its journal has no goodbye"
    if not named:
        return ended
    fate = "runs, but does not hold the journal" if process["lives"] else "is gone"
    return f"{ended}; LOCK is stale, its process {named} {fate}"


def _alarms(alarms: list[Fields]) -> Iterator[StatusLine]:
    for alarm in alarms:
        yield _line("alarm", f"{alarm['name']}, {_ago(alarm)}: {alarm['words']}", "bad")
        yield _line("", f"to fix it: {alarm['fix']}", "bad")


def _disk(disk: Fields) -> StatusLine:
    if disk["shortage"] is not None:
        return _line("disk", disk["shortage"], "bad")
    free = disk["free_bytes"]
    return _line("disk", "the free space is unknown" if free is None else f"{free >> 20:,} MiB are free")


def _state(fields: Fields) -> Iterator[StatusLine]:
    state, backoff = fields["state"], fields["backoff"]
    since = "" if state["age_s"] is None else f" for {span(round(state['age_s'] * 1000))}"
    bad = backoff is not None or state["api_down"] is not None
    yield _line("state", f"{state['name']}{since}; waits for {state['waits_for']}", "bad" if bad else "plain")
    if backoff is not None and backoff["due_in_s"] is not None:
        left_ms = round(backoff["due_in_s"] * 1000)
        yield _line("backoff", f"ends in {span(left_ms)}" if left_ms > 0 else "is over")
    if state["api_down"] is not None:
        yield _line("API", f"does not answer; that began {_ago(state['api_down'])}", "bad")


def _windows(fields: Fields) -> Iterator[StatusLine]:
    window, coming = fields["window"], fields["next_window"]
    if window is None:
        yield _line("window", "none was told yet")
        return
    newest, worked = window["newest"], window["worked_on"]
    yield _line(
        "window",
        f"{newest['number']}, blocks {newest['start_block']} to {newest['end_block']}; "
        f"{window['counted']} of {window['takes']} post(s) counted by the API",
    )
    if worked is not None and worked != newest:
        yield _line("", f"window {worked['number']} is still worked on")
    yield _line("next window", _next(coming))
    for label, name in (("last 24 h", "last_24_h"), ("this day", "today")):
        found = fields["windows"][name]
        why = ", ".join(f"{count} {cause}" for cause, count in found["why"].items())
        counts = windows_text(**{name: found[name] for name in ("used", "missed", "undecided")})
        yield _line(label, counts + (f" ({why})" if why else ""), "bad" if found["missed"] else "plain")


def _next(coming: Fields) -> str:
    at = f"at block {coming['block']}"
    if coming["estimated_in_s"] is None:
        return at
    left_ms = round(coming["estimated_in_s"] * 1000)
    when = f"in about {span(left_ms)}" if left_ms > 0 else f"due for about {span(-left_ms)}"
    answer = coming["last_answer"]
    last = "" if answer["at"] == coming["told"]["at"] else f"; last answer on record {_ago(answer)}"
    return (
        f"{when}, {at}: an estimate from block {coming['told_block']}, told {_ago(coming['told'])}, "
        f"at {coming['block_s']:g} s a block{last}"
    )


def _posts(posts: list[Fields]) -> Iterator[StatusLine]:
    yield _line("posts", f"{len(posts)} of this window or waiting" if posts else "none in this window, and none waits")
    for post in posts:
        bad = post["stands"] in {"rejected", "abandoned"}
        tone: Literal["plain", "good", "bad"] = "bad" if bad else "good" if post["stands"] == "accepted" else "plain"
        yield _line("", f"{post['id']} {_post(post)}", tone)


def _post(post: Fields) -> str:
    parts = [f"@{printable(post['author'], 40)}" if post["author"] else "", post["stands"]]
    if post["text"]:
        parts[-1] += f": {printable(post['text'], _LONGEST_TOLD)}"
    if post["sentiment"] is not None:
        parts.append(f"sentiment {post['sentiment']:+.1f}")
        parts.append(_subnets(post["tokens"]))
    if post["score"] is not None:
        parts.append(f"score {post['score']:.3f}")
    if post["attempts"] > 1:
        parts.append(f"{post['attempts']} attempts")
    if post["selected_for_validation"]:
        parts.append("selected for validation")
    if (told := post["validators"]) is not None:
        why = f" ({printable(told['why'], _LONGEST_TOLD)})" if told["why"] else ""
        parts.append(f"validators: {told['confirmed']} confirmed, {told['refused']} refused{why}")
    return ", ".join(part for part in parts if part)


def _subnets(tokens: Mapping[str, float]) -> str:
    top = sorted(tokens.items(), key=lambda item: -item[1])[:_SUBNETS]
    more = f" and {len(tokens) - _SUBNETS} more" if len(tokens) > _SUBNETS else ""
    return (" ".join(f"{printable(name, 40)} {share:.2f}" for name, share in top) or "no subnet") + more


def _today(today: Fields) -> str:
    llm = "" if today["llm_usd"] is None else f" ${today['llm_usd']:.4f}"
    limits = [
        f"budget {name} ${budget['spent_usd']:.4f} of ${budget['limit_usd']:g}"
        for name, budget in today["budgets"].items()
        if budget is not None
    ]
    return "; ".join(
        [
            f"{today['day']}: X at most ${today['x_usd']:.4f} ({today['posts']} posts, {today['users']} users)",
            f"LLM{llm} ({today['prompt_tokens']} + {today['completion_tokens']} tokens)",
            *(limits or ["no budget is set"]),
            f"{today['accepted']} accepted, {today['rejected']} rejected, {today['abandoned']} abandoned",
        ]
    )


def _totals(totals: Fields) -> str:
    return (
        f"{totals['accepted']} post(s) accepted since the journal began: {totals['windows']} windows, "
        f"{totals['scraped']} posts chosen, {totals['rejected']} rejected, {totals['abandoned']} abandoned, "
        f"{totals['left_out']} left out"
    )


def _feedback(told: Fields) -> Iterator[StatusLine]:
    if told["scores"]:
        last = told["last_score"]
        text = (
            f"{told['scores']} told; the last for blocks {last['start_block']} to {last['end_block']}: {last['mean']:g}"
        )
        yield _line("scores", text)
    if told["validations"]:
        posts = told["posts"]
        why = ", ".join(f"{count} {code}" for code, count in told["refusals"].items())
        text = f"{posts['confirmed']} post(s) confirmed, {posts['refused']} refused, {posts['disputed']} disputed"
        yield _line("validators", text + (f" ({why})" if why else ""), "bad" if posts["refused"] else "plain")


def _chain(told: Fields | None) -> Iterator[StatusLine]:
    if told is None:
        return
    if told["uid"] is None:
        yield _line("earnings", f"none: the hotkey is not registered on the subnet, told {_ago(told)}", "bad")
        return
    tao = "" if told["tao_per_day"] is None else f" ({told['tao_per_day']:.4f} TAO)"
    left = f"; {told['places_before']} hotkeys can register before its place is given away" if told["at_risk"] else ""
    text = (
        f"{told['alpha_per_day']:.3f} alpha a day{tao}; uid {told['uid']}, rank {told['rank']} of {told['miners']} "
        f"miners{left}; told {_ago(told)}"
    )
    yield _line("earnings", text, "bad" if told["at_risk"] else "plain")


def _last_error(error: Fields | None) -> StatusLine:
    if error is None:
        return _line("last error", "none in the records read")
    return _line("last error", f"record {error['seq']}, {_ago(error)}: {error['event']}: {error['text']}", "bad")
