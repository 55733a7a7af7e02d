"""What the timeline says about a step: a few words for an operator, who wants to see what went wrong first. Pure.

The opening and the end of a window are not told here but by the timeline, which knows where its blocks begin and end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from actor.machine import State
from actor.machine.history import Step
from audit.filters import opens_window
from audit.replay.lines import short, span
from events import catalogue as ev
from events.describe import describe, is_trouble
from events.journal import Record

__all__ = ["Note", "carried", "joined_text", "notes_of"]

_JUMP_MS: Final = 1_000
_IDS_IN_A_LINE: Final = 4
_TOO_MANY: Final = 429
_LONGEST_REASON: Final = 120
_ADDRESS: Final = 8
_SUMMED: Final = "analyzed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to say.

    Attributes:
        label: Its kind, in a word or two.
        text: The rest.
        trouble: An operator should look at it.
        joins: It may stand in one line with others of its kind.
        calls: LLM calls, which are summed up when notes are joined.
        tokens: LLM tokens, likewise.
    """

    label: str
    text: str
    trouble: bool = False
    joins: bool = False
    calls: int = 0
    tokens: int = 0

    def takes(self, note: Note, already: int) -> bool:
        """Whether ``note`` may stand in the line that ``already`` so many of this kind share."""
        return note.joins and note.label == self.label and (self.label == _SUMMED or already < _IDS_IN_A_LINE)


def notes_of(step: Step, last: Record | None) -> list[Note]:
    """What to say about ``step``; ``last`` is the last record before it that a running process wrote."""
    told = _TOLD.get(type(step.event))
    notes = _clock(step.record, last) + (_described(step) if told is None else told(step, last))
    return notes + _moved_posts(step) if step.before.posts is not step.after.posts else notes


def _described(step: Step) -> list[Note]:
    """The event's own line, where there is nothing shorter to say."""
    label = _LABELS.get(type(step.event), "noted")
    return [Note(label=label, text=describe(step.event), trouble=is_trouble(step.event))]


def _trouble(label: str, text: str) -> list[Note]:
    return [Note(label=label, text=text, trouble=True)]


def _clock(record: Record, last: Record | None) -> list[Note]:
    if last is None or last.at_ms - record.at_ms < _JUMP_MS:
        return []
    return _trouble("clock", f"went back by {span(last.at_ms - record.at_ms)}")


def carried(step: Step) -> list[Note]:
    """The posts that are taken up again by a step that opens a window."""
    waited = {p.post.id for p in step.before.posts if p.deferred}
    taken = [p.post.id for p in step.after.posts if not p.deferred and p.post.id in waited]
    return [Note(label="carried", text=post_id, joins=True) for post_id in taken]


def joined_text(notes: Sequence[Note]) -> str:
    """The text of a line that notes of one kind share."""
    if notes[0].label == _SUMMED:
        calls, tokens = sum(n.calls for n in notes), sum(n.tokens for n in notes)
        return f"{len(notes)} post(s) by {calls} LLM call(s) with {tokens:,} tokens"
    return ", ".join(note.text for note in notes)


def _moved_posts(step: Step) -> list[Note]:
    """Posts that were put off or left out, which the event itself may not tell."""
    leaves_out = isinstance(step.event, ev.AuthorsLookedUp | ev.PostAnalyzed | ev.AnalysisFailed | ev.GapDeclared)
    if not leaves_out and not any(post.deferred for post in step.after.posts):
        return []
    after = {p.post.id: p.deferred for p in step.after.posts}
    ready = [p.post.id for p in step.before.posts if not p.deferred]
    notes = [Note(label="put off", text=i, joins=True) for i in ready if after.get(i)]
    if leaves_out:
        settled = step.event.salvage.settled if isinstance(step.event, ev.GapDeclared) else ()
        gone = [i for i in ready if i not in after and i not in settled]
        notes += [Note(label="left out", text=i, joins=True) for i in gone]
    return notes


# Runs


def _started(step: Step, last: Record | None) -> list[Note]:
    event: ev.ActorStarted = step.event  # type: ignore[assignment]  # as all below: the table calls each with its own
    ago = 0 if last is None else step.record.at_ms - last.at_ms
    notes = []
    if step.before.running and last is not None:
        notes += _trouble("crashed", f"the process ended without a word after record {last.seq}, {span(ago)} earlier")
    if (attempt := step.before.open) is not None:
        text = f"post {attempt.post_id} attempt {attempt.attempt} was under way, its answer was never recorded"
        notes += _trouble("unknown", text)
    down = f"; was down for {span(ago)}" if step.before.epoch and not step.before.running and ago >= 0 else ""
    text = f"version {short(event.build, 40)}, epoch {event.epoch}, pid {event.pid}{down}"
    return [*notes, Note(label="started", text=text)]


def _stopped(step: Step, _last: Record | None) -> list[Note]:
    event: ev.ActorStopped = step.event  # type: ignore[assignment]
    return [
        Note(label="stopped", text=f"{short(event.reason, _LONGEST_REASON)}; posts_processed {event.posts_processed}")
    ]


# Windows


def _window_opened(step: Step, _last: Record | None) -> list[Note]:
    event: ev.WindowOpened = step.event  # type: ignore[assignment]
    if opens_window(step):
        return []
    why = "the one at work goes on" if step.after.backoff is None else "it waits for the backoff"
    return [Note(label="known", text=f"window {event.window} at block {event.current_block}; {why}")]


def _scraped(step: Step, _last: Record | None) -> list[Note]:
    e: ev.PostsScraped = step.event  # type: ignore[assignment]
    unusable = f", {e.unusable} unusable" if e.unusable else ""
    spare = f" and {e.spare} spare" if e.spare else ""
    since = "" if e.since_id is None else f" behind {e.since_id}"
    text = (
        f"{len(e.posts)} of {e.wanted}{spare} wanted posts chosen from {len(e.candidates)} new ones{since}; "
        f"read {e.posts_read} posts and {e.users_read} users{unusable}"
    )
    return [Note(label="searched", text=text)]


def _scrape_failed(step: Step, _last: Record | None) -> list[Note]:
    event: ev.ScrapeFailed = step.event  # type: ignore[assignment]
    return _trouble("no search", f"{short(event.reason, _LONGEST_REASON)}; the window is spent")


def _looked_up(step: Step, _last: Record | None) -> list[Note]:
    e: ev.AuthorsLookedUp = step.event  # type: ignore[assignment]
    text = f"{len(e.authors)} of {len(e.asked)} authors known to X; read {e.users_read} users"
    return [Note(label="looked up", text=text)]


def _lookup_failed(step: Step, _last: Record | None) -> list[Note]:
    e: ev.AuthorLookupFailed = step.event  # type: ignore[assignment]
    return _trouble("no authors", f"{len(e.asked)} not told: {short(e.reason, _LONGEST_REASON)}; their posts wait")


def _analyzed(step: Step, _last: Record | None) -> list[Note]:
    e: ev.PostAnalyzed = step.event  # type: ignore[assignment]
    tokens = e.prompt_tokens + e.completion_tokens
    return [Note(label=_SUMMED, text=e.post_id, joins=True, calls=e.calls, tokens=tokens)]


def _analysis_failed(step: Step, _last: Record | None) -> list[Note]:
    event: ev.AnalysisFailed = step.event  # type: ignore[assignment]
    post = step.after.pending(event.post_id)
    then = (
        "" if post is None else "; it is sent with defaults" if post.analyzed else "; it waits to be asked about again"
    )
    return _trouble("unanalyzed", f"{event.post_id}: {short(event.reason, _LONGEST_REASON)}{then}")


# Submissions and the rest


def _accepted(step: Step, _last: Record | None) -> list[Note]:
    event: ev.SubmissionAccepted = step.event  # type: ignore[assignment]
    words = [] if event.status == "new" else [short(event.status, 40)]
    if (attempt := _open_attempt(step.before)) > 1:
        words.append(f"attempt {attempt}")
    text = f"{event.post_id} ({', '.join(words)})" if words else event.post_id
    return [Note(label="accepted", text=text, joins=True)]


def _open_attempt(state: State) -> int:
    return 0 if state.open is None else state.open.attempt


def _rejected(step: Step, _last: Record | None) -> list[Note]:
    event: ev.SubmissionRejected = step.event  # type: ignore[assignment]
    return _trouble("rejected", f"{event.post_id}: {_answer(event.http_status, event.reason)}")


def _failed(step: Step, _last: Record | None) -> list[Note]:
    event: ev.SubmissionFailed = step.event  # type: ignore[assignment]
    backoff = step.after.backoff
    then = "no attempt is left" if backoff is None else f"again after {backoff.wait_s:g} s"
    return _trouble(
        "failed", f"{event.post_id} attempt {event.attempt}: {_answer(event.http_status, event.reason)}; {then}"
    )


def _limited(step: Step, _last: Record | None) -> list[Note]:
    event: ev.RateLimited = step.event  # type: ignore[assignment]
    until = step.after.backoff.until_block if step.after.backoff else None
    then = "" if until is None else f"; nothing is sent before block {until}"
    return _trouble("limited", f"{event.post_id}: {_answer(_TOO_MANY, event.reason)}{then}")


def _crashed(step: Step, _last: Record | None) -> list[Note]:
    event: ev.EffectCrashed = step.event  # type: ignore[assignment]
    rest = "" if step.after.backoff is None else f"; it rests for {step.after.backoff.wait_s:g} s"
    return _trouble("bug", f"{event.effect}: {short(event.error, _LONGEST_REASON)}{rest}")


def _answer(http_status: int | None, reason: str) -> str:
    """A reason that begins with its HTTP status, as most do by themselves."""
    told = short(reason, _LONGEST_REASON)
    return told if http_status is None or told.startswith(str(http_status)) else f"{http_status}: {told}"


def _abandoned(step: Step, _last: Record | None) -> list[Note]:
    event: ev.PostAbandoned = step.event  # type: ignore[assignment]
    return _trouble("abandoned", f"{event.post_id}: {event.reason}")


def _scored(step: Step, _last: Record | None) -> list[Note]:
    event: ev.ScoreObserved = step.event  # type: ignore[assignment]
    text = f"{event.score:.4f} for blocks {event.start_block} to {event.end_block} by {_validator(event.validator)}"
    return [Note(label="score", text=text)]


def _judged(step: Step, _last: Record | None) -> list[Note]:
    event: ev.ValidationObserved = step.event  # type: ignore[assignment]
    post = f"{short(event.post_id, 40)} by {_validator(event.validator)}"
    if event.passed:
        return [Note(label="confirmed", text=post, joins=True)]
    why = ": ".join(short(text, _LONGEST_REASON) for text in (event.code, event.reason) if text)
    return _trouble("refused", f"{post}: {why or 'no reason given'}")


def _validator(address: str) -> str:
    """Enough of an address to tell validators apart; ``--verbose`` has all of it."""
    return f"{short(address[:_ADDRESS])}…"


def _checkpoint(step: Step, _last: Record | None) -> list[Note]:
    event: ev.CheckpointSigned = step.event  # type: ignore[assignment]
    return [Note(label="checkpoint", text=f"of record {event.seq} signed")]


def _nothing(_step: Step, _last: Record | None) -> list[Note]:
    return []


_TOLD: Final[Mapping[type, Callable[[Step, Record | None], list[Note]]]] = {
    ev.ActorStarted: _started,
    ev.ActorStopped: _stopped,
    ev.WindowOpened: _window_opened,
    ev.PostsScraped: _scraped,
    ev.ScrapeFailed: _scrape_failed,
    ev.AuthorsLookedUp: _looked_up,
    ev.AuthorLookupFailed: _lookup_failed,
    ev.PostAnalyzed: _analyzed,
    ev.AnalysisFailed: _analysis_failed,
    ev.SubmissionStarted: _nothing,  # its outcome follows
    ev.SubmissionAccepted: _accepted,
    ev.SubmissionRejected: _rejected,
    ev.SubmissionFailed: _failed,
    ev.RateLimited: _limited,
    ev.BackoffElapsed: _nothing,
    ev.EffectCrashed: _crashed,
    ev.PostAbandoned: _abandoned,
    ev.ScoreObserved: _scored,
    ev.ValidationObserved: _judged,
    ev.CheckpointSigned: _checkpoint,
}
_LABELS: Final[Mapping[type, str]] = {
    ev.JournalCreated: "created",
    ev.ApiMoved: "API",
    ev.ApiUnreachable: "API",
    ev.ApiRecovered: "API",
    ev.DiskFilled: "disk",
    ev.DiskFreed: "disk",
    ev.ConfigMismatched: "differs",
    ev.ChainPolled: "chain",
    ev.ChainPollFailed: "chain",
    ev.WindowsRevised: "taken back",
    ev.TailRepaired: "repaired",
    ev.GapDeclared: "gap",
    ev.BudgetSpent: "budget",
    ev.SettingsChanged: "settings",
}
