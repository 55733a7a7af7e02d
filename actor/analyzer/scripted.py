"""A language model that says what it was told to say: stands in behind `LLM` in tests and examples.

It opens no connection and never thinks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actor.analyzer.port import Completion, LLMError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Asked", "ScriptedLLM", "completion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that came in."""

    model: str
    messages: tuple[Mapping[str, str], ...]
    response_format: Mapping[str, Any] | None
    max_tokens: int
    without: tuple[str, ...] = ()
    vote: int = 0


class ScriptedLLM:
    """Gives the next line of its script for every request.

    A line is the answer's text, a whole completion, an error to raise, or seconds to wait before the line after
    it. The last line repeats for ever.

    Attributes:
        asked: The requests so far.
        closed: Whether `aclose` was called.
    """

    def __init__(self, script: Iterable[str | Completion | LLMError | float]) -> None:
        self._script = deque(script)
        self.asked: list[Asked] = []
        self.closed = False

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
        """Give the next line; see `actor.analyzer.LLM`."""
        asked = Asked(
            model=model,
            messages=tuple(messages),
            response_format=response_format,
            max_tokens=max_tokens,
            without=tuple(without),
            vote=vote,
        )
        self.asked.append(asked)
        line = self._next()
        while isinstance(line, float):
            await asyncio.sleep(line)
            line = self._next()
        if isinstance(line, LLMError):
            raise line
        return line if isinstance(line, Completion) else completion(line)

    async def aclose(self) -> None:
        """Note that it was called."""
        self.closed = True

    def _next(self) -> str | Completion | LLMError | float:
        return self._script.popleft() if len(self._script) > 1 else self._script[0]


def completion(
    text: str,
    *,
    finish_reason: str | None = "stop",
    prompt_tokens: int | None = 100,
    completion_tokens: int | None = 10,
) -> Completion:
    """Return a completion with this text."""
    return Completion(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        model="scripted",
        cut_off=finish_reason == "length",
    )
