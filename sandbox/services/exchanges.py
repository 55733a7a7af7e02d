"""What each stand-in was asked, what it answered and what that cost. Safe to read from any thread.

A ledger never holds a token, a key or a signature.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.services.windows import BlockWindow

__all__ = ["ApiLedger", "Exchange", "ExchangeLedger", "Ledgers", "LlmLedger", "XLedger"]

_KEPT = 100_000
POST_USD = 0.005
USER_USD = 0.010


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what became of it.

    Attributes:
        seq: 1 for the first request of this service.
        route: Such as "api.submit".
        fault: Name of the fault shown, empty for none.
        status: HTTP status of the answer; None when the service never got as far as one.
        answered: Whether the whole answer left the server.
        outcome: What the service decided, such as "new", "duplicate" or "quota"; empty for none.
        facts: What the request said of itself, such as post_id and miner_hotkey, and what was decided.
    """

    seq: int
    route: str
    fault: str = ""
    status: int | None = None
    answered: bool = False
    outcome: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class ExchangeLedger:
    """The exchanges of one service, the last hundred thousand of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._exchanges: dict[int, Exchange] = {}
        self._seq = 0

    def open(self, route: str, fault: str, facts: Mapping[str, Any]) -> int:
        """Enter a request; the number returned names it from then on."""
        with self._lock:
            self._seq += 1
            self._exchanges[self._seq] = Exchange(seq=self._seq, route=route, fault=fault, facts=dict(facts))
            self._exchanges.pop(self._seq - _KEPT, None)
            return self._seq

    def close(self, seq: int, *, status: int, answered: bool) -> None:
        """Enter what was answered."""
        self._change(seq, status=status, answered=answered)

    def decided(self, seq: int, outcome: str, **facts: Any) -> None:
        """Enter what the service decided."""
        with self._lock:
            if seq in self._exchanges:
                self._change(seq, outcome=outcome, facts={**self._exchanges[seq].facts, **facts})

    def exchanges(self, route: str | None = None) -> list[Exchange]:
        """All exchanges in order, or those of one route."""
        with self._lock:
            return [item for item in self._exchanges.values() if route in (None, item.route)]

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        with self._lock:
            exchanges = self.exchanges()
            return {
                "requests": self._seq,
                "by_route": dict(Counter(item.route for item in exchanges)),
                "by_fault": dict(Counter(item.fault for item in exchanges if item.fault)),
                "by_status": dict(Counter(str(item.status) for item in exchanges)),
            }

    def to_json(self) -> dict[str, Any]:
        """Totals and exchanges as JSON."""
        with self._lock:
            return {**self.summary(), "exchanges": [asdict(item) for item in self.exchanges()]}

    def _change(self, seq: int, **changes: Any) -> None:
        with self._lock:
            if seq in self._exchanges:
                self._exchanges[seq] = replace(self._exchanges[seq], **changes)


class XLedger(ExchangeLedger):
    """What X would bill: a post or user read twice on one UTC day is billed once.

    Attributes:
        posts_read: Posts served, repeats included.
        users_read: Users served, likewise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.posts_read = 0
        self.users_read = 0
        self._billed_posts: set[tuple[str, str]] = set()
        self._billed_users: set[tuple[str, str]] = set()

    def decided(self, seq: int, outcome: str, **facts: Any) -> None:
        """Enter what the service decided, and what it served."""
        super().decided(seq, outcome, **facts)
        if outcome == "searched":
            with self._lock:
                self.posts_read += len(facts["ids"])
                self.users_read += len(facts["users"])
                self._billed_posts.update((facts["day"], post) for post in facts["ids"])
                self._billed_users.update((facts["day"], user) for user in facts["users"])

    @property
    def posts_billed(self) -> int:
        """Posts served, each once per UTC day."""
        return len(self._billed_posts)

    @property
    def users_billed(self) -> int:
        """Users served, each once per UTC day."""
        return len(self._billed_users)

    @property
    def searches(self) -> int:
        """Searches that were answered with posts or with none, faults aside."""
        return sum(item.outcome == "searched" for item in self.exchanges("x.search"))

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        with self._lock:
            return {
                **super().summary(),
                "searches": self.searches,
                "posts_read": self.posts_read,
                "users_read": self.users_read,
                "posts_billed": self.posts_billed,
                "users_billed": self.users_billed,
                "usd": round(self.posts_billed * POST_USD + self.users_billed * USER_USD, 3),
            }


class LlmLedger(ExchangeLedger):
    """Completions served and the tokens they took.

    Attributes:
        calls: Completions computed; refused requests are not among them.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def decided(self, seq: int, outcome: str, **facts: Any) -> None:
        """Enter what the service decided, and the tokens of a completion, which was computed, and so billed."""
        super().decided(seq, outcome, **facts)
        if "completion_tokens" in facts:
            with self._lock:
                self.calls += 1
                self.prompt_tokens += facts["prompt_tokens"]
                self.completion_tokens += facts["completion_tokens"]

    def posts(self) -> list[str]:
        """The texts that were analyzed, in order, repeats included."""
        return [item.facts["post"] for item in self.exchanges("llm.chat") if item.outcome and "post" in item.facts]

    def summary(self) -> dict[str, Any]:
        """The totals as JSON."""
        with self._lock:
            return {
                **super().summary(),
                "calls": self.calls,
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
            }


class ApiLedger(ExchangeLedger):
    """Submissions with their outcomes, accepted posts per window, and a verdict per post.

    Attributes:
        _accepted: (hotkey, post) to the window it counted in and the body as it was sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self._accepted: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}

    def accept(self, body: dict[str, Any], window: BlockWindow) -> None:
        """Enter an accepted post."""
        with self._lock:
            self._accepted[body["miner_hotkey"], body["post_id"]] = (window.number, body)

    def has(self, hotkey: str, post_id: str) -> bool:
        """Whether this hotkey's post was accepted before."""
        with self._lock:
            return (hotkey, post_id) in self._accepted

    def owner(self, post_id: str) -> str | None:
        """A hotkey whose submission of this post was accepted."""
        with self._lock:
            return next((hotkey for hotkey, post in self._accepted if post == post_id), None)

    def used(self, hotkey: str, window: BlockWindow) -> int:
        """Posts of a hotkey that count in a window."""
        with self._lock:
            return sum(key[0] == hotkey and value[0] == window.number for key, value in self._accepted.items())

    def accepted(self, window: int | None = None) -> list[str]:
        """Ids of the accepted posts in order, of one window or of all."""
        with self._lock:
            return [post for (_, post), (at, _) in self._accepted.items() if window in (None, at)]

    def accepted_by_window(self) -> dict[int, list[str]]:
        """Ids of the accepted posts per window."""
        with self._lock:
            windows = sorted({window for window, _ in self._accepted.values()})
            return {window: self.accepted(window) for window in windows}

    def body(self, post_id: str) -> dict[str, Any]:
        """The body of an accepted post as it was sent.

        Raises:
            KeyError: No hotkey's submission of this post was accepted.
        """
        with self._lock:
            for (_, post), (_, body) in self._accepted.items():
                if post == post_id:
                    return dict(body)
        raise KeyError(f"post {post_id} was never accepted")

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
        with self._lock:
            return {
                **super().summary(),
                "submits": len(self.submits()),
                "outcomes": dict(Counter(item.outcome or "unanswered" for item in self.submits())),
                "accepted": len(self._accepted),
                "accepted_by_window": {str(k): v for k, v in self.accepted_by_window().items()},
                "verdicts": self.verdicts(),
            }


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The three ledgers of a sandbox."""

    x: XLedger = field(default_factory=XLedger)
    llm: LlmLedger = field(default_factory=LlmLedger)
    api: ApiLedger = field(default_factory=ApiLedger)
