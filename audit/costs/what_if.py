"""The recorded searches under other settings: what they would have cost, and how many windows they would fill. Pure.

A replay of searches, not of the miner: nothing is asked anew, and what no record tells is counted against the settings
that are asked for. ``ASSUMPTIONS`` says what that means, and a question that the records cannot answer is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from actor.machine.budget import DAY_MS
from audit.costs.entries import Expenses
from audit.costs.searches import DueSearch
from audit.errors import UsageError
from events.catalogue import Spent
from events.codec import plain
from events.money import Money
from events.prices import PERHAPS_BILLED, page_size, uusd

__all__ = ["ASSUMPTIONS", "KNOBS", "Replayed", "check_asked", "replay", "what_if_fields", "what_if_lines"]

KNOBS: Final = ("POSTS_PER_SEARCH", "AUTHOR_CACHE_HOURS", "MAX_X_USD_PER_DAY")
"""The settings that the recorded searches can answer for."""

ASSUMPTIONS: Final = (
    "a search finds what the recorded one of its window found, and reads as many posts",
    "what the miner chose in a search that now falls away is not found by a later one",
    "a window whose recorded search failed, or was held back by a budget, finds nothing",
    "a post that a window has no room for waits for as many later windows as the miner allows",
    "with AUTHOR_CACHE_HOURS the authors of taken posts are read, and again after so many hours",
    "a post whose author no record names has an author of its own",
    "the share of sent posts that are accepted, and the cost of an analysis, are the mean of what is on record",
    "of budgets MAX_X_USD_PER_DAY alone is replayed, and only where it is asked for",
    "what lies in a declared gap is not replayed",
)
_HOUR_MS: Final = 3_600_000


class _Post(NamedTuple):
    id: str
    author: str
    place: int  # of the due search that took it, among all


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What the searches come to.

    Attributes:
        windows: Windows that wanted a search.
        filled: Those of them that got all the posts that they had room for.
        searches: Searches that X answers.
        failed: Searches that fail.
        held: Windows that a budget holds back.
        paid: What X returns.
        taken: Posts that are taken and analyzed.
        sent: Posts that are sent.
    """

    windows: int = 0
    filled: int = 0
    searches: int = 0
    failed: int = 0
    held: int = 0
    paid: Spent = field(default_factory=Spent)
    taken: int = 0
    sent: int = 0


def replay(searches: Sequence[DueSearch], asked: Mapping[str, Any], money: Money) -> Replayed:
    """The searches in their order, with these settings in place of those that were in force."""
    replaying = _Replay(asked, money)
    for due in searches:
        replaying.see(due)
    return replaying.sums


class _Replay:
    def __init__(self, asked: Mapping[str, Any], money: Money) -> None:
        self.sums = Replayed()
        self._most: int | None = asked.get("POSTS_PER_SEARCH")
        self._cache_hours: int | None = asked.get("AUTHOR_CACHE_HOURS")
        self._limit_usd: float | None = asked.get("MAX_X_USD_PER_DAY")
        self._money = money
        self._waiting: list[_Post] = []
        self._known: set[str] = set()
        self._authors_ms: dict[str, int] = {}
        self._days: dict[int, Spent] = {}

    def see(self, due: DueSearch) -> None:
        sums = self.sums
        sums.windows += 1
        self._waiting = [post for post in self._waiting if self._may_wait(post, due)]
        sent, self._waiting = self._waiting[: due.wanted], self._waiting[due.wanted :]
        if len(sent) < due.wanted:
            sent += self._search(due, due.wanted - len(sent))
        sums.sent += len(sent)
        sums.filled += len(sent) >= due.wanted

    def _may_wait(self, post: _Post, due: DueSearch) -> bool:
        return self.sums.windows - post.place <= due.carried_windows

    def _search(self, due: DueSearch, wanted: int) -> list[_Post]:
        """What is sent of it at once; the rest waits."""
        spare = self._spare(due, wanted)
        if due.held or self._is_held(due, wanted + spare):
            self.sums.held += 1
            return []
        if due.kind:
            self.sums.failed += 1
            if due.kind in PERHAPS_BILLED:
                self._spend(due, self._pages(due, wanted + spare))
            return []
        self.sums.searches += 1
        found = [post for post in self._found(due) if post.id not in self._known]
        taken = found[: wanted + spare]
        self._known.update(post.id for post in taken)
        self.sums.taken += len(taken)
        users = self._looked_up(taken, due) if self._hours(due) else due.users_read
        read = Spent(posts=due.posts_read, users=users)
        self._spend(due, read)
        self.sums.paid += read
        if self._most is None:  # what was taken for later windows had its place there on record
            return taken
        self._waiting += taken[wanted:]
        return taken[:wanted]

    def _spare(self, due: DueSearch, wanted: int) -> int:
        if self._most is None:
            return max(0, len(due.chosen) - wanted)
        room = due.carried_windows * due.max_submissions - len(self._waiting)
        return max(0, min(self._most - wanted, room))

    def _found(self, due: DueSearch) -> list[_Post]:
        """What was taken, and behind it what else was new."""
        place, taken = self.sums.windows, {post_id for post_id, _ in due.chosen}
        chosen = [_Post(post_id, author, place) for post_id, author in due.chosen]
        return chosen + [_Post(other, f"?{other}", place) for other in due.candidates if other not in taken]

    def _hours(self, due: DueSearch) -> int:
        return due.cache_hours if self._cache_hours is None else self._cache_hours

    def _looked_up(self, posts: Sequence[_Post], due: DueSearch) -> int:
        """How many of their authors are read."""
        oldest_ms = due.at_ms - self._hours(due) * _HOUR_MS
        unknown = {post.author for post in posts if self._authors_ms.get(post.author, oldest_ms) <= oldest_ms}
        self._authors_ms.update(dict.fromkeys(unknown, due.at_ms))
        return len(unknown)

    def _pages(self, due: DueSearch, posts: int) -> Spent:
        """The most that a search can read."""
        read = due.max_pages * page_size(posts)
        return Spent(posts=read, users=0 if self._hours(due) else read)

    def _is_held(self, due: DueSearch, posts: int) -> bool:
        if self._limit_usd is None:
            return False
        authors = Spent(users=posts if self._hours(due) else 0)
        most = self._days.get(due.at_ms // DAY_MS, Spent()) + self._pages(due, posts) + authors
        return self._money.prices.x_uusd(most.posts, most.users) > uusd(self._limit_usd)

    def _spend(self, due: DueSearch, paid: Spent) -> None:
        day = due.at_ms // DAY_MS
        self._days[day] = self._days.get(day, Spent()) + paid


def check_asked(searches: Sequence[DueSearch], asked: Mapping[str, Any], money: Money) -> None:
    """Refuse what the recorded searches cannot tell.

    Raises:
        UsageError: One line that says why, and what can be asked.
    """
    if not searches:
        raise UsageError("--what-if: no search is on record in these days, so there is nothing to replay")
    answered = [due for due in searches if due.is_answered]
    if (most := asked.get("POSTS_PER_SEARCH")) is not None and answered:
        if any(len(due.chosen) > due.wanted for due in answered):
            raise UsageError(
                "--what-if POSTS_PER_SEARCH: searches on record took posts for later windows already, and nobody knows "
                "what the windows without a search would have found: ask about days before that, with --until"
            )
        fewest, largest = max(due.wanted for due in answered), min(page_size(due.wanted) for due in answered)
        if not fewest <= most <= largest:
            raise UsageError(
                f"--what-if POSTS_PER_SEARCH={most}: windows had room for {fewest} posts, and a search on record read "
                f"{largest} at a time, so nobody knows what more would have held: expected {fewest} to {largest}"
            )
    if asked.get("AUTHOR_CACHE_HOURS") == 0 and any(due.cache_hours for due in answered):
        raise UsageError(
            "--what-if AUTHOR_CACHE_HOURS=0: searches on record brought no authors, so nobody knows how many "
            "they would have brought: expected at least 1"
        )
    if (limit_usd := asked.get("MAX_X_USD_PER_DAY")) is not None:
        _check_limit(searches, limit_usd, replay(searches, asked, money))


def _check_limit(searches: Sequence[DueSearch], limit_usd: float, found: Replayed) -> None:
    question = f"--what-if MAX_X_USD_PER_DAY={limit_usd:g}"
    lower = [due.limit_usd for due in searches if due.held == "x" and due.limit_usd is not None]
    if lower and min(lower) < limit_usd:
        raise UsageError(
            f"{question}: {len(lower)} windows were held back by a budget, and nobody knows what their searches would "
            f"have found: expected at most {min(lower):g}"
        )
    if not found.searches and not found.failed:
        raise UsageError(f"{question}: it does not pay for one search: expected more")


def what_if_fields(
    money: Money, searches: Sequence[DueSearch], asked: Mapping[str, Any], total: Expenses
) -> dict[str, Any]:
    """Both replays, with the settings as they were and as they are asked for; ``total`` is what the days cost."""
    recorded, other = replay(searches, {}, money), replay(searches, asked, money)
    return {
        "kind": "what-if",
        "asked": dict(asked),
        "recorded": _fields(money, recorded, recorded, total),
        "replayed": _fields(money, other, recorded, total),
        "assumptions": list(ASSUMPTIONS),
        "prices": plain(money.prices),
    }


def _fields(money: Money, found: Replayed, recorded: Replayed, total: Expenses) -> dict[str, Any]:
    """One row; what became of posts is reckoned from what became of those on record."""
    accepted = found.sent * total.accepted / recorded.sent if recorded.sent else 0.0
    tokens = money.llm(total.paid)
    llm_usd = None if tokens is None or not recorded.taken else tokens * found.taken / recorded.taken
    x_usd = money.x(found.paid)
    return {
        "windows": found.windows,
        "filled": found.filled,
        "searches": found.searches,
        "failed": found.failed,
        "held": found.held,
        "posts_read": found.paid.posts,
        "users_read": found.paid.users,
        "x_usd": x_usd,
        "taken": found.taken,
        "llm_usd": None if llm_usd is None else round(llm_usd, 6),
        "sent": found.sent,
        "accepted": round(accepted, 2),
        "per_accepted": {
            "x_usd": round(x_usd / accepted, 6) if accepted else None,
            "llm_usd": round(llm_usd / accepted, 6) if accepted and llm_usd is not None else None,
        },
    }


_COLUMNS: Final = {
    "searches": 10,
    "posts": 7,
    "users": 7,
    "X $": 10,
    "LLM $": 11,
    "windows": 9,
    "filled": 8,
    "sent": 7,
    "accepted": 10,
    "X $ each": 10,
}


def what_if_lines(fields: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    recorded, replayed = fields["recorded"], fields["replayed"]
    names = " ".join(f"{name}={value:g}" for name, value in fields["asked"].items())
    saved, share = recorded["x_usd"] - replayed["x_usd"], ""
    if recorded["x_usd"]:
        share = f" ({abs(saved) / recorded['x_usd']:.0%})"
    return [
        _row("", tuple(_COLUMNS)),
        _row("as recorded", _cells(recorded)),
        _row("replayed", _cells(replayed)),
        "",
        f"{names}: X ${abs(saved):.4f} {'less' if saved >= 0 else 'more'}{share}",
        "what is assumed:",
        *(f"- {line}" for line in fields["assumptions"]),
    ]


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    each = row["per_accepted"]["x_usd"]
    return (
        row["searches"],
        row["posts_read"],
        row["users_read"],
        f"{row['x_usd']:.4f}",
        "-" if row["llm_usd"] is None else f"{row['llm_usd']:.6f}",
        row["windows"],
        row["filled"],
        row["sent"],
        f"{row['accepted']:.1f}",
        "-" if each is None else f"{each:.4f}",
    )


def _row(head: str, cells: Sequence[object]) -> str:
    return f"{head:<11}" + "".join(f"{cell!s:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True))
