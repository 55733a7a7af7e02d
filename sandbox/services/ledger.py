"""The books: what was asked, what was answered, what counts and what it cost, whatever any client believes.

Over HTTP each service has a ledger of its own, safe to read from any thread, and none holds a token, a key or a
signature. A simulation has one ledger for all, with an entry of its own kind for each route.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.services.chain import BlockWindow

__all__ = [
    "Acceptance",
    "Accepted",
    "ApiLedger",
    "Arrival",
    "Chat",
    "Exchange",
    "ExchangeLedger",
    "Ledger",
    "Ledgers",
    "LlmLedger",
    "Lookup",
    "Search",
    "Status",
    "Submission",
    "XLedger",
]

_KEPT = 100_000
_POST_USD = 0.005
_USER_USD = 0.010


class _Request(msgspec.Struct, kw_only=True):
    """One request that arrived; `outcome` is what the service decided, in one word, empty for nothing."""

    fault: str = ""
    outcome: str = ""


class Exchange(_Request, kw_only=True):
    """One request over HTTP and what became of it.

    Attributes:
        seq: 1 for the first request of this service.
        route: Such as "api.submit".
        status: HTTP status of the answer; None when the service never got as far as one.
        answered: Whether the whole answer left the server.
        facts: What the request said of itself, such as post_id and miner_hotkey, and what was decided.
    """

    seq: int
    route: str
    status: int | None = None
    answered: bool = False
    facts: Mapping[str, Any] = {}


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A post that counts.

    Attributes:
        post_id: The post.
        hotkey: Whose it is.
        at_s: When it was accepted, in seconds since the world began; 0 over HTTP.
        start_block: First block of the window that it counts in.
        window: That window's number.
        blocks: That window's length.
        quota: Posts that the window took by then.
        body: As it was sent.
    """

    post_id: str
    hotkey: str
    at_s: float
    start_block: int
    window: int
    blocks: int
    quota: int
    body: Mapping[str, Any]


class Accepted:
    """The posts that count.

    Attributes:
        acceptances: By the post's id; a post is accepted once, a repetition is a duplicate.
    """

    def __init__(self) -> None:
        self.acceptances: dict[str, Acceptance] = {}
        self._used: Counter[tuple[str, int]] = Counter()

    def owner(self, post_id: str) -> str | None:
        """The hotkey whose submission of this post was accepted."""
        found = self.acceptances.get(post_id)
        return None if found is None else found.hotkey

    def used(self, hotkey: str, window: BlockWindow) -> int:
        """Posts of a hotkey that count in a window, which is known by its first block."""
        return self._used[hotkey, window.start_block]

    def accept(self, body: dict[str, Any], window: BlockWindow, at_s: float = 0.0) -> None:
        """Enter an accepted post."""
        hotkey, post_id = body["miner_hotkey"], body["post_id"]
        self._used[hotkey, window.start_block] += 1
        self.acceptances[post_id] = Acceptance(
            post_id=post_id,
            hotkey=hotkey,
            at_s=at_s,
            start_block=window.start_block,
            window=window.number,
            blocks=window.blocks,
            quota=window.quota,
            body=body,
        )


class ExchangeLedger:
    """The exchanges of one service, the last hundred thousand of them."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._exchanges: deque[Exchange] = deque(maxlen=_KEPT)
        self._seq = 0

    def open(self, route: str, fault: str, facts: Mapping[str, Any]) -> Exchange:
        """Enter a request; what becomes of it is written into the entry returned."""
        with self._lock:
            self._seq += 1
            self._exchanges.append(Exchange(seq=self._seq, route=route, fault=fault, facts=facts))
            return self._exchanges[-1]

    def exchanges(self, route: str | None = None) -> list[Exchange]:
        """All exchanges in order, or those of one route."""
        with self._lock:
            return [item for item in self._exchanges if route in (None, item.route)]

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        exchanges = self.exchanges()
        return {
            "requests": self._seq,
            "by_route": dict(Counter(item.route for item in exchanges)),
            "by_fault": dict(Counter(item.fault for item in exchanges if item.fault)),
            "by_status": dict(Counter(str(item.status) for item in exchanges)),
        }

    def to_json(self) -> dict[str, Any]:
        """Totals and exchanges as JSON."""
        return {**self.summary(), "exchanges": [msgspec.structs.asdict(item) for item in self.exchanges()]}


class XLedger(ExchangeLedger):
    """What X would bill: a post or user read twice on one UTC day is billed once."""

    @property
    def lookups(self) -> int:
        """Questions for users that were answered, likewise."""
        return len(self._told())

    @property
    def searches(self) -> int:
        """Searches that were answered with posts or with none, faults aside."""
        return len(self._searched())

    @property
    def posts_read(self) -> int:
        """Posts served, repeats included."""
        return sum(len(facts["ids"]) for facts in self._billed())

    @property
    def users_read(self) -> int:
        """Users served, likewise."""
        return sum(len(facts["users"]) for facts in self._billed())

    @property
    def posts_billed(self) -> int:
        """Posts served, each once per UTC day."""
        return len({(facts["day"], post) for facts in self._billed() for post in facts["ids"]})

    @property
    def users_billed(self) -> int:
        """Users served, likewise."""
        return len({(facts["day"], user) for facts in self._billed() for user in facts["users"]})

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        return {
            **super().summary(),
            "searches": self.searches,
            "lookups": self.lookups,
            "posts_read": self.posts_read,
            "users_read": self.users_read,
            "posts_billed": self.posts_billed,
            "users_billed": self.users_billed,
            "usd": round(self.posts_billed * _POST_USD + self.users_billed * _USER_USD, 3),
        }

    def _searched(self) -> list[Mapping[str, Any]]:
        return [item.facts for item in self.exchanges("x.search") if item.outcome == "searched"]

    def _told(self) -> list[Mapping[str, Any]]:
        return [item.facts for item in self.exchanges("x.users") if item.outcome == "told"]

    def _billed(self) -> list[Mapping[str, Any]]:
        return [*self._searched(), *self._told()]


class LlmLedger(ExchangeLedger):
    """Completions that were computed, and so billed; refused requests are not among them."""

    @property
    def calls(self) -> int:
        """Completions."""
        return len(self._computed())

    @property
    def prompt_tokens(self) -> int:
        """Tokens read."""
        return sum(facts["prompt_tokens"] for facts in self._computed())

    @property
    def completion_tokens(self) -> int:
        """Tokens written."""
        return sum(facts["completion_tokens"] for facts in self._computed())

    def posts(self) -> list[str]:
        """The texts that were analyzed, in order, repeats included."""
        return [facts["post"] for facts in self._computed() if "post" in facts]

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        names = ("calls", "prompt_tokens", "completion_tokens")
        return {**super().summary(), **{name: getattr(self, name) for name in names}}

    def _computed(self) -> list[Mapping[str, Any]]:
        return [item.facts for item in self.exchanges("llm.chat") if "completion_tokens" in item.facts]


class ApiLedger(ExchangeLedger, Accepted):
    """Submissions with their outcomes, accepted posts per window, and a verdict per post."""

    def accepted(self, window: int | None = None) -> list[str]:
        """Ids of the accepted posts in order, of one window or of all."""
        return [entry.post_id for entry in [*self.acceptances.values()] if window in (None, entry.window)]

    def accepted_by_window(self) -> dict[int, list[str]]:
        """Ids of the accepted posts per window."""
        windows = sorted({entry.window for entry in [*self.acceptances.values()]})
        return {window: self.accepted(window) for window in windows}

    def body(self, post_id: str) -> dict[str, Any]:
        """The body of an accepted post as it was sent.

        Raises:
            KeyError: No hotkey's submission of this post was accepted.
        """
        return dict(self.acceptances[post_id].body)

    def submits(self, post_id: str | None = None) -> list[Exchange]:
        """Every submit request in order, unanswered ones included, or those for one post."""
        items = self.exchanges("api.submit")
        return [item for item in items if post_id in (None, item.facts.get("post_id"))]

    def verdicts(self) -> dict[str, str]:
        """Per post: "accepted", or the first outcome that was final, or the last one there was."""
        final = {"conflict", "invalid"}
        verdicts: dict[str, str] = {}
        for item in self.submits():
            post = item.facts.get("post_id")
            if not isinstance(post, str) or verdicts.get(post) in {"accepted", *final}:
                continue
            verdicts[post] = "accepted" if item.outcome in {"new", "duplicate"} else item.outcome or "unanswered"
        return verdicts

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        submits = self.submits()
        return {
            **super().summary(),
            "submits": len(submits),
            "outcomes": dict(Counter(item.outcome or "unanswered" for item in submits)),
            "accepted": len(self.acceptances),
            "accepted_by_window": {str(k): v for k, v in self.accepted_by_window().items()},
            "verdicts": self.verdicts(),
        }


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The three ledgers of a sandbox."""

    x: XLedger = field(default_factory=XLedger)
    llm: LlmLedger = field(default_factory=LlmLedger)
    api: ApiLedger = field(default_factory=ApiLedger)


class _Arrival(_Request, kw_only=True):
    """One request that arrived in a simulation. Times are seconds since the world began.

    Attributes:
        at_s: When.
        number: Which occasion of its place, as in the disturbances; a repetition on the way has the same.
        life: The process that sent it.
        delivered_s: When the answer reached the client; None when it never did.
    """

    at_s: float
    number: int
    life: int
    delivered_s: float | None = None


class Status(_Arrival, kw_only=True):
    """A question for the block.

    Attributes:
        block: The block that the server was at, None where its answer had none.
        told: The block in its answer as it left, likewise.
        lie: Name of the lie in the answer; empty for none.
    """

    block: int | None = None
    told: int | None = None
    lie: str = ""


class Submission(_Arrival, kw_only=True):
    """A submission. Outcomes: "new", "duplicate", "quota", "conflict", "invalid", "unauthorized", "weird", "failed".

    Attributes:
        post_id: The post; empty when the body could not be read.
        start_block: First block of the window that the server was in.
        signature: As sent.
        why: Why it was refused.
        body: What was sent.
        told: As in `Status`.
        lie: Likewise.
    """

    post_id: str
    start_block: int
    signature: str
    why: str = ""
    body: dict[str, object] = {}
    told: int | None = None
    lie: str = ""


class Search(_Arrival, kw_only=True):
    """A search. Outcomes: "searched", "refused".

    Attributes:
        posts: Ids of those that were read, and billed.
        users: How many users were, likewise.
        user_ids: Their ids.
        since_id: The post behind which its first page was asked for; empty for none, and for later pages.
    """

    since_id: str = ""
    posts: tuple[str, ...] = ()
    users: int = 0
    user_ids: tuple[str, ...] = ()


class Lookup(_Arrival, kw_only=True):
    """A question for users. ``users`` are the ids of those that were read, and billed; outcomes "told", "refused"."""

    users: tuple[str, ...] = ()


class Chat(_Arrival, kw_only=True):
    """A question to the model; outcomes "answered" (billed), "refused".

    Attributes:
        text: The post asked about; empty when there was none.
        prompt_tokens: Billed.
        completion_tokens: Billed.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


Arrival: TypeAlias = Status | Submission | Search | Lookup | Chat


class Ledger(Accepted):
    """All that happened in a simulated world. Nothing is ever taken out.

    Attributes:
        arrivals: Every request, in the order of arrival; those of each kind stand in a list of their own, too.
        versions: Of each later version of an edited post, the first one.
        sleeps: From when to when the miner's host was suspended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[Arrival] = []
        self.statuses: list[Status] = []
        self.submissions: list[Submission] = []
        self.searches: list[Search] = []
        self.lookups: list[Lookup] = []
        self.chats: list[Chat] = []
        self.versions: dict[str, str] = {}
        self.sleeps: list[tuple[float, float]] = []

    def enter(self, arrival: Arrival) -> None:
        """A request arrived."""
        self.arrivals.append(arrival)
        kinds: dict[type, list[Any]] = {
            Status: self.statuses,
            Submission: self.submissions,
            Search: self.searches,
            Lookup: self.lookups,
        }
        kinds.get(type(arrival), self.chats).append(arrival)

    def accept(self, body: dict[str, Any], window: BlockWindow, at_s: float = 0.0) -> None:  # noqa: ARG002
        """The post that arrived last counts, from then on."""
        super().accept(body, window, self.arrivals[-1].at_s)

    def original(self, post_id: str) -> str:
        """The id of the first version of the post that has this id in some version."""
        return self.versions.get(post_id, post_id)

    def slept_since(self, at_s: float) -> bool:
        """Whether the host was suspended later than that."""
        return bool(self.sleeps) and self.sleeps[-1][1] > at_s

    def submissions_of(self, post_id: str) -> list[Submission]:
        """Every time that a post arrived."""
        return [submission for submission in self.submissions if submission.post_id == post_id]
