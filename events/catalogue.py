"""What can happen to a miner: one immutable value for each event, named in the past tense.

An event is a fact that was observed or decided at one moment; it becomes one journal record. Everything that the
machine may depend on stands in an event: time (the record's ``at``), random seeds, HTTP answers, LLM output. This
module holds data only. It never does IO, reads a clock or decides anything.

Units stand last in names: ``_s`` seconds, ``_ms`` milliseconds, no suffix for unix seconds named by the
specification (``timestamp``, ``date``). Texts from outside are bounded and free of secrets before they come here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from events.codec import Value, changed
from events.prices import Prices

__all__ = [
    "CONFIGURATION",
    "EVENTS",
    "MOST_CACHE_HOURS",
    "ActorStarted",
    "ActorStopped",
    "AnalysisFailed",
    "ApiMoved",
    "ApiRecovered",
    "ApiUnreachable",
    "Author",
    "AuthorLookupFailed",
    "AuthorsLookedUp",
    "BackoffElapsed",
    "BudgetSpent",
    "ChainPollFailed",
    "ChainPolled",
    "CheckpointSigned",
    "ConfigMismatched",
    "DiskFilled",
    "DiskFreed",
    "EffectCrashed",
    "Event",
    "GapDeclared",
    "JournalCreated",
    "Policy",
    "Post",
    "PostAbandoned",
    "PostAnalyzed",
    "PostsScraped",
    "RateLimited",
    "Salvage",
    "ScoreObserved",
    "ScrapeFailed",
    "SettingsChanged",
    "Spent",
    "SubmissionAccepted",
    "SubmissionBody",
    "SubmissionFailed",
    "SubmissionRejected",
    "SubmissionStarted",
    "TailRepaired",
    "ValidationObserved",
    "WindowOpened",
    "WindowsRevised",
]


_DAY_S: Final = 86_400
# For so long authors are remembered, whatever the policy says, for it may change.
MOST_CACHE_HOURS: Final = 168
_SENTIMENTS: Final = frozenset({-1.0, -0.5, 0.0, 0.5, 1.0})
# Kinds of AnalysisFailed that no waiting mends: the key, the credit, the model or a parameter of every request is
# refused, whatever the post (ruling 21). The fold reads this set, so a change of it raises _FOLD.
CONFIGURATION: Final = frozenset({"auth", "quota", "model", "refused_parameter"})

_FEW_REGISTRATIONS: Final = 5


class Post(Value, frozen=True, kw_only=True):
    """A post as X served it: every field that was asked for, under the specification's names.

    Attributes:
        id: Post id, decimal digits.
        content: The text exactly as served (not normalized).
        author: User name without ``@``; empty while the author is not looked up (AUTHOR_CACHE_HOURS).
        author_id: The user's id at X.
        timestamp: When it was posted, unix seconds.
        account_created: When the account was made, unix seconds.
        account_age: Age of the account at the scrape, whole days.
        retweets: How often it was reposted.
        likes: Likes.
        responses: Replies.
        quotes: Quotes.
        followers: The author's followers.
        edits: Ids of its other versions, for an edited post is the same post; empty before version 3 of PostsScraped.
    """

    id: str
    content: str
    author: str
    author_id: str
    timestamp: int
    account_created: int
    account_age: int
    retweets: int
    likes: int
    responses: int
    quotes: int
    followers: int
    edits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _is_id(self.id):
            raise ValueError(f"a post id is decimal digits, not {self.id!r}")
        if self.edits and not (all(_is_id(edit) for edit in self.edits) and self.id not in self.edits):
            raise ValueError(f"post {self.id}: its other versions are other posts' ids, not {self.edits!r}")
        counts_negative = self.retweets < 0 or self.likes < 0 or self.responses < 0 or self.quotes < 0
        if counts_negative or self.followers < 0 or self.account_age < 0:
            raise ValueError(f"post {self.id}: counts and ages are not negative")

    @property
    def versions(self) -> tuple[str, ...]:
        """The ids under which it may be known, its own first."""
        return (self.id, *self.edits)

    @property
    def has_author(self) -> bool:
        """Whether it is known who posted it; without that it can be neither scored nor sent."""
        return bool(self.author)

    def by(self, author: Author, at_s: int) -> Post:
        """The same post with what is known of its author, whose account is as old as it is at ``at_s``."""
        return changed(
            self,
            author=author.username,
            account_created=author.created,
            account_age=max(0, (at_s - author.created) // _DAY_S),
            followers=author.followers,
        )


class Author(Value, frozen=True, kw_only=True):
    """Who posted, as X served it.

    Attributes:
        id: The user's id at X.
        username: User name without ``@``.
        created: When the account was made, unix seconds.
        followers: How many follow it.
    """

    id: str
    username: str
    created: int
    followers: int

    def __post_init__(self) -> None:
        if not (_is_id(self.id) and self.username):
            raise ValueError(f"an author has an id of decimal digits and a name, not {self.id!r} and {self.username!r}")
        if self.followers < 0:
            raise ValueError(f"author {self.id}: counts are not negative")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


# Marks what a running miner may take over, here and in its settings; the rest waits for a restart.
AT_RUN_TIME: Final = msgspec.Meta(extra={"at_run_time": True})


class Policy(Value, frozen=True, kw_only=True):
    """The settings that decide what the miner does; ActorStarted and SettingsChanged record them for every replay.

    Attributes:
        blocks_per_window: BLOCKS_PER_WINDOW; the API's own number wins (ruling 11).
        max_submissions_per_window: MAX_SUBMISSIONS_PER_WINDOW; the API's own number wins.
        submit_attempts: SUBMIT_ATTEMPTS for each post and window in all (ruling 1).
        submit_backoff_s: SUBMIT_BACKOFF_SECONDS; the n-th failure waits this times 2^(n-1) (ruling 1).
        on_analysis_error: ON_ANALYSIS_ERROR: "default" submits with score 0, "skip" leaves out (ruling 6), "hold" has a
            post wait whose analysis was refused for a reason of CONFIGURATION (ruling 21), and else does as "default".
        submit_irrelevant: SUBMIT_IRRELEVANT: False leaves out posts without relevance (ruling 7).
        poll_interval_s: POLL_INTERVAL_SECONDS between two status polls.
        crash_backoff_s: Wait after an effect raised (specification, thread errors).
        crash_limit: So many crashes of one paid effect count as its failure, so a bug cannot pay for ever.
        max_carried_windows: A post is carried into at most so many later windows (ruling 9).
        max_post_age_s: A carried post older than this is abandoned (ruling 9).
        search_keywords: SEARCH_KEYWORDS: what is searched for.
        sampling: SAMPLING: "random" draws among the new posts (ruling 8), "top" takes those of greatest value.
        max_search_pages: MAX_SEARCH_PAGES: so many requests one search makes at most.
        posts_per_search: POSTS_PER_SEARCH: so many posts one search takes at most, for later windows too; None takes
            what the window has room for.
        search_since_newest: SEARCH_SINCE_NEWEST: a search asks X for posts behind the newest one that it knows.
        author_cache_hours: AUTHOR_CACHE_HOURS: searches bring no authors; those of chosen posts are looked up, and not
            again for so long. 0 has searches bring them.
        prices: What the budgets reckon with.
        max_x_usd_per_day: MAX_X_USD_PER_DAY, None without a budget.
        max_llm_usd_per_day: MAX_LLM_USD_PER_DAY, None without a budget.
        block_s: BLOCK_SECONDS: time of one block, by which a jump of the API's block number is judged.
        chain_poll_s: CHAIN_POLL_MINUTES in seconds: the chain is asked so often how the hotkey stands. Unset where it
            is never asked, and then no record has this field: journals without the setting are as they always were.
    """

    blocks_per_window: int = 100
    max_submissions_per_window: int = 5
    submit_attempts: int = 3
    submit_backoff_s: float = 3.0
    on_analysis_error: Annotated[Literal["default", "skip", "hold"], AT_RUN_TIME] = "default"
    submit_irrelevant: Annotated[bool, AT_RUN_TIME] = True
    poll_interval_s: Annotated[float, AT_RUN_TIME] = 12.0
    crash_backoff_s: float = 12.0
    crash_limit: int = 3
    max_carried_windows: int = 3
    max_post_age_s: float = 72 * 3600.0
    search_keywords: Annotated[tuple[str, ...], AT_RUN_TIME] = ("bittensor",)
    sampling: Annotated[Literal["random", "top"], AT_RUN_TIME] = "random"
    max_search_pages: Annotated[int, AT_RUN_TIME] = 1
    posts_per_search: Annotated[int | None, AT_RUN_TIME] = None
    search_since_newest: Annotated[bool, AT_RUN_TIME] = False
    author_cache_hours: Annotated[int, AT_RUN_TIME] = 0
    prices: Annotated[Prices, AT_RUN_TIME] = Prices()
    max_x_usd_per_day: Annotated[float | None, AT_RUN_TIME] = None
    max_llm_usd_per_day: Annotated[float | None, AT_RUN_TIME] = None
    block_s: float = 12.0
    chain_poll_s: Annotated[float | msgspec.UnsetType, AT_RUN_TIME] = msgspec.UNSET

    def __post_init__(self) -> None:
        for name in ("blocks_per_window", "max_submissions_per_window", "submit_attempts", "max_search_pages"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1")
        seconds = (self.submit_backoff_s, self.poll_interval_s, self.crash_backoff_s, self.max_post_age_s)
        if not all(math.isfinite(s) and s >= 0 for s in seconds):
            raise ValueError("waits are finite and not negative")
        if not (math.isfinite(self.block_s) and self.block_s > 0):
            raise ValueError("block_s is finite and above 0")
        if self.chain_poll_s is not msgspec.UNSET and not (math.isfinite(self.chain_poll_s) and self.chain_poll_s > 0):
            raise ValueError("chain_poll_s is finite and above 0")
        if self.posts_per_search is not None and self.posts_per_search < 1:
            raise ValueError("posts_per_search is at least 1")
        if not 0 <= self.author_cache_hours <= MOST_CACHE_HOURS:
            raise ValueError(f"author_cache_hours is from 0 to {MOST_CACHE_HOURS}")
        limits = [limit for limit in (self.max_x_usd_per_day, self.max_llm_usd_per_day) if limit is not None]
        if not all(math.isfinite(limit) and limit > 0 for limit in limits):
            raise ValueError("budgets are finite and above 0")
        priced = self.prices.llm_uusd(0, 0) is not None
        if self.max_llm_usd_per_day is not None and not priced:
            raise ValueError("a budget for the LLM needs its prices")


class SubmissionBody(Value, frozen=True, kw_only=True):
    """The JSON body of POST /v2/submit, field for field (contract, "POST /v2/submit")."""

    miner_hotkey: str
    post_id: str
    content: str
    date: int
    author: str
    account_age: int
    retweets: int
    likes: int
    responses: int
    followers: int
    tokens: Mapping[str, float]
    sentiment: float
    score: float


class JournalCreated(Value, frozen=True, kw_only=True):
    """The first record: whose journal this is. A run under another identity is refused.

    Attributes:
        hotkey: The miner's ss58 address.
        netuid: The subnet.
        api_url: The coordination API that the windows and verdicts belong to.
        format: Version of the record format (docs/reference/journal-format.md).
        dry_run: True when nothing was ever sent under this journal.
    """

    hotkey: str
    netuid: int
    api_url: str
    format: int = 1
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.format != 1:
            raise ValueError(f"format {self.format} is unknown, this build reads 1: update user-miner")


class ApiMoved(Value, frozen=True, kw_only=True):
    """The operator moved this journal to a new API URL by an explicit flag."""

    api_url: str


class ActorStarted(Value, frozen=True, kw_only=True):
    """A process took the journal. Closes what was in flight when the previous one ended.

    Attributes:
        build: Version of the software.
        epoch: The lease's number; each start has a higher one.
        pid: Process id, for the operator's own logs.
        policy: The settings that decide.
        subnets_sha256: Digest of the list of subnets that posts are judged by, hex; None in versions 1 and 2.
    """

    build: str
    epoch: int
    pid: int
    policy: Policy
    subnets_sha256: str | None = None


class ActorStopped(Value, frozen=True, kw_only=True):
    """A clean end. ``posts_processed`` is what the specification logs at stop (ruling 14)."""

    reason: str
    posts_processed: int


class SettingsChanged(Value, frozen=True, kw_only=True):
    """The operator changed settings that a running miner can take over.

    Attributes:
        policy: The settings that decide, from here on.
        names: Variables that have another value now; some decide nothing, such as LOG_LEVEL.
    """

    policy: Policy
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a change names what has changed")


class WindowOpened(Value, frozen=True, kw_only=True):
    """The API's block number entered a window that is newer than any known one (ruling 11).

    Attributes:
        window: current_block // blocks_per_window.
        start_block: The window's first block; windows are ordered by it.
        current_block: The block the API reported.
        blocks_per_window: The API's number, else the configured one.
        source: Which answer told it.
    """

    window: int
    start_block: int
    current_block: int
    blocks_per_window: int
    source: Literal["status", "submit"]

    def __post_init__(self) -> None:
        if self.start_block > self.current_block:
            raise ValueError("a window starts at or before its current block")


class WindowsRevised(Value, frozen=True, kw_only=True):
    """The API's answers agreed for some minutes that the newest window was none, or was not as long as it was told.

    They told of blocks before it, or of a window within it that begins later.

    Attributes:
        window: Number of the window that the API is in; it may have been worked on before.
        start_block: Its first block.
        current_block: The block that the last of the answers reported.
        blocks_per_window: Its length.
        believed_start_block: First block of the window that was the newest until now.
        answers: How many answers agreed; of five at most one said otherwise.
        agreed_s: For how long they did.
        taken: Places of the window that the API is in that posts may have taken while another one was believed. None
            before version 2, which did not count them, and forgot a 429 whose wait such a window had ended.
    """

    window: int
    start_block: int
    current_block: int
    blocks_per_window: int
    believed_start_block: int
    answers: int
    agreed_s: float
    taken: int | None = None

    def __post_init__(self) -> None:
        if not self.start_block <= self.current_block or (
            self.start_block <= self.believed_start_block <= self.current_block
        ):
            raise ValueError("the API is in another window than the one that was believed")
        if (self.taken or 0) < 0:
            raise ValueError(f"{self.taken} places are fewer than none")


class PostsScraped(Value, frozen=True, kw_only=True):
    """The one search of a window answered, and the sample was drawn (ruling 8).

    Attributes:
        window: The window that this search spends.
        wanted: How many posts the window had room for.
        seed: The recorded seed of the sample; 0 where the policy's sampling is "top", which draws nothing.
        candidates: Ids of the new posts that the sample was taken from: as X ordered them, or for "top" by their value,
            the greatest first and those of one value as X ordered them, so that the first ones are the sample.
        posts: The sample, at most ``wanted`` and ``spare`` together.
        posts_read: Posts that X returned, for the bill.
        users_read: Users that X returned, for the bill.
        requests: Search requests made.
        unusable: Posts left aside: their author or a required field was missing, their text was empty, or their date
            was not asked for.
        latency_ms: From the first request to the last answer.
        lost_pages: Pages behind the first that did not arrive or could not be read, although X may have billed them.
        since: Unix seconds: no post was taken that is older, and none from the future. None before version 3, when
            nobody checked the dates that X told.
        spare: How many posts were taken beyond ``wanted``, at most, to be carried into later windows.
        since_id: X was asked for posts behind this one; None where it was asked by time, as before version 4.
        newest_id: The newest post that X told of, where nothing before it that this search could reach was left
            unread; None where that is not sure.
    """

    window: int
    wanted: int
    seed: int
    candidates: tuple[str, ...]
    posts: tuple[Post, ...]
    posts_read: int
    users_read: int
    requests: int
    unusable: int
    latency_ms: int
    lost_pages: int = 0
    since: int | None = None
    spare: int = 0
    since_id: str | None = None
    newest_id: str | None = None

    def __post_init__(self) -> None:
        ids = {post.id for post in self.posts}
        if self.spare < 0 or not len(ids) == len(self.posts) <= self.most:
            raise ValueError("a sample is distinct and not above what was wanted")
        if not ids.issubset(self.candidates):
            raise ValueError("a sample comes from its candidates")
        if self.posts_read < 0 or self.users_read < 0 or self.lost_pages < 0:
            raise ValueError("what was read, or lost, is not negative")
        if not all(_is_id(told) for told in (self.since_id, self.newest_id) if told is not None):
            raise ValueError("a post id is decimal digits")

    @property
    def most(self) -> int:
        """How many posts it took at most."""
        return self.wanted + self.spare


class ScrapeFailed(Value, frozen=True, kw_only=True):
    """The search of a window failed; the window is spent (ruling 13).

    Attributes:
        window: The window.
        kind: Stable word for the cause: "auth", "credits", "usage_capped", "rate_limited", "timeout", …
        reason: One line for people.
        http_status: What X answered, None without an answer.
        retry_after_s: What X asked to wait, None when it did not say.
        latency_ms: Time spent.
    """

    window: int
    kind: str
    reason: str
    http_status: int | None = None
    retry_after_s: float | None = None
    latency_ms: int = 0


class AuthorsLookedUp(Value, frozen=True, kw_only=True):
    """X told who posted what was chosen. Posts whose author it does not know are left out: nobody could send them.

    Attributes:
        window: The window that is worked on.
        asked: Ids of the authors that were asked for.
        authors: Those of them that X knows.
        users_read: Users that X returned, for the bill.
        latency_ms: From the request to the answer.
    """

    window: int
    asked: tuple[str, ...]
    authors: tuple[Author, ...]
    users_read: int
    latency_ms: int

    def __post_init__(self) -> None:
        known = {author.id for author in self.authors}
        if not (len(set(self.asked)) == len(self.asked) >= 1 and len(known) == len(self.authors)):
            raise ValueError("each author is asked for, and told, once")
        if not known.issubset(self.asked):
            raise ValueError("an answer tells of authors that were asked for")
        if self.users_read < len(known):
            raise ValueError("what was told was read")


class AuthorLookupFailed(Value, frozen=True, kw_only=True):
    """X did not tell who posted what was chosen. Those posts wait for a later window, the others go on.

    Attributes:
        window: The window that is worked on.
        asked: Ids of the authors that were asked for.
        kind: As in ScrapeFailed.
        reason: One line for people.
        http_status: What X answered, None without an answer.
        retry_after_s: What X asked to wait, None when it did not say.
        latency_ms: Time spent.
    """

    window: int
    asked: tuple[str, ...]
    kind: str
    reason: str
    http_status: int | None = None
    retry_after_s: float | None = None
    latency_ms: int = 0


class BudgetSpent(Value, frozen=True, kw_only=True):
    """A budget does not allow what a window would have X or the LLM asked for; the window is spent without a search.

    Posts whose author would be looked up wait for a later window.

    Attributes:
        budget: Which one: "x" is MAX_X_USD_PER_DAY, "llm" MAX_LLM_USD_PER_DAY.
        window: The window.
        day: The UTC day, such as "2026-11-22".
        spent_usd: What the day has cost so far, at the prices in force.
        needed_usd: The most that this window can cost.
        limit_usd: The budget.
    """

    budget: Literal["x", "llm"]
    window: int
    day: str
    spent_usd: float
    needed_usd: float
    limit_usd: float


class PostAnalyzed(Value, frozen=True, kw_only=True):
    """An analysis of one post, paid for once (invariant I3).

    Attributes:
        post_id: The post.
        content_sha256: Digest of norm_text(content) as UTF-8, hex: the text that was analyzed and is submitted.
        tokens: Subnet name to relevance, 0 < relevance <= 1.
        sentiment: One of -1, -0.5, 0, 0.5, 1.
        model: The LLM.
        prompt_version: Version of the prompt.
        rung: Which answer format worked: "json_schema", "simple_schema", "json_object" or "plain"; "recorded" without.
        raw_answer: The LLM's answer as it came, bounded.
        calls: LLM calls paid for; 0 for a text whose answer was on record.
        prompt_tokens: Billed input tokens over all calls.
        completion_tokens: Billed output tokens over all calls.
        latency_ms: Time over all calls.
        failed_calls: Requests without a usable answer among all that were made.
        unmeasured_calls: Of the calls, those without token counts.
        reused_from: The post of the same text whose recorded answer this is; None when the LLM was asked.
        repairs: Of the calls, those that asked again because an answer could not be used; the others are votes.
        server: Host and port of the LLM's server; empty where nobody was asked, and in versions 1 to 3.
        dropped: What the server does not take of a request, and was left out.
        shown_chars: How many characters of the text the LLM was shown; None for all of them.
    """

    post_id: str
    content_sha256: str
    tokens: Mapping[str, float]
    sentiment: float
    model: str
    prompt_version: str
    rung: str
    raw_answer: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    latency_ms: int
    failed_calls: int = 0
    unmeasured_calls: int = 0
    reused_from: str | None = None
    repairs: int = 0
    server: str = ""
    dropped: tuple[str, ...] = ()
    shown_chars: int | None = None

    def __post_init__(self) -> None:
        if self.sentiment not in _SENTIMENTS:
            raise ValueError(f"no such sentiment: {self.sentiment!r}")
        for relevance in self.tokens.values():  # a loop: a replay decodes a great many
            if not 0.0 < relevance <= 1.0:
                raise ValueError("relevance lies in (0, 1]")
        if self.prompt_tokens < 0 or self.completion_tokens < 0 or self.unmeasured_calls < 0:
            raise ValueError("neither billed tokens nor calls are negative")


class AnalysisFailed(Value, frozen=True, kw_only=True):
    """A post could not be analyzed; the policy says whether defaults are sent, or the post waits (rulings 6 and 21).

    Attributes:
        post_id: The post.
        content_sha256: As in PostAnalyzed.
        kind: Stable word for the cause; those of CONFIGURATION concern every post.
        reason: One line for people.
        model: The LLM.
        prompt_version: Version of the prompt.
        raw_answer: The last answer as it came, bounded; empty without one.
        calls: LLM calls made.
        prompt_tokens: Billed input tokens.
        completion_tokens: Billed output tokens.
        latency_ms: Time over all calls.
        failed_calls: As in PostAnalyzed.
        unmeasured_calls: As in PostAnalyzed.
        repairs: As in PostAnalyzed.
        server: As in PostAnalyzed.
        dropped: As in PostAnalyzed, for the last request.
        shown_chars: As in PostAnalyzed.
    """

    post_id: str
    content_sha256: str
    kind: str
    reason: str
    model: str
    prompt_version: str
    raw_answer: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    latency_ms: int
    failed_calls: int = 0
    unmeasured_calls: int = 0
    repairs: int = 0
    server: str = ""
    dropped: tuple[str, ...] = ()
    shown_chars: int | None = None

    def __post_init__(self) -> None:
        if self.prompt_tokens < 0 or self.completion_tokens < 0 or self.unmeasured_calls < 0:
            raise ValueError("neither billed tokens nor calls are negative")


class SubmissionStarted(Value, frozen=True, kw_only=True):
    """Intent before act: durable, and witnessed by HEAD, before the POST leaves.

    Attributes:
        post_id: The post.
        window: The window being worked on.
        attempt: 1 for the first.
        body: Exactly what is sent.
    """

    post_id: str
    window: int
    attempt: int
    body: SubmissionBody

    def __post_init__(self) -> None:
        if self.attempt < 1:
            raise ValueError("attempts count from 1")
        if self.body.post_id != self.post_id:
            raise ValueError("the body belongs to the post")


class SubmissionAccepted(Value, frozen=True, kw_only=True):
    """The API took the post: "new", "duplicate" or "ok" (ruling 10).

    Attributes:
        post_id: The post.
        status: The API's word.
        http_status: 2xx.
        answer: The body as it came, bounded.
        start_block: First block of the window that the API counted it in; None when it did not say.
        selected_for_validation: The API's flag, None when absent.
        validation_id: The API's id of the validation, None when absent.
        latency_ms: Time of the request.
    """

    post_id: str
    status: str
    http_status: int
    answer: str
    start_block: int | None
    selected_for_validation: bool | None
    validation_id: str | None
    latency_ms: int


class SubmissionRejected(Value, frozen=True, kw_only=True):
    """409 or 422: final for this post (ruling 10)."""

    post_id: str
    http_status: int
    reason: str
    answer: str
    latency_ms: int


class SubmissionFailed(Value, frozen=True, kw_only=True):
    """Any other failure of one attempt: retried while attempts are left (rulings 1 and 10).

    Attributes:
        post_id: The post.
        attempt: The attempt that failed.
        kind: Stable word: "timeout", "connection", "http", "unexpected".
        reason: One line for people.
        http_status: None without an answer.
        answer: The body as it came, bounded; empty without one.
        latency_ms: Time of the request.
    """

    post_id: str
    attempt: int
    kind: str
    reason: str
    http_status: int | None
    answer: str
    latency_ms: int


class RateLimited(Value, frozen=True, kw_only=True):
    """429: nothing is sent before the next window (ruling 9, invariant I6).

    Attributes:
        post_id: The post that was refused; it is carried over.
        answer: The body as it came, bounded.
        reason: One line for people.
        start_block: First block of the window that is full, None when the API did not say.
        reset_block: X-RateLimit-Reset-Block or next_window_start_block, for the reader.
        reset_s: X-RateLimit-Reset-Seconds or the body's estimate, for the reader.
        latency_ms: Time of the request.
        full: First blocks of the windows that count as full: the newest one known, and the one that the API named.
            Empty before version 2, which counted none.
    """

    post_id: str
    answer: str
    reason: str
    start_block: int | None
    reset_block: int | None
    reset_s: float | None
    latency_ms: int
    full: tuple[int, ...] = ()


class BackoffElapsed(Value, frozen=True, kw_only=True):
    """A timed backoff is over."""


class EffectCrashed(Value, frozen=True, kw_only=True):
    """An effect raised what its edge should have mapped: a bug of ours. ``effect`` is the effect's key."""

    effect: str
    post_id: str | None
    error: str


class ApiUnreachable(Value, frozen=True, kw_only=True):
    """The status endpoint stopped answering; recorded once, when it begins (ruling 13)."""

    reason: str


class ApiRecovered(Value, frozen=True, kw_only=True):
    """The status endpoint answers again."""


class DiskFilled(Value, frozen=True, kw_only=True):
    """Too little room is left on the journal's disk: until DiskFreed, or a start, no window is begun.

    Attributes:
        free_bytes: What was left when it was noticed.
        needed_bytes: What a window may need.
    """

    free_bytes: int
    needed_bytes: int

    def __post_init__(self) -> None:
        if not 0 <= self.free_bytes < self.needed_bytes:
            raise ValueError("a disk is full with less room than is needed")


class DiskFreed(Value, frozen=True, kw_only=True):
    """There is room for a window again. ``free_bytes`` is what was left then."""

    free_bytes: int


class ConfigMismatched(Value, frozen=True, kw_only=True):
    """The API works with another number than the miner did; from here on the API's is used (ruling 11)."""

    setting: Literal["BLOCKS_PER_WINDOW", "MAX_SUBMISSIONS_PER_WINDOW"]
    configured: int
    served: int

    def __post_init__(self) -> None:
        if self.served < 1:
            raise ValueError(f"{self.setting} is at least 1")


class PostAbandoned(Value, frozen=True, kw_only=True):
    """A post is given up: carried into too many windows, or too old to be sent (ruling 9)."""

    post_id: str
    reason: Literal["carried too long", "too old"]


class ChainPolled(Value, frozen=True, kw_only=True):
    """How the hotkey stands on its subnet, as the chain told at one block.

    Attributes:
        block: The block.
        uid: The hotkey's number on the subnet; None where it is not registered, and all else is then 0 or None.
        incentive: Its share of what the subnet's miners earn, 0 to 1.
        alpha_per_day: What the last epoch gave it, as if all epochs of a day gave as much, in alpha of the subnet.
        rank: Its place among the miners by incentive, 1 for the most; miners with as much share a place.
        miners: Hotkeys on the subnet without a validator's permit, and this one.
        places_before: So many hotkeys can register before its place is the next one to be given away: free places, and
            hotkeys that go first. None while a new registration cannot take its place.
        immune_blocks: How long its place is safe because it is new; 0 where that time is over.
        tao_per_alpha: The price of alpha in the subnet's pool, in TAO; None where the chain told none.
    """

    block: int
    uid: int | None = None
    incentive: float = 0.0
    alpha_per_day: float = 0.0
    rank: int | None = None
    miners: int
    places_before: int | None = None
    immune_blocks: int = 0
    tao_per_alpha: float | None = None

    def __post_init__(self) -> None:
        if (self.uid is None) != (self.rank is None):
            raise ValueError("a registered hotkey has a number and a rank, another one has neither")
        numbers = (self.incentive, self.alpha_per_day, self.tao_per_alpha or 0.0)
        counts = (self.block, self.uid or 0, self.miners, self.places_before or 0, self.immune_blocks)
        if not all(math.isfinite(number) and number >= 0 for number in (*numbers, *counts)):
            raise ValueError("what the chain tells of a hotkey is finite and not negative")

    @property
    def tao_per_day(self) -> float | None:
        """What it earns, at the pool's price; None without one. To sell much at once brings less."""
        return None if self.tao_per_alpha is None else self.alpha_per_day * self.tao_per_alpha

    @property
    def is_at_risk(self) -> bool:
        """Whether a few registrations more take its place."""
        return self.places_before is not None and self.places_before < _FEW_REGISTRATIONS


class ChainPollFailed(Value, frozen=True, kw_only=True):
    """The chain could not be asked how the hotkey stands; it is asked again when the next question is due.

    Attributes:
        kind: Stable word: "timeout", "unreachable", "no_subnet", "network" (no such network), "bug".
        reason: One line for people.
    """

    kind: str
    reason: str


class ScoreObserved(Value, frozen=True, kw_only=True):
    """A validator told what it scored this miner for a stretch of blocks. Its word; nothing here can check it.

    Attributes:
        validator: The validator's ss58 address.
        start_block: The first block.
        end_block: The last block, or the first one after, as the validator counts.
        score: The score.
        rewards: Rewards counted, None when it did not say.
        penalties: Penalties counted, None when it did not say.
    """

    validator: str
    start_block: int
    end_block: int
    score: float
    rewards: int | None = None
    penalties: int | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise ValueError("a score is finite")
        if self.start_block > self.end_block:
            raise ValueError("blocks end after they begin")


class ValidationObserved(Value, frozen=True, kw_only=True):
    """A validator told how it judged a post. Its word; the API's own verdict came with the submission.

    Attributes:
        validator: The validator's ss58 address.
        validation_id: Its id of the validation, which SubmissionAccepted may have named.
        post_id: The post.
        passed: Whether the post was confirmed.
        code: Stable word for why not, None when it did not say.
        reason: One line for people, None when it did not say.
    """

    validator: str
    validation_id: str
    post_id: str
    passed: bool
    code: str | None = None
    reason: str | None = None


class CheckpointSigned(Value, frozen=True, kw_only=True):
    """The hotkey vouches for the history so far, and for the hash of each record since the checkpoint before.

    Such a list lets a few records be shown with their place in the chain, and all others be left out.

    Attributes:
        journal: Hash of the journal's first record, which tells it from every other journal; None before version 3.
        since: The record that the checkpoint before speaks of, 0 for the first; None in version 1, which has no list.
        seq: The record that the checkpoint speaks of.
        head: That record's hash, hex.
        hashes_sha256: Digest of the hashes of records ``since`` + 1 to ``seq``, 64 hex digits each, one after the
            other; None in version 1.
        reducer: Version of the fold that came to the state; another version may come to another one.
        state_sha256: Digest of the folded state after that record.
        signature: The hotkey's sr25519 signature, hex.
    """

    journal: str | None
    since: int | None
    seq: int
    head: str
    hashes_sha256: str | None
    reducer: int
    state_sha256: str
    signature: str

    def __post_init__(self) -> None:
        if (self.since is None) != (self.hashes_sha256 is None):
            raise ValueError("a list of hashes has a beginning")
        if self.since is not None and self.since >= self.seq:
            raise ValueError("a checkpoint speaks of at least one record")


class TailRepaired(Value, frozen=True, kw_only=True):
    """Bytes of a torn write were moved out of the last segment when the journal was opened.

    Attributes:
        segment: File name of the segment.
        offset: Where the bytes began.
        length: How many they were.
        sha256: Their digest, hex.
        quarantine: Name of the file under quarantine/ that holds them.
    """

    segment: str
    offset: int
    length: int
    sha256: str
    quarantine: str


class Spent(Value, frozen=True, kw_only=True):
    """What was paid for on one UTC day, in units that prices turn into money.

    Attributes:
        posts: Posts read at X.
        users: Users read at X.
        prompt_tokens: Input of the LLM.
        completion_tokens: Its output.
        largest_prompt: The most input that one post's analysis took.
        largest_completion: Likewise the most output.
    """

    posts: int = 0
    users: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    largest_prompt: int = 0
    largest_completion: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            posts=self.posts + other.posts,
            users=self.users + other.users,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            largest_prompt=max(self.largest_prompt, other.largest_prompt),
            largest_completion=max(self.largest_completion, other.largest_completion),
        )

    def told(self, event: PostsScraped | AuthorsLookedUp | PostAnalyzed | AnalysisFailed) -> Spent:
        """With what the record of a paid answer tells."""
        if isinstance(event, AuthorsLookedUp):
            return changed(self, users=self.users + event.users_read)
        if isinstance(event, PostsScraped):
            return changed(self, posts=self.posts + event.posts_read, users=self.users + event.users_read)
        prompt, completion = event.prompt_tokens, event.completion_tokens
        return changed(
            self,
            prompt_tokens=self.prompt_tokens + prompt,
            completion_tokens=self.completion_tokens + completion,
            # No ``max``: the two calls would cost as much as all the rest, and a replay adds up every analysis.
            largest_prompt=self.largest_prompt if self.largest_prompt > prompt else prompt,  # noqa: FURB136
            largest_completion=self.largest_completion if self.largest_completion > completion else completion,  # noqa: FURB136
        )


class Salvage(Value, frozen=True, kw_only=True):
    """What readable records behind a damaged place still tell, so that nothing known is paid for or sent again.

    Attributes:
        records: How many could be read; their place in the chain could not be proved.
        seen: Ids of chosen posts and of their other versions, by UTC day (unix days): that of the record, or, where
            nobody checked the posts' dates, that on which they were posted.
        settled: Posts with a final verdict.
        accepted: How many of those were accepted.
        counted: Posts the API counted, by a window's first block.
        window: Number of the newest window, None when no record names one.
        start_block: Its first block.
        blocks_per_window: Its length.
        epoch: The highest lease number.
        spent: What was paid for, by UTC day (unix days).
    """

    records: int
    seen: Mapping[int, tuple[str, ...]]
    settled: tuple[str, ...]
    accepted: int
    counted: Mapping[int, int]
    window: int | None
    start_block: int | None
    blocks_per_window: int | None
    epoch: int
    spent: Mapping[int, Spent] = {}

    def __post_init__(self) -> None:
        known = {self.window is None, self.start_block is None, self.blocks_per_window is None}
        if len(known) != 1:
            raise ValueError("a window is known whole or not at all")


class GapDeclared(Value, frozen=True, kw_only=True):
    """The operator accepted a loss: records were here, and this journal goes on without them.

    Attributes:
        reason: What was wrong with the old journal, one line.
        segment: File of the old journal in which the good records ended.
        offset: The byte where they ended.
        lost_bytes: Bytes behind that place.
        witnessed_seq: The record that the old HEAD testified to, None when HEAD could not be read.
        salvage: What could still be read behind the place.
    """

    reason: str
    segment: str
    offset: int
    lost_bytes: int
    witnessed_seq: int | None
    salvage: Salvage


Event: TypeAlias = (
    JournalCreated
    | ApiMoved
    | ActorStarted
    | ActorStopped
    | SettingsChanged
    | WindowOpened
    | WindowsRevised
    | PostsScraped
    | ScrapeFailed
    | AuthorsLookedUp
    | AuthorLookupFailed
    | BudgetSpent
    | PostAnalyzed
    | AnalysisFailed
    | SubmissionStarted
    | SubmissionAccepted
    | SubmissionRejected
    | SubmissionFailed
    | RateLimited
    | BackoffElapsed
    | EffectCrashed
    | ApiUnreachable
    | ApiRecovered
    | DiskFilled
    | DiskFreed
    | ConfigMismatched
    | PostAbandoned
    | ChainPolled
    | ChainPollFailed
    | ScoreObserved
    | ValidationObserved
    | CheckpointSigned
    | TailRepaired
    | GapDeclared
)

EVENTS: Final[Mapping[str, type[Event]]] = {cls.__name__: cls for cls in get_args(Event)}
