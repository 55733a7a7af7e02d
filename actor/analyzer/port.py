"""What the analyzer needs from a language model: one call, one kind of answer, one tree of errors.

An edge implements `LLM`; tests implement it by hand. Nothing here imports a client library or does IO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from events.codec import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["FORMAT_TYPE", "LLM", "PARAMETERS", "WRONG_PLACE", "Completion", "LLMError", "LLMErrorKind"]

PARAMETERS: Final = ("max_tokens", "max_completion_tokens", "temperature", "seed", "system")
"""What a request may do without. Without max_tokens it says max_completion_tokens; without the role system, the rules
stand in the first user message."""

FORMAT_TYPE: Final = "response_format.type"
"""What a server refuses that takes no schemas at all, as opposed to one that does not like this schema."""

WRONG_PLACE: Final = "check LLM_BASE, which usually ends in /v1"
"""What to do where something else than a server of chats answers."""

LLMErrorKind = Literal[
    "timeout",  # no complete answer in time; the server may have done (and billed) the work
    "connection",  # no connection: the server never saw the request
    "broken",  # the connection broke before the answer was whole; the work may have been done
    "auth",  # 401, 403: the key is wrong or may not do this
    "quota",  # 402, or a 429 that says the credit is used up
    "model",  # 404: no such model, or no such address
    "rate_limit",  # 429
    "server",  # 5xx
    "refused_format",  # the server will not take this response_format
    "refused_parameter",  # the server will not take another part of the request, which it names
    "context",  # the question is longer than the model can read
    "declined",  # the model, or a filter before or behind it, will not answer this question
    "request",  # the server refuses the request for another reason
    "malformed",  # a 2xx whose body is not a chat completion with text in it
    "votes",  # answers to the same question contradict each other
    "bug",  # of this software, in an exchange that was paid for; no server is to blame, and no edge says so
]


class Completion(Value, frozen=True, kw_only=True):
    """One answer of the model, as it came.

    Attributes:
        text: The message's content, never empty; without what the server told apart as thoughts.
        finish_reason: As the server put it ("stop", "length", …); None when it did not.
        prompt_tokens: Tokens billed for the request; None when the server did not say.
        completion_tokens: Tokens billed for the answer; None when the server did not say.
        model: The model that the server says it served.
        thought: The server told of thoughts beside the text.
        cut_off: By the finish_reason, the answer ended at a limit.
    """

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str
    thought: bool = False
    cut_off: bool = False


class LLMError(Exception):
    """A call that brought no usable completion.

    Attributes:
        reason: One line for people, without secrets.
        kind: What went wrong; decides whether a repetition can help.
        retry_after_s: Seconds the server asked to wait; None when it did not.
        prompt_tokens: Tokens billed for the request all the same; None when the server did not say.
        completion_tokens: Likewise for the answer.
        refused: With kind "refused_parameter", which of `PARAMETERS`; with "refused_format" perhaps `FORMAT_TYPE`, and
            with "server" likewise, where the server may have failed at the format.
        cut_off: The answer ended at its limit before any text came: thoughts took all the room.
        is_no_chat: What came is no completion of a chat at all: perhaps something else is at this address.
        is_empty: Nothing came at all, which any server may send once.
    """

    def __init__(
        self,
        reason: str,
        *,
        kind: LLMErrorKind,
        retry_after_s: float | None = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        refused: tuple[str, ...] = (),
        cut_off: bool = False,
        is_no_chat: bool = False,
        is_empty: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: LLMErrorKind = kind
        self.retry_after_s = retry_after_s
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.refused = refused
        self.cut_off = cut_off
        self.is_no_chat = is_no_chat
        self.is_empty = is_empty


class LLM(Protocol):
    """A served language model."""

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None,
        max_tokens: int,
        without: Collection[str] = (),
        vote: int = 0,
    ) -> Completion:
        """Make one request, without repeating it.

        Args:
            model: The model's name at the server.
            messages: Chat messages, each with "role" and "content".
            response_format: The format to demand; None demands none.
            max_tokens: Where the server is to cut the answer off.
            without: Those of `PARAMETERS` that the server does not take.
            vote: Number of the vote, from 0: each draws from a seed of its own.

        Raises:
            LLMError: Whatever went wrong outside this process.
        """
        ...

    async def aclose(self) -> None:
        """Close connections. May be called more than once."""
        ...
