"""R11: windows come from the API's block numbers, and never go back."""

from __future__ import annotations

from collections.abc import Iterator

from audit.rules.recorded import current_block_in, fields_of, length_in, names_block
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["WindowsAscend"]


class WindowsAscend(Rule):
    """R11. Windows are ordered by their first block: numbers begin anew with another length or another API.

    A move to the API that is in use already is a finding, for it would make them begin anew. A post counts in the
    window of its answer's block, if that block is believed.
    """

    name = "R11"
    demands = (
        "window = block // blocks_per_window of the API, windows ascend, and only a window that was told is worked on"
    )
    lacks = ""
    events = (
        ev.ActorStarted,
        ev.ApiMoved,
        ev.SubmissionAccepted,
        ev.RateLimited,
        ev.WindowOpened,
        ev.ConfigMismatched,
        ev.PostsScraped,
        ev.ScrapeFailed,
        ev.BudgetSpent,
        ev.SubmissionStarted,
    )

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Judge new windows, the API's numbers, and the window that is worked on."""
        event = entry.event
        if isinstance(event, ev.ApiMoved):
            if event.api_url == entry.books.api_url:
                yield self.finding(entry, found="a move to the API in use", expected="another API")
        elif isinstance(event, ev.SubmissionAccepted | ev.RateLimited):
            yield from self._answered(entry, event)
        elif isinstance(event, ev.WindowOpened):
            yield from self._told(entry, event)
        elif isinstance(event, ev.ConfigMismatched):
            yield from self._mismatch(entry, event)
        elif (number := getattr(event, "window", None)) is not None:
            yield from self._worked(entry, number)

    def _answered(self, entry: Entry, event: ev.SubmissionAccepted | ev.RateLimited) -> Iterator[Finding]:
        told, current = length_in(event.answer), current_block_in(event.answer)
        if event.start_block is None:
            return
        if current is None:
            whole = isinstance(event, ev.SubmissionAccepted) and fields_of(event.answer) is not None
            if whole and not names_block(event.answer):
                found = f"counted in the window from block {event.start_block}"
                yield self.finding(entry, found=found, expected="none, for the recorded answer names no block")
            return
        blocks = entry.books.blocks
        start_block = current // (told or blocks) * (told or blocks)
        believed = current // blocks * blocks if entry.books.watches else start_block
        if event.start_block not in {start_block, believed}:
            found = f"counted in the window from block {event.start_block}"
            yield self.finding(entry, found=found, expected=f"from block {start_block}, as the recorded answer says")

    def _told(self, entry: Entry, event: ev.WindowOpened) -> Iterator[Finding]:
        books, newest = entry.books, entry.books.newest
        if newest is not None and event.start_block <= newest.start_block:
            found = f"a window that begins at block {event.start_block}"
            yield self.finding(entry, newest.seq, found=found, expected=f"one behind block {newest.start_block}")
        number = event.current_block // max(1, event.blocks_per_window)
        start_block = number * event.blocks_per_window
        if (event.window, event.start_block) != (number, start_block):
            found = f"window {event.window} from block {event.start_block} at block {event.current_block}"
            yield self.finding(entry, found=found, expected=f"window {number} from block {start_block}")
        if event.blocks_per_window != books.blocks:
            found = f"a window of {event.blocks_per_window} blocks"
            yield self.finding(entry, found=found, expected=f"{books.blocks}, or ConfigMismatched before it")

    def _mismatch(self, entry: Entry, event: ev.ConfigMismatched) -> Iterator[Finding]:
        books = entry.books
        if event.setting == "BLOCKS_PER_WINDOW":
            configured, in_use = books.policy.blocks_per_window, books.blocks
        else:
            configured, in_use = books.policy.max_submissions_per_window, books.quota
        if event.configured != configured or event.served == in_use:
            found = f"{event.setting} configured as {event.configured}, served as {event.served}"
            yield self.finding(entry, found=found, expected=f"configured as {configured}, another number than {in_use}")

    def _worked(self, entry: Entry, number: int) -> Iterator[Finding]:
        books = entry.books
        window = books.windows.get(number)
        if window is None:
            yield self.finding(
                entry, found=f"work on window {number}, of which nothing told", expected="WindowOpened first"
            )
        elif books.worked is not None and window.start_block < books.worked.start_block:
            found, expected = f"work on window {number}", f"none behind work on window {books.worked.number}"
            yield self.finding(entry, window.seq, books.worked.seq, found=found, expected=expected)
