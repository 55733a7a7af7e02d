"""What validators tell, beside what was sent. They may err or lie, so all that is found here is a note."""

from __future__ import annotations

from collections.abc import Iterator

from audit.feedback import Feedback
from audit.recent import RECENT_POSTS, Recent
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["ValidatorsAgree"]


class ValidatorsAgree(Rule):
    """A judged post that was never sent from here may mean that somebody else sends under the same hotkey."""

    name = "validators"
    demands = "validators judge posts that were sent, and agree on them"
    events = (ev.SubmissionStarted, ev.GapDeclared, ev.ValidationObserved)

    def __init__(self) -> None:
        self._feedback = Feedback(whole=True)
        self._said: Recent[str, None] = Recent(RECENT_POSTS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Each post is told of once."""
        event = entry.event
        if event is None:
            return
        if isinstance(event, ev.ValidationObserved) and event.post_id not in self._said:
            for finding in self._judge(entry, event):
                self._said[event.post_id] = None
                yield finding
        self._feedback.take(entry.record, event)

    def _judge(self, entry: Entry, event: ev.ValidationObserved) -> Iterator[Finding]:
        if self._feedback.is_strange(event.post_id):
            found = "a judgement of a post that this journal never sent"
            yield self.finding(entry, found=found, expected="one of a post that was sent", kind="note")
        elif (known := self._feedback.posts.get(event.post_id)) is not None:
            other = next((told for told in known.judgements.values() if told.event.passed != event.passed), None)
            if other is not None:
                whose = "the same validator" if other.event.validator == event.validator else "another validator"
                now, before = ("confirmed", "refused") if event.passed else ("refused", "confirmed")
                found = f"a post is {now} that {whose} {before}"
                yield self.finding(entry, other.seq, found=found, expected="one judgement", kind="note")
