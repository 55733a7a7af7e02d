"""R13: an outage of the status endpoint has a beginning and an end, each recorded once."""

from __future__ import annotations

from collections.abc import Iterator

from audit.rules.finding import Finding
from audit.rules.rule import Entry, Rule
from events import catalogue as ev

__all__ = ["OutagesPaired"]


class OutagesPaired(Rule):
    """R13. Its other half, one search for a window though it failed, is I3."""

    name = "R13"
    demands = "ApiUnreachable and ApiRecovered alternate, and no window is told while the API is unreachable"
    events = (ev.ApiUnreachable, ev.ApiRecovered, ev.WindowOpened)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with what is open."""
        event, since = entry.event, entry.books.unreachable
        if isinstance(event, ev.ApiRecovered):
            if since is None:
                yield self.finding(entry, found="a recovery", expected="ApiUnreachable before it")
        elif since is not None:
            what = "a second ApiUnreachable" if isinstance(event, ev.ApiUnreachable) else "a window told by the API"
            yield self.finding(entry, since, found=what, expected="ApiRecovered before it")
