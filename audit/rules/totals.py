"""R14: posts_processed counts the accepted posts since the journal began."""

from __future__ import annotations

from collections.abc import Iterator

from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["PostsProcessed"]


class PostsProcessed(Rule):
    """R14."""

    name = "R14"
    demands = "posts_processed at a stop is the number of accepted posts since the journal began"
    events = (ev.ActorStopped,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the count of verdicts."""
        event, accepted = entry.event, entry.books.accepted
        if isinstance(event, ev.ActorStopped) and event.posts_processed != accepted:
            yield self.finding(entry, found=f"posts_processed {event.posts_processed}", expected=f"{accepted}")
