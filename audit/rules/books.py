"""The auditor's own books: what the events alone say of windows, posts and attempts. Never uses the machine's reducers.

An auditor that asked the audited program would prove nothing, so this is a second reading of the same records. It takes
every record as it comes, in any order, and judges nothing: rules compare a record with the books before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from audit.filters import RECENT_POSTS, RECENT_WINDOWS, Recent
from audit.rules.book_entries import Attempt, PostBook, Settled, Told, WindowBook
from events import catalogue as ev
from events.codec import changed
from events.journal import Record

__all__ = ["WATCHES", "Books"]

# A post waits for a few windows only. In a broken journal it may wait for ever: so many attempts and windows are kept.
_KEPT_ATTEMPTS: Final = 64
_FORGOTTEN_WINDOWS: Final = 64
_DAY_S: Final = 86_400
# The version of ActorStarted from which on a process judges block numbers.
WATCHES: Final = 4


class Books:
    """All of it, as of the records taken so far.

    Attributes:
        identity: Whose journal it is, None before its first record.
        api_url: The API at which it is now, empty before.
        policy: Of the last start.
        served_blocks: The API's number of blocks in a window, None while the policy's counts.
        served_quota: The API's number of posts in a window, likewise.
        build: Version of the software of the last start.
        subnets_sha256: Digest of the list of subnets of the last start, None where it was not recorded.
        running: A process is at work: between ActorStarted and ActorStopped.
        started_ms: Moment of the last start.
        newest: The newest window that was opened.
        windows: Windows by number, the last one of each; at most 2,000.
        told_count: How many were opened.
        worked: The window worked on last.
        worked_count: How many were.
        pending: Posts without a verdict; at most 20,000.
        settled: Posts with one, or left out; at most 20,000.
        concluded: By the search that chose posts, the last record of an analysis of one of them, whether it is left out
            or not; at most 20,000.
        authors: What X was last asked for and told of authors, by their ids; at most 20,000.
        versions: For each other version of a chosen post, the id that was chosen; at most 20,000.
        open: The attempt without an answer.
        limited: Record of a 429, and the block before which nothing may be sent.
        full: By a window's first block, the record of the 429 that filled it, and the quota then; at most 2,000. What
            is told later does not open it again, not even that the window behind it was none.
        limited_to: Record of the last 429 that says what it fills, and the block behind the window that it closed.
        unreachable: Record since which the API does not answer, None while it does.
        accepted: Accepted posts since the journal began.
        watches: The process judges block numbers and keeps searches apart: its ActorStarted is of version 4 or higher.
        searched: Record and moment of the last search's end, None before one.
        went_back: The last record whose time lies before that of the record before it.
        last: The last record.
    """

    def __init__(self) -> None:
        self.identity: ev.JournalCreated | None = None
        self.api_url = ""
        self.policy = ev.Policy()
        self.served_blocks: int | None = None
        self.served_quota: int | None = None
        self.build = ""
        self.subnets_sha256: str | None = None
        self.running = False
        self.started_ms = 0
        self.newest: WindowBook | None = None
        self.windows: Recent[int, WindowBook] = Recent(RECENT_WINDOWS)
        self.told_count = 0
        self.worked: WindowBook | None = None
        self.worked_count = 0
        self.pending: Recent[str, PostBook] = Recent(RECENT_POSTS)
        self.settled: Recent[str, Settled] = Recent(RECENT_POSTS)
        self.concluded: Recent[int, int] = Recent(RECENT_POSTS)
        self.authors: Recent[str, Told] = Recent(RECENT_POSTS)
        self.versions: Recent[str, str] = Recent(RECENT_POSTS)
        self.open: Attempt | None = None
        self.limited: tuple[int, int] | None = None
        self.full: Recent[int, tuple[int, int]] = Recent(RECENT_WINDOWS)
        self.limited_to: tuple[int, int] | None = None
        self.unreachable: int | None = None
        self.accepted = 0
        self.watches = False
        self.searched: tuple[int, int] | None = None
        self.went_back = 0
        self.last: Record | None = None
        self._takes: Final[Mapping[type, Callable[[Any, Record], None]]] = {
            ev.JournalCreated: self._created,
            ev.ApiMoved: self._moved,
            ev.ActorStarted: self._started,
            ev.ActorStopped: self._stopped,
            ev.SettingsChanged: self._settings_changed,
            ev.WindowOpened: self._opened,
            ev.WindowsRevised: self._revised,
            ev.PostsScraped: self._scraped,
            ev.ScrapeFailed: self._searched,
            ev.AuthorsLookedUp: self._looked_up,
            ev.AuthorLookupFailed: self._lookup_failed,
            ev.BudgetSpent: self._searched,
            ev.PostAnalyzed: self._analyzed,
            ev.AnalysisFailed: self._analysis_failed,
            ev.SubmissionStarted: self._submitted,
            ev.SubmissionAccepted: self._accepted,
            ev.SubmissionRejected: self._rejected,
            ev.SubmissionFailed: self._failed,
            ev.RateLimited: self._limited,
            ev.EffectCrashed: self._crashed,
            ev.ApiUnreachable: self._unreachable,
            ev.ApiRecovered: self._recovered,
            ev.ConfigMismatched: self._mismatched,
            ev.PostAbandoned: self._abandoned,
            ev.GapDeclared: self._gap,
        }

    @property
    def blocks(self) -> int:
        """Blocks in a window, as in use: the API's number, else the policy's."""
        return self.served_blocks or self.policy.blocks_per_window

    @property
    def quota(self) -> int:
        """Posts in a window, likewise."""
        return self.served_quota or self.policy.max_submissions_per_window

    def chosen(self, post_id: str) -> int | None:
        """The record that chose this post or another version of it; None while none did."""
        for known in (post_id, self.versions.get(post_id, "")):
            if (pending := self.pending.get(known)) is not None:
                return pending.seq
            if (settled := self.settled.get(known)) is not None:
                return settled.chosen
        return None

    def holds(self, event: ev.AnalysisFailed) -> bool:
        """Whether this failure makes posts wait: its own, and those that the LLM was not asked about yet."""
        return self.policy.on_analysis_error == "hold" and event.kind in ev.CONFIGURATION

    def take(self, record: Record, event: ev.Event | None) -> None:
        """Note one more record; what cannot be read is only counted."""
        if self.last is not None and record.at_ms < self.last.at_ms:
            self.went_back = record.seq
        self.last = record
        if event is not None and (take := self._takes.get(type(event))) is not None:
            take(event, record)

    # Runs

    def _created(self, event: ev.JournalCreated, _record: Record) -> None:
        self.identity, self.api_url = event, event.api_url

    def _moved(self, event: ev.ApiMoved, _record: Record) -> None:
        """Windows and quotas belong to the API that told them."""
        self.api_url = event.api_url
        self.served_blocks = self.served_quota = None
        self.newest = self.worked = self.limited = self.limited_to = None
        self.windows.clear()
        self.full.clear()

    def _started(self, event: ev.ActorStarted, record: Record) -> None:
        self.policy, self.running, self.started_ms, self.open = event.policy, True, record.at_ms, None
        self.build, self.subnets_sha256 = event.build, event.subnets_sha256
        self.watches = record.v >= WATCHES
        self._allow()

    def _settings_changed(self, event: ev.SettingsChanged, _record: Record) -> None:
        self.policy = event.policy

    def _stopped(self, _event: ev.ActorStopped, _record: Record) -> None:
        self.running = False

    def _unreachable(self, _event: ev.ApiUnreachable, record: Record) -> None:
        self.unreachable = record.seq

    def _recovered(self, _event: ev.ApiRecovered, _record: Record) -> None:
        self.unreachable = None

    def _mismatched(self, event: ev.ConfigMismatched, _record: Record) -> None:
        if event.setting == "BLOCKS_PER_WINDOW":
            self.served_blocks = event.served
        else:
            self.served_quota = event.served
        self._allow()

    def _allow(self) -> None:
        """Raise the newest window's limits to those in force; by their length a 429's window may reach into it."""
        if self.newest is None:
            return
        self.newest.quota = max(self.newest.quota, self.quota)
        self.newest.carried = max(self.newest.carried, self.policy.max_carried_windows)
        start, (seq, end) = self.newest.start_block, self.limited_to or (0, 0)
        if start // self.blocks * self.blocks < end <= start and start not in self.full:
            self.full[start] = seq, self.quota

    # Windows

    def _opened(self, event: ev.WindowOpened, record: Record) -> None:
        self._tell(event.window, event.start_block, event.blocks_per_window, record)

    def _revised(self, event: ev.WindowsRevised, record: Record) -> None:
        """Make the window that the API is in the newest one again; a 429 that still binds does so until that ends."""
        self.newest = self._known(event.window, event.start_block, event.blocks_per_window)
        if self.newest is None:
            self._tell(event.window, event.start_block, event.blocks_per_window, record)
        self._allow()
        if self.worked is not None and self.worked.start_block > event.start_block:
            self.worked = None
        if self.limited is not None:
            binds = self.limited[1] > event.believed_start_block
            self.limited = (self.limited[0], event.start_block + event.blocks_per_window) if binds else None
            self.limited_to = self.limited if binds and self.limited_to else self.limited_to
        if event.taken is not None and (ahead := [start for start in self.full if start > event.start_block]):
            self.full[event.start_block] = self.full[max(ahead)]  # the API was not ahead when it said so

    def _tell(self, number: int, start_block: int, blocks: int, record: Record) -> None:
        known = self._known(number, start_block, blocks)
        is_newest = self.newest is None or start_block > self.newest.start_block
        if known is not None and not is_newest:
            return
        self.told_count += 1
        window = WindowBook(
            number=number,
            start_block=start_block,
            blocks=blocks,
            seq=record.seq,
            at_ms=record.at_ms,
            quota=self.quota,
            carried=self.policy.max_carried_windows,
            ordinal=self.told_count,
            search=None if known is None else known.search,
        )
        if is_newest:
            self.newest = window
        self.windows[number] = window

    def _known(self, number: int, start_block: int, blocks: int) -> WindowBook | None:
        known = self.windows.get(number)
        return known if known is not None and (known.start_block, known.blocks) == (start_block, blocks) else None

    def _work_on(self, number: int) -> WindowBook | None:
        window = self.windows.get(number)
        if window is not None and window is not self.worked:
            self.worked = window
            self.worked_count += 1
            self._forget()
        return window

    def _forget(self) -> None:
        while self.pending:
            post_id, oldest = next(iter(self.pending.items()))
            if self.worked_count - oldest.worked <= _FORGOTTEN_WINDOWS:
                return
            del self.pending[post_id]

    def _searched(self, event: ev.PostsScraped | ev.ScrapeFailed | ev.BudgetSpent, record: Record) -> None:
        if (window := self._work_on(event.window)) is not None and window.search is None:
            window.search = record.seq
        if isinstance(event, ev.BudgetSpent):
            self._hold_authorless(record)
        else:
            self.searched = (record.seq, record.at_ms)

    # Posts

    def _scraped(self, event: ev.PostsScraped, record: Record) -> None:
        self._searched(event, record)
        window = self.windows.get(event.window)
        for post in event.posts:
            self.pending[post.id] = PostBook(
                post=post, window=window, seq=record.seq, worked=self.worked_count, dated=event.since is not None
            )
            for edit in post.edits:
                if edit not in self.versions:
                    self.versions[edit] = post.id

    def _looked_up(self, event: ev.AuthorsLookedUp, record: Record) -> None:
        """Whose author X does not know is left out."""
        self._work_on(event.window)
        for author in event.authors:
            self.authors.pop(author.id, None)  # the newest ones are kept
            self.authors[author.id] = Told(author=author, seq=record.seq, at_ms=record.at_ms)
        told = {author.id: author for author in event.authors}
        for post_id, pending in list(self.pending.items()):
            if pending.post.author or pending.post.author_id not in event.asked:
                continue
            if pending.post.author_id not in told:
                self._settle(post_id, "left out", record.seq)
                continue
            known = told[pending.post.author_id]
            pending.post = changed(
                pending.post,
                author=known.username,
                account_created=known.created,
                account_age=max(0, (record.at_ms // 1000 - known.created) // _DAY_S),
                followers=known.followers,
            )

    def _lookup_failed(self, event: ev.AuthorLookupFailed, record: Record) -> None:
        self._work_on(event.window)
        self._hold_authorless(record)

    def _hold_authorless(self, record: Record) -> None:
        for waiting in self.pending.values():
            if not waiting.post.author:
                waiting.held = record.seq

    def _analyzed(self, event: ev.PostAnalyzed, record: Record) -> None:
        if (post := self.pending.get(event.post_id)) is None or post.analysis is not None:
            return
        post.analysis, post.analyzed_ms = record.seq, record.at_ms
        self.concluded[post.seq] = record.seq
        post.tokens, post.sentiment = event.tokens, event.sentiment
        if not event.tokens and not self.policy.submit_irrelevant:
            self._settle(event.post_id, "left out", record.seq)

    def _analysis_failed(self, event: ev.AnalysisFailed, record: Record) -> None:
        if (post := self.pending.get(event.post_id)) is None or post.analysis is not None:
            return
        if self.holds(event):
            for waiting in self.pending.values():
                waiting.held = record.seq if waiting.analysis is None else waiting.held
            return
        post.analysis, post.analyzed_ms, post.failed = record.seq, record.at_ms, True
        self.concluded[post.seq] = record.seq
        if self.policy.on_analysis_error == "skip" or not self.policy.submit_irrelevant:
            self._settle(event.post_id, "left out", record.seq)

    def _settle(self, post_id: str, verdict: str, seq: int) -> None:
        post = self.pending.pop(post_id, None)
        if post is not None:
            self.settled[post_id] = Settled(verdict=verdict, seq=seq, chosen=post.seq)

    # Attempts and their answers

    def _submitted(self, event: ev.SubmissionStarted, record: Record) -> None:
        attempt = Attempt(
            post_id=event.post_id,
            number=event.attempt,
            window=self._work_on(event.window),
            seq=record.seq,
            at_ms=record.at_ms,
            quota=self.quota,
        )
        self.open = attempt
        if (post := self.pending.get(event.post_id)) is not None:
            post.attempts = [*post.attempts[1 - _KEPT_ATTEMPTS :], attempt]

    def _accepted(self, event: ev.SubmissionAccepted, record: Record) -> None:
        self.open = None
        self.accepted += 1
        self._settle(event.post_id, "accepted", record.seq)

    def _rejected(self, event: ev.SubmissionRejected, record: Record) -> None:
        self.open = None
        self._settle(event.post_id, "rejected", record.seq)

    def _failed(self, event: ev.SubmissionFailed, record: Record) -> None:
        self.open = None
        if (post := self.pending.get(event.post_id)) is not None:
            wait_s = self.policy.submit_backoff_s * 2.0 ** min(event.attempt - 1, _KEPT_ATTEMPTS)
            post.failure = (record.seq, record.at_ms, wait_s)

    def _limited(self, event: ev.RateLimited, record: Record) -> None:
        self.open = None
        if self.newest is not None:
            full = self.newest.start_block if event.start_block is None else event.start_block
            until_block = max(full, self.newest.start_block) + self.newest.blocks
            self.limited = (record.seq, until_block)
            self.limited_to = self.limited if event.full else None
            for start_block in event.full:
                self.full[start_block] = record.seq, self.quota

    def _crashed(self, event: ev.EffectCrashed, _record: Record) -> None:
        if self.open is not None and event.effect == f"SubmitPost:{self.open.post_id}":
            self.open = None

    def _abandoned(self, event: ev.PostAbandoned, record: Record) -> None:
        self._settle(event.post_id, "abandoned", record.seq)

    # Gaps

    def _gap(self, event: ev.GapDeclared, record: Record) -> None:
        """Count as done what the gap may hide: windows are spent, and posts without an analysis are left out."""
        known = event.salvage
        self.open = self.limited = None
        self.accepted += known.accepted
        for post_id in known.settled:
            self.settled[post_id] = Settled(verdict="settled behind a gap", seq=record.seq, chosen=record.seq)
            self.pending.pop(post_id, None)
        for post_id in [post_id for post_id, post in self.pending.items() if post.analysis is None]:
            self._settle(post_id, "left out", record.seq)
        for post_id in (post_id for ids in known.seen.values() for post_id in ids):
            if post_id not in self.pending and post_id not in self.settled:
                self.settled[post_id] = Settled(verdict="chosen behind a gap", seq=record.seq, chosen=record.seq)
        if known.window is not None and known.start_block is not None and known.blocks_per_window is not None:
            self._tell(known.window, known.start_block, known.blocks_per_window, record)
        for window in self.windows.values():
            window.search = window.search or record.seq
