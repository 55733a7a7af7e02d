"""What one analysis has cost so far, and how the server was asked last.

Kept apart from the result, because a failure or a time limit costs as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from actor.analyzer.conversation import Takes

if TYPE_CHECKING:
    from actor.analyzer.port import Completion, LLMError

__all__ = ["Bill"]

# Failures for which the server may have done the work.
_BILLED: Final = frozenset({"timeout", "broken", "malformed", "declined"})


@dataclass(slots=True)
class Bill:
    """The bill of one analysis.

    Attributes:
        calls: Requests that the server worked on, or may have.
        prompt_tokens: Summed; a server that does not say counts as 0.
        completion_tokens: Summed likewise.
        answer: The last text that the model gave.
        failed_calls: Requests without a usable answer, those that cost nothing among them.
        unmeasured_calls: Of the calls, those whose token counts are missing or incomplete.
        repairs: Of the calls, those that asked again because an answer could not be used.
        takes: How the server was asked last.
        shown_chars: How much of the post the last question showed; None when all of it.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answer: str = ""
    failed_calls: int = 0
    unmeasured_calls: int = 0
    repairs: int = 0
    takes: Takes = field(default_factory=Takes)
    shown_chars: int | None = None

    def add(self, completion: Completion) -> None:
        """Enter an answer."""
        self._add(completion.prompt_tokens, completion.completion_tokens or None)  # a text of no tokens there is not
        self.answer = completion.text

    def add_failed(self, error: LLMError) -> None:
        """Enter a request that brought no usable answer, and may have cost as much as one that did."""
        self.failed_calls += 1
        if error.kind in _BILLED or error.prompt_tokens or error.completion_tokens:
            self._add(error.prompt_tokens, error.completion_tokens)

    def add_unanswered(self) -> None:
        """Enter a request that was given up while it was under way."""
        self.failed_calls += 1
        self._add(None, None)

    def _add(self, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        self.calls += 1
        self.prompt_tokens += prompt_tokens or 0
        self.completion_tokens += completion_tokens or 0
        self.unmeasured_calls += not prompt_tokens or completion_tokens is None  # no question has no tokens
