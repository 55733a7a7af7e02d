"""The miner's state: everything that a folded journal says, and nothing that it does not. Frozen and pure.

``State.state`` is one of five names. All the rest is data that guards and ``wanted`` read.
Windows are ordered by their first block, not by their number: the numbers start anew when the API changes
blocks_per_window (ruling 11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from events.catalogue import (
    Author,
    BudgetSpent,
    ChainPolled,
    JournalCreated,
    Policy,
    Post,
    ScoreObserved,
    Spent,
    SubmissionBody,
    ValidationObserved,
)
from events.codec import Value, canonical_json, decoder
from events.prices import page_size
from events.upcast import VERSIONS

__all__ = [
    "ANSWERED",
    "INITIAL",
    "REDUCER",
    "STATES",
    "Backoff",
    "IllegalEventError",
    "KnownAuthor",
    "OpenAttempt",
    "PendingPost",
    "ReadTo",
    "State",
    "StateName",
    "Taken",
    "TextAnswer",
    "Totals",
    "Trouble",
    "Window",
    "observation_key",
]

# Raised whenever the same records would give another state, so that old snapshots are ignored.
_FOLD: Final = 7
# The state holds the policy of ActorStarted, so another version of it is another fold, too.
REDUCER: Final = _FOLD + VERSIONS["ActorStarted"]

StateName: TypeAlias = Literal["WaitingForWindow", "Scraping", "Analyzing", "Submitting", "Backoff"]
# Among the outcomes of analyses: one that succeeded.
ANSWERED: Final = "answered"
_FAR_LONGER: Final = 10
_HOUR_MS: Final = 3_600_000
# X tells of so many users in one answer.
_MOST_AUTHORS: Final = 100
STATES: Final[tuple[StateName, ...]] = ("WaitingForWindow", "Scraping", "Analyzing", "Submitting", "Backoff")


class IllegalEventError(ValueError):
    """The machine does not allow this event here. A bug of the caller; the state is unchanged."""


class Window(Value, frozen=True, kw_only=True):
    """A rate-limit window: its number for people, its first block for comparison, its length in blocks.

    ``opened_ms`` is when it was recorded, unix milliseconds: how far a later block may be ahead goes by the time since.
    """

    number: int
    start_block: int
    blocks: int
    opened_ms: int = 0

    @property
    def end_block(self) -> int:
        return self.start_block + self.blocks


class PendingPost(Value, frozen=True, kw_only=True):
    """A scraped post without a final verdict.

    Attributes:
        post: As X served it.
        window: Number of the window that it was scraped for.
        dated: Its date was checked against this host's clock at the scrape; False before PostsScraped version 3.
        analyzed: The analysis, or its failure, is recorded.
        tokens: Relevance by subnet; empty before and without an analysis.
        sentiment: 0.0 before and without an analysis (ruling 6).
        score: Final score; 0.0 before and without an analysis (ruling 6).
        attempts: Submissions started in the current batch; at most policy.submit_attempts (invariant I7).
        deferrals: Later windows that it was put off to.
        deferred: Waits for the next window; not sent in this one. Without an analysis it is held (ruling 21).
        deferred_in: First block of the newest window when it was put off; carried only into a later one.
    """

    post: Post
    window: int
    dated: bool = False
    analyzed: bool = False
    tokens: Mapping[str, float] = {}
    sentiment: float = 0.0
    score: float = 0.0
    attempts: int = 0
    deferrals: int = 0
    deferred: bool = False
    deferred_in: int | None = None


class OpenAttempt(Value, frozen=True, kw_only=True):
    """A submission whose intent is recorded and whose outcome is not. There is never more than one."""

    post_id: str
    attempt: int
    body: SubmissionBody


class Backoff(Value, frozen=True, kw_only=True):
    """Why and how long nothing is sent.

    Attributes:
        kind: "retry" after a failed attempt, "window" after a 429, "crash" after a bug of ours.
        due_ms: When it ends, unix milliseconds; None for kind "window", which ends with a window.
        wait_s: How long it was meant to last.
        until_block: First block at which kind "window" ends; None otherwise.
        held: Keys of the crashed effects, which rest until the end.
    """

    kind: Literal["retry", "window", "crash"]
    due_ms: int | None = None
    wait_s: float = 0.0
    until_block: int | None = None
    held: tuple[str, ...] = ()


class TextAnswer(Value, frozen=True, kw_only=True):
    """What was found out about a text, and holds for every post with the same text.

    Attributes:
        post_id: The post whose analysis it was.
        model: The LLM that was asked.
        prompt_version: The rules and the question.
        tokens: Relevance by subnet.
        sentiment: One of the five categories.
    """

    post_id: str
    model: str
    prompt_version: str
    tokens: Mapping[str, float]
    sentiment: float


class KnownAuthor(Value, frozen=True, kw_only=True):
    """What X told of an author, and when that was recorded, unix milliseconds."""

    author: Author
    at_ms: int

    def is_within(self, hours: int, at_ms: int) -> bool:
        """Whether that is no older at ``at_ms``, nor ahead by as much: this host's clock may be set."""
        return abs(at_ms - self.at_ms) < hours * _HOUR_MS


class Taken(Value, frozen=True, kw_only=True):
    """What the LLM's server was found to take, so that the next start need not find it out again.

    Attributes:
        server: Host and port.
        model: The model there.
        rung: The answer format that worked.
        dropped: What it does not take of a request.
        since_ms: When that was found out, unix milliseconds.
    """

    server: str
    model: str
    rung: str
    dropped: tuple[str, ...]
    since_ms: int


class ReadTo(Value, frozen=True, kw_only=True):
    """How far X was read: what a search could reach up to this post was chosen.

    Attributes:
        post_id: The post.
        reach: So many posts, counted from the newest, the searches read that this rests on.
    """

    post_id: str
    reach: int


class Trouble(Value, frozen=True, kw_only=True):
    """What loses posts, or keeps them from being searched or sent, until somebody changes something or a day ends.

    Attributes:
        kind: Which sort of it, a word of the event that told it.
        reason: One line for people, as it was told first under the start of ``epoch``.
        window: Number of the window in which it began; None where none was known.
        since_ms: When that was, unix milliseconds.
        epoch: Of the last start under which it was told.
    """

    kind: str
    reason: str
    window: int | None
    since_ms: int
    epoch: int


class Totals(Value, frozen=True, kw_only=True):
    """Counts since the journal began; ``accepted`` is the specification's posts_processed (ruling 14)."""

    windows: int = 0
    scraped: int = 0
    accepted: int = 0
    rejected: int = 0
    abandoned: int = 0
    left_out: int = 0


class State(Value, frozen=True, kw_only=True):
    """All that the miner knows.

    Attributes:
        state: One of the five.
        identity: Whose journal this is; None before the first record.
        api_url: The coordination API in use; differs from the identity's after ApiMoved.
        running: Between ActorStarted and ActorStopped.
        epoch: Of the last start.
        policy: Of the last start.
        subnets_sha256: Digest of the list of subnets of the last start.
        served_blocks_per_window: The API's number, None while it told none; it wins over the policy's (ruling 11).
        served_max_submissions: Likewise.
        window: The window being worked on, or worked on last; its scrape is never repeated (ruling 12).
        newest: The newest known window, at or after ``window``.
        worked: First blocks of the windows worked on that are near ``window``: none of them is searched again.
        searched_in: First block of the window that a search was last made for, or withheld from by a budget.
        searched_ms: When the last search was answered or failed, unix milliseconds; None before one.
        to_scrape: Posts that the due scrape of ``window`` wants; 0 when none is due.
        spare: Posts that it takes beyond that, for later windows.
        finds_plenty: The last search found as many new posts as it could take.
        read_to: How far X was read; None before a search that left nothing unread, and after other keywords.
        posts: Posts without a verdict, in the order of their scrapes; one whose analysis is refused goes last.
        open: The open attempt.
        backoff: Set exactly in state Backoff.
        limited_to: Block behind the window that the last 429 closed; by another length of windows its true end may lie
            behind that. None before a 429 that says what it fills.
        counted: Posts the API counted by a window's first block; only recent windows.
        seen: Ids of chosen posts, other versions included, by the UTC day (unix days) of the record that chose them;
            before PostsScraped version 3 by the day of posting. Days far from the last search's are forgotten.
        authors: Whom X told of in the last MOST_CACHE_HOURS, by their ids; older ones are forgotten at a later answer.
        answers: Analyses of recent texts by the hour (unix hours) of their records, then by the texts' digests.
        checkpointed: First block of the last window that ended with a signed checkpoint.
        checkpoint_seq: Record that the last checkpoint with a list of hashes speaks of; 0 before the first.
        outcomes: How analyses ended since the work on ``window`` began or the process started; empty again once none
            is due. Each kind of failure with its last reason, and ANSWERED. Reused answers do not count.
        one_first: One post is analyzed before all others are: one refusal is enough to hold them.
        crashes: Consecutive crashes by effect key, within one window.
        api_down: The status endpoint is known not to answer.
        disk_full_ms: Since when the journal's disk is known to be full in this run, unix milliseconds; else None.
        quarantined: Names of quarantine files that have their TailRepaired record.
        totals: Counts for people.
        spent: What was paid for, or may have been, by UTC day (unix days); only recent days.
        accepted: Posts that the API took, by UTC day (unix days); only recent days.
        unaffordable: Set when a budget does not allow the due scrape: the event to record in its place.
        observed: Keys of the last scores and judgements of validators, so that none is recorded twice.
        build: Version of the software of the last start; empty before the first.
        taken: What the LLM's server takes; None before its first answer to this build.
        troubles: Under "llm" that every analysis of a window was refused for one reason of configuration, until one
            succeeds; under "x" that X refuses this account, until a search succeeds; under "hotkey" that the API
            refuses this miner's signature, until a verdict; under "budget" that one withholds searches, until the next
            search; under "place" that the hotkey has no place on the subnet, or hardly any more, by the chain's last
            word.
        used_until_ms: When the last window ends by the time its blocks should take in which something was searched or
            answered, or a budget withheld the search; the last start where that is later; unix milliseconds.
        chain: What the chain told last of the hotkey; None before it told anything.
        chain_ms: When that was, unix milliseconds.
        chain_due_ms: When the chain is to be asked again, unix milliseconds; None where it is never asked.
    """

    state: StateName = "WaitingForWindow"
    identity: JournalCreated | None = None
    api_url: str = ""
    running: bool = False
    epoch: int = 0
    policy: Policy = Policy()
    subnets_sha256: str | None = None
    served_blocks_per_window: int | None = None
    served_max_submissions: int | None = None
    window: Window | None = None
    newest: Window | None = None
    worked: tuple[int, ...] = ()
    searched_in: int | None = None
    searched_ms: int | None = None
    to_scrape: int = 0
    spare: int = 0
    finds_plenty: bool = False
    read_to: ReadTo | None = None
    posts: tuple[PendingPost, ...] = ()
    open: OpenAttempt | None = None
    backoff: Backoff | None = None
    limited_to: int | None = None
    counted: Mapping[int, int] = {}
    seen: Mapping[int, frozenset[str]] = {}
    authors: Mapping[str, KnownAuthor] = {}
    answers: Mapping[int, Mapping[str, TextAnswer]] = {}
    checkpointed: int | None = None
    checkpoint_seq: int = 0
    outcomes: Mapping[str, str] = {}
    one_first: bool = False
    crashes: Mapping[str, int] = {}
    api_down: bool = False
    disk_full_ms: int | None = None
    quarantined: tuple[str, ...] = ()
    totals: Totals = Totals()
    spent: Mapping[int, Spent] = {}
    accepted: Mapping[int, int] = {}
    unaffordable: BudgetSpent | None = None
    observed: tuple[str, ...] = ()
    build: str = ""
    taken: Taken | None = None
    troubles: Mapping[str, Trouble] = {}
    used_until_ms: int | None = None
    chain: ChainPolled | None = None
    chain_ms: int | None = None
    chain_due_ms: int | None = None

    @property
    def blocks_per_window(self) -> int:
        """In use: the API's number, else the policy's."""
        return self.served_blocks_per_window or self.policy.blocks_per_window

    def is_far_longer(self, blocks: int) -> bool:
        """Whether windows of so many blocks are longer than the configured ones by more than subnets ever differ."""
        return blocks > _FAR_LONGER * self.policy.blocks_per_window

    @property
    def max_submissions(self) -> int:
        """In use: the API's number, else the policy's."""
        return self.served_max_submissions or self.policy.max_submissions_per_window

    @property
    def search_floor_s(self) -> float:
        """The least time from the end of one search to the next, whatever windows the API names."""
        return self.policy.blocks_per_window * self.policy.block_s / 4

    @property
    def reach(self) -> int:
        """So many posts the due search reads at most."""
        return self.policy.max_search_pages * page_size(self.to_scrape + self.spare)

    @property
    def since_id(self) -> str | None:
        """The post behind which the due search asks for newer ones; None asks by time.

        A search that reaches further back than those before it may find posts that none of them read.
        """
        if not self.policy.search_since_newest or self.read_to is None or self.read_to.reach < self.reach:
            return None
        return self.read_to.post_id

    def is_under_way(self) -> bool:
        """Whether an answer for ``window`` is due, or the end of a timed backoff."""
        timed = self.backoff is not None and self.backoff.due_ms is not None
        return bool(self.to_scrape) or self.open is not None or timed or self.analysis_due()

    def room(self) -> int:
        """Posts that the newest window still takes."""
        counted = 0 if self.newest is None else self.counted.get(self.newest.start_block, 0)
        most = self.max_submissions
        return most - counted if counted < most else 0

    def filled_by(self, start_block: int | None) -> tuple[int, ...]:
        """First blocks of the windows that a 429 fills: the newest one, and the one that it names (invariant I6)."""
        newest = None if self.newest is None else self.newest.start_block
        return tuple(sorted({start for start in (newest, start_block) if start is not None}))

    def is_in_limited(self, window: Window) -> bool:
        """Whether its first block lies in a window of the length in use that a 429 closed, by another length."""
        start, blocks = window.start_block, self.blocks_per_window
        return self.limited_to is not None and start // blocks * blocks < self.limited_to <= start

    def taken_of(self, start_block: int) -> int:
        """Places that posts may have taken in this window while a later one was believed (invariant I1).

        Those that were counted in later ones, and those of posts that were sent for a later one and have no answer.
        """
        counted = sum(number for start, number in self.counted.items() if start > start_block)
        is_ahead = self.window is not None and self.window.start_block > start_block
        return counted + sum(p.attempts > 0 and not p.deferred for p in self.posts if is_ahead)

    def pending(self, post_id: str) -> PendingPost | None:
        """The post without a verdict, None when it has one or was never chosen."""
        for pending in self.posts:  # a loop, here and below: every record of a replay comes through
            if pending.post.id == post_id:
                return pending
        return None

    def is_seen(self, post_id: str) -> bool:
        """Whether the post, or another version of it, was chosen by an earlier scrape."""
        return not self.are_new({post_id})

    def are_new(self, post_ids: set[str]) -> bool:
        """Whether no earlier scrape chose any of the posts."""
        for ids in self.seen.values():
            if not ids.isdisjoint(post_ids):
                return False
        return all(post_ids.isdisjoint(pending.post.versions) for pending in self.posts)

    def is_too_old(self, post: Post, at_ms: int) -> bool:
        """Whether a post is not to be sent any more (ruling 9)."""
        return at_ms >= self.too_old_ms(post)

    def too_old_ms(self, post: Post) -> int:
        """The moment from which on a post is not sent any more, unix milliseconds (ruling 9)."""
        return post.timestamp * 1000 + round(self.policy.max_post_age_s * 1000)

    def answer(self, content_sha256: str) -> TextAnswer | None:
        """What is on record about a text of this digest; the newest where models or rules changed."""
        for hour in sorted(self.answers, reverse=True):
            if (answer := self.answers[hour].get(content_sha256)) is not None:
                return answer
        return None

    def author(self, author_id: str, at_ms: int) -> Author | None:
        """Who that is, if X was asked for it within the hours of the policy; None else."""
        known = self.authors.get(author_id)
        is_fresh = known is not None and known.is_within(self.policy.author_cache_hours, at_ms)
        return known.author if known is not None and is_fresh else None

    def is_author_due(self) -> bool:
        """Whether nobody knows yet who posted one of the posts that do not wait."""
        for pending in self.posts:  # noqa: SIM110
            if not (pending.post.author or pending.analyzed or pending.deferred):
                return True
        return False

    def authors_due(self) -> tuple[str, ...]:
        """Ids of the authors to be looked up, as many as X tells of at once."""
        return self.all_authors_due()[:_MOST_AUTHORS]

    def all_authors_due(self) -> tuple[str, ...]:
        """Ids of all authors to be looked up, each once, in the order of their posts."""
        due = [p.post.author_id for p in self.posts if not (p.post.author or p.analyzed or p.deferred)]
        return tuple(dict.fromkeys(due))

    def analysis_due(self) -> bool:
        """Whether a post that does not wait has no analysis yet."""
        for pending in self.posts:  # noqa: SIM110
            if not (pending.analyzed or pending.deferred):
                return True
        return False

    def all_deferred(self) -> bool:
        """Whether no post is to be worked on in this window."""
        for pending in self.posts:  # noqa: SIM110
            if not pending.deferred:
                return False
        return True

    def to_analyze(self) -> tuple[PendingPost, ...]:
        """Posts whose analysis is due."""
        return tuple([p for p in self.posts if not (p.analyzed or p.deferred)])

    def to_ask_about(self) -> tuple[PendingPost, ...]:
        """Posts whose analysis is due and may begin now; a single one while ``one_first`` waits for its answer."""
        due = self.to_analyze()
        return due[:1] if self.one_first and not self.outcomes else due

    def queue(self) -> tuple[PendingPost, ...]:
        """Posts to send in this window: carried ones first, then best score first (rulings 9, 5)."""
        ready = [p for p in self.posts if p.analyzed and not p.deferred]
        if len(ready) > 1:
            ready.sort(key=_first_in_queue)
        return tuple(ready)


def _first_in_queue(pending: PendingPost) -> tuple[bool, float]:
    return pending.deferrals == 0, -pending.score


def observation_key(event: ScoreObserved | ValidationObserved) -> str:
    """A key of 16 hex digits, another one for each different score or judgement."""
    return hashlib.sha256(canonical_json(event)).hexdigest()[:16]


INITIAL: Final = State()
decoder(State)
