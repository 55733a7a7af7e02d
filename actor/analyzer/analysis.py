"""What comes of one post: an analysis, or why there is none; and what either has cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.codec import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actor.analyzer.port import LLMErrorKind

__all__ = ["Analysis", "AnalysisError"]


class Analysis(Value, frozen=True, kw_only=True):
    """What a post is about and how it feels, and how that was found out.

    Attributes:
        tokens: Relevance above 0 by subnet name; at most 10, highest first, then by name.
        sentiment: 1.0, 0.5, 0.0, -0.5 or -1.0.
        model: The model that was asked.
        prompt_version: The strategy's version.
        rung: The answer format that worked: "json_schema", "simple_schema", "json_object" or "plain".
        raw_answer: The model's answer as it came, redacted, at most 4,000 characters.
        calls: Requests paid for, or possibly paid for.
        prompt_tokens: Summed over calls; 0 for a call where the server did not say.
        completion_tokens: Summed likewise.
        failed_calls: Requests without a usable answer among all that were made.
        unmeasured_calls: Of the calls, those without token counts.
        repairs: Of the calls, those that asked again because an answer could not be used.
        server: Where the model was asked, for people; empty when nobody said.
        dropped: What the server does not take of a request, and was left out.
        shown_chars: How much of the post the model saw; None when all of it.
    """

    tokens: Mapping[str, float]
    sentiment: float
    model: str
    prompt_version: str
    rung: str
    raw_answer: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    failed_calls: int = 0
    unmeasured_calls: int = 0
    repairs: int = 0
    server: str = ""
    dropped: tuple[str, ...] = ()
    shown_chars: int | None = None

    @property
    def way(self) -> str:
        """How the server was asked, in words: the rung, and what was left out."""
        return f"{self.rung} without {', '.join(self.dropped)}" if self.dropped else self.rung


class AnalysisError(Exception):
    """A post that could not be analyzed, and what the attempt cost.

    Attributes:
        reason: One line, redacted, at most 300 characters.
        kind: As in `LLMErrorKind`.
        model: The model that was asked.
        prompt_version: As in `Analysis`.
        raw_answer: The last answer, redacted and bounded as in `Analysis`; empty when none came.
        calls: As in `Analysis`.
        prompt_tokens: As in `Analysis`.
        completion_tokens: As in `Analysis`.
        failed_calls: As in `Analysis`.
        unmeasured_calls: As in `Analysis`.
        repairs: As in `Analysis`.
        server: As in `Analysis`.
        dropped: As in `Analysis`.
        shown_chars: As in `Analysis`.
    """

    def __init__(
        self,
        reason: str,
        *,
        kind: LLMErrorKind,
        model: str,
        prompt_version: str,
        raw_answer: str = "",
        calls: int = 0,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        failed_calls: int = 0,
        unmeasured_calls: int = 0,
        repairs: int = 0,
        server: str = "",
        dropped: tuple[str, ...] = (),
        shown_chars: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: LLMErrorKind = kind
        self.model = model
        self.prompt_version = prompt_version
        self.raw_answer = raw_answer
        self.calls = calls
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.failed_calls = failed_calls
        self.unmeasured_calls = unmeasured_calls
        self.repairs = repairs
        self.server = server
        self.dropped = dropped
        self.shown_chars = shown_chars
