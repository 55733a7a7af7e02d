"""What stands behind a record's changes: where posts wait, why none is searched for, what a search asks. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from actor.machine import State
from events import catalogue as ev

__all__ = ["reasons"]


def reasons(before: State, event: ev.Event, after: State) -> Iterator[str]:
    """One line for each, for people; none where the changes speak for themselves."""
    if isinstance(event, ev.PostsScraped):
        yield from _searched(before, event, after)
    if after.window != before.window and after.window is not None:
        yield from _opened(before, after)
    elif after.analysis_due() is False and before.analysis_due():
        yield from _analyzed(before, after)
    if after.to_scrape and (after.window, after.spare) != (before.window, before.spare):
        yield from _searches(after)


def _opened(before: State, after: State) -> Iterator[str]:
    carried = sum(not post.deferred for post in after.posts)
    if carried:
        rest = len(after.posts) - carried
        waiting = f"; {rest} more wait for later windows" if rest else ""
        yield f"{carried} post(s) that were put off go first in window {_number(after)}{waiting}"
    if carried and not after.to_scrape and after.totals.windows > before.totals.windows:
        yield "they fill it, so that nothing is searched for it"


def _analyzed(before: State, after: State) -> Iterator[str]:
    waiting = {post.post.id for post in before.posts if post.deferred}
    put_off = [post for post in after.posts if post.deferred and post.analyzed and post.post.id not in waiting]
    if put_off:
        yield f"the window takes {len(after.queue())} of the analyzed posts, the best first; {len(put_off)} wait"


def _searches(after: State) -> Iterator[str]:
    per_search, waiting = after.policy.posts_per_search, sum(post.deferred for post in after.posts)
    if per_search is not None and after.to_scrape + after.spare < per_search:
        most = after.to_scrape + after.spare
        later = after.policy.max_carried_windows * after.max_submissions - waiting
        bound = (
            f"{after.policy.max_carried_windows} later windows cannot send more"
            if after.spare == max(0, later)
            else "a larger page is read only behind a search that found as many new posts as it could take"
        )
        yield f"POSTS_PER_SEARCH is {per_search}; the search takes {most} at most, for {bound}"
    elif after.spare:
        yield f"POSTS_PER_SEARCH is {per_search}: the search takes {after.spare} post(s) for later windows, too"
    if after.since_id is not None:
        yield f"X is asked for posts behind {after.since_id}: of those before it, all within its reach were chosen"
    elif after.policy.search_since_newest:
        yield "X is asked by time: how far it was read is not known, or not as far back as this search reaches"


def _searched(before: State, event: ev.PostsScraped, after: State) -> Iterator[str]:
    if before.since_id is not None and event.since_id is None:
        yield f"X was asked by time: post {before.since_id} is older than a search reaches, or X refused it"
    if not before.policy.search_since_newest or after.read_to is None:
        return
    if event.newest_id is None:
        yield "something that the search could reach was left unread, or could not be used: the next one asks as before"
    elif int(after.read_to.post_id) < int(event.newest_id):
        yield f"posts were found and not chosen, so that the next search asks for posts behind {after.read_to.post_id}"


def _number(state: State) -> int | None:
    return None if state.window is None else state.window.number
