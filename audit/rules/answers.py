"""R10: what each answer of the API means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from audit.rules.recorded import fields_of, text_in
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev
from events.describe import printable

__all__ = ["AnswersAsMeant"]

_SUCCESS: Final = frozenset({"new", "duplicate", "ok"})
_FINAL: Final = frozenset({409, 422})
_RATE_LIMITED: Final = 429
_DRY_RUN: Final = "dry-run"
_LONGEST_ID: Final = 200


class AnswersAsMeant(Rule):
    """R10. A dry run sends nothing and says so in place of a status."""

    name = "R10"
    demands = (
        "new, duplicate and ok are accepted, 409 and 422 are final, 429 waits, everything else is a failed attempt"
    )
    lacks = ""
    events = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.SubmissionFailed)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare the event with the status, and the status with the recorded body."""
        event = entry.event
        if isinstance(event, ev.SubmissionAccepted):
            yield from self._accepted(entry, event)
        elif isinstance(event, ev.SubmissionRejected):
            if event.http_status not in _FINAL:
                yield self.finding(entry, found=f"a rejection by HTTP {event.http_status}", expected="409 or 422")
        elif isinstance(event, ev.SubmissionFailed) and event.http_status in {*_FINAL, _RATE_LIMITED}:
            expected = "RateLimited" if event.http_status == _RATE_LIMITED else "SubmissionRejected"
            yield self.finding(entry, found=f"a failed attempt by HTTP {event.http_status}", expected=expected)

    def _accepted(self, entry: Entry, event: ev.SubmissionAccepted) -> Iterator[Finding]:
        identity = entry.books.identity
        dry = identity is not None and identity.dry_run
        if dry:
            if event.status != _DRY_RUN:
                yield self.finding(entry, found=f"the status {_quoted(event.status)} in a dry run", expected=_DRY_RUN)
            return
        if event.status not in _SUCCESS or not 200 <= event.http_status < 300:  # noqa: PLR2004  (HTTP's own range)
            found = f"an acceptance by HTTP {event.http_status} with status {_quoted(event.status)}"
            yield self.finding(entry, found=found, expected="2xx with new, duplicate or ok")
        told = text_in(event.answer, "status")
        if told is not None and told != event.status:
            found, expected = f"status {_quoted(event.status)}", f"{_quoted(told)}, as the recorded answer says"
            yield self.finding(entry, found=found, expected=expected)
        if (fields := fields_of(event.answer)) is not None:
            yield from self._whole(entry, event, fields, told)

    def _whole(
        self, entry: Entry, event: ev.SubmissionAccepted, fields: Mapping[str, Any], told: str | None
    ) -> Iterator[Finding]:
        """The event says of an answer that was kept whole exactly what the answer says."""
        if told is None:
            found = f"an acceptance by the answer {_quoted(event.answer)}, which has no status"
            yield self.finding(entry, found=found, expected="a status: new, duplicate or ok")
        hotkey = None if entry.books.identity is None else entry.books.identity.hotkey
        for name, ours in (("post_id", event.post_id), ("miner_hotkey", hotkey)):
            if (named := fields.get(name)) is not None and named != ours:
                said = _quoted(named) if isinstance(named, str) else "that is no text"  # perhaps nested too deeply
                found = f"an acceptance by an answer about a {name} {said}"
                yield self.finding(entry, found=found, expected=f"{ours}, or none")
        selected, validation = fields.get("selected_for_validation"), fields.get("validation_id")
        selected = selected if isinstance(selected, bool) else None
        if event.selected_for_validation != selected:
            found = f"selected_for_validation {event.selected_for_validation}"
            yield self.finding(entry, found=found, expected=f"{selected}, as the recorded answer says")
        if not _is_recorded(validation, event.validation_id):
            expected = f"{_quoted(validation)}, as the recorded answer says" if isinstance(validation, str) else "none"
            yield self.finding(entry, found=f"the validation_id {_quoted(event.validation_id)}", expected=expected)


def _is_recorded(told: object, recorded: str | None) -> bool:
    """Whether the recorded id is the answer's. Of one that had to be cleaned or cut, only that it is there."""
    if not isinstance(told, str) or recorded is None:
        return isinstance(told, str) == (recorded is not None)
    return recorded == " ".join(told.split()) or not told.isprintable() or len(told) > _LONGEST_ID


def _quoted(text: str | None) -> str:
    return printable(repr(text), 40)
