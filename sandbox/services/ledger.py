"""The world's own books: what really arrived, was accepted and was billed, whatever any client was told or believes.

Times are seconds since the world began. Nothing is ever taken out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from sandbox.services.windows import BlockWindow

__all__ = ["Acceptance", "Arrival", "Chat", "Ledger", "Search", "Status", "Submission"]


class _Arrival(msgspec.Struct, kw_only=True):
    """One request that arrived.

    Attributes:
        at_s: When.
        number: Which occasion of its place, as in the disturbances; a repetition on the way has the same.
        life: The process that sent it.
        fault: The kind of disturbance; empty for none.
        outcome: What the server did, one word.
        delivered_s: When the answer reached the client; None when it never did.
    """

    at_s: float
    number: int
    life: int
    fault: str
    outcome: str
    delivered_s: float | None = None


class Status(_Arrival, kw_only=True):
    """A question for the block.

    Attributes:
        block: The block that the server was at, None where it told none.
        told: The block that it told, likewise.
        lie: Name of the lie in the answer; empty for none.
    """

    block: int | None
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


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A post that counts.

    Attributes:
        post_id: The post.
        at_s: When it was accepted.
        start_block: First block of the window that it counts in.
        window: That window's number.
        blocks: That window's length.
        quota: Posts that the window took by then.
    """

    post_id: str
    at_s: float
    start_block: int
    window: int
    blocks: int
    quota: int


class Search(_Arrival, kw_only=True):
    """A search. ``posts`` and ``users`` are the ids that were read, and billed; outcomes "searched", "refused"."""

    posts: tuple[str, ...] = ()
    users: int = 0


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


Arrival: TypeAlias = Status | Submission | Search | Chat


class Ledger:
    """All that happened.

    Attributes:
        arrivals: Every request, in the order of arrival; those of each kind stand in a list of their own, too.
        acceptances: By the post's id; a post is accepted once, a repetition is a duplicate.
        versions: Of each later version of an edited post, the first one.
        sleeps: From when to when the miner's host was suspended.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.statuses: list[Status] = []
        self.submissions: list[Submission] = []
        self.searches: list[Search] = []
        self.chats: list[Chat] = []
        self.acceptances: dict[str, Acceptance] = {}
        self._used: dict[int, int] = {}
        self.versions: dict[str, str] = {}
        self.sleeps: list[tuple[float, float]] = []

    def enter(self, arrival: Arrival) -> None:
        """A request arrived."""
        self.arrivals.append(arrival)
        if isinstance(arrival, Status):
            self.statuses.append(arrival)
        elif isinstance(arrival, Submission):
            self.submissions.append(arrival)
        elif isinstance(arrival, Search):
            self.searches.append(arrival)
        else:
            self.chats.append(arrival)

    def has(self, hotkey: str, post_id: str) -> bool:  # noqa: ARG002 - there is but one
        """Whether this hotkey's post was accepted before."""
        return post_id in self.acceptances

    def owner(self, post_id: str) -> None:
        """Nobody else submits here."""

    def used(self, hotkey: str, window: BlockWindow) -> int:  # noqa: ARG002 - there is but one
        """Posts that count in a window, which is told by its first block."""
        return self._used.get(window.start_block, 0)

    def accept(self, body: dict[str, Any], window: BlockWindow) -> None:
        """The post that arrived last counts."""
        self._used[window.start_block] = self._used.get(window.start_block, 0) + 1
        self.acceptances[body["post_id"]] = Acceptance(
            post_id=body["post_id"],
            at_s=self.arrivals[-1].at_s,
            start_block=window.start_block,
            window=window.number,
            blocks=window.blocks,
            quota=window.quota,
        )

    def original(self, post_id: str) -> str:
        """The id of the first version of the post that has this id in some version."""
        return self.versions.get(post_id, post_id)

    def slept_since(self, at_s: float) -> bool:
        """Whether the host was suspended later than that."""
        return bool(self.sleeps) and self.sleeps[-1][1] > at_s

    def submissions_of(self, post_id: str) -> list[Submission]:
        """Every time that a post arrived."""
        return [submission for submission in self.submissions if submission.post_id == post_id]
