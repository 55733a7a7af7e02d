"""The exchange about one post: rungs, repetitions and one repair, within one time limit; and what it cost.

It decides when to ask again, never what an answer is worth: a function handed in reads the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from actor.analyzer.answer import AnswerError
from actor.analyzer.ladder import Ladder, Rung, response_format
from actor.analyzer.port import LLMError
from actor.analyzer.prompt import ask_again
from events.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from actor.analyzer.port import LLM, Completion

__all__ = ["MAX_RETRIES", "Bill", "Conversation", "Reply"]

MAX_RETRIES: Final = 2
_RETRIED: Final = frozenset({"timeout", "connection", "broken", "rate_limit", "server"})
_BILLED: Final = frozenset({"timeout", "broken", "malformed"})  # failures for which the server may have done the work

Messages = list[dict[str, str]]
T = TypeVar("T")


@dataclass(slots=True)
class Bill:
    """What was paid so far. Kept apart from the result, because a failure or a time limit costs as well.

    Attributes:
        calls: Requests that the server worked on, or may have.
        prompt_tokens: Summed; a server that does not say counts as 0.
        completion_tokens: Summed likewise.
        answer: The last text that the model gave.
        failed_calls: Requests without a usable answer, those that cost nothing among them.
        unmeasured_calls: Of the calls, those whose tokens nobody told.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answer: str = ""
    failed_calls: int = 0
    unmeasured_calls: int = 0

    def add(self, completion: Completion) -> None:
        """Enter an answer."""
        self._add(completion.prompt_tokens or 0, completion.completion_tokens or 0)
        self.answer = completion.text

    def add_failed(self, error: LLMError) -> None:
        """Enter a request that brought no usable answer, and may have cost as much as one that did."""
        self.failed_calls += 1
        if error.kind in _BILLED:
            self._add(error.prompt_tokens or 0, error.completion_tokens or 0)

    def add_unanswered(self) -> None:
        """Enter a request that was given up while it was under way."""
        self.failed_calls += 1
        self._add(0, 0)

    def _add(self, prompt_tokens: int, completion_tokens: int) -> None:
        self.calls += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.unmeasured_calls += not (prompt_tokens or completion_tokens)


class Reply(Value, Generic[T], frozen=True, kw_only=True):
    """A usable answer, as the reader read it, and the rung that brought it."""

    content: T
    rung: Rung


class Conversation:
    """One post's exchange with one model."""

    def __init__(
        self, *, llm: LLM, model: str, ladder: Ladder, bill: Bill, deadline: float, backoff_s: float, vote: int = 0
    ) -> None:
        """Prepare an exchange.

        Args:
            llm: The model's edge.
            model: The model's name at the server.
            ladder: Shared by all exchanges.
            bill: Where costs are entered as they arise.
            deadline: The event loop's time after which no wait may end.
            backoff_s: Seconds to wait before the first repetition, doubled before the second.
            vote: Number of the vote that it casts.
        """
        self._vote = vote
        self._llm = llm
        self._model = model
        self._ladder = ladder
        self._bill = bill
        self._deadline = deadline
        self._backoff_s = backoff_s
        self._retries = 0

    async def hold(self, messages: Messages, read: Callable[[str], T]) -> Reply[T]:
        """Ask, and once more if the answer cannot be used.

        Raises:
            LLMError: No usable answer; kind "malformed" when answers came but none could be used.
        """
        try:
            return await self._ask(messages, read)
        except AnswerError as error:
            again = ask_again(messages, self._bill.answer, str(error))
        except LLMError as error:
            if error.kind != "malformed":
                raise
            again = ask_again(messages, "", "no text came")
        try:
            return await self._ask(again, read)
        except AnswerError as error:
            raise LLMError(f"the model's answer cannot be used: {error}", kind="malformed") from error

    async def _ask(self, messages: Messages, read: Callable[[str], T]) -> Reply[T]:
        completion, rung = await self._descend(messages)
        self._bill.add(completion)
        try:
            content = read(completion.text)
        except AnswerError as error:
            self._bill.failed_calls += 1
            cut = " (the server cut it off: finish_reason length)" if completion.finish_reason == "length" else ""
            raise AnswerError(f"{error}{cut}") from error
        self._ladder.prove(self._model, rung)
        return Reply(content=content, rung=rung)

    async def _descend(self, messages: Messages) -> tuple[Completion, Rung]:
        """Ask on the rung that is known to work, and further down as the server refuses formats."""
        rung = self._ladder.start(self._model)
        while True:
            try:
                return await self._persist(messages, rung), rung
            except LLMError as error:
                below = self._ladder.below(rung)
                if error.kind != "refused_format" or below is None:
                    raise
                rung = below

    async def _persist(self, messages: Messages, rung: Rung) -> Completion:
        """Ask, and again after failures that pass, as often and as long as this exchange may."""
        while True:
            try:
                return await self._llm.complete(
                    model=self._model, messages=messages, response_format=response_format(rung), vote=self._vote
                )
            except LLMError as error:
                self._bill.add_failed(error)
                wait_s = self._wait_s(error)
                if wait_s is None:
                    raise
            except Exception:
                if self._bill.calls:  # else nothing is on the bill: a crash, and whoever counts crashes counts this one
                    self._bill.add_unanswered()
                raise
            self._retries += 1
            await asyncio.sleep(wait_s)

    def _wait_s(self, error: LLMError) -> float | None:
        """Return the seconds to wait before a repetition; None when there is to be none."""
        if error.kind not in _RETRIED or self._retries >= MAX_RETRIES:
            return None
        wait_s = self._backoff_s * 2**self._retries
        if error.retry_after_s is not None:
            wait_s = max(wait_s, error.retry_after_s)
        return wait_s if wait_s < self._deadline - asyncio.get_running_loop().time() else None
