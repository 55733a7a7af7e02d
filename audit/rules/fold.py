"""I5: this build's machine comes to every state that the journal names. The only rule that asks the machine."""

from __future__ import annotations

from collections.abc import Iterator

from actor.machine import State, state_sha256
from actor.machine.state import REDUCER
from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["FoldedState"]


class FoldedState(Rule):
    """I5. ``check`` compares in detail; this says where the journal and the fold part."""

    name = "I5"
    demands = "the folded state is the recorded one: from, to, and the digest in every checkpoint"
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare names, and digests where there is one."""
        record, last = entry.record, entry.books.last
        if entry.refused is not None:
            yield self.finding(entry, found=entry.refused, expected="a record that this build's machine would write")
        elif last is not None and record.source != last.dest:
            yield self.finding(
                entry,
                last.seq,
                found=f"from {record.source}",
                expected=f"from {last.dest}, as the record before went to",
            )
        if isinstance(entry.event, ev.CheckpointSigned) and entry.before is not None:
            yield from self._digest(entry, entry.event, entry.before)

    def _digest(self, entry: Entry, event: ev.CheckpointSigned, state: State) -> Iterator[Finding]:
        if event.reducer != REDUCER:
            return  # another version of the fold may come to another state
        try:
            digest = state_sha256(state)
        except TypeError as error:
            digest = str(error)  # a number that no journal can hold
        if event.state_sha256 != digest:
            found = f"a checkpoint of the state {event.state_sha256[:12]}…"
            yield self.finding(entry, event.seq, found=found, expected=f"{digest[:12]}…, as the records before it fold")
