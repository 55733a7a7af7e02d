"""What became of each search that was due, as far as other settings can be tried on it. Pure."""

from __future__ import annotations

from typing import Final

from actor.machine.history import Step
from events import catalogue as ev
from events.codec import Value, changed

__all__ = ["DueSearch", "due_search"]


class DueSearch(Value, frozen=True, kw_only=True):
    """One search that a window wanted, with the settings of that moment.

    Attributes:
        window: The window's number.
        at_ms: When it was answered, failed or held back, unix milliseconds.
        wanted: How many posts the window had room for.
        kind: Why it failed; empty where it did not.
        held: The budget that held it back; empty where none did.
        candidates: Ids of the posts that were new, in the record's order.
        chosen: Those of them that were taken, each with its author's id.
        posts_read: Posts that X returned.
        users_read: Likewise users.
        max_pages: MAX_SEARCH_PAGES.
        max_submissions: How many posts a window took.
        carried_windows: So many later windows a post may wait for.
        limit_usd: MAX_X_USD_PER_DAY; None without.
        cache_hours: AUTHOR_CACHE_HOURS; 0 where the search itself brought the authors.
    """

    window: int
    at_ms: int
    wanted: int
    kind: str = ""
    held: str = ""
    candidates: tuple[str, ...] = ()
    chosen: tuple[tuple[str, str], ...] = ()
    posts_read: int = 0
    users_read: int = 0
    max_pages: int
    max_submissions: int
    carried_windows: int
    limit_usd: float | None
    cache_hours: int = 0

    @property
    def is_answered(self) -> bool:
        """Whether X answered it."""
        return not (self.kind or self.held)


def due_search(step: Step) -> DueSearch | None:
    """The search whose end the step tells of; None where it tells of none."""
    if step.record.name not in _ENDS or not step.before.to_scrape:  # a budget holds questions for authors back, too
        return None
    event, before = step.event, step.before
    policy = before.policy
    due = DueSearch(
        window=getattr(event, "window", 0),
        at_ms=step.record.at_ms,
        wanted=before.to_scrape,
        max_pages=policy.max_search_pages,
        max_submissions=before.max_submissions,
        carried_windows=policy.max_carried_windows,
        limit_usd=policy.max_x_usd_per_day,
        cache_hours=policy.author_cache_hours,
    )
    return _ended(due, event)


def _ended(due: DueSearch, event: ev.Event) -> DueSearch | None:
    match event:
        case ev.PostsScraped():
            return changed(
                due,
                candidates=event.candidates,
                chosen=tuple([(post.id, post.author_id) for post in event.posts]),
                posts_read=event.posts_read,
                users_read=event.users_read,
            )
        case ev.ScrapeFailed():
            return changed(due, kind=event.kind)
        case ev.BudgetSpent():
            return changed(due, held=event.budget)
        case _:
            return None


_ENDS: Final = frozenset({"PostsScraped", "ScrapeFailed", "BudgetSpent"})
