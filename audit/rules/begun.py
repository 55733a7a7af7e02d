"""An audit that begins amid a journal: books as good as this build's folded state makes them. Pure.

What a state does not say is left out, so that a rule objects to less and never to what it cannot know. The record
before the first one that is judged stands for all that lies before it, as a gap's record does behind a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actor.machine import State
from actor.machine.state import PendingPost, Window
from audit.rules.book_entries import Attempt, PostBook, Settled, WindowBook
from audit.rules.books import WATCHES, Books
from events.journal import Record
from events.windows import WindowLog

__all__ = ["Beginning", "begun_books", "begun_log", "is_before"]

_BEFORE: Final = "chosen before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What is known of all records before the first one that is judged.

    Attributes:
        state: This build's state after the last of them.
        last: That record.
        first_hash: The hash of the journal's first record.
        start: The last start among them, None without one.
    """

    state: State
    last: Record
    first_hash: str
    start: Record | None


def begun_books(begun: Beginning) -> Books:
    """The books behind the last record before. No time is compared across it: the clock may have gone back there."""
    state, books, seq = begun.state, Books(), begun.last.seq
    books.identity, books.api_url, books.policy = state.identity, state.api_url, state.policy
    books.served_blocks, books.served_quota = state.served_blocks_per_window, state.served_max_submissions
    books.running, books.build, books.subnets_sha256 = state.running, state.build, state.subnets_sha256
    if begun.start is not None:
        books.started_ms, books.watches = begun.start.at_ms, begun.start.v >= WATCHES
    books.accepted = state.totals.accepted
    books.unreachable = seq if state.api_down else None
    books.last, books.went_back = begun.last, seq + 1
    _windows(books, state, seq)
    for pending in state.posts:
        _post(books, pending, seq)
    own = {version for pending in state.posts for version in pending.post.versions}
    for ids in state.seen.values():
        for post_id in sorted(ids - own):
            books.settled[post_id] = Settled(verdict=_BEFORE, seq=seq, chosen=seq)
    _sending(books, state, begun.last)
    return books


def _windows(books: Books, state: State, seq: int) -> None:
    # Others were told before; a post of one of them is carried, whichever it was.
    books.told_count = max(2, state.totals.windows)
    if state.window is not None:
        books.worked = _window(books, state.window, seq, books.told_count - 1)
        books.worked.search = None if state.to_scrape else seq
        # The quota may have been higher when its work began.
        if state.policy.posts_per_search is None or not state.analysis_due():  # else posts for later windows, too
            books.worked.quota = max(books.worked.quota, state.to_scrape + sum(not p.deferred for p in state.posts))
    if state.newest is None:
        return
    if state.newest == state.window:
        books.newest = books.worked
        return
    books.newest = _window(books, state.newest, seq, books.told_count)
    books.newest.search = seq if state.newest.start_block in state.worked else None


def _window(books: Books, window: Window, seq: int, ordinal: int) -> WindowBook:
    book = WindowBook(
        number=window.number,
        start_block=window.start_block,
        blocks=window.blocks,
        seq=seq,
        at_ms=window.opened_ms,
        quota=max(books.quota, books.policy.max_submissions_per_window),
        carried=books.policy.max_carried_windows,
        ordinal=ordinal,
    )
    books.windows[window.number] = book
    return book


def _post(books: Books, pending: PendingPost, seq: int) -> None:
    failed = pending.analyzed and not (pending.tokens or pending.sentiment or pending.score)
    books.pending[pending.post.id] = PostBook(
        post=pending.post,
        window=None if pending.deferrals else books.windows.get(pending.window),  # it may have been taken back since
        seq=seq,
        worked=books.worked_count,
        dated=pending.dated,
        analysis=seq if pending.analyzed else None,
        tokens=pending.tokens,
        sentiment=pending.sentiment,
        failed=failed,
        held=seq if pending.deferred and not pending.analyzed else None,
        attempts=[
            Attempt(
                post_id=pending.post.id,
                number=number,
                window=books.worked,
                seq=seq,
                at_ms=books.started_ms,
                quota=books.quota,
            )
            for number in range(1, pending.attempts + 1)
        ],
    )
    for edit in pending.post.edits:
        if edit not in books.versions:
            books.versions[edit] = pending.post.id


def _sending(books: Books, state: State, last: Record) -> None:
    if state.open is not None:
        post_id, number = state.open.post_id, state.open.attempt
        books.open = Attempt(
            post_id=post_id, number=number, window=books.worked, seq=last.seq, at_ms=last.at_ms, quota=books.quota
        )
    if state.backoff is not None and state.backoff.until_block is not None:
        books.limited = (last.seq, state.backoff.until_block)
    if state.limited_to is not None:
        books.limited_to = (last.seq, state.limited_to)
    if state.searched_ms is not None:
        books.searched = (last.seq, state.searched_ms)


def begun_log(begun: Beginning) -> WindowLog:
    """A log of windows that goes on behind the last record before."""
    state, policy = begun.state, begun.state.policy
    quota = (policy.max_submissions_per_window, state.served_max_submissions)
    log = WindowLog(quota=quota, attempts=policy.submit_attempts, holds=policy.on_analysis_error == "hold")
    if (newest := state.newest) is not None:
        spent = newest == state.window and not state.to_scrape
        log.resume(newest.number, newest.start_block, newest.blocks, begun.last, spent=spent)
    until_block = None if state.backoff is None else state.backoff.until_block
    log.know(
        begun.last,
        unreachable=state.api_down,
        limited_until=until_block,
        limited_to=state.limited_to,
        served_blocks=state.served_blocks_per_window,
        counted=state.counted,
        worked=state.worked,
        held={p.post.id: _held_in(p) for p in state.posts if not p.analyzed},
    )
    return log


def _held_in(post: PendingPost) -> int | None:
    return -1 if post.deferred and post.deferred_in is None else post.deferred_in


def is_before(begun: Beginning | None, seqs: tuple[int, ...]) -> bool:
    """Whether one of these records lies before the first one that is judged."""
    return begun is not None and any(seq <= begun.last.seq for seq in seqs)
