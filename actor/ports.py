"""The outside worlds as the actor sees them: one small Protocol for each, and the answers they give.

Edges implement these with one SDK each and map its errors here; tests and the simulation implement them by hand. An
edge never raises anything but what its Protocol names: whatever else comes out of it is a bug (EffectCrashed).
Texts in answers are bounded, valid Unicode and free of secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from events.catalogue import Author, ChainPolled, Post, SubmissionBody
from events.codec import Value

__all__ = [
    "Accepted",
    "AnalysisLike",
    "AnalyzerPort",
    "ApiPort",
    "Block",
    "ChainPort",
    "Clock",
    "Failed",
    "FoundAuthors",
    "Limited",
    "Rejected",
    "ScrapeError",
    "Scraped",
    "ScraperPort",
    "Signer",
    "StatusError",
    "SubmitAnswer",
]


class Block(Value, frozen=True, kw_only=True):
    """The block numbers of one API answer, each None when the API did not say (contract, BLOCK)."""

    current_block: int | None = None
    window_start_block: int | None = None
    window_end_block: int | None = None
    next_window_start_block: int | None = None
    blocks_per_window: int | None = None
    current_window: int | None = None
    max_submissions: int | None = None


class Accepted(Value, frozen=True, kw_only=True):
    """2xx with status "new", "duplicate" or "ok" (ruling 10)."""

    status: str
    http_status: int
    answer: str
    block: Block
    selected_for_validation: bool | None
    validation_id: str | None


class Rejected(Value, frozen=True, kw_only=True):
    """409 or 422: final for the post (ruling 10)."""

    http_status: int
    reason: str
    answer: str
    block: Block


class Limited(Value, frozen=True, kw_only=True):
    """429: wait for the next window (ruling 9)."""

    reason: str
    answer: str
    block: Block
    reset_block: int | None
    reset_s: float | None


class Failed(Value, frozen=True, kw_only=True):
    """Everything else: another attempt may help (ruling 10).

    Attributes:
        kind: "timeout" (no answer in time), "connection" (none at all), "http" (a status), "unexpected" (a 2xx that
            is not in the contract, or tells of another post or hotkey).
        reason: One line for people.
        http_status: None without an answer.
        answer: The body, bounded; empty without one.
        block: What the answer said of blocks.
    """

    kind: Literal["timeout", "connection", "http", "unexpected"]
    reason: str
    http_status: int | None
    answer: str
    block: Block


SubmitAnswer: TypeAlias = Accepted | Rejected | Limited | Failed


class StatusError(Exception):
    """GET /v2/status gave no usable block number. The message is one line for people."""


class ApiPort(Protocol):
    """The coordination API v2."""

    async def status(self) -> Block:
        """The current block.

        Raises:
            StatusError: No answer, or one without a block number.
        """
        ...

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        """One signed attempt; never raises for what a network or server can do."""
        ...

    async def aclose(self) -> None: ...


class Scraped(Value, frozen=True, kw_only=True):
    """What a search brought: unseen usable posts as X ordered them, and what was paid for, as in PostsScraped.

    ``since``, ``since_id`` and ``newest_id`` are there as well; None for ``since`` says that nobody held the posts'
    dates against a clock. Posts have no author where none were asked for.
    """

    posts: tuple[Post, ...]
    posts_read: int
    users_read: int
    requests: int
    unusable: int
    lost_pages: int = 0
    since: int | None = None
    since_id: str | None = None
    newest_id: str | None = None


class FoundAuthors(Value, frozen=True, kw_only=True):
    """Whom X knows of those that it was asked for, and how many users it returned, for the bill."""

    authors: tuple[Author, ...]
    users_read: int


class ScrapeError(Exception):
    """The search, or the question for authors, failed.

    Attributes:
        kind: Stable word: "auth", "forbidden", "credits", "usage_capped", "rate_limited", "invalid_request", "server",
            "timeout", "connection" (none came about), "broken" (one broke, X may have answered), "malformed".
        reason: One line for people.
        http_status: None without an answer.
        retry_after_s: Seconds until X takes requests again, None when it did not say.
    """

    def __init__(
        self, reason: str, *, kind: str, http_status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class ScraperPort(Protocol):
    """X: recent search, and who its users are."""

    async def scrape_posts(
        self,
        count: int,
        *,
        spare: int = 0,
        since_id: str | None = None,
        keywords: tuple[str, ...],
        max_pages: int,
        is_seen: Callable[[str], bool],
        with_authors: bool = True,
    ) -> Scraped:
        """Search once for at least ``count`` unseen posts that hold one of the keywords (ruling 8).

        Each page is a request that is paid for, and there are at most ``max_pages``. A page has room for ``spare``
        posts more; no further page is read for them. With ``since_id`` X is asked only for posts behind that one, or
        by time where it refuses that. Authors are paid for, too, so without ``with_authors`` none are asked for.

        Raises:
            ScrapeError: X or the network refused.
        """
        ...

    async def look_up_authors(self, author_ids: Sequence[str]) -> FoundAuthors:
        """Ask once who these users are, at most 100; each that X knows is paid for.

        Raises:
            ScrapeError: X or the network refused.
        """
        ...

    async def aclose(self) -> None: ...


class AnalysisLike(Protocol):
    """What an analysis holds, see ``actor.analyzer.Analysis``."""

    @property
    def tokens(self) -> Mapping[str, float]: ...
    @property
    def sentiment(self) -> float: ...
    @property
    def model(self) -> str: ...
    @property
    def prompt_version(self) -> str: ...
    @property
    def rung(self) -> str: ...
    @property
    def raw_answer(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def failed_calls(self) -> int: ...
    @property
    def unmeasured_calls(self) -> int: ...
    @property
    def repairs(self) -> int: ...
    @property
    def server(self) -> str: ...
    @property
    def dropped(self) -> tuple[str, ...]: ...
    @property
    def shown_chars(self) -> int | None: ...


class AnalyzerPort(Protocol):
    """Relevance and sentiment of one post."""

    @property
    def model(self) -> str:
        """The LLM that it asks, as its analyses name it."""
        ...

    @property
    def prompt_version(self) -> str:
        """The rules and the question, as its analyses name them: what other ones found does not hold here."""
        ...

    @property
    def server(self) -> str:
        """Where the LLM is asked, as its analyses name it."""
        ...

    def recall(self, rung: str, dropped: tuple[str, ...], *, age_s: float) -> None:
        """Begin with what that server was found to take so long ago, by an earlier process of this build."""
        ...

    async def analyze(self, text: str) -> AnalysisLike:
        """Analyze a normalized text.

        Raises:
            AnalysisError: ``actor.analyzer.AnalysisError``, the only failure.
        """
        ...

    async def aclose(self) -> None: ...


class ChainPort(Protocol):
    """The chain, of which mining needs nothing: how the hotkey stands is told to the operator."""

    async def standing(self, *, netuid: int, hotkey: str) -> ChainPolled:
        """How a hotkey stands on its subnet now.

        Raises:
            ChainError: ``actor.analyzer.refresh.ChainError``, the only failure.
        """
        ...


class Signer(Protocol):
    """The miner's hotkey."""

    @property
    def ss58_address(self) -> str:
        """The address that signatures are checked against."""
        ...

    def sign(self, message: bytes) -> bytes:
        """A 64-byte sr25519 signature."""
        ...


class Clock(Protocol):
    """Time, so that tests and the simulation can own it."""

    def now_ms(self) -> int:
        """This host's wall clock, unix milliseconds. It may jump."""
        ...

    def elapsed_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None: ...
